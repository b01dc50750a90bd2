"""A checkup as people read it: the rungs of the ladder, who sees whom, the cause, and the commands that cure it."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emqx_autocluster.api.findings import Finding, Unjudged
from emqx_autocluster.commands import matrix, permissions, prose
from emqx_autocluster.commands.checkup import Checkup, Standing, Unexamined
from emqx_autocluster.commands.matrix import Seen
from emqx_autocluster.commands.terminal import assembled, text
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing import Action, Step
from emqx_autocluster.objects import recorded, template
from emqx_autocluster.objects.recorded import Changes

_COLOUR_OF = {
    Standing.WELL: "green",
    Standing.WRONG: "red",
    Standing.ADVICE: "yellow",
    Standing.UNTOLD: "yellow",
}
_HOLD_NAMES = frozenset(
    {Action.JOIN_CLUSTER, Action.FORCE_LEAVE, Action.CREATE_SERVICE, Action.CREATE_ROLE, Action.UPDATE_ROLE}
)
"""Also told where no command can be offered, as of a name that comes from a Secret."""
_COLOURS = {Seen.RUNNING: "green", Seen.STOPPED: "red", Seen.NOT_LISTED: "dim", Seen.NO_ANSWER: "yellow"}


def show(console: Console, checkups: Sequence[Checkup | Unexamined]) -> None:
    for number, checkup in enumerate(checkups):
        if number:
            console.print()
        if isinstance(checkup, Unexamined):
            _show_unexamined(console, checkup)
        else:
            _show(console, checkup)


def _show_unexamined(console: Console, found: Unexamined) -> None:
    console.print(assembled((str(found.ref), "bold"), f" in namespace {found.ref.namespace}"))
    console.print()
    sign = Standing.UNTOLD
    console.print(assembled(("Could not tell: ", f"bold {_COLOUR_OF[sign]}"), f"{sign} {found.why}"))


def _show(console: Console, checkup: Checkup) -> None:
    console.print(_title(checkup))
    console.print(Padding(_ladder(checkup), (1, 0, 0, 2)))
    if matrix.rows(checkup.case):
        console.print(Padding(_views(checkup.case), (1, 0, 0, 2)))
    console.print()
    console.print(_conclusion(checkup))
    show_unjudged(console, checkup.unjudged)
    show_commands(console, "To cure it by hand, in this order:", checkup.steps)
    if checkup.by_hand_command:
        _show_by_hand(console, checkup.by_hand, checkup.by_hand_command)
    if checkup.missing_rights:
        console.print()
        console.print("Rights that you would need to see the rest:", style="bold")
        for right in checkup.missing_rights:
            console.print(text(f"  {right}"), soft_wrap=True)
    if checkup.cause:
        console.print()
        console.print(text(f"More about it: emqx-autocluster explain {checkup.cause.reason}", "dim"))


def _title(checkup: Checkup) -> Text:
    case, ref = checkup.case, checkup.case.workload.ref
    version = case.settings.version if case.settings else None
    about = (
        f" in namespace {ref.namespace}: EMQX {version or '(not found)'}, replicas {case.workload.replicas}"
    )
    return assembled((str(ref), "bold"), about)


def _ladder(checkup: Checkup) -> Table:
    """One rung for each condition; what else is wrong there stands under it."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for rung in checkup.rungs:
        sign, colour = _sign(rung)
        grid.add_row(text(sign, colour), text(rung.type, "bold", no_wrap=True), _words(rung.message))
        for problem in checkup.beside(rung):
            grid.add_row("", "", _further(problem))
    return grid


def _further(problem: Finding) -> Table:
    sign, colour = _sign(problem)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(text(sign, colour), _words(problem.message))
    return grid


def _words(message: str) -> Text:
    return text(permissions.in_kubectl_words(message))


def _sign(rung: Finding) -> tuple[str, str]:
    standing = Standing.of(rung)
    return standing, _COLOUR_OF[standing]


def _views(case: Case) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("node")
    table.add_column("pod")
    found = matrix.rows(case)
    for row in found:
        if row.number:
            table.add_column(f"seen by {row.number}", justify="center")
    counted = any(row.devices is not None for row in found)
    if counted:
        table.add_column("devices", justify="right")
    for row in found:
        signs = (text(seen, _COLOURS[seen]) for seen in row.seen)
        devices = ["" if row.devices is None else str(row.devices)] if counted else []
        table.add_row(f"{row.number or ' '} {row.node}", row.holder, *signs, *devices)
    return table


def _conclusion(checkup: Checkup) -> Text:
    cause = checkup.cause
    if cause is None:
        return text(checkup.headline, "yellow" if checkup.unjudged else "green")
    return assembled((f"{checkup.headline} ({cause.reason}): ", "bold"), _words(cause.message))


def show_unjudged(console: Console, gaps: Sequence[Unjudged]) -> None:
    if not gaps:
        return
    console.print()
    console.print(f"Not judged: {len(gaps)}", style="bold")
    for gap in gaps:
        prose.tell(console, str(gap), lead="   ")


def for_a_person(steps: Sequence[Step]) -> tuple[Step, ...]:
    """What a person takes: all but those that only wait."""
    return tuple(step for step in steps if step.command or step.action in _HOLD_NAMES)


def show_commands(console: Console, title: str, steps: Sequence[Step]) -> None:
    """Unwrapped, so that a line can be copied as it is."""
    told = for_a_person(steps)
    if not told:
        return
    console.print()
    console.print(title, style="bold")
    for number, step in enumerate(told, start=1):
        prose.tell(console, step.message, lead=f"{number}. ")
        if step.command:
            console.print(text(f"   {step.command}", "cyan"), soft_wrap=True)


def _show_by_hand(console: Console, changes: Changes, command: str) -> None:
    values = ", ".join(f"{change.field.removeprefix(recorded.ENV)}={change.now}" for change in changes)
    restart = " in one rolling restart" if template.rolls(changes) else ""
    console.print()
    console.print("What is for you to decide, since Repair would not do it:", style="bold")
    prose.tell(console, f"set {values}{restart}", lead="   ")
    console.print(text(f"   {command}", "cyan"), soft_wrap=True)
