"""Names of Services in DNS: what is a full one, and what a name that is none should be."""

import pytest

from emqx_autocluster.emqx import dnsdiscovery, peernames
from emqx_autocluster.emqx.dnsdiscovery import DNSSettings
from emqx_autocluster.emqx.environment import Setting, Source
from emqx_autocluster.observation import EndpointAddress

FULL = "emqx.iot.svc.cluster.local"


@pytest.mark.parametrize(
    ("asked", "domain", "right"),
    [
        (FULL, None, FULL),
        (FULL, "plant.internal", "emqx.iot.svc.plant.internal"),
        (f"{FULL}.", None, FULL),
        (f"dns://{FULL}", None, FULL),
        (f"{FULL}/", None, FULL),
        ("emqx", "plant.internal", "emqx.iot.svc.plant.internal"),
        ("emqx", None, FULL),
        ("emqx.iot", None, FULL),
        ("emqx.other.svc", None, FULL),
        ("emqx.other.svc.cluster.local", None, FULL),
        ("emqx.example.com", None, None),
        ("emqx.io", None, None),
        ("10.0.0.1", None, None),
        ("not a name", None, None),
        ("x." * 200, None, None),
    ],
)
def test_the_name_that_it_should_be(asked: str, domain: str | None, right: str | None) -> None:
    found = dnsdiscovery.right_name(asked, "iot", domain)
    assert (None if found is None else str(found)) == right


@pytest.mark.parametrize("asked", [FULL, "emqx", "emqx.example.com", f"dns://{FULL}"])
def test_the_service_that_is_meant(asked: str) -> None:
    none = Setting(None, Source.DEFAULT)
    assert DNSSettings(Setting(asked, Source.ENV), none, none, none).service == "emqx"


@pytest.mark.parametrize(
    ("kind", "address", "host"),
    [
        ("a", EndpointAddress("10.0.0.7", "emqx-0"), "10.0.0.7"),
        ("a", EndpointAddress("fd00::7"), None),
        ("aaaa", EndpointAddress("fd00::7"), "fd00::7"),
        ("aaaa", EndpointAddress("10.0.0.7"), None),
        ("srv", EndpointAddress("10.0.0.7", "emqx-0"), f"emqx-0.{FULL}"),
        ("srv", EndpointAddress("10.0.0.7"), f"10-0-0-7.{FULL}"),
    ],
)
def test_where_a_record_leads(kind: str, address: EndpointAddress, host: str | None) -> None:
    assert peernames.in_dns(kind, address, FULL) == host
