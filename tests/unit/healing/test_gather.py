"""Gather: strays join the seed island, one at a time, before anything restarts; a join wipes the joiner."""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    CANONICAL_HOST,
    CLUSTER_IP,
    DEAD_PROXY,
    NODE_ONLY_NAME,
    NOT_READ,
    a_case,
    a_down_member,
    a_member,
    a_procedure,
    ago,
    an_attempt,
    changed,
    half_joined,
    members,
    node_of,
    now,
    outline,
    plan_of,
    some_rights,
)
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.diagnosis import Case, volumes
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER
from emqx_autocluster.healing import Action, Memory
from emqx_autocluster.healing.steps import Join
from emqx_autocluster.objects import recorded
from emqx_autocluster.objects.recorded import FieldChange, Record
from emqx_autocluster.observation import EnvFrom, JoinTrace, Member, Stranger, View, WorkloadKind

ON_A_VOLUME: dict[str, Any] = {
    "volumes": {"data": "persistentVolumeClaim"},
    "mounts": {"/opt/emqx/data": "data"},
}
ELSEWHERE: dict[str, Any] = {"volumes": {"data": "persistentVolumeClaim"}, "mounts": {"/data": "data"}}
DATA_DIR = "EMQX_NODE__DATA_DIR"
SPLIT = members("a b", "c d")
LARGEST = {"healing": {"splitPolicy": "LargestWins"}}


def broken(**facts: Any) -> Case:
    """Members that a dead proxy keeps apart."""
    group = facts.get("members", ())
    return a_case(**{"env": {API_SERVER: DEAD_PROXY}, "replicas": len(group), **facts})


def seeded(pod: str) -> dict[str, Any]:
    return {"repair": {"seed": pod}}


def joins(case: Case, memory: Memory | None = None) -> list[tuple[str, str]]:
    """(stray, the node that it joins) for every join that is planned."""
    steps = plan_of(case, memory or Memory()).steps
    return [(s.operation.pod, s.operation.node) for s in steps if isinstance(s.operation, Join)]


@pytest.mark.parametrize(
    "volume", [pytest.param({}, id="data in the pod"), pytest.param(ON_A_VOLUME, id="volume")]
)
class TestOneLargerIslandAndLoneOnes:
    """Its majority is the truth, whatever the data lies on."""

    def test_the_lone_ones_join_it_one_after_another(self, volume: dict[str, Any]) -> None:
        case = broken(members=members("a b", "c", "d"), **volume)
        assert joins(case) == [("emqx-c", node_of("a")), ("emqx-d", node_of("a"))]
        assert now(plan_of(case)) == ["JoinCluster Pod/emqx-c"]

    def test_it_is_said_beforehand_that_their_data_is_replaced(self, volume: dict[str, Any]) -> None:
        plan = plan_of(broken(members=members("a b", "c"), mode="Observe", **volume))
        assert "its own data is replaced and its devices reconnect" in plan.steps[0].message
        assert plan.steps[0].command == (
            f"kubectl exec -n iot emqx-c -c emqx -- emqx_ctl cluster join {node_of('a')}"
        )

    def test_the_seed_that_the_user_names_overrules_it(self, volume: dict[str, Any]) -> None:
        case = broken(members=members("a b", "c"), spec=seeded("emqx-c"), **volume)
        assert joins(case) == [("emqx-a", node_of("c")), ("emqx-b", node_of("c"))]


def again(member: str, **facts: Any) -> tuple[Member, ...]:
    """Of three, of which two are one cluster; this one stands alone, and started after them."""
    return changed(members("a b", "c"), member, running_since=ago(120), **facts)


AS_NAMED = seeded("emqx-c")
PUT_RIGHT = FieldChange(
    recorded.ENV + API_SERVER, {"name": API_SERVER, "value": DEAD_PROXY}, CANONICAL_API_SERVER
)
DOUBTFUL = "has started anew since and stands alone beside a cluster (emqx-a, emqx-b)"


FOREIGN = "emqx@10.244.9.9"


def test_one_that_is_in_a_cluster_with_another_workload_is_not_taken_from_it() -> None:
    group = changed(members("a", "b", "c"), "b", view=View(frozenset({node_of("b"), FOREIGN})))
    plan = plan_of(broken(members=group))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.SEED_NEEDED
    assert f"emqx-b is in one cluster with {FOREIGN}" in plan.hold.message
    assert joins(broken(members=group, spec=seeded("emqx-b"))) == [
        ("emqx-a", node_of("b")),
        ("emqx-c", node_of("b")),
    ]
    replicant = {FOREIGN: Stranger("pod edge-0", replicant=True)}
    assert joins(broken(members=group, strangers=replicant)) != [], "replicants are no company"


class TestASeedThatWasNamedLongAgo:
    """Its pod started anew, and stands alone beside the cluster of all others."""

    def test_a_new_pod_without_a_volume_has_nothing_that_could_stay(self) -> None:
        case = broken(members=again("c", created=ago(130)), spec=AS_NAMED)
        assert joins(case) == [("emqx-c", node_of("a"))]

    @pytest.mark.parametrize(
        ("group", "volume"),
        [
            pytest.param(again("c", created=ago(130)), ON_A_VOLUME, id="a new pod with its volume"),
            pytest.param(again("c"), {}, id="its container alone is new, and the pod's data is as it was"),
        ],
    )
    def test_where_it_may_still_have_data_nobody_joins_anybody(
        self, group: tuple[Member, ...], volume: dict[str, Any]
    ) -> None:
        plan = plan_of(broken(members=group, spec=AS_NAMED, **volume))
        assert plan.now == ()
        assert plan.hold
        assert plan.hold.reason is Reason.SEED_NEEDED
        assert DOUBTFUL in plan.hold.message

    @pytest.mark.parametrize("volume", [{}, ON_A_VOLUME], ids=["data in the pod", "volume"])
    def test_after_the_pods_were_replaced_it_means_nothing_that_it_runs_longest(
        self, volume: dict[str, Any]
    ) -> None:
        """It was replaced first, and stayed alone."""
        rolled = Memory(a_procedure("a", "b", "c"), original=Record("emqx", (PUT_RIGHT,)).dump())
        group = changed(members("a b", "c"), "c", running_since=ago(4000), created=ago(4010))
        plan = plan_of(a_case(members=group, spec=AS_NAMED, **volume), rolled)
        assert not [step for step in plan.now if isinstance(step.operation, Join)]


def with_devices(**devices: int) -> tuple[Member, ...]:
    return tuple(a_member(name, connections=count) for name, count in devices.items())


class TestOnlyLoneOnes:
    @pytest.mark.parametrize(
        ("group", "seed"),
        [
            pytest.param(with_devices(a=5, b=70, c=6), "b", id="the one with most devices"),
            pytest.param(
                changed(with_devices(a=5, b=5, c=5), "c", created=ago(9999)),
                "c",
                id="of equal ones the oldest",
            ),
            pytest.param(with_devices(a=0, b=0, c=0), "a", id="of equal age the first by name"),
        ],
    )
    def test_the_seed_when_data_dies_with_the_pod(self, group: tuple[Member, ...], seed: str) -> None:
        planned = joins(broken(members=group))
        assert [node for _, node in planned] == [node_of(seed)] * 2
        assert f"emqx-{seed}" not in [pod for pod, _ in planned]

    def test_data_on_a_volume_needs_the_users_word(self) -> None:
        plan = plan_of(broken(members=members("a", "b", "c"), **ON_A_VOLUME))
        assert plan.now == ()
        assert plan.hold
        assert plan.hold.reason is Reason.SEED_NEEDED
        assert all(w in plan.hold.message for w in ["emqx-a, emqx-b, emqx-c", "wipes", "spec.repair.seed"])

    def test_with_the_users_word(self) -> None:
        case = broken(members=members("a", "b", "c"), spec=seeded("emqx-b"), **ON_A_VOLUME)
        assert joins(case) == [("emqx-a", node_of("b")), ("emqx-c", node_of("b"))]

    def test_how_many_devices_each_has_must_be_known(self) -> None:
        plan = plan_of(broken(members=changed(members("a", "b", "c"), "b", connections=NOT_READ)))
        assert plan.now == ()
        assert plan.hold
        assert plan.hold.reason is Reason.PROBE_FAILED
        assert "emqx-b" in plan.hold.message


@pytest.mark.parametrize(
    "volume", [pytest.param({}, id="data in the pod"), pytest.param(ON_A_VOLUME, id="volume")]
)
class TestTwoOrMoreOfTwoOrMore:
    def test_it_waits_for_the_user(self, volume: dict[str, Any]) -> None:
        plan = plan_of(broken(members=SPLIT, **volume))
        assert plan.now == ()
        assert plan.hold
        assert plan.hold.reason is Reason.SPLIT_BRAIN
        words = ["emqx-a, emqx-b | emqx-c, emqx-d", "wipes", "spec.repair.seed", "spec.healing.splitPolicy"]
        assert all(word in plan.hold.message for word in words)

    def test_the_users_seed_decides(self, volume: dict[str, Any]) -> None:
        case = broken(members=SPLIT, spec=seeded("emqx-d"), **volume)
        assert [pod for pod, _ in joins(case)] == ["emqx-a", "emqx-b"]

    def test_the_largest_wins_if_the_user_says_so(self, volume: dict[str, Any]) -> None:
        case = broken(members=members("a b", "c d e", "f"), spec=LARGEST, **volume)
        assert [pod for pod, _ in joins(case)] == ["emqx-a", "emqx-b", "emqx-f"]

    def test_no_one_wins_where_two_are_equally_large(self, volume: dict[str, Any]) -> None:
        plan = plan_of(broken(members=SPLIT, spec=LARGEST, **volume))
        assert plan.hold
        assert plan.hold.reason is Reason.SPLIT_BRAIN


def test_a_seed_that_is_no_running_member_is_told() -> None:
    plan = plan_of(broken(members=members("a", "b", "c"), spec=seeded("emqx-x")))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.SEED_NEEDED
    assert "emqx-x, which is no running member" in plan.hold.message


def test_the_target_of_a_join_is_the_oldest_of_the_island_that_is_ready() -> None:
    group = changed(members("a b", "c"), "b", created=ago(9000))
    assert joins(broken(members=group)) == [("emqx-c", node_of("b"))]
    assert joins(broken(members=changed(group, "b", ready=False))) == [("emqx-c", node_of("a"))]


# --- data that outlives a pod


@pytest.mark.parametrize(
    ("facts", "outlives"),
    [
        pytest.param({}, False, id="the container's own filesystem"),
        pytest.param(
            {"volumes": {"data": "emptyDir"}, "mounts": {"/opt/emqx/data": "data"}}, False, id="emptyDir"
        ),
        pytest.param(
            {"volumes": {"data": "ephemeral"}, "mounts": {"/opt/emqx/data": "data"}}, False, id="ephemeral"
        ),
        pytest.param(ON_A_VOLUME, True, id="a claim"),
        pytest.param(
            {"volumes": {"data": "hostPath"}, "mounts": {"/opt/emqx/data/": "data"}}, True, id="hostPath"
        ),
        pytest.param(
            {"volumes": {"data": "persistentVolumeClaim"}, "mounts": {"/opt/emqx": "data"}},
            True,
            id="mounted above",
        ),
        pytest.param(
            {"volumes": {"data": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/data/mnesia": "data"}},
            True,
            id="mounted below",
        ),
        pytest.param(
            {"volumes": {"logs": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/log": "logs"}},
            False,
            id="a claim for logs alone",
        ),
        pytest.param(
            {"volumes": {"data": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/data-old": "data"}},
            False,
            id="a path that only begins like it",
        ),
        pytest.param(
            {
                "kind": WorkloadKind.STATEFUL_SET,
                "claim_templates": ("data",),
                "mounts": {"/opt/emqx/data": "data"},
            },
            True,
            id="a claim template",
        ),
        pytest.param({**ELSEWHERE, "env": {DATA_DIR: "/data"}}, True, id="a claim at the folder that is set"),
        pytest.param({**ELSEWHERE, "env": {DATA_DIR: '"/data/emqx/"'}}, True, id="in quotes, and around it"),
        pytest.param({**ELSEWHERE, "env": {DATA_DIR: "/other"}}, False, id="a claim for something else"),
        pytest.param(
            {**ELSEWHERE, "env": {DATA_DIR: "$(FOLDER)"}}, True, id="which folder is set is not known"
        ),
        pytest.param(
            {**ON_A_VOLUME, "env": {DATA_DIR: "/data"}},
            False,
            id="the usual folder is not the one that is set",
        ),
        pytest.param(ELSEWHERE, False, id="a claim beside the usual folder"),
        pytest.param(
            {**ELSEWHERE, "env_from": (EnvFrom(config_map="settings"),)},
            True,
            id="a folder may be set unseen",
        ),
        pytest.param(
            {
                "volumes": {"logs": "persistentVolumeClaim"},
                "mounts": {"/opt/emqx/log": "logs"},
                "env_from": (EnvFrom(config_map="settings"),),
            },
            False,
            id="a claim for logs is none for data, whatever is set",
        ),
    ],
)
def test_which_data_outlives_a_pod(facts: dict[str, Any], *, outlives: bool) -> None:
    assert volumes.outlive_the_pod(a_case(**facts)) == outlives


# --- what must be known


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        pytest.param(
            changed(members("a b", "c"), "b", view=NOT_READ), Reason.PROBE_FAILED, id="a view was not read"
        ),
        pytest.param(
            changed(members("a b", "c"), "c", node=None), Reason.PROBE_FAILED, id="a name is not known"
        ),
        pytest.param(
            (a_member("a", sees="b"), a_member("b"), a_member("c")),
            Reason.VIEWS_DIFFER,
            id="views that differ",
        ),
        pytest.param(
            changed(members("a b", "c"), "c", running_since=ago(10)),
            Reason.NODES_STARTING,
            id="a young member",
        ),
        pytest.param(NOT_READ, Reason.PROBE_FAILED, id="the pods could not be listed"),
    ],
)
def test_no_join_while_membership_is_not_known(group: Any, reason: Reason) -> None:
    plan = plan_of(a_case(env={API_SERVER: "nonsense"}, members=group))
    assert plan.steps == (), "carried out by hand, a plan without the joins would make a split"
    assert plan.hold
    assert plan.hold.reason is reason


def test_a_member_that_does_not_run_is_down_and_not_unknown() -> None:
    case = broken(members=(*members("a", "b"), a_down_member("c", created=ago(9000))), available_replicas=2)
    assert now(plan_of(case)) == ["JoinCluster Pod/emqx-b"]


def test_a_lone_member_that_is_not_ready_is_never_wiped() -> None:
    """It may wait for the tables of its old cluster."""
    group = changed(members("a b", "c"), "c", ready=False)
    plan = plan_of(broken(members=group, available_replicas=2))
    assert plan.steps == (), "nor is a rollout shown, which would end it as well"
    assert plan.hold
    assert plan.hold.reason is Reason.MEMBER_NOT_READY
    assert all(word in plan.hold.message for word in ["emqx-c", "tables", "kubectl logs -n iot emqx-c"])


def test_a_lone_member_whose_log_tells_that_it_waits_for_its_tables_is_left_alone() -> None:
    trace = JoinTrace(
        None, listening_again=False, waits="[warning] still waiting for table(s): [emqx_banned]"
    )
    group = changed(members("a b", "c"), "c", ready=False, join_trace=trace)
    plan = plan_of(broken(members=group, available_replicas=2))
    assert plan.steps == ()
    assert plan.hold
    assert plan.hold.reason is Reason.WAITING_FOR_TABLES
    assert "emqx-c waits for its tables" in plan.hold.message


def test_a_lone_member_whose_log_proves_that_it_is_half_joined_may_join() -> None:
    case = broken(members=half_joined(members("a b", "c"), "c"), available_replicas=2)
    assert joins(case) == [("emqx-c", node_of("a"))]


# --- what need not be known


def unresolved(age: float, **facts: Any) -> Case:
    """Lone members whose address is a name that no pod resolves, `age` seconds after they started."""
    group = tuple(
        replace(
            member,
            pod=replace(member.pod, created=ago(age), running_since=ago(age)),
            lookups={CANONICAL_HOST: (CLUSTER_IP,), NODE_ONLY_NAME: ()},
        )
        for member in members("a", "b", "c")
    )
    return a_case(**{"env": {API_SERVER: f"https://{NODE_ONLY_NAME}:6443"}, "members": group, **facts})


DENIED = {"rights": some_rights(allowed=False)}


@pytest.mark.parametrize(
    "facts", [pytest.param({}, id="and nothing else"), pytest.param(DENIED, id="and rights that are missing")]
)
def test_a_name_that_may_only_be_too_young_keeps_no_member_from_joining(facts: dict[str, Any]) -> None:
    case = unresolved(40, **facts)
    assert now(plan_of(case)) == ["JoinCluster Pod/emqx-b"]
    assert not [line for line in outline(plan_of(case)) if line.startswith("PatchWorkload")]


def test_but_nothing_is_restarted_for_it_before_it_is_known() -> None:
    whole = tuple(replace(m, view=members("a b c")[0].view) for m in unresolved(40).observation.each_member())
    plan = plan_of(unresolved(40, members=whole), Memory(a_procedure("a", "b", "c")))
    assert plan.now == ()


def test_members_that_may_still_find_each_other_are_not_joined() -> None:
    assert now(plan_of(unresolved(29))) == []


def test_mode_observe_joins_nobody() -> None:
    assert now(plan_of(unresolved(40, mode="Observe"))) == []


# --- a join that fails


def tried(times: int, *, seconds: float = 120) -> Memory:
    said = "Failed to join the cluster: {node_down,'emqx@10.244.0.1'}"
    attempt = an_attempt(Action.JOIN_CLUSTER, "Pod/emqx-c", count=times, seconds=seconds, said=said)
    return Memory(a_procedure("a", "b", "c", attempts=[attempt]))


def test_a_join_that_failed_once_is_tried_again() -> None:
    assert now(plan_of(broken(members=members("a b", "c")), tried(1))) == ["JoinCluster Pod/emqx-c"]


def test_a_join_that_failed_twice_keeps_no_other_member_waiting() -> None:
    plan = plan_of(broken(members=members("a b", "c", "d")), tried(2))
    assert now(plan) == ["JoinCluster Pod/emqx-d"]
    assert outline(plan)[:2] == ["JoinCluster Pod/emqx-d", "JoinCluster Pod/emqx-c"]


def test_a_join_that_failed_twice_stops_everything_with_emqxs_own_words() -> None:
    plan = plan_of(broken(members=members("a b", "c")), tried(2))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.JOIN_FAILED
    words = [
        "Pod/emqx-c",
        "was joined 2 times and still stands apart",
        "{node_down,'emqx@10.244.0.1'}",
        "kubectl exec -n iot emqx-c",
    ]
    assert all(word in plan.hold.message for word in words)
    assert any(line.startswith("PatchWorkload") for line in outline(plan)), "what is left is still shown"


def test_what_an_earlier_pod_of_the_name_failed_at_does_not_count() -> None:
    """A StatefulSet's new pods have the names of the old ones."""
    group = changed(members("a b", "c"), "c", created=ago(100))
    assert now(plan_of(broken(members=group), tried(2))) == ["JoinCluster Pod/emqx-c"]


# --- strategy Recreate


def test_recreate_gathers_nothing_since_all_restart_at_once() -> None:
    case = broken(members=members("a", "b", "c"), strategy="Recreate")
    assert now(plan_of(case)) == ["PatchWorkload Deployment/emqx"]
