"""What a variable of a container becomes in its pods: one text in all of them, or another in each."""

import pytest

from emqx_autocluster.emqx import discoveryreader, expansion
from emqx_autocluster.emqx.expansion import Loss, Lost
from emqx_autocluster.observation import Container, EnvVar, Unobserved


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
            (EnvVar("X", "$(B)"), EnvVar("B", "b"), EnvVar("X", "$(B)")), "b", False, id="the same twice"
        ),
        pytest.param((EnvVar("X", "a$$b"),), "a$b", False, id="a dollar"),
        pytest.param(
            (EnvVar("A", "a"), EnvVar("X", "$$(A)")),
            "A",
            False,
            id="a reference that is to stay as it stands",
        ),
        pytest.param(
            (EnvVar("NS", "iot", {"fieldRef": {"fieldPath": "metadata.namespace"}}), EnvVar("X", "$(NS)")),
            "iot",
            False,
            id="the namespace",
        ),
    ],
)
def test_a_variable_in_pods(entries: tuple[EnvVar, ...], text: str | None, *, differs: bool | None) -> None:
    found = expansion.text_in_pods(Container("emqx", "emqx:5.8.9", entries), "X")
    assert found == text
    if found is not None:
        assert expansion.differs_between_pods(found) == differs


def test_a_value_that_grows_beyond_measure_is_not_judged() -> None:
    doubling = (EnvVar("A0", "x"), *(EnvVar(f"A{n + 1}", f"$(A{n})$(A{n})") for n in range(30)))
    container = Container("emqx", "emqx:5.8.9", (*doubling, EnvVar("X", "emqx@$(A30)")))
    found = expansion.text_in_pods(container, "X")
    assert isinstance(found, Unobserved)
    assert found.reason == "not judged: A13 has more than 4096 characters"
    assert expansion.text_in_pods(container, "A12") == "x" * 4096
    asked = EnvVar("EMQX_CLUSTER__K8S__APISERVER", "https://$(A30)")
    settings = discoveryreader.read_settings(Container("emqx", "emqx:5.8.9", (*doubling, asked)), (), {})
    assert settings.api_server == found, "and why is told where it is asked for"


@pytest.mark.parametrize(
    ("entries", "lost", "literal", "meant"),
    [
        pytest.param((EnvVar("A", "a"), EnvVar("X", "$(A)")), None, "a", "a", id="it is defined before"),
        pytest.param((EnvVar("X", "$(BY_A_MAP)"),), None, "b", "b", id="envFrom defines it"),
        pytest.param(
            (EnvVar("X", "x-$(A)"), EnvVar("A", "a")),
            Lost("A", Loss.AFTER),
            "x-$(A)",
            "x-a",
            id="only after it",
        ),
        pytest.param((EnvVar("X", "$(A)"),), Lost("A", Loss.NOWHERE), "$(A)", None, id="nowhere"),
        pytest.param(
            (EnvVar("A", "a"), EnvVar("X", "$$(A)")),
            Lost("A", Loss.ESCAPED),
            "$(A)",
            "a",
            id="written with two dollars",
        ),
        pytest.param(
            (EnvVar("A", "a"), EnvVar("X", "$$$(A)")), None, "$a", "$a", id="a dollar and a reference"
        ),
        pytest.param(
            (EnvVar("B", "$(A)"), EnvVar("A", "a"), EnvVar("X", "$(B)")),
            Lost("A", Loss.AFTER),
            "$(A)",
            "a",
            id="in what it is made of",
        ),
        pytest.param(
            (EnvVar("X", "$(POD_IP)"), POD_IP),
            Lost("POD_IP", Loss.AFTER),
            "$(POD_IP)",
            None,
            id="of each pod",
        ),
        pytest.param(
            (EnvVar("X", "$(S)"), SECRET),
            Lost("S", Loss.AFTER),
            "$(S)",
            None,
            id="what is meant is in a Secret",
        ),
    ],
)
def test_a_reference_that_stays_as_it_stands(
    entries: tuple[EnvVar, ...], lost: Lost | None, literal: str, meant: str | None
) -> None:
    container, defined = Container("emqx", "emqx:5.8.9", entries), {"BY_A_MAP": "b"}
    assert expansion.lost_reference(container, "X", defined) == lost
    assert expansion.literal(container, "X", defined) == literal
    assert expansion.meant(container, "X", defined) == meant
