"""`report`: one workload's checkup and what happened to it lately, to be attached to a ticket. Nothing is written."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from emqx_autocluster import objects
from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.commands import checklist, checkup, chronicle, doctor, prose, tables, terminal, webpage
from emqx_autocluster.commands.checkup import Checkup, Unexamined, Verdict
from emqx_autocluster.commands.chronicle import Chronicle, Sources
from emqx_autocluster.commands.doctor import Question
from emqx_autocluster.commands.formats import ReportOutput
from emqx_autocluster.commands.targets import TargetError
from emqx_autocluster.commands.terminal import Terminal
from emqx_autocluster.observation import Fact, Unobserved, Workload, WorkloadKind, WorkloadRef
from emqx_autocluster.observer import connection
from emqx_autocluster.reporting.resources import target_of
from emqx_autocluster.settings import Settings

_NOT_TOLD = {"original"}
"""Of a status: what `revert` puts back may hold a password, and is no part of an incident."""


async def run(settings: Settings, asked: Question, since: timedelta, output: ReportOutput) -> Verdict:
    async with connection.connect(settings, deadline=connection.FOR_PEOPLE) as kube:
        [found] = await doctor.examined(kube, settings, asked)
        if isinstance(found, Unexamined):
            raise TargetError(f"{found.ref}: {found.why}")
        at = datetime.now(UTC)
        sources = await _sources(kube, found.case.workload)
    told = chronicle.write(found.case.workload.ref, sources, at - since, found.case.veil)
    _show(found, sources, told, output, at)
    return checkup.verdict([found])


async def _sources(kube: Kube, workload: Workload) -> Sources:
    ref, namespace = workload.ref, workload.ref.namespace
    selector = objects.label_selector(workload.selector)
    is_deployment = ref.kind is WorkloadKind.DEPLOYMENT
    collection = paths.replicasets if is_deployment else paths.controllerrevisions
    resource, events, revisions, pods = await asyncio.gather(
        fact(_resource(kube, ref)),
        fact(kube.list(paths.events(namespace))),
        fact(kube.list(collection(namespace), label_selector=selector)),
        fact(kube.list(paths.pods(namespace), label_selector=selector)),
    )
    own = _owned(revisions, {workload.uid})
    return Sources(resource, events, own, _owned(pods, _makers(workload, own)))


async def _resource(kube: Kube, ref: WorkloadRef) -> Fact[EMQXAutoCluster | None]:
    """The oldest that is about this workload, which is the one that counts."""
    bodies = [
        body for body in await kube.list(paths.emqxautoclusters(ref.namespace)) if target_of(body) == ref
    ]
    bodies.sort(key=lambda body: str(body["metadata"].get("creationTimestamp")))
    readable, odd = tables.readable(bodies[:1])
    return Unobserved(odd[0]) if odd else next(iter(readable), None)


def _makers(workload: Workload, revisions: Fact[Sequence[Mapping[str, Any]]]) -> set[str] | None:
    """UIDs of what made its pods; None: not known."""
    if workload.ref.kind is WorkloadKind.STATEFUL_SET:
        return {workload.uid}
    return None if isinstance(revisions, Unobserved) else {body["metadata"]["uid"] for body in revisions}


def _owned(
    found: Fact[Sequence[Mapping[str, Any]]], makers: set[str] | None
) -> Fact[Sequence[Mapping[str, Any]]]:
    if isinstance(found, Unobserved) or makers is None:
        return found
    return [
        body
        for body in found
        if any(owner["uid"] in makers for owner in body["metadata"].get("ownerReferences") or ())
    ]


def _show(found: Checkup, sources: Sources, told: Chronicle, output: ReportOutput, at: datetime) -> None:
    if output is ReportOutput.TEXT:
        console = Terminal()
        checklist.show(console, [found])
        _tell(console, told)
        return
    facts = _facts(found, sources, told)
    if output is ReportOutput.JSON:
        terminal.as_json(facts)
    else:
        terminal.verbatim(webpage.report(found, told, facts, at))


def _tell(console: Console, told: Chronicle) -> None:
    console.print()
    console.print(f"What happened since {told.since:%Y-%m-%d %H:%M:%S} UTC:", style="bold")
    if told.left_out:
        console.print(f"   {told.left_out} older entries are left out")
    for entry in told.entries:
        sign = "✗" if entry.wrong else " "
        prose.tell(
            console, f"{entry.subject}: {entry.words}", lead=f"{sign} {entry.at:%H:%M:%S} {entry.kind:<9} "
        )
    for source in told.unread:
        prose.tell(console, f"could not be read: {source}", lead="?  ")


def _facts(found: Checkup, sources: Sources, told: Chronicle) -> dict[str, Any]:
    """Everything that the report says, for the next person's own tools."""
    resource, status = sources.resource, None
    if isinstance(resource, EMQXAutoCluster):
        status = resource.status.model_dump(mode="json", by_alias=True, exclude=_NOT_TOLD, exclude_none=True)
    return {**checkup.document(found), "status": status, "chronicle": chronicle.document(told)}
