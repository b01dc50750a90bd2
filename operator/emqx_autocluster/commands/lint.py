"""`lint`: the doctor's judgement of manifests, where there is no cluster: in an editor, or in a pipeline."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from emqx_autocluster.api import annotations
from emqx_autocluster.api.findings import Level
from emqx_autocluster.commands import documents, faults, manifest, overlays, prose, sarif, sources, terminal
from emqx_autocluster.commands.checkup import Verdict
from emqx_autocluster.commands.documents import Document, Position, UnreadableError
from emqx_autocluster.commands.faults import OF_THE_POD, Fault, Gap, Judgement
from emqx_autocluster.commands.formats import LintOutput
from emqx_autocluster.commands.manifest import Sight
from emqx_autocluster.commands.manifest.inputs import Input
from emqx_autocluster.commands.terminal import Terminal, assembled, text
from emqx_autocluster.emqx import containers
from emqx_autocluster.objects import recorded, template
from emqx_autocluster.objects.recorded import Changes, FieldChange
from emqx_autocluster.observation import Container, Observation, WorkloadRef

_INDENT = "  "
_COLOURS = {Level.ERROR: "red", Level.ADVICE: "yellow"}


@dataclass(frozen=True, slots=True)
class Options:
    namespace: str | None = None
    """Where what names none will be applied; None: not known."""
    emqx_version: str | None = None
    """Which EMQX it is, where nothing in a workload tells."""
    strict: bool = False
    """Whether advice counts as well."""


def run(files: Sequence[str], options: Options, output: LintOutput) -> Verdict:
    """Raises UnreadableError."""
    unreadable: list[UnreadableError] = []
    given = Input(tuple(_documents(files, unreadable)), options.namespace)
    seen = list(manifest.sights(given, datetime.now(UTC), unreadable))
    if unreadable and not seen:
        raise unreadable[0]
    if not given.documents:
        raise UnreadableError(f"{', '.join(files)}: no Kubernetes object is in there{_to_render(files)}")
    judged = [found for sight in seen for found in _judge(sight, seen, options, unreadable)]
    if unreadable and not judged:
        raise unreadable[0]
    beside = faults.beside(given.documents, unreadable)
    if not seen and not beside.gaps:
        terminal.error("no Deployment or StatefulSet in the input looks like EMQX")
    found = faults.together((*judged, beside))
    _SHOW[output](found, len(seen))
    wrong = any(options.strict or fault.finding.level is Level.ERROR for fault in found.faults)
    return Verdict.FINDINGS if wrong else Verdict.HEALTHY


def _to_render(files: Iterable[str]) -> str:
    """How, where a folder is a chart of Helm."""
    charts = [name for name in files if (Path(name) / "Chart.yaml").is_file()]
    return (
        f"; a chart has to be rendered: helm template {charts[0]} | emqx-autocluster lint -f -"
        if charts
        else ""
    )


def _documents(files: Iterable[str], unreadable: list[UnreadableError]) -> Iterator[Document]:
    """`unreadable` takes what is no manifest in a file: the others are judged all the same."""
    for name, content in sources.texts(files):
        try:
            yield from documents.read(name, content)
        except UnreadableError as error:
            unreadable.append(error)


def _judge(
    sight: Sight, seen: list[Sight], options: Options, unreadable: list[UnreadableError]
) -> Iterator[Judgement]:
    try:
        yield faults.judge(sight, options.emqx_version, seen)
    except UnreadableError as error:
        unreadable.append(error)


# --- for people, and for programs


def _show_text(found: Judgement, count: int) -> None:
    console = Terminal()
    for fault in found.faults:
        _show_fault(console, fault)
    for gap in found.gaps:
        _show_gap(console, gap)
    if count or found.faults or found.gaps:
        console.print(_closing(found, count), soft_wrap=True)


def _closing(found: Judgement, count: int) -> Text:
    """What was counted; an all-clear only for what was judged."""
    workloads = _counted(count, "workload")
    levels = Counter(fault.finding.level for fault in found.faults)
    parts = [_counted(levels[Level.ERROR], "error")] if levels[Level.ERROR] else []
    parts += [f"{levels[Level.ADVICE]} advice"] if levels[Level.ADVICE] else []
    parts += [f"{len(found.gaps)} not judged"] if found.gaps else []
    if found.faults:
        told = f"{', '.join(parts)} in {workloads}. More about each: emqx-autocluster explain REASON"
        return text(told, "bold")
    if found.gaps:
        return text(f"Nothing is wrong in what was judged: {', '.join([workloads, *parts])}.", "yellow")
    return text(f"Nothing is wrong that can be told without a cluster: {workloads}.", "green")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _show_fault(console: Console, fault: Fault) -> None:
    finding, colour = fault.finding, _COLOURS[fault.finding.level]
    what = [(str(finding.reason), f"bold {colour}")]
    if finding.level is Level.ADVICE:
        what = [("advice", colour), (": ", ""), *what]
    _show_head(console, fault.position, fault.sight.document, *what)
    prose.tell(console, finding.message, lead=_INDENT)
    for line in _cure(fault):
        console.print(text(f"  {line}", "cyan"), soft_wrap=True)
    console.print()


def _show_gap(console: Console, gap: Gap) -> None:
    _show_head(console, gap.position, gap.document, ("not judged", "bold yellow"))
    prose.tell(console, str(gap.unjudged), lead=_INDENT)
    console.print()


def _show_head(console: Console, at: Position, document: Document | None, *what: tuple[str, str]) -> None:
    where = assembled((f"{at.file}:{at.line}", "bold"), ": ", *what)
    whose = (text(f"in {document.kind}/{document.name}"),) if document and document.kind else ()
    console.print(where, *whose, soft_wrap=True)
    if at.path:
        console.print(text(f"  {at.path}", "dim"), soft_wrap=True)


def _cure(fault: Fault) -> Iterator[str]:
    """As it would stand in the manifest."""
    variables = [change for change in fault.cure if change.field.startswith(recorded.ENV)]
    if variables:
        yield "cure: in env of the EMQX container"
        for change in variables:
            yield f"  - name: {change.field.removeprefix(recorded.ENV)}"
            old = template.replaced(change)
            yield f"    value: {json.dumps(change.now)}" + (f"  # in place of {old}" if old else "")
    for change in fault.cure:
        if change not in variables:
            yield f"cure: {_field_path(change)}: {json.dumps(change.now)}"


def _field_path(change: FieldChange) -> str:
    return f"spec.template.spec.{change.field}" if change.field in OF_THE_POD else f"spec.{change.field}"


def _show_json(found: Judgement, _: int) -> None:
    told = {"findings": list(map(_entry, found.faults)), "unjudged": list(map(_gap_entry, found.gaps))}
    terminal.as_json(told)


def _entry(fault: Fault) -> dict[str, Any]:
    finding = fault.finding
    return {
        **_where(fault.position, fault.sight.document),
        "level": str(finding.level),
        "condition": str(finding.type),
        "reason": str(finding.reason),
        "message": finding.message,
        "repairable": finding.repairable,
        "sets": {change.field: change.now for change in fault.cure},
    }


def _gap_entry(gap: Gap) -> dict[str, Any]:
    told = gap.unjudged
    return {
        **_where(gap.position, gap.document),
        "condition": str(told.type),
        "question": told.question,
        "missing": told.missing,
        "remedy": told.remedy,
    }


def _where(at: Position, document: Document | None) -> dict[str, Any]:
    return {
        "file": at.file,
        "document": at.document,
        "line": at.line,
        "path": at.path,
        "kind": document.kind if document else None,
        "name": document.name if document else None,
    }


def _show_sarif(found: Judgement, _: int) -> None:
    results = [sarif.Result(fault.finding, fault.position) for fault in found.faults]
    notes = [sarif.Note(str(gap.unjudged), gap.position) for gap in found.gaps]
    terminal.verbatim(json.dumps(sarif.log(results, notes), indent=2) + "\n")


def _show_kustomize(found: Judgement, _: int) -> None:
    _show_files(found, lambda seen, container, changes: overlays.kustomize(seen.workload, container, changes))


def _show_helm(found: Judgement, _: int) -> None:
    _show_files(found, lambda seen, _, changes: overlays.helm(seen.workload, changes))


def _show_files(found: Judgement, write: Callable[[Observation, Container, Changes], str]) -> None:
    """One document for each workload that has a cure; what has none is told beside them."""
    by_workload: dict[WorkloadRef, list[Fault]] = {}
    for fault in found.faults:
        by_workload.setdefault(fault.sight.observation.workload.ref, []).append(fault)
    files = [file for faults_ in by_workload.values() if (file := _file(faults_, write))]
    terminal.verbatim("---\n".join(files))
    for fault in found.faults:
        if not fault.cure:
            at = fault.position
            terminal.error(f"{at.file}:{at.line}: {fault.finding.reason} has no one right value: see -o text")


def _file(found: Sequence[Fault], write: Callable[[Observation, Container, Changes], str]) -> str:
    seen = found[0].sight.observation
    named = annotations.parse(seen.workload.annotations).container
    container = containers.emqx_container(seen.workload.template, named)
    changes = overlays.once(change for fault in found for change in fault.cure)
    return write(seen, container, changes) if container else ""


_SHOW: Mapping[LintOutput, Callable[[Judgement, int], None]] = {
    LintOutput.TEXT: _show_text,
    LintOutput.JSON: _show_json,
    LintOutput.SARIF: _show_sarif,
    LintOutput.KUSTOMIZE: _show_kustomize,
    LintOutput.HELM: _show_helm,
}
