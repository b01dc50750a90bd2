"""DiscoveryReady: whether a service mesh gets between the nodes.

Its proxy takes over each connection of a pod, also those by which nodes talk to each other: to addresses of single
pods, in a protocol of Erlang's own. That may work, and breaks with the mesh's settings. Only told of a manifest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import ports

_TYPE = ConditionType.DISCOVERY_READY
_NEEDED = (ports.DISTRIBUTION, ports.RPC)
_ON = frozenset({"true", "enabled", "ingress"})


@dataclass(frozen=True, slots=True)
class _Mesh:
    name: str
    asked_by: str
    """Of a pod, as a label or an annotation; what it says there counts before what its namespace says."""
    of_the_namespace: tuple[str, ...]
    leaves_out: tuple[str, ...]
    """Annotations of the pod that list the ports to be left alone: of connections in, and out."""


_MESHES = (
    _Mesh(
        "Istio",
        "sidecar.istio.io/inject",
        ("istio-injection",),
        ("traffic.sidecar.istio.io/excludeInboundPorts", "traffic.sidecar.istio.io/excludeOutboundPorts"),
    ),
    _Mesh(
        "Linkerd",
        "linkerd.io/inject",
        ("linkerd.io/inject",),
        ("config.linkerd.io/skip-inbound-ports", "config.linkerd.io/skip-outbound-ports"),
    ),
    _Mesh(
        "Consul",
        "consul.hashicorp.com/connect-inject",
        (),
        (
            "consul.hashicorp.com/transparent-proxy-exclude-inbound-ports",
            "consul.hashicorp.com/transparent-proxy-exclude-outbound-ports",
        ),
    ),
    _Mesh(
        "Kuma",
        "kuma.io/sidecar-injection",
        ("kuma.io/sidecar-injection",),
        ("traffic.kuma.io/exclude-inbound-ports", "traffic.kuma.io/exclude-outbound-ports"),
    ),
)


def problems(case: Case) -> Iterator[Finding]:
    if any(case.observation.each_member()) or (case.workload.replicas < 2 and not case.is_replicant):  # noqa: PLR2004
        return
    template, network = case.workload.template, case.observation.network
    around = {**network.namespace_labels, **network.namespace_annotations}
    marks = {**template.labels, **template.annotations}
    for mesh in _MESHES:
        asked = _asked(mesh, marks, around)
        missing = [key for key in mesh.leaves_out if not _covers(marks.get(key, ""))]
        if asked and missing:
            yield _finding(mesh, asked, missing)


def _asked(mesh: _Mesh, marks: Mapping[str, str], around: Mapping[str, str]) -> str:
    """By which mark the pods get its proxy; empty: they do not, as far as that is known."""
    if mesh.asked_by in marks:
        value = str(marks[mesh.asked_by])
        return f"{mesh.asked_by}: {value}" if value.lower() in _ON else ""
    given = ((key, str(around.get(key, ""))) for key in mesh.of_the_namespace)
    return next((f"{key}: {value} of their namespace" for key, value in given if value.lower() in _ON), "")


def _covers(listed: str) -> bool:
    """Whether a list such as `1883,4000-6000` has both ports."""
    spans = [entry.strip().partition("-") for entry in str(listed).split(",")]
    known = [
        (int(low), int(high or low)) for low, _, high in spans if low.isdigit() and (high or low).isdigit()
    ]
    return all(any(low <= port <= high for low, high in known) for port in _NEEDED)


def _finding(mesh: _Mesh, asked: str, missing: list[str]) -> Finding:
    listed = ",".join(map(str, _NEEDED))
    cure = " and ".join(f'{key}: "{listed}"' for key in missing)
    return false(
        _TYPE,
        Reason.MESH_BETWEEN_NODES,
        f"the pods get a proxy of {mesh.name} ({asked}), which also takes over the connections between the nodes; leave"
        f" these out, with annotations of the pod template: {cure}",
    )
