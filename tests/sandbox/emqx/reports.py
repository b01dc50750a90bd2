"""What `emqx_ctl` prints apart from the cluster's state: usage, broker, statistics, a crashed call; as captured."""

from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from sandbox.emqx.generations import Release
from sandbox.emqx.terms import atom

if TYPE_CHECKING:
    from sandbox.emqx.node import Node

_COMMON_STATS = (
    "channels connections live_connections retained sessions suboptions subscribers subscriptions "
    "subscriptions.shared topics"
)
_STATS_4X = (_COMMON_STATS + " routes").split()
_STATS_5X = (_COMMON_STATS + " cluster_sessions durable_subscriptions").split()
_CONNECTION_STATS = frozenset({"channels", "connections", "live_connections", "sessions", "cluster_sessions"})
_CRASH = (
    "{'EXIT',",
    " {badarg,",
    "  [{ets,match,",
    "    [emqx_command,{{'_',cluster},'$1','_'}],",
    "    [{error_info,",
    "      #{cause => id,",
    "        module => erl_stdlib_errors}}]},",
    "   {emqx_ctl,lookup_command,1,",
    '    [{file,"emqx_ctl.erl"},{line,117}]},',
    "   {emqx_ctl,run_command,2,",
    '    [{file,"emqx_ctl.erl"},{line,102}]},',
    "   {emqx_ctl,run_command,1,[]}]}}",
)
_CLUSTER_COMMANDS = (
    ("cluster join <Node>", "Join the cluster"),
    ("cluster leave", "Leave the cluster"),
    ("cluster force-leave <Node>", "Force the node leave from cluster"),
)
_DISCOVERY = ("cluster discovery enable", "Enable and run automatic cluster discovery (if configured)")
_REBALANCE = (
    ("cluster core rebalance plan", "Plan rebalancing of replicants against cores"),
    ("cluster core rebalance status", "Check status of replicant rebalance"),
    ("cluster core rebalance confirm", "Execute the planned rebalance"),
    ("cluster core rebalance abort", "Abort the ongoing rebalance"),
)


def crashed_rpc(name: str) -> str:
    """4.x: a command while the applications are stopped."""
    prefix = f"RPC to {atom(name)} failed: "
    return prefix + ("\n" + " " * len(prefix)).join(_CRASH) + "\n"


def cluster_usage(release: Release) -> str:
    status = "cluster status [--json]" if release.has_json_status else "cluster status"
    commands = [*_CLUSTER_COMMANDS, (status, "Cluster status")]
    if release.has_discovery_command:
        commands.append(_DISCOVERY)
    if release.number >= (5, 9, 0):
        commands.extend(_REBALANCE)
    width = 70 if release.is_4x else max(len(command) for command, _ in commands) + 1
    return "".join(f"{command:<{width}}# {text}\n" for command, text in commands)


@cache
def usage(release: Release) -> str:
    """All commands: as 4.4 and 5.8 have them."""
    name = "usage-4.4.txt" if release.is_4x else "usage-5.8.txt"
    return resources.files("sandbox.emqx").joinpath("data", name).read_text()


def broker(node: "Node") -> str:
    seconds = int(node.fabric.now() - node.born)
    parts = [(seconds // 86400, "days"), (seconds // 3600 % 24, "hours"), (seconds // 60 % 60, "minutes")]
    uptime = "".join(f"{number} {unit}, " for number, unit in parts if number) + f"{seconds % 60} seconds"
    now = datetime.now(UTC)
    if node.release.is_4x:
        lines = [("sysdescr", "EMQX Broker"), ("version", str(node.release)), ("uptime", uptime)]
        lines.append(("datetime", f"{now:%Y-%m-%d %H:%M:%S}"))
    else:
        lines = [("sysdescr", "EMQX"), ("version", str(node.release))]
        lines += [("datetime", f"{now:%Y-%m-%dT%H:%M:%S.%f}000+00:00"), ("uptime", uptime)]
    return "".join(f"{key:<10}: {value}\n" for key, value in lines)


def broker_stats(node: "Node") -> str:
    """Numbers of this node: connections by switch, retained messages from the database."""
    connections = node.world.switches.get("connections", "0")
    retained = len(node.database.schema.tables.get("retained", {}))
    lines = []
    for stat in _STATS_4X if node.release.is_4x else _STATS_5X:
        value = str(retained) if stat == "retained" else connections if stat in _CONNECTION_STATS else "0"
        lines += [f"{stat + '.count':<30}: {value}\n", f"{stat + '.max':<30}: {value}\n"]
    return "".join(sorted(lines))
