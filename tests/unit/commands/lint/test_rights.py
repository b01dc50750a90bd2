"""ServiceAccounts, Roles and bindings in an input: what they prove, and what they do not."""

import pytest

from builders import GOOD_MANIFEST as GOOD
from linted import GRANTED, RIGHTS, WEB, errors, lint, unjudged

SIDECAR = "        - {name: helper, image: helper}\n        - name: emqx\n"


def test_rights_of_a_group_that_is_none_give_nothing() -> None:
    rights = RIGHTS.replace("[list]", "[get]")
    assert errors(GOOD + rights, "-n", "iot") == []
    wrong = GOOD + rights.replace("authorization.k8s.io/v1", "authorization.kubernetes.io/v1")
    assert errors(wrong, "-n", "iot") == ["PermissionDenied"]
    assert "it is rbac.authorization.k8s.io/v1" in lint(wrong, "-n", "iot").stdout


ACCOUNT = """\
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: emqx}
"""


def test_an_account_that_others_may_have_made_is_no_all_clear() -> None:
    own = GOOD.replace("      containers:\n", "      serviceAccountName: emqx\n      containers:\n")
    text = own + GRANTED.replace("name: default, namespace", "name: emqx, namespace")
    [told] = unjudged(text, "-n", "iot")
    assert told.startswith(
        "whether there is ServiceAccount emqx, without which no pod is made: it is not in the input"
    )
    assert unjudged(text + ACCOUNT, "-n", "iot") == []


def test_an_account_with_the_right_is_named_where_the_pods_run_as_another() -> None:
    text = GOOD + GRANTED.replace("name: default, namespace", "name: emqx, namespace") + ACCOUNT
    assert "set serviceAccountName: emqx in the pod template" in " ".join(
        lint(text, "-n", "iot").stdout.split()
    )
    taken = WEB.replace("spec: {containers", "spec: {serviceAccountName: emqx, containers")
    assert "serviceAccountName: emqx in" not in lint(text + taken, "-n", "iot").stdout
    two = GRANTED.replace("name: default, namespace", "name: other, namespace").replace(
        "metadata: {name: discovery}", "metadata: {name: another}"
    )
    both = text + two.replace("kind: Role, name: discovery", "kind: Role, name: another")
    more = both + ACCOUNT.replace("{name: emqx}", "{name: other}")
    assert "set serviceAccountName" not in " ".join(lint(more, "-n", "iot").stdout.split())


def test_a_role_that_is_bound_and_not_given_is_named() -> None:
    rights = RIGHTS.replace("kind: Role, name: discovery", "kind: Role, name: elsewhere")
    assert any("Role elsewhere, which is not in the input" in told for told in unjudged(GOOD + rights))


@pytest.mark.parametrize(
    "rights",
    [
        pytest.param(GRANTED.replace("rules: [{", "rules: get # [{"), id="rules that are a word"),
        pytest.param(
            GRANTED.replace("resources: [endpoints]", "resources: endpoints"), id="a word for a list"
        ),
        pytest.param(GRANTED.replace("verbs: [get]", "verbs: [{get: 1}]"), id="a verb that is a mapping"),
        pytest.param(GRANTED.replace("subjects: [", "subjects: default # ["), id="subjects that are a word"),
        pytest.param(
            GRANTED.replace("discovery}\nrules", "discovery, labels: [a]}\nrules"),
            id="labels that are a list",
        ),
        pytest.param(
            GRANTED.replace(
                "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: discovery}\n", ""
            ),
            id="a binding to nothing",
        ),
    ],
)
def test_rights_of_no_form_are_told_as_not_judged(rights: str) -> None:
    assert errors(GOOD + GRANTED, "-n", "iot") == []
    assert unjudged(GOOD + GRANTED, "-n", "iot") == []
    [told] = unjudged(GOOD + rights, "-n", "iot")
    assert "discovery is not of the form that the API server takes" in told
    assert unjudged(GOOD + rights.replace("name: discovery", "name: odd") + GRANTED, "-n", "iot") == []


def test_a_role_for_what_emqx_does_not_ask_for_is_told_where_nothing_else_runs_by_it() -> None:
    rights = RIGHTS.replace("endpoints", "pods").replace("name: default,", "name: emqx,")
    own = GOOD.replace("      containers:\n", "      serviceAccountName: emqx\n      containers:\n") + rights
    assert errors(own, "-n", "iot") == ["PermissionDenied"]
    assert errors(own.replace("        - name: emqx\n", SIDECAR), "-n", "iot") == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            "roleRef: {apiGroup: rbac.authorization.k8s.io",
            "roleRef: {apiGroup: rbac.k8s.io",
            "in its roleRef",
        ),
        (
            "{kind: ServiceAccount,",
            "{kind: ServiceAccount, apiGroup: rbac.authorization.k8s.io,",
            "which is in none",
        ),
        (", namespace: iot}", "}", "without its namespace"),
    ],
)
def test_a_binding_that_the_api_server_refuses(old: str, new: str, why: str) -> None:
    rights = RIGHTS.replace("[list]", "[get]")
    assert errors(GOOD + rights, "-n", "iot") == []
    result = lint(GOOD + rights.replace(old, new), "-n", "iot")
    assert "PermissionDenied" in result.stdout
    assert why in " ".join(result.stdout.split())


@pytest.mark.parametrize("name", ["cluster-admin", "admin", "edit", "view"])
def test_what_every_cluster_has_needs_not_be_given(name: str) -> None:
    bound = GRANTED.partition("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding")
    binding = "".join(bound[1:]).replace("kind: Role, name: discovery", f"kind: ClusterRole, name: {name}")
    assert errors(GOOD + binding, "-n", "iot") == []
    assert unjudged(GOOD + binding, "-n", "iot") == []
    own = binding.replace(f"name: {name}", f"name: {name}-of-ours")
    assert any(
        f"ClusterRole {name}-of-ours, which is not in the input" in told
        for told in unjudged(GOOD + own, "-n", "iot")
    )


def test_rights_of_a_version_that_is_gone_give_nothing() -> None:
    old = GOOD + GRANTED.replace("authorization.k8s.io/v1\n", "authorization.k8s.io/v1beta1\n")
    assert errors(old, "-n", "iot") == ["PermissionDenied"]
    assert "which no Kubernetes since 1.22 has" in " ".join(lint(old, "-n", "iot").stdout.split())


@pytest.mark.parametrize("automount", ["", "      automountServiceAccountToken: false\n"])
def test_whose_token_a_secret_brings_is_not_judged(automount: str) -> None:
    volume = "      volumes: [{name: token, secret: {secretName: theirs}}]\n"
    mount = (
        "          volumeMounts: [{name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]\n"
    )
    text = GOOD.replace("      containers:\n", f"{automount}{volume}      containers:\n")
    text = text.replace("          env:\n", f"{mount}          env:\n") + GRANTED
    assert errors(text, "-n", "iot") == []
    assert ["the token that Secret theirs brings" in told for told in unjudged(text, "-n", "iot")] == [True]
