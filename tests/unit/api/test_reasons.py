"""docs/reasons.md explains every reason, no other, and puts each on the conditions that the code puts it on."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from emqx_autocluster.api.findings import ConditionType, Reason, Status

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reasons.md").read_text()
PACKAGE = ROOT / "operator" / "emqx_autocluster"
TREES = {path: ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py") if path.name != "findings.py"}

INTRODUCTION = ("How to read a condition", "By hand", "Contents", "At a glance")
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


# --- the table "At a glance"


def glance() -> dict[str, tuple[str, str, str]]:
    """Reason -> (EMQX versions that it matters for, whether Repair fixes it, whether lint sees it)."""
    table = PAGE.partition("\n## At a glance\n")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| \[(\w+)\]\(#(\w+)\) \| ([^|]+) \| (yes|–) \| (yes|–) \|$", table)
    assert [row for row in rows if slug(row[0]) != row[1]] == []
    assert table.count("\n| [") == len(rows) == len({row[0] for row in rows})
    return {reason: (versions, repaired, linted) for reason, _, versions, repaired, linted in rows}


def repairable_in(tree: ast.Module) -> Iterator[Reason]:
    """Reasons of findings that are, or may be, marked as such: in the call itself, or by what the function tells."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Name(id="repairable") | ast.Attribute(attr="repairable")):
                    yield from reasons_in(node)
                case ast.Call(func=ast.Name(id="false" | "replace" as how), keywords=keywords):
                    marks = (k.value for k in keywords if k.arg == "repairable")
                    if any(not (isinstance(m, ast.Constant) and m.value is False) for m in marks):
                        yield from reasons_in(node if how == "false" else function)


def blamed_by_lint() -> set[str]:
    """Reasons that lint is seen to find: in its own tests, and in the blind cases."""
    tests = (ROOT / "tests" / "unit" / "commands" / "lint").glob("test_*.py")
    own = "".join(file.read_text() for file in tests)
    return {cause["reason"] for cause in CAUSES if cause.get("static")} | {
        reason for reason in Reason if f'"{reason}"' in own
    }


CAUSES = [
    yaml.safe_load(file.read_text())
    for file in (ROOT / "tests/scenarios/causes/cases").glob("*/expected.yaml")
]


def test_the_glance_lists_what_is_not_well_once_in_the_order_of_the_page() -> None:
    assert list(glance()) == [reason for reason in headings(3) if needs_a_cure(reason)]


def test_the_glance_says_repair_where_the_code_may_repair() -> None:
    code = {reason for tree in TREES.values() for reason in repairable_in(tree)}
    assert {reason for reason, (_, repaired, _) in glance().items() if repaired == "yes"} == code


def test_the_glance_says_lint_where_lint_is_seen_to_find_it() -> None:
    assert {reason for reason, (*_, linted) in glance().items() if linted == "yes"} == blamed_by_lint()


def test_every_reason_is_produced_by_a_test() -> None:
    """By name in a table of the units, as text in a story, or as the one cause of a blind case."""
    units = (ast.parse(file.read_text()) for file in (ROOT / "tests" / "unit").rglob("test_*.py"))
    stories = [file.read_text() for file in (ROOT / "tests" / "scenarios").rglob("test_*.py")]
    named = {reason for tree in units for reason in reasons_in(tree)}
    told = {reason for reason in Reason if any(f'"{reason}"' in story for story in stories)}
    assert set(Reason) - named - told - {cause.get("reason") for cause in CAUSES} == set()
