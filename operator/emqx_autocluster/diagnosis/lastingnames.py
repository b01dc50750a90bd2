"""Nodes whose names change with each restart, while their data lies on a volume that stays.

EMQX keeps its tables in a folder of the node's name: under another name it begins with empty ones. That does not depend
on how nodes look for each other, and holds for a single one. Part of RolloutSafe.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, false
from emqx_autocluster.diagnosis import volumes
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames
from emqx_autocluster.emqx import apiaddress, discovery, podwords
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.podwords import DASHED_IP, POD_IP, POD_NAME
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Member, Service, Unobserved, WorkloadKind

_TYPE = ConditionType.ROLLOUT_SAFE
_ADDRESSES = (POD_IP, DASHED_IP)
_ADDRESS, _NAME = "the pods' addresses", "the pods' own names, which a Deployment gives anew"
_OF_ONE = {_ADDRESS: "its pod's address", _NAME: "its pod's own name, which a Deployment gives anew"}
_LOOPBACK = "127.0.0.1"
_POD_NAME = "POD_NAME"


def problem(case: Case) -> Finding | None:
    changing = _changing(case) if case.settings and volumes.keep_the_tables(case) else ""
    if not case.settings or not changing or _is_doubtful(case):
        return None
    variable, cure = _cure(case, case.settings)
    named, left = f"nodes are named after {changing}", " and leaves a stale one"
    if case.workload.replicas == 1:
        named, left = f"the node is named after {_OF_ONE[changing]}", ""
    return false(
        _TYPE,
        Reason.NODE_NAME_NOT_STABLE,
        f"{named}{_seen(case)} while the data lies on a volume that outlives the pod: each restart makes a new, empty"
        f" node{left}, with its data in a folder that nobody reads; {cure} (the change itself renames)",
        field=recorded.ENV + variable,
    )


def unjudged(case: Case) -> Iterator[Unjudged]:
    members = case.observation.members
    if isinstance(members, Unobserved) and volumes.keep_the_tables(case) and _changing(case):
        yield Unjudged(_TYPE, "whether a restart renames nodes whose data stays", members.reason)


def _is_doubtful(case: Case) -> bool:
    """Whether more than the manifest may name the nodes, and no member was asked."""
    return isinstance(case.observation.members, Unobserved)


def _changing(case: Case) -> str:
    """What the names have in them that a restart changes; empty: nothing."""
    named = [member for member in case.running if member.node]
    if named:
        found = {_changing_of(case, member) for member in named}
        return found.pop() if len(found) == 1 else ""
    own = _own(case)
    return _told(case, f"{own.part}@{own.host}") if own else ""


def _changing_of(case: Case, member: Member) -> str:
    part, _, host = (member.node or "").partition("@")
    if apiaddress.is_ip(host):
        return _told(case, POD_IP)
    for word in (*_ADDRESSES, POD_NAME):
        real = podwords.of_a_pod(word, member.pod.ip or "", member.pod.name)
        if real and real in f"{part}@{host}" and _told(case, word):
            return _told(case, word)
    return ""


def _told(case: Case, name: str) -> str:
    if any(word in name for word in _ADDRESSES):
        return _ADDRESS
    of_a_deployment = case.workload.ref.kind is WorkloadKind.DEPLOYMENT
    return _NAME if POD_NAME in name and of_a_deployment else ""


def _seen(case: Case) -> str:
    own = next((member.node for member in case.running if member.node), None) or _own(case)
    return f" ({own})" if own else ""


def _own(case: Case) -> OwnName | None:
    own = ownnames.predicted(case, case.settings) if case.settings else None
    return own if isinstance(own, OwnName) else None


# --- the cure


def _cure(case: Case, settings: DiscoverySettings) -> tuple[str, str]:
    """The variable that matters most, and what to do."""
    workload = case.workload
    if workload.ref.kind is WorkloadKind.STATEFUL_SET and workload.service_name:
        return _by_host_name(case, settings, workload.service_name)
    if workload.replicas > 1:
        made = "make it anew with a serviceName" if _is_stateful(case) else "make it a StatefulSet"
        return (
            _naming(case),
            f"keep the data in the pod (emptyDir), or {made} and headless Service, and name the nodes by host name",
        )
    return _fixed(case, settings)


def _is_stateful(case: Case) -> bool:
    return case.workload.ref.kind is WorkloadKind.STATEFUL_SET


def _naming(case: Case) -> str:
    """The variable by which the host is changed."""
    own = _own(case)
    return (own.host_from if own else None) or discovery.HOST


def _fixed(case: Case, settings: DiscoverySettings) -> tuple[str, str]:
    """For a single one, which nobody looks for: any name that stays."""
    own, variable = _own(case), _naming(case)
    part = _lasting_part(case, own)
    if variable != discovery.HOST:
        return variable, f"give it one name that stays: set {variable}={part}@{_LOOPBACK}"
    host_changes = own is None or bool(_told(case, own.host))
    sets: tuple[tuple[str, str], ...] = ((variable, _LOOPBACK),) if host_changes else ()
    renamed = own is not None and part != own.part
    sets += ((discovery.NAME, part),) if renamed or (own is None and settings.generation.is_4x) else ()
    return sets[0][0], f"give it one name that stays: set {_listed(sets)}"


def _by_host_name(case: Case, settings: DiscoverySettings, service: str) -> tuple[str, str]:
    """As a StatefulSet's pods have them in DNS, and as discovery then has to look for them."""
    own, namespace = _own(case), case.workload.ref.namespace
    domain = case.observation.network.cluster_domain
    host = f"$({_POD_NAME}).{service}.{namespace}.svc.{domain}"
    by_image = own is None or own.host_from is None
    names: tuple[tuple[str, str], ...] = ()
    if not by_image or not _image_can(settings):
        variable = _naming(case)
        part = f"{_lasting_part(case, own)}@" if variable != discovery.HOST else ""
        names = ((variable, part + host),)
    looks = _looking(case, settings, service, domain, by_image=not names)
    told = f"set {_listed((*names, *looks))}"
    if names:
        told += f" ({_POD_NAME} by fieldRef metadata.name, before it in the list)"
    if not ownnames.domain_is_known(case):
        told += f", where {domain} is the cluster's domain"
    governing = case.observation.governing
    has_address = isinstance(governing, Service) and not governing.headless
    by = f"a headless one in place of Service {service}, which has a ClusterIP," if has_address else ""
    return (names or looks)[0][0], f"names by {by or f'the headless Service {service}'} stay: {told}"


def _lasting_part(case: Case, own: OwnName | None) -> str:
    """What stands before the @, as it is written in a value; `emqx` where that does not last either."""
    if own is None or podwords.differs(own.part.replace(POD_NAME, "")) or _told(case, own.part):
        return "emqx"
    return own.part.replace(POD_NAME, f"$({_POD_NAME})")


def _image_can(settings: DiscoverySettings) -> bool:
    """Whether the image names nodes after DNS by itself, with this strategy."""
    return settings.uses_k8s or (settings.uses_dns and settings.generation.names_host_by_strategy)


def _looking(
    case: Case, settings: DiscoverySettings, service: str, domain: str, *, by_image: bool
) -> tuple[tuple[str, str], ...]:
    """`by_image`: whether the image has to find them in env as well."""
    namespace, generation = case.workload.ref.namespace, settings.generation
    if settings.uses_dns:
        name = (discovery.DNS_NAME, f"{service}.{namespace}.svc.{domain}")
        given = settings.dns.asked == name[1]
        return ((generation.record_type_variable, "srv"), *(() if given else (name,)))
    if not settings.uses_k8s:
        return ()
    strategy = ((generation.strategy_variable, "k8s"),) if settings.entrypoint.strategy != "k8s" else ()
    own = ((discovery.NAMESPACE, namespace),) if settings.entrypoint.namespace != namespace else ()
    other = ((discovery.SERVICE_NAME, service),) if settings.service != service else ()
    wanted = (
        (discovery.ADDRESS_TYPE, "hostname"),
        (discovery.SUFFIX, f"svc.{domain}"),
        *other,
        *((*strategy, *own) if by_image else ()),
    )
    env = settings.entrypoint
    there = {discovery.ADDRESS_TYPE: env.address_type, discovery.SUFFIX: env.suffix}
    # Where all of it is there already, it has yet to take effect, and that is what is to be said.
    return tuple((name, value) for name, value in wanted if there.get(name) != value) or wanted


def _listed(sets: tuple[tuple[str, str], ...]) -> str:
    return " and ".join(f"{name}={value}" for name, value in sets)
