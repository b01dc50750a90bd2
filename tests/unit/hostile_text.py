"""A text that tries everything against the terminal that it is printed on, and the outputs that may hold it."""

import io
import re
from collections.abc import Callable

from rich.console import Console

from builders import AT, a_case, a_resource, changed, members
from emqx_autocluster.api.v1alpha1 import Condition, Discovery, PlannedAction, StatusModel
from emqx_autocluster.commands import checklist, checkup, proposal, tables, terminal
from emqx_autocluster.commands.terminal import Terminal
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER, NAMESPACE, SERVICE_NAME
from emqx_autocluster.observation import Unobserved

HOSTILE = (
    "\x1b[2J\x1b[H\x1b]0;owned\x07\x1b]52;c;Y3VybA==\x07\x1b]8;;http://e.example\x1b\\x\x1b]8;;\x1b\\\x1b[8m; curl"
    "\x1b[0m\x9b3A\rgone\n::error::no\n\u202etxt\u2028\u200b##vso[task.complete]"
)
TERM = "{inet,[inet],econnrefused} [/x] [bold] :smile: [link=file:///]"
"""What a library that knows markup would take away."""
WIDTHS = (40, 100, 400)


def hostile_case() -> Case:
    found = members("a", "b", "c", stopped=[f"emqx@10.0.0.99;{HOSTILE}", "emqx@10.0.0.98"])
    return a_case(
        env={
            API_SERVER: HOSTILE,
            SERVICE_NAME: HOSTILE,
            NAMESPACE: HOSTILE,
            "EMQX_CLUSTER__K8S__SERVICENAME": HOSTILE,
        },
        members=changed(found, "c", view=Unobserved(HOSTILE)),
    )


def a_status() -> StatusModel:
    condition = Condition(
        type="ClusterFormed",
        status="False",
        reason=HOSTILE,
        message=f"{HOSTILE} {TERM}",
        last_transition_time=AT,
    )
    step = PlannedAction(action="JoinCluster", subject=HOSTILE, message=HOSTILE, command=HOSTILE)
    return StatusModel(
        conditions=(condition,), planned_actions=(step,), discovery=Discovery(emqx_version=HOSTILE)
    )


def a_table(console: Console) -> None:
    named = a_resource(a_status())
    target = named.spec.target_ref.model_copy(update={"name": f"{HOSTILE} {TERM}"})
    resource = named.model_copy(update={"spec": named.spec.model_copy(update={"target_ref": target})})
    tables.tell(console, [resource])


SHOWS: dict[str, Callable[[Console], None]] = {
    "doctor": lambda console: checklist.show(console, [checkup.examine(hostile_case())]),
    "plan": lambda console: proposal.show(console, checkup.examine(hostile_case())),
    "status": a_table,
    "any string": lambda console: console.print(HOSTILE, HOSTILE),
    "any text": lambda console: console.print(terminal.assembled((HOSTILE, "bold"), HOSTILE)),
}


def orders(output: str) -> list[str]:
    """What a pipeline that prints it would obey."""
    return re.findall(r"(?m)^ *::[\w-]+(?: .*)?::.*$|##\w*\[.*$", output)


def printed(show: Callable[[Console], None], width: int) -> str:
    console = Terminal(file=io.StringIO(), force_terminal=True, width=width, color_system="truecolor")
    show(console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


_COLOUR = re.compile(r"\x1b\[(?!(?:[0-9]+;)*8[;m])[0-9;]*m")


def misdeeds(output: str) -> list[str]:
    """All characters of it that are not there to be seen, but for new lines and colours; SGR 8 hides."""
    return [c for c in _COLOUR.sub("", output) if not c.isprintable() and c != "\n"]
