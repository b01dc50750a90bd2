"""The objects that the operator makes: one right, in one namespace, owned by the workload and never by force."""

from typing import Any

import pytest

from builders import a_stateful_set, a_workload
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import ManagedObject

WORKLOAD = a_workload()
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "emqx", "uid": "uid-workload"}
MARKS = {
    "name": "emqx-discovery",
    "namespace": "iot",
    "labels": {"app.kubernetes.io/managed-by": "emqx-autocluster"},
    "annotations": {"emqx-autocluster.io/target": "Deployment/emqx"},
}
ROLE = rbac.role(WORKLOAD, "emqx-discovery", "emqx")
BINDING = rbac.role_binding(WORKLOAD, "emqx-discovery", "emqx")


def test_the_role_allows_the_one_request_that_emqx_sends() -> None:
    assert ROLE == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {**MARKS, "ownerReferences": [OWNER]},
        "rules": [
            {"apiGroups": [""], "resources": ["endpoints"], "resourceNames": ["emqx"], "verbs": ["get"]}
        ],
    }


def test_the_binding_gives_it_to_one_service_account() -> None:
    assert BINDING == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {**MARKS, "ownerReferences": [OWNER]},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "emqx-discovery"},
        "subjects": [{"kind": "ServiceAccount", "name": "emqx", "namespace": "iot"}],
    }


def test_the_service_account_has_no_owner_since_it_must_outlive_us() -> None:
    body = rbac.service_account(WORKLOAD, "emqx-discovery", [])
    assert body == {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": MARKS}


def test_the_service_account_takes_over_image_pull_secrets() -> None:
    body = rbac.service_account(WORKLOAD, "emqx-discovery", [{"name": "registry"}])
    assert body["imagePullSecrets"] == [{"name": "registry"}]


def test_an_owner_reference_asks_for_no_rights_on_finalizers() -> None:
    assert rbac.owner_reference(a_stateful_set()) == {**OWNER, "kind": "StatefulSet"}


@pytest.mark.parametrize(
    ("account", "expected"), [("default", "emqx-discovery"), ("emqx", "emqx"), ("mqtt", "mqtt")]
)
def test_only_default_is_left_for_an_account_of_their_own(account: str, expected: str) -> None:
    assert rbac.account_name(a_workload(service_account=account), "emqx") == expected


def test_a_second_resource_of_the_name_has_objects_of_its_own() -> None:
    assert rbac.object_name("emqx-statefulset") == "emqx-statefulset-discovery"


def test_the_review_asks_for_the_user_and_all_groups_of_a_service_account() -> None:
    assert rbac.access_review("other", "mqtt", "iot", "emqx")["spec"] == {
        "user": "system:serviceaccount:iot:mqtt",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:iot", "system:authenticated"],
        "resourceAttributes": {
            "namespace": "other",
            "verb": "get",
            "group": "",
            "resource": "endpoints",
            "name": "emqx",
        },
    }


def as_served(body: dict[str, Any], **changes: Any) -> ManagedObject:
    """As the API server stores it: with further metadata."""
    metadata = {**body["metadata"], "uid": "uid-1", "resourceVersion": "5"}
    return ManagedObject("emqx-discovery", "uid-1", ours=True, body={**body, "metadata": metadata, **changes})


@pytest.mark.parametrize(
    ("existing", "desired", "drifted"),
    [
        pytest.param(as_served(ROLE), ROLE, False, id="a Role as we made it"),
        pytest.param(as_served(BINDING), BINDING, False, id="a RoleBinding as we made it"),
        pytest.param(as_served(ROLE, rules=[]), ROLE, True, id="other rules"),
        pytest.param(as_served(BINDING, subjects=[]), BINDING, True, id="other subjects"),
        pytest.param(as_served(BINDING, roleRef={}), BINDING, True, id="another roleRef"),
        pytest.param(as_served(ROLE, metadata={}), ROLE, True, id="no owner"),
        pytest.param(
            as_served(ROLE, metadata={"ownerReferences": [{**OWNER, "uid": "uid-former"}]}),
            ROLE,
            True,
            id="stale owner",
        ),
    ],
)
def test_drift(existing: ManagedObject, desired: dict[str, Any], *, drifted: bool) -> None:
    assert rbac.has_drifted(existing, desired) == drifted


def test_only_another_role_ref_needs_a_new_object() -> None:
    assert rbac.role_ref_differs(as_served(BINDING, roleRef={}), BINDING)
    assert not rbac.role_ref_differs(as_served(BINDING, subjects=[]), BINDING)


@pytest.mark.parametrize(
    ("metadata", "ours"),
    [
        (MARKS, True),
        ({}, False),
        ({"labels": None}, False),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, False),
    ],
)
def test_ours_is_what_carries_our_label(metadata: dict[str, Any], *, ours: bool) -> None:
    assert rbac.is_ours({"metadata": metadata}) == ours
