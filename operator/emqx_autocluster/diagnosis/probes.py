"""The startup and readiness probe of EMQX's container: what they ask, and whether anything answers there."""

from collections.abc import Iterator, Mapping
from typing import Any

from emqx_autocluster.api.findings import ConditionType, Unjudged
from emqx_autocluster.diagnosis.case import Case

Probe = Mapping[str, Any]

_STATUS_PORTS = frozenset({8081, 18083})
"""Where any version tells its status."""


def of(case: Case) -> tuple[Probe, ...]:
    return case.container.probes if case.container else ()


def port(case: Case, probe: Probe) -> Any:
    """The number of the port that it asks, or what stands in its place; None: it is no question to a port."""
    asked = probe.get("httpGet") or probe.get("tcpSocket") or probe.get("grpc") or {}
    named: dict[Any, int] = {p.name: p.number for p in (case.container.ports if case.container else ())}
    return named.get(asked.get("port"), asked.get("port"))


def unjudged(case: Case) -> Iterator[Unjudged]:
    """A port for the status that the version does not have by itself: the pods are never Ready, unless it is set."""
    right = case.version.agree(lambda generation: generation.status_port)
    wrong = {port(case, probe) for probe in of(case) if "httpGet" in probe} & (_STATUS_PORTS - {right})
    if right is None or case.running:
        return
    for number in sorted(number for number in wrong if not _is_set(case, number)):
        yield Unjudged(
            ConditionType.CLUSTER_FORMED,
            f"whether anything answers probes of port {number}, without which no pod is Ready",
            f"EMQX {case.version} tells its status on port {right} unless it is configured otherwise",
            f"set the probe's port to {right}",
        )


def _is_set(case: Case, number: int) -> bool:
    """Whether a variable may open it."""
    return any(str(number) in (entry.value or "") for entry in (case.container.env if case.container else ()))
