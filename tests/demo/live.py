"""The picture that changes in place while the operator works, drawn from the chronicle; pure."""

from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.chronicle import MEMBERS, Chronicle, Line
from demo.picture import Look, Member
from demo.steps import Progress, progress
from emqx_autocluster.api.v1alpha1 import Condition

_GOOD_WHEN_FALSE = frozenset({"StaleNodesPresent", "Paused"})
_MARKS = {"True": ("✓", "green"), "False": ("✗", "red"), "Unknown": ("…", "yellow")}
_STEP_MARKS = {
    Progress.OPEN: ("○", "dim"),
    Progress.UNDER_WAY: ("▶", "bold yellow"),
    Progress.DONE: ("✓", "green"),
}
_WIDE = 100
_FIXED_ROWS = 19
_LEAST_LINES, _MOST_LINES = 3, 14


def picture(chronicle: Chronicle, now: datetime, *, width: int, height: int) -> RenderableType:
    look = chronicle.looks[-1] if chronicle.looks else chronicle.before
    rows = min(max(height - _FIXED_ROWS, _LEAST_LINES), _MOST_LINES)
    return Group(
        _steps(chronicle, now),
        _panel(_members(chronicle, look), "members, each asked in its own pod"),
        _panel(_conditions(look, wide=width >= _WIDE), "kubectl get eac emqx -n iot"),
        _panel(_lines(chronicle.lines, rows), "what happened"),
    )


def _panel(body: RenderableType, title: str) -> Panel:
    return Panel(body, title=Text(title, "dim"), title_align="left", border_style="cyan", padding=(0, 1))


def _steps(chronicle: Chronicle, now: datetime) -> Text:
    parts = [(f" {clock(now - chronicle.began)}  ", "bold")]
    for name, state, detail in progress(chronicle):
        mark, style = _STEP_MARKS[state]
        parts.append((f" {mark} {name}{detail} ", style))
    return Text.assemble(*parts, no_wrap=True)


def clock(passed: timedelta) -> str:
    seconds = max(int(passed.total_seconds()), 0)
    return f"{seconds // 60}:{seconds % 60:02d}"


def _members(chronicle: Chronicle, look: Look) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    for name in ("POD", "EMQX NODE", "STATE", "SEES RUNNING"):
        table.add_column(name, no_wrap=True)
    for member in look.members:
        fresh = member.new and look.revision != chronicle.before.revision
        state = f"{'new' if fresh else 'old'}, {member.state}"
        style = "dim" if member.ending else ""
        table.add_row(
            Text(member.pod, style),
            Text(member.node, style),
            Text(state, style),
            _view(chronicle, member, look),
        )
    for _ in range(MEMBERS + 1 - len(look.members)):
        table.add_row("")  # room for the pod that a rollout adds, so that the picture does not jump
    return table


def _view(chronicle: Chronicle, member: Member, look: Look) -> Text:
    if member.ending:
        return Text("–", "dim")
    if member.sees is None:
        return Text("no answer yet", "yellow")
    if len(member.sees) == 1:
        joining = chronicle.is_joining(member, look)
        return Text("itself, joining" if joining else "itself alone", "yellow" if joining else "red")
    short = " ".join(sorted(f".{name.rpartition('.')[2]}" for name in member.sees))
    return Text.assemble((f"{len(member.sees)}: ", "bold green"), (short, "green"))


def _conditions(look: Look, *, wide: bool) -> RenderableType:
    table = Table(box=None, pad_edge=False, expand=True, show_header=False)
    for _ in range(2):
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    shown = [_condition(c, with_reason=wide) for c in look.conditions]
    half = (len(shown) + 1) // 2
    for left, right in zip(shown[:half], [*shown[half:], Text()], strict=False):
        table.add_row(left, right)
    return table if shown else Text("not there yet", "dim")


def _condition(condition: Condition, *, with_reason: bool) -> Text:
    mark, style = _MARKS[condition.status]
    if condition.status != "Unknown":
        good = (condition.status == "True") != (condition.type in _GOOD_WHEN_FALSE)
        style = "green" if good else "red"
        mark = "✓" if good else "✗"
    known = condition.type in _GOOD_WHEN_FALSE and condition.status != "Unknown"
    value = f" {condition.status}" if known else ""
    reason = f"  {condition.reason}" if with_reason or style != "green" else ""
    return Text.assemble((mark, style), f" {condition.type}{value}", (reason, "dim"))


def _lines(lines: list[Line], rows: int) -> RenderableType:
    shown = [log_line(line) for line in lines[-rows:]]
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for text in [*shown, *[Text()] * (rows - len(shown))]:
        table.add_row(text)
    return table


def log_line(line: Line) -> Text:
    at = (f"{clock(line.after):>5}  ", "dim")
    if line.by_operator:
        return Text.assemble(at, (line.what, "cyan"), f"  {line.text}")
    return Text.assemble(at, (line.text, "bold"))
