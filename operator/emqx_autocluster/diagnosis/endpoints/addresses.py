"""Which addresses the Endpoints list, and which they should: those of the members, whether Ready or not."""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis import evidence
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.formation import serving
from emqx_autocluster.emqx import discovery, ports
from emqx_autocluster.observation import (
    DiscoveryError,
    EndpointAddress,
    Endpoints,
    Member,
    Pod,
    Service,
    View,
)

_TYPE = ConditionType.DISCOVERY_READY


def problems(case: Case, service: Service, endpoints: Endpoints | None) -> Iterator[Finding]:
    listed = endpoints or Endpoints(())
    if not listed.ready:
        yield _none(case, service, listed)
        return
    yield from nameless(case, service, listed)
    yield from _others(case, service, listed)


def portless(case: Case, service: Service) -> Finding | None:
    """Where the Service leads to ports by names that the pods do not have: Endpoints then leave them out.

    What Endpoints list goes before that: they may be of pods that the template did not make.
    """
    template, listed = case.workload.template, case.observation.endpoints
    has_some = isinstance(listed, Endpoints) and (listed.ready or listed.not_ready)
    own = [port for container in template.containers for port in container.ports]
    if not case.uses_k8s or template.has_sidecars or case.progressing or has_some or service.leads_to(own):
        return None
    wanted = " and ".join(sorted({f"{each.target} ({each.protocol})" for each in service.targets}))
    have = ", ".join(f"{port.name} ({port.protocol})" for port in own) or "no port with a name"
    return false(
        _TYPE,
        Reason.NO_ADDRESSES,
        f"Service {service.name} has targetPort {wanted}, a name that no container of these pods gives a port (they"
        f" have {have}): its Endpoints stay empty, and EMQX finds no peer; give targetPort a number, such as"
        f" {ports.DISTRIBUTION}, or a port of the EMQX container that name",
    )


def _none(case: Case, service: Service, listed: Endpoints) -> Finding:
    if _is_deadlock(case, service, listed):
        namespace = case.workload.ref.namespace
        return false(
            _TYPE,
            Reason.NOT_READY_NOT_PUBLISHED,
            f"no member is Ready, and Service {service.name} shows EMQX only Ready ones: if their readiness waits for"
            " the cluster, neither comes first; publish all of them (that restarts nothing): kubectl patch service"
            f' -n {namespace} {service.name} -p \'{{"spec":{{"publishNotReadyAddresses":true}}}}\'',
        )
    if case.progressing or not any(m.pod.ready for m in case.running):
        return unknown(
            _TYPE, Reason.TARGET_PROGRESSING, f"Endpoints {service.name} is empty until a pod is Ready"
        )
    return false(
        _TYPE,
        Reason.NO_ADDRESSES,
        f"Endpoints {service.name} lists no address although pods are Ready; see kubectl get endpoints"
        f" -n {case.workload.ref.namespace} {service.name}",
    )


def _is_deadlock(case: Case, service: Service, listed: Endpoints) -> bool:
    """They stand apart and run, and none is Ready for longer than a boot takes, with no reason of its own."""
    seen, hidden = case.membership, {address.ip for address in listed.not_ready}
    if service.publish_not_ready or seen.unseen or len(seen.islands) < 2:  # noqa: PLR2004 - apart
        return False
    return all(_is_kept_waiting(case, member) and member.pod.ip in hidden for member in case.running)


def _is_kept_waiting(case: Case, member: Member) -> bool:
    since, waits = member.pod.running_since, serving.waits_for_tables(member)
    old = since is not None and case.observation.at - since >= serving.BOOT
    return old and not member.pod.ready and not waits and member not in serving.half_joined(case)


def nameless(case: Case, service: Service, listed: Endpoints) -> Iterator[Finding]:
    k8s = case.settings if case.uses_k8s else None
    address_type = discovery.text(k8s.address_type) if k8s else None
    nameless = sorted(_shown(a) for a in listed.ready if not a.hostname)
    if address_type == "hostname" and nameless:
        yield false(
            _TYPE,
            Reason.HOSTNAME_MISSING,
            f"{discovery.ADDRESS_TYPE} is hostname and Endpoints {service.name} has no hostname for"
            f" {', '.join(nameless)}: only pods of a StatefulSet whose serviceName is this Service have one",
            field=f"env/{discovery.ADDRESS_TYPE}",
        )


def _others(case: Case, service: Service, listed: Endpoints) -> Iterator[Finding]:
    """Not what another address does beside them in a cluster that is whole: only what keeps members from each other."""
    if case.progressing or case.workload.replicas == 1:
        return
    published = {address.ip for address in listed.ready}
    missing = sorted(
        m.pod.name for m in case.running if _is_settled(case, m.pod) and m.pod.ip not in published
    )
    own = {m.pod.ip for m in case.observation.each_member()}
    foreign = [address for address in listed.ready if address.ip not in own]
    if not missing and not (case.apart and any(_leads_away(case, address) for address in foreign)):
        return
    parts = []
    if missing:
        parts.append(f"does not list {', '.join(missing)}, though Ready and of this workload")
    if foreign:
        parts.append(f"lists {', '.join(map(_shown, foreign))}, which no pod of this workload has")
    selector = ",".join(f"{key}={value}" for key, value in sorted(service.selector.items()))
    yield false(
        _TYPE,
        Reason.ENDPOINTS_DIFFER,
        f"Endpoints {service.name} {' and '.join(parts)}: Service {service.name} selects {selector}, which must fit"
        f" these pods and no others; see kubectl get pods -n {case.workload.ref.namespace} -l {selector}",
    )


def _is_settled(case: Case, pod: Pod) -> bool:
    """Ready for longer than the Endpoints need to follow."""
    return pod.ready and pod.ready_since is not None and case.observation.at - pod.ready_since >= serving.BOOT


def _leads_away(case: Case, address: EndpointAddress) -> bool:
    """Whether a member joined a node at that address, or the members' logs tell of peers that do not answer."""
    hosts = (address.ip, address.ip.replace(".", "-"))
    views = [m.view for m in case.running if isinstance(m.view, View)]
    hosted = (name.partition("@")[2] for view in views for name in view.running)
    joined = any(host == address.ip or host.partition(".")[0] in hosts for host in hosted)
    return joined or bool(evidence.confirmation(case, frozenset({DiscoveryError.PEERS_DEAD})))


def _shown(address: EndpointAddress) -> str:
    return address.pod or address.ip
