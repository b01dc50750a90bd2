"""Whom a look asks, by what the sockets show; and the pulse taken alone between two looks."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    AT,
    a_member,
    a_pod,
    a_workload,
    an_identity,
    an_observation,
    changed,
    ip_of,
    members,
    node_of,
)
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ExecRefused, ExecTimedOut
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.clients.identity import Introduction
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import NOT_ASKED, Fact, Identity, Pod, Pulse, Socket, Unobserved, View
from emqx_autocluster.observer.interviews import Interviews
from emqx_autocluster.observer.look import Depth, Remembered, Visit
from emqx_autocluster.observer.pulses import Pulses, beats
from pods import APPLICATIONS, Pods

ALL = Depth(thorough=True)
IN_TURN = Depth(thorough=False, believed=timedelta(minutes=30), in_turn=True)
FOLLOWED = Depth(thorough=False, believed=timedelta(seconds=15))
WHOLE = {"a": "a b c", "b": "a b c", "c": "a b c"}
LONE = {"a": "a", "b": "b", "c": "c"}
NO_GREP = ExecRefused('exec: "grep": executable file not found in $PATH')
TIMED_OUT = ExecTimedOut("no answer within 10 s")


@dataclass
class Looks:
    """Looks at the same pods, with one memory."""

    pods: Pods
    running: tuple[Pod, ...] = tuple(a_pod(suffix) for suffix in "abc")
    memory: Remembered = field(default_factory=Remembered)
    views: dict[str, Fact[View]] = field(default_factory=dict)
    counts: dict[str, Fact[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for pod in self.running:
            identity = an_identity(EMQX_NODE__NAME=node_of(pod.name.removeprefix("emqx-")))
            assert isinstance(identity, Identity)
            self.memory.identities[pod.container_id or ""] = identity

    async def look(self, depth: Depth, *, seconds: float = 0) -> str:
        """Who was asked, in order of their names; what was seen is remembered as the observer does."""
        self.pods.asked.clear()
        workload = a_workload(replicas=len(self.running))
        at = AT + timedelta(seconds=seconds)
        visit = Visit(workload, workload.template.containers[0], self.running, self.memory, at, depth)
        ctl = cast("EmqxCtl", self.pods)
        told = await Interviews(cast("Kube", None), ctl, Pulses(ctl)).ask(visit)
        self.views, pulses = dict(told.views), told.pulses
        self.counts = dict(told.counts)
        group = [
            a_member(
                p.name.removeprefix("emqx-"),
                pod=p,
                view=self.views[p.uid],
                pulse=pulses.get(p.uid, NOT_ASKED),
            )
            for p in self.running
        ]
        self.memory.beats = beats(visit, an_observation(workload, members=tuple(group)))
        return " ".join(sorted(self.pods.asked))

    async def differences(self) -> tuple[str, ...] | None:
        return await Pulses(cast("EmqxCtl", self.pods)).differences(self.memory)


# --- all is well


async def test_while_nothing_changes_nobody_is_asked_until_an_answer_is_old_and_then_the_oldest() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    assert await looks.look(ALL) == "a b c"
    assert await looks.look(IN_TURN, seconds=300) == ""
    assert [await looks.look(IN_TURN, seconds=1800 + 300 * n) for n in range(4)] == ["a", "b", "c", ""]


async def test_one_that_says_something_new_may_not_be_the_only_one() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    await looks.look(ALL)
    looks.pods.lists |= {"a": "a b c d", "b": "a b c d", "c": "a b c d"}
    looks.pods.connected |= WHOLE
    assert await looks.look(IN_TURN, seconds=1800) == "a b c"


async def test_the_pulse_alone_asks_nobody() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    await looks.look(ALL)
    looks.pods.asked.clear()
    assert await looks.differences() == ()
    assert looks.pods.asked == []
    assert looks.pods.pulses == {"a": 2, "b": 2, "c": 2}


@pytest.mark.parametrize(
    ("disturbed", "told"),
    [
        pytest.param(
            {"connected": {"c": "c a"}},
            ("emqx-c: it lost the connection with the node at 10.244.0.2",),
            id="an orphan begins with a lost connection",
        ),
        pytest.param(
            {"listening": {"b": frozenset[int]()}},
            (
                "emqx-b: it no longer takes messages of other nodes",
                "emqx-b: it lost a listener on port 18083",
                "emqx-b: it lost a listener on port 1883",
            ),
            id="half-joined: the applications are stopped",
        ),
        pytest.param(
            {"listening": {"b": APPLICATIONS - {1883}}},
            ("emqx-b: it lost a listener on port 1883",),
            id="a lost listener",
        ),
        pytest.param(
            {"restarted": "b"},
            ("emqx-b: it has opened its listeners anew",),
            id="left and back between two pulses, with all its connections",
        ),
        pytest.param({"failures": {"c": TIMED_OUT}}, None, id="one that could not be looked at"),
    ],
)
async def test_what_the_pulse_shows(disturbed: dict[str, Any], told: tuple[str, ...] | None) -> None:
    looks = Looks(Pods(dict(WHOLE)))
    await looks.look(ALL)
    for name, value in disturbed.items():
        setattr(looks.pods, name, value)
    assert await looks.differences() == told


states = st.fixed_dictionaries(
    {
        "connected": st.dictionaries(st.sampled_from("abc"), st.sampled_from(["a b c", "a c", "b", ""])),
        "listening": st.dictionaries(
            st.sampled_from("abc"), st.sampled_from([APPLICATIONS, APPLICATIONS - {1883}, frozenset()])
        ),
    }
)


@given(states, states)
async def test_no_state_that_differs_from_the_last_whole_look_is_taken_for_unchanged(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    looks = Looks(Pods(dict(WHOLE), **before))
    await looks.look(ALL)
    told_before = [await looks.pods.sockets(beat.target, {4370}) for beat in looks.memory.beats]
    looks.pods.connected, looks.pods.listening = now["connected"], now["listening"]
    same = told_before == [await looks.pods.sockets(beat.target, {4370}) for beat in looks.memory.beats]
    assert (await looks.differences() == ()) == same


async def test_a_pulse_is_taken_before_the_views_so_that_what_changes_meanwhile_is_seen_later() -> None:
    pods = Pods(dict(WHOLE))
    looks = Looks(pods)
    ask = pods.cluster_status

    async def ask_and_lose(target: Any) -> View:
        view = await ask(target)
        pods.connected["c"] = "c"
        return view

    pods.cluster_status = ask_and_lose  # type: ignore[method-assign]
    await looks.look(ALL)
    assert await looks.differences()


@pytest.mark.parametrize("change", [{"ready": False}, {"deleting": True}])
async def test_while_members_come_and_go_there_is_nothing_to_compare_with(change: dict[str, Any]) -> None:
    looks = Looks(Pods(dict(WHOLE)))
    looks.running = tuple(m.pod for m in changed(members("a b c"), "c", **change))
    await looks.look(ALL)
    assert await looks.differences() is None


async def test_nor_where_a_member_has_another_port_than_its_name_gives() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    identity = an_identity(EMQX_NODE__NAME="emqx-7@10.244.0.2")
    looks.memory.identities["containerd://b"] = identity
    await looks.look(ALL)
    assert await looks.differences() is None


# --- images that cannot tell, and single members


async def test_an_image_that_cannot_tell_is_tried_once_and_members_are_asked_in_turn() -> None:
    looks = Looks(Pods(dict(WHOLE), failures=dict.fromkeys("abc", NO_GREP)))
    assert await looks.look(ALL) == "a b c"
    assert await looks.differences() is None
    assert [await looks.look(IN_TURN, seconds=300 * n) for n in range(1, 5)] == ["a", "b", "c", "a"]
    assert looks.pods.pulses == {"a": 1, "b": 1, "c": 1}
    assert not looks.memory.missed


async def test_one_that_cannot_be_looked_at_for_once_is_asked() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    await looks.look(ALL)
    looks.pods.failures["b"] = TIMED_OUT
    assert await looks.look(IN_TURN, seconds=60) == "b"
    assert looks.memory.missed
    looks.pods.failures.clear()
    await looks.look(IN_TURN, seconds=90)
    assert not looks.memory.missed
    assert await looks.differences() == ()


async def test_a_member_whose_applications_were_started_again_is_asked_before_its_answer_is_old() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    await looks.look(ALL)
    looks.pods.restarted = "b"
    assert await looks.look(IN_TURN, seconds=300) == "b"


@pytest.mark.parametrize(
    ("cores", "count"),
    [
        pytest.param((a_member("c"), a_member("d")), 4, id="with those of the cores they ask for"),
        pytest.param(Unobserved("forbidden"), 2, id="cores that could not be listed"),
        pytest.param(NOT_ASKED, 2, id="no replicants"),
    ],
)
def test_so_many_pods_have_their_pulse_taken(cores: Any, count: int) -> None:
    assert an_observation(a_workload(), members=members("a b"), cores=cores).pulses == count


async def test_a_single_replicant_has_its_cores() -> None:
    looks = Looks(Pods({"a": "a"}), running=(a_pod("a"),))
    looks.memory.identities["containerd://a"] = an_identity(EMQX_NODE__ROLE="replicant")
    await looks.look(ALL)
    assert looks.pods.pulses == {"a": 1}
    assert await looks.differences() == ()


async def test_a_single_member_has_no_peers_to_lose() -> None:
    looks = Looks(Pods({"a": "a"}), running=(a_pod("a"),))
    await looks.look(ALL)
    assert looks.pods.pulses == {}


# --- while members join


async def test_a_lone_member_counts_as_alone_while_its_sockets_say_so_but_not_for_long() -> None:
    looks = Looks(Pods(dict(LONE)))
    await looks.look(ALL)
    assert await looks.look(FOLLOWED, seconds=14) == ""
    assert await looks.look(FOLLOWED, seconds=15) == "a b c"


async def test_nor_does_it_where_the_answers_of_a_whole_cluster_would_count_for_long() -> None:
    """Nobody to have to do with is no membership."""
    looks = Looks(Pods(dict(LONE)))
    await looks.look(ALL)
    assert await looks.look(IN_TURN, seconds=15) == "a b c"


async def test_between_two_joins_only_joiner_and_seed_are_asked() -> None:
    looks = Looks(Pods(dict(LONE)))
    await looks.look(ALL)
    looks.pods.lists |= {"a": "a b", "b": "a b"}
    assert await looks.look(FOLLOWED, seconds=3) == "a b"
    assert looks.views["uid-c"] == View(frozenset({node_of("c")}))


async def test_one_that_is_connected_and_not_listed_is_asked_each_time() -> None:
    """A connection comes before the join, and a join may end with the same sockets as it began."""
    looks = Looks(Pods({"a": "a b", "b": "a b", "c": "c"}, dict(WHOLE)))
    await looks.look(ALL)
    assert await looks.look(FOLLOWED, seconds=3) == "a b c"
    looks.pods.lists = dict(WHOLE)
    assert await looks.look(FOLLOWED, seconds=6) == "a b c"
    assert await looks.look(FOLLOWED, seconds=9) == "", "joined"


async def test_those_without_a_connection_to_a_pod_that_has_just_started_are_not_asked_again() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    await looks.look(ALL)
    looks.running = (*looks.running, replace(a_pod("d"), created=AT))
    looks.pods.lists |= {"d": "d"}
    looks.pods.connected = {**WHOLE, "d": "d"}
    assert await looks.look(FOLLOWED, seconds=3) == "d"
    looks.pods.connected |= {"a": "a b c d", "d": "a d"}
    assert await looks.look(FOLLOWED, seconds=6) == "a d", "a connection may be the beginning of a join"


async def test_the_old_members_are_asked_when_a_new_one_lists_them() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    await looks.look(ALL)
    looks.running = (*looks.running[:2], replace(a_pod("d"), created=AT))
    looks.pods.lists = {"a": "a b d", "b": "a b d", "d": "a b d"}
    looks.pods.connected = {"a": "a b c", "b": "a b c", "d": "a b d"}
    assert await looks.look(FOLLOWED, seconds=3) == "a b d"
    assert {view for view in looks.views.values() if isinstance(view, View)} == {
        View(frozenset(map(node_of, "abd")))
    }


async def test_in_a_rollout_no_answer_counts_for_longer_than_a_suspicious_interval() -> None:
    looks = Looks(Pods(dict(WHOLE)))
    await looks.look(ALL)
    assert await looks.look(FOLLOWED, seconds=14) == ""
    assert await looks.look(FOLLOWED, seconds=15) == "a b c"


async def test_of_members_whose_sockets_say_that_they_are_alone_devices_are_counted_at_once() -> None:
    looks = Looks(Pods(dict(LONE)))
    await looks.look(ALL)
    assert looks.counts == {"uid-a": 7, "uid-b": 7, "uid-c": 7}


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param(Pods({"a": "a b", "b": "a b", "c": "c"}), id="two are connected"),
        pytest.param(Pods(dict(LONE), failures={"c": TIMED_OUT}), id="one could not be looked at"),
    ],
)
async def test_else_only_if_their_views_ask_for_it(pods: Pods) -> None:
    looks = Looks(pods)
    await looks.look(ALL)
    assert looks.counts == {}


async def test_where_members_list_more_nodes_together_than_any_cluster_has_nothing_they_say_is_kept() -> None:
    numbers = {"a": range(400), "b": range(400, 800), "c": range(800, 1200)}
    lists = {suffix: " ".join([suffix, *map(str, many)]) for suffix, many in numbers.items()}
    looks = Looks(Pods(lists, connected=dict(LONE)))
    await looks.look(ALL)
    told = {view.reason for view in looks.views.values() if isinstance(view, Unobserved)}
    assert told == {"not judged: the members list 1203 nodes together, more than 1000"}
    assert not looks.memory.answers


# --- a member that says who it is tells its sockets on the way


@dataclass
class Introducing(Pods):
    name: str = "emqx"
    tells: bool = True

    async def introduction(self, target: ExecTarget, ports: Iterable[int]) -> Introduction:
        suffix = target.pod.removeprefix("emqx-")
        listed = frozenset({Socket("::", number, listens=True) for number in ports})
        identity = an_identity("5.8.9", EMQX_NODE__NAME=f"{self.name}@{ip_of(suffix)}")
        return Introduction(identity, (), listed if self.tells else None)


@pytest.mark.parametrize(
    ("pods", "image", "read"),
    [
        pytest.param(Introducing(LONE), "emqx/emqx:5.8.9", "", id="by the ports that its name has"),
        pytest.param(
            Introducing(LONE, name="emqx7"),
            "emqx/emqx:5.8.9",
            "a b c",
            id="its name has a number, so it has other ports",
        ),
        pytest.param(
            Introducing(LONE),
            "emqx:latest",
            "a b c",
            id="its version tells more ports than were known before",
        ),
        pytest.param(
            Introducing(LONE, tells=False), "emqx/emqx:5.8.9", "a b c", id="not in this way: they are read"
        ),
    ],
)
async def test_the_first_pulse_comes_with_the_identity(pods: Introducing, image: str, read: str) -> None:
    workload, memory = a_workload(image=image), Remembered()
    ctl = cast("EmqxCtl", pods)
    interviews = Interviews(cast("Kube", None), ctl, Pulses(ctl))

    async def look() -> str:
        pods.pulses.clear()
        running = tuple(a_pod(suffix) for suffix in "abc")
        visit = Visit(workload, workload.template.containers[0], running, memory, AT, ALL)
        await interviews.identities(visit)
        told = await interviews.ask(visit)
        assert all(isinstance(each, Pulse) for each in told.pulses.values())
        return " ".join(sorted(pods.pulses))

    assert await look() == read
    assert await look() == "a b c", "what was told then is not believed in the next look"
