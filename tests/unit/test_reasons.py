"""docs/reasons.md explains every reason, no other, and puts each on the conditions that the code puts it on."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emqx_autocluster.findings import ConditionType, Reason, Status

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reasons.md").read_text()
PACKAGE = ROOT / "operator" / "emqx_autocluster"
TREES = {path: ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py") if path.name != "findings.py"}

INTRODUCTION = ("How to read a condition", "By hand", "Contents")
BESIDE_THE_CONDITIONS = ("Any condition", "What holds a repair back")
PARTS = ("Cause", "See it", "Cure", "Repair")
GOOD_WHEN_FALSE = {ConditionType.STALE_NODES_PRESENT, ConditionType.PAUSED}

Verdict = tuple[str, str]
"""A condition and its status."""


def headings(level: int) -> list[str]:
    return re.findall(rf"(?m)^{'#' * level} (.+)$", PAGE)


def section(reason: str) -> str:
    found = re.search(rf"(?ms)^### {reason}\n\n(.+?)(?=^##|\Z)", PAGE)
    return found[1] if found else ""


def where(reason: str) -> str:
    """The first paragraph of a section: on which conditions the reason is found."""
    return section(reason).partition("\n\n")[0]


def verdicts(reason: str) -> set[Verdict]:
    return set(re.findall(r"`(\w+)`\s(True|False|Unknown)", where(reason)))


def is_good(verdict: Verdict) -> bool:
    kind, status = verdict
    return status == (Status.FALSE if kind in GOOD_WHEN_FALSE else Status.TRUE)


def needs_a_cure(reason: str) -> bool:
    """Also where it stands on no condition: then it is a reason for which a repair waits."""
    return not verdicts(reason) or not all(is_good(verdict) for verdict in verdicts(reason))


def parts(reason: str) -> dict[str, str]:
    """What stands behind each bold lead word, up to the next."""
    _, *rest = re.split(r"(?m)^\*\*([A-Z][a-z ]+)\.\*\*", section(reason))
    return dict(zip(rest[::2], rest[1::2], strict=True))


def slug(heading: str) -> str:
    return heading.lower().replace(" ", "-")


# --- the page


def test_each_reason_has_one_heading() -> None:
    assert sorted(headings(3)) == sorted(Reason)


def test_the_groups_are_the_conditions_in_their_order() -> None:
    assert headings(2) == [*INTRODUCTION, *ConditionType, *BESIDE_THE_CONDITIONS]


def test_the_contents_list_each_reason_once_in_the_order_of_the_page() -> None:
    table = PAGE.partition("\n## Contents\n")[2].partition("\n## ")[0]
    rows = [re.findall(r"\[([^]]+)\]\(#", line) for line in table.splitlines() if line.startswith("|")]
    listed = [name for row in rows for name in row[1:]]
    assert listed == headings(3)
    assert [row[0] for row in rows if row] == [*ConditionType, *BESIDE_THE_CONDITIONS]


def test_every_link_leads_somewhere() -> None:
    anchors = {slug(heading) for level in (2, 3) for heading in headings(level)}
    targets = re.findall(r"\]\(([^)]+)\)", PAGE)
    inner = {target.removeprefix("#") for target in targets if target.startswith("#")}
    assert inner - anchors == set()
    assert [t for t in targets if not t.startswith("#") and not (ROOT / "docs" / t).exists()] == []


# --- each reason


@pytest.mark.parametrize("reason", Reason)
def test_it_says_where_it_is_found(reason: Reason) -> None:
    assert verdicts(reason) or where(reason).startswith("No condition"), where(reason)
    assert {kind for kind, _ in verdicts(reason)} <= set(ConditionType)


@pytest.mark.parametrize("reason", [reason for reason in Reason if needs_a_cure(reason)])
def test_what_is_not_well_has_cause_look_cure_and_what_repair_does(reason: Reason) -> None:
    assert tuple(parts(reason)) == PARTS
    assert "`" in parts(reason)["See it"], "a command to look with"
    assert [name for name, text in parts(reason).items() if not text.strip()] == []


@pytest.mark.parametrize("reason", [reason for reason in Reason if not needs_a_cure(reason)])
def test_what_is_well_is_told_in_few_words(reason: Reason) -> None:
    assert parts(reason) == {}
    assert len(section(reason).split()) < 70


# --- the code


def reasons_in(tree: ast.AST) -> Iterator[Reason]:
    """Every `Reason.NAME` below a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason":
            yield Reason[node.attr]


def findings_in(tree: ast.Module) -> Iterator[tuple[Reason, Verdict]]:
    """Calls such as `false(_TYPE, Reason.NAME, ...)`, with `_TYPE = ConditionType.KIND` on top of the module."""
    types = {
        target.id: ConditionType[node.value.attr]
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == "_TYPE"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name(id="true" | "false" | "unknown" as status),
                args=[
                    ast.Name() | ast.Attribute() as kind,
                    ast.Attribute(value=ast.Name(id="Reason"), attr=reason),
                    *_,
                ],
            ):
                name = types.get(kind.id) if isinstance(kind, ast.Name) else ConditionType[kind.attr]
                if name:
                    yield Reason[reason], (name, status.capitalize())


def test_every_reason_is_given_somewhere() -> None:
    used = {reason for tree in TREES.values() for reason in reasons_in(tree)}
    assert set(Reason) - used == set()


def test_the_page_has_every_verdict_that_the_checks_spell_out() -> None:
    spelled_out = {found for tree in TREES.values() for found in findings_in(tree)}
    assert len(spelled_out) > len(Reason) / 2
    untold = {(reason, verdict) for reason, verdict in spelled_out if verdict not in verdicts(reason)}
    assert untold == set()
