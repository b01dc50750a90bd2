"""`status`: all enrolled workloads as a table for people."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from emqx_autocluster.clients import paths
from emqx_autocluster.findings import ConditionType
from emqx_autocluster.service import connect
from emqx_autocluster.settings import Settings
from emqx_autocluster.v1alpha1 import Condition, EMQXAutoCluster, Members

_MARKS = {"True": ("✓ ", "green"), "False": ("✗ ", "red"), "Unknown": ("? ", "yellow")}


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
    for column in ("NAMESPACE", "WORKLOAD", "READY", "REASON", "CLUSTERED", "CLUSTERS", "STALE", "EMQX"):
        table.add_column(column, overflow="fold")
    for resource in resources:
        ready, members = _condition(resource, ConditionType.READY), resource.status.members
        discovery = resource.status.discovery
        table.add_row(
            resource.metadata.namespace,
            f"{resource.spec.target_ref.kind.lower()}/{resource.spec.target_ref.name}",
            _mark(ready),
            ready.reason if ready else "",
            _clustered(members),
            _count(members.islands if members else None),
            _count(members.stale if members else None),
            (discovery.emqx_version if discovery else None) or "?",
        )
    return table


def _explain(console: Console, resource: EMQXAutoCluster) -> None:
    wrong = [c for c in resource.status.conditions if c.status != "True" and c.type in _GOOD_WHEN_TRUE]
    if not wrong and not resource.status.planned_actions:
        return
    console.print(f"\n{resource.metadata.namespace}/{resource.metadata.name}", style="bold")
    for condition in wrong:
        line = Text("  ").append_text(_mark(condition)).append(f"  {condition.type}: {condition.message}")
        console.print(line)
    for number, action in enumerate(resource.status.planned_actions, start=1):
        console.print(f"  {number}. {action.action} {action.subject}: {action.message}", highlight=False)


_GOOD_WHEN_TRUE = frozenset(
    set(ConditionType) - {ConditionType.READY, ConditionType.STALE_NODES_PRESENT, ConditionType.PAUSED}
)


def _condition(resource: EMQXAutoCluster, kind: ConditionType) -> Condition | None:
    return next((c for c in resource.status.conditions if c.type == kind), None)


def _mark(condition: Condition | None) -> Text:
    status = condition.status if condition else "Unknown"
    mark, colour = _MARKS[status]
    return Text(mark + status, style=colour)


def _clustered(members: Members | None) -> str:
    return f"{_count(members.clustered)}/{members.expected}" if members else "?"


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)
