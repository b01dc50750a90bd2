"""The node names that EMQX makes of an address in the Endpoints."""

import pytest

from emqx_autocluster.emqx.peernames import Naming, looked_for
from emqx_autocluster.observation import EndpointAddress

POD = EndpointAddress("10.244.0.5", "emqx-0", "emqx-0")
NAMELESS = EndpointAddress("10.244.0.5")


@pytest.mark.parametrize(
    ("address_type", "suffix", "address", "expected"),
    [
        ("ip", "svc.cluster.local", POD, "emqx@10.244.0.5"),
        ("ip", "", EndpointAddress("fd00::5"), "emqx@fd00::5"),
        ("dns", "pod.cluster.local", POD, "emqx@10-244-0-5.iot.pod.cluster.local"),
        ("dns", "", POD, "emqx@10-244-0-5"),
        ("hostname", "svc.cluster.local", POD, "emqx@emqx-0.headless.iot.svc.cluster.local"),
        ("hostname", "", POD, "emqx@emqx-0"),
        ("hostname", "svc.cluster.local", NAMELESS, None),
        ("nonsense", "", POD, None),
    ],
)
def test_by_address_type(
    address_type: str, suffix: str, address: EndpointAddress, expected: str | None
) -> None:
    assert looked_for("emqx", address, Naming(address_type, "headless", "iot", suffix)) == expected
