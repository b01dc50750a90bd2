"""Findings as SARIF 2.1.0, the form in which code hosts take the results of a check and show them beside the lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from emqx_autocluster import __version__
from emqx_autocluster.api.findings import Finding, Level, Reason
from emqx_autocluster.commands import explain
from emqx_autocluster.commands.documents import Position
from emqx_autocluster.text.plain import plain_value

_LEVELS = {Level.ERROR: "error", Level.ADVICE: "warning"}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Result:
    finding: Finding
    position: Position


@dataclass(frozen=True, slots=True)
class Note:
    """What could not be judged: no result, so it stands among the notifications of the run."""

    text: str
    position: Position


def log(results: Sequence[Result], notes: Sequence[Note] = ()) -> dict[str, Any]:
    """One run; each rule that was broken is explained once, with the text of docs/reasons.md."""
    reasons = sorted({result.finding.reason for result in results})
    driver = {
        "name": "emqx-autocluster",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(reason) for reason in reasons],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [plain_value(_notification(note)) for note in notes],
            }
        ],
        "results": [plain_value(_result(result, reasons)) for result in results],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(reason: Reason) -> dict[str, Any]:
    text = explain.section(reason)
    return {
        "id": str(reason),
        "name": str(reason),
        "shortDescription": {"text": explain.summary(reason)},
        "help": {"text": text, "markdown": text},
    }


def _result(result: Result, reasons: Sequence[Reason]) -> dict[str, Any]:
    finding, at = result.finding, result.position
    return {
        "ruleId": str(finding.reason),
        "ruleIndex": reasons.index(finding.reason),
        "level": _LEVELS[finding.level],
        "message": {"text": finding.message},
        "locations": [_location(at)],
    }


def _notification(note: Note) -> dict[str, Any]:
    return {
        "level": "note",
        "message": {"text": f"not judged: {note.text}"},
        "locations": [_location(note.position)],
    }


def _location(at: Position) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(at.file)},
            "region": {"startLine": at.line},
        }
    }
    if at.path:
        location["logicalLocations"] = [{"fullyQualifiedName": at.path}]
    return location


def _uri(file: str) -> str:
    """Relative to where the check was started, which is the root of a repository in a pipeline."""
    path = Path(file).absolute()
    inside = path.is_relative_to(Path.cwd())
    return (
        quote(path.relative_to(Path.cwd()).as_posix(), errors="surrogateescape") if inside else path.as_uri()
    )
