"""`plan`: what Repair would do to one workload, as commands, as a diff, and as a patch to commit."""

from collections.abc import Iterator
from typing import Any

import yaml
from rich.console import Console

from emqx_autocluster.commands import checklist
from emqx_autocluster.commands.checkup import Checkup
from emqx_autocluster.commands.terminal import assembled, text
from emqx_autocluster.emqx import apiaddress
from emqx_autocluster.objects import recorded, template


def show(console: Console, checkup: Checkup) -> None:
    ref, hold = checkup.case.workload.ref, checkup.hold
    if hold:
        console.print(assembled((f"{ref}: Repair would wait ({hold.reason}): ", "bold"), hold.message))
    if not checkup.steps:
        if not hold:
            console.print(f"{ref}: nothing to do.")
        checklist.show_unjudged(console, checkup.unjudged)
        return
    checklist.show_commands(console, "What Repair would do, in this order:", checkup.steps)
    if checkup.changes:
        console.print()
        console.print(f"What changes in {ref}:", style="bold")
        for line, colour in _diff(checkup):
            console.print(text(line, colour), soft_wrap=True)
        console.print()
        console.print("The same as a patch to commit where the manifest lives:", style="bold")
        for line in patch(checkup).splitlines():
            console.print(text(line), soft_wrap=True)
    checklist.show_unjudged(console, checkup.unjudged)


def patch(checkup: Checkup) -> str:
    """A strategic merge patch as YAML, as kubectl patch --patch-file and kustomize take it; empty: no change."""
    workload, container = checkup.case.workload, checkup.case.container
    if container is None or not checkup.changes:
        return ""
    whose = {"apiVersion": "apps/v1", "kind": str(workload.ref.kind)}
    metadata = {"name": workload.ref.name, "namespace": workload.ref.namespace}
    body = template.manual_patch(container, checkup.changes)
    return yaml.safe_dump({**whose, "metadata": metadata, **body}, sort_keys=False)


def _diff(checkup: Checkup) -> Iterator[tuple[str, str]]:
    for change in checkup.changes:
        name = change.field.replace(recorded.ENV, "env ")
        yield f"- {name}: {_shown(change.was)}", "red"
        yield f"+ {name}: {_shown(change.now)}", "green"


def _shown(value: Any) -> str:
    return apiaddress.redacted(template.shown(value))
