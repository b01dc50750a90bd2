"""The pulse: what a node's sockets mean, and that no change of them is ever taken for none."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import a_container
from emqx_autocluster.emqx import ports, pulse
from emqx_autocluster.emqx.ports import NodePorts
from emqx_autocluster.observation import Pulse, Socket

MINE, PEER, OTHER = "10.244.0.1", "10.244.0.2", "10.244.0.3"
PORTS = NodePorts(4370, frozenset({4370}), frozenset({5369}))


def a_pulse(*listeners: int, nodes: Iterable[str] = (), reaches: Iterable[str] = (), **facts: bool) -> Pulse:
    known = {"up": False, "takes_messages": False, **facts}
    return Pulse(listeners=frozenset(listeners), nodes=frozenset(nodes), reaches=frozenset(reaches), **known)


WELL = a_pulse(1883, 18083, nodes=[PEER, OTHER], up=True, takes_messages=True)


def listening(*numbers: int, since: int = 0) -> set[Socket]:
    """`since`: the inode of all of them."""
    return {Socket("::", number, listens=True, inode=since) for number in numbers}


def connected(remote: str, *, port: int = 50000, remote_port: int = 4370, local: str = MINE) -> Socket:
    return Socket(local, port, remote, remote_port)


@pytest.mark.parametrize(
    ("sockets", "expected"),
    [
        pytest.param(
            listening(4370, 5369, 1883, 18083)
            | {connected(PEER), connected(OTHER, port=4370, remote_port=50001)},
            WELL,
            id="two peers, one that it dialled and one that dialled it",
        ),
        pytest.param(
            listening(4370),
            a_pulse(up=True),
            id="a lone node whose applications are stopped",
        ),
        pytest.param(
            {connected(MINE), connected("127.0.0.1", local="127.0.0.1"), connected("::1", local="::1")},
            a_pulse(),
            id="connections within the pod, as of emqx_ctl",
        ),
        pytest.param(
            listening(4370, 41234),
            a_pulse(up=True),
            id="a port that the kernel gave to a tool",
        ),
        pytest.param(
            {connected(PEER, remote_port=5369), connected(OTHER, port=5369, remote_port=50001)},
            a_pulse(reaches=[PEER]),
            id="messages go to one, and come from another",
        ),
        pytest.param(
            listening(4370, since=7) | listening(5369, 41234, since=8) | listening(1883, 18083, since=9),
            replace(a_pulse(1883, 18083, up=True, takes_messages=True), opened=frozenset({9})),
            id="since when its listeners are open",
        ),
        pytest.param(
            {connected("10.96.0.1", remote_port=443)},
            a_pulse(),
            id="what has nothing to do with nodes",
        ),
    ],
)
def test_what_sockets_mean(sockets: set[Socket], expected: Pulse) -> None:
    assert pulse.take(sockets, PORTS) == expected


@pytest.mark.parametrize(
    ("now", "told"),
    [
        pytest.param(WELL, (), id="as it was"),
        pytest.param(
            replace(WELL, nodes=frozenset({PEER})),
            (f"it lost the connection with the node at {OTHER}",),
            id="a lost peer",
        ),
        pytest.param(
            replace(WELL, nodes=WELL.nodes | {"10.244.0.9"}),
            ("it has the connection with the node at 10.244.0.9",),
            id="a new peer",
        ),
        pytest.param(
            replace(WELL, listeners=frozenset({18083})),
            ("it lost a listener on port 1883",),
            id="a lost listener",
        ),
        pytest.param(
            replace(WELL, opened=frozenset({2})),
            ("it has opened its listeners anew",),
            id="applications that were started again",
        ),
        pytest.param(
            replace(WELL, up=False, takes_messages=False),
            ("its node does not run", "it no longer takes messages of other nodes"),
            id="a node that ended",
        ),
        pytest.param(
            replace(WELL, reaches=frozenset({PEER})),
            (f"it has the connection for messages to {PEER}",),
            id="messages that flow",
        ),
    ],
)
def test_what_differs_is_told(now: Pulse, told: tuple[str, ...]) -> None:
    assert pulse.differences(WELL, now) == told


addresses = st.sampled_from([PEER, OTHER, "10.244.0.4", "fd00::5"])
numbers = st.sampled_from([1883, 4370, 4371, 5369, 8883, 18083])
any_sockets = st.frozensets(
    st.one_of(
        st.builds(partial(Socket, "::", listens=True), numbers, inode=st.integers(0, 2)),
        st.builds(connected, addresses, remote_port=numbers),
        st.builds(connected, addresses, port=numbers, remote_port=st.integers(40000, 40003)),
    )
)


@given(any_sockets, any_sockets)
def test_none_that_differs_is_taken_for_unchanged(before: frozenset[Socket], now: frozenset[Socket]) -> None:
    one, other = pulse.take(before, PORTS), pulse.take(now, PORTS)
    assert (pulse.differences(one, other) == ()) == (one == other)


@given(any_sockets, addresses)
def test_a_peer_that_is_lost_always_shows(sockets: frozenset[Socket], peer: str) -> None:
    without = frozenset(socket for socket in sockets if socket.remote != peer)
    before = pulse.take(without | {connected(peer)}, PORTS)
    assert pulse.differences(before, pulse.take(without, PORTS))


@given(any_sockets, st.sampled_from([1883, 4370, 5369, 8883]))
def test_a_listener_that_is_lost_always_shows(sockets: frozenset[Socket], port: int) -> None:
    without = frozenset(socket for socket in sockets if not (socket.listens and socket.port == port))
    before = pulse.take(without | listening(port), PORTS)
    assert pulse.differences(before, pulse.take(without, PORTS))


def known(node: str | None, *nodes: str, numbered: bool | None = False, **facts: Any) -> NodePorts | None:
    return ports.node_ports(a_container(**facts), node, nodes, numbered=numbered)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(known(f"emqx@{MINE}", f"emqx@{PEER}"), PORTS, id="names without a number"),
        pytest.param(
            known("emqx-1@a", "emqx-1@a", "emqx-2@b"),
            NodePorts(4371, frozenset({4370, 4371, 4372}), frozenset({5369})),
            id="names with a number",
        ),
        pytest.param(
            known("emqx-1@a", "emqx-2@b", numbered=True),
            NodePorts(4371, frozenset({4370, 4371, 4372}), frozenset({5371, 5372})),
            id="messages on ports that follow from the names",
        ),
        pytest.param(
            known(f"emqx@{MINE}", env={"EMQX_CLUSTER__PROTO_DIST": "inet_tls"}),
            PORTS,
            id="TLS between the nodes",
        ),
        pytest.param(
            known(f"emqx@{MINE}", env={"EMQX_RPC__TCP_SERVER_PORT": "7000"}),
            NodePorts(4370, frozenset({4370}), frozenset()),
            id="messages on a port of the user's own",
        ),
        pytest.param(
            known(None),
            NodePorts(4370, frozenset({4370}), frozenset()),
            id="a node that has not told its name",
        ),
        pytest.param(
            known(f"emqx@{MINE}", numbered=None),
            NodePorts(4370, frozenset({4370}), frozenset()),
            id="a version that is not known",
        ),
        pytest.param(known(f"emqx@{MINE}", env={"WITH_EPMD": "1"}), None, id="epmd"),
    ],
)
def test_by_which_ports_connections_are_known(found: NodePorts | None, expected: NodePorts | None) -> None:
    assert found == expected
