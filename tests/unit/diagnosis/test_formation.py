"""ClusterFormed: whether all members are one cluster, each of them serving; and what is no verdict yet."""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    ENV_FROM_SETTINGS,
    IN_ROLLOUT,
    NOT_READ,
    STOPPED_TO_JOIN,
    a_case,
    a_container,
    a_down_member,
    a_member,
    a_pod,
    ago,
    changed,
    half_joined,
    judge,
    members,
    tells,
)
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case, formation
from emqx_autocluster.diagnosis.formation import serving
from emqx_autocluster.emqx.discovery import LICENSE
from emqx_autocluster.emqx.roles import ROLE
from emqx_autocluster.observation import EnvFrom, JoinTrace, Member, WorkloadKind

WELL = members("a b c")
NO_JOIN = JoinTrace(None, listening_again=False)
WAITS = JoinTrace(
    None, listening_again=False, waits="[warning] mria_mnesia: still waiting for table(s): [emqx_banned]"
)
STATEFUL: dict[str, Any] = {"kind": WorkloadKind.STATEFUL_SET}


STARTING = a_down_member("c", waiting="ContainerCreating", created=ago(20))
STUCK: dict[str, Any] = {"available_replicas": 2, "ready_replicas": 2}


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param({}, Reason.ALL_MEMBERS_CLUSTERED, ["all 3 members"], id="one cluster"),
        pytest.param(
            STATEFUL, Reason.ALL_MEMBERS_CLUSTERED, ["all 3 members"], id="one cluster of a StatefulSet"
        ),
        pytest.param(
            {"replicas": 1, "members": members("a")}, Reason.SINGLE_MEMBER, ["one replica"], id="one replica"
        ),
        pytest.param(
            {"env": {"EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns"}},
            Reason.ALL_MEMBERS_CLUSTERED,
            [],
            id="by another strategy",
        ),
        pytest.param(
            {"members": changed(WELL, "c", running_since=ago(5))},
            Reason.ALL_MEMBERS_CLUSTERED,
            [],
            id="a young member that has joined already",
        ),
        pytest.param(
            {"members": (*WELL, a_down_member("d", deleting=True))},
            Reason.ALL_MEMBERS_CLUSTERED,
            [],
            id="a pod that is being deleted does not count",
        ),
        pytest.param(
            {"members": members("a b c", stopped=["emqx@10.244.0.77"])},
            Reason.ALL_MEMBERS_CLUSTERED,
            [],
            id="stopped names are no matter of the cluster",
        ),
    ],
)
def test_formed(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    tells(judge(a_case(**facts), ConditionType.CLUSTER_FORMED), (Status.TRUE, reason), *words)


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"members": members("a", "b", "c")},
            Reason.NOT_FORMED,
            ["3 clusters instead of one", "emqx-a | emqx-b | emqx-c"],
            id="each member alone",
        ),
        pytest.param(
            {"members": members("a b", "c")},
            Reason.MEMBERS_ORPHANED,
            ["2 clusters instead of one", "emqx-a, emqx-b | emqx-c"],
            id="one alone beside a larger cluster",
        ),
        pytest.param(
            {"replicas": 4, "members": members("a b", "c d")},
            Reason.SPLIT_BRAIN,
            ["two or more", "emqx-a, emqx-b | emqx-c, emqx-d"],
            id="two clusters of two",
        ),
        pytest.param(
            {"members": (*members("a b"), a_down_member("c"))},
            Reason.MEMBERS_MISSING,
            ["2 of 3 members run", "emqx-c: CrashLoopBackOff: back-off 40s"],
            id="a member that crashes",
        ),
        pytest.param(
            {"members": members("a b")},
            Reason.MEMBERS_MISSING,
            ["2 of 3", "no more pods were made"],
            id="a pod that was never made",
        ),
        pytest.param(
            {"members": (*members("a", "b"), a_down_member("c"))},
            Reason.NOT_FORMED,
            ["2 clusters"],
            id="a split is told before a missing member",
        ),
        pytest.param(
            {"members": changed(WELL, "c", ready=False, join_trace=NO_JOIN)},
            Reason.MEMBER_NOT_READY,
            [
                "emqx-c is in the cluster and not Ready, although it runs since",
                "kubectl logs -n iot emqx-c",
                "readiness probe",
            ],
            id="a member that is listed and not Ready",
        ),
        pytest.param(
            {"members": changed(WELL, "c", ready=False, join_trace=WAITS)},
            Reason.WAITING_FOR_TABLES,
            ["serves nothing yet: emqx-c, which waits for its tables", "is left alone", WAITS.waits],
            id="a member that waits for its tables",
        ),
        pytest.param(
            {"members": half_joined(WELL, "c")},
            Reason.MEMBER_HALF_JOINED,
            ["emqx-c", "never started them again", STOPPED_TO_JOIN],
            id="half-joined, and listed by all",
        ),
        pytest.param(
            {"members": half_joined(members("a b", "c"), "c")},
            Reason.MEMBER_HALF_JOINED,
            ["emqx-c"],
            id="half-joined, and alone",
        ),
        pytest.param(
            {"members": half_joined(WELL, "c"), **IN_ROLLOUT},
            Reason.MEMBER_HALF_JOINED,
            ["emqx-c"],
            id="half-joined in the middle of a rollout, which waits for it for ever",
        ),
        pytest.param(
            {"image": "emqx/emqx-enterprise:5.9.0"},
            Reason.LICENSE_MISSING,
            ["EMQX 5.9.0 with 3 replicas", LICENSE, "one replica"],
            id="no licence key on a version that needs one to cluster",
        ),
    ],
)
def test_not_formed(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    tells(judge(a_case(**facts), ConditionType.CLUSTER_FORMED), (Status.FALSE, reason), *words)


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"members": NOT_READ}, Reason.PROBE_FAILED, [NOT_READ.reason], id="the pods could not be listed"
        ),
        pytest.param({"containers": ()}, Reason.INITIALIZING, ["no member"], id="there is no EMQX container"),
        pytest.param(
            {"replicas": 0, "members": NOT_READ},
            Reason.INITIALIZING,
            ["nothing is looked at while replicas is 0"],
            id="scaled to zero, so nobody asked for pods",
        ),
        pytest.param(
            {"members": changed(WELL, "b", view=NOT_READ)},
            Reason.PROBE_FAILED,
            ["emqx-b", NOT_READ.reason],
            id="one member could not be asked",
        ),
        pytest.param(
            {"members": changed(WELL, "b", node=None)},
            Reason.PROBE_FAILED,
            ["emqx-b", "node name"],
            id="one member's name could not be told",
        ),
        pytest.param(
            {"members": changed(WELL, "b", view=NOT_READ, running_since=ago(5))},
            Reason.NODES_STARTING,
            ["emqx-b"],
            id="one member that is booting could not be asked",
        ),
        pytest.param(
            {"members": changed(members("a b", "c"), "c", running_since=ago(20))},
            Reason.NODES_STARTING,
            ["emqx-c", "may still join"],
            id="a young member is alone",
        ),
        pytest.param(
            {"members": (a_member("a", sees="bc"), a_member("b", sees="ac"), a_member("c"))},
            Reason.VIEWS_DIFFER,
            ["emqx-a lists emqx-c", "emqx-c does not list emqx-a", "partition"],
            id="views that differ: a partition or a join in progress",
        ),
        pytest.param(IN_ROLLOUT, Reason.TARGET_PROGRESSING, ["1 of 3 pods updated"], id="a rollout"),
        pytest.param(
            {"generation": 5},
            Reason.TARGET_PROGRESSING,
            [],
            id="a change that the controller has not seen yet",
        ),
        pytest.param(
            {"available_replicas": 2, "members": (*members("a b"), STARTING)},
            Reason.TARGET_PROGRESSING,
            ["3 of 3 pods updated, 2 available"],
            id="the last pod of a rollout is starting",
        ),
        pytest.param(
            {**IN_ROLLOUT, "members": changed(WELL, "c", ready=False, join_trace=WAITS)},
            Reason.TARGET_PROGRESSING,
            ["a rollout goes on", "it waits for emqx-c, which waits for its tables", WAITS.waits],
            id="a rollout that a member holds up, since it waits for its tables",
        ),
        pytest.param(
            {"available_replicas": 2},
            Reason.TARGET_PROGRESSING,
            ["2 available"],
            id="Ready and not yet available",
        ),
        pytest.param(
            {"members": changed(WELL, "c", ready=False, running_since=ago(59), join_trace=NO_JOIN)},
            Reason.NODES_STARTING,
            ["emqx-c", "not Ready yet"],
            id="a member that is not Ready, and boots",
        ),
        pytest.param(
            {"members": changed(WELL, "c", ready=False, join_trace=NOT_READ)},
            Reason.PROBE_FAILED,
            ["emqx-c", "only its log", NOT_READ.reason],
            id="a member that is not Ready, and its log could not be read",
        ),
        pytest.param(
            {
                "image": "emqx/emqx-enterprise:5.9.0",
                "members": members("a b c", identity=NOT_READ),
            },
            Reason.PROBE_FAILED,
            ["licence", NOT_READ.reason],
            id="whether there is a licence key is not known",
        ),
    ],
)
def test_what_is_not_known(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    tells(judge(a_case(**facts), ConditionType.CLUSTER_FORMED), (Status.UNKNOWN, reason), *words)


# --- rollouts that do not go on

IN_BACK_OFF = "ImagePullBackOff: Back-off pulling image"
IN_ITS_BEGINNING: dict[str, Any] = {"status_replicas": 4, "updated_replicas": 1, "available_replicas": 3}


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        pytest.param(
            a_down_member("d", waiting=IN_BACK_OFF, created=ago(5)),
            f"; it waits for emqx-d: {IN_BACK_OFF}; see kubectl describe pod -n iot emqx-d",
            id="an image that cannot be pulled is told at once",
        ),
        pytest.param(
            a_down_member("d", waiting="CrashLoopBackOff: back-off 40s", created=ago(5)),
            "; it waits for emqx-d: CrashLoopBackOff: back-off 40s; see kubectl logs -n iot emqx-d -c emqx --previous",
            id="what crashed has a log",
        ),
        pytest.param(
            a_down_member("d", waiting=None, phase="Pending", created=ago(61)),
            "; it waits for emqx-d: Pending; see kubectl describe pod -n iot emqx-d",
            id="a pod for which there is no node",
        ),
        pytest.param(
            a_member("d", sees="abc", pod=a_pod("d", ready=False, created=ago(61))),
            "; it waits for emqx-d, which runs and is not Ready; see kubectl describe pod -n iot emqx-d",
            id="a pod that does not become Ready",
        ),
        pytest.param(
            a_down_member("d", waiting="ContainerCreating", created=ago(59)), "", id="a start takes a moment"
        ),
    ],
)
def test_whom_a_rollout_waits_for_is_told_before_it_counts_as_stuck(pod: Member, words: str) -> None:
    case = a_case(members=(*members("a b c"), pod), **IN_ITS_BEGINNING)
    finding = judge(case, ConditionType.CLUSTER_FORMED)
    tells(finding, (Status.UNKNOWN, Reason.TARGET_PROGRESSING))
    assert finding.message.endswith("1 of 3 pods updated, 3 available" + words)


def test_a_rollout_that_is_stuck_on_a_pod_that_is_not_ready_names_it() -> None:
    group = (*members("a b c"), a_member("d", sees="abc", pod=a_pod("d", ready=False, created=ago(35))))
    case = a_case(members=group, progress_deadline_exceeded=True, **IN_ITS_BEGINNING)
    words = "is stuck (1 of 3 pods updated, 3 available) on emqx-d, which runs and is not Ready; see kubectl describe"
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.FALSE, Reason.ROLLOUT_STUCK), words)


def test_a_rollout_that_is_stuck_on_a_member_without_its_tables_says_that() -> None:
    waiting = a_member("d", sees="abc", pod=a_pod("d", ready=False), join_trace=WAITS)
    case = a_case(members=(*members("a b c"), waiting), progress_deadline_exceeded=True, **IN_ITS_BEGINNING)
    words = ("the rollout is stuck", "on emqx-d, which waits for its tables", WAITS.waits)
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.FALSE, Reason.WAITING_FOR_TABLES), *words)


def test_a_crash_loop_after_the_rollout_is_told_at_once_and_holds_nobody_else_up() -> None:
    crashing = a_down_member("c", waiting="CrashLoopBackOff: back-off 40s", created=ago(5))
    case = a_case(members=(*members("a b"), crashing), **STUCK)
    finding = judge(case, ConditionType.CLUSTER_FORMED)
    told = "2 of 3 members run (emqx-c: CrashLoopBackOff: back-off 40s); see kubectl logs -n iot emqx-c"
    tells(finding, (Status.FALSE, Reason.MEMBERS_MISSING), told)
    assert not case.progressing
    assert a_case(members=(*members("a b"), STARTING), **STUCK).progressing


NEW: dict[str, Any] = {"revision": "emqx-2"}


def test_a_deployment_whose_deadline_passed_is_stuck_on_a_pod() -> None:
    group = (
        *members("a b c"),
        a_down_member("d", waiting="ImagePullBackOff: no such image", created=ago(900)),
    )
    case = a_case(members=group, status_replicas=4, updated_replicas=1, progress_deadline_exceeded=True)
    finding = judge(case, ConditionType.CLUSTER_FORMED)
    tells(finding, (Status.FALSE, Reason.ROLLOUT_STUCK), "stuck", "emqx-d: ImagePullBackOff: no such image")


@pytest.mark.parametrize(("minutes", "status"), [(9, Status.UNKNOWN), (10, Status.FALSE)])
def test_a_stateful_set_is_stuck_after_the_ten_minutes_that_a_deployment_gets(
    minutes: float, status: Status
) -> None:
    group = (*members("0 1"), a_down_member("2", created=ago(60 * minutes), **NEW))
    facts: dict[str, Any] = {"updated_replicas": 1, "update_revision": "emqx-2", **STUCK}
    finding = judge(a_case(**STATEFUL, members=group, **facts), ConditionType.CLUSTER_FORMED)
    assert finding.status is status
    assert ("stuck" in finding.message) == finding.bad


@pytest.mark.parametrize("kind", list(WorkloadKind))
def test_a_member_that_fails_long_after_the_rollout_is_no_rollout(kind: WorkloadKind) -> None:
    """Kubernetes has no deadline for it: it would be a rollout for ever."""
    last = "2" if kind is WorkloadKind.STATEFUL_SET else "c"
    group = changed(members("0 1 2" if last == "2" else "a b c"), last, running_since=None, ready=False)
    finding = judge(a_case(kind=kind, members=group, **STUCK), ConditionType.CLUSTER_FORMED)
    tells(finding, (Status.FALSE, Reason.MEMBERS_MISSING), f"emqx-{last}")


def test_a_canary_behind_a_partition_is_no_rollout() -> None:
    case = a_case(**STATEFUL, partition=2, updated_replicas=1, update_revision="emqx-2")
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.TRUE, Reason.ALL_MEMBERS_CLUSTERED))


def test_on_delete_names_the_pods_to_delete_in_order() -> None:
    group = changed(members("0 1 2"), "1", revision="emqx-2")
    facts: dict[str, Any] = {"strategy": "OnDelete", "updated_replicas": 1, "update_revision": "emqx-2"}
    finding = judge(a_case(**STATEFUL, members=group, **facts), ConditionType.CLUSTER_FORMED)
    words = ("OnDelete", "(emqx-2, emqx-0)", "Ready for 20 s", "kubectl delete pod -n iot emqx-2")
    tells(finding, (Status.UNKNOWN, Reason.TARGET_PROGRESSING), *words)


def test_on_delete_names_nobody_before_its_controller_has_told_who_is_old() -> None:
    facts: dict[str, Any] = {"strategy": "OnDelete", "update_revision": "emqx-1", "observed_generation": 1}
    case = a_case(**STATEFUL, members=members("0 1 2"), generation=2, **facts)
    finding = judge(case, ConditionType.CLUSTER_FORMED)
    tells(finding, (Status.UNKNOWN, Reason.TARGET_PROGRESSING), "not taken in the last change yet")


def test_on_delete_is_over_once_every_pod_is_new() -> None:
    case = a_case(**STATEFUL, strategy="OnDelete", update_revision="emqx-2")
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.TRUE, Reason.ALL_MEMBERS_CLUSTERED))


def test_behind_spec_paused_the_members_are_judged_as_they_are() -> None:
    case = a_case(paused=True, updated_replicas=0, members=members("a b", "c"))
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.FALSE, Reason.MEMBERS_ORPHANED))


# --- half-joined needs evidence


@pytest.mark.parametrize(
    ("trace", "facts", "expected"),
    [
        pytest.param(
            JoinTrace(ago(60), listening_again=False), {}, True, id="stopped to join, and nothing since"
        ),
        pytest.param(
            JoinTrace(ago(59), listening_again=False), {}, False, id="it stopped less than 60 s ago"
        ),
        pytest.param(JoinTrace(ago(300), listening_again=True), {}, False, id="a listener started since"),
        pytest.param(NO_JOIN, {}, False, id="no join in its log: it may wait for tables"),
        pytest.param(NOT_READ, {}, False, id="its log could not be read"),
        pytest.param(JoinTrace(ago(300), listening_again=False), {"ready": True}, False, id="it is Ready"),
        pytest.param(
            JoinTrace(ago(300), listening_again=False), {"deleting": True}, False, id="it is being deleted"
        ),
        pytest.param(
            JoinTrace(ago(300), listening_again=False), {"running_since": None}, False, id="it does not run"
        ),
    ],
)
def test_half_joined_needs_evidence_from_its_own_log(
    trace: Any, facts: dict[str, Any], *, expected: bool
) -> None:
    group = changed(WELL, "c", join_trace=trace, **{"ready": False, **facts})
    names = [m.pod.name for m in serving.half_joined(a_case(members=group))]
    assert names == (["emqx-c"] if expected else [])


@pytest.mark.parametrize(("version", "asks"), [("4.4.19", False), ("5.6.0", False), ("5.6.1", True)])
def test_what_cures_a_half_joined_member_depends_on_the_version(version: str, *, asks: bool) -> None:
    case = a_case(image=f"emqx:{version}", members=half_joined(WELL, "c"))
    message = judge(case, ConditionType.CLUSTER_FORMED).message
    assert ("emqx_ctl cluster discovery enable; if it is not Ready" in message) is asks
    assert message.endswith("kubectl delete pod -n iot emqx-c")


def test_how_long_a_join_may_take_is_the_users_to_say() -> None:
    case = a_case(members=half_joined(WELL, "c", seconds=90), spec={"repair": {"halfJoinedAfter": "2m"}})
    assert serving.half_joined(case) == ()


# --- the licence


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"image": "emqx/emqx:5.8.9"}, id="a version that needs none"),
        pytest.param({"replicas": 1, "members": members("a")}, id="one replica"),
        pytest.param({"env": {LICENSE: "MjIw..."}}, id="a key in env"),
        pytest.param({"env_from": (EnvFrom(None, "emqx"),)}, id="a Secret that may hold one"),
        pytest.param(
            {"env_from": ENV_FROM_SETTINGS, "config_maps": {"settings": {LICENSE: "MjIw..."}}},
            id="a key in a ConfigMap",
        ),
    ],
)
def test_the_licence_is_no_obstacle(facts: dict[str, Any]) -> None:
    case = a_case(**{"image": "emqx/emqx-enterprise:5.9.0", **facts})
    assert formation.licence(case) is None


def test_replicants_are_never_the_one_node_that_the_licence_allows() -> None:
    case = a_case(image="emqx/emqx:5.9.1", env={ROLE: "replicant"}, replicas=1)
    finding = formation.licence(case)
    assert finding is not None
    tells(finding, (Status.FALSE, Reason.LICENSE_MISSING), "one core and one replicant are two nodes")
    assert "or one replica" not in finding.message


# --- how many are clustered


@pytest.mark.parametrize(
    ("case", "count"),
    [
        pytest.param(a_case(), 3, id="all"),
        pytest.param(a_case(members=members("a b", "c")), 2, id="the largest island"),
        pytest.param(a_case(members=changed(WELL, "c", ready=False)), 2, id="only those that are Ready"),
        pytest.param(a_case(members=changed(WELL, "c", view=NOT_READ)), None, id="not known"),
        pytest.param(a_case(members=NOT_READ), None, id="the pods could not be listed"),
        pytest.param(a_case(members=(a_down_member("a"),)), 0, id="nobody runs"),
    ],
)
def test_how_many_members_are_clustered(case: Case, count: int | None) -> None:
    assert formation.clustered(case) == count


def test_a_member_is_judged_by_its_container_not_by_its_pods_age() -> None:
    """A container that was restarted boots again in an old pod."""
    group = changed(WELL, "c", ready=False, running_since=ago(10), join_trace=NO_JOIN)
    finding = judge(a_case(members=group), ConditionType.CLUSTER_FORMED)
    assert finding.status is Status.UNKNOWN
    assert replace(finding, message="").reason is Reason.NODES_STARTING


def test_a_command_names_the_container_where_a_pod_has_several() -> None:
    several = (a_container(), replace(a_container(), name="proxy", image="proxy:1"))
    assert a_case().where("emqx-c") == "-n iot emqx-c"
    assert a_case(containers=several).where("emqx-c") == "-n iot emqx-c -c emqx"


def test_while_one_of_them_is_young_two_that_do_not_list_each_other_are_no_cluster_either() -> None:
    group = (a_member("a", sees="b"), a_member("b", sees="ac"), a_member("c", sees="b"))
    young = changed(group, "b", running_since=ago(10))
    finding = judge(a_case(members=young), ConditionType.CLUSTER_FORMED)
    tells(finding, (Status.UNKNOWN, Reason.NODES_STARTING), "emqx-b started a moment ago")


def test_two_members_that_know_nothing_of_each_other_are_told_although_a_third_lists_both() -> None:
    """One link is cut: nobody stands alone, and still this is not one cluster."""
    group = (a_member("a", sees="b"), a_member("b", sees="ac"), a_member("c", sees="b"))
    tells(
        judge(a_case(members=group), ConditionType.CLUSTER_FORMED),
        (Status.FALSE, Reason.VIEWS_DIFFER),
        "emqx-a and emqx-c do not list each other",
        "4370",
    )
