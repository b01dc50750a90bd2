"""`status`: all enrolled workloads as a table for people."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emqx_autocluster.api.findings import ABNORMAL_TRUE, ConditionType
from emqx_autocluster.api.v1alpha1 import Condition, EMQXAutoCluster, Members, PlannedAction, StatusModel
from emqx_autocluster.clients import paths
from emqx_autocluster.commands import live, stages, targets
from emqx_autocluster.commands.stages import Stage
from emqx_autocluster.commands.terminal import Terminal, assembled, text
from emqx_autocluster.observer.connection import FOR_PEOPLE, connect
from emqx_autocluster.settings import Settings

_MARKS = {"True": ("✓ True", "green"), "False": ("✗ False", "red"), "Unknown": ("? Unknown", "yellow")}


async def show(settings: Settings, namespace: str | None, *, watch: bool) -> None:
    async with connect(settings, deadline=FOR_PEOPLE) as kube:
        watched = [paths.emqxautoclusters(each) for each in settings.within(namespace)]

        async def look() -> live.Show:
            found = await asyncio.gather(*map(kube.list, watched))
            return partial(_show, [*chain(*found)], targets.where(settings.within(namespace)))

        if watch:
            await live.follow(kube, watched, look)
        (await look())(Terminal())


def _show(bodies: Sequence[Mapping[str, Any]], where: str, console: Console) -> None:
    resources, odd = readable(bodies)
    if not bodies:
        console.print(f"No enrolled workload in {where}. Enrol one:")
        console.print("  kubectl annotate deployment/NAME emqx-autocluster.io/mode=Observe")
        return
    tell(console, resources)
    for told in odd:
        console.print(told)


def readable(bodies: Iterable[Mapping[str, Any]]) -> tuple[list[EMQXAutoCluster], list[str]]:
    """The resources, and what is said of those that are of another form than this version knows."""
    resources, odd = list[EMQXAutoCluster](), list[str]()
    for body in bodies:
        try:
            resources.append(EMQXAutoCluster.model_validate(body))
        except ValidationError as error:
            first, metadata = error.errors()[0], body["metadata"]
            where = ".".join(map(str, first["loc"]))
            odd.append(f"{metadata['namespace']}/{metadata['name']} cannot be read: {where}: {first['msg']}")
    return resources, odd


def tell(console: Console, resources: Sequence[EMQXAutoCluster]) -> None:
    console.print(_table(resources))
    for resource in resources:
        _explain(console, resource)


def _table(resources: Sequence[EMQXAutoCluster]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("NAMESPACE", "WORKLOAD", "READY", "CLUSTERED", "EMQX", "REASON"):
        table.add_column(column, no_wrap=column == "READY", overflow="fold")
    for resource, belongs in _by_cluster(resources):
        ready, discovery = _condition(resource, ConditionType.READY), resource.status.discovery
        table.add_row(
            resource.metadata.namespace,
            f"{'└ ' if belongs else ''}{resource.spec.target_ref.kind.lower()}/{resource.spec.target_ref.name}",
            _mark(ready),
            _clustered(resource.status.members),
            (discovery.emqx_version if discovery else None) or "?",
            ready.reason if ready else "",
        )
    return table


def _by_cluster(resources: Sequence[EMQXAutoCluster]) -> Iterator[tuple[EMQXAutoCluster, bool]]:
    """Each once, replicants below the cores whose Service they ask for (True): two workloads, and one cluster."""
    replicants = [resource for resource in resources if _role(resource) == "replicant"]
    below = [resource for resource in replicants if any(_is_of(resource, core) for core in resources)]
    told: list[EMQXAutoCluster] = []
    for resource in resources:
        if resource in below:
            continue
        yield resource, False
        own = [other for other in below if _is_of(other, resource) and other not in told]
        yield from ((other, True) for other in own)
        told += own


def _role(resource: EMQXAutoCluster) -> str | None:
    return resource.status.discovery.role if resource.status.discovery else None


def _is_of(replicants: EMQXAutoCluster, cores: EMQXAutoCluster) -> bool:
    one, other = replicants.status.discovery, cores.status.discovery
    if one is None or other is None or other.role != "core" or one.service_name is None:
        return False
    return (replicants.metadata.namespace, one.service_name) == (cores.metadata.namespace, other.service_name)


def _explain(console: Console, resource: EMQXAutoCluster) -> None:
    """What is not as it should be, and what would be done about it; each with its lines indented alike."""
    wrong = [c for c in resource.status.conditions if c.type in _WANTED and c.status != _WANTED[c.type]]
    planned = resource.status.planned_actions
    if not wrong and not planned:
        return
    console.print()
    console.print(f"{resource.metadata.namespace}/{resource.metadata.name}", style="bold")
    grid = Table.grid(padding=(0, 1, 0, 0))
    for condition in wrong:
        grid.add_row(_mark(condition), text(condition.type, "bold"))
        grid.add_row("", condition.message)
    console.print(Padding(grid, (0, 0, 0, 2)))
    stage = stages.current(resource.status)
    if stage:
        console.print()
        console.print(Padding(_stages(resource.status, stage), (0, 0, 0, 2)))
    if planned:
        console.print()
        console.print("  planned, in this order:")
        console.print(Padding(_numbered(planned), (0, 0, 0, 2)))


def _stages(status: StatusModel, now: Stage) -> Text:
    """Where the repair stands, and since when it goes on."""
    words = [part for stage in Stage for part in (" → ", (stage, "reverse bold" if stage is now else "dim"))]
    began = f"   since {status.procedure.started_at:%Y-%m-%d %H:%M:%S} UTC" if status.procedure else ""
    return assembled(*words[1:], began)


def _numbered(planned: Sequence[PlannedAction]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for number, action in enumerate(planned, start=1):
        grid.add_row(f"{number}.", f"{action.action}: {action.message}")
    return grid


_WANTED: dict[str, str] = {
    kind: "False" if kind in ABNORMAL_TRUE else "True"
    for kind in ConditionType
    if kind is not ConditionType.READY  # it repeats the first of the others
}


def _condition(resource: EMQXAutoCluster, kind: ConditionType) -> Condition | None:
    return next((c for c in resource.status.conditions if c.type == kind), None)


def _mark(condition: Condition | None) -> Text:
    status = condition.status if condition else "Unknown"
    mark, colour = _MARKS[status]
    return text(mark, colour, no_wrap=True)


def _clustered(members: Members | None) -> str:
    if members is None:
        return "?"
    clustered = "?" if members.clustered is None else members.clustered
    return f"{clustered} of {members.expected}"
