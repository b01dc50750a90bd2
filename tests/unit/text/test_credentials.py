"""No user and no password comes out, however an address is misspelt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emqx_autocluster.text.credentials import without_user, without_users

ADDRESSES = {
    "as it should be": ("https://admin:s3cret@10.0.0.1:6443/x", "https://10.0.0.1:6443/x"),
    "without a scheme": ("admin:s3cret@10.0.0.1:6443", "10.0.0.1:6443"),
    "with one slash": ("https:/admin:s3cret@10.0.0.1:6443", "https:/10.0.0.1:6443"),
    "with three slashes": ("https:///admin:s3cret@10.0.0.1", "https:///10.0.0.1"),
    "with no slash": ("https:admin:s3cret@10.0.0.1", "https:10.0.0.1"),
    "an @ in the password": ("https://admin:s3@cret@10.0.0.1", "https://10.0.0.1"),
    "a slash in the password": ("https://admin:s3/cret@10.0.0.1", "https://10.0.0.1"),
    "a hash in the password": ("https://admin:s3#cret@10.0.0.1", "https://10.0.0.1"),
    "a user alone": ("https://s3cret@10.0.0.1", "https://10.0.0.1"),
    "another scheme": ("ftp://admin:s3cret@x", "ftp://x"),
    "capitals": ("HTTPS://admin:s3cret@x", "HTTPS://x"),
    "nothing to hide": ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
}
LINES = {
    "a node's name stays": ("join emqx@10.0.0.1: nodedown", None),
    "nodes in a list stay": ("['emqx@10.0.0.1','emqx@10.0.0.2']", None),
    "a name in JSON stays": ('{"node":"emqx@10.0.0.1"}', None),
    "an address": ("dial https://admin:s3cret@10.0.0.1: refused", "dial https://10.0.0.1: refused"),
    "an address in quotes": ('asks "admin:s3cret@10.0.0.1" in vain', 'asks "10.0.0.1" in vain'),
    "an address in a term": ("{failed_connect,admin:s3cret@h}", "{failed_connect,h}"),
}


@pytest.mark.parametrize(("address", "told"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address(address: str, told: str) -> None:
    assert without_user(address) == told
    assert "s3cret" not in without_users(f"it asks {address} in vain")


@pytest.mark.parametrize(("line", "told"), LINES.values(), ids=LINES)
def test_a_line(line: str, told: str | None) -> None:
    assert without_users(line) == (line if told is None else told)


noise = st.text().filter(lambda text: "//" not in text and "s3cret" not in text)


@given(noise, noise, noise, st.sampled_from(["", "https://", "https:/", "http:", "ftp://"]))
def test_nothing_before_the_last_at_is_left(before: str, after: str, host: str, scheme: str) -> None:
    told = without_user(f"{scheme}{before}s3cret{after}@{host}")
    assert "s3cret" not in told
    assert "@" not in told
    assert told.endswith(host.rpartition("@")[2])
