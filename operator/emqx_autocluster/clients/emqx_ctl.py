"""EMQX's own commands, run in a member's container.

`emqx_ctl` is the one name that every image from 4.0 to 6.x has. Each call starts two Erlang VMs in the pod and costs
about 1.2 CPU-seconds there; `introduction` and `lookup` cost next to nothing. No environment is handed over: a node
name in it would be taken for the node to talk to.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from emqx_autocluster.clients import dialling, leaving
from emqx_autocluster.clients import identity as introducing
from emqx_autocluster.clients import sockets as socket_list
from emqx_autocluster.clients.emqx_answers import (
    Answer,
    DiscoveryOutcome,
    ForceLeaveOutcome,
    JoinOutcome,
    first_line,
    parse_cluster_status,
    parse_connections,
    parse_discovery_enable,
    parse_join,
)
from emqx_autocluster.clients.errors import UnreadableAnswer, UnsafeArgument
from emqx_autocluster.clients.exec import Completed, Exec, ExecTarget
from emqx_autocluster.clients.identity import Introduction
from emqx_autocluster.observation import Fact, Socket, Unobserved, View
from emqx_autocluster.text import grammar

UNKNOWN_HOST = 2
"""The exit code of `getent` for a name that nothing resolves."""
_SCRIPTS = {"sh": "reading the identity", "grep": "reading the sockets"}
_EACH = 10.0
"""Seconds for a command of several."""
_SOON = 10.0
"""Seconds for what costs the pod next to nothing."""

_TABLES, _SEED_FILE = "/opt/emqx/data/mnesia", "mria_replicant_cluster_seed"
_SEED = re.compile(rf"'?(?P<node>{grammar.NODE})'?\.")
_HOST = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]*")


class EmqxCtl:
    """Raises ExecError or APIError where the command could not be run, and UnreadableAnswer where it made no sense."""

    def __init__(self, executor: Exec, deadline: float = 45.0) -> None:
        self._executor = executor
        self._deadline = deadline

    async def introduction(self, target: ExecTarget, ports: Iterable[int]) -> Introduction:
        """Who it is, and on the way what else each look asks: its sockets as those of `ports`, and a name."""
        argv = introducing.command(ports)
        done = await self._run(target, argv)
        found = introducing.parse(done.stdout.decode(errors="replace"))
        if found is None:
            raise _unreadable(argv, done)
        return found

    async def sockets(self, target: ExecTarget, ports: Iterable[int]) -> frozenset[Socket]:
        """What listens in the pod, and its connections by one of these ports."""
        argv = socket_list.command(ports)
        done = await self._executor.run(target, argv, _SOON, prompt=True)
        found = socket_list.parse(done.stdout.decode(errors="replace"))
        if found is None:
            raise _unreadable(argv, done)
        return found

    async def cluster_status(self, target: ExecTarget) -> View:
        argv = ("emqx_ctl", "cluster", "status")
        done = await self._run(target, argv)
        view = parse_cluster_status(done.stdout.decode(errors="replace"))
        if view is None:
            raise _unreadable(argv, done)
        return view

    async def connections(self, target: ExecTarget) -> int:
        argv = ("emqx_ctl", "broker", "stats")
        done = await self._run(target, argv)
        count = parse_connections(done.stdout.decode(errors="replace"))
        if count is None:
            raise _unreadable(argv, done)
        return count

    async def join(self, target: ExecTarget, node: str) -> Answer[JoinOutcome]:
        """Run on the stray, which loses its own data. When it times out the join goes on inside the node."""
        return parse_join(await self._said(target, ("emqx_ctl", "cluster", "join", _node(node))))

    async def force_leave(
        self, target: ExecTarget, nodes: Sequence[str]
    ) -> dict[str, Answer[ForceLeaveOutcome]]:
        """One after the other in one exec, since each would wait for a slot of its own."""
        argv = leaving.command([_node(node) for node in nodes])
        done = await self._executor.run(target, argv, self._deadline + _EACH * len(nodes))
        return leaving.parse(done.stdout.decode(errors="replace"), nodes)

    async def enable_discovery(self, target: ExecTarget) -> Answer[DiscoveryOutcome]:
        return parse_discovery_enable(
            await self._said(target, ("emqx_ctl", "cluster", "discovery", "enable"))
        )

    async def open_ports(
        self, target: ExecTarget, peers: Mapping[str, tuple[str, int]]
    ) -> dict[str, Fact[bool]]:
        """Which of these addresses and ports let the container in, by name; Unobserved where it cannot tell."""
        argv = dialling.command(list(peers.values()))
        done = await self._run(target, argv)
        answers = dialling.parse(done.stdout.decode(errors="replace"))
        unread = Unobserved(
            f"no answer about the port: {first_line(_text(done))} (exit code {done.exit_code})"
        )
        return {name: answers.get(address, unread) for name, address in peers.items()}

    async def pinned_core(self, target: ExecTarget, node: str) -> str | None:
        """The one core that a `cluster join` wrote down for a replicant; None: it discovers its cores."""
        argv = ("cat", f"{_TABLES}/{_node(node)}/{_SEED_FILE}")
        done = await self._run(target, argv)
        if done.exit_code != 0 and b"No such file" in done.stderr:
            return None
        found = _SEED.fullmatch(done.stdout.decode(errors="replace").strip())
        if found is None:
            raise _unreadable(argv, done)
        return found["node"]

    async def lookup(self, target: ExecTarget, host: str) -> tuple[str, ...]:
        """The addresses that the pod's own resolver gives; none: it does not know the name."""
        if not _HOST.fullmatch(host):
            raise UnsafeArgument(f"{host!r} is no host name")
        argv = ("getent", "hosts", host)
        done = await self._run(target, argv)
        if done.exit_code == UNKNOWN_HOST:
            return ()
        addresses = introducing.addresses(done.stdout.decode(errors="replace").splitlines())
        if done.exit_code != 0 or not addresses:
            raise _unreadable(argv, done)
        return addresses

    async def _run(self, target: ExecTarget, argv: Sequence[str]) -> Completed:
        return await self._executor.run(target, argv, self._deadline)

    async def _said(self, target: ExecTarget, argv: Sequence[str]) -> str:
        done = await self._run(target, argv)
        return _text(done)


def _node(name: str) -> str:
    if not grammar.is_node(name):
        raise UnsafeArgument(f"{name!r} is no node name")
    return name


def _text(done: Completed) -> str:
    """What the command said; errors of a node that is down come on stderr alone."""
    return (done.stdout if done.stdout.strip() else done.stderr).decode(errors="replace")


def _unreadable(argv: Sequence[str], done: Completed) -> UnreadableAnswer:
    shown = " ".join(argv) if argv[0] not in _SCRIPTS else _SCRIPTS[argv[0]]
    return UnreadableAnswer(f"{shown}: {first_line(_text(done))} (exit code {done.exit_code})")
