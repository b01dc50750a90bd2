"""Which version an image is, and what that version's clustering can do."""

from collections.abc import Callable

import pytest
from packaging.version import Version

from emqx_autocluster.emqx import versions
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER, STEPS, Generation
from emqx_autocluster.emqx.versions import UNKNOWN_VERSION

RELEASES = tuple(
    Version(text)
    for text in (
        "4.0.13",
        "4.1.5",
        "4.2.14",
        "4.3.22",
        "4.4.19",
        "5.0.26",
        "5.1.6",
        "5.2.1",
        "5.3.2",
        "5.4.1",
        "5.6.0",
        "5.7.2",
        "5.8.9",
        "5.10.4",
        "6.2.2",
    )
)


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
        ("emqx/emqx:5.8.9.1", "5.8.9"),
        ("emqx/emqx:5.8", "5.8"),
        ("emqx/emqx:v4.1-rc.1", "4.1"),
        ("emqx/emqx:5", "5"),
        ("emqx/emqx:6.4.0", "6.4.0"),
        pytest.param("emqx/emqx:1.4.2", None, id="older than any that this tool knows"),
        pytest.param("emqx/emqx:4.7.0", None, id="a minor that 4 never had"),
        pytest.param("emqx/emqx:5.11", None, id="a minor that 5 never had"),
        pytest.param("emqx/emqx:2026.11.28", None, id="a day"),
        ("emqx/emqx:latest", None),
        ("emqx/emqx:5.8.9nightly", None),
        ("emqx/emqx", None),
        ("registry.example:5000/emqx", None),
        ("emqx@sha256:0123", None),
        ("", None),
    ],
)
def test_the_version_in_an_image(image: str, version: str | None) -> None:
    found = versions.from_tag(image)
    assert (str(found) if found else None) == version


@pytest.mark.parametrize(
    ("text", "exact"), [("5.8.9", "5.8.9"), ("5.8", None), ("5", None), ("5.8.9-rc.1", "5.8.9")]
)
def test_only_all_three_numbers_are_one_version(text: str, exact: str | None) -> None:
    found = versions.parse(text)
    assert found is not None
    assert found.exact == (Version(exact) if exact else None)
    assert UNKNOWN_VERSION.exact is None


def test_a_range_has_one_generation_for_each_change_of_the_rules() -> None:
    def firsts(text: str) -> list[str]:
        found = versions.parse(text)
        assert found is not None
        return [str(generation.version) for generation in found.generations]

    assert firsts("5.8.9") == ["5.8.9"]
    assert firsts("5.1") == ["5.1.1", "5.1.0"]
    assert firsts("4")[-1] == "4.0.0"
    assert [g.version for g in UNKNOWN_VERSION.generations] == sorted(STEPS, reverse=True)


def test_no_rule_changes_between_the_steps() -> None:
    """Each release beside each step, and some far from all, against the step that they belong to."""
    rules = [name for name, value in vars(Generation).items() if isinstance(value, property)]
    for release in (*RELEASES, *(Version(f"{v.major}.{v.minor}.{v.micro + 1}") for v in STEPS)):
        step = max(step for step in STEPS if step <= release)
        for rule in rules:
            assert getattr(Generation(release), rule) == getattr(Generation(step), rule), (release, rule)


def test_what_all_of_a_range_have_in_common() -> None:
    five = versions.parse("5")
    assert five is not None
    assert five.agree(lambda generation: generation.strategy_variable) == "EMQX_CLUSTER__DISCOVERY_STRATEGY"
    assert five.agree(lambda generation: generation.needs_licence) is None


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("5", lambda g: g.needs_licence, "5.9.0 and later"),
        ("5", lambda g: not g.verifies_certificate, "before 5.5.0"),
        ("5", lambda g: g.verifies_certificate and not g.needs_licence, "5.5.0 and later before 5.9.0"),
        ("5.8.9", lambda _: True, "5.8.9"),
        ("4", lambda g: not g.numbers_rpc_ports, "before 4.2.0 and 4.3.0 and later"),
    ],
)
def test_a_part_of_a_range_in_words(text: str, rule: Callable[[Generation], bool], words: str) -> None:
    found = versions.parse(text)
    assert found is not None
    assert found.words([generation for generation in found.generations if rule(generation)]) == words


def test_a_rule_is_only_asked_at_a_step() -> None:
    with pytest.raises(KeyError, match=r"5\.8\.3"):
        Generation(Version("5.8.9")).since("5.8.3")


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
        ("5.0.1", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", False)),
        pytest.param(
            "5.0.2",
            ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", None),
            id="Enterprise 5.0.2 is younger than open-source 5.0.2",
        ),
        ("5.0.4", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", None)),
        ("5.0.5", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", False)),
        ("5.0.20", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", False)),
        ("5.0.21", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", True)),
        ("6.0.0", ("EMQX_CLUSTER__DISCOVERY", "pod.local", None, "emqx", True)),
    ],
)
def test_what_a_version_makes_of_names_that_are_not_set(version: str, names: tuple[object, ...]) -> None:
    rules = ("other_strategy_variable", "default_suffix", "default_app_name", "default_name")
    generation = Generation(Version(version))
    assert tuple(getattr(generation, rule) for rule in (*rules, "reads_long_node_name")) == names


@pytest.mark.parametrize(
    ("version", "reads"),
    [
        ("4.4.19", False),
        ("5.0.2", False),
        pytest.param("5.0.3", None, id="Enterprise 5.0.3 is younger than open-source 5.0.3"),
        ("5.0.4", None),
        ("5.0.5", False),
        ("5.0.22", False),
        ("5.0.23", True),
        ("6.0.0", True),
    ],
)
def test_whether_a_version_reads_the_role_by_its_new_name(version: str, reads: bool | None) -> None:  # noqa: FBT001
    assert Generation(Version(version)).reads_role is reads


@pytest.mark.parametrize(
    ("version", "kinds"),
    [
        ("4.0.0", ("a",)),
        ("4.3.22", ("a",)),
        ("4.4.0", ("a", "srv")),
        ("5.5.1", ("a", "srv")),
        ("5.6.0", ("a", "aaaa", "srv")),
    ],
)
def test_the_dns_records_that_a_version_asks_for(version: str, kinds: tuple[str, ...]) -> None:
    assert Generation(Version(version)).record_types == kinds
