"""Whose a pod is: only what the workload's own controller would have made is a member."""

from dataclasses import replace
from typing import Any

import pytest

from builders import a_stateful_set, a_workload
from emqx_autocluster.objects import makers
from emqx_autocluster.objects.makers import Maker

HASH, REVISION = "pod-template-hash", "controller-revision-hash"
RS = "emqx-7d9f8b6c5"
LONG = "a-deployment-whose-name-is-as-long-as-a-name-of-one-may-be-7d9f8b6c5"


def owner(kind: str, uid: str, name: str, *, controller: bool = True) -> dict[str, Any]:
    return {"kind": kind, "uid": uid, "name": name, "controller": controller}


def pod(name: str, owned_by: dict[str, Any] | None, **facts: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": "emqx", "image": facts.get("image", "emqx/emqx:5.8.9")}]}
    if "account" in facts:
        spec["serviceAccountName"] = facts["account"]
    owners = {"ownerReferences": [owned_by]} if owned_by else {}
    return {"metadata": {"name": name, "labels": facts.get("labels", {}), **owners}, "spec": spec}


def replica_set(name: str = RS, image: str = "emqx/emqx:5.8.9", **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "emqx", "image": image}], "serviceAccountName": "emqx"}
    return {
        "metadata": {"name": name, "uid": "rs", "labels": {HASH: name.rpartition("-")[2]}, **metadata},
        "spec": {"template": {"spec": spec}},
    }


def own(kind: str = "Deployment", uid: str = "uid-workload") -> dict[str, Any]:
    return owner(kind, uid, "emqx")


OF_RS = {"account": "emqx", "labels": {HASH: "7d9f8b6c5"}}
BY_RS = owner("ReplicaSet", "rs", RS)
OF_STS = {"account": "emqx", "labels": {REVISION: "emqx-1"}}
BY_STS = owner("StatefulSet", "uid-workload", "emqx")


def of_rs(name: str = f"{RS}-x2kf9", owned_by: dict[str, Any] | None = BY_RS, **facts: Any) -> dict[str, Any]:
    return pod(name, owned_by, **{**OF_RS, **facts})


def of_sts(name: str = "emqx-0", owned_by: dict[str, Any] | None = BY_STS, **facts: Any) -> dict[str, Any]:
    return pod(name, owned_by, **{**OF_STS, **facts})


def of_deployment(*sets: dict[str, Any]) -> dict[str, Maker]:
    found = {s["metadata"]["uid"]: makers.of_replica_set(s, a_workload(), "emqx") for s in sets}
    return {uid: maker for uid, maker in found.items() if maker}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(of_rs(), "", id="its own"),
        pytest.param(of_rs(image="mirror:5000/emqx:5.8.9"), "", id="an image from another registry"),
        pytest.param(of_rs(image="emqx/emqx@sha256:0a1b"), "", id="an image by its digest"),
        pytest.param(of_rs(image="emqx/emqx:5.8.9@sha256:0a1b"), "", id="an image by tag and digest"),
        pytest.param(
            of_rs(owned_by=owner("ReplicaSet", "rs", RS, controller=False)),
            "none of the workload's controllers made it",
            id="an owner that controls it not",
        ),
        pytest.param(
            of_rs(owned_by=own()), "none of the workload's controllers made it", id="the Deployment itself"
        ),
        pytest.param(
            of_rs("emqx-forged"), f"ReplicaSet {RS} gives no such name", id="a name of its own choice"
        ),
        pytest.param(of_rs(labels={}), f"its label {HASH} is not that of ReplicaSet {RS}", id="no hash"),
        pytest.param(
            of_rs(labels={HASH: "other"}),
            f"its label {HASH} is not that of ReplicaSet {RS}",
            id="another hash",
        ),
        pytest.param(
            of_rs(account="admin"),
            f"it runs as ServiceAccount admin, and ReplicaSet {RS} makes pods of emqx",
            id="another account",
        ),
        pytest.param(
            of_rs(image="busybox"),
            f"it runs image busybox, and ReplicaSet {RS} makes pods of emqx/emqx:5.8.9",
            id="another image",
        ),
        pytest.param(
            of_rs(image="emqx/emqx:4.4.19"),
            f"it runs image emqx/emqx:4.4.19, and ReplicaSet {RS} makes pods of emqx/emqx:5.8.9",
            id="another version",
        ),
    ],
)
def test_a_pod_of_a_deployment(body: dict[str, Any], why: str) -> None:
    known = of_deployment(replica_set())
    assert makers.claims(body, a_workload(), known)
    assert makers.misfit(body, known, "emqx") == why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(of_sts(), "", id="its own"),
        pytest.param(of_sts(image="emqx:5.0", labels={REVISION: "emqx-0"}), "", id="of an older revision"),
        pytest.param(of_sts("emqx-2"), "", id="the last"),
        pytest.param(
            of_sts("emqx-3"), "StatefulSet emqx gives no such name", id="one more than there shall be"
        ),
        pytest.param(of_sts("emqx-00"), "StatefulSet emqx gives no such name", id="no such number"),
        pytest.param(of_sts("emqx-x"), "StatefulSet emqx gives no such name", id="no number"),
        pytest.param(
            of_sts(image="busybox"),
            "it runs image busybox, and StatefulSet emqx makes pods of emqx/emqx:5.8.9",
            id="another image",
        ),
    ],
)
def test_a_pod_of_a_stateful_set(body: dict[str, Any], why: str) -> None:
    workload = a_stateful_set()
    known = {workload.uid: makers.of_stateful_set(workload, "emqx")}
    assert makers.claims(body, workload, known)
    assert makers.misfit(body, known, "emqx") == why


def test_until_the_controller_knows_a_new_template_its_revision_is_that_of_the_old_one() -> None:
    workload = a_stateful_set(generation=5, observed_generation=4, service_account="emqx-discovery")
    known = {workload.uid: makers.of_stateful_set(workload, "emqx")}
    assert makers.misfit(of_sts(), known, "emqx") == ""
    taken_in = {workload.uid: makers.of_stateful_set(replace(workload, observed_generation=5), "emqx")}
    assert makers.misfit(of_sts(), taken_in, "emqx") != "", "a pod of this revision has another account"


def test_numbers_may_begin_anywhere_and_some_may_be_about_to_go() -> None:
    workload = a_stateful_set(first_ordinal=5, replicas=1, status_replicas=3)
    assert makers.of_stateful_set(workload, "emqx").ordinals == range(5, 8)


def test_pods_of_old_revisions_are_members_while_these_live() -> None:
    old = replica_set("emqx-6c5f", image="emqx/emqx:5.8.8", uid="old")
    known = of_deployment(replica_set(), old)
    body = pod(
        "emqx-6c5f-aaaaa",
        owner("ReplicaSet", "old", "emqx-6c5f"),
        account="emqx",
        labels={HASH: "6c5f"},
        image="emqx/emqx:5.8.8",
    )
    assert makers.misfit(body, known, "emqx") == ""


def test_a_long_name_is_cut_before_its_random_end() -> None:
    maker = Maker("ReplicaSet", LONG, "7d9f8b6c5", "default", None)
    body = pod(f"{LONG}-"[:58] + "x2kf9", owner("ReplicaSet", "rs", LONG), labels={HASH: "7d9f8b6c5"})
    assert makers.misfit(body, {"rs": maker}, "emqx") == ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(replica_set(ownerReferences=[own()]), True, id="the Deployment's"),
        pytest.param(replica_set(), True, id="left behind, and about to be adopted"),
        pytest.param(replica_set(ownerReferences=[own(uid="other")]), False, id="another Deployment's"),
        pytest.param(replica_set("emqx-edge-7d9f", ownerReferences=[own()]), False, id="by another's name"),
        pytest.param(replica_set(labels={}, ownerReferences=[own()]), False, id="without its hash"),
    ],
)
def test_a_replica_set_of_the_deployment(body: dict[str, Any], *, expected: bool) -> None:
    assert (makers.of_replica_set(body, a_workload(), "emqx") is not None) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(pod("other", None), id="made by hand"),
        pytest.param(pod("other", owner("Job", "job", "emqx-7d9f")), id="a Job's"),
        pytest.param(
            pod("edge-0", owner("ReplicaSet", "other", "emqx-edge-7d9f")), id="another Deployment's"
        ),
    ],
)
def test_a_selector_may_fit_pods_that_claim_nothing(body: dict[str, Any]) -> None:
    assert not makers.claims(body, a_workload(), of_deployment(replica_set()))
