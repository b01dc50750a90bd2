"""One cluster or several: what the members' views make together, and whether anything will bring them together."""

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis import evidence
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import membership, ports
from emqx_autocluster.emqx.membership import Membership
from emqx_autocluster.observation import DiscoveryError, DiscoveryTrace, Member

_TYPE = ConditionType.CLUSTER_FORMED


def check_views(case: Case) -> Finding | None:
    seen = case.membership
    young = [m.pod.name for m in case.running if case.observation.is_settling(m)]
    if seen.unseen:
        others = f" (and of {len(seen.unseen) - 1} more)" if len(seen.unseen) > 1 else ""
        detail = membership.unreadable(seen.unseen[0]) + others
        if any(m.pod.name in young for m in seen.unseen):
            return unknown(_TYPE, Reason.NODES_STARTING, f"members are starting: {detail}")
        return unknown(_TYPE, Reason.PROBE_FAILED, f"what a member sees could not be read: {detail}")
    if seen.one_sided:
        one, other = seen.one_sided[0]
        return unknown(
            _TYPE,
            Reason.VIEWS_DIFFER,
            f"{one} lists {other} as running, {other} does not list {one}: a join or a"
            " network partition in progress",
        )
    if young and (seen.parted or len(seen.islands) > 1):
        return unknown(
            _TYPE, Reason.NODES_STARTING, f"{', '.join(young)} started a moment ago and may still join"
        )
    return _parted(case) if seen.parted else None


def _parted(case: Case) -> Finding:
    """Each is listed by those between them, so that nobody is alone, and yet the two know nothing of each other."""
    one, other = case.membership.parted[0]
    more = (
        f" (and {len(case.membership.parted) - 1} more such pairs)" if len(case.membership.parted) > 1 else ""
    )
    namespace = case.workload.ref.namespace
    return false(
        _TYPE,
        Reason.VIEWS_DIFFER,
        f"{one} and {other} do not list each other, though other members list both{more}: devices on the two do not"
        f" hear each other; find what cuts the link between these pods (port 4370), and if they still differ a minute"
        f" after it is back, restart one of them: kubectl delete pod -n {namespace} {other}",
    )


def check_split(case: Case) -> Finding | None:
    islands = case.membership.islands
    if len(islands) < 2:  # noqa: PLR2004 - one island is what is wanted
        return None
    shown = " | ".join(", ".join(m.pod.name for m in island) for island in islands)
    reason = _reason(case.membership)
    text = {
        Reason.SPLIT_BRAIN: "the members are separate clusters of two or more",
        Reason.MEMBERS_ORPHANED: "members stand alone beside a larger cluster",
        Reason.NOT_FORMED: "each member is a cluster of its own",
    }[reason]
    told = f"{len(islands)} clusters instead of one, {text}: {shown}"
    # Not where looking is only intended, by a variable that this version does not read: it looks for nobody.
    looks = case.settings is not None and not case.settings.is_meant and case.joins_at_start
    return false(_TYPE, reason, f"{told}; {_outlook(case)}" if looks else told)


def _reason(seen: Membership) -> Reason:
    larger = [island for island in seen.islands if len(island) > 1]
    if len(larger) > 1:
        return Reason.SPLIT_BRAIN
    return Reason.MEMBERS_ORPHANED if larger else Reason.NOT_FORMED


def _outlook(case: Case) -> str:
    """Whether the members still look for each other, and what makes them look again if not."""
    alone = [island[0] for island in case.membership.islands if len(island) == 1]
    if case.settings is None or not alone:
        return "clusters of two or more do not come together by themselves"
    version, generation = case.settings.version, case.settings.generation
    looking = f"EMQX {version} goes on looking, so a lone member joins by itself"
    if generation.looks_for_ever:
        return f"{looking} once its discovery works{evidence.confirmation(case, frozenset(DiscoveryError))}"
    if all(map(_fails, alone)):
        return f"while discovery fails {looking} once it works{evidence.confirmation(case, frozenset(DiscoveryError))}"
    again = "restart it, or join it to the others"
    if generation.has_discovery_command:
        pod = next(m for m in alone if not _fails(m)).pod.name
        again = f"kubectl exec {case.where(pod)} -- emqx_ctl cluster discovery enable, or a restart or a join"
    return (
        f"EMQX {version} looks no more once it has found only itself, so a lone member may never join by"
        f" itself; what makes it look again: {again}"
    )


def _fails(member: Member) -> bool:
    """Whether its discovery failed a moment ago: it is tried again until it works."""
    return isinstance(member.discovery_trace, DiscoveryTrace)


def check_messages(case: Case) -> Finding | None:
    """Members that list each other, and no message of a device crosses: those travel by a port of their own."""
    closed = [(one, other) for one in case.running for other in case.running if _is_closed(one, other)]
    if not closed:
        return None
    one, other = closed[0]
    numbered = case.settings.generation.numbers_rpc_ports if case.settings else None
    port = (
        case.container and ports.rpc_port(case.container, other.node or "", numbered=numbered)
    ) or ports.RPC
    more = f" (and {len(closed) - 1} more such ways)" if len(closed) > 1 else ""
    return false(
        _TYPE,
        Reason.RPC_PORT_CLOSED,
        f"the members list each other, but {one.pod.name} does not reach the port for messages between nodes"
        f" ({port}) of {other.pod.name}{more}: devices on different members do not hear each other; look for"
        f" a NetworkPolicy or firewall that lets 4370 through and not {port}",
    )


def _is_closed(one: Member, other: Member) -> bool:
    """A port that does not answer its own pod either is another port, or not open yet: no matter of the network."""
    name = other.pod.name
    return one.pod.name != name and one.rpc.get(name) is False and other.rpc.get(name) is True


def foreign_nodes(case: Case) -> str:
    """Running nodes of the members' cluster that no pod of the workload has, with what has them as far as known."""
    known = case.observation.strangers
    names = sorted(membership.foreign_cores(case.observation))
    return ", ".join(f"{name} ({known[name].holder})" if name in known else name for name in names)


def guests(case: Case) -> int:
    """How many replicants of other workloads stand in the members' views: they belong there."""
    known = case.observation.strangers
    return sum(1 for n in membership.foreign(case.observation) if n in known and known[n].replicant)
