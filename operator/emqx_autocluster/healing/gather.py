"""Gather: strays join the seed island at run time, while the old pods live, before anything restarts.

It needs no API access, so it comes before rights: granting rights first lets every lone node's retry
loop choose for itself. `cluster join` wipes the joiner, so which island is the seed is decided with care.
"""

from collections.abc import Sequence

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, Findings, configuration
from emqx_autocluster.diagnosis.formation.serving import half_joined, waits_for_tables
from emqx_autocluster.emqx import membership
from emqx_autocluster.healing import gate
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.seed import Island, choose
from emqx_autocluster.healing.steps import Action, Hold, Step, join
from emqx_autocluster.observation import Member, Unobserved

_TRIES = 2


def is_early(case: Case) -> bool:
    """Whether all that is in doubt is a name that no pod resolves: it may only be too early to say that none will.

    Joins depend on no name, no right and no address, and members that certainly stand apart do not wait for that.
    """
    doubts = [p for p in configuration.problems(case) if p.bad or p.status is Status.UNKNOWN]
    return bool(doubts) and all(map(is_young, doubts)) and case.apart and case.workload.strategy != "Recreate"


def is_young(finding: Finding) -> bool:
    return finding.reason is Reason.NEGATIVE_ANSWER_RECENT


def steps(case: Case, findings: Findings, memory: Memory) -> tuple[tuple[Step, ...], Hold | None]:
    """The joins that make one island, in order; a Hold where that is not known or not ours to decide."""
    if case.is_replicant:
        return (), None  # it finds its cores by itself, and a join would keep it from that for good
    hold = _unknown(case, findings)
    if hold or len(case.membership.islands) < 2:  # noqa: PLR2004 - one island is what is wanted
        return (), hold
    hold = _role_unknown(case)
    if hold:
        return (), hold
    seed = choose(case, rolled=memory.rolled)
    if isinstance(seed, Hold):
        return (), seed
    hold = _in_company(case, seed) or _waiting(case, seed)
    if hold:
        return (), hold
    return _in_order(case, _joins(case, seed), memory)


def _unknown(case: Case, findings: Findings) -> Hold | None:
    """Joining needs every running member's view."""
    formed = findings[ConditionType.CLUSTER_FORMED]
    if formed.status is Status.UNKNOWN and (case.running or isinstance(case.observation.members, Unobserved)):
        return gate.from_finding(formed)
    if case.membership.unseen:
        detail = "; ".join(membership.unreadable(m) for m in case.membership.unseen)
        return Hold(Reason.PROBE_FAILED, f"what a member sees could not be read: {detail}")
    return None


def _role_unknown(case: Case) -> Hold | None:
    """On a replicant a join succeeds, and pins it to one core."""
    role = case.settings.role if case.settings else None
    if not isinstance(role, Unobserved):
        return None
    return Hold(
        Reason.SETTING_UNREADABLE,
        f"whether these nodes are cores is not known, and a replicant must never be joined: {role.reason}",
        ConditionType.CLUSTER_FORMED,
    )


def _in_company(case: Case, seed: Island) -> Hold | None:
    """One that is in a cluster with members of another workload may be the only one that is where it belongs."""
    others = membership.foreign_cores(case.observation)
    found = ((m, membership.company(m, others)) for m in _strays(case, seed))
    member, other = next(((m, other) for m, other in found if other), (None, None))
    if member is None:
        return None
    return Hold(
        Reason.SEED_NEEDED,
        f"{member.pod.name} is in one cluster with {other}, which no pod of {case.workload.ref} has, and a join"
        f" would take it from there: name {member.pod.name} in spec.repair.seed to have the others join it",
    )


def _waiting(case: Case, seed: Island) -> Hold | None:
    """A lone member that is not Ready may wait for its peers to load its tables: a join would wipe them."""
    member = next((m for m in _strays(case, seed) if not m.pod.ready and m not in half_joined(case)), None)
    if member is None:
        return None
    if waits_for_tables(member):
        return Hold(
            Reason.WAITING_FOR_TABLES, f"{member.pod.name} waits for its tables, which a join would wipe"
        )
    return Hold(
        Reason.MEMBER_NOT_READY,
        f"{member.pod.name} is not Ready and may be waiting for its tables, which a join would wipe; see kubectl logs"
        f" {case.where(member.pod.name)}",
    )


def _strays(case: Case, seed: Island) -> list[Member]:
    return [m for m in case.membership.answering if m not in seed]


def _joins(case: Case, seed: Island) -> list[Step]:
    container = case.container
    target = min(seed, key=lambda m: (not m.pod.ready, m.pod.created, m.pod.name))
    why = "the larger cluster" if len(seed) > 1 else "the seed"
    return [
        join(case.workload.ref, m.pod, container.name, target.node, why)
        for m in _strays(case, seed)
        if container and target.node
    ]


def _in_order(case: Case, joins: Sequence[Step], memory: Memory) -> tuple[tuple[Step, ...], Hold | None]:
    """Who could not be joined comes last, and keeps the others waiting no longer; then it is held."""
    failed = [step for step in joins if _tries(case, step, memory) >= _TRIES]
    going = [step for step in joins if step not in failed]
    hold = _failed(case, failed[0], memory) if failed and not going else None
    return (*going, *failed), hold


def _tries(case: Case, step: Step, memory: Memory) -> int:
    attempt = memory.attempt(Action.JOIN_CLUSTER, step.subject, case)
    return attempt.count if attempt else 0


def _failed(case: Case, step: Step, memory: Memory) -> Hold:
    attempt = memory.attempt(Action.JOIN_CLUSTER, step.subject, case)
    said = attempt.message if attempt else ""
    return Hold(
        Reason.JOIN_FAILED,
        f"{step.subject} was joined {_tries(case, step, memory)} times and still stands apart, EMQX said: {said};"
        f" nothing is restarted until it works by hand: {step.command}",
    )
