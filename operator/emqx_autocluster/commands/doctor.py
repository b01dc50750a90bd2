"""`doctor`: looks at workloads with the user's own rights, as the operator would. Nothing is written anywhere."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn

from rich.console import Console

from emqx_autocluster import diagnosis, objects
from emqx_autocluster.api import annotations
from emqx_autocluster.api.v1alpha1 import Spec, TargetRef
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import Forbidden
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.commands import checklist, checkup, live, overlays, proposal, terminal, webpage
from emqx_autocluster.commands.checkup import Checkup, Unexamined, Verdict
from emqx_autocluster.commands.formats import DoctorOutput, PlanOutput
from emqx_autocluster.commands.targets import TargetError, parse_target, where
from emqx_autocluster.commands.terminal import Terminal
from emqx_autocluster.emqx import containers
from emqx_autocluster.observation import Workload, WorkloadKind, WorkloadRef
from emqx_autocluster.observer import Depth, Observer, connection
from emqx_autocluster.settings import Settings


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks about: one workload, or all that look like EMQX."""

    namespace: str | None
    """None: of the whole cluster, or `default` for a workload by its name."""
    target: str | None
    """None: all that look like EMQX."""
    emqx_version: str | None = None
    """Which EMQX it is, where nothing else tells."""


async def run(settings: Settings, asked: Question, output: DoctorOutput, *, strict: bool) -> Verdict:
    """`strict`: whether advice counts as well."""
    async with connection.connect(settings, deadline=connection.FOR_PEOPLE) as kube:
        checkups = await examined(kube, settings, asked)
    _show(checkups, output)
    return checkup.verdict(checkups, strict=strict)


async def watch(settings: Settings, asked: Question) -> NoReturn:
    """Looks again when a workload, a pod or a resource changes: what changes inside the members alone shows there."""
    collections = (*paths.WORKLOADS.values(), paths.pods, paths.emqxautoclusters)
    looked_at = settings.within(asked.namespace or (asked.target and "default"))
    watched = [path(namespace) for path in collections for namespace in looked_at]
    async with connection.connect(settings, deadline=connection.FOR_PEOPLE) as kube:

        async def look() -> live.Show:
            return partial(_told, await examined(kube, settings, asked, progress=False))

        await live.follow(kube, watched, look)


def _told(checkups: Sequence[Checkup | Unexamined], console: Console) -> None:
    checklist.show(console, checkups)


async def plan(
    settings: Settings, asked: Question, output: PlanOutput = PlanOutput.TEXT, *, only_patch: bool = False
) -> None:
    async with connection.connect(settings, deadline=connection.FOR_PEOPLE) as kube:
        [found] = await examined(kube, settings, asked)
    if isinstance(found, Unexamined):
        raise TargetError(f"{found.ref}: {found.why}")
    workload, container = found.case.workload, found.case.container
    if only_patch:
        terminal.verbatim(proposal.patch(found))
    elif output is PlanOutput.HELM:
        terminal.verbatim(overlays.helm(workload, found.changes))
    elif output is PlanOutput.KUSTOMIZE:
        terminal.verbatim(overlays.kustomize(workload, container, found.changes) if container else "")
    else:
        proposal.show(Terminal(), found)


async def examined(
    kube: Kube, settings: Settings, asked: Question, *, progress: bool = True
) -> Sequence[Checkup | Unexamined]:
    """Of one workload by its name, one."""
    observer = connection.observer(kube, EmqxCtl(Exec(kube, settings.execs)), settings)
    with _progress(shown=progress) as tell:
        tell("looking for EMQX")
        found = await _workloads(kube, observer, settings, asked)
        workloads = [each for each in found if isinstance(each, Workload)]
        members = sum(workload.replicas for workload in workloads)
        tell(f"asking {_counted(members, 'member')} of {_counted(len(workloads), 'workload')} what they see")
        safe_seconds, version = settings.min_ready_seconds, asked.emqx_version
        looks = await asyncio.gather(*(_look(observer, one, safe_seconds, version) for one in workloads))
        return [*looks, *(each for each in found if isinstance(each, Unexamined))]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[str], None]]:
    """On stderr, and only where somebody watches: stdout may go into a file."""
    with Terminal(stderr=True, quiet=not shown).status("") as status:
        yield status.update


async def _workloads(
    kube: Kube, observer: Observer, settings: Settings, asked: Question
) -> Sequence[Workload | Unexamined]:
    if asked.target is None:
        return await _all_that_run_emqx(kube, settings.within(asked.namespace))
    ref = parse_target(asked.namespace or "default", asked.target)
    workload = await observer.workload(ref)
    if workload is None:
        raise TargetError(f"{ref} does not exist in namespace {ref.namespace}")
    return [workload]


async def _all_that_run_emqx(kube: Kube, namespaces: Sequence[str | None]) -> Sequence[Workload | Unexamined]:
    listed = [(kind, path(each)) for kind, path in paths.WORKLOADS.items() for each in namespaces]
    try:
        found = await asyncio.gather(*(kube.list(path) for _, path in listed))
    except Forbidden as error:
        raise TargetError(f"{error}; name what you may read: doctor deployment/NAME -n NAMESPACE") from error
    parsed = (_parsed(kind, body) for (kind, _), bodies in zip(listed, found, strict=True) for body in bodies)
    emqx = [each for each in parsed if isinstance(each, Unexamined) or _runs_emqx(each)]
    if not emqx:
        place = where(namespaces)
        raise TargetError(
            f"no Deployment or StatefulSet in {place} looks like EMQX; name one: deployment/NAME"
        )
    return sorted(emqx, key=lambda each: each.ref)


def _parsed(kind: WorkloadKind, body: dict[str, Any]) -> Workload | Unexamined:
    try:
        return objects.workload(kind, body)
    except Exception as error:  # noqa: BLE001 - whatever one holds, the others are looked at
        metadata = body["metadata"]
        return Unexamined.after(WorkloadRef(metadata["namespace"], kind, metadata["name"]), error)


def _runs_emqx(workload: Workload) -> bool:
    named = annotations.parse(workload.annotations).container
    return containers.emqx_container(workload.template, named) is not None


async def _look(
    observer: Observer, workload: Workload, safe_seconds: int, emqx_version: str | None
) -> Checkup | Unexamined:
    try:
        return await _examine(observer, workload, safe_seconds, emqx_version)
    except Exception as error:  # noqa: BLE001 - whatever one holds, the others are looked at
        return Unexamined.after(workload.ref, error)


async def _examine(
    observer: Observer, workload: Workload, safe_seconds: int, emqx_version: str | None
) -> Checkup:
    options, ref = annotations.parse(workload.annotations), workload.ref
    options = replace(options, emqx_version=options.emqx_version or emqx_version)
    seen = await observer.observe(workload, ref.name, options, datetime.now(UTC), Depth(thorough=True))
    spec = Spec(target_ref=TargetRef(kind=ref.kind, name=ref.name))
    return checkup.examine(diagnosis.build(seen, options, spec, safe_seconds=safe_seconds))


def _show(checkups: Sequence[Checkup | Unexamined], output: DoctorOutput) -> None:
    if output is DoctorOutput.TEXT:
        checklist.show(Terminal(), checkups)
    elif output is DoctorOutput.HTML:
        terminal.verbatim(webpage.render(checkups, datetime.now(UTC)))
    elif output is DoctorOutput.JSON:
        terminal.as_json([checkup.document(one) for one in checkups])
    else:
        terminal.as_yaml(checkup.document(one) for one in checkups)
