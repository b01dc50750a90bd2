"""The value of a variable that is in force, by the manifest and by what runs."""

from dataclasses import replace
from typing import Any

import pytest

from emqx_autocluster.emqx import environment
from emqx_autocluster.observation import Container, EnvFrom, EnvVar, Identity, Unobserved

NS = EnvVar("EMQX_CLUSTER__K8S__NAMESPACE", "$(NS)")
LATER = EnvVar("NS", "iot")
MAPS = {"settings": {"NS": "iot"}}
ALL_OF_IT = EnvFrom(secret="all")  # noqa: S106 - its name


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


@pytest.mark.parametrize(
    ("entries", "value"),
    [
        pytest.param((NS, LATER), "iot", id="what is meant, where it is defined too late"),
        pytest.param((NS,), "$(NS)", id="as it stands, where nothing defines it"),
        pytest.param((LATER, replace(NS, value="$$(NS)")), "iot", id="what is meant, where it is escaped"),
        pytest.param((LATER, NS), "iot", id="what it is, where it is not lost"),
    ],
)
def test_a_value_with_a_reference(entries: tuple[EnvVar, ...], value: str) -> None:
    assert environment.text(a_reader(*entries).read(NS.name, "default")) == value


@pytest.mark.parametrize(
    ("changes", "certain"),
    [
        pytest.param({}, True, id="nothing else defines variables"),
        pytest.param({"env_from": (ALL_OF_IT,)}, False, id="a Secret may define it"),
        pytest.param({"env_from": (replace(ALL_OF_IT, prefix="X_"),)}, True, id="a Secret of other names"),
        pytest.param({"env_from": (EnvFrom(config_map="other"),)}, False, id="a ConfigMap that is not read"),
        pytest.param({"env_from": (EnvFrom(config_map="gone"),)}, True, id="a ConfigMap that does not exist"),
        pytest.param(
            {"env": (replace(NS, value="$(EMQX_SERVICE_HOST)"),)}, False, id="a Service may define it"
        ),
    ],
)
def test_whether_a_reference_is_certainly_lost(changes: dict[str, Any], *, certain: bool) -> None:
    maps = {"other": Unobserved("not asked"), "gone": None}
    container = replace(Container("emqx", "emqx/emqx:5.8.9", (NS,)), **changes)
    reader = environment.Reader(container, (), maps, None)
    assert (reader.texts.lost(NS.name) is not None) == certain
    assert isinstance(reader.read(NS.name, "default"), Unobserved) == (not certain)


def test_a_reference_to_what_a_config_map_defines() -> None:
    container = Container("emqx", "emqx/emqx:5.8.9", (NS,), (EnvFrom(config_map="settings"),))
    assert environment.text(environment.Reader(container, (), MAPS, None).read(NS.name, None)) == "iot"


@pytest.mark.parametrize(
    ("identities", "unread"),
    [
        pytest.param((Identity({NS.name: "iot"}, None, None),), None, id="a process has it"),
        pytest.param((), Unobserved("the request timed out"), id="a process was not asked"),
    ],
)
def test_what_runs_tells_what_became_of_a_reference(
    identities: tuple[Identity, ...], unread: Unobserved | None
) -> None:
    found = environment.Reader(Container("emqx", "emqx/emqx:5.8.9", (NS,)), identities, {}, unread).read(
        NS.name, None
    )
    assert isinstance(found, Unobserved) if unread else environment.text(found) == "iot"
