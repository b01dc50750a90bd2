"""A node that has a member of each workload loses its power: how soon each status says so, and what is done."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bench import growth
from bench.results import Result, at_most
from bench.stage import OPERATOR, BenchError, Stage, stage
from bench.telling import tell
from bench.trail import Request
from bench.workloads import Object
from emqx_autocluster.clients import paths

_EACH = 25
_NODES, _DEAD = 3, "hollow-1"
_GRACE = "40s"
"""As Kubernetes had it until 1.31; after that it is 50 s."""
_SECONDS = 120
"""Both the goal, and how long it is watched on whatever is seen."""
_POLL = 1.0
_ACTS = ("join", "force-leave", "discovery")
"""Of the subcommands of `emqx_ctl cluster` those that change something."""


async def measure(*, quick: bool) -> list[Result]:
    count = 1 if quick else 4
    async with stage("outage-00", "--nodes", str(_NODES), "--node-grace", _GRACE) as at:
        tenants = [replace(at, namespace=f"outage-{n:02}") for n in range(count)]
        await growth.grow(tenants, _EACH, _on_each_node)
        for tenant in tenants:
            await tenant.until_well(_EACH, seconds=growth.SECONDS)
        lost = {tenant.namespace: await _lost_members(tenant) for tenant in tenants}
        members = sum(map(len, lost.values()))
        return await _without(at, tenants, lost, f"a node with {members} members dies")


def _on_each_node(namespace: str, name: str) -> Object:
    body = growth.enrolled(namespace, name, mode="Heal")
    body["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": body["spec"]["selector"],
        }
    ]
    return body


async def _lost_members(at: Stage) -> dict[str, str]:
    """The pods of that node, by the workload that each belongs to."""
    pods = await at.kube.list(paths.pods(at.namespace), field_selector=f"spec.nodeName={_DEAD}")
    names = [pod["metadata"]["name"] for pod in pods]
    return {name.rsplit("-", 2)[0]: name for name in names}


async def _without(
    at: Stage, tenants: Iterable[Stage], lost: dict[str, dict[str, str]], title: str
) -> list[Result]:
    at.trail.clear()
    await at.control.lose_power(_DEAD)
    began, told = time.monotonic(), dict[tuple[str, str], float]()
    missing = {(namespace, name) for namespace, names in lost.items() for name in names}
    while time.monotonic() - began < _SECONDS and len(told) < len(missing):
        for tenant in tenants:
            for resource in await tenant.resources():
                key = tenant.namespace, resource["metadata"]["name"]
                if key in missing - told.keys() and _says_so(resource, lost[key[0]][key[1]]):
                    told[key] = time.monotonic() - began
        await asyncio.sleep(_POLL)
    tell(f"{len(told)} of {len(missing)} statuses name the member that is lost")
    await asyncio.sleep(max(0.0, began + _SECONDS - time.monotonic()))
    if len(told) < len(missing):
        shown = [await _shown(at, key) for key in sorted(missing - told.keys())[:5]]
        raise BenchError(f"not within {_SECONDS} s:\n" + "\n".join(shown))
    acts = at.trail.select(lambda r: r.user == OPERATOR and _acts(r))
    times = sorted(told.values())
    return [
        at_most(
            f"{title}: until each status says so", times[-1], _SECONDS, "s", median=times[len(times) // 2]
        ),
        at_most(f"{title}: actions at a time", _at_a_time(acts), 1, "", actions=[r.command for r in acts]),
    ]


async def _shown(at: Stage, key: tuple[str, str]) -> str:
    """What its status says instead."""
    resource = await at.kube.get(paths.emqxautoclusters(*key)) or {}
    formed = next(c for c in resource["status"]["conditions"] if c["type"] == "ClusterFormed")
    return f"{'/'.join(key)}: {formed['status']} {formed['reason']}: {formed['message']}"


def _says_so(resource: Object, pod: str) -> bool:
    """Neither Ready nor clustered, by a sentence that names the pod."""
    conditions = {c["type"]: c for c in (resource.get("status") or {}).get("conditions") or ()}
    formed: dict[str, Any] = conditions.get("ClusterFormed", {})
    ready: dict[str, Any] = conditions.get("Ready", {})
    return "True" not in {formed.get("status"), ready.get("status")} and pod in formed.get("message", "")


def _acts(request: Request) -> bool:
    is_command = request.is_emqx_ctl and any(word in request.command for word in _ACTS)
    return is_command or (request.writes and request.subresource != "status" and request.resource != "events")


def _at_a_time(acts: Iterable[Request]) -> int:
    begun = sorted((r.received, r.answered) for r in acts)
    return max(
        (1 + sum(other[1] > one[0] for other in begun[:place]) for place, one in enumerate(begun)), default=0
    )
