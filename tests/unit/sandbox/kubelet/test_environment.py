"""A container's environment by its spec."""

from typing import Any

import pytest

from sandbox.kubelet.environment import (
    ConfigError,
    PodFields,
    Source,
    expand,
    quantity,
    references,
    resolve,
    service_variables,
)

POD = {
    "metadata": {
        "name": "emqx-0",
        "namespace": "ns",
        "uid": "u",
        "labels": {"app": "emqx"},
        "annotations": {"a/b": "c"},
    },
    "spec": {
        "nodeName": "n",
        "containers": [{"name": "c", "resources": {"limits": {"cpu": "1500m", "memory": "2Gi"}}}],
    },
}
FIELDS = PodFields(POD, pod_ip="10.244.0.9", host_ip="10.0.1.1")
SOURCES: dict[Source, dict[str, str] | None] = {
    ("configmap", "cm"): {"A": "1", "B": "2"},
    ("secret", "s"): {"k": "v"},
    ("configmap", "missing"): None,
}


def env(*variables: dict[str, Any], env_from: list[dict[str, Any]] | None = None) -> dict[str, str]:
    container = {"name": "c", "env": list(variables), "envFrom": env_from or []}
    return resolve(container, FIELDS, SOURCES, {"SVC": "x"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "emqx-0"),
        ("metadata.namespace", "ns"),
        ("metadata.labels['app']", "emqx"),
        ("metadata.annotations['a/b']", "c"),
        ("metadata.labels['none']", ""),
        ("status.podIP", "10.244.0.9"),
        ("status.hostIP", "10.0.1.1"),
        ("spec.nodeName", "n"),
        ("spec.serviceAccountName", "default"),
    ],
)
def test_field(path: str, expected: str) -> None:
    assert env({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}})["X"] == expected


@pytest.mark.parametrize(
    ("resource", "divisor", "expected"),
    [("limits.cpu", "0", "2"), ("limits.cpu", "1m", "1500"), ("limits.memory", "1Mi", "2048")],
)
def test_resource(resource: str, divisor: str, expected: str) -> None:
    reference = {"resource": resource, "divisor": divisor}
    assert env({"name": "X", "valueFrom": {"resourceFieldRef": reference}})["X"] == expected


def test_a_quantity_that_nobody_understands() -> None:
    with pytest.raises(ConfigError):
        quantity("2 apples")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)-$(B)", "1-$(B)"), ("$$(A)", "$(A)"), ("$A ${A}", "$A ${A}"), ("$(A", "$(A"), ("$", "$")],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


def test_later_entries_overrule_and_refer_to_earlier_ones() -> None:
    got = env(
        {"name": "A", "value": "own"},
        {"name": "URL", "value": "http://$(A):$(SVC)$(LATER)"},
        {"name": "LATER", "value": "l"},
        env_from=[{"configMapRef": {"name": "cm"}}, {"secretRef": {"name": "s"}, "prefix": "P_"}],
    )
    assert got == {"A": "own", "B": "2", "P_k": "v", "URL": "http://own:x$(LATER)", "LATER": "l", "SVC": "x"}


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ({"configMapKeyRef": {"name": "missing", "key": "A"}}, 'configmap "missing" not found'),
        ({"configMapKeyRef": {"name": "cm", "key": "Z"}}, "couldn't find key Z in ConfigMap cm"),
        ({"secretKeyRef": {"name": "s", "key": "Z"}}, "couldn't find key Z in Secret s"),
    ],
)
def test_what_is_missing_is_said_in_a_kubelets_words(origin: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        env({"name": "X", "valueFrom": origin})
    kind = next(iter(origin))
    optional = {kind: {**origin[kind], "optional": True}}
    assert "X" not in env({"name": "X", "valueFrom": optional})


def test_references() -> None:
    container = {
        "env": [
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "Y", "value": "1"},
        ],
        "envFrom": [{"configMapRef": {"name": "cm"}}, {"configMapRef": {"name": "cm"}}],
    }
    assert references(container) == [("configmap", "cm"), ("secret", "s")]


def test_service_variables() -> None:
    headless = {"metadata": {"name": "h"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}
    service = {
        "metadata": {"name": "emqx-dash"},
        "spec": {"clusterIP": "10.96.1.1", "ports": [{"port": 18083, "name": "dash-http"}]},
    }
    assert service_variables([headless, service]) == {
        "EMQX_DASH_SERVICE_HOST": "10.96.1.1",
        "EMQX_DASH_SERVICE_PORT": "18083",
        "EMQX_DASH_SERVICE_PORT_DASH_HTTP": "18083",
        "EMQX_DASH_PORT": "tcp://10.96.1.1:18083",
        "EMQX_DASH_PORT_18083_TCP": "tcp://10.96.1.1:18083",
        "EMQX_DASH_PORT_18083_TCP_PROTO": "tcp",
        "EMQX_DASH_PORT_18083_TCP_PORT": "18083",
        "EMQX_DASH_PORT_18083_TCP_ADDR": "10.96.1.1",
    }
