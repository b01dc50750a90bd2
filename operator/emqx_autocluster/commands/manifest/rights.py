"""What the account of a workload may, as far as the input gives it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emqx_autocluster.commands.documents import Document
from emqx_autocluster.commands.manifest import grants, podtemplates, wellformed
from emqx_autocluster.commands.manifest.grants import Wish
from emqx_autocluster.commands.manifest.inputs import NOT_GIVEN, Input
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import Fact, ManagedObject, Rights, Unobserved, Workload

_ROLES, _BINDINGS = ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")
_RBAC_GROUP = "rbac.authorization.k8s.io"
_ANY = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
_LOOK = {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["get", "list", "watch"]}
_BUILT_IN: list[dict[str, Any]] = [
    {
        "apiVersion": f"{_RBAC_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [_ANY if name == "cluster-admin" else _LOOK],
    }
    for name in ("cluster-admin", "admin", "edit", "view")
]
"""The ClusterRoles for people that every cluster has, and what each gives of what EMQX asks for."""
_GONE = frozenset({"v1alpha1", "v1beta1"})


def rights(
    input_: Input, document: Document, workload: Workload, namespace: str | None, service: str
) -> Rights:
    account, own = workload.template.service_account, rbac.object_name(workload.ref.name)
    others = _accounts_of_others(input_, document)
    nowhere = input_.namespace_of(document) is None and namespace is not None
    wish = Wish(account, namespace, service, others, _is_own(account, others, workload), nowhere)
    allowed, why = _allowed(input_, wish)
    return Rights(
        _account(input_, account, namespace),
        dedicated_account=_foreign(input_, "ServiceAccount", own, namespace),
        role=_foreign(input_, "Role", own, namespace),
        role_binding=_foreign(input_, "RoleBinding", own, namespace),
        allowed=allowed,
        fitting_account=_fitting(input_, wish) if allowed is False else "",
        why=why,
    )


def _allowed(input_: Input, wish: Wish) -> tuple[Fact[bool], str]:
    """Also why not, as far as the objects show that which were made for it."""
    found, why = _by_grants(input_, wish)
    odd = next((d for d in input_.each(*_ROLES, *_BINDINGS) if not wellformed.is_a_grant(d)), None)
    if isinstance(found, bool) or odd is None:
        return found, why
    return Unobserved(f"{odd.kind} {odd.name} is not of the form that the API server takes"), ""


def _by_grants(input_: Input, wish: Wish) -> tuple[Fact[bool], str]:
    roles, bindings = _roles(input_), _grants(input_, *_BINDINGS)
    refused = {id(body): why for body in (*roles, *bindings) if (why := _refused(body))}
    taken = [body for body in bindings if id(body) not in refused]
    given = [body for body in roles if id(body) not in refused]
    found = grants.allowed(wish, given, taken)
    if found is True or not refused or grants.allowed(wish, roles, bindings) is not True:
        return found, grants.shortcoming(wish, given, taken)
    return False, next(iter(refused.values()))


def _fitting(input_: Input, wish: Wish) -> str:
    """The one account of the input that has the right; empty: there is none, or others run as it."""
    near = (d.name for d in input_.each("ServiceAccount") if input_.is_in(d, wish.namespace))
    names = {name for name in near if name not in wish.others and name != wish.account}
    roles = [body for body in _roles(input_) if not _refused(body)]
    bindings = [body for body in _grants(input_, *_BINDINGS) if not _refused(body)]
    found = [name for name in names if grants.is_given(replace(wish, account=name), roles, bindings)]
    return found[0] if len(found) == 1 else ""


def _grants(input_: Input, *kinds: str) -> list[dict[str, Any]]:
    return [input_.placed(each) for each in input_.each(*kinds) if wellformed.is_a_grant(each)]


def _roles(input_: Input) -> list[dict[str, Any]]:
    return [*_grants(input_, *_ROLES), *_BUILT_IN]


def _refused(body: Mapping[str, Any]) -> str:
    """Why the API server takes no such Role or binding; empty: it does."""
    told = f"{body['kind']} {body['metadata'].get('name')}"
    group, _, version = str(body.get("apiVersion")).partition("/")
    if group == _RBAC_GROUP and version in _GONE:
        return f"{told} has apiVersion {group}/{version}, which no Kubernetes since 1.22 has: it is {_RBAC_GROUP}/v1"
    if group != _RBAC_GROUP:
        return f"{told} has apiVersion {body.get('apiVersion')}, a group in which there is none: it is {_RBAC_GROUP}/v1"
    bound = (body.get("roleRef") or {}).get("apiGroup") or _RBAC_GROUP
    if bound != _RBAC_GROUP:
        return (
            f"{told} has apiGroup {bound} in its roleRef, and the API server refuses it: it is {_RBAC_GROUP}"
        )
    accounts = [s for s in body.get("subjects") or () if s.get("kind") == "ServiceAccount"]
    wrong = next((s["apiGroup"] for s in accounts if s.get("apiGroup")), None)
    if wrong:
        return (
            f"{told} has apiGroup {wrong} for a ServiceAccount, which is in none: the API server refuses it"
        )
    # Where not even the binding says where it goes, something has yet to fill in both, such as kustomize.
    placed = body["metadata"].get("namespace") or body["kind"] == "ClusterRoleBinding"
    nowhere = next((s.get("name") for s in accounts if placed and not s.get("namespace")), None)
    return (
        f"{told} names ServiceAccount {nowhere} without its namespace, and the API server refuses it"
        if nowhere
        else ""
    )


def _is_own(account: str, others: frozenset[str], workload: Workload) -> bool:
    template = workload.template
    alone = len(template.containers) == 1 and not template.has_sidecars
    return alone and account != "default" and account not in others


def _accounts_of_others(input_: Input, document: Document) -> frozenset[str]:
    """What the other pods of the input run as."""
    return frozenset(pods.account for pods in podtemplates.all_of(input_.others(document)))


def _foreign(input_: Input, kind: str, name: str, namespace: str | None) -> ManagedObject | None:
    """An object of the name that the operator would use; its own stand in no manifest."""
    found = input_.find(kind, name, namespace)
    return ManagedObject(name, "", ours=False, body=found.body) if found else None


def _account(input_: Input, name: str, namespace: str | None) -> Fact[ManagedObject | None]:
    found = input_.find("ServiceAccount", name, namespace)
    if found is None:
        return NOT_GIVEN
    return ManagedObject(name, "", ours=False, body=input_.placed(found))
