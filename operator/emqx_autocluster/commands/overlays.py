"""Changes of a workload in the form of the tool that makes its manifest: a patch of kustomize, values of the chart."""

import json
import re
from collections.abc import Iterable, Iterator

import yaml

from emqx_autocluster.objects import recorded, template
from emqx_autocluster.objects.recorded import Changes, FieldChange
from emqx_autocluster.observation import Container, Workload

_CHART_VALUES = {template.MIN_READY_SECONDS: "minReadySeconds"}
"""Fields of the workload that the official chart has a value for."""


def once(changes: Iterable[FieldChange]) -> Changes:
    """Each field once: what is told first is the cause of what follows."""
    found: dict[str, FieldChange] = {}
    for change in changes:
        found.setdefault(change.field, change)
    return tuple(found.values())


def kustomize(workload: Workload, container: Container, changes: Changes) -> str:
    """A strategic merge patch as a file of its own, and how it is named in kustomization.yaml; empty: no change."""
    if not changes:
        return ""
    kind, name = str(workload.ref.kind), _word(workload.ref.name)
    body = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": workload.ref.name}}
    text = yaml.safe_dump(body | template.manual_patch(container, changes), sort_keys=False)
    return (
        f"# A patch for {kind} {name}. In kustomization.yaml, with this file's name:\n"
        "# patches:\n"
        f"#   - path: {name}-clustering.yaml\n"
        f"#     target: {{kind: {kind}, name: {name}}}\n{text}"
    )


def helm(workload: Workload, changes: Changes) -> str:
    """Values for the official chart; what it has no value for is told as a comment. Empty: no change."""
    if not changes:
        return ""
    variables = {
        c.field.removeprefix(recorded.ENV): c.now for c in changes if c.field.startswith(recorded.ENV)
    }
    values = {name: c.now for c in changes if (name := _CHART_VALUES.get(c.field))}
    if variables:
        values["emqxConfig"] = variables
    lines = [
        f"# Values of the official chart of EMQX, for {workload.ref.kind} {_word(workload.ref.name)}.",
        *_left(changes),
    ]
    text = yaml.safe_dump(values, sort_keys=False) if values else ""
    return "\n".join(lines) + "\n" + text


def _word(name: str) -> str:
    """For a comment, which a line break in a name would end."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", name)


def _left(changes: Changes) -> Iterator[str]:
    for change in changes:
        if not change.field.startswith(recorded.ENV) and change.field not in _CHART_VALUES:
            yield f"# Not a value of the chart, by a post-renderer only: {change.field}: {json.dumps(change.now)}"
