"""A missing right in kubectl's words."""

import pytest

from emqx_autocluster.commands import permissions

EXEC = (
    'Forbidden: pods "emqx-a" is forbidden: User "system:serviceaccount:iot:view" cannot get resource "pods/exec"'
    ' in API group "" in the namespace "iot"'
)
REVIEW = (
    'asked: Forbidden: localsubjectaccessreviews.authorization.k8s.io is forbidden: User "joe"'
    ' cannot create resource "localsubjectaccessreviews" in API group "authorization.k8s.io" in the namespace "iot"'
)
WORKLOAD = (
    'Forbidden: deployments.apps "emqx" is forbidden: User "joe" cannot get resource "deployments" in API group "apps"'
    ' in the namespace "iot"'
)
NODES = 'nodes is forbidden: User "joe" cannot list resource "nodes" in API group "" at the cluster scope'


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            f"what a member sees could not be read: emqx-a: {EXEC}",
            "what a member sees could not be read: emqx-a: get pods/exec in namespace iot: forbidden",
        ),
        (
            REVIEW,
            "asked: create localsubjectaccessreviews.authorization.k8s.io in namespace iot: forbidden",
        ),
        (WORKLOAD, "get deployments.apps in namespace iot: forbidden"),
        (NODES, "list nodes in the whole cluster: forbidden"),
        ("the request timed out", "the request timed out"),
        ("Forbidden: EMQX said so", "Forbidden: EMQX said so"),
    ],
)
def test_it_is_said_as_kubectl_says_it(message: str, words: str) -> None:
    assert permissions.in_kubectl_words(message) == words


def test_each_missing_right_is_listed_once() -> None:
    found = permissions.lacking([f"a: {EXEC} (and of 2 more)", REVIEW, EXEC, "fine"])
    assert found == (
        "get pods/exec in namespace iot",
        "create localsubjectaccessreviews.authorization.k8s.io in namespace iot",
    )
