"""ConfigurationValid: whether the discovery settings can work at all on this version of EMQX."""

from collections.abc import Iterator
from dataclasses import dataclass

from emqx_autocluster import discovery, membership
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.discovery import Address, DiscoverySettings
from emqx_autocluster.emqx_versions import CANONICAL_API_SERVER
from emqx_autocluster.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.observation import Unobserved
from emqx_autocluster.v1alpha1 import delta

_TYPE = ConditionType.CONFIGURATION_VALID


def check(case: Case) -> Finding:
    settings = case.settings
    if settings is None:
        return unknown(_TYPE, Reason.INITIALIZING, "there is no EMQX container to read settings from")
    if isinstance(settings.strategy, Unobserved):
        reason = Reason.VERSION_UNKNOWN if settings.version is None else Reason.SETTING_UNREADABLE
        return unknown(_TYPE, reason, settings.strategy.reason)
    if not settings.uses_k8s:
        return _other_strategy(case, settings)
    return next(
        iter(problems(case)),
        true(
            _TYPE,
            Reason.CONFIGURATION_ACCEPTED,
            f"EMQX asks {_shown(settings)} for endpoints/{discovery.text(settings.service_name)}",
        ),
    )


def problems(case: Case) -> tuple[Finding, ...]:
    """All that is wrong with settings of strategy k8s, or could not be read; the condition tells the first."""
    if case.settings is None or not case.uses_k8s:
        return ()
    # What only the user can put right is told first: without it a rewrite would be a restart for nothing.
    found = _problems(case, case.settings)
    return tuple(sorted(found, key=lambda finding: (finding.repairable, not finding.bad)))


def _other_strategy(case: Case, settings: DiscoverySettings) -> Finding:
    strategy = discovery.text(settings.strategy)
    if strategy in {"manual", "singleton"} and case.workload.replicas > 1:
        variable = settings.generation.strategy_variable if settings.generation else ""
        return false(
            _TYPE,
            Reason.STRATEGY_UNSUITABLE,
            f"the discovery strategy is {strategy} with {case.workload.replicas} replicas: they never look for"
            f" each other; set {variable}=k8s on EMQX {settings.version}",
        )
    return true(
        _TYPE,
        Reason.NOT_APPLICABLE,
        f"strategy {strategy} does not ask the API server; membership is still verified",
    )


def _problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    for setting in (settings.service_name, settings.namespace, settings.api_server):
        if isinstance(setting, Unobserved):
            yield unknown(_TYPE, Reason.SETTING_UNREADABLE, setting.reason)
    if not isinstance(settings.service_name, Unobserved) and settings.service_name.value is None:
        yield false(
            _TYPE,
            Reason.SERVICE_NAME_MISSING,
            f"{discovery.SERVICE_NAME} is not set and EMQX {settings.version} has no default for it;"
            " set it to the Service that selects these pods",
        )
    yield from _namespace_problem(case, settings)
    if not isinstance(settings.api_server, Unobserved):
        yield from _address_problem(_AddressCase(case, settings, settings.api_server.value))


def _namespace_problem(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    namespace, own = discovery.text(settings.namespace), case.workload.ref.namespace
    if namespace is not None and namespace != own:
        yield false(
            _TYPE,
            Reason.NAMESPACE_MISMATCH,
            f"{discovery.NAMESPACE} is {namespace} and the pods live in {own}: EMQX asks for the Endpoints of"
            f" another namespace; set {discovery.NAMESPACE}={own}",
        )


@dataclass(frozen=True, slots=True)
class _AddressCase:
    case: Case
    settings: DiscoverySettings
    value: str | None

    @property
    def version(self) -> str:
        return f"EMQX {self.settings.version or '(version unknown)'}"


def _address_problem(address_case: _AddressCase) -> Iterator[Finding]:
    value = address_case.value
    if value is None:
        yield _repairable(
            Reason.API_SERVER_MISSING,
            f"{discovery.API_SERVER} is not set and {address_case.version} has no default that works",
        )
        return
    address = discovery.parse_address(value)
    if address is None:
        yield _repairable(
            Reason.API_SERVER_MALFORMED,
            f'{discovery.API_SERVER} is "{discovery.redacted(value)}", which is no http(s) URL',
        )
    elif address.scheme == "http":
        yield from _plain_http_problem(address_case, address)
    elif not is_the_service(address_case.case, address):
        yield from _https_problem(address_case, address)


def asks_a_proxy(case: Case, finding: Finding) -> bool:
    """Whether EMQX asks through a plain-http proxy that is left alone: then the proxy's rights count, not the pods'."""
    value = discovery.text(case.settings.api_server) if case.settings else None
    address = discovery.parse_address(value) if value else None
    return address is not None and address.scheme == "http" and not (finding.bad and finding.repairable)


def is_the_service(case: Case, address: Address) -> bool:
    """Whether the address is an equivalent spelling of https://kubernetes.default.svc:443."""
    network = case.observation.network
    if address.scheme != "https" or address.port != 443:  # noqa: PLR2004 - the port of the Service
        return False
    if address.host == "kubernetes":
        return case.workload.ref.namespace == "default"
    if discovery.names_the_service(address.host, network.cluster_domain):
        return True
    answer = network.dns.get(service_fqdn(network.cluster_domain))
    return answer is not None and not isinstance(answer, Unobserved) and address.host in answer.addresses


def service_fqdn(cluster_domain: str) -> str:
    return f"kubernetes.default.svc.{cluster_domain}."


def _plain_http_problem(address_case: _AddressCase, address: Address) -> Iterator[Finding]:
    case, shown = address_case.case, discovery.redacted(address_case.value or "")
    if discovery.is_loopback(address.host):
        return  # a sidecar proxy in the pod itself
    members = case.membership
    if case.unreachable == shown:
        yield _unreachable(shown)
        return
    if case.progressing:
        yield unknown(
            _TYPE, Reason.TARGET_PROGRESSING, f"whether discovery by {shown} works shows after the rollout"
        )
        return
    if case.workload.replicas > 1:
        if members.unseen or members.one_sided or not members.islands:
            yield unknown(
                _TYPE,
                Reason.PROBE_FAILED,
                f"whether discovery by {shown} works is not known: no views of all members",
            )
            return
        if len(members.islands) > 1:
            yield _after_settling(case, _unreachable(shown))
            return
    yield false(
        _TYPE,
        Reason.PLAIN_HTTP_API_SERVER,
        f"{discovery.API_SERVER} is {shown}: plain HTTP through a proxy, on which every restart of a member"
        f" depends; it is left alone while the cluster is whole; better is {CANONICAL_API_SERVER}",
    )


def _unreachable(shown: str) -> Finding:
    return _repairable(
        Reason.API_SERVER_UNREACHABLE,
        f"{discovery.API_SERVER} is {shown} and members that ask it do not find each other"
        " (a kubectl proxy that is gone?)",
    )


def _after_settling(case: Case, finding: Finding) -> Finding:
    young = [m.pod.name for m in case.running if membership.is_settling(m, case.observation.at)]
    if young:
        return unknown(_TYPE, Reason.NODES_STARTING, f"{', '.join(young)} started a moment ago")
    return finding


def _https_problem(address_case: _AddressCase, address: Address) -> Iterator[Finding]:
    if not discovery.is_ip(address.host):
        unresolved = _resolution_problem(address_case, address)
        if unresolved:
            yield unresolved
            return
    yield from _certificate_problem(address_case, address)


def _resolution_problem(address_case: _AddressCase, address: Address) -> Finding | None:
    case, host = address_case.case, address.host
    if case.progressing or not case.running:
        return unknown(
            _TYPE, Reason.TARGET_PROGRESSING, f"whether pods resolve {host} is asked once they run"
        )
    answers = [m.lookups.get(host, Unobserved("not asked")) for m in case.running]
    failed = next((a for a in answers if isinstance(a, Unobserved)), None)
    if failed:
        return unknown(
            _TYPE, Reason.PROBE_FAILED, f"whether pods resolve {host} is not known: {failed.reason}"
        )
    if all(answers):
        return None
    if any(answers):
        return unknown(_TYPE, Reason.PROBE_FAILED, f"{host} resolves in some of the pods and not in others")
    grace = delta(case.spec.dns.negative_grace)
    if any(m.pod.running_since and case.observation.at - m.pod.running_since < grace for m in case.running):
        return unknown(
            _TYPE,
            Reason.NEGATIVE_ANSWER_RECENT,
            f"{host} does not resolve in the pods yet; they are younger than {case.spec.dns.negative_grace}",
        )
    return _repairable(
        Reason.API_SERVER_NAME_NOT_FOUND,
        f"{discovery.API_SERVER} is {discovery.redacted(address_case.value or '')} and {host} is unknown in the pods"
        " (getent hosts finds nothing): a name that only nodes know",
    )


def _certificate_problem(address_case: _AddressCase, address: Address) -> Iterator[Finding]:
    generation = address_case.settings.generation
    hosts = address_case.case.observation.network.certificate_hosts
    if generation is None or not generation.verifies_certificate:
        return
    if isinstance(hosts, Unobserved):
        seen = f"whether the API server's certificate names {address.host} is not known"
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"{seen}: {hosts.reason}")
    elif address.host not in hosts:
        yield _repairable(
            Reason.API_SERVER_NOT_IN_CERTIFICATE,
            f"{discovery.API_SERVER} is {discovery.redacted(address_case.value or '')}, the API server's certificate"
            f" does not name {address.host}, and {address_case.version} verifies that",
        )


def _repairable(reason: Reason, seen: str) -> Finding:
    return false(_TYPE, reason, f"{seen}; it should be {CANONICAL_API_SERVER}", repairable=True)


def _shown(settings: DiscoverySettings) -> str:
    return discovery.redacted(discovery.text(settings.api_server) or "")
