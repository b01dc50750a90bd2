"""Joining, leaving and healing: the sequences that stop a node's applications and give its database a new content.

The races of a rolling update live here. A join checks its target, stops the applications, and only then connects; a
target that goes away in between leaves the node with nothing running.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from sandbox.emqx.terms import atom

if TYPE_CHECKING:
    from sandbox.emqx.node import Node


@dataclass(frozen=True, slots=True)
class Done:
    """It was done."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """The node itself was named."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Refused; the text is the Erlang term of the reason."""

    term: str


Outcome = Done | Ignored | Failed
NOT_IN_CLUSTER = Failed("node_not_in_cluster")


class JoinCrashError(Exception):
    """The join threw in the middle: the applications stay stopped. The text is the Erlang term thrown."""


@dataclass(frozen=True, slots=True)
class JoinTimes:
    """Until the node connects to its target, until schema and tables are copied, until the applications run."""

    stop: float
    merge: float
    start: float


def join_times(node: "Node") -> JoinTimes:
    """4.4 joins in well under a second; 5.8 was seen to take one second from its stop to the connection."""
    between = node.fabric.between
    if node.release.is_4x:
        times = JoinTimes(between(0.1, 0.3), between(0.05, 0.15), between(0.3, 0.9))
    else:
        times = JoinTimes(between(0.7, 1.3), between(0.5, 1.2), between(0.2, 0.6))
    given = node.world.switches.get("join_seconds")
    scale = float(given) / (times.stop + times.merge + times.start) if given else node.pace
    return JoinTimes(times.stop * scale, times.merge * scale, times.start * scale)


async def join(node: "Node", target: str, reason: str = "join") -> Outcome:
    """Join the target's cluster; raises JoinCrashError."""
    if target == node.name:
        return Ignored()
    if not node.release.has_join_lock:
        return await _join(node, target, reason, _no_claim)
    async with node.fabric.locks.held(object(), {node.name, target}) as claim:
        return await _join(node, target, reason, claim.update)


def _no_claim(_names: set[str]) -> None:
    """4.x and 5.0 have no lock."""


async def _join(node: "Node", target: str, reason: str, claim: Callable[[set[str]], None]) -> Outcome:
    other = await node.fabric.ping(node, target)
    if other is None and not node.release.is_4x:
        other = await node.fabric.ping(
            node, target
        )  # 5.x asks the target twice: does it run, which role has it
    known = target in node.database.schema.db_nodes and reason != "heal"
    running = await node.library_running(other)
    if known and (running or node.release.is_4x):
        return Failed(f"{{already_in_cluster,{atom(target)}}}")
    if other is not None and other.replicant:
        return Failed(f"{{cannot_join_to_replicant,{atom(target)}}}")
    if other is None or not running:
        return Failed(f"{{node_down,{atom(target)}}}")
    await _enter(node, other, reason, claim)
    return Done()


async def _enter(node: "Node", other: "Node", reason: str, claim: Callable[[set[str]], None]) -> None:
    if not node.library_up and not node.release.announces_second_join:
        library = "ekka" if node.release.is_4x else "mria"
        raise JoinCrashError(f"{{noproc,{{gen_server,call,[{library}_membership,{{announce,join}}]}}}}")
    times = join_times(node)
    sleep = node.fabric.sleep
    node.stop_apps(reason)
    await sleep(times.stop * 0.6)
    node.database.stop()
    node.database.wipe()
    await sleep(times.stop * 0.4)
    node.database.start()
    while other.answers and other.schema_is_locked:
        await sleep(1.0)  # where no lock keeps joins apart, their schema transactions do
    if node.world.switches.get("join") == "fail" or not _connects(node, other):
        raise JoinCrashError(f"{{error,{{failed_to_connect_node,{atom(other.name)}}}}}")
    node.database.merge(other.database)
    claim(set(node.database.running))
    node.fabric.watch()
    await _copy_tables(node, times.merge)
    await sleep(times.start)
    node.start_apps()


def _connects(node: "Node", other: "Node") -> bool:
    return other.answers and other.database.up and node.fabric.linked(node, other)


async def _copy_tables(node: "Node", seconds: float) -> None:
    """Each table is a schema transaction with all members: on 5.x it waits for good if one of them goes away."""
    members = list(node.database.running.values())
    node.database.stuck = not node.release.is_4x
    await node.fabric.sleep(seconds)
    lost = not all(member.up for member in members)
    if node.world.switches.get("join") == "hang" or (lost and not node.release.is_4x):
        node.database.stuck = True
        await hang()
    node.database.settle()


async def hang() -> NoReturn:
    """Wait for good; the VM's end cancels it."""
    await asyncio.Event().wait()
    raise AssertionError


async def leave(node: "Node", reason: str = "leave") -> Outcome:
    """Leave the cluster and start again alone."""
    if not node.database.running:
        return NOT_IN_CLUSTER
    if node.database.stuck:
        await hang()
    times = join_times(node)
    node.stop_apps(reason)
    await node.fabric.sleep(times.stop)
    node.database.leave()
    node.database.start()
    await node.fabric.sleep(times.start)
    node.start_apps()
    return Done()


async def force_leave(node: "Node", target: str) -> Outcome:
    """Remove a node; one that runs is made to leave, and on 4.x one that runs elsewhere restarts its applications."""
    if target == node.name:
        return Ignored()
    if target not in node.database.schema.db_nodes:
        return NOT_IN_CLUSTER
    if node.schema_is_locked:
        await hang()
    other = node.fabric.peer(node, target)
    if other is not None and target in node.database.running:
        outcome: Outcome = await leave(other)
        node.database.remove(target)
        return outcome
    node.database.forget(target)
    if other is not None and node.release.is_4x:
        other.stop_apps("leave")
        await node.fabric.sleep(join_times(other).start)
        other.start_apps()
    return Done()


async def heal(node: "Node", majority: "Node") -> None:
    """Bring a node of the minority back, as autoheal does."""
    if node.release.is_4x:
        node.stop_apps("heal")
        node.database.stop()
        majority.log("critical", f"Ekka(Autoheal): Shutdown {node.name} for autoheal: ok")
        await node.fabric.sleep(node.fabric.between(0.1, 1.1))
        node.database.start()
        node.database.merge(majority.database)
        node.start_apps()
        majority.log("warning", "[Alarm Handler] Alarm partition is deactivated")
        majority.log("critical", f"Ekka(Autoheal): Reboot {node.name} for autoheal: ok")
        return
    outcome = await join(node, majority.name, "heal")
    if isinstance(outcome, Done):
        majority.log("warning", "msg: alarm_is_deactivated, name: partition")
        majority.log("critical", f"msg: Rejoin for autoheal, node: {atom(node.name)}, return: ok")
