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
_ENDPOINTS = frozenset({"endpoints", "*"})
_TAKEN_FOR_ENDPOINTS = frozenset({"pods", "services"})
_AGGREGATION = "aggregationRule"
_EVERYBODY = frozenset({"system:serviceaccounts", "system:authenticated"})
_ELSEWHERE = Unobserved("no Role and binding for it are in the input")


@dataclass(frozen=True, slots=True)
class Wish:
    """To GET one Endpoints object. `namespace` None: it is not known where all this goes."""

    account: str
    namespace: str | None
    service: str
    others: frozenset[str] = frozenset()
    """ServiceAccounts that other pods of the input run as: what is given to these is for them."""
    is_own: bool = False
    """Whether nothing but EMQX runs as that account, as far as the input tells."""
    is_nowhere: bool = False
    """Whether nothing says where all this goes, so that `namespace` is the one that EMQX asks for."""


def allowed(wish: Wish, roles: Sequence[Object], bindings: Sequence[Object]) -> Fact[bool]:
    """False: what is bound here for this very purpose does not suffice."""
    if is_given(wish, roles, bindings):
        return True
    own = list(_of_the_account(wish, bindings))
    for binding in own:
        bound = [role for role in roles if _is_bound(role, binding)]
        if not bound:
            return _not_given(binding)
        gathered = next((role for role in bound if _AGGREGATION in role), None)
        if gathered is not None:
            return _not_gathered(gathered)
    return False if shortcoming(wish, roles, bindings) else _elsewhere(own)


def is_given(wish: Wish, roles: Sequence[Object], bindings: Iterable[Object]) -> bool:
    """Whether they certainly give the right."""
    own = _of_the_account(wish, bindings)
    bound = (role for binding in own for role in roles if _is_bound(role, binding))
    return any(_allows(rule, wish.service) for role in bound for rule in _in_force(role, roles))


def _of_the_account(wish: Wish, bindings: Iterable[Object]) -> Iterator[Object]:
    return (b for b in bindings if _reaches(b, wish.namespace) and _names(b, wish))


def _elsewhere(own: Sequence[Object]) -> Unobserved:
    """`own`: what is bound to the account, and for something else."""
    if not own:
        return _ELSEWHERE
    return Unobserved(
        f"what {_told(own[0])} gives it is for something else, and nothing else for it is in the input"
    )


def _in_force(role: Object, roles: Iterable[Object]) -> Iterator[Object]:
    """Its rules; of one that is aggregated, those of the ClusterRoles by whose labels the cluster puts it together."""
    if _AGGREGATION not in role:
        yield from _rules(role)
        return
    selectors = (role[_AGGREGATION] or {}).get("clusterRoleSelectors") or ()
    for part in roles:
        fits = part["kind"] == "ClusterRole" and any(_fits(selector, part) for selector in selectors)
        if fits and part is not role:
            yield from _rules(part)


def _fits(selector: Object, role: Object) -> bool:
    """False also where that is not certain."""
    wanted, labels = selector.get("matchLabels") or {}, role["metadata"].get("labels") or {}
    only_labels = bool(wanted) and not selector.get("matchExpressions")
    return only_labels and all(labels.get(key) == value for key, value in wanted.items())


def _not_gathered(role: Object) -> Unobserved:
    return Unobserved(
        f"{_told(role)} is aggregated from ClusterRoles by their labels, and none in the input gives that right"
    )


def shortcoming(wish: Wish, roles: Sequence[Object], bindings: Iterable[Object]) -> str:
    """Why the first attempt to give the right fails; empty: there is none."""
    attempts = ((binding, role) for binding in bindings for role in _meant_for(binding, wish, roles))
    return next((_why(binding, role, wish) for binding, role in attempts), "")


def _why(binding: Object, role: Object, wish: Wish) -> str:
    """The first thing that is wrong with it."""
    by, of = _told(binding), _told(role)
    if not _subjects(binding):
        return f"{by} has no subjects, so that it is for nobody"
    if not _reaches(binding, wish.namespace):
        return f"{by} is in namespace {_namespace(binding)}, and gives rights there alone"
    if not _names(binding, wish):
        named = ", ".join(_subject(subject, binding) for subject in _subjects(binding))
        if wish.is_nowhere and _names(binding, replace(wish, namespace=None)):
            told = f"{by} is for {named}, and EMQX asks for namespace {wish.namespace}"
            return (
                f"{told}: wherever this goes, one of them is wrong; give both the namespace that it goes to"
            )
        return f"{by} is for {named}, and the pods run as ServiceAccount {wish.account}{_of(wish.namespace)}"
    rules = [rule for rule in _rules(role) if _is_about(rule)] or _rules(role)
    exact = [rule for rule in rules if not _ENDPOINTS.isdisjoint(rule.get("resources") or ())]
    rule = next(iter(exact or rules))
    if rule.get("nonResourceURLs"):
        told = ", ".join(map(str, rule["nonResourceURLs"]))
        return f"{of} has nonResourceURLs [{told}] and no resources, and EMQX asks for endpoints"
    for field, wanted, told in (
        ("resources", _ENDPOINTS, "asks for endpoints"),
        ("apiGroups", frozenset({"", "*"}), 'asks for endpoints of the core API, apiGroups [""]'),
        ("verbs", frozenset({"get", "*"}), "needs verb get on endpoints"),
    ):
        given = rule.get(field) or ()
        if wanted.isdisjoint(given):
            return f"{of} has {field} [{', '.join(map(str, given))}], and EMQX {told}"
    return f"{of} allows it for {', '.join(rule.get('resourceNames') or ())} alone, and EMQX asks for {wish.service}"


def _subject(subject: Object, binding: Object) -> str:
    namespace = subject.get("namespace") or (
        _namespace(binding) if subject.get("kind") == "ServiceAccount" else None
    )
    return f"{subject.get('kind')} {subject.get('name')}{_of(namespace)}"


def _of(namespace: str | None) -> str:
    return f" of namespace {namespace}" if namespace else ""


def _told(body: Object) -> str:
    return f"{body['kind']} {body['metadata'].get('name')}"


def _not_given(binding: Object) -> Unobserved:
    ref = binding.get("roleRef") or {}
    named = f"{binding['kind']} {binding['metadata'].get('name')} names {ref.get('kind')} {ref.get('name')}"
    return Unobserved(f"{named}, which is not in the input")


def _meant_for(binding: Object, wish: Wish, roles: Iterable[Object]) -> Iterator[Object]:
    """Roles about Endpoints that this binding gives to the account, to its namesake elsewhere, or for the Service.

    Also what is for EMQX by its name, and given to an account that nothing else in the input runs as; and whatever
    people take for its discovery, given to an account that is EMQX's own.
    """
    reaches = _reaches(binding, wish.namespace)
    account = _names(binding, replace(wish, namespace=None) if reaches else wish)
    for role in roles:
        if not _is_bound(role, binding):
            continue
        rules = [rule for rule in _rules(role) if _is_about(rule)]
        served = any(wish.service in (rule.get("resourceNames") or ()) for rule in rules)
        about = bool(rules) and (account or (reaches and (served or _is_for_emqx(binding, role, wish))))
        own = wish.is_own and reaches and account
        if about or (own and any(map(_is_taken_for_it, _rules(role)))):
            yield role


def _is_about(rule: Object) -> bool:
    """Whether it speaks of Endpoints, or of what is taken for them."""
    resources = [str(resource).lower() for resource in rule.get("resources") or ()]
    return any(resource == "*" or resource.startswith("endpoint") for resource in resources)


def _is_taken_for_it(rule: Object) -> bool:
    """What people think that discovery asks for."""
    urls, resources = (list(map(str, rule.get(field) or ())) for field in ("nonResourceURLs", "resources"))
    by_path = any(url.startswith(("/api", "*")) for url in urls)
    return by_path or any(name in _TAKEN_FOR_ENDPOINTS or name.startswith("*/") for name in resources)


def _is_for_emqx(binding: Object, role: Object, wish: Wish) -> bool:
    subjects = _subjects(binding)
    accounts = [subject for subject in subjects if subject.get("kind") == "ServiceAccount"]
    names = [str(each.get("name")) for each in (binding["metadata"], role["metadata"], *accounts)]
    here = all(_same(subject.get("namespace"), wish.namespace) for subject in accounts)
    taken = any(subject.get("name") in wish.others for subject in accounts)
    for_any = bool(accounts) or not subjects
    return for_any and here and not taken and any("emqx" in name.lower() for name in names)


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
