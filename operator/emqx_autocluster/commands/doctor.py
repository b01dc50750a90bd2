"""`doctor`: looks at workloads with the user's own rights, as the operator would. Nothing is written anywhere."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import typer
import yaml
from rich.console import Console

from emqx_autocluster import annotations, connection, diagnosis, discovery, objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import Forbidden
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.commands import checklist, checkup, proposal
from emqx_autocluster.commands.checkup import Checkup, Verdict
from emqx_autocluster.commands.formats import DoctorOutput
from emqx_autocluster.commands.targets import TargetError, parse_target
from emqx_autocluster.observation import Workload, WorkloadKind
from emqx_autocluster.observer import Depth, Observer
from emqx_autocluster.settings import Settings
from emqx_autocluster.v1alpha1 import Spec, TargetRef

_COLLECTIONS = {
    WorkloadKind.DEPLOYMENT: paths.deployments,
    WorkloadKind.STATEFUL_SET: paths.statefulsets,
}


async def run(settings: Settings, namespace: str | None, target: str | None, output: DoctorOutput) -> Verdict:
    """Of one workload, or of all in the namespace (None: in the cluster) that look like EMQX."""
    checkups = await _examined(settings, namespace, target)
    _show(checkups, output)
    return checkup.verdict(checkups)


async def plan(settings: Settings, namespace: str | None, target: str, *, only_patch: bool) -> None:
    [found] = await _examined(settings, namespace, target)
    if only_patch:
        typer.echo(proposal.patch(found), nl=False)
    else:
        proposal.show(Console(), found)


async def _examined(settings: Settings, namespace: str | None, target: str | None) -> Sequence[Checkup]:
    async with connection.connect(settings) as kube:
        observer = connection.observer(kube, EmqxCtl(Exec(kube, settings.execs)), settings)
        with _progress() as tell:
            tell("looking for EMQX")
            workloads = await _workloads(kube, observer, namespace, target)
            members = sum(workload.replicas for workload in workloads)
            tell(
                f"asking {_counted(members, 'member')} of {_counted(len(workloads), 'workload')} what they see"
            )
            return await asyncio.gather(*(_look(observer, workload) for workload in workloads))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """On stderr, and only where somebody watches: stdout may go into a file."""
    with Console(stderr=True).status("") as status:
        yield status.update


async def _workloads(
    kube: Kube, observer: Observer, namespace: str | None, target: str | None
) -> Sequence[Workload]:
    if target is None:
        return await _all_that_run_emqx(kube, namespace)
    ref = parse_target(namespace or "default", target)
    workload = await observer.workload(ref)
    if workload is None:
        raise TargetError(f"{ref} does not exist in namespace {ref.namespace}")
    return [workload]


async def _all_that_run_emqx(kube: Kube, namespace: str | None) -> Sequence[Workload]:
    try:
        found = await asyncio.gather(*(kube.list(path(namespace)) for path in _COLLECTIONS.values()))
    except Forbidden as error:
        raise TargetError(f"{error}; name what you may read: doctor deployment/NAME -n NAMESPACE") from error
    parsed = (
        objects.workload(kind, body)
        for kind, bodies in zip(_COLLECTIONS, found, strict=True)
        for body in bodies
    )
    emqx = [workload for workload in parsed if _runs_emqx(workload)]
    if not emqx:
        where = f"namespace {namespace}" if namespace else "the cluster"
        raise TargetError(
            f"no Deployment or StatefulSet in {where} looks like EMQX; name one: deployment/NAME"
        )
    return sorted(emqx, key=lambda workload: workload.ref)


def _runs_emqx(workload: Workload) -> bool:
    named = annotations.parse(workload.annotations).container
    return discovery.emqx_container(workload.template, named) is not None


async def _look(observer: Observer, workload: Workload) -> Checkup:
    options, ref = annotations.parse(workload.annotations), workload.ref
    seen = await observer.observe(workload, ref.name, options, datetime.now(UTC), Depth(thorough=True))
    spec = Spec(target_ref=TargetRef(kind=ref.kind, name=ref.name))
    return checkup.examine(diagnosis.build(seen, options, spec))


def _show(checkups: Sequence[Checkup], output: DoctorOutput) -> None:
    documents = [checkup.document(one) for one in checkups]
    if output is DoctorOutput.JSON:
        typer.echo(json.dumps(documents, indent=2))
    elif output is DoctorOutput.YAML:
        typer.echo(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True), nl=False)
    else:
        checklist.show(Console(), checkups)
