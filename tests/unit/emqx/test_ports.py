"""The port for messages between nodes, where it can be told."""

from typing import Any

import pytest

from builders import ENV_FROM_SETTINGS, a_container
from emqx_autocluster.emqx import ports, versions


@pytest.mark.parametrize(
    ("version", "node", "expected"),
    [
        ("4.1.5", "emqx@10.0.0.1", 5369),
        ("4.2.14", "emqx@10.0.0.1", 5370),
        ("4.2.14", "emqx-2@10.0.0.1", 5372),
        ("4.2.14", "emqx-7d9-x70001@10.0.0.1", 15371),
        ("4.4.19", "emqx-2@10.0.0.1", 5369),
        ("5.8.9", "emqx@10.0.0.1", 5369),
    ],
)
def test_by_version(version: str, node: str, expected: int) -> None:
    known = versions.parse(version)
    assert known is not None
    numbered = known.agree(lambda generation: generation.numbers_rpc_ports)
    assert ports.rpc_port(a_container(f"emqx:{version}"), node, numbered=numbered) == expected


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"env": {"EMQX_RPC__TCP_SERVER_PORT": "7000"}}, id="another port in env"),
        pytest.param({"env_from": ENV_FROM_SETTINGS}, id="perhaps in a ConfigMap"),
        pytest.param({"mounts": {"/opt/emqx/etc/emqx.conf": "config"}}, id="perhaps in a file"),
    ],
)
def test_where_it_may_be_any(facts: dict[str, Any]) -> None:
    assert ports.rpc_port(a_container(**facts), "emqx@10.0.0.1", numbered=False) is None


def test_without_a_version() -> None:
    numbered = versions.UNKNOWN_VERSION.agree(lambda generation: generation.numbers_rpc_ports)
    assert ports.rpc_port(a_container("emqx:latest"), "emqx@10.0.0.1", numbered=numbered) is None
