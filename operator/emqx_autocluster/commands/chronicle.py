"""What happened to one workload, in time: from its resource, its events, its revisions and its pods.

Pure: a list of entries out of objects of the API. What could not be read is told as such, and never as nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from emqx_autocluster.api.findings import ABNORMAL_TRUE
from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster, StatusModel
from emqx_autocluster.emqx.veil import Veil
from emqx_autocluster.observation import NOT_ASKED, Fact, Unobserved, WorkloadKind, WorkloadRef

Object = Mapping[str, Any]
_MOST = 1000
"""Entries of one chronicle; the newest."""
_REVISION = "deployment.kubernetes.io/revision"


class Kind(StrEnum):
    """What an entry is about."""

    CONDITION = "condition"
    ACTION = "action"
    ROLLOUT = "rollout"
    MEMBER = "member"
    EVENT = "event"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    at: datetime
    kind: Kind
    subject: str
    words: str
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """What the API server has of one workload, as the API gives it."""

    resource: Fact[EMQXAutoCluster | None] = NOT_ASKED
    """None: it is not enrolled."""
    events: Fact[Sequence[Object]] = NOT_ASKED
    """Of its namespace, as events.k8s.io/v1."""
    revisions: Fact[Sequence[Object]] = NOT_ASKED
    """ReplicaSets, or ControllerRevisions."""
    pods: Fact[Sequence[Object]] = NOT_ASKED


@dataclass(frozen=True, slots=True)
class Chronicle:
    since: datetime
    entries: tuple[Entry, ...] = ()
    """The oldest first."""
    unread: tuple[str, ...] = ()
    """Each source that could not be read, and why."""
    left_out: int = 0
    """Older entries that were too many."""


def write(workload: WorkloadRef, sources: Sources, since: datetime, veil: Veil) -> Chronicle:
    told = sorted(entry for entry in _entries(workload, sources) if entry.at >= since)
    newest = (replace(e, subject=veil.over(e.subject), words=veil.over(e.words)) for e in told[-_MOST:])
    return Chronicle(since, tuple(newest), tuple(_unread(sources)), max(0, len(told) - _MOST))


def _entries(workload: WorkloadRef, sources: Sources) -> Iterator[Entry]:
    if isinstance(sources.resource, EMQXAutoCluster):
        yield from _of_status(sources.resource.status)
    yield from map(_revision, _known(sources.revisions))
    for pod in _known(sources.pods):
        yield from _of_pod(pod)
    yield from (_event(each) for each in _known(sources.events) if _is_about(workload, sources, each))


def _unread(sources: Sources) -> Iterator[str]:
    named = {
        "the EMQXAutoCluster": sources.resource,
        "events": sources.events,
        "revisions": sources.revisions,
        "pods": sources.pods,
    }
    return (f"{name}: {fact.reason}" for name, fact in named.items() if isinstance(fact, Unobserved))


# the resource


def _of_status(status: StatusModel) -> Iterator[Entry]:
    for condition in status.conditions:
        wrong = condition.status == ("True" if condition.type in ABNORMAL_TRUE else "False")
        words = f"became {condition.status} ({condition.reason}): {condition.message}"
        yield Entry(condition.last_transition_time, Kind.CONDITION, condition.type, words, wrong)
    for done in status.history:
        said = f": {done.message}" if done.message and done.message != done.reason else ""
        words = f"{done.result.lower()}; {done.reason}{said}"
        yield Entry(done.time, Kind.ACTION, f"{done.action} {done.subject}", words, done.result == "Failed")
    if status.procedure:
        begun = status.procedure
        yield Entry(begun.started_at, Kind.ACTION, begun.origin, "the procedure began, and is not over")


# revisions and pods


def _revision(body: Object) -> Entry:
    metadata = body["metadata"]
    number = (metadata.get("annotations") or {}).get(_REVISION) or body.get("revision")
    images = ", ".join(_images(body))
    words = f"revision {number or '?'} was made{f': {images}' if images else ''}"
    return Entry(_time(metadata["creationTimestamp"]), Kind.ROLLOUT, metadata["name"], words)


def _images(body: Object) -> Iterator[str]:
    holder = body.get("data") or body
    containers = (((holder.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers")
    return (container.get("image", "") for container in containers or ())


def _of_pod(body: Object) -> Iterator[Entry]:
    metadata, status = body["metadata"], body.get("status") or {}
    name = metadata["name"]
    yield Entry(_time(metadata["creationTimestamp"]), Kind.MEMBER, name, "was created")
    if "deletionTimestamp" in metadata:
        patience = timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
        yield Entry(_time(metadata["deletionTimestamp"]) - patience, Kind.MEMBER, name, "was told to end")
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Ready" and condition.get("lastTransitionTime"):
            ready = condition.get("status") == "True"
            words = "became Ready" if ready else "is not Ready since"
            yield Entry(_time(condition["lastTransitionTime"]), Kind.MEMBER, name, words, not ready)
    for container in status.get("containerStatuses") or ():
        yield from _of_container(name, container)


def _of_container(pod: str, body: Object) -> Iterator[Entry]:
    running = (body.get("state") or {}).get("running") or {}
    if running.get("startedAt"):
        yield Entry(_time(running["startedAt"]), Kind.MEMBER, pod, f"container {body['name']} started")
    ended = (body.get("lastState") or {}).get("terminated") or {}
    if ended.get("finishedAt"):
        why = f"{ended.get('reason', 'no reason given')}, exit code {ended.get('exitCode', '?')}"
        words = f"container {body['name']} had ended ({why}), restarts {body.get('restartCount', '?')}"
        yield Entry(_time(ended["finishedAt"]), Kind.MEMBER, pod, words, wrong=ended.get("exitCode") != 0)


# events


def _is_about(workload: WorkloadRef, sources: Sources, body: Object) -> bool:
    """Also for pods that are gone: the events are all that is left of them."""
    about = body.get("regarding") or {}
    kind, name = about.get("kind", ""), about.get("name", "")
    if kind == workload.kind:
        return bool(name == workload.name)
    if kind == "EMQXAutoCluster":
        resource = sources.resource
        return isinstance(resource, EMQXAutoCluster) and bool(name == resource.metadata.name)
    sets = [each["metadata"]["name"] for each in _known(sources.revisions)]
    if kind == "Pod":
        owners = sets if workload.kind is WorkloadKind.DEPLOYMENT else [workload.name]
        return name.rpartition("-")[0] in owners
    return kind == "ReplicaSet" and name in sets


def _known(found: Fact[Sequence[Object]]) -> Sequence[Object]:
    return () if isinstance(found, Unobserved) else found


def _event(body: Object) -> Entry:
    about = body.get("regarding") or {}
    series: Object = body.get("series") or {}
    first = body.get("eventTime") or body.get("deprecatedFirstTimestamp")
    last = series.get("lastObservedTime") or body.get("deprecatedLastTimestamp") or first
    count = series.get("count") or body.get("deprecatedCount") or 1
    times = f" ({count} times since {_time(first):%H:%M:%S})" if count > 1 and first else ""
    words = f"{body.get('reason', '')}: {body.get('note', '')}{times}"
    at = _time(last or body["metadata"]["creationTimestamp"])
    return Entry(
        at, Kind.EVENT, f"{about.get('kind')} {about.get('name')}", words, body.get("type") == "Warning"
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def document(told: Chronicle) -> dict[str, Any]:
    """For programs."""
    return {
        "since": told.since.isoformat(timespec="seconds"),
        "entries": [_as_json(entry) for entry in told.entries],
        "unread": list(told.unread),
        "leftOut": told.left_out,
    }


def _as_json(entry: Entry) -> dict[str, Any]:
    at = entry.at.isoformat(timespec="seconds")
    return {
        "at": at,
        "kind": str(entry.kind),
        "subject": entry.subject,
        "words": entry.words,
        "wrong": entry.wrong,
    }
