"""`revert`: puts back what the operator changed in a workload, for the person who asks for it."""

import typer

from emqx_autocluster.api import annotations
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import Conflict
from emqx_autocluster.clients.kube import Kube, PatchType
from emqx_autocluster.commands import terminal
from emqx_autocluster.commands.targets import TargetError, parse_target
from emqx_autocluster.objects import template
from emqx_autocluster.objects import workload as parse_workload
from emqx_autocluster.objects.recorded import ENV, Record, believed
from emqx_autocluster.observation import Workload
from emqx_autocluster.observer.connection import FOR_PEOPLE, connect
from emqx_autocluster.reporting.resources import Resources
from emqx_autocluster.settings import Settings

_TRIES = 5


class RevertError(TargetError):
    """There is nothing to put back."""


async def revert(settings: Settings, namespace: str, text: str, *, yes: bool) -> None:
    ref = parse_target(namespace, text)
    path = paths.WORKLOADS[ref.kind](ref.namespace, ref.name)
    async with connect(settings, deadline=FOR_PEOPLE) as kube:
        body = await kube.get(path)
        if body is None:
            raise TargetError(f"{ref} does not exist in namespace {ref.namespace}")
        workload = parse_workload(ref.kind, body)
        recorded = await _recorded(kube, workload)
        _announce(workload, recorded)
        if not yes:
            typer.confirm("Go on?", abort=True)
        try:
            await put_back(kube, path, workload, recorded)
        except Conflict as error:
            raise RevertError(
                f"{ref} was changed after this was shown, so that nothing was put back: see what it would do now, and"
                " ask for it once more"
            ) from error
    terminal.line(f"{ref}: reverted; mode is Observe now")


async def put_back(kube: Kube, path: str, workload: Workload, recorded: str, tries: int = _TRIES) -> None:
    """Controllers write their own all the time: what was announced is done as long as it is still the same.

    Raises Conflict where it is not.
    """
    try:
        await kube.patch(path, template.revert_patch(workload, recorded), PatchType.STRATEGIC)
    except Conflict:
        body = await kube.get(path)
        latest = parse_workload(workload.ref.kind, body) if body else None
        if latest is None or tries == 1 or not _is_the_same(workload, latest, recorded):
            raise
        await put_back(kube, path, latest, recorded, tries - 1)


def _is_the_same(one: Workload, other: Workload, recorded: str) -> bool:
    """In all that was announced."""
    return one.uid == other.uid and _announced(one, recorded) == _announced(other, recorded)


def _announced(workload: Workload, recorded: str) -> tuple[object, ...]:
    record = Record.load(recorded)
    container = template.recorded_container(workload, record)
    values = (template.current(workload, container, change.field) for change in record.changes)
    return workload.annotations.get(annotations.ORIGINAL), *values


async def _recorded(kube: Kube, workload: Workload) -> str:
    resource = await Resources(kube).find(workload.ref)
    annotation, copy = (
        workload.annotations.get(annotations.ORIGINAL),
        resource.status.original if resource else None,
    )
    try:
        told = Record.read(annotation)
    except ValueError as error:
        raise RevertError(
            f"the annotation {annotations.ORIGINAL} of {workload.ref} is not as the operator wrote it: {error};"
            " nothing is put back"
        ) from error
    record = believed(annotation, copy)
    for field in sorted(
        {change.field for change in told.changes} - {change.field for change in record.changes}
    ):
        terminal.line(
            f"  {field.removeprefix(ENV)}: left as it is, since the annotation alone says what it was, which"
            " anybody may have written who may annotate"
        )
    recorded = record.dump()
    if not record.changes:
        raise RevertError(f"the operator changed nothing in {workload.ref}: there is nothing to put back")
    return recorded


def _announce(workload: Workload, recorded: str) -> None:
    record = Record.load(recorded)
    container = template.recorded_container(workload, record)
    restarts = False
    for change in record.changes:
        field = change.field.removeprefix(ENV)
        now = template.current(workload, container, change.field)
        if now != change.now:
            terminal.line(f"  {field}: left as it is ({template.shown(now)}), somebody else changed it since")
        else:
            terminal.line(f"  {field}: {template.shown(change.now)} -> {template.shown(change.was)}")
            restarts = restarts or template.rolls((change,))
    if restarts:
        terminal.line("A change of the pod template is a rolling restart: every device reconnects.")
