"""Where a node takes the messages of its peers, by its version and all that sets it."""

from collections.abc import Mapping
from typing import Any

import pytest

from builders import a_container
from emqx_autocluster.emqx import discoveryreader, rpcport
from emqx_autocluster.emqx.configfiles import ConfigMaps
from emqx_autocluster.emqx.rpcport import DISCOVERY, SERVER_PORT, SSL_PORT, TCP_PORT
from emqx_autocluster.observation import ConfigMapFiles, EnvFrom, EnvVar, Fact, Mount, Unobserved

NODE = "emqx-2@10.0.0.1"
STATELESS = {DISCOVERY: "stateless"}
SETTINGS = (EnvFrom(config_map="settings"),)
FILE = (Mount("/opt/emqx/etc", "a ConfigMap", config_maps=(ConfigMapFiles("conf"),)),)
FROM_SECRET = (EnvFrom(secret="keys"),)  # noqa: S106 - a name
SECRET = EnvVar(TCP_PORT, None, {"secretKeyRef": {"name": "keys", "key": "port"}})


def port(
    version: str,
    env: Mapping[str, Any],
    config_maps: ConfigMaps | None = None,
    node: str | None = NODE,
    **facts: Any,
) -> Fact[int]:
    container = a_container(f"emqx/emqx:{version}", env, **facts)
    settings = discoveryreader.read_settings(container, (), config_maps or {})
    return rpcport.listening(settings.reader, settings.generation, node)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(port("4.1.5", STATELESS), 5369, id="4.1 knows one way alone"),
        pytest.param(port("4.2.14", {}), 5372, id="4.2 numbers it"),
        pytest.param(port("4.2.14", {DISCOVERY: "manual"}), 5369, id="4.2 told not to"),
        pytest.param(port("4.4.19", {}), 5369, id="4.4"),
        pytest.param(port("5.8.9", {}), 5369, id="5.8"),
        pytest.param(port("5.8.9", {}, node=None), 5369, id="a name that is not known"),
        pytest.param(port("5.8.9", STATELESS), 5372, id="numbered"),
        pytest.param(port("5.8.9", STATELESS | {TCP_PORT: "5400"}), 5372, id="numbered, beside a port"),
        pytest.param(port("5.8.9", {TCP_PORT: " 5400 "}), 5400, id="a port of one's own"),
        pytest.param(port("5.8.9", {SERVER_PORT: '"5400"'}), 5400, id="by its newer name"),
        pytest.param(port("5.8.9", {SERVER_PORT: "5400", TCP_PORT: "5400"}), 5400, id="by both names"),
        pytest.param(port("4.4.19", {SERVER_PORT: "5400"}), 5369, id="a name that 4.x does not read"),
        pytest.param(
            port("5.8.9", {}, {"settings": {TCP_PORT: "5400"}}, env_from=SETTINGS), 5400, id="in a ConfigMap"
        ),
        pytest.param(
            port("5.8.9", {}, {"settings": {}}, env_from=SETTINGS), 5369, id="not in the ConfigMap that is read"
        ),
        pytest.param(
            port("5.8.9", {}, {"conf": {"emqx.conf": "rpc.tcp_server_port = 5400"}}, mounted=FILE), 5400, id="in a file"
        ),
        pytest.param(
            port("5.8.9", {}, {"conf": {"emqx.conf": "rpc.port_discovery = stateless"}}, mounted=FILE),
            5369,
            id="the image's own variable beats a file",
        ),
    ],
)  # fmt: skip
def test_where_it_can_be_told(found: Fact[int], expected: int) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(port("5.8.9", STATELESS, node=None), "the node's name", id="by a name that is not known"),
        pytest.param(port("5.8.9", {DISCOVERY: "epmd"}), "takes manual or stateless", id="a word that is none"),
        pytest.param(port("5.8.9", {TCP_PORT: "70000"}), "is no port", id="more than a port can be"),
        pytest.param(port("5.8.9", {TCP_PORT: "9" * 4000}), "is no port", id="a number without end"),
        pytest.param(port("5.8.9", {TCP_PORT: "ekka"}), "is no port", id="no number"),
        pytest.param(port("5.8.9", {TCP_PORT: "1", SSL_PORT: "2"}), "which of these counts", id="two that differ"),
        pytest.param(port("5.0.4", {SSL_PORT: "5400"}), "which of these counts", id="of a protocol, in early 5.0"),
        pytest.param(port("5.8.9", {TCP_PORT: SECRET}), "Secret keys", id="in a Secret"),
        pytest.param(port("5.8.9", {"EMQX_RPC": "{mode = sync}"}), "EMQX_RPC", id="all in one variable"),
        pytest.param(port("5.8.9", {}, env_from=FROM_SECRET), "Secret keys", id="perhaps in a Secret"),
    ],
)  # fmt: skip
def test_where_it_may_be_any(found: Fact[int], words: str) -> None:
    assert isinstance(found, Unobserved)
    assert words in found.reason
    assert len(found.reason) < 200
