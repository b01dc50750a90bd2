"""ClusterFormed: what brings members together that stand apart, messages that do not cross, and nodes of others."""

from typing import Any

import pytest

from builders import a_case, a_member, changed, judge, members, node_of, tells
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.observation import (
    DiscoveryError,
    DiscoveryTrace,
    Member,
    Stranger,
    Unobserved,
    View,
    WorkloadKind,
)

ALONE = members("a", "b", "c")
ORPHANED = members("a b", "c")
SPLIT = members("a b", "c d")
DENIED = DiscoveryTrace(DiscoveryError.FORBIDDEN, "Ekka(AutoCluster): Discovery error: {403,…}")


def message(**facts: Any) -> str:
    return judge(a_case(**facts), ConditionType.CLUSTER_FORMED).message


def image(version: str) -> dict[str, Any]:
    return {"image": f"emqx/emqx:{version}"}


# --- whether anything brings them together


@pytest.mark.parametrize("version", ["4.0.0", "4.4.19", "5.0.8"])
def test_up_to_5_0_8_a_lone_member_goes_on_looking(version: str) -> None:
    assert (
        f"EMQX {version} goes on looking, so a lone member joins by itself once its discovery works"
        in message(**image(version), members=ORPHANED)
    )


@pytest.mark.parametrize(
    ("version", "again"),
    [
        ("5.0.9", "restart it, or join it to the others"),
        ("5.6.0", "restart it, or join it to the others"),
        ("5.6.1", "kubectl exec -n iot emqx-c -- emqx_ctl cluster discovery enable, or a restart or a join"),
        ("5.8.9", "kubectl exec -n iot emqx-c -- emqx_ctl cluster discovery enable, or a restart or a join"),
    ],
)
def test_later_ones_may_have_ended_and_what_helps_then_depends_on_the_version(
    version: str, again: str
) -> None:
    told = message(**image(version), members=ORPHANED)
    assert f"EMQX {version} looks no more once it has found only itself" in told
    assert told.endswith(f"may never join by itself; what makes it look again: {again}")


def test_as_long_as_its_discovery_fails_it_goes_on_looking() -> None:
    told = message(members=changed(ORPHANED, "c", discovery_trace=DENIED))
    assert "while discovery fails EMQX 5.8.9 goes on looking" in told
    assert told.endswith(f"; emqx-c says so too, its log: {DENIED.line}")
    assert "discovery enable" not in told


def test_one_that_fails_does_not_speak_for_the_others() -> None:
    told = message(members=changed(ALONE, "a", discovery_trace=DENIED))
    assert "may never join" in told
    assert "kubectl exec -n iot emqx-b -- emqx_ctl" in told


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
def test_nobody_promises_that_whole_clusters_come_together(version: str) -> None:
    told = message(**image(version), replicas=4, members=SPLIT)
    assert told.endswith("clusters of two or more do not come together by themselves")


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"EMQX_CLUSTER__DISCOVERY_STRATEGY": "manual"}, id="another strategy"),
        pytest.param(
            {"EMQX_CLUSTER__DISCOVERY_STRATEGY": None, "EMQX_CLUSTER__DISCOVERY": "k8s"},
            id="k8s by a variable that this version does not read",
        ),
    ],
)
def test_nothing_is_said_of_members_that_do_not_ask_kubernetes(env: dict[str, str | None]) -> None:
    assert message(env=env, members=ORPHANED).endswith("emqx-a, emqx-b | emqx-c")


# --- listed, and no message crosses


def dialled(**closed: str) -> tuple[Member, ...]:
    """A cluster of three in which all ports are open but those that are named: a="b" - a does not reach b."""
    group = members("a b c")
    for suffix in "abc":
        answers = {f"emqx-{other}": other not in closed.get(suffix, "") for other in "abc"}
        group = changed(group, suffix, rpc=answers)
    return group


def test_a_port_for_messages_that_is_closed() -> None:
    words = ("list each other", "emqx-a does not reach", "(5369) of emqx-b:", "NetworkPolicy")
    finding = judge(a_case(members=dialled(a="b")), ConditionType.CLUSTER_FORMED)
    tells(finding, (Status.FALSE, Reason.RPC_PORT_CLOSED), *words)


def test_how_many_ways_are_closed_is_told() -> None:
    told = message(members=dialled(a="b", b="a", c="b"))
    assert (
        "emqx-a does not reach the port for messages between nodes (5369) of emqx-b (and 2 more such ways)"
        in told
    )


def test_the_port_is_that_of_the_version() -> None:
    group = changed(dialled(a="b"), "b", node="emqx-2@10.244.0.2")
    group = tuple(
        Member(m.pod, m.identity, _with(m.view, "emqx-2@10.244.0.2"), node=m.node, rpc=m.rpc) for m in group
    )
    assert "(5372)" in message(**image("4.2.14"), members=group)


def _with(view: object, name: str) -> View:
    assert isinstance(view, View)
    return View(view.running - {node_of("b")} | {name})


UNREAD = Unobserved("the image cannot dial: no words (exit code 127)")


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(members("a b c"), id="nobody asked"),
        pytest.param(dialled(), id="all open"),
        pytest.param(dialled(a="b", b="b", c="b"), id="closed to its own pod as well: it is another port"),
        pytest.param(changed(dialled(a="b"), "b", rpc={}), id="its own pod was not asked"),
        pytest.param(changed(dialled(), "a", rpc={"emqx-b": UNREAD}), id="an image without bash"),
        pytest.param(changed(dialled(), "a", rpc={"emqx-gone": False}), id="a peer that is gone"),
    ],
)
def test_no_alarm(group: tuple[Member, ...]) -> None:
    finding = judge(a_case(members=group), ConditionType.CLUSTER_FORMED)
    tells(finding, (Status.TRUE, Reason.ALL_MEMBERS_CLUSTERED))


def test_a_member_that_is_missing_or_not_ready_is_told_first() -> None:
    group = changed(dialled(a="b"), "b", ready=False)
    assert judge(a_case(members=group), ConditionType.CLUSTER_FORMED).reason is not Reason.RPC_PORT_CLOSED


# --- nodes of others

EDGE = "emqx@10.244.7.7"


def with_edge(**facts: Any) -> Case:
    group = tuple(a_member(s, sees="abc") for s in "abc")
    seen = tuple(Member(m.pod, m.identity, View(_running(m) | {EDGE}), node=m.node) for m in group)
    return a_case(**{"members": seen, **facts})


def _running(member: Member) -> frozenset[str]:
    assert isinstance(member.view, View)
    return member.view.running


def test_nodes_that_no_pod_of_the_workload_has_are_named_and_are_no_alarm() -> None:
    finding = judge(with_edge(), ConditionType.CLUSTER_FORMED)
    tells(
        finding,
        (Status.TRUE, Reason.FOREIGN_NODES_PRESENT),
        "all 3 members",
        f"no pod of this workload has: {EDGE}",
    )


def test_what_has_them_is_told_where_it_is_known() -> None:
    case = with_edge(strangers={EDGE: Stranger("pod edge-0 of StatefulSet edge")})
    words = f"{EDGE} (pod edge-0 of StatefulSet edge)"
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.TRUE, Reason.FOREIGN_NODES_PRESENT), words)


def test_also_beside_a_single_member() -> None:
    alone = a_member("a")
    group = (Member(alone.pod, alone.identity, View(_running(alone) | {EDGE}), node=alone.node),)
    case = with_edge(replicas=1, members=group)
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.TRUE, Reason.FOREIGN_NODES_PRESENT))


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(
            {"members": changed(members("a b c"), "c", deleting=True), "replicas": 2}, id="a pod that ends"
        ),
        pytest.param(
            {
                "kind": WorkloadKind.STATEFUL_SET,
                "members": tuple(a_member(s, sees="012") for s in "01"),
                "replicas": 3,
            },
            id="a name that the next pod will take",
        ),
    ],
)
def test_names_of_its_own_pods_are_not_foreign(facts: dict[str, Any]) -> None:
    finding = judge(a_case(**facts), ConditionType.CLUSTER_FORMED)
    assert finding.reason is not Reason.FOREIGN_NODES_PRESENT


FORGED = {"emqx-forged": "ReplicaSet emqx-7d9f gives no such name"}


def test_a_pod_that_only_says_it_is_a_member_is_named() -> None:
    finding = judge(a_case(impostors=FORGED), ConditionType.CLUSTER_FORMED)
    tells(
        finding,
        (Status.FALSE, Reason.FOREIGN_POD_PRESENT),
        "pod emqx-forged says that it belongs to this workload and does not: ReplicaSet emqx-7d9f gives no such name",
        "kubectl get pod -n iot emqx-forged -o yaml --show-managed-fields",
    )


@pytest.mark.parametrize(
    "name", ["emqx-forged", "emqx", "emqx-a"], ids=["any", "a part of theirs", "one of theirs"]
)
def test_also_where_members_stand_apart_whatever_its_name(name: str) -> None:
    case = a_case(impostors={name: "x"}, members=members("a b", "c"))
    words = f"pod {name} says that it belongs to this workload and does not: x"
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.FALSE, Reason.MEMBERS_ORPHANED), words)


def test_also_where_real_members_are_missing() -> None:
    case = a_case(impostors=FORGED | {"other": "x"}, members=members("a b"))
    words = "emqx-forged says that it belongs to this workload and does not", "(and 1 more)"
    tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.FALSE, Reason.MEMBERS_MISSING), *words)
