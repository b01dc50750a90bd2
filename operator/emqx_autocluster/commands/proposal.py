"""`plan`: what Repair would do to one workload, as commands, as a diff, and as a patch to commit."""

from collections.abc import Iterator
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from emqx_autocluster import discovery, template
from emqx_autocluster.commands import checklist
from emqx_autocluster.commands.checkup import Checkup


def show(console: Console, checkup: Checkup) -> None:
    ref, hold = checkup.case.workload.ref, checkup.hold
    if hold:
        console.print(Text.assemble((f"{ref}: Repair would wait ({hold.reason}): ", "bold"), hold.message))
    if not checkup.steps:
        if not hold:
            console.print(f"{ref}: nothing to do.")
        return
    checklist.show_commands(console, "What Repair would do, in this order:", checkup.steps)
    if checkup.changes:
        console.print(f"\nWhat changes in {ref}:", style="bold")
        for line, colour in _diff(checkup):
            console.print(Text(line, style=colour), soft_wrap=True)
        console.print("\nThe same as a patch to commit where the manifest lives:", style="bold")
        console.print(Text(patch(checkup)), soft_wrap=True, end="")


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
        name = change.field.replace(template.ENV, "env ")
        yield f"- {name}: {_shown(change.was)}", "red"
        yield f"+ {name}: {_shown(change.now)}", "green"


def _shown(value: Any) -> str:
    return discovery.redacted(template.shown(value))
