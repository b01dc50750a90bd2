"""What is counted and measured, for Prometheus; docs/metrics.md says what each means.

The states of the workloads are not counted but told anew at each scrape, by what the last pass said of them: so the
series of a workload that left are gone.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from emqx_autocluster import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "emqx_autocluster"
_STATUSES = ("True", "False", "Unknown")
_WORKLOAD = ("namespace", "kind", "name")
RESULTS = ("succeeded", "failed")
"""How a step ends."""

Key = tuple[str, str, str]
"""Namespace, kind and name of a workload."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done last to a workload."""

    action: str
    result: str
    """succeeded or failed."""
    at: float
    """Unix time."""


@dataclass(frozen=True, slots=True)
class State:
    """Of one workload, as its status has it; None: not known."""

    conditions: Mapping[str, str] = field(default_factory=dict)
    """Type -> True, False or Unknown."""
    members: Mapping[str, int | None] = field(default_factory=dict)
    """expected, ready, clustered -> how many."""
    islands: int | None = None
    stale_nodes: int | None = None
    rolling: bool = False
    verified_at: float = 0.0
    """Unix time of the last look."""
    last_action: Deed | None = None


class Workloads(Collector):
    """All that are enrolled, by their last state."""

    def __init__(self) -> None:
        self._states: dict[Key, State] = {}

    def note(self, key: Key, state: State) -> None:
        self._states[key] = state

    def verified(self, key: Key, at: float) -> None:
        """The sockets were as at the last look, so that what it saw still holds."""
        state = self._states.get(key)
        if state:
            self._states[key] = replace(state, verified_at=at)

    def forget(self, key: Key) -> None:
        self._states.pop(key, None)

    def collect(self) -> Iterator[Metric]:
        states = dict(self._states)
        yield self._conditions(states)
        yield self._members(states)
        yield _gauge("islands", "Clusters that the members form; 1 is well.", states, lambda s: s.islands)
        yield _gauge("stale_nodes", "Names in the cluster that no pod has.", states, lambda s: s.stale_nodes)
        yield _gauge(
            "rollout_in_progress", "Whether a rollout goes on, held or not.", states, lambda s: int(s.rolling)
        )
        yield _gauge(
            "last_verified_timestamp_seconds",
            "When the members were last looked at, by their views or their sockets.",
            states,
            lambda s: s.verified_at,
        )
        yield self._last_actions(states)

    def _conditions(self, states: Mapping[Key, State]) -> Metric:
        found = GaugeMetricFamily(
            f"{_PREFIX}_condition",
            "1 for the status that a condition has, 0 for the two others.",
            labels=(*_WORKLOAD, "condition", "status"),
        )
        for key, state in states.items():
            for kind, current in state.conditions.items():
                for status in _STATUSES:
                    found.add_metric((*key, kind, status.lower()), float(status == current))
        return found

    def _members(self, states: Mapping[Key, State]) -> Metric:
        found = GaugeMetricFamily(
            f"{_PREFIX}_members",
            "Members by state: expected, ready, clustered.",
            labels=(*_WORKLOAD, "state"),
        )
        for key, state in states.items():
            for name, count in state.members.items():
                if count is not None:
                    found.add_metric((*key, name), float(count))
        return found

    def _last_actions(self, states: Mapping[Key, State]) -> Metric:
        found = GaugeMetricFamily(
            f"{_PREFIX}_last_action_timestamp_seconds",
            "When something was last done to the workload, and what.",
            labels=(*_WORKLOAD, "action", "result"),
        )
        for key, state in states.items():
            if state.last_action:
                deed = state.last_action
                found.add_metric((*key, deed.action, deed.result), deed.at)
        return found


def _gauge(name: str, words: str, states: Mapping[Key, State], of: Callable[[State], float | None]) -> Metric:
    found = GaugeMetricFamily(f"{_PREFIX}_{name}", words, labels=_WORKLOAD)
    for key, state in states.items():
        value = of(state)
        if value is not None:
            found.add_metric(key, float(value))
    return found


class _Build(Collector):
    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(f"{_PREFIX}_build", "The version that runs.", value={"version": __version__})


disable_created_metrics()  # type: ignore[no-untyped-call]  # when a counter began says nothing that anybody asks for
REGISTRY = CollectorRegistry()
WORKLOADS = Workloads()
REGISTRY.register(WORKLOADS)
REGISTRY.register(_Build())
ProcessCollector(namespace=_PREFIX, registry=REGISTRY)

ACTIONS = Counter(
    f"{_PREFIX}_actions",
    "Steps of a repair or of healing that were carried out, by how they ended.",
    ("action", "result"),
    registry=REGISTRY,
)
REFUSALS = Counter(
    f"{_PREFIX}_heals_refused",
    "Looks at damage that mode Heal would mend, of which a guard refused to act on it.",
    ("guard",),
    registry=REGISTRY,
)
RETRIES = Counter(
    f"{_PREFIX}_retries", "Passes that failed and are tried again.", ("reason",), registry=REGISTRY
)
REQUESTS = Counter(
    f"{_PREFIX}_api_requests",
    "Requests to the API server by method and status; 0: no answer. Watches and commands in pods are not among them.",
    ("method", "code"),
    registry=REGISTRY,
)
LEADER = Gauge(
    f"{_PREFIX}_leader",
    "1 for the replica that watches and acts, 0 for one that stands by.",
    registry=REGISTRY,
)
NAMESPACE_WATCHED = Gauge(
    f"{_PREFIX}_namespace_watched",
    "Of each namespace that EMQX_AUTOCLUSTER_NAMESPACES names: 1 if it is watched, 0 if it cannot be.",
    ("namespace",),
    registry=REGISTRY,
)
QUEUE_DEPTH = Gauge(f"{_PREFIX}_queue_depth", "Workloads that wait for a worker.", registry=REGISTRY)
QUEUE_AGE = Gauge(
    f"{_PREFIX}_queue_oldest_age_seconds",
    "For how long the workload has waited that waits longest; 0: none waits.",
    registry=REGISTRY,
)
PASSES = Histogram(
    f"{_PREFIX}_pass_duration_seconds",
    "One pass over one workload: look, judge, tell, act.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
    registry=REGISTRY,
)
EXECS = Histogram(
    f"{_PREFIX}_exec_duration_seconds",
    "Commands in members, by program, also those that failed.",
    ("program",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)


def expect(*, actions: Iterable[str], guards: Iterable[str], failures: Iterable[str]) -> None:
    """All that can be counted is there as 0 from the start: what first appears as 1 is no increase to Prometheus."""
    for action in actions:
        for result in RESULTS:
            ACTIONS.labels(action, result)
    for guard in guards:
        REFUSALS.labels(guard)
    for failure in failures:
        RETRIES.labels(failure)


@contextmanager
def timed(observe: Callable[[float], None]) -> Iterator[None]:
    """Tells `observe` the seconds that it took, however it ended."""
    begun = time.monotonic()
    try:
        yield
    finally:
        observe(time.monotonic() - begun)


def exposition() -> bytes:
    """All of it in Prometheus' text format."""
    return generate_latest(REGISTRY)
