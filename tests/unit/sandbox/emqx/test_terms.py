"""The stand-in prints terms as Erlang does: every sample of `cluster status` byte for byte."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.emqx import terms

SAMPLES = Path(__file__).parents[3] / "samples"
STATUS = re.compile(r"^Cluster status: #\{.*?\}\n", re.DOTALL | re.MULTILINE)
JSON = re.compile(r"^\{\n.*?\n\}\n", re.DOTALL | re.MULTILINE)


def _all(pattern: re.Pattern[str]) -> list[str]:
    return sorted({text for path in SAMPLES.rglob("*.txt") for text in pattern.findall(path.read_text())})


def _names(text: str, key: str) -> list[str]:
    inside = re.search(rf"{key}\"?\s*(?:=>|:)\s*\[(.*?)\]", text, re.DOTALL)
    assert inside
    return [quoted or json or bare for quoted, json, bare in _name.findall(inside[1])]


_name = re.compile(r"'([^']+)'|\"([^\"]+)\"|([a-z][\w@.]*)")


def _stopped_first(text: str) -> bool:
    return text.index("stopped_nodes") < text.index("running_nodes")


@pytest.mark.parametrize("text", _all(STATUS))
def test_cluster_status_sample(text: str) -> None:
    printed = terms.cluster_status(
        _names(text, "running_nodes"), _names(text, "stopped_nodes"), stopped_first=_stopped_first(text)
    )
    assert printed == text


@pytest.mark.parametrize("text", _all(JSON))
def test_cluster_status_json_sample(text: str) -> None:
    printed = terms.cluster_status_json(
        _names(text, "running_nodes"), _names(text, "stopped_nodes"), stopped_first=_stopped_first(text)
    )
    assert printed == text


def test_there_are_samples() -> None:
    assert len(_all(STATUS)) > 15
    assert len(_all(JSON)) > 3


names = st.lists(
    st.from_regex(r"[a-z][a-z0-9-]{0,12}@[a-z0-9][a-z0-9.-]{0,70}[a-z0-9]", fullmatch=True), max_size=9
)


@given(names, names)
def test_any_names_survive_the_layout(running: list[str], stopped: list[str]) -> None:
    text = terms.cluster_status(running, stopped)
    assert _names(text, "running_nodes") == running
    assert _names(text, "stopped_nodes") == stopped


@given(names)
def test_lines_are_broken_before_column_80_if_there_is_more_than_a_name_on_them(running: list[str]) -> None:
    for line in terms.cluster_status(running, []).splitlines():
        assert len(line) <= 80 or line.count("'") <= 2


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("emqx@node1", "emqx@node1"),
        ("emqx@node-2", "'emqx@node-2'"),
        ("emqx@10.0.0.1", "'emqx@10.0.0.1'"),
        ("Emqx@node1", "'Emqx@node1'"),
        ("receive", "'receive'"),
    ],
)
def test_atoms(name: str, printed: str) -> None:
    assert terms.atom(name) == printed
