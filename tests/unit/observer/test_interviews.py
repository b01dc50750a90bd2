"""Who is asked for what, and how often: names by each member, and new members of a rollout whether they have joined."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import pytest

from builders import AT, a_pod, a_workload, an_identity, node_of
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ExecTimedOut
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.clients.identity import Introduction
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.emqx import discoveryreader
from emqx_autocluster.observation import NOT_ASKED, Fact, Identity
from emqx_autocluster.observer.interviews import Interviews
from emqx_autocluster.observer.look import Depth, Look, Remembered, Visit
from emqx_autocluster.observer.lookups import Lookups
from emqx_autocluster.observer.pulses import Pulses
from pods import Pods

ALL, SOME = Depth(thorough=True), Depth(thorough=False)
FOUND = ("10.96.0.1",)
OTHER = ("10.244.0.9",)


@dataclass
class Resolver:
    """Of one pod."""

    answer: Fact[tuple[str, ...]]
    said: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    memory: Remembered = field(default_factory=Remembered)
    asked: int = 0

    async def lookup(self, _: ExecTarget, __: str) -> Fact[tuple[str, ...]]:
        self.asked += 1
        return self.answer

    async def introduction(self, _: ExecTarget, __: Iterable[int]) -> Introduction:
        identity = an_identity(EMQX_NODE__NAME=node_of("a"))
        return Introduction(identity, self.said, None)

    @property
    def interviews(self) -> Interviews:
        ctl = cast("EmqxCtl", self)
        return Interviews(cast("Kube", None), ctl, Pulses(ctl))

    @property
    def lookups(self) -> Lookups:
        return Lookups(cast("EmqxCtl", self), "cluster.local")

    def visit(self, depth: Depth, seconds: float) -> Visit:
        workload, at = a_workload(env=self.env), AT + timedelta(seconds=seconds)
        return Visit(workload, workload.template.containers[0], (a_pod("a"),), self.memory, at, depth)

    def looking(self, visit: Visit) -> Look:
        return Look.of(visit, "emqx", {}, discoveryreader.read_settings(visit.container, [], {}), {})

    async def look(self, depth: Depth, seconds: float) -> int:
        """How many names were asked for, each of them by the one pod that runs."""
        before = self.asked
        await self.lookups.of(self.looking(self.visit(depth, seconds)))
        return self.asked - before


@pytest.mark.parametrize(
    ("answer", "depth", "seconds", "again"),
    [
        pytest.param(FOUND, SOME, 1799, False, id="found, and nothing is suspected: it holds"),
        pytest.param(FOUND, SOME, 1800, True, id="found half an hour ago: asked anew"),
        pytest.param(FOUND, ALL, 9, False, id="found a moment ago, and all is looked at once more: it holds"),
        pytest.param(FOUND, ALL, 10, True, id="found a while ago, and all is looked at: asked anew"),
        pytest.param((), ALL, 1, True, id="not found: asked each time"),
        pytest.param((), SOME, 1, True, id="not found, and nothing else is suspected: asked each time"),
        pytest.param(NOT_ASKED, SOME, 1, True, id="could not be asked: asked each time"),
    ],
)
async def test_a_name_that_was_found_is_not_asked_for_at_each_look(
    answer: Fact[tuple[str, ...]], depth: Depth, seconds: float, *, again: bool
) -> None:
    resolver = Resolver(answer)
    first = await resolver.look(ALL, 0)
    assert first > 0
    assert await resolver.look(depth, seconds) == (first if again else 0)


SELF = "kubernetes.default.svc"
PEERS = "emqx.iot.svc.cluster.local."
BY_DNS: Mapping[str, str] = {
    "EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns",
    "EMQX_CLUSTER__DNS__NAME": PEERS.rstrip("."),
}


@pytest.mark.parametrize(
    ("addresses", "env", "asked", "expected"),
    [
        pytest.param(FOUND, {}, 0, {SELF: FOUND}, id="it has said that it knows it: that is not asked again"),
        pytest.param((), {}, 1, {SELF: OTHER}, id="it has not said it: it is asked, which tells why not"),
        pytest.param(
            FOUND, BY_DNS, 1, {PEERS: OTHER}, id="it needs another name: that is asked for, and told alone"
        ),
    ],
)
async def test_a_member_says_with_its_identity_whether_it_knows_the_api_server(
    addresses: tuple[str, ...],
    env: Mapping[str, str],
    asked: int,
    expected: Mapping[str, Fact[tuple[str, ...]]],
) -> None:
    resolver = Resolver(OTHER, addresses, env)
    visit = resolver.visit(ALL, 0)
    await resolver.interviews.identities(visit)
    (found,) = (await resolver.lookups.of(resolver.looking(visit))).values()
    assert (resolver.asked, found) == (asked, expected)


# --- the new members of a rollout


class Rollout:
    """Of a, b and the new member c, looked at by what it changes alone."""

    def __init__(self, **lists: str) -> None:
        self.pods = Pods(lists)
        self.running = tuple(a_pod(suffix) for suffix in "abc")
        self.memory = Remembered()
        for pod in self.running:
            identity = an_identity(EMQX_NODE__NAME=node_of(pod.name.removeprefix("emqx-")))
            assert isinstance(identity, Identity)
            self.memory.identities[pod.container_id or ""] = identity

    async def glance(self, seconds: float) -> str:
        """Who was asked by `emqx_ctl`."""
        self.pods.asked.clear()
        workload, ctl = a_workload(), cast("EmqxCtl", self.pods)
        at = AT + timedelta(seconds=seconds)
        depth = Depth(thorough=False, believed=timedelta(seconds=15))
        visit = Visit(workload, workload.template.containers[0], self.running, self.memory, at, depth)
        interviews = Interviews(cast("Kube", None), ctl, Pulses(ctl))
        await interviews.newcomers(visit, timedelta(seconds=4))
        return " ".join(sorted(self.pods.asked))


async def test_a_new_member_is_asked_again_when_it_has_a_connection_and_then_all_are() -> None:
    rollout = Rollout(a="a b", b="a b", c="c")
    assert await rollout.glance(0) == "a b c"
    assert await rollout.glance(3) == "", "it has no connection, so it has not joined"
    assert await rollout.glance(15) == "c", "what it said is old"
    rollout.pods.connected = {"a": "a b c", "b": "a b c", "c": "a b c"}
    assert await rollout.glance(18) == "c", "it has connections, and says that it has not joined yet"
    rollout.pods.lists = {"a": "a b c", "b": "a b c", "c": "a b c"}
    assert await rollout.glance(20) == "a b c"
    assert await rollout.glance(23) == ""


async def test_where_sockets_cannot_be_read_a_new_member_is_asked_each_time() -> None:
    rollout = Rollout(a="a b", b="a b", c="c")
    rollout.pods.failures = dict.fromkeys("abc", ExecTimedOut("no answer within 10 s"))
    await rollout.glance(0)
    assert await rollout.glance(3) == "c"
