"""Whether the API server is reached by its address: of a proxy the members tell, of https name and certificate.

Part of `address`. The operator never connects to an address that a workload has configured.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.api.v1alpha1 import delta
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration.asked import (
    CANONICAL,
    FIELD,
    Asked,
    is_looked_at,
    repairable,
    service_addresses,
)
from emqx_autocluster.emqx import apiaddress, discovery
from emqx_autocluster.emqx.apiaddress import Address
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER
from emqx_autocluster.observation import NOT_ASKED, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID


def plain_http_problem(asked: Asked) -> Iterator[Finding]:
    case, shown = asked.case, asked.shown
    members = case.membership
    if case.unreachable == case.veil.over(shown):
        yield _unreachable(shown)
        return
    if case.progressing:
        yield unknown(
            _TYPE, Reason.TARGET_PROGRESSING, f"whether discovery by {shown} works shows after the rollout"
        )
        return
    if case.is_replicant:
        if case.apart:
            yield _unreachable(shown)
            return
    elif case.workload.replicas > 1:
        if members.unseen or members.one_sided or not members.islands:
            yield unknown(
                _TYPE,
                Reason.PROBE_FAILED,
                f"whether discovery by {shown} works shows by what all members list, which is not known",
                field=FIELD,
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
        sets=CANONICAL,
        field=FIELD,
    )


def own_pod_problem(asked: Asked) -> Iterator[Finding]:
    """Of an address in the pod itself: a sidecar may answer there, if there is one."""
    case, template = asked.case, asked.case.workload.template
    if case.running:
        return
    if len(template.containers) > 1 or template.has_sidecars:
        told = f"whether a container beside EMQX answers at {asked.shown} is not known before the pods run"
        yield unknown(_TYPE, Reason.PROBE_FAILED, told, field=FIELD)
        return
    if template.host_network or not case.may_be_broken:
        where = "on the node" if template.host_network else "in the pod"
        told = f"whether anything answers at {asked.shown}, which is {where} itself, is not known"
        yield unknown(_TYPE, Reason.PROBE_FAILED, told, field=FIELD)
        return
    yield repairable(
        Reason.API_SERVER_UNREACHABLE,
        f"{discovery.API_SERVER} is {asked.shown}, which is the pod itself, and nothing but EMQX runs in it: no kubectl"
        " proxy answers there",
    )


def _unreachable(shown: str) -> Finding:
    return repairable(
        Reason.API_SERVER_UNREACHABLE,
        f"{discovery.API_SERVER} is {shown} and members that ask it do not find each other"
        " (a kubectl proxy that is gone?)",
    )


def _after_settling(case: Case, finding: Finding) -> Finding:
    young = [m.pod.name for m in case.running if case.observation.is_settling(m)]
    if young:
        return unknown(_TYPE, Reason.NODES_STARTING, f"{', '.join(young)} started a moment ago")
    return finding


def https_problem(asked: Asked, address: Address) -> Iterator[Finding]:
    if not is_looked_at(asked.case):
        also = f", nor whether its certificate names {address.host}" if asked.verified else ""
        told = f"nothing in the input tells whether {asked.shown} is an API server of this cluster{also}"
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"{told}; {CANONICAL_API_SERVER} always is", field=FIELD)
        return
    if not apiaddress.is_ip(address.host):
        unresolved = _resolution_problem(asked, address)
        if unresolved:
            yield unresolved
            return
    if asked.verified:
        yield from _certificate_problem(asked, address)
    elif _is_foreign(asked, address):
        yield repairable(
            Reason.API_SERVER_FOREIGN,
            f"{discovery.API_SERVER} is {asked.shown}, which is neither this cluster's API server by its addresses nor"
            " named in its certificate, and members that ask it do not find each other though they have their rights",
        )


def _resolution_problem(asked: Asked, address: Address) -> Finding | None:
    case, host = asked.case, address.host
    if case.progressing or not case.running:
        told = f"whether pods resolve {host} is asked once they run"
        return unknown(_TYPE, Reason.TARGET_PROGRESSING, told, field=FIELD)
    answers = [m.lookups.get(host, NOT_ASKED) for m in case.running]
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
    return repairable(
        Reason.API_SERVER_NAME_NOT_FOUND,
        f"{discovery.API_SERVER} is {asked.shown} and {host} is unknown in the pods"
        " (getent hosts finds nothing): a name that only nodes know",
    )


def _certificate_problem(asked: Asked, address: Address) -> Iterator[Finding]:
    hosts = asked.case.observation.network.certificate_hosts
    if isinstance(hosts, Unobserved):
        seen = f"whether the API server's certificate names {address.host} is not known"
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"{seen}: {hosts.reason}", field=FIELD)
    elif not hosts:
        seen = "the API server's certificate is not good for kubernetes.default.svc"
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"{seen}, so what else it names is not known", field=FIELD)
    elif address.host not in hosts:
        yield repairable(
            Reason.API_SERVER_NOT_IN_CERTIFICATE,
            f"{discovery.API_SERVER} is {asked.shown}, the API server's certificate"
            f" does not name {address.host}, and {asked.version} verifies that",
        )


def _is_foreign(asked: Asked, address: Address) -> bool:
    """Only what is certain: an address that nothing of this cluster has, and members that have their right in vain."""
    case = asked.case
    if case.unreachable == case.veil.over(asked.shown):
        return True
    network, rights = case.observation.network, case.observation.rights
    if isinstance(network.api_servers, Unobserved) or isinstance(network.certificate_hosts, Unobserved):
        return False
    own = network.api_servers | network.certificate_hosts | set(service_addresses(case))
    found = {address.host} if apiaddress.is_ip(address.host) else _looked_up(case, address.host)
    certain = bool(network.api_servers) and bool(service_addresses(case)) and bool(found)
    entitled = rights is not None and rights.allowed is True
    return certain and entitled and case.apart and address.host not in own and own.isdisjoint(found)


def _looked_up(case: Case, host: str) -> set[str]:
    answers = (m.lookups.get(host) for m in case.running)
    return {ip for found in answers if found and not isinstance(found, Unobserved) for ip in found}
