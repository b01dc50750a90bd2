"""The address of an API server: which EMQX can use, and what is told of it."""

import pytest

from emqx_autocluster.emqx import apiaddress
from emqx_autocluster.emqx.apiaddress import Address


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://kubernetes.default.svc:443", Address("https", "kubernetes.default.svc", 443)),
        ("https://kubernetes.default.svc", Address("https", "kubernetes.default.svc", 443)),
        ("https://kubernetes.default.svc/", Address("https", "kubernetes.default.svc", 443, "/")),
        ("http://192.168.1.31:8888", Address("http", "192.168.1.31", 8888)),
        ("http://proxy", Address("http", "proxy", 80)),
        ("https://user:secret@10.0.0.1:6443", Address("https", "10.0.0.1", 6443)),
        ("https://[fd00::1]:443", Address("https", "fd00::1", 443)),
        ("https://[FD00:0::1]", Address("https", "fd00::1", 443)),
        ("kubernetes.default.svc", None),
        ("kubernetes.default.svc:443", None),
        ("10.0.0.1:6443", None),
        ("tcp://10.0.0.1:6443", None),
        ("https://", None),
        ("https://host:port", None),
        ("https://host:99999", None),
        ("https://ho st", None),
        ("https://[::1", None),
        ("", None),
    ],
)
def test_addresses_that_an_emqx_can_use(value: str, expected: Address | None) -> None:
    assert apiaddress.parse(value) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://kubernetes.default.svc:443", "https://kubernetes.default.svc:443"),
        ("https://user:secret@10.0.0.1:6443/x", "https://10.0.0.1:6443/x"),
        ("https://us@er:se@cret@10.0.0.1", "https://10.0.0.1"),
        ("https://[::1", "https://[::1"),
    ],
)
def test_users_and_passwords_are_never_shown(value: str, shown: str) -> None:
    assert apiaddress.redacted(value) == shown


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("kubernetes.default.svc", True),
        ("kubernetes.default", True),
        ("kubernetes.default.svc.cluster.local", True),
        ("kubernetes.default.svc.other.zone", False),
        ("kubernetes", False),
        ("apiserver.cluster.local", False),
    ],
)
def test_spellings_of_the_service(host: str, *, expected: bool) -> None:
    assert apiaddress.names_the_service(host, "cluster.local") == expected
