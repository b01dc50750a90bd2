"""What a variable of a container becomes in its pods: one text in all of them, or another in each."""

import pytest

from emqx_autocluster.emqx import discovery, environment
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
            (EnvVar("A", "a"), EnvVar("X", "$$(A)")), "$(A)", False, id="a dollar that begins nothing"
        ),
        pytest.param(
            (POD_IP, EnvVar("A", "$$(POD_IP)"), EnvVar("X", "$(A).$(POD_IP)")),
            "$(POD_IP).$(POD_IP)",
            True,
            id="beside one that begins something",
        ),
        pytest.param((EnvVar("X", "a$$$$(b"),), "a$$(b", False, id="two dollars"),
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
    assert (environment.written(found) if isinstance(found, str) else found) == text
    if found is not None:
        assert environment.differs_between_pods(found) == differs


def test_a_value_that_grows_beyond_measure_is_not_judged() -> None:
    doubling = (EnvVar("A0", "x"), *(EnvVar(f"A{n + 1}", f"$(A{n})$(A{n})") for n in range(30)))
    container = Container("emqx", "emqx:5.8.9", (*doubling, EnvVar("X", "emqx@$(A30)")))
    found = environment.text_in_pods(container, "X")
    assert isinstance(found, Unobserved)
    assert found.reason == "not judged: A13 has more than 4096 characters"
    assert environment.text_in_pods(container, "A12") == "x" * 4096
    asked = EnvVar("EMQX_CLUSTER__K8S__APISERVER", "https://$(A30)")
    settings = discovery.read_settings(Container("emqx", "emqx:5.8.9", (*doubling, asked)), (), {})
    assert settings.api_server == found, "and why is told where it is asked for"


def a_reader(*entries: EnvVar) -> environment.Reader:
    return environment.Reader(Container("emqx", "emqx/emqx:5.8.9", entries), (), {}, None)


@pytest.mark.parametrize(
    ("entries", "value"),
    [
        pytest.param(
            (EnvVar("EMQX_CLUSTER", "{k8s {namespace = iot}}"),), "iot", id="all of the cluster's settings"
        ),
        pytest.param((EnvVar("EMQX_CLUSTER__K8S", 'namespace = "iot"'),), "iot", id="one part of them"),
        pytest.param(
            (
                EnvVar("EMQX_CLUSTER", "{k8s {namespace = lab}}"),
                EnvVar("EMQX_CLUSTER__K8S__NAMESPACE", "iot"),
            ),
            "iot",
            id="its own variable",
        ),
        pytest.param(
            (EnvVar("EMQX_CLUSTER", "{discovery_strategy = k8s}"),),
            "default",
            id="it says nothing of this one",
        ),
    ],
)
def test_a_variable_that_holds_several_settings(entries: tuple[EnvVar, ...], value: str) -> None:
    assert environment.text(a_reader(*entries).read("EMQX_CLUSTER__K8S__NAMESPACE", "default")) == value


def test_a_variable_of_several_settings_that_is_longer_than_any_is_not_judged() -> None:
    found = a_reader(EnvVar("EMQX_CLUSTER", "a=1\n" * 1025)).read("EMQX_CLUSTER__K8S__NAMESPACE", "default")
    assert found == Unobserved("not judged: EMQX_CLUSTER has more than 4096 characters")


@pytest.mark.parametrize("text", ["{k8s {namespace = iot", "{k8s {namespace = ${x}}}"])
def test_a_variable_of_several_settings_that_could_not_be_read(text: str) -> None:
    found = a_reader(EnvVar("EMQX_CLUSTER", text)).read("EMQX_CLUSTER__K8S__NAMESPACE", "default")
    assert isinstance(found, Unobserved)


@pytest.mark.parametrize(
    ("text", "value"),
    [("srv ", "srv"), ('"srv"', "srv"), (" srv", "srv"), ("srv", "srv"), ('"', '"'), ("", "")],
)
def test_what_hocon_makes_of_a_text(text: str, value: str) -> None:
    assert environment.as_hocon(text) == value
