"""`emqx_ctl` and `emqx ctl`: commands, their words, exit codes and times.

Runs in two steps as the real script does: a ping of the node, then the call inside it. What the call sees is the
node's state at that moment, and a call goes on inside the node when its exec is cut.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.emqx import console, terms
from sandbox.emqx.joining import Done, Failed, Ignored, JoinCrashError, Outcome, force_leave, join, leave
from sandbox.emqx.node import Node
from sandbox.emqx.reports import broker, broker_stats, cluster_usage, crashed_rpc, usage

CTL_SECONDS = (1.0, 1.25)
PING_SHARE = 0.45


class CommandCrashError(Exception):
    """The command threw inside the node: nothing on stdout, exit code 1; the text is the Erlang term."""


@dataclass(frozen=True, slots=True)
class Shell:
    """Where a command's output goes."""

    out: Callable[[str], None]
    err: Callable[[str], None]


class Ctl:
    """One node's command line."""

    def __init__(self, node: Node, shell: Shell) -> None:
        """Serve one exec session."""
        self._node = node
        self._out = shell.out
        self._err = shell.err

    async def run(self, args: Sequence[str], *, shown_name: str) -> int:
        """Run `emqx_ctl ARGS`; `shown_name` is the name that the script believes the node has."""
        given = self._node.world.switches.get("ctl_seconds")
        seconds = float(given) if given else self._node.fabric.between(*CTL_SECONDS) * self._node.pace
        self._warn_of_ulimit()
        await self._node.fabric.sleep(seconds * PING_SHARE)
        if not self._node.answers:
            return self._not_running(shown_name)
        await self._node.fabric.sleep(seconds * (1 - PING_SHARE))
        if not self._node.answers:
            self._out(f"RPC to {terms.atom(self._node.name)} failed: nodedown\n")
            return 1
        return await asyncio.shield(self._node.spawn(self._call(args)))

    def _warn_of_ulimit(self) -> None:
        limit = self._node.world.switches.get("ulimit")
        if limit and int(limit) < 1024:
            for line in console.ulimit_warning(self._node.release, limit):
                self._out(line + "\n")

    def _not_running(self, name: str) -> int:
        self._err(f"Node {terms.atom(name)} not responding to pings.\n")
        if (4, 3, 0) <= self._node.release.number <= (5, 0, 17):
            self._err("ERROR: node_is_not_running!\n")
        return 1

    async def _call(self, args: Sequence[str]) -> int:
        """4.x keeps its commands in an application; 5.x keeps the important ones outside."""
        if self._node.release.is_4x and not self._node.serving:
            self._out(crashed_rpc(self._node.name))
            return 1
        try:
            return await self._dispatch(list(args))
        except (CommandCrashError, JoinCrashError) as crash:
            self._node.log("error", console.command_crash(self._node.release, str(crash)))
            return 1

    async def _dispatch(self, args: list[str]) -> int:
        match args:
            case ["status"]:
                state = "stopping" if self._node.ending else "started"
                self._out(f"Node {terms.atom(self._node.name)} {self._node.release} is {state}\n")
            case ["broker", *rest]:
                return self._broker(rest)
            case ["cluster", *rest]:
                return await self._cluster(rest)
            case ["admins", *rest] if self._node.serving:
                self._admins(rest)
            case [] | ["help"]:
                self._out(usage(self._node.release))
            case [command, *_] if self._node.serving and f"\n{command} " in usage(self._node.release):
                pass
            case _:
                self._out(usage(self._node.release))
                return 1
        return 0

    def _broker(self, args: list[str]) -> int:
        """From 5.4 on the script takes the list that `stats` gives back for a failure."""
        if not self._node.serving:
            raise CommandCrashError("badarg")
        if args == ["stats"]:
            self._out(broker_stats(self._node))
            return 1 if self._node.release.number >= (5, 4, 0) else 0
        self._out(broker(self._node))
        return 0

    def _admins(self, args: list[str]) -> None:
        match args:
            case ["add" | "passwd", user, password, *_]:
                self._node.database.write("dashboard_users", user, password)
                self._out("ok\n")
            case ["del", user]:
                self._node.database.write("dashboard_users", user, None)
                self._out("ok\n")

    async def _cluster(self, args: list[str]) -> int:
        node = self._node
        match args:
            case ["status"]:
                self._status(as_json=False)
            case ["status", "--json"] if node.release.has_json_status:
                self._status(as_json=True)
            case ["join", target]:
                return await self._join(self._full_name(target))
            case ["leave"]:
                return await self._leave()
            case ["force-leave", target]:
                left = node.replicant.force_leave if node.replicant else None
                outcome = left(target) if left else await force_leave(node, self._full_name(target))
                self._tell(
                    outcome, "Remove the node from cluster successfully.", "remove the node from cluster"
                )
            case ["discovery", "enable"] if node.release.has_discovery_command:
                node.autocluster.enable()
                self._out("Automatic cluster discovery enabled.\n")
            case _:
                self._out(cluster_usage(node.release))
        return 0

    def _status(self, *, as_json: bool) -> None:
        database = self._node.database
        if not database.up and self._node.release.empty_while_restarting:
            view: tuple[list[str], list[str]] = ([], [])
        else:
            view = self._node.view()
        if as_json:
            self._out(terms.cluster_status_json(*view))
            return
        reverse = self._node.world.switches.get("key_order") == "reverse"
        self._out(terms.cluster_status(*view, stopped_first=reverse))

    def _full_name(self, name: str) -> str:
        return name if "@" in name else f"{name}@{self._node.name.partition('@')[2]}"

    async def _join(self, target: str) -> int:
        if self._node.replicant:
            done = await self._node.replicant.join(target)
            if isinstance(done, Done):
                self._out("Join the cluster successfully.\n")
                return 0
            return self._tell(done, "", "join the cluster")
        outcome = await self._refusal(target) or await join(self._node, target)
        return self._tell(outcome, "Join the cluster successfully.", "join the cluster")

    async def _refusal(self, target: str) -> Failed | None:
        """Reasons that only the command line knows; a discovery loop joins all the same."""
        node = self._node
        if node.discovery.strategy == "singleton" and node.release.number >= (5, 8, 0):
            return Failed("singleton")
        if not node.release.single_node_license or target == node.name:
            return None
        other = await node.fabric.ping(node, target)
        if other is not None and not other.licensed:
            return Failed(terms.string(f"Node {target} has a single node license"))
        return None

    async def _leave(self) -> int:
        node = self._node
        if node.replicant:
            return self._tell(
                await node.replicant.leave(), "Leave the cluster successfully.", "leave the cluster"
            )
        if node.release.has_discovery_command and node.autocluster.enabled:
            try:
                await node.autocluster.disable()
            except TimeoutError:
                raise CommandCrashError("timeout") from None
            self._out(
                f"Automatic cluster discovery is disabled on this node: {terms.atom(node.name)} to avoid re-joining "
                "the same cluster again, if the node is not stopped soon. To enable it run: "
                "'emqx ctl cluster discovery enable' or restart the node.\n"
            )
        return self._tell(await leave(node), "Leave the cluster successfully.", "leave the cluster")

    def _tell(self, outcome: Outcome, success: str, verb: str) -> int:
        """Before 5.9 the exit code of a failure is 0 as well; force-leave never tells by its code."""
        match outcome:
            case Done():
                self._out(f"{success}\n")
                self._status(as_json=False)
            case Ignored():
                self._out("Ignore.\n")
            case Failed(term):
                self._out(f"Failed to {verb}: {term}\n")
                return 1 if self._node.release.failure_sets_exit_code else 0
        return 0
