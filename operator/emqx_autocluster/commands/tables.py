"""`status`: all enrolled workloads as a table for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emqx_autocluster.clients import paths
from emqx_autocluster.connection import connect
from emqx_autocluster.findings import ABNORMAL_TRUE, ConditionType
from emqx_autocluster.settings import Settings
from emqx_autocluster.v1alpha1 import Condition, EMQXAutoCluster, Members, PlannedAction

_MARKS = {"True": ("✓ True", "green"), "False": ("✗ False", "red"), "Unknown": ("? Unknown", "yellow")}


async def show(settings: Settings, namespace: str | None) -> None:
    async with connect(settings) as kube:
        bodies = await kube.list(paths.emqxautoclusters(namespace))
    resources = [EMQXAutoCluster.model_validate(body) for body in bodies]
    console = Console()
    if not resources:
        where = f"namespace {namespace}" if namespace else "the cluster"
        console.print(f"No enrolled workload in {where}. Enrol one:")
        console.print("  kubectl annotate deployment/NAME emqx-autocluster.io/mode=Observe", highlight=False)
        return
    console.print(_table(resources))
    for resource in resources:
        _explain(console, resource)


def _table(resources: list[EMQXAutoCluster]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("NAMESPACE", "WORKLOAD", "READY", "CLUSTERED", "EMQX", "REASON"):
        table.add_column(column, no_wrap=column == "READY", overflow="fold")
    for resource in resources:
        ready, discovery = _condition(resource, ConditionType.READY), resource.status.discovery
        table.add_row(
            resource.metadata.namespace,
            f"{resource.spec.target_ref.kind.lower()}/{resource.spec.target_ref.name}",
            _mark(ready),
            _clustered(resource.status.members),
            (discovery.emqx_version if discovery else None) or "?",
            ready.reason if ready else "",
        )
    return table


def _explain(console: Console, resource: EMQXAutoCluster) -> None:
    """What is not as it should be, and what would be done about it; each with its lines indented alike."""
    wrong = [c for c in resource.status.conditions if c.type in _WANTED and c.status != _WANTED[c.type]]
    planned = resource.status.planned_actions
    if not wrong and not planned:
        return
    console.print(f"\n{resource.metadata.namespace}/{resource.metadata.name}", style="bold")
    grid = Table.grid(padding=(0, 1, 0, 0))
    for condition in wrong:
        grid.add_row(_mark(condition), Text(condition.type, style="bold"))
        grid.add_row("", Text(condition.message))
    console.print(Padding(grid, (0, 0, 0, 2)))
    if planned:
        console.print("\n  planned, in this order:")
        console.print(Padding(_numbered(planned), (0, 0, 0, 2)))


def _numbered(planned: Sequence[PlannedAction]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for number, action in enumerate(planned, start=1):
        grid.add_row(Text(f"{number}."), Text(f"{action.action}: {action.message}"))
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
    return Text(mark, style=colour, no_wrap=True)


def _clustered(members: Members | None) -> str:
    if members is None:
        return "?"
    clustered = "?" if members.clustered is None else members.clustered
    return f"{clustered} of {members.expected}"
