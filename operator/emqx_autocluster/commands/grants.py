"""What Roles and bindings give, judged from the objects alone, where no API server can be asked.

Kubernetes' RBAC only ever adds: that a right is there can be proven from manifests, that it is missing cannot, since
another one may give it. What they can show is that their own attempt to give it fails.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emqx_autocluster.observation import Fact, Unobserved

Object = Mapping[str, Any]

_ONE_ACCOUNT = "system:serviceaccount:"
_ALL_OF_NAMESPACE = "system:serviceaccounts:"
_EVERYBODY = frozenset({"system:serviceaccounts", "system:authenticated"})
_ELSEWHERE = Unobserved("no Role and binding for it are in the input")


@dataclass(frozen=True, slots=True)
class Wish:
    """To GET one Endpoints object. `namespace` None: it is not known where all this goes."""

    account: str
    namespace: str | None
    service: str


def allowed(wish: Wish, roles: Sequence[Object], bindings: Iterable[Object]) -> Fact[bool]:
    """False: what is bound here for this very purpose does not suffice."""
    reaching = [binding for binding in bindings if _reaches(binding, wish.namespace)]
    attempts = [role for binding in reaching for role in _meant_for(binding, wish, roles)]
    for binding in reaching:
        if _names(binding, wish):
            bound = [role for role in roles if _is_bound(role, binding)]
            if any(_allows(rule, wish.service) for role in bound for rule in _rules(role)):
                return True
            if not bound or any("aggregationRule" in role for role in bound):
                return _ELSEWHERE
    return False if attempts else _ELSEWHERE


def _meant_for(binding: Object, wish: Wish, roles: Iterable[Object]) -> Iterator[Object]:
    """Roles about Endpoints that this binding gives to the account or its namesake elsewhere, or for the Service."""
    anywhere = replace(wish, namespace=None)
    for role in roles:
        rules = [rule for rule in _rules(role) if "endpoints" in (rule.get("resources") or ())]
        named = any(wish.service in (rule.get("resourceNames") or ()) for rule in rules)
        if _is_bound(role, binding) and rules and (named or _names(binding, anywhere)):
            yield role


def _reaches(binding: Object, namespace: str | None) -> bool:
    return binding["kind"] == "ClusterRoleBinding" or _same(_namespace(binding), namespace)


def _is_bound(role: Object, binding: Object) -> bool:
    ref = binding.get("roleRef") or {}
    named = (role["kind"], role["metadata"].get("name")) == (ref.get("kind"), ref.get("name"))
    return named and (role["kind"] == "ClusterRole" or _same(_namespace(role), _namespace(binding)))


def _rules(role: Object) -> Sequence[Object]:
    return role.get("rules") or ()


def _allows(rule: Object, service: str) -> bool:
    def has(field: str, wanted: str) -> bool:
        return not {"*", wanted}.isdisjoint(rule.get(field) or ())

    names = rule.get("resourceNames") or ()
    what = has("apiGroups", "") and has("resources", "endpoints") and has("verbs", "get")
    return what and (not names or service in names)


def _names(binding: Object, wish: Wish) -> bool:
    return any(_is_the_account(subject, wish) for subject in _subjects(binding))


def _is_the_account(subject: Object, wish: Wish) -> bool:
    """By its name, or by a user or group that its token makes it."""
    kind, name = subject.get("kind"), str(subject.get("name"))
    if kind == "ServiceAccount":
        return name == wish.account and _same(subject.get("namespace"), wish.namespace)
    if kind == "User" and name.startswith(_ONE_ACCOUNT):
        namespace, _, account = name.removeprefix(_ONE_ACCOUNT).partition(":")
        return account == wish.account and _same(namespace, wish.namespace)
    if kind == "Group" and name.startswith(_ALL_OF_NAMESPACE):
        return _same(name.removeprefix(_ALL_OF_NAMESPACE), wish.namespace)
    return kind == "Group" and name in _EVERYBODY


def _subjects(binding: Object) -> Sequence[Object]:
    return binding.get("subjects") or ()


def _namespace(body: Object) -> str | None:
    found: str | None = body["metadata"].get("namespace")
    return found


def _same(one: str | None, other: str | None) -> bool:
    """What has no namespace goes where the rest goes."""
    return one is None or other is None or one == other
