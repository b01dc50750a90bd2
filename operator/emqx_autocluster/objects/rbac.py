"""The ServiceAccount, Role and RoleBinding that a workload's EMQX pods need, and nothing more.

EMQX sends exactly one request for its discovery, `GET endpoints/<service>`, so the Role allows exactly
that. Role and RoleBinding belong to the workload and go with it. The ServiceAccount has no owner: it
must never be taken from under running pods, and without the binding it is harmless.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from emqx_autocluster.api.annotations import MANAGED_BY, MANAGER, TARGET
from emqx_autocluster.observation import ManagedObject, Workload

RBAC_GROUP = "rbac.authorization.k8s.io"
IDENTITY_ANNOTATIONS = (
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
)
"""A ServiceAccount with one of these is known to a cloud; pods must not be moved off it."""


def object_name(resource: str) -> str:
    """Name of the Role, the RoleBinding and the dedicated ServiceAccount of one custom resource."""
    return f"{resource}-discovery"


def account_name(workload: Workload, resource: str) -> str:
    """The ServiceAccount that the pods shall use: the template's own, or a dedicated one for `default`."""
    named = workload.template.service_account
    return object_name(resource) if named == "default" else named


def service_account(
    workload: Workload, name: str, pull_secrets: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(workload, name, owned=False),
    }
    if pull_secrets:
        body["imagePullSecrets"] = [dict(secret) for secret in pull_secrets]
    return body


def role(workload: Workload, name: str, service: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "Role",
        "metadata": metadata(workload, name, owned=True),
        "rules": [
            {"apiGroups": [""], "resources": ["endpoints"], "resourceNames": [service], "verbs": ["get"]}
        ],
    }


def role_binding(workload: Workload, name: str, account: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(workload, name, owned=True),
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": workload.ref.namespace}],
    }


def has_drifted(existing: ManagedObject, desired: Mapping[str, Any]) -> bool:
    """Whether an object of ours differs from what it shall be, in content or in its owner."""
    content = ("rules", "roleRef", "subjects")
    owners = existing.body.get("metadata", {}).get("ownerReferences", [])
    return any(existing.body.get(k) != desired.get(k) for k in content) or owners != desired["metadata"].get(
        "ownerReferences", []
    )


def role_ref_differs(existing: ManagedObject, desired: Mapping[str, Any]) -> bool:
    """A roleRef cannot be changed: such a binding is deleted and made again."""
    return bool(existing.body.get("roleRef") != desired["roleRef"])


def access_review(namespace: str, account: str, account_namespace: str, service: str) -> dict[str, Any]:
    """Asks the authorizer itself, with all groups that a ServiceAccount's token carries.

    The local form: an admin of the namespace may ask it as well, and `doctor` has only the rights of its user.
    """
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "LocalSubjectAccessReview",
        "metadata": {"namespace": namespace},
        "spec": {
            "user": f"system:serviceaccount:{account_namespace}:{account}",
            "groups": [
                "system:serviceaccounts",
                f"system:serviceaccounts:{account_namespace}",
                "system:authenticated",
            ],
            "resourceAttributes": {
                "namespace": namespace,
                "verb": "get",
                "group": "",
                "resource": "endpoints",
                "name": service,
            },
        },
    }


def is_ours(body: Mapping[str, Any]) -> bool:
    labels = body.get("metadata", {}).get("labels") or {}
    return bool(labels.get(MANAGED_BY) == MANAGER)


def metadata(workload: Workload, name: str, *, owned: bool) -> dict[str, Any]:
    ref = workload.ref
    body: dict[str, Any] = {
        "name": name,
        "namespace": ref.namespace,
        "labels": {MANAGED_BY: MANAGER},
        "annotations": {TARGET: f"{ref.kind}/{ref.name}"},
    }
    if owned:
        body["ownerReferences"] = [owner_reference(workload)]
    return body


def owner_reference(workload: Workload) -> dict[str, str]:
    """No `controller` and no `blockOwnerDeletion`: OpenShift refuses them without rights on finalizers."""
    ref = workload.ref
    return {"apiVersion": "apps/v1", "kind": str(ref.kind), "name": ref.name, "uid": workload.uid}


def managed(body: Mapping[str, Any]) -> ManagedObject:
    metadata = body["metadata"]
    return ManagedObject(metadata["name"], metadata["uid"], is_ours(body), body)
