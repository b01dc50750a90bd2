"""CONTRIBUTING.md and SECURITY.md name files, functions and targets: each is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "SECURITY.md")
HOPS = 5


def text(page: str) -> str:
    return (ROOT / page).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_or_linked_is_there(page: str) -> None:
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:md|toml|yaml|lock))`", text(page)))
    linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text(page))}
    found = {name for name in named | linked if name not in {"manifest.yaml", "expected.yaml", "dist/"}}
    assert len(found) > 1
    assert sorted(name for name in found if not (ROOT / name).exists()) == []


def hops() -> dict[str, list[tuple[str, str]]]:
    """Of each hop, the files with what to begin reading at."""
    rows = re.findall(r"(?m)^\| (\d) \|(.+)$", text("CONTRIBUTING.md"))
    return {number: re.findall(r"`(\S+\.py)` `(\w+)`", row) for number, row in rows}


def test_there_are_five_hops_and_each_says_where_to_begin() -> None:
    assert list(hops()) == [str(number + 1) for number in range(HOPS)]
    assert [number for number, places in hops().items() if not places] == []


@pytest.mark.parametrize(
    ("file", "name"), [pytest.param(*place, id=place[1]) for places in hops().values() for place in places]
)
def test_what_a_hop_begins_with_is_defined_in_its_file(file: str, name: str) -> None:
    assert re.search(rf"(?m)^\s*(?:(?:async )?def|class) {name}\b", (ROOT / file).read_text())


@pytest.mark.parametrize("page", PAGES)
def test_every_target_that_is_named_can_be_made(page: str) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    commands = re.findall(r"(?:`|^)make((?: [a-z]+)+)", text(page), re.MULTILINE)
    named = {word for words in commands for word in re.split(r" {2,}", words)[0].split()}
    assert named
    assert named - targets == set()
