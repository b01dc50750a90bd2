"""`lint`: the doctor's judgement of manifests, where there is no cluster: in an editor, or in a pipeline."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from emqx_autocluster import template
from emqx_autocluster.commands import documents, faults, manifest, prose, sarif
from emqx_autocluster.commands.checkup import Verdict
from emqx_autocluster.commands.documents import Document, UnreadableError
from emqx_autocluster.commands.faults import OF_THE_POD, Fault
from emqx_autocluster.commands.formats import LintOutput
from emqx_autocluster.commands.manifest import Input
from emqx_autocluster.template import FieldChange

STDIN = "-"
_STDIN_NAME = "stdin"
_INDENT = "  "
_SUFFIXES = (".yaml", ".yml", ".json")


def run(files: Sequence[str], namespace: str | None, output: LintOutput) -> Verdict:
    """Raises UnreadableError."""
    given = Input(tuple(_documents(files)), namespace)
    if not given.documents:
        raise UnreadableError(f"{', '.join(files)}: no Kubernetes object is in there")
    seen = list(manifest.sights(given, datetime.now(UTC)))
    if not seen:
        typer.echo("no Deployment or StatefulSet in the input looks like EMQX", err=True)
    found = [fault for sight in seen for fault in faults.judge(sight)]
    _SHOW[output](found, len(seen))
    return Verdict.FINDINGS if found else Verdict.HEALTHY


def _documents(files: Iterable[str]) -> Iterator[Document]:
    for name in files:
        if name == STDIN:
            yield from documents.read(_STDIN_NAME, _decoded(_STDIN_NAME, sys.stdin.buffer.read()))
            continue
        for path in _expanded(Path(name)):
            try:
                yield from documents.read(str(path), _decoded(str(path), path.read_bytes()))
            except OSError as error:
                raise UnreadableError(f"{path}: {error.strerror}") from error


def _expanded(path: Path) -> list[Path]:
    """As kubectl takes a folder: its own files, and not those of folders in it."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{name}: this is no text in UTF-8") from error


# --- for people, and for programs


def _show_text(found: Sequence[Fault], count: int) -> None:
    console = Console(highlight=False)
    for fault in found:
        _show_fault(console, fault)
    workloads = f"{count} workload{'s' * (count != 1)}"
    if not found:
        if count:
            console.print(Text(f"Nothing is wrong that can be told without a cluster: {workloads}.", "green"))
        return
    told = f"{len(found)} finding{'s' * (len(found) != 1)} in {workloads}."
    console.print(Text(f"{told} More about each: emqx-autocluster explain REASON", "bold"))


def _show_fault(console: Console, fault: Fault) -> None:
    at, finding = fault.position, fault.finding
    where = Text.assemble((f"{at.file}:{at.line}", "bold"), ": ", (finding.reason, "bold red"))
    console.print(where, Text(f"in {fault.sight.document.kind}/{fault.sight.document.name}"), soft_wrap=True)
    if at.path:
        console.print(Text(f"  {at.path}"), style="dim", soft_wrap=True)
    prose.tell(console, finding.message, lead=_INDENT)
    for line in _cure(fault):
        console.print(Text(f"  {line}", "cyan"), soft_wrap=True)
    console.print()


def _cure(fault: Fault) -> Iterator[str]:
    """As it would stand in the manifest."""
    variables = [change for change in fault.cure if change.field.startswith(template.ENV)]
    if variables:
        yield "cure: in env of the EMQX container"
        for change in variables:
            yield f"  - name: {change.field.removeprefix(template.ENV)}"
            yield f"    value: {json.dumps(change.now)}"
    for change in fault.cure:
        if change not in variables:
            yield f"cure: {_field_path(change)}: {json.dumps(change.now)}"


def _field_path(change: FieldChange) -> str:
    return f"spec.template.spec.{change.field}" if change.field in OF_THE_POD else f"spec.{change.field}"


def _show_json(found: Sequence[Fault], _: int) -> None:
    typer.echo(json.dumps([_entry(fault) for fault in found], indent=2))


def _entry(fault: Fault) -> dict[str, Any]:
    at, finding, document = fault.position, fault.finding, fault.sight.document
    return {
        "file": at.file,
        "document": at.document,
        "line": at.line,
        "path": at.path,
        "kind": document.kind,
        "name": document.name,
        "condition": str(finding.type),
        "reason": str(finding.reason),
        "message": finding.message,
        "repairable": finding.repairable,
        "sets": {change.field: change.now for change in fault.cure},
    }


def _show_sarif(found: Sequence[Fault], _: int) -> None:
    results = [sarif.Result(fault.finding, fault.position) for fault in found]
    typer.echo(json.dumps(sarif.log(results), indent=2))


_SHOW: Mapping[LintOutput, Callable[[Sequence[Fault], int], None]] = {
    LintOutput.TEXT: _show_text,
    LintOutput.JSON: _show_json,
    LintOutput.SARIF: _show_sarif,
}
