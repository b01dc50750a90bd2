"""DiscoveryReady, MeshBetweenNodes: whether the proxy of a service mesh takes over the connections between nodes."""

from collections.abc import Mapping

import pytest

from builders import NOT_READ, a_case, a_network, members
from emqx_autocluster.api.findings import Finding, Level, Reason
from emqx_autocluster.diagnosis import endpoints

ISTIO = "traffic.sidecar.istio.io/"
LEFT_OUT = {f"{ISTIO}excludeInboundPorts": "4370,5369", f"{ISTIO}excludeOutboundPorts": "1883,4370-5400"}
INJECTED = {"sidecar.istio.io/inject": "true"}
Marks = Mapping[str, str]


def found(marks: Marks, around: Marks, **facts: object) -> Finding | None:
    network = a_network(namespace_annotations=around)
    known = {"network": network, "members": (), "endpoints": NOT_READ, "template_annotations": marks, **facts}
    told = endpoints.problems(a_case(**known))
    return next((finding for finding in told if finding.reason is Reason.MESH_BETWEEN_NODES), None)


@pytest.mark.parametrize(
    ("marks", "around", "words"),
    [
        pytest.param(INJECTED, {}, 'excludeInboundPorts: "4370,5369" and', id="Istio"),
        pytest.param({}, {"istio-injection": "enabled"}, "enabled of their namespace", id="by the namespace"),
        pytest.param(
            INJECTED | LEFT_OUT | {f"{ISTIO}excludeInboundPorts": "4370"},
            {},
            "excludeInboundPorts",
            id="one of two ports",
        ),
        pytest.param(
            {"linkerd.io/inject": "enabled"}, {}, "config.linkerd.io/skip-outbound-ports", id="Linkerd"
        ),
        pytest.param({"consul.hashicorp.com/connect-inject": "true"}, {}, "Consul", id="Consul"),
        pytest.param({"kuma.io/sidecar-injection": "enabled"}, {}, "Kuma", id="Kuma"),
    ],
)
def test_a_proxy_between_the_nodes_is_told_as_advice(marks: Marks, around: Marks, words: str) -> None:
    finding = found(marks, around)
    assert finding
    assert words in finding.message
    assert finding.level is Level.ADVICE


def test_istio_is_asked_by_a_label_as_well() -> None:
    assert found({}, {}, labels={"app": "emqx", **INJECTED})


@pytest.mark.parametrize(
    ("marks", "around", "facts"),
    [
        pytest.param({}, {}, {}, id="no mesh"),
        pytest.param(INJECTED | LEFT_OUT, {}, {}, id="both ports are left out"),
        pytest.param(
            {"sidecar.istio.io/inject": "false"}, {"istio-injection": "enabled"}, {}, id="not in these pods"
        ),
        pytest.param(INJECTED, {}, {"replicas": 1}, id="a single node talks to nobody"),
        pytest.param(INJECTED, {}, {"members": members("a b c")}, id="members run, and show it"),
    ],
)
def test_where_nothing_comes_between(marks: Marks, around: Marks, facts: dict[str, object]) -> None:
    assert found(marks, around, **facts) is None
