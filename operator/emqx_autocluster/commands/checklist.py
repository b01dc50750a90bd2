"""A checkup as people read it: the rungs of the ladder, who sees whom, the cause, and the commands that cure it."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emqx_autocluster import diagnosis, template
from emqx_autocluster.commands import permissions, prose
from emqx_autocluster.commands.checkup import Checkup
from emqx_autocluster.findings import Finding, Status
from emqx_autocluster.healing import Step
from emqx_autocluster.observation import Member, View
from emqx_autocluster.template import Changes

_WELL, _BROKEN, _UNTOLD = ("✓", "green"), ("✗", "red"), ("?", "yellow")
_RUNNING, _STOPPED, _NOT_SEEN, _NO_ANSWER = "●", "○", "·", "?"


def show(console: Console, checkups: Sequence[Checkup]) -> None:
    for number, checkup in enumerate(checkups):
        if number:
            console.print()
        _show(console, checkup)


def _show(console: Console, checkup: Checkup) -> None:
    console.print(_title(checkup))
    console.print(Padding(_ladder(checkup), (1, 0, 0, 2)))
    members = tuple(checkup.case.observation.each_member())
    if members:
        console.print(Padding(_views(members, checkup.case.membership.stale), (1, 0, 0, 2)))
    console.print()
    console.print(_conclusion(checkup))
    show_commands(console, "To cure it by hand, in this order:", checkup.steps)
    if checkup.by_hand_command:
        _show_by_hand(console, checkup.by_hand, checkup.by_hand_command)
    if checkup.missing_rights:
        console.print("\nRights that you would need to see the rest:", style="bold")
        for right in checkup.missing_rights:
            console.print(Text(f"  {right}"), soft_wrap=True)
    if checkup.cause:
        console.print(Text(f"\nMore about it: emqx-autocluster explain {checkup.cause.reason}", "dim"))


def _title(checkup: Checkup) -> Text:
    case, ref = checkup.case, checkup.case.workload.ref
    version = case.settings.version if case.settings else None
    about = f" in namespace {ref.namespace}: EMQX {version or '(version not known)'}, replicas {case.workload.replicas}"
    return Text.assemble((str(ref), "bold"), about)


def _ladder(checkup: Checkup) -> Table:
    """One rung for each condition; what else is wrong there stands under it."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for rung in checkup.rungs:
        sign, colour = _sign(rung)
        grid.add_row(Text(sign, colour), Text(rung.type, "bold", no_wrap=True), _words(rung.message))
        for problem in checkup.problems:
            if problem.type is rung.type and problem.message not in rung.message:
                grid.add_row("", "", _further(problem))
    return grid


def _further(problem: Finding) -> Table:
    sign, colour = _sign(problem)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(Text(sign, colour), _words(problem.message))
    return grid


def _words(message: str) -> Text:
    return Text(permissions.in_kubectl_words(message))


def _sign(rung: Finding) -> tuple[str, str]:
    if rung.status is Status.UNKNOWN:
        return _UNTOLD
    return _BROKEN if diagnosis.is_wrong(rung) else _WELL


def _views(members: Sequence[Member], stale: Sequence[str]) -> Table:
    """One row for each name in the cluster; the columns are what each member, asked itself, says of it."""
    answered = [member for member in members if isinstance(member.view, View)]
    names = sorted(
        {name for m in answered if isinstance(m.view, View) for name in (*m.view.running, *m.view.stopped)}
    )
    pods = {member.node: member.pod.name for member in members if member.node}
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("node")
    table.add_column("pod")
    for number, _ in enumerate(members, start=1):
        table.add_column(f"seen by {number}", justify="center")
    own = [member.node or "(no name known)" for member in members]
    for number, name in enumerate([*own, *(n for n in names if n not in own)], start=1):
        label = f"{number} {name}" if number <= len(own) else f"  {name}"
        pod = members[number - 1].pod.name if number <= len(own) else pods.get(name, _owner(name, stale))
        table.add_row(label, pod, *(_seen(member, name) for member in members))
    return table


def _owner(name: str, stale: Sequence[str]) -> str:
    return "(stale: no pod has it)" if name in stale else "(no pod of this workload)"


def _seen(member: Member, name: str) -> Text:
    view = member.view
    if not isinstance(view, View):
        return Text(_NO_ANSWER, style="yellow")
    if name in view.running:
        return Text(_RUNNING, style="green")
    return Text(_STOPPED, style="red") if name in view.stopped else Text(_NOT_SEEN, style="dim")


def _conclusion(checkup: Checkup) -> Text:
    cause = checkup.cause
    if cause is None:
        return Text("Nothing is wrong.", style="green")
    lead = "Cause" if diagnosis.is_wrong(cause) else "Could not tell"
    return Text.assemble((f"{lead} ({cause.reason}): ", "bold"), _words(cause.message))


def show_commands(console: Console, title: str, steps: Sequence[Step]) -> None:
    """Unwrapped, so that a line can be copied as it is."""
    told = [step for step in steps if step.command]
    if not told:
        return
    console.print(f"\n{title}", style="bold")
    for number, step in enumerate(told, start=1):
        prose.tell(console, step.message, lead=f"{number}. ")
        console.print(Text(f"   {step.command}", style="cyan"), soft_wrap=True)


def _show_by_hand(console: Console, changes: Changes, command: str) -> None:
    values = ", ".join(f"{change.field.removeprefix(template.ENV)}={change.now}" for change in changes)
    restart = " in one rolling restart" if template.rolls(changes) else ""
    console.print("\nWhat is for you to decide, since Repair would not do it:", style="bold")
    prose.tell(console, f"set {values}{restart}", lead="   ")
    console.print(Text(f"   {command}", style="cyan"), soft_wrap=True)
