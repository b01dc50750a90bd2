"""Whose last answer still counts, and who has to be asked: by what the sockets say, since asking is dear.

A connection is no membership. So only of a member that was in one cluster with all whom it is connected with an
unchanged pulse says that it still is: whom it has no connection with, such as a pod that has just started, it cannot
have joined. One that stands apart counts as it did only while it has no connection with anybody, and not for long.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from emqx_autocluster.emqx import membership
from emqx_autocluster.observation import NOT_ASKED, Fact, Pod, Pulse
from emqx_autocluster.observer.look import Answer, Visit

Pulses = Mapping[str, Fact[Pulse]]
"""By the pods' uids."""

LONE = timedelta(seconds=15)
"""So long the answer of a member counts that has no connection with any other."""


def due(visit: Visit, pulses: Pulses, asked: Collection[str]) -> list[Pod]:
    """The running pods to be asked next, `asked` being the uids of those that just were; none: all is known."""
    rest = [pod for pod in visit.running if pod.uid not in asked]
    if not visit.depth.believed:
        return rest
    joined = _joined(visit, pulses)
    doubtful = [pod for pod in rest if _is_doubtful(visit, pulses, joined, pod)]
    if doubtful or asked:
        return doubtful
    aged = [pod for pod in rest if _is_aged(visit, pod)]
    if not visit.depth.in_turn:
        return aged
    aged.sort(key=lambda pod: _answered_at(visit, pod))
    return aged[:1]


def _is_doubtful(visit: Visit, pulses: Pulses, joined: Collection[str], pod: Pod) -> bool:
    answer, now = _answer(visit, pod), pulses.get(pod.uid, NOT_ASKED)
    if answer is None:
        return True
    told = isinstance(answer.pulse, Pulse) or isinstance(now, Pulse)
    if told and answer.pulse != now:
        return True
    if pod.uid in joined:
        return False
    lone = isinstance(now, Pulse) and now.up and not now.nodes
    return not lone or visit.at - answer.at >= LONE


def _joined(visit: Visit, pulses: Pulses) -> frozenset[str]:
    """The uids of those that list, and are listed by, each running member that they have to do with."""
    running = visit.running
    views = {pod.uid: answer.view.running for pod in running if (answer := _answer(visit, pod))}
    listed = membership.Names(frozenset[str]().union(*views.values()))
    names = {pod.uid: _name(visit, pod, listed) for pod in running}

    def lists(one: str, other: str) -> bool:
        return one in views and names[other] in views[one]

    def is_connected(uid: str, other: Pod) -> bool:
        """Or its sockets could not be read."""
        pulse = pulses.get(uid, NOT_ASKED)
        return not isinstance(pulse, Pulse) or other.ip in pulse.nodes

    def is_joined(uid: str) -> bool:
        others = [pod for pod in running if pod.uid != uid]
        near = [p.uid for p in others if lists(uid, p.uid) or lists(p.uid, uid) or is_connected(uid, p)]
        return all(lists(uid, other) and lists(other, uid) for other in near) and bool(near or not others)

    return frozenset(uid for uid in views if is_joined(uid))


def _name(visit: Visit, pod: Pod, listed: membership.Names) -> str | None:
    identity = visit.memory.identities.get(pod.container_id or "")
    return membership.node_name(pod, identity.node if identity else None, listed)


def _is_aged(visit: Visit, pod: Pod) -> bool:
    """Without a pulse nothing tells whether it still counts."""
    answer = _answer(visit, pod)
    return (
        answer is None or not isinstance(answer.pulse, Pulse) or visit.at - answer.at >= visit.depth.believed
    )


def _answered_at(visit: Visit, pod: Pod) -> datetime:
    answer = _answer(visit, pod)
    return answer.at if answer else visit.at


def _answer(visit: Visit, pod: Pod) -> Answer | None:
    return visit.memory.answers.get(pod.container_id or "")
