"""What happened, in time: every source, in order; nothing of others, and what could not be read is told."""

from collections.abc import Mapping
from typing import Any

import pytest

from builders import AT, a_resource, ago
from emqx_autocluster.api.v1alpha1 import Condition, Done, StatusModel
from emqx_autocluster.commands import chronicle
from emqx_autocluster.commands.chronicle import Chronicle, Sources
from emqx_autocluster.emqx.veil import Veil
from emqx_autocluster.observation import Unobserved, WorkloadKind, WorkloadRef

EMQX = WorkloadRef("iot", WorkloadKind.DEPLOYMENT, "emqx")
EMQX_SET = WorkloadRef("iot", WorkloadKind.STATEFUL_SET, "emqx")


def stamp(seconds: float) -> str:
    return ago(seconds).isoformat().replace("+00:00", "Z")


def an_event(seconds: float, kind: str, name: str, note: str = "said", **facts: Any) -> Mapping[str, Any]:
    return {
        "metadata": {"name": f"{name}.1", "creationTimestamp": stamp(seconds)},
        "regarding": {"kind": kind, "name": name},
        "reason": "Why",
        "note": note,
        "type": "Normal",
        "eventTime": stamp(seconds),
        **facts,
    }


def a_replica_set(name: str, seconds: float) -> Mapping[str, Any]:
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": stamp(seconds),
            "annotations": {"deployment.kubernetes.io/revision": "3"},
        },
        "spec": {"template": {"spec": {"containers": [{"name": "emqx", "image": "emqx/emqx:5.8.9"}]}}},
    }


def a_pod(name: str, seconds: float, **status: Any) -> Mapping[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": stamp(seconds)}, "status": status}


def told(sources: Sources, workload: WorkloadRef = EMQX) -> Chronicle:
    return chronicle.write(workload, sources, ago(7200), Veil())


def words(found: Chronicle) -> list[str]:
    return [f"{entry.subject}: {entry.words}" for entry in found.entries]


def test_all_sources_are_one_line_of_time() -> None:
    status = StatusModel(
        conditions=(
            Condition(
                type="ClusterFormed",
                status="False",
                reason="NotFormed",
                message="3 clusters",
                last_transition_time=ago(50),
            ),
        ),
        history=(
            Done(action="JoinCluster", subject="emqx-b", reason="join it", result="Succeeded", time=ago(40)),
        ),
    )
    found = told(
        Sources(
            resource=a_resource(status),
            revisions=[a_replica_set("emqx-7d9", 100)],
            pods=[
                a_pod(
                    "emqx-7d9-a",
                    90,
                    conditions=[{"type": "Ready", "status": "True", "lastTransitionTime": stamp(60)}],
                )
            ],
            events=[an_event(30, "Pod", "emqx-7d9-a")],
        )
    )
    assert words(found) == [
        "emqx-7d9: revision 3 was made: emqx/emqx:5.8.9",
        "emqx-7d9-a: was created",
        "emqx-7d9-a: became Ready",
        "ClusterFormed: became False (NotFormed): 3 clusters",
        "JoinCluster emqx-b: succeeded; join it",
        "Pod emqx-7d9-a: Why: said",
    ]
    assert [entry.wrong for entry in found.entries] == [False, False, False, True, False, False]


@pytest.mark.parametrize(
    ("kind", "name", "is_told"),
    [
        pytest.param("Deployment", "emqx", True, id="of the workload"),
        pytest.param("Deployment", "emqx-edge", False, id="of one that is called alike"),
        pytest.param("StatefulSet", "emqx", False, id="of another kind of the same name"),
        pytest.param("EMQXAutoCluster", "emqx", True, id="of its resource"),
        pytest.param("ReplicaSet", "emqx-7d9", True, id="of its ReplicaSet"),
        pytest.param("Pod", "emqx-7d9-gone1", True, id="of a pod that is gone"),
        pytest.param("Pod", "emqx-edge-7d9-a", False, id="of a pod of another workload"),
        pytest.param("Node", "emqx", False, id="of a node"),
    ],
)
def test_an_event_is_told_where_it_is_about_the_workload(kind: str, name: str, is_told: bool) -> None:  # noqa: FBT001
    sources = Sources(
        resource=a_resource(), revisions=[a_replica_set("emqx-7d9", 9000)], events=[an_event(5, kind, name)]
    )
    assert bool(told(sources).entries) is is_told


def test_the_pods_of_a_stateful_set_are_known_by_its_name() -> None:
    events = [an_event(5, "Pod", "emqx-0"), an_event(4, "Pod", "emqx-edge-0")]
    assert words(told(Sources(events=events), EMQX_SET)) == ["Pod emqx-0: Why: said"]


def test_what_happened_before_is_left_out() -> None:
    events = [an_event(7300, "Deployment", "emqx", "old"), an_event(100, "Deployment", "emqx", "new")]
    assert words(told(Sources(events=events))) == ["Deployment emqx: Why: new"]


def test_an_event_that_came_often_is_told_once_with_its_number() -> None:
    series = {"count": 7, "lastObservedTime": stamp(10)}
    [entry] = told(Sources(events=[an_event(600, "Deployment", "emqx", series=series)])).entries
    assert entry.at == ago(10)
    assert entry.words == "Why: said (7 times since 11:50:00)"


def test_a_container_that_ended_says_how() -> None:
    ended = {"finishedAt": stamp(20), "exitCode": 137, "reason": "OOMKilled"}
    container = {
        "name": "emqx",
        "restartCount": 2,
        "lastState": {"terminated": ended},
        "state": {"running": {"startedAt": stamp(15)}},
    }
    found = told(Sources(pods=[a_pod("emqx-0", 9000, containerStatuses=[container])]))
    assert words(found) == [
        "emqx-0: container emqx had ended (OOMKilled, exit code 137), restarts 2",
        "emqx-0: container emqx started",
    ]
    assert found.entries[0].wrong


def test_what_could_not_be_read_is_told_and_hides_nothing_else() -> None:
    found = told(
        Sources(resource=None, events=Unobserved("forbidden"), revisions=[], pods=[a_pod("emqx-0", 5)])
    )
    assert found.unread == ("events: forbidden",)
    assert words(found) == ["emqx-0: was created"]


def test_of_too_many_the_newest_are_told_and_the_rest_counted() -> None:
    events = [an_event(seconds, "Deployment", "emqx", str(seconds)) for seconds in range(1200, 0, -1)]
    found = told(Sources(events=events))
    assert (len(found.entries), found.left_out) == (1000, 200)
    assert found.entries[-1].at == ago(1)


def test_what_a_secret_holds_stays_hidden_in_what_others_said() -> None:
    veil = Veil({"http://10.1.2.3:8888": "Secret settings, key address"})
    events = [an_event(5, "Deployment", "emqx", "cannot reach http://10.1.2.3:8888")]
    [entry] = chronicle.write(EMQX, Sources(events=events), AT.min.replace(tzinfo=AT.tzinfo), veil).entries
    assert "10.1.2.3" not in entry.words
    assert "(Secret settings, key address)" in entry.words
