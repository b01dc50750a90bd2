"""ClusterFormed: whether all members are one cluster, each of them serving."""

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.formation import islands, obstacles, progress, serving
from emqx_autocluster.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.observation import Unobserved, View

_TYPE = ConditionType.CLUSTER_FORMED


def check(case: Case) -> Finding:
    if case.container is None or case.workload.replicas == 0:
        return unknown(_TYPE, Reason.INITIALIZING, "there is no member to ask")
    if isinstance(case.observation.members, Unobserved):
        return unknown(
            _TYPE, Reason.PROBE_FAILED, f"the pods could not be listed: {case.observation.members.reason}"
        )
    for ask in (
        licence,
        serving.check_half_joined,
        progress.check,
        islands.check_views,
        islands.check_split,
        _missing,
        serving.check,
        islands.check_messages,
    ):
        finding = ask(case)
        if finding:
            return finding
    return _formed(case)


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
    return true(_TYPE, Reason.ALL_MEMBERS_CLUSTERED, f"all {count} members see each other and serve")


def licence(case: Case) -> Finding | None:
    """EMQX 5.9 and later: with the licence of the image a second running node stops the VM."""
    settings = case.settings
    if settings is None or settings.generation is None or case.workload.replicas <= 1:
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
        f"EMQX {version} with {case.workload.replicas} replicas and no EMQX_LICENSE__KEY: the licence in the image"
        " allows one node, and clustered nodes would crash-loop; set a licence key, or one replica",
    )


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


def clustered(case: Case) -> int | None:
    """How many members are in the largest island and Ready; None while that is not known."""
    seen = case.membership
    if seen.unseen or isinstance(case.observation.members, Unobserved):
        return None
    if not seen.islands:
        return 0
    return sum(1 for m in seen.islands[0] if m.pod.ready and isinstance(m.view, View))
