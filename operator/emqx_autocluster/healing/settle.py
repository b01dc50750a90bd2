"""Settle and clear: what is left after the rollout of a repair, until it is one cluster without old names."""

from collections.abc import Collection, Iterator
from datetime import timedelta

from emqx_autocluster.api.annotations import Mode
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.api.v1alpha1 import Procedure, delta
from emqx_autocluster.diagnosis import Case, Findings, volumes
from emqx_autocluster.diagnosis.formation import serving
from emqx_autocluster.emqx import apiaddress, membership
from emqx_autocluster.healing import gather
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.steps import (
    Action,
    EnableDiscovery,
    Evict,
    ForceLeave,
    Hold,
    Step,
    exec_command,
    force_leave,
    join,
    kubectl,
)
from emqx_autocluster.observation import Member, Unobserved

_TRIES = 2
_OWN_LOOP = timedelta(seconds=60)
"""EMQX's own discovery loop gets this long before a new member that is alone is helped."""


def half_joined(case: Case, memory: Memory) -> tuple[tuple[Step, ...], Hold | None]:
    """Puts a half-joined member right: asks it to discover again; one that hangs in its join is evicted."""
    for member in serving.half_joined(case):
        step = _cure(case, member, memory)
        return ((step,), None) if isinstance(step, Step) else ((), step)
    return (), None


def _cure(case: Case, member: Member, memory: Memory) -> Step | Hold:
    subject = f"Pod/{member.pod.name}"
    for action in (Action.ENABLE_DISCOVERY, Action.JOIN_CLUSTER):
        attempt = memory.attempt(action, subject, case)
        if attempt is None:
            continue
        if case.observation.at - attempt.time < delta(case.spec.repair.half_joined_after):
            return Hold(Reason.NODES_STARTING, f"{member.pod.name} was asked to join again a moment ago")
        return _eviction(case, member, memory)
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return Hold(
            Reason.VERSION_UNKNOWN, f"what {member.pod.name} can be asked depends on its version, not known"
        )
    why = "it is half-joined"
    return _ask_again(case, member, why) or _join_again(case, member, why) or _eviction(case, member, memory)


def _ask_again(case: Case, member: Member, why: str) -> Step | None:
    """`discovery enable`, where the version has it."""
    settings, container = case.settings, case.container
    if container is None or settings is None or not case.discovers:
        return None
    if not settings.version.agree(lambda generation: generation.has_discovery_command):
        return None
    argv = ("emqx_ctl", "cluster", "discovery", "enable")
    return Step(
        Action.ENABLE_DISCOVERY,
        f"Pod/{member.pod.name}",
        f"let {member.pod.name} look for its peers again: {why}",
        exec_command(case.workload.ref, member.pod.name, container.name, *argv),
        EnableDiscovery(member.pod.name, container.name),
    )


def _join_again(case: Case, member: Member, why: str) -> Step | Hold | None:
    """A join to the oldest member that serves, in the largest cluster."""
    unseen = [m for m in case.membership.unseen if m.pod.uid != member.pod.uid]
    if unseen:
        detail = membership.unreadable(unseen[0])
        return Hold(Reason.PROBE_FAILED, f"whom {member.pod.name} shall join is not known: {detail}")
    others = [[m for m in i if m.pod.ready and m.pod.uid != member.pod.uid] for i in case.membership.islands]
    serving = next((island for island in others if island), None)
    if serving is None or case.container is None:
        return None
    target = min(serving, key=lambda m: (m.pod.created, m.pod.name))
    return join(case.workload.ref, member.pod, case.container.name, target.node or "", why)


def _eviction(case: Case, member: Member, memory: Memory) -> Step | Hold:
    why_not = _not_to_be_evicted(case, member, memory)
    if why_not:
        return Hold(
            Reason.MEMBER_HALF_JOINED,
            f"{member.pod.name} hangs in a join and only a new pod helps; it is not evicted, since {why_not}: "
            + kubectl(case.workload.ref, "delete", "pod", member.pod.name),
        )
    return evict(case, member, "which hangs in its join: only a new pod helps")


def _not_to_be_evicted(case: Case, member: Member, memory: Memory) -> str | None:
    """It serves nobody, so healing may let it go where no volume outlives it, or where the user allows it.

    Not a repair, in whatever mode: its steps do not pass the guards.
    """
    heals = case.options.mode is Mode.HEAL and (memory.heals or memory.procedure is None)
    if heals and "EvictPod" in case.spec.healing.actions:
        return None
    made_by_us = memory.procedure is not None and member.pod.created >= memory.procedure.started_at
    if not made_by_us and not heals:
        return "it is older than this repair"
    return "it has data on a volume" if volumes.outlive_the_pod(case) else None


def evict(case: Case, member: Member, why: str) -> Step:
    """By the Eviction API, within what a PodDisruptionBudget allows."""
    pod = member.pod
    return Step(
        Action.EVICT_POD,
        f"Pod/{pod.name}",
        f"evict {pod.name}, {why}",
        kubectl(case.workload.ref, "delete", "pod", pod.name),
        Evict(pod.name, pod.uid),
    )


def strays(case: Case, findings: Findings, memory: Memory) -> tuple[tuple[Step, ...], Hold | None]:
    """After the rollout: new members that stayed alone."""
    joins, hold = gather.steps(case, findings, memory)
    if hold or not joins:
        return joins, hold
    waiting = [m for m in _alone(case) if _in_own_loop(case, m)]
    if waiting:
        return joins, Hold(
            Reason.NODES_STARTING, f"{waiting[0].pod.name} is given a minute to find its peers itself"
        )
    return tuple(_softer(case, step, memory) for step in joins), None


def _alone(case: Case) -> Iterator[Member]:
    return (island[0] for island in case.membership.islands if len(island) == 1)


def _in_own_loop(case: Case, member: Member) -> bool:
    since = member.pod.running_since
    return since is not None and case.observation.at - since < _OWN_LOOP


def _softer(case: Case, step: Step, memory: Memory) -> Step:
    """A lone member is asked to discover before it is told whom to join."""
    member = next((m for m in _alone(case) if f"Pod/{m.pod.name}" == step.subject), None)
    if member is None or memory.attempt(Action.ENABLE_DISCOVERY, step.subject, case):
        return step
    return _ask_again(case, member, "it stayed alone") or step


def clear(case: Case, procedure: Procedure) -> tuple[Step, ...]:
    """Force-leave for exactly the nodes that this repair saw, or found left behind, and whose pods are gone."""
    left = _gone(case, procedure) | (set(procedure.left_behind) & set(left_behind(case)))
    return removals(case, left - given_up(procedure))


def _gone(case: Case, procedure: Procedure) -> set[str]:
    live = {m.pod.uid for m in case.observation.each_member()}
    return {seen.node for seen in procedure.members if seen.uid not in live}


def given_up(procedure: Procedure | None) -> set[str]:
    """Names that were removed twice, by EMQX's own words, and are still there."""
    attempts = procedure.attempts if procedure else ()
    tried = (a for a in attempts if a.action == Action.FORCE_LEAVE and a.count >= _TRIES)
    return {attempt.subject.removeprefix("Node/") for attempt in tried}


def removals(case: Case, names: Collection[str]) -> tuple[Step, ...]:
    """Force-leave for those of the names that are stale; none where that is not certain."""
    island = case.membership.islands[0] if len(case.membership.islands) == 1 else ()
    doubtful = case.membership.unseen or case.membership.parted
    if not island or doubtful or case.rolling or case.container is None:
        return ()
    member = next((m for m in island if m.pod.ready), None)
    if member is None:
        return ()
    return tuple(_force_leave(case, member, node) for node in case.membership.stale if node in names)


def _force_leave(case: Case, member: Member, node: str) -> Step:
    container = case.container.name if case.container else ""
    pod = member.pod.name
    leave = ForceLeave(pod, container, (node,))
    return force_leave(case.workload.ref, (pod, container), node, "whose pod is gone", leave)


def left_behind(case: Case) -> tuple[str, ...]:
    """Stale names made of an address that no pod of the workload and none behind its Service has."""
    endpoints = case.observation.endpoints
    if isinstance(endpoints, Unobserved):
        return ()
    listed = {address.ip for address in (*endpoints.ready, *endpoints.not_ready)} if endpoints else set()
    held = listed | {m.pod.ip for m in case.observation.each_member()}
    return tuple(n for n in case.membership.stale if (ip := _address(n)) is not None and ip not in held)


def _address(node: str) -> str | None:
    host = node.partition("@")[2]
    candidates = (host, host.partition(".")[0].replace("-", "."))
    return next((text for text in candidates if apiaddress.is_ip(text)), None)


def preview(case: Case, *, rolls: bool) -> tuple[Step, ...]:
    """The names to be removed at the end; a rollout adds those of all pods, since a new pod has a new address."""
    replaced = sorted(m.node for m in case.running if m.node and _is_address(m)) if rolls else ()
    names = dict.fromkeys(left_behind(case), "whose pod is gone")
    names |= dict.fromkeys(replaced, "once its pod is gone")
    return tuple(_removal(case, name, when) for name, when in names.items())


def _removal(case: Case, name: str, when: str) -> Step:
    container, ref = case.container.name if case.container else "", case.workload.ref
    target = f"{str(ref.kind).lower()}/{ref.name}"
    return force_leave(ref, (target, container), name, when)


def _is_address(member: Member) -> bool:
    """Whether the node is named after the pod's IP, which dies with the pod."""
    return member.node is not None and _address(member.node) == member.pod.ip
