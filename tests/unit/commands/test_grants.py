"""What Roles and bindings in a manifest give: proven, proven not to suffice, or not to be told from them."""

from dataclasses import replace
from typing import Any

import pytest

from emqx_autocluster.commands.manifest import grants
from emqx_autocluster.commands.manifest.grants import Wish
from emqx_autocluster.observation import Unobserved

Object = dict[str, Any]
WISH = Wish("emqx", "iot", "emqx-headless")
GET: Object = {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["get"]}


def role(
    *rules: Object, kind: str = "Role", name: str = "discovery", namespace: str | None = "iot"
) -> Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "rules": rules}


def subject(name: str = "emqx", kind: str = "ServiceAccount", **fields: str) -> Object:
    return {"kind": kind, "name": name, **fields}


def binding(*subjects: Object, kind: str = "RoleBinding", namespace: str | None = "iot") -> Object:
    return {
        "kind": kind,
        "metadata": {"name": "b", "namespace": namespace},
        "roleRef": {"kind": "Role", "name": "discovery"},
        "subjects": subjects,
    }


MINE = subject(namespace="iot")


@pytest.mark.parametrize(
    ("roles", "bindings"),
    [
        pytest.param([role(GET)], [binding(MINE)], id="plain"),
        pytest.param(
            [role(GET | {"resourceNames": ["emqx-headless"]})], [binding(MINE)], id="for this Service"
        ),
        pytest.param(
            [role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})], [binding(MINE)], id="all"
        ),
        pytest.param([role(GET)], [binding(subject("system:serviceaccounts:iot", "Group"))], id="its group"),
        pytest.param([role(GET)], [binding(subject("system:authenticated", "Group"))], id="everybody"),
        pytest.param(
            [role(GET)], [binding(subject("system:serviceaccount:iot:emqx", "User"))], id="as a user"
        ),
        pytest.param(
            [role(GET, kind="ClusterRole", namespace=None)],
            [binding(MINE) | {"roleRef": {"kind": "ClusterRole", "name": "discovery"}}],
            id="a ClusterRole in one namespace",
        ),
        pytest.param(
            [role(GET, kind="ClusterRole", namespace=None)],
            [
                binding(MINE, kind="ClusterRoleBinding")
                | {"roleRef": {"kind": "ClusterRole", "name": "discovery"}}
            ],
            id="everywhere",
        ),
        pytest.param(
            [role({"resources": ["pods"], "verbs": ["get"], "apiGroups": [""]}, GET)],
            [binding(subject("other")), binding(MINE)],
            id="the second rule of the second binding",
        ),
        pytest.param(
            [role(GET)],
            [binding(MINE) | {"roleRef": {"kind": "ClusterRole", "name": "view"}}, binding(MINE)],
            id="beside a role that is in the cluster alone",
        ),
    ],
)
def test_what_gives_the_right(roles: list[Object], bindings: list[Object]) -> None:
    assert grants.allowed(WISH, roles, bindings) is True


PART = role(GET, kind="ClusterRole", name="part") | {"metadata": {"name": "part", "labels": {"to": "emqx"}}}
TO_CLUSTER_ROLE = binding(MINE) | {"roleRef": {"kind": "ClusterRole", "name": "discovery"}}


def gathered(*selectors: Object, rules: Object = GET) -> Object:
    return role(rules, kind="ClusterRole") | {"aggregationRule": {"clusterRoleSelectors": selectors}}


def test_a_cluster_role_that_is_put_together_from_others() -> None:
    by_label = gathered({"matchLabels": {"to": "web"}}, {"matchLabels": {"to": "emqx"}})
    assert grants.allowed(WISH, [by_label, PART], [TO_CLUSTER_ROLE]) is True


@pytest.mark.parametrize(
    "selector",
    [
        pytest.param({"matchLabels": {"to": "web"}}, id="by another label"),
        pytest.param({}, id="by none"),
        pytest.param({"matchExpressions": [{"key": "to", "operator": "Exists"}]}, id="by more than labels"),
    ],
)
def test_what_the_cluster_puts_together_itself_is_not_known(selector: Object) -> None:
    found = grants.allowed(WISH, [gathered(selector), PART], [TO_CLUSTER_ROLE])
    assert isinstance(found, Unobserved)
    assert "ClusterRole discovery is aggregated" in found.reason


def test_what_is_bound_for_something_else_is_said_to_be_there() -> None:
    leases = role({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get"]})
    found = grants.allowed(WISH, [leases], [binding(MINE)])
    assert isinstance(found, Unobserved)
    assert found.reason.startswith("what RoleBinding b gives it is for something else")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"nonResourceURLs": ["/api/*"], "verbs": ["get"]}, "has nonResourceURLs [/api/*] and no resources"),
        (GET | {"resources": ["*/status"]}, "has resources [*/status], and EMQX asks for endpoints"),
    ],
)
def test_what_is_taken_for_endpoints_where_nothing_else_runs_by_it(rule: Object, why: str) -> None:
    own = replace(WISH, is_own=True)
    assert grants.allowed(own, [role(rule)], [binding(MINE)]) is False
    assert why in grants.shortcoming(own, [role(rule)], [binding(MINE)])
    assert isinstance(grants.allowed(WISH, [role(rule)], [binding(MINE)]), Unobserved)


@pytest.mark.parametrize(
    ("roles", "bindings", "why"),
    [
        pytest.param(
            [role(GET | {"verbs": ["list", "watch"]})],
            [binding(MINE)],
            "Role discovery has verbs [list, watch], and EMQX needs verb get on endpoints",
            id="another verb",
        ),
        pytest.param(
            [role(GET | {"resourceNames": ["emqx"]})],
            [binding(MINE)],
            "Role discovery allows it for emqx alone, and EMQX asks for emqx-headless",
            id="another Service",
        ),
        pytest.param(
            [role(GET | {"apiGroups": ["discovery.k8s.io"]})],
            [binding(MINE)],
            "Role discovery has apiGroups [discovery.k8s.io], and EMQX asks for endpoints of the core API",
            id="another API group",
        ),
        pytest.param(
            [role({"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get"]})],
            [binding(MINE)],
            "Role discovery has resources [endpointslices], and EMQX asks for endpoints",
            id="another resource",
        ),
        pytest.param(
            [role(GET)],
            [binding(subject(namespace="default"))],
            "RoleBinding b is for ServiceAccount emqx of namespace default, and the pods run as ServiceAccount emqx of"
            " namespace iot",
            id="its namesake elsewhere",
        ),
        pytest.param(
            [role(GET, namespace="lab")],
            [binding(MINE, namespace="lab")],
            "RoleBinding b is in namespace lab, and gives rights there alone",
            id="given in another namespace",
        ),
        pytest.param(
            [role(GET | {"resourceNames": ["emqx-headless"]})],
            [binding(subject("sa", namespace="iot"))],
            "RoleBinding b is for ServiceAccount sa of namespace iot",
            id="bound to another account, for this very Service",
        ),
        pytest.param(
            [role(GET)],
            [binding(subject("emqx-sa"))],
            "RoleBinding b is for ServiceAccount emqx-sa of namespace iot",
            id="bound to another account of EMQX's name",
        ),
        pytest.param(
            [role(GET, name="emqx")],
            [binding() | {"roleRef": {"kind": "Role", "name": "emqx"}}],
            "RoleBinding b has no subjects, so that it is for nobody",
            id="bound to nobody, by EMQX's name",
        ),
        pytest.param(
            [role(GET | {"resourceNames": ["emqx-headless"]})],
            [binding()],
            "RoleBinding b has no subjects",
            id="bound to nobody, for this very Service",
        ),
    ],
)
def test_what_was_meant_to_give_it_and_does_not(
    roles: list[Object], bindings: list[Object], why: str
) -> None:
    assert grants.allowed(WISH, roles, bindings) is False
    assert why in grants.shortcoming(WISH, roles, bindings)


PODS: Object = {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get"]}


def test_what_emqx_alone_has_is_meant_for_its_discovery() -> None:
    own = replace(WISH, is_own=True)
    assert grants.allowed(own, [role(PODS)], [binding(MINE)]) is False
    why = "Role discovery has resources [pods, services], and EMQX asks for endpoints"
    assert grants.shortcoming(own, [role(PODS)], [binding(MINE)]) == why
    assert isinstance(
        grants.allowed(own, [role(PODS | {"resources": ["leases"]})], [binding(MINE)]), Unobserved
    )
    assert grants.allowed(own, [role(PODS), role(GET)], [binding(MINE)]) is True


def test_what_is_given_to_other_pods_is_theirs() -> None:
    wish = replace(WISH, others=frozenset({"emqx-sa"}))
    assert isinstance(grants.allowed(wish, [role(GET)], [binding(subject("emqx-sa"))]), Unobserved)


@pytest.mark.parametrize(
    ("roles", "bindings"),
    [
        pytest.param([], [], id="no word of rights"),
        pytest.param([role(GET)], [], id="a Role that something else binds"),
        pytest.param([], [binding(MINE)], id="a Role that is elsewhere"),
        pytest.param(
            [role(GET | {"verbs": ["list"]})],
            [binding(MINE), binding(MINE) | {"roleRef": {"kind": "ClusterRole", "name": "view"}}],
            id="one that does not suffice, beside one that is elsewhere",
        ),
        pytest.param(
            [role(GET)],
            [binding(subject("prometheus", namespace="iot"))],
            id="somebody else's rights on Endpoints",
        ),
        pytest.param(
            [role({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]})],
            [binding(MINE)],
            id="rights for another purpose",
        ),
        pytest.param(
            [role(kind="ClusterRole") | {"aggregationRule": {}}],
            [binding(MINE) | {"roleRef": {"kind": "ClusterRole", "name": "discovery"}}],
            id="a ClusterRole that the cluster puts together",
        ),
    ],
)
def test_what_a_manifest_cannot_tell(roles: list[Object], bindings: list[Object]) -> None:
    assert isinstance(grants.allowed(WISH, roles, bindings), Unobserved)


def test_while_the_namespace_is_not_known_any_fits() -> None:
    anywhere = Wish("emqx", None, "emqx-headless")
    assert grants.allowed(anywhere, [role(GET)], [binding(subject(namespace="iot"))]) is True


def test_where_nothing_says_the_namespace_two_of_them_contradict_each_other() -> None:
    nowhere = replace(WISH, namespace="default", is_nowhere=True)
    assert grants.allowed(nowhere, [role(GET, namespace=None)], [binding(MINE, namespace=None)]) is False
    why = grants.shortcoming(nowhere, [role(GET, namespace=None)], [binding(MINE, namespace=None)])
    assert "for ServiceAccount emqx of namespace iot, and EMQX asks for namespace default: wherever" in why
