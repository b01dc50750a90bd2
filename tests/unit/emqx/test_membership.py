"""Who is clustered with whom: islands from views that agree, and names that no pod can have any more."""

from dataclasses import replace

import pytest

from builders import (
    NOT_READ,
    a_down_member,
    a_member,
    a_pod,
    a_workload,
    ago,
    an_observation,
    changed,
    ip_of,
    members,
    node_of,
)
from emqx_autocluster.emqx import membership
from emqx_autocluster.emqx.membership import Membership, Names, node_name
from emqx_autocluster.observation import Member, Pod, WorkloadKind


def examine(*group: Member, kind: WorkloadKind = WorkloadKind.DEPLOYMENT, replicas: int = 3) -> Membership:
    return membership.examine(an_observation(kind=kind, replicas=replicas, members=group))


def shown(seen: Membership) -> list[str]:
    return [" ".join(m.pod.name.removeprefix("emqx-") for m in island) for island in seen.islands]


@pytest.mark.parametrize(
    ("group", "islands"),
    [
        pytest.param(members("a b c"), ["a b c"], id="one cluster"),
        pytest.param(members("a", "b", "c"), ["a", "b", "c"], id="each alone"),
        pytest.param(members("a", "b c"), ["b c", "a"], id="the larger one first"),
        pytest.param(
            changed(members("a", "b", "c"), "c", created=ago(7200)), ["c", "a", "b"], id="then the oldest one"
        ),
        pytest.param(
            (a_member("a", sees="b"), a_member("b", sees="ac"), a_member("c", sees="b")),
            ["a b c"],
            id="neighbours of neighbours belong together",
        ),
        pytest.param(
            (a_member("a", sees="b"), a_member("b"), a_member("c")),
            ["a", "b", "c"],
            id="one-sided is not together",
        ),
        pytest.param((), [], id="nobody"),
    ],
)
def test_islands(group: tuple[Member, ...], islands: list[str]) -> None:
    assert shown(examine(*group)) == islands


def test_the_order_of_members_does_not_matter() -> None:
    group = members("a b", "c d")
    assert examine(*group).islands == examine(*reversed(group)).islands


def test_one_sided_views_are_told_by_who_sees_whom() -> None:
    seen = examine(a_member("a", sees="b"), a_member("b"))
    assert seen.one_sided == (("emqx-a", "emqx-b"),)


@pytest.mark.parametrize(
    ("member", "where"),
    [
        pytest.param(a_member("a", view=NOT_READ), "unseen", id="its view could not be read"),
        pytest.param(a_member("a", node=None), "unseen", id="its node name could not be told"),
        pytest.param(a_down_member("a"), "down", id="its container does not run"),
        pytest.param(a_member("a", pod=a_pod("a", deleting=True)), "", id="its pod is being deleted"),
    ],
)
def test_members_that_are_in_no_island(member: Member, where: str) -> None:
    seen = examine(member)
    assert seen.islands == ()
    assert seen.unseen == ((member,) if where == "unseen" else ())
    assert seen.down == ((member,) if where == "down" else ())


GONE = "emqx@10.244.0.77"
OTHER = "emqx@emqx-{}.emqx.iot.svc.cluster.local"


@pytest.mark.parametrize(
    ("name", "group", "kind", "stale"),
    [
        pytest.param(
            GONE, members("a b c", stopped=[GONE]), "Deployment", True, id="no pod has this address"
        ),
        pytest.param(
            node_of("c"),
            (*members("a b", stopped=[node_of("c")]), a_down_member("c")),
            "Deployment",
            False,
            id="a pod whose container is down has this address",
        ),
        pytest.param(
            node_of("c"),
            (*members("a b", stopped=[node_of("c")]), a_member("c", view=NOT_READ, node=None)),
            "Deployment",
            False,
            id="a pod that could not be asked has this address",
        ),
        pytest.param(
            node_of("c"),
            (*members("a", stopped=[node_of("c")]), *members("b c")),
            "Deployment",
            False,
            id="stopped for one member, running for another",
        ),
        pytest.param(
            OTHER.format(2),
            members("0 1", stopped=[OTHER.format(2)]),
            "StatefulSet",
            False,
            id="a StatefulSet's pod that is yet to come takes this name again",
        ),
        pytest.param(
            OTHER.format(3),
            members("0 1 2", stopped=[OTHER.format(3)]),
            "StatefulSet",
            True,
            id="a StatefulSet that was scaled down has no pod for this name",
        ),
        pytest.param(
            "emqx@mqtt-0.emqx.iot.svc.cluster.local",
            members("0 1 2", stopped=["emqx@mqtt-0.emqx.iot.svc.cluster.local"]),
            "StatefulSet",
            True,
            id="another StatefulSet's name",
        ),
        pytest.param(
            GONE,
            members("0 1 2", stopped=[GONE]),
            "StatefulSet",
            True,
            id="an old address of a StatefulSet's pod",
        ),
    ],
)
def test_stale_names(name: str, group: tuple[Member, ...], kind: str, *, stale: bool) -> None:
    assert examine(*group, kind=WorkloadKind(kind)).stale == ((name,) if stale else ())


def test_a_deleted_pods_name_is_stale_only_once_it_stopped() -> None:
    leaving = a_member("c", sees="ab", pod=a_pod("c", deleting=True))
    assert examine(*members("a b c")[:2], leaving).stale == ()
    assert examine(*members("a b", stopped=[node_of("c")]), leaving).stale == (node_of("c"),)


@pytest.mark.parametrize(
    ("pod", "own", "names", "expected"),
    [
        pytest.param(a_pod("a"), "emqx@own", [node_of("a")], "emqx@own", id="its own word"),
        pytest.param(a_pod("a"), None, [node_of("a"), node_of("b")], node_of("a"), id="its address"),
        pytest.param(
            a_pod("a"),
            None,
            ["emqx@10-244-0-1.iot.pod.cluster.local"],
            "emqx@10-244-0-1.iot.pod.cluster.local",
            id="its address with dashes",
        ),
        pytest.param(a_pod("0"), None, [node_of("0"), node_of("1")], node_of("0"), id="its host name"),
        pytest.param(
            a_pod("a"),
            None,
            ["emqx@emqx-a.x"],
            None,
            id="a host name that no Service gives a Deployment's pod",
        ),
        pytest.param(
            a_pod("a"), None, [node_of("a"), f"other@{ip_of('a')}"], None, id="two names fit: not known"
        ),
        pytest.param(a_pod("a"), None, [node_of("b")], None, id="none fits"),
        pytest.param(a_pod("a", ip=None), None, [node_of("a")], None, id="it has no address yet"),
        pytest.param(a_pod("a"), None, ["emqx", "emqx@"], None, id="names without a host"),
    ],
)
def test_which_node_a_pod_is(pod: Pod, own: str | None, names: list[str], expected: str | None) -> None:
    assert node_name(pod, own, Names(names)) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0, True), (29, True), (30, False), (3600, False)])
def test_a_member_is_settling_for_half_a_minute(seconds: float, *, expected: bool) -> None:
    member = a_member("a", pod=a_pod("a", running_since=ago(seconds)))
    assert an_observation(a_workload()).is_settling(member) == expected


def test_a_member_that_does_not_run_is_not_settling() -> None:
    assert not an_observation(a_workload()).is_settling(a_down_member("a"))


def test_an_unread_list_of_pods_is_no_empty_cluster() -> None:
    seen = membership.examine(replace(an_observation(a_workload()), members=NOT_READ))
    assert seen == Membership()


# --- nodes of others


@pytest.mark.parametrize(
    ("group", "kind", "expected"),
    [
        pytest.param(members("a b c"), WorkloadKind.DEPLOYMENT, set(), id="only its own"),
        pytest.param((a_member("a", sees="x"),), WorkloadKind.DEPLOYMENT, {node_of("x")}, id="another"),
        pytest.param(
            (a_member("a", sees="x"), a_member("b", sees="ay")),
            WorkloadKind.DEPLOYMENT,
            {node_of("x"), node_of("y")},
            id="in any view",
        ),
        pytest.param(
            changed(members("a b"), "b", deleting=True), WorkloadKind.DEPLOYMENT, set(), id="a pod that ends"
        ),
        pytest.param(
            changed(members("a b"), "b", node=None, view=NOT_READ),
            WorkloadKind.DEPLOYMENT,
            set(),
            id="by its address, where the pod did not tell its name",
        ),
        pytest.param((a_member("0", sees="12"),), WorkloadKind.STATEFUL_SET, set(), id="the next pod's name"),
        pytest.param(
            (a_member("0", sees="3"),),
            WorkloadKind.STATEFUL_SET,
            {node_of("3")},
            id="a name beyond the replicas",
        ),
    ],
)
def test_foreign_nodes(group: tuple[Member, ...], kind: WorkloadKind, expected: set[str]) -> None:
    assert membership.foreign(an_observation(kind=kind, members=group)) == expected
