"""ClusterFormed: whether all members are one cluster, each of them serving."""

from collections.abc import Mapping
from dataclasses import replace

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.formation import islands, listeners, obstacles, progress, replicants, serving
from emqx_autocluster.emqx import discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.observation import Unobserved, View

_TYPE = ConditionType.CLUSTER_FORMED


def check(case: Case) -> Finding:
    if case.container is None or case.workload.replicas == 0:
        return unknown(_TYPE, Reason.INITIALIZING, "there is no member to ask")
    if isinstance(case.observation.members, Unobserved):
        return unknown(
            _TYPE, Reason.PROBE_FAILED, f"the pods could not be listed: {case.observation.members.reason}"
        )
    for ask in _OF_REPLICANTS if case.is_replicant else _OF_CORES:
        finding = ask(case)
        if finding:
            return _with_impostors(case, finding)
    return replicants.formed(case) if case.is_replicant else _formed(case)


def _formed(case: Case) -> Finding:
    count, others = len(case.membership.answering), islands.foreign_nodes(case)
    if others:
        return true(
            _TYPE,
            Reason.FOREIGN_NODES_PRESENT,
            f"all {count} members see each other and serve, and so do nodes that no pod of this workload has: {others}",
        )
    if case.workload.replicas == 1:
        return true(
            _TYPE, Reason.SINGLE_MEMBER, "the one member runs and answers; one replica needs no cluster"
        )
    guests = islands.guests(case)
    beside = f", and {guests} replicants are connected to them" if guests else ""
    return true(_TYPE, Reason.ALL_MEMBERS_CLUSTERED, f"all {count} members see each other and serve{beside}")


def licence(case: Case) -> Finding | None:
    """EMQX 5.9 and later: with the licence of the image a second running node stops the VM."""
    settings = case.settings
    alone = case.workload.replicas <= 1 and not case.is_replicant
    if settings is None or alone:
        return None
    if not settings.generation.needs_licence or settings.licensed is True:
        return None
    version = settings.version
    if isinstance(settings.licensed, Unobserved):
        seen = f"EMQX {version} needs a licence key to cluster, and whether it has one is not known"
        return unknown(_TYPE, Reason.PROBE_FAILED, f"{seen}: {settings.licensed.reason}")
    return false(
        _TYPE,
        Reason.LICENSE_MISSING,
        f"EMQX {version} with {_nodes(case)} and {_key(settings)}: the licence in the image"
        f" allows one node, and clustered nodes would crash-loop; set a licence key{_fewer(case)}",
    )


def _nodes(case: Case) -> str:
    if case.is_replicant:
        return "role replicant (one core and one replicant are two nodes)"
    return f"{case.workload.replicas} replicas"


def _fewer(case: Case) -> str:
    """Replicants are never alone."""
    return "" if case.is_replicant else ", or one replica"


def _key(settings: DiscoverySettings) -> str:
    """Of the two that there are for one node: none, and the word for the one in the image."""
    given = discovery.text(settings.reader.read(discovery.LICENSE, None))
    return f"{discovery.LICENSE}={given}" if given else f"no {discovery.LICENSE}"


def _missing(case: Case) -> Finding | None:
    down, wanted = case.membership.down, case.workload.replicas
    present = len(case.running)
    if not down and present >= wanted:
        return None
    detail = "; ".join(obstacles.state(m.pod) for m in down) or "no more pods were made"
    ref = case.workload.ref
    look = (
        obstacles.where_to_look(case, down[0].pod) if down else f"kubectl describe -n {ref.namespace} {ref}"
    )
    return false(_TYPE, Reason.MEMBERS_MISSING, f"{present} of {wanted} members run ({detail}); see {look}")


def _impostors(case: Case) -> Finding | None:
    """They are asked nothing and joined by nobody, but their labels may lead clients and members to them."""
    found = case.observation.impostors
    if not found:
        return None
    ref = case.workload.ref
    name = next(iter(found))
    return false(
        _TYPE,
        Reason.FOREIGN_POD_PRESENT,
        f"{_named(found)}, so that it is not taken for a member, yet has the labels of one and may be sent its clients;"
        f" see who made it: kubectl get pod -n {ref.namespace} {name} -o yaml --show-managed-fields",
    )


def _with_impostors(case: Case, finding: Finding) -> Finding:
    """Whatever else is wrong, they are named beside it."""
    found = case.observation.impostors
    if not found or finding.reason is Reason.FOREIGN_POD_PRESENT:
        return finding
    return replace(finding, message=f"{finding.message}; {_named(found)}")


def _named(impostors: Mapping[str, str]) -> str:
    (name, why), *more = impostors.items()
    others = f" (and {len(more)} more)" if more else ""
    return f"pod {name} says that it belongs to this workload and does not: {why}{others}"


def clustered(case: Case) -> int | None:
    """How many members are in the largest island and Ready; None while that is not known."""
    seen = case.membership
    if case.is_replicant:
        return replicants.connected(case)
    if seen.unseen or isinstance(case.observation.members, Unobserved):
        return None
    if not seen.islands:
        return 0
    return sum(1 for m in seen.islands[0] if m.pod.ready and isinstance(m.view, View))


_OF_CORES = (
    licence,
    serving.check_half_joined,
    progress.check,
    islands.check_views,
    islands.check_split,
    _missing,
    serving.check,
    listeners.check,
    islands.check_messages,
    _impostors,
)
_OF_REPLICANTS = (
    licence,
    replicants.check_awaited,
    progress.check,
    replicants.check_views,
    replicants.check_gone,
    replicants.check_split,
    _missing,
    serving.check,
    listeners.check,
    _impostors,
)
"""What is asked of each, in this order."""
