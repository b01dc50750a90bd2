"""What a variable of a container becomes in its pods: one text in all of them, or another in each."""

import pytest

from emqx_autocluster import environment
from emqx_autocluster.observation import Container, EnvVar


def field(name: str, path: str) -> EnvVar:
    return EnvVar(name, None, {"fieldRef": {"fieldPath": path}})


POD_IP, POD_NAME = field("POD_IP", "status.podIP"), field("POD_NAME", "metadata.name")
SECRET = EnvVar("S", None, {"secretKeyRef": {"name": "s", "key": "k"}})


@pytest.mark.parametrize(
    ("entries", "text", "differs"),
    [
        pytest.param((EnvVar("X", "emqx"),), "emqx", False, id="plain"),
        pytest.param((), None, None, id="not there"),
        pytest.param((EnvVar("X", "a"), EnvVar("X", "b")), "b", False, id="the last counts"),
        pytest.param((field("X", "metadata.name"),), "$(X)", True, id="the pod's name"),
        pytest.param((field("X", "status.podIPs"),), "$(X)", True, id="the pod's addresses"),
        pytest.param(
            (field("X", "metadata.labels['apps.kubernetes.io/pod-index']"),), "$(X)", True, id="its ordinal"
        ),
        pytest.param((field("X", "metadata.labels['app']"),), None, None, id="a label that all pods share"),
        pytest.param((SECRET, EnvVar("X", "$(S)")), None, None, id="what only the API server knows"),
        pytest.param((POD_IP, EnvVar("X", "emqx@$(POD_IP)")), "emqx@$(POD_IP)", True, id="with the address"),
        pytest.param(
            (POD_NAME, EnvVar("SVC", "emqx"), EnvVar("X", "$(POD_NAME).$(SVC).local")),
            "$(POD_NAME).emqx.local",
            True,
            id="some of it is the same everywhere",
        ),
        pytest.param(
            (EnvVar("A", "x"), EnvVar("B", "$(A)y"), EnvVar("X", "$(B)z")), "xyz", False, id="through others"
        ),
        pytest.param((EnvVar("X", "$(LATER)"), EnvVar("LATER", "y")), "LATER", False, id="what comes later"),
        pytest.param((EnvVar("X", "a"), EnvVar("X", "$(X)b")), "ab", False, id="itself, as it was before"),
        pytest.param(
            (EnvVar("NS", "iot", {"fieldRef": {"fieldPath": "metadata.namespace"}}), EnvVar("X", "$(NS)")),
            "iot",
            False,
            id="the namespace",
        ),
    ],
)
def test_a_variable_in_pods(entries: tuple[EnvVar, ...], text: str | None, *, differs: bool | None) -> None:
    found = environment.text_in_pods(Container("emqx", "emqx:5.8.9", entries), "X")
    assert found == text
    if found is not None:
        assert environment.differs_between_pods(found) == differs
