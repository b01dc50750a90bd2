"""The brake: when a rollout is held, what proof lets it go on, and that nothing of it is left."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    AT,
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_procedure,
    ago,
    changed,
    members,
    now,
    plan_of,
)
from emqx_autocluster.api.annotations import ORIGINAL
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.healing import Action, Memory, brake
from emqx_autocluster.healing.steps import Steer
from emqx_autocluster.objects import recorded, template
from emqx_autocluster.objects.recorded import Changes, FieldChange, Record
from emqx_autocluster.observation import Member, WorkloadKind

ADDRESS = FieldChange(recorded.ENV + API_SERVER, {"name": API_SERVER, "value": "nonsense"}, "")
PAUSED = FieldChange(template.PAUSED, None, now=True)
STATEFUL: dict[str, Any] = {"kind": WorkloadKind.STATEFUL_SET}


def record(*changes: FieldChange) -> str:
    return Record("emqx", changes).dump()


def ours(*changes: FieldChange, undone: bool = False) -> Memory:
    """A repair that is under way, and that has replaced the address."""
    return Memory(a_procedure("a", "b", "c"), original=record(ADDRESS, *changes), undone=undone)


def recorded(*changes: FieldChange) -> dict[str, Any]:
    return {"annotations": {ORIGINAL: record(ADDRESS, *changes)}}


def ready(group: Iterable[Member], suffix: str, seconds: float, **facts: Any) -> tuple[Member, ...]:
    """One of them is new, and became Ready so long ago."""
    return changed(group, suffix, created=ago(seconds + 7), ready_since=ago(seconds), **facts)


def rolling(*islands: str, seconds: float = 15, **facts: Any) -> Case:
    """Four pods of a Deployment in its rollout, of which `d` is new."""
    group = ready(members(*islands), "d", seconds)
    return a_case(**{**IN_ROLLOUT, "status_replicas": 4, "members": group, "available_replicas": 3, **facts})


def step_of(case: Case, memory: Memory) -> tuple[str, dict[str, Any]] | None:
    step = brake.step(case, memory, AT)
    if step is None:
        return None
    assert isinstance(step.operation, Steer)
    return str(step.action), dict(step.operation.body["spec"])


HOLD = ("HoldRollout", {"paused": True})


@pytest.mark.parametrize(
    ("case", "memory", "expected"),
    [
        pytest.param(
            rolling("a b c", "d"), ours(), HOLD, id="a new member stands apart and soon counts as available"
        ),
        pytest.param(rolling("a b c", "d", seconds=13), ours(), None, id="it still has time to join"),
        pytest.param(rolling("a b c d"), ours(), None, id="it has joined"),
        pytest.param(
            rolling("a b c d", members=ready(members("a b c d"), "d", 15, view=NOT_READ)),
            ours(),
            HOLD,
            id="whether it has joined could not be read",
        ),
        pytest.param(
            rolling("a b c d", members=changed(ready(members("a b c d"), "d", 15), "a", view=NOT_READ)),
            ours(),
            HOLD,
            id="whether an old one lists it could not be read",
        ),
        pytest.param(
            rolling("a b c", "d", members=ready(members("a b c", "d"), "d", 15, ready=False)),
            ours(),
            None,
            id="it is not Ready, so that Kubernetes waits by itself",
        ),
        pytest.param(rolling("a b c", "d"), Memory(), None, id="a rollout that is not ours"),
        pytest.param(
            rolling("a b c", "d"),
            Memory(a_procedure("a")),
            None,
            id="a rollout of a user beside a repair that rolls nothing",
        ),
        pytest.param(rolling("a b c", "d", paused=True), ours(), None, id="its user has paused it"),
        pytest.param(
            rolling("a b c", "d", **recorded(PAUSED)),
            ours(),
            None,
            id="its user has taken the brake off, and it stays off",
        ),
        pytest.param(
            rolling("a b c", "d", updated_replicas=4), ours(), None, id="no old member is left to end"
        ),
        pytest.param(
            rolling("a b c", "d", min_ready_seconds=10, seconds=7), ours(), HOLD, id="of ten seconds seven"
        ),
        pytest.param(
            rolling("a b c", "d", min_ready_seconds=0, seconds=0), ours(), HOLD, id="at once without any"
        ),
        pytest.param(
            rolling("a b c", "d", paused=True, **recorded(PAUSED)),
            ours(PAUSED),
            None,
            id="held, and apart still",
        ),
        pytest.param(
            rolling("a b c d", paused=True, **recorded(PAUSED)),
            ours(PAUSED),
            ("ContinueRollout", {"paused": None}),
            id="held, and joined",
        ),
        pytest.param(
            rolling(
                "a b c d",
                paused=True,
                members=changed(ready(members("a b c d"), "d", 15), "b", view=NOT_READ),
                **recorded(PAUSED),
            ),
            ours(PAUSED),
            None,
            id="held, and a view is missing: to go on needs proof",
        ),
        pytest.param(
            rolling(
                "a b c d",
                paused=True,
                members=ready(members("a b c d"), "d", 15, ready=False),
                **recorded(PAUSED),
            ),
            ours(PAUSED),
            None,
            id="held, and the new member serves nothing",
        ),
        pytest.param(
            rolling("a b c", "d", paused=True, **recorded(PAUSED)),
            ours(PAUSED, undone=True),
            ("ContinueRollout", {"paused": None}),
            id="held, and a person rolled the change back",
        ),
    ],
)
def test_a_deployment(case: Case, memory: Memory, expected: object) -> None:
    assert step_of(case, memory) == expected


def walked(partition: int, original: int = 0) -> FieldChange:
    return FieldChange(template.PARTITION, original, partition)


def walking(partition: int, /, *islands: str, updated: int | None = None, **facts: Any) -> Case:
    """A StatefulSet of three in its rollout, as far as the partition lets it."""
    names = islands or ("0 1 2",)
    new = 3 - partition if updated is None else updated
    group = [
        replace(m, pod=replace(m.pod, revision="emqx-2" if int(m.pod.name[-1]) >= 3 - new else "emqx-1"))
        for m in members(*names)
    ]
    return a_case(
        **{
            **STATEFUL,
            "generation": 5,
            "observed_generation": 5,
            "update_revision": "emqx-2",
            "updated_replicas": new,
            "partition": partition,
            "members": ready(group, str(partition), 10),
            **recorded(walked(partition)),
            **facts,
        }
    )


def partition(value: int | None) -> dict[str, Any]:
    return {"updateStrategy": {"rollingUpdate": {"partition": value}}}


@pytest.mark.parametrize(
    ("case", "memory", "expected"),
    [
        pytest.param(
            walking(2), ours(walked(2)), ("ContinueRollout", partition(1)), id="the new member has joined"
        ),
        pytest.param(walking(2, "0 1", "2"), ours(walked(2)), None, id="it stands apart"),
        pytest.param(
            walking(2, updated=0), ours(walked(2)), None, id="the controller has not replaced it yet"
        ),
        pytest.param(
            walking(1), ours(walked(1)), ("ContinueRollout", partition(0)), id="the last one may be replaced"
        ),
        pytest.param(
            walking(2), Memory(), ("ContinueRollout", partition(1)), id="although the memory of it is lost"
        ),
        pytest.param(
            walking(2, "0 1", "2"),
            ours(walked(2), undone=True),
            ("ContinueRollout", partition(0)),
            id="rolled back by a person",
        ),
        pytest.param(walking(2, "0 1", "2", annotations={}), Memory(), None, id="a partition of its user"),
        pytest.param(
            walking(2, replicas=2, updated=0, members=members("0 1")),
            ours(walked(2)),
            ("ContinueRollout", partition(1)),
            id="scaled down meanwhile",
        ),
    ],
)
def test_a_stateful_set_is_walked(case: Case, memory: Memory, expected: object) -> None:
    assert step_of(case, memory) == expected


def foreign(*islands: str, seconds: float = 15, **facts: Any) -> Case:
    """A Deployment in mode Heal, rolled by another hand."""
    return rolling(*islands, seconds=seconds, **{"mode": "Heal", **facts})


HEALING = Memory(a_procedure("a", "b", "c").model_copy(update={"origin": "Heal"}), original=record(ADDRESS))


@pytest.mark.parametrize(
    ("case", "memory", "expected"),
    [
        pytest.param(foreign("a b c", "d"), Memory(), HOLD, id="paused late, as one of ours"),
        pytest.param(foreign("a b c", "d", seconds=5), Memory(), None, id="not before"),
        pytest.param(foreign("a b c d"), Memory(), None, id="not where all have joined"),
        pytest.param(foreign("a b c", "d", mode="Repair"), Memory(), None, id="never in mode Repair"),
        pytest.param(
            foreign("a b c", "d", mode="Repair"),
            HEALING,
            None,
            id="nor where healing was under way, and an old record tells of a repair",
        ),
        pytest.param(
            foreign("a b c", "d", paused=True), Memory(), None, id="paused by its user, and left so"
        ),
        pytest.param(
            foreign("a b c", "d", **recorded(PAUSED)), Memory(), None, id="resumed by its user, and left so"
        ),
        pytest.param(
            foreign("a", "b", "c", "d"),
            Memory(),
            None,
            id="the old ones are no cluster: it may be their cure",
        ),
        pytest.param(
            foreign(
                "a",
                "b",
                "c",
                "d",
                members=changed(ready(members("a", "b", "c", "d"), "d", 15), "b", view=NOT_READ),
            ),
            Memory(),
            HOLD,
            id="whether they are one could not be read",
        ),
        pytest.param(foreign("a b", "c", "d"), Memory(), HOLD, id="two of them are a cluster"),
        pytest.param(
            foreign("a b c", "d", members=ready(members("a", "b c d"), "d", 15), updated_replicas=3),
            Memory(),
            HOLD,
            id="one old member is left, which may be the last that has the data",
        ),
        pytest.param(
            foreign("a b c d", paused=True, **recorded(PAUSED)),
            Memory(original=record(PAUSED)),
            ("ContinueRollout", {"paused": None}),
            id="held, and joined",
        ),
        pytest.param(
            foreign("a b c d", paused=True, writers={"paused": "kubectl-rollout"}, **recorded(PAUSED)),
            Memory(original=record(PAUSED)),
            None,
            id="let go, and paused by its user since",
        ),
    ],
)
def test_a_deployment_that_rolls_by_another_hand(case: Case, memory: Memory, expected: object) -> None:
    assert step_of(case, memory) == expected


def seen(updated: int, *islands: str, **facts: Any) -> Case:
    """A StatefulSet of three in mode Heal that rolls by another hand, and that nobody holds yet."""
    begun = {"mode": "Heal", "partition": 0, "annotations": {}}
    return walking(min(2, 3 - updated), *islands, updated=updated, **{**begun, **facts})


ENDING = changed(members("0 1 2"), "2", deleting=True, revision="emqx-1")


@pytest.mark.parametrize(
    ("case", "memory", "expected"),
    [
        pytest.param(seen(0), Memory(), ("HoldRollout", partition(2)), id="as soon as it is seen"),
        pytest.param(
            seen(0, members=changed(changed(ENDING, "0", revision="emqx-1"), "1", revision="emqx-1")),
            Memory(),
            ("HoldRollout", partition(2)),
            id="while its first member ends",
        ),
        pytest.param(seen(1), Memory(), ("HoldRollout", partition(2)), id="whose first member is new"),
        pytest.param(
            seen(2, "0 1", "2"), Memory(), ("HoldRollout", partition(1)), id="whose second has not joined"
        ),
        pytest.param(seen(2), Memory(), None, id="whose last member is all that is left, and may go"),
        pytest.param(seen(1, partition=1), Memory(), None, id="which its user walks by a partition"),
        pytest.param(seen(1, **recorded(walked(2))), Memory(), None, id="that its user has let go"),
        pytest.param(seen(1, mode="Repair"), Memory(), None, id="in mode Repair"),
        pytest.param(seen(1, strategy="OnDelete"), Memory(), None, id="by OnDelete"),
        pytest.param(seen(0, "0", "1", "2"), Memory(), None, id="whose members are no cluster"),
        pytest.param(
            seen(0, replicas=1, members=changed(members("0"), "0", revision="emqx-1")),
            Memory(),
            None,
            id="of one replica",
        ),
        pytest.param(
            seen(
                1,
                first_ordinal=5,
                members=changed(changed(members("5 6 7"), "5", revision="emqx-1"), "6", revision="emqx-1"),
            ),
            Memory(),
            ("HoldRollout", partition(2)),
            id="whose pods are counted from five",
        ),
        pytest.param(
            walking(2, mode="Heal"),
            Memory(),
            ("ContinueRollout", partition(1)),
            id="and the next one when all have joined",
        ),
    ],
)
def test_a_stateful_set_that_rolls_by_another_hand(case: Case, memory: Memory, expected: object) -> None:
    assert step_of(case, memory) == expected


def test_who_took_the_brake_off_did_it_for_that_rollout() -> None:
    """Else it would stay off in the next one as well."""
    over = a_case(mode="Heal", annotations={ORIGINAL: record(ADDRESS, PAUSED)})
    step = brake.step(over, Memory(original=record(ADDRESS)), AT)
    assert step
    assert isinstance(step.operation, Steer)
    assert step.operation.body["spec"] == {}
    assert Record.load(step.operation.original).changes == (ADDRESS,)
    observed = a_case(mode="Observe", annotations={ORIGINAL: record(ADDRESS, PAUSED)})
    assert brake.step(observed, Memory(original=record(ADDRESS)), AT) is None


def test_what_is_held_of_another_hand_is_healed_and_no_repair() -> None:
    """Its members pass the guards, and no name or pod is cleared away by the rules of a repair."""
    plan = plan_of(foreign("a b c", "d"))
    assert (now(plan), plan.procedure, plan.heals) == (["HoldRollout Deployment/emqx"], True, True)
    held = foreign("a b c", "d", paused=True, **recorded(PAUSED))
    left = plan_of(held, HEALING)
    assert ([step.action for step in left.steps][-1], left.heals) == (Action.CONTINUE_ROLLOUT, True)


def test_what_was_there_before_is_remembered_and_forgotten_with_the_brake() -> None:
    held = brake.step(rolling("a b c", "d"), ours(), AT)
    assert held
    assert isinstance(held.operation, Steer)
    metadata = held.operation.body["metadata"]
    assert metadata["resourceVersion"] == "1000"
    assert Record.load(held.operation.original).changes == tuple(
        sorted((ADDRESS, PAUSED), key=lambda c: c.field)
    )

    on = brake.step(rolling("a b c d", paused=True, **recorded(PAUSED)), ours(PAUSED), AT)
    assert on
    assert isinstance(on.operation, Steer)
    assert json.loads(on.operation.original or "")["changes"] == [
        {"field": ADDRESS.field, "was": ADDRESS.was, "now": ADDRESS.now}
    ]


def test_walking_keeps_the_first_original() -> None:
    step = brake.step(walking(2), ours(walked(2)), AT)
    assert step
    assert isinstance(step.operation, Steer)
    assert walked(1) in Record.load(step.operation.original).changes


def test_it_comes_before_everything_else_and_only_in_mode_repair() -> None:
    assert now(plan_of(rolling("a b c", "d"), ours())) == ["HoldRollout Deployment/emqx"]
    assert now(plan_of(rolling("a b c", "d", mode="Observe"), ours())) == []
    paused = {"emqx-autocluster.io/paused": "true"}
    assert now(plan_of(rolling("a b c", "d", annotations=paused), ours())) == []


SURGE = {"max_surge": "25%", "max_unavailable": "25%"}


@pytest.mark.parametrize(
    ("facts", "guarded"),
    [
        pytest.param(
            {"replicas": 3, **SURGE}, {}, id="three and Kubernetes' own values: one more, none less"
        ),
        pytest.param(
            {"replicas": 4, **SURGE}, {"maxUnavailable": 0}, id="four: one less is as many as one more"
        ),
        pytest.param(
            {"replicas": 3, "max_surge": "100%", "max_unavailable": 0}, {"maxSurge": 1}, id="all at once"
        ),
        pytest.param({"replicas": 3, "max_surge": 0, "max_unavailable": 1}, {}, id="no room for one more"),
        pytest.param({"replicas": 4, **SURGE, "keeps_apart": True}, {}, id="pods that share no node"),
        pytest.param({"replicas": 4, **SURGE, "strategy": "Recreate"}, {}, id="Recreate"),
        pytest.param({"replicas": 1, **SURGE}, {}, id="one replica"),
    ],
)
def test_a_deployments_rollout_is_narrowed_where_that_is_sure_to_work(
    facts: dict[str, Any], guarded: dict[str, int]
) -> None:
    assert by_name(brake.guard(a_case(**facts))) == guarded


def by_name(changes: Changes) -> dict[str, Any]:
    return {change.field.rpartition(".")[2]: change.now for change in changes}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        pytest.param({"strategy": "Recreate"}, "ends all pods at once: nothing can be held", id="Recreate"),
        pytest.param(
            {**STATEFUL, "strategy": "OnDelete"}, "by OnDelete no pod ends by itself", id="OnDelete"
        ),
        pytest.param({**STATEFUL}, "no two end before a new one has", id="StatefulSet"),
        pytest.param(
            {"replicas": 4, **SURGE}, "until it is over with maxUnavailable=0 instead of 25%", id="narrowed"
        ),
        pytest.param(
            {"max_surge": 0, "max_unavailable": 1}, "lets 1 end before any new one is there", id="no room"
        ),
        pytest.param(SURGE, "paused before the next old one ends", id="as usual"),
        pytest.param({"replicas": 1}, "no other member", id="one replica"),
    ],
)
def test_what_it_can_do_and_what_not_is_said_beforehand(facts: dict[str, Any], said: str) -> None:
    case = a_case(env={API_SERVER: "nonsense"}, **facts)
    (wait,) = [step for step in plan_of(case).steps if step.action is Action.AWAIT_ROLLOUT]
    assert said in wait.message


def test_what_was_narrowed_is_put_back_when_the_rollout_is_over() -> None:
    away = FieldChange(template.MAX_UNAVAILABLE, "25%", 0)
    done = a_case(max_unavailable=0, **recorded(away))
    assert step_of(done, ours(away)) == (
        "ContinueRollout",
        {"strategy": {"rollingUpdate": {"maxUnavailable": "25%"}}},
    )
    assert step_of(rolling("a b c d", max_unavailable=0, **recorded(away)), ours(away)) is None


# --- a small model: a controller that ends an old member whenever it may, and a world in which joins fail at will


@dataclass
class World:
    """Pods by their names; those of a StatefulSet are replaced under the same one, last first."""

    kind: WorkloadKind
    replicas: int
    old: list[str] = field(default_factory=list)
    new: dict[str, int] = field(default_factory=dict)
    """Seconds since it became Ready."""
    members_joined: set[str] = field(default_factory=set)
    ended: int = 0
    paused: bool = False
    partition: int = 0
    original: str = field(default_factory=lambda: record(ADDRESS))
    blind: bool = False
    alive: bool = True

    def __post_init__(self) -> None:
        stateful = self.kind is WorkloadKind.STATEFUL_SET
        self.old = [str(n) if stateful else "abcdefghij"[n] for n in range(self.replicas)]
        for change in brake.guard(a_case(kind=self.kind, replicas=self.replicas)):
            self.partition, self.original = change.now, record(ADDRESS, change)

    @property
    def joined(self) -> int:
        return len(self.members_joined)

    def happen(self, event: str) -> None:
        {
            "join": lambda: self.members_joined.update(list(self.new)[-1:]),
            "look": self.look,
            "time": self.pass_time,
            "blind": lambda: setattr(self, "blind", True),
            "see": lambda: setattr(self, "blind", False),
            "die": lambda: setattr(self, "alive", False),
            "live": lambda: setattr(self, "alive", True),
        }[event]()

    def pass_time(self) -> None:
        """Three seconds, as between two looks at a rollout: the operator looks, and then Kubernetes acts."""
        self.new = {name: seconds + 3 for name, seconds in self.new.items()}
        if self.kind is WorkloadKind.DEPLOYMENT:
            self.look()
        self.control()

    def control(self) -> None:
        available = all(seconds >= SAFE for seconds in self.new.values())
        if self.paused or not available or not self.old:
            return
        if self.kind is WorkloadKind.STATEFUL_SET:
            if int(self.old[-1]) >= self.partition:
                self.new[self.old.pop()] = 0
                self.ended += 1
            return
        if self.new:
            self.old.pop(0)
            self.ended += 1
        if len(self.new) < self.replicas:
            self.new["klmnopqrst"[len(self.new)]] = 0

    def look(self) -> None:
        if not self.alive and self.kind is WorkloadKind.STATEFUL_SET:
            return
        memory = Memory(a_procedure("a"), original=self.original)
        step = brake.step(self.case(), memory, AT)
        if step is None:
            return
        assert isinstance(step.operation, Steer)
        spec = step.operation.body["spec"]
        self.paused = bool(spec.get("paused", self.paused))
        self.partition = spec.get("updateStrategy", partition(self.partition)["updateStrategy"])[
            "rollingUpdate"
        ]["partition"]
        self.original = step.operation.original or ""

    def case(self) -> Case:
        whole = [*self.old, *(name for name in self.new if name in self.members_joined)]
        alone = [name for name in self.new if name not in self.members_joined]
        group = members(" ".join(whole), *alone)
        for name, seconds in self.new.items():
            group = ready(group, name, seconds, revision="new")
            if self.blind:
                group = changed(group, name, view=NOT_READ)
        return a_case(
            kind=self.kind,
            replicas=self.replicas,
            members=group,
            status_replicas=len(group),
            available_replicas=sum(seconds >= SAFE for seconds in self.new.values()) + len(self.old),
            updated_replicas=len(self.new),
            update_revision="new",
            paused=self.paused,
            partition=self.partition,
            annotations={ORIGINAL: self.original},
        )


SAFE = 20


@given(
    kind=st.sampled_from(WorkloadKind),
    replicas=st.integers(2, 5),
    events=st.lists(
        st.sampled_from(["join", "look", "time", "time", "time", "blind", "see", "die", "live"]), max_size=80
    ),
)
def test_no_two_old_members_end_without_a_new_one_having_joined(
    kind: WorkloadKind, replicas: int, events: list[str]
) -> None:
    """Of a StatefulSet the operator may be dead for as long as it likes; a Deployment's has to look once in time."""
    world = World(kind, replicas)
    for event in events:
        world.happen(event)
        assert world.ended <= world.joined + (kind is WorkloadKind.STATEFUL_SET), events


@pytest.mark.parametrize("kind", WorkloadKind)
def test_the_model_comes_to_its_end_where_all_join(kind: WorkloadKind) -> None:
    world = World(kind, 3)
    for event in ["time", "join", "look"] * 60:
        world.happen(event)
    assert (world.old, len(world.new), world.paused, world.partition) == ([], 3, False, 0)
