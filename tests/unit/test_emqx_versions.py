"""Which version an image is, and what that version's clustering can do."""

import pytest
from packaging.version import Version

from emqx_autocluster import emqx_versions
from emqx_autocluster.emqx_versions import CANONICAL_API_SERVER, Generation


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("emqx/emqx:5.8.9", "5.8.9"),
        ("emqx:4.4.19", "4.4.19"),
        ("emqx/emqx-enterprise:e5.9.0", "5.9.0"),
        ("emqx/emqx:v5.8.9", "5.8.9"),
        ("emqx/emqx:5.8.9-elixir", "5.8.9"),
        ("emqx/emqx:5.8.9-rc.1", "5.8.9"),
        ("registry.example:5000/mirror/emqx:5.0.3", "5.0.3"),
        ("emqx/emqx:5.8.9@sha256:0123", "5.8.9"),
        pytest.param("emqx/emqx:5.8", None, id="a moving tag names no version"),
        ("emqx/emqx:latest", None),
        ("emqx/emqx", None),
        ("registry.example:5000/emqx", None),
        ("emqx@sha256:0123", None),
        ("", None),
    ],
)
def test_the_version_in_an_image(image: str, version: str | None) -> None:
    found = emqx_versions.from_tag(image)
    assert found == (Version(version) if version else None)


@pytest.mark.parametrize("text", [None, "", "nonsense", "5", "x5.8.9", "5.8.9nightly"])
def test_what_is_no_version(text: str | None) -> None:
    assert emqx_versions.parse(text) is None


RULES = (
    "strategy_variable",
    "default_api_server",
    "default_service_name",
    "verifies_certificate",
    "has_discovery_command",
    "needs_licence",
)


@pytest.mark.parametrize(
    ("version", "rules"),
    [
        ("4.2.14", ("EMQX_CLUSTER__DISCOVERY", None, None, False, False, False)),
        ("4.4.19", ("EMQX_CLUSTER__DISCOVERY", None, None, False, False, False)),
        ("5.0.3", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", None, "emqx", False, False, False)),
        ("5.1.0", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", None, "emqx", False, False, False)),
        ("5.1.1", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", CANONICAL_API_SERVER, "emqx", False, False, False)),
        ("5.4.1", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", CANONICAL_API_SERVER, "emqx", False, False, False)),
        ("5.5.0", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", CANONICAL_API_SERVER, "emqx", True, False, False)),
        ("5.6.0", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", CANONICAL_API_SERVER, "emqx", True, False, False)),
        ("5.6.1", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", CANONICAL_API_SERVER, "emqx", True, True, False)),
        ("5.8.9", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", CANONICAL_API_SERVER, "emqx", True, True, False)),
        ("5.9.0", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", CANONICAL_API_SERVER, "emqx", True, True, True)),
        ("6.0.0", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", CANONICAL_API_SERVER, "emqx", True, True, True)),
    ],
)
def test_the_rules_of_a_version(version: str, rules: tuple[object, ...]) -> None:
    generation = Generation(Version(version))
    assert tuple(getattr(generation, rule) for rule in RULES) == rules


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("4.4.19", ("EMQX_CLUSTER__DISCOVERY_STRATEGY", "", "ekka", None, False)),
        ("5.0.20", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", False)),
        ("5.0.21", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", True)),
        ("6.0.0", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", True)),
    ],
)
def test_what_a_version_makes_of_names_that_are_not_set(version: str, names: tuple[object, ...]) -> None:
    rules = ("other_strategy_variable", "default_suffix", "default_app_name", "default_name")
    generation = Generation(Version(version))
    assert tuple(getattr(generation, rule) for rule in (*rules, "reads_long_node_name")) == names
