"""The guards of mode Heal: an ordered list of reasons not to act on damage now, each told with its verdict.

`cluster join` wipes the node that joins, `force-leave` of a name that comes back corrupts it, and a restart drops every
device: a careless healer is worse than none. So an action passes all of these, or is not taken. What also holds for
every repair (accepted, licence, mode, paused, a rollout) is in the gate before them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from emqx_autocluster.api.annotations import QUARANTINE
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.api.v1alpha1 import Done, Suspect, delta
from emqx_autocluster.diagnosis import Case, Findings
from emqx_autocluster.diagnosis.formation import serving
from emqx_autocluster.emqx import membership
from emqx_autocluster.emqx.environment import text
from emqx_autocluster.healing import seed, suspects
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.steps import Action, Step, Verdict
from emqx_autocluster.observation import Identity, Member, Unobserved

INTERRUPTING = frozenset({Action.JOIN_CLUSTER, Action.ENABLE_DISCOVERY, Action.EVICT_POD})
"""What disconnects devices; names that are removed disconnect nobody, and are not counted."""
HOUR = timedelta(hours=1)
_CAUSES = (
    ConditionType.CONFIGURATION_VALID,
    ConditionType.RBAC_READY,
    ConditionType.DISCOVERY_READY,
    ConditionType.DNS_HEALTHY,
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The step that is due, and what it is for."""

    step: Step
    suspect: Suspect | None


def verdicts(case: Case, findings: Findings, memory: Memory, proposal: Proposal) -> tuple[Verdict, ...]:
    """Of all guards in their order, up to the first that refuses."""
    told: list[Verdict] = []
    for name, guard in _GUARDS:
        told.append(Verdict(name, guard(case, findings, memory, proposal)))
        if told[-1].refusal:
            break
    return tuple(told)


Guard = Callable[[Case, Findings, Memory, Proposal], str | None]


def _facts(case: Case, findings: Findings, _memory: Memory, proposal: Proposal) -> str | None:
    """Nothing is done on what is not known."""
    seen = case.membership
    if seen.unseen:
        return f"what a member sees could not be read: {membership.unreadable(seen.unseen[0])}"
    if seen.one_sided:
        lists, listed = seen.one_sided[0]
        return f"{lists} lists {listed}, which does not list it: a partition comes or goes"
    if seen.parted:
        one, other = seen.parted[0]
        return f"{one} and {other} do not list each other, and others list both: a link between them is cut"
    if proposal.step.action is Action.FORCE_LEAVE:
        holders = case.observation.holders
        if isinstance(holders, Unobserved):
            return f"whether another workload has that name could not be read: {holders.reason}"
        return None
    unknown = next((findings[kind] for kind in _CAUSES if findings[kind].status is Status.UNKNOWN), None)
    return f"{unknown.type} is Unknown: {unknown.message}" if unknown else None


def _young(case: Case, _findings: Findings, _memory: Memory, _proposal: Proposal) -> str | None:
    """A node that boots is alone until it has looked for its peers."""
    young = next((m for m in case.running if case.observation.is_settling(m)), None)
    return f"{young.pod.name} has just started" if young else None


def _tables(case: Case, _findings: Findings, _memory: Memory, _proposal: Proposal) -> str | None:
    return serving.waiting_for_tables(case) or None


def _complete(case: Case, _findings: Findings, _memory: Memory, proposal: Proposal) -> str | None:
    """A pod that is still to come may get the address, and with it the name, of one that is gone."""
    if proposal.step.action is not Action.FORCE_LEAVE:
        return None
    pods = [m.pod for m in case.observation.each_member()]
    going = next((pod for pod in pods if pod.deleting or not pod.running), None)
    if going is not None:
        return f"{going.name} is not running, and the next pod may get a name that is to be removed"
    missing = case.workload.replicas - len(pods)
    return (
        f"{missing} pods are still to come, and may get a name that is to be removed" if missing > 0 else None
    )


def _ripe(case: Case, _findings: Findings, _memory: Memory, proposal: Proposal) -> str | None:
    suspect = proposal.suspect
    if suspect is None:
        return f"{proposal.step.subject} is no damage: it belongs to the cluster that stays"
    if suspects.is_ripe(case, suspect):
        return None
    if suspect.looks < suspects.LOOKS:
        return f"seen in {suspect.looks} looks so far, and {suspects.LOOKS} are needed"
    due = suspects.ripe_at(case, suspect)
    return f"seen since {suspect.since:%H:%M:%S} UTC; it is acted upon if it lasts until {due:%H:%M:%S} UTC"


def _cause(case: Case, findings: Findings, _memory: Memory, proposal: Proposal) -> str | None:
    """The cause before its symptom: a member that is joined today is lost again at its next restart."""
    if proposal.step.action is Action.FORCE_LEAVE:
        return None
    broken = next((f for kind in _CAUSES if (f := findings[kind]).bad and not _is_by_hand(case, f)), None)
    return f"{broken.reason} has to be put right first: {broken.message}" if broken else None


def _is_by_hand(case: Case, finding: Finding) -> bool:
    """With strategy manual nothing looks for peers, ever: to be joined is the only way to become one cluster."""
    strategy = text(case.settings.strategy) if case.settings else None
    return finding.reason is Reason.STRATEGY_UNSUITABLE and strategy == "manual"


def _quarantine(case: Case, _findings: Findings, _memory: Memory, proposal: Proposal) -> str | None:
    member = member_of(case, proposal.step)
    if member is None or QUARANTINE not in member.pod.annotations:
        return None
    return f"{member.pod.name} carries the annotation {QUARANTINE}; remove it to let it be healed"


def _company(case: Case, _findings: Findings, _memory: Memory, proposal: Proposal) -> str | None:
    """Whoever is told to go must leave somebody who serves, and nobody of another workload."""
    if proposal.step.action not in INTERRUPTING:
        return None
    member = member_of(case, proposal.step)
    other = membership.company(member, membership.foreign_cores(case.observation)) if member else None
    if member and other:
        return f"{member.pod.name} is in one cluster with {other}, which no pod of {case.workload.ref} has"
    stays = seed.staying(case) or case.membership.answering
    serve = [m for m in stays if m.pod.ready and (member is None or m.pod.uid != member.pod.uid)]
    return None if serve else "no other member of the cluster that stays is Ready"


def _versions(case: Case, _findings: Findings, _memory: Memory, proposal: Proposal) -> str | None:
    """Nodes of two major versions cannot be one cluster."""
    if proposal.step.action not in {Action.JOIN_CLUSTER, Action.ENABLE_DISCOVERY}:
        return None
    versions = {m.identity.version for m in case.running if isinstance(m.identity, Identity)}
    majors = sorted({version.partition(".")[0] for version in versions if version})
    return (
        f"the members run different major versions of EMQX: {', '.join(majors)}" if len(majors) > 1 else None
    )


def _cool(case: Case, _findings: Findings, memory: Memory, proposal: Proposal) -> str | None:
    last = next((d for d in reversed(memory.history) if d.action in INTERRUPTING), None)
    if last is None or proposal.step.action not in INTERRUPTING:
        return None
    due = last.time + delta(case.spec.healing.cool_down)
    if case.observation.at >= due:
        return None
    done = f"{last.action} {last.subject} was done at {last.time:%H:%M:%S} UTC"
    return f"{done}, and nothing else is done until {due:%H:%M:%S} UTC"


def _often(case: Case, _findings: Findings, memory: Memory, proposal: Proposal) -> str | None:
    if proposal.step.action not in INTERRUPTING:
        return None
    recent = [d for d in memory.history if _counts(d) and case.observation.at - d.time < HOUR]
    most = case.spec.healing.actions_per_hour
    if len(recent) < most:
        return None
    until = f" until {recent[-most].time + HOUR:%H:%M:%S} UTC" if most else ""
    return f"spec.healing.actionsPerHour allows {most} actions an hour: nothing else is done{until}"


def _counts(done: Done) -> bool:
    return done.action in INTERRUPTING


def _fleet(_case: Case, _findings: Findings, memory: Memory, proposal: Proposal) -> str | None:
    """Where many workloads break at once a node or a zone went away: it may come back, and most heals by itself."""
    if proposal.step.action not in INTERRUPTING or memory.fleet is None:
        return None
    return memory.fleet


def member_of(case: Case, step: Step) -> Member | None:
    """Whom the step is about; None: a name without a pod."""
    return next((m for m in case.observation.each_member() if f"Pod/{m.pod.name}" == step.subject), None)


_GUARDS: tuple[tuple[str, Guard], ...] = (
    ("FactsKnown", _facts),
    ("NothingStarting", _young),
    ("NoTablesAwaited", _tables),
    ("AllPodsRunning", _complete),
    ("SeenLongEnough", _ripe),
    ("CauseMended", _cause),
    ("NotQuarantined", _quarantine),
    ("OthersServe", _company),
    ("SameMajorVersion", _versions),
    ("CooledDown", _cool),
    ("BelowHourlyLimit", _often),
    ("FleetCalm", _fleet),
)
NAMES = tuple(name for name, _ in _GUARDS)
"""In the order in which they are asked."""
