"""When a member is asked whether it reaches its peers' ports, and how many of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from builders import AT, a_case, a_workload, changed, ip_of, members
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ExecTimedOut
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.observation import Fact, Member, Pulse, Workload
from emqx_autocluster.observer.dials import Dials
from emqx_autocluster.observer.look import Depth, Look, Remembered

THOROUGH, LIGHT = Depth(thorough=True), Depth(thorough=False)
WELL = members("a b c")


@dataclass
class Pods:
    """In the place of the commands in the pods: who asked for whom, and what is closed."""

    closed: set[str] = field(default_factory=set)
    fails: bool = False
    asked: dict[str, list[str]] = field(default_factory=dict)

    async def open_ports(
        self, target: ExecTarget, peers: Mapping[str, tuple[str, int]]
    ) -> dict[str, Fact[bool]]:
        self.asked.setdefault(target.pod, []).extend(f"{ip}:{port}" for ip, port in peers.values())
        if self.fails:
            raise ExecTimedOut("no answer within 45 s")
        return {name: ip not in self.closed for name, (ip, _) in peers.items()}


@dataclass
class Passes:
    """Passes over the same members, with one memory."""

    pods: Pods = field(default_factory=Pods)
    memory: Remembered = field(default_factory=Remembered)

    async def dial(
        self, group: tuple[Member, ...] = WELL, depth: Depth = THOROUGH, *, minutes: float = 0, **facts: Any
    ) -> dict[str, dict[str, Fact[bool]]]:
        self.pods.asked.clear()
        look = _look(a_workload(**facts), group, self.memory, depth)
        look = replace(look, at=AT + timedelta(minutes=minutes))
        found = await Dials(cast("EmqxCtl", self.pods)).dial(look, group)
        return {member.pod.name: dict(member.rpc) for member in found}

    @property
    def requests(self) -> int:
        return len(self.pods.asked)


def _look(workload: Workload, group: tuple[Member, ...], memory: Remembered, depth: Depth) -> Look:
    case = a_case(members=group)
    container = workload.template.containers[0]
    assert case.settings
    pods = tuple(member.pod for member in group)
    identities = {member.pod.uid: member.identity for member in group}
    return Look(workload, container, pods, memory, AT, depth, "emqx", identities, case.settings)


async def test_each_dials_all_and_itself_in_one_command() -> None:
    passes = Passes(Pods(closed={"10.244.0.2"}))
    found = await passes.dial()
    addresses = {f"10.244.0.{n}:5369" for n in (1, 2, 3)}
    assert {pod: set(asked) for pod, asked in passes.pods.asked.items()} == dict.fromkeys(found, addresses)
    assert all(answers == {"emqx-a": True, "emqx-b": False, "emqx-c": True} for answers in found.values())


async def test_in_a_large_cluster_each_dials_the_next_few_and_each_is_dialled_as_often() -> None:
    passes = Passes()
    await passes.dial(members("a b c d e f g"), replicas=7)
    assert {len(asked) for asked in passes.pods.asked.values()} == {4}
    dialled = [address for asked in passes.pods.asked.values() for address in asked]
    assert {dialled.count(address) for address in dialled} == {4}


async def test_a_light_look_asks_nobody_and_recalls_what_was_found() -> None:
    passes = Passes(Pods(closed={"10.244.0.2"}))
    before = await passes.dial()
    assert await passes.dial(depth=LIGHT, minutes=60) == before
    assert passes.requests == 0


async def test_a_change_on_what_was_one_cluster_before_is_no_occasion() -> None:
    passes = Passes()
    await passes.dial(depth=Depth(thorough=True, dial_ports=False))
    assert passes.requests == 0


@pytest.mark.parametrize(("minutes", "requests"), [(4.9, 0), (5, 3)])
async def test_what_was_open_is_believed_for_a_while(minutes: float, requests: int) -> None:
    passes = Passes()
    await passes.dial()
    await passes.dial(minutes=minutes)
    assert passes.requests == requests


async def test_what_was_closed_is_asked_again_at_once() -> None:
    passes = Passes(Pods(closed={"10.244.0.2"}))
    await passes.dial()
    passes.pods.closed.clear()
    assert (await passes.dial(minutes=0.1))["emqx-a"]["emqx-b"] is True


async def test_a_container_that_was_restarted_is_another_one() -> None:
    passes = Passes()
    await passes.dial()
    group = changed(WELL, "b", container_id="containerd://again")
    passes.memory.keep_only({member.pod.container_id or "" for member in group})
    await passes.dial(group)
    assert passes.requests == 3, "the new one asks all, and all ask the new one"


async def test_a_command_that_fails_says_nothing() -> None:
    assert set(map(len, (await Passes(Pods(fails=True)).dial()).values())) == {0}


@pytest.mark.parametrize(
    ("group", "facts"),
    [
        pytest.param(members("a", "b", "c"), {}, id="members that stand apart"),
        pytest.param(changed(WELL, "c", ready=False), {}, id="one is not Ready"),
        pytest.param(members("a"), {"replicas": 1}, id="one member"),
        pytest.param(WELL, {"available_replicas": 2}, id="a rollout"),
        pytest.param(WELL, {"env": {"EMQX_RPC__TCP_SERVER_PORT": "7000"}}, id="a port of the user's own"),
    ],
)
async def test_nobody_is_asked(group: tuple[Member, ...], facts: dict[str, Any]) -> None:
    passes = Passes()
    await passes.dial(group, **facts)
    assert passes.requests == 0


# --- what sockets decide


def connected(**reaches: str) -> tuple[Member, ...]:
    """Each listens, and has a connection for messages with those that are named for it."""
    group = WELL
    for suffix in "abc":
        addresses = frozenset(map(ip_of, reaches.get(suffix, "").split()))
        found = Pulse(
            up=True, takes_messages=True, listeners=frozenset(), nodes=frozenset(), reaches=addresses
        )
        group = changed(group, suffix, pulse=found)
    return group


async def test_nobody_dials_where_connections_stand() -> None:
    passes = Passes()
    found = await passes.dial(connected(a="b c", b="a c", c="a b"))
    assert passes.requests == 0
    assert set(found) == {"emqx-a", "emqx-b", "emqx-c"}
    assert all(answers == dict.fromkeys(found, True) for answers in found.values())


async def test_only_what_sockets_leave_open_is_dialled() -> None:
    passes = Passes(Pods(closed={"10.244.0.3"}))
    found = await passes.dial(connected(a="b", b="a c", c="a b"))
    assert passes.pods.asked == {"emqx-a": ["10.244.0.3:5369"]}
    assert found["emqx-a"] == {"emqx-a": True, "emqx-b": True, "emqx-c": False}


async def test_a_member_that_is_not_seen_to_listen_dials_itself_as_well() -> None:
    silent = Pulse(
        up=True, takes_messages=False, listeners=frozenset(), nodes=frozenset(), reaches=frozenset()
    )
    passes = Passes()
    await passes.dial(changed(connected(a="b c", b="a c", c="a b"), "a", pulse=silent))
    assert set(passes.pods.asked) == {"emqx-a"}
    assert "10.244.0.1:5369" in passes.pods.asked["emqx-a"]
