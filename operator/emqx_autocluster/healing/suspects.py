"""What mode Heal may act on: each damage that is seen, since when, and in how many looks.

A single look proves nothing: a member may be restarting, a view may be old. So damage is remembered in the status, by
the pod's uid or the node's name, until it is seen no more. A look that could not tell has its looks counted anew, and
so has a time in which nobody looked: what was so before an hour of darkness may have come and gone in it. A name may
even have been some pod's meanwhile, so that its age counts anew as well.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from emqx_autocluster.api.annotations import Mode
from emqx_autocluster.api.v1alpha1 import Suspect, delta
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.diagnosis.formation import serving
from emqx_autocluster.emqx import membership
from emqx_autocluster.healing import seed
from emqx_autocluster.observation import Member, View

ORPHAN = "Orphan"
"""A member outside the largest cluster, or the one that its user has named; also one of another cluster."""
HALF_JOINED = "HalfJoined"
STALE_NODE = "StaleNode"
LOOKS = 3
"""So often damage has to be seen. It is counted no further: else each look would be a write."""
MOST = 64

Key = tuple[str, str]


def noted(before: tuple[Suspect, ...], case: Case) -> tuple[Suspect, ...]:
    """The suspects after this look, in the order in which they are dealt with."""
    if case.options.mode is not Mode.HEAL or case.is_replicant:
        return ()
    if not is_known(case):
        return tuple(_doubted(s) for s in before if not _is_over(case, s))
    known = {(s.kind, s.subject, s.uid): s for s in before}
    at = case.observation.at.replace(microsecond=0)
    found = (
        _again(known.get((kind, subject, uid)), kind, subject, uid, at)
        for kind, subject, uid in _damage(case)
    )
    return tuple(found)[:MOST]


def unwatched(before: tuple[Suspect, ...]) -> tuple[Suspect, ...]:
    """What is left of the suspects after a time in which nobody looked."""
    return tuple(_doubted(suspect) for suspect in before if suspect.kind != STALE_NODE)


def _doubted(suspect: Suspect) -> Suspect:
    return suspect.model_copy(update={"looks": 0})


def _is_over(case: Case, suspect: Suspect) -> bool:
    """Whether also a look that cannot tell all of it tells that this is not so any more."""
    if suspect.kind == STALE_NODE:
        return membership.is_in_use(case.observation, suspect.subject.removeprefix("Node/"))
    return all(member.pod.uid != suspect.uid for member in case.observation.each_member())


def is_known(case: Case) -> bool:
    """Whether this look can tell who is clustered with whom."""
    seen = case.membership
    doubtful = seen.unseen or seen.one_sided or seen.parted
    return bool(seen.islands) and not doubtful and not case.progressing


def is_ripe(case: Case, suspect: Suspect) -> bool:
    """Whether it was seen often enough, and for as long as `spec.healing` asks for."""
    return suspect.looks >= LOOKS and case.observation.at >= ripe_at(case, suspect)


def ripe_at(case: Case, suspect: Suspect) -> datetime:
    return suspect.since + _age(case, suspect)


def _age(case: Case, suspect: Suspect) -> timedelta:
    healing = case.spec.healing
    return delta(healing.stale_after if suspect.kind == STALE_NODE else healing.orphan_after)


def _again(before: Suspect | None, kind: str, subject: str, uid: str, at: datetime) -> Suspect:
    if before is None:
        return Suspect(kind=kind, subject=subject, uid=uid, since=at, looks=1)
    return before if before.looks >= LOOKS else before.model_copy(update={"looks": before.looks + 1})


def _damage(case: Case) -> Iterator[tuple[str, str, str]]:
    for member in serving.half_joined(case):
        yield HALF_JOINED, *_pod(member)
    for member in _apart(case):
        yield ORPHAN, *_pod(member)
    for name in case.membership.stale:
        if _stopped_for_all(case, name):
            yield STALE_NODE, f"Node/{name}", ""


def _apart(case: Case) -> Iterator[Member]:
    """While all stand alone each of them is: who of them stays is chosen when they are joined."""
    if len(case.membership.islands) > 1:
        stays = seed.staying(case)
        yield from (member for member in case.membership.answering if member not in stays)


def _pod(member: Member) -> Key:
    return f"Pod/{member.pod.name}", member.pod.uid


def _stopped_for_all(case: Case, name: str) -> bool:
    """Whoever lists the name at all lists it as stopped."""
    views = [m.view for m in case.membership.answering if isinstance(m.view, View)]
    return any(name in view.stopped for view in views) and not any(name in view.running for view in views)
