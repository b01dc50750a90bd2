"""The changes that the operator makes to a workload: one patch, its record, and the way back.

All changes of one pass go into one strategic merge patch, since each template change is a rolling
restart. What a field was is kept in an annotation (and in the custom resource's status, since
`kubectl rollout undo` replaces a Deployment's annotations), so that `revert` can put it back.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from emqx_autocluster.api import annotations
from emqx_autocluster.emqx.environment import as_hocon
from emqx_autocluster.objects.recorded import ENV, Changes, FieldChange, Record, comparable
from emqx_autocluster.observation import Container, EnvVar, Workload

SERVICE_ACCOUNT = "serviceAccountName"
AUTOMOUNT = "automountServiceAccountToken"
DNS_POLICY = "dnsPolicy"
MIN_READY_SECONDS = "minReadySeconds"
PAUSED = "paused"
PARTITION = "updateStrategy.rollingUpdate.partition"
MAX_SURGE = "strategy.rollingUpdate.maxSurge"
MAX_UNAVAILABLE = "strategy.rollingUpdate.maxUnavailable"
OF_A_ROLLOUT = frozenset({PAUSED, PARTITION, MAX_SURGE, MAX_UNAVAILABLE})
"""They steer one rollout, and are put back when it is over."""
_RESTART_NOTHING = OF_A_ROLLOUT | {MIN_READY_SECONDS}
_ROLLS_BACK = "kubectl"
"""How `kubectl rollout undo` signs; other commands that change a template sign as kubectl-set, kubectl-edit, ..."""


def env_change(container: Container, name: str, value: str) -> FieldChange:
    """Under the name as `env` writes it, where it has the setting in another letter case."""
    name = next(iter(container.spellings(name)), name)
    entry = container.last_env(name)
    return FieldChange(ENV + name, None if entry is None else _entry(entry), value)


def exact_change(container: Container, name: str, value: str) -> FieldChange:
    """As `env_change`; where `env` has that value under other letters, it is the name that has to be another one.

    To EMQX it is the same variable, and to the image's entrypoint it is none of its own. `was` is the entry that goes.
    """
    change = env_change(container, name, value)
    was = comparable(change.was)
    renamed = change.field != ENV + name and isinstance(was, str) and as_hocon(was) == value
    return replace(change, field=ENV + name) if renamed else change


def replaced(change: FieldChange) -> str | None:
    """The name of an entry that goes for this one; None: the entry of the same name, or none."""
    name = (
        change.was.get("name") if isinstance(change.was, Mapping) and change.field.startswith(ENV) else None
    )
    return None if name is None or ENV + name == change.field else name


def rolls(changes: Changes) -> bool:
    """Whether these changes restart pods: all but these live in the pod template."""
    return any(change.field not in _RESTART_NOTHING for change in changes)


def patch(workload: Workload, container: Container, changes: Changes, recorded: str | None) -> dict[str, Any]:
    """The strategic merge patch, refused by the API server if the workload changed since it was read."""
    record = Record.load(recorded).extended(container.name, changes)
    body = manual_patch(container, changes)
    body["metadata"] = {
        "resourceVersion": workload.resource_version,
        "annotations": {annotations.ORIGINAL: record.dump(), annotations.ROLL: None},
    }
    return body


def manual_patch(container: Container, changes: Changes) -> dict[str, Any]:
    """The same change for a person to apply: no record and no precondition."""
    gone = {ENV + name: None for change in changes if (name := replaced(change))}
    return _body(container.name, {**gone, **{c.field: _new_value(c) for c in changes}}, _repeated(container))


def recorded_container(workload: Workload, record: Record) -> Container | None:
    """The one whose fields were changed; None: it is gone."""
    return next((c for c in workload.template.containers if c.name == record.container), None)


def revert_patch(workload: Workload, recorded: str | None) -> dict[str, Any]:
    """Puts back each field that still holds our value, and sets mode Observe so that it stays back."""
    record = Record.load(recorded)
    container = recorded_container(workload, record)
    fields = {c.field: c.was for c in record.changes if holds(workload, container, c)}
    body = _body(record.container, fields, _repeated(container))
    body["metadata"] = {
        "resourceVersion": workload.resource_version,
        "annotations": {annotations.ORIGINAL: None, annotations.ROLL: None, annotations.MODE: "Observe"},
    }
    return body


def steer(workload: Workload, changes: Changes, recorded: str | None) -> dict[str, Any]:
    """The patch of fields that steer a rollout; with the same care as `patch`."""
    record = Record.load(recorded)
    body = _body(record.container, {c.field: c.now for c in changes}, ())
    body["metadata"] = {
        "resourceVersion": workload.resource_version,
        "annotations": {annotations.ORIGINAL: record.extended(record.container, changes).dump()},
    }
    return body


def give_back(workload: Workload, fields: Collection[str], recorded: str | None) -> dict[str, Any]:
    """The patch that puts back those of these fields that still hold our value, and forgets them all."""
    record = Record.load(recorded)
    mine = {change.field: change for change in record.changes if change.field in fields}
    left = Record(record.container, tuple(c for c in record.changes if c.field not in fields))
    body = _body(record.container, {f: c.was for f, c in mine.items() if holds(workload, None, c)}, ())
    body["metadata"] = {
        "resourceVersion": workload.resource_version,
        "annotations": {annotations.ORIGINAL: left.dump() if left.changes else None},
    }
    return body


def still_held(workload: Workload, recorded: str | None) -> str | None:
    """The record of those fields that still hold our value: of the others it tells nothing any more."""
    record = Record.load(recorded)
    container = recorded_container(workload, record)
    held = tuple(change for change in record.changes if holds(workload, container, change))
    return Record(record.container, held).dump() if held else None


def is_undone(workload: Workload, recorded: str | None) -> bool:
    """Whether a person rolled the workload back: the old template is there again, by the hand of kubectl.

    `kubectl rollout undo` replaces a Deployment's annotations, so ours is gone; of a StatefulSet it replaces only the
    template, and signs for that. Tools that apply a manifest leave our annotation alone, and sign with another name.
    """
    record = Record.load(recorded)
    container = recorded_container(workload, record)
    rolled = [change for change in record.changes if rolls((change,))]
    signed = any(workload.writers.get(change.field) == _ROLLS_BACK for change in rolled)
    if annotations.ORIGINAL in workload.annotations and not signed:
        return False
    return bool(rolled) and all(_is_back(workload, container, change) for change in rolled)


def _is_back(workload: Workload, container: Container | None, change: FieldChange) -> bool:
    if change.field.startswith(ENV):
        name = change.field.removeprefix(ENV)
        return bool(container and env_change(container, name, change.now).was == change.was)
    was = "default" if change.field == SERVICE_ACCOUNT and change.was is None else change.was
    return bool(current(workload, container, change.field) == was)


def shown(was: Any) -> str:
    """A value for people, as they write it in a manifest."""
    plain = comparable(was)
    if isinstance(plain, Mapping):
        return f"valueFrom {json.dumps(plain['valueFrom'])}"
    if plain is None:
        return "(unset)"
    return plain if isinstance(plain, str) else json.dumps(plain)


def _entry(entry: EnvVar) -> dict[str, Any]:
    if entry.value_from is not None:
        return {"name": entry.name, "valueFrom": dict(entry.value_from)}
    return {"name": entry.name, "value": entry.value or ""}


def _new_value(change: FieldChange) -> Any:
    if not change.field.startswith(ENV):
        return change.now
    return {"name": change.field.removeprefix(ENV), "value": change.now}


def _repeated(container: Container | None) -> frozenset[str]:
    """Names that `env` has more than once: Kubernetes allows that, and the last one counts."""
    names = [entry.name for entry in container.env] if container else []
    return frozenset(name for name in names if names.count(name) > 1)


def _body(container: str, fields: Mapping[str, Any], repeated: Collection[str]) -> dict[str, Any]:
    pod: dict[str, Any] = {}
    named = {field.removeprefix(ENV): value for field, value in fields.items() if field.startswith(ENV)}
    # By its name a patch finds the first entry only, so that all are taken away before one comes in.
    env = [{"name": name, "$patch": "delete"} for name in named if name in repeated]
    env += [_env_patch(name, entry) for name, entry in named.items() if entry or name not in repeated]
    if env:
        pod["containers"] = [{"name": container, "env": env}]
    if SERVICE_ACCOUNT in fields:
        # The deprecated alias would win over an emptied name.
        pod |= {SERVICE_ACCOUNT: fields[SERVICE_ACCOUNT], "serviceAccount": fields[SERVICE_ACCOUNT]}
    pod |= {field: fields[field] for field in (AUTOMOUNT, DNS_POLICY) if field in fields}
    spec: dict[str, Any] = {"template": {"spec": pod}} if pod else {}
    for field in _RESTART_NOTHING & fields.keys():
        *way, name = field.split(".")
        place = spec
        for key in way:
            place = place.setdefault(key, {})
        place[name] = fields[field]
    return {"spec": spec}


def _env_patch(name: str, entry: Mapping[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {"name": name, "$patch": "delete"}
    # The other kind of source must be emptied, or the API server answers 422.
    return {"name": name, "value": entry.get("value"), "valueFrom": entry.get("valueFrom")}


def holds(workload: Workload, container: Container | None, change: FieldChange) -> bool:
    """Whether the field still has the value that the change gave it, and nobody else has given it the same since."""
    if (
        change.field in OF_A_ROLLOUT
        and workload.writers.get(change.field, annotations.MANAGER) != annotations.MANAGER
    ):
        return False
    return bool(current(workload, container, change.field) == change.now)


def current(workload: Workload, container: Container | None, field: str) -> Any:
    """The value that a field has now; for `env/NAME` the plain value."""
    if field.startswith(ENV):
        entry = container.last_env(field.removeprefix(ENV)) if container else None
        return entry.value if entry else None
    template = workload.template
    return {
        SERVICE_ACCOUNT: template.service_account,
        AUTOMOUNT: template.automount_token,
        DNS_POLICY: template.dns_policy,
        MIN_READY_SECONDS: workload.min_ready_seconds,
        PAUSED: workload.paused,
        PARTITION: workload.partition,
        MAX_SURGE: workload.max_surge,
        MAX_UNAVAILABLE: workload.max_unavailable,
    }.get(field)
