"""The last chapters: what changed, as diffs and lists that a person can make again, and how to undo it."""

import difflib
from typing import Any

import yaml
from rich.table import Table

from demo.chronicle import Chronicle
from demo.commands import Shell
from demo.live import clock
from demo.screen import Screen
from demo.watching import NAME, NAMESPACE

_GROUP = "emqx-autocluster.io"
_LONGEST = 32

Object = dict[str, Any]


async def workload(shell: Shell) -> str:
    """The Deployment as YAML, without what the API server fills in."""
    text = await shell.quietly("kubectl", "get", f"deployment/{NAME}", "-n", NAMESPACE, "-o", "yaml")
    body = yaml.safe_load(text)
    shown = {"metadata": {"annotations": _annotations(body)}, "spec": _spec(body["spec"])}
    return yaml.safe_dump(shown, sort_keys=True, width=1000, allow_unicode=True)


def _annotations(body: Object) -> Object:
    found = body["metadata"].get("annotations", {})
    return {name: _shortened(value) for name, value in found.items() if name.startswith(_GROUP)}


def _shortened(value: str) -> str:
    return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"


def _spec(spec: Object) -> Object:
    pod = spec["template"]["spec"]
    fields = ("serviceAccountName", "automountServiceAccountToken", "dnsPolicy")
    kept = {name: pod[name] for name in fields if name in pod}
    containers = [{name: c[name] for name in ("name", "image", "env")} for c in pod["containers"]]
    own = {name: spec[name] for name in ("replicas", "minReadySeconds") if name in spec}
    return own | {"template": {"spec": kept | {"containers": containers}}}


async def changes(shell: Shell, before: str) -> None:
    screen = shell.screen
    screen.say("The Deployment before and after, as far as it says something:")
    screen.command(["kubectl", "get", f"deployment/{NAME}", "-n", NAMESPACE, "-o", "yaml"])
    after = await workload(shell)
    screen.diff(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", n=1, lineterm="")
    )
    screen.say("The rights: exactly the one request that EMQX makes, for a ServiceAccount of its own.")
    await shell.run("kubectl", "describe", "role", f"{NAME}-discovery", "-n", NAMESPACE)


def events(screen: Screen, chronicle: Chronicle) -> None:
    screen.say("What the operator wrote down on the Deployment, in order:")
    screen.command(["kubectl", "events", "-n", NAMESPACE, "--for", f"deployment/{NAME}"])
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("  AT", justify="right")
    table.add_column("REASON", style="cyan", no_wrap=True)
    table.add_column("MESSAGE", overflow="fold")
    for happening in chronicle.looks[-1].happenings:
        style = "yellow" if happening.warning else ""
        after = clock(happening.at - chronicle.began)
        table.add_row(f"  {after}", happening.reason, happening.note, style=style)
    screen.show(table)


def undoing(screen: Screen, program: str) -> None:
    screen.say(
        "Undo it, or only stop it. `revert` puts the fields back that still hold the operator's value, in one"
        " rolling restart, and sets mode Observe; without the annotation the operator lets go and leaves"
        " everything as it is."
    )
    screen.command([program, "revert", f"deployment/{NAME}", "-n", NAMESPACE])
    screen.command(["kubectl", "annotate", f"deployment/{NAME}", "-n", NAMESPACE, f"{_GROUP}/mode-"])
