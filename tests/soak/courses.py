"""What happens in one trial of each sort, from three lone members to the verdict."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from packaging.version import Version

from scenarios import manifests
from soak import calamities
from soak.ending import Ending, old_names
from soak.plan import Sort, Variant
from soak.site import NAME, REPLICAS, Site

REPAIRED_WITHIN = 600.0
CURED_WITHIN = 900.0
ROLLED_OUT_WITHIN = 480.0
NAIVE_PATIENCE = 180.0
"""A naive rollout that is not over by then waits for a half-joined member, for good."""
SETTLING = 60.0
"""How long a workload that is left to itself is given to come together, after its last restart."""
STEADY = 15.0
NAMED_WITHIN = 300.0


async def follow(site: Site) -> Ending:
    courses = {
        Sort.REPAIR: repair,
        Sort.NAIVE: naive,
        Sort.RESTART: restart,
        Sort.HALF: half_joined,
        Sort.CALAMITY: calamities.held,
        Sort.UNHELD: calamities.unheld,
    }
    return await courses[site.cell.sort](site)


async def repair(site: Site) -> Ending:
    await site.make_lone_members(site.cell.version)
    await site.enrol()
    return await _repaired(site, REPAIRED_WITHIN)


async def _repaired(site: Site, seconds: float) -> Ending:
    """One cluster, all serving, no old name, by one rollout."""
    await site.until("Ready, and nothing left to do", site.is_repaired, seconds)
    site.note("the operator says that it is repaired")
    members = await site.members()
    site.promise(f"no old names, and there are {sorted(old_names(members))}", kept=not old_names(members))
    await _one_rollout(site)
    return await site.ending()


async def _one_rollout(site: Site, wanted: int = 1) -> None:
    count = await site.story.rollouts(site.cell.kind)
    site.promise(f"{wanted} rollout, and there were {count}", kept=count == wanted)


async def naive(site: Site) -> Ending:
    """What people do by hand, and the rollout takes its course."""
    await site.give_rights()
    if site.cell.variant is Variant.RESTARTED:
        await site.make_cluster()
        await site.patch(_restarted())
        site.note("restarted")
    else:
        await site.make_lone_members(site.cell.version)
        waiting = {"minReadySeconds": 20} if site.cell.variant is Variant.WAITING else {}
        await site.patch(_right_address(), **waiting)
        site.note("the address put right by hand")
    over = await _within(site, NAIVE_PATIENCE)
    site.note("the rollout is over" if over else "the rollout is stuck")
    await asyncio.sleep(SETTLING)
    return await site.ending()


def _right_address() -> dict[str, Any]:
    entry = {"name": "EMQX_CLUSTER__K8S__APISERVER", "value": manifests.CANONICAL}
    return {"spec": {"containers": [{"name": NAME, "env": [entry]}]}}


async def _within(site: Site, seconds: float) -> bool:
    try:
        await site.until("the rollout", site.rolled_out, seconds)
    except AssertionError:
        return False
    return True


async def restart(site: Site) -> Ending:
    """A workload that was repaired, and that its user rolls later for a reason of their own."""
    changes_image = site.cell.variant is Variant.IMAGE_CHANGE
    await site.make_lone_members(_before(site.cell.version) if changes_image else site.cell.version)
    await site.enrol()
    repaired = await _repaired(site, REPAIRED_WITHIN)
    site.promise(f"one cluster once repaired, and it is: {repaired}", kept=repaired is Ending.ONE_CLUSTER)
    await site.patch(_another_image(site) if changes_image else _restarted())
    site.note(site.cell.name)

    async def over() -> bool:
        return await site.rolled_out() and len(await site.story.pods()) == REPLICAS

    await site.until("the rollout", over, ROLLED_OUT_WITHIN)
    site.note("the rollout is over")
    await asyncio.sleep(STEADY)
    await _one_rollout(site, 2)
    return await site.ending()


def _before(version: str) -> str:
    """The release before, or for the first of its line the one after."""
    number = Version(version)
    return f"{number.major}.{number.minor}.{number.micro - 1 if number.micro else 1}"


def _another_image(site: Site) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": NAME, "image": f"emqx/emqx:{site.cell.version}"}]}}


def _restarted() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}


async def half_joined(site: Site) -> Ending:
    """The first new pod of the repair's rollout never ends its join."""
    await site.make_lone_members(site.cell.version)
    old = {pod["metadata"]["name"] for pod in await site.story.pods()}
    seed = min(old)
    await site.story.control.pod(site.story.namespace, seed, connections="3")  # so it will be the seed
    await site.enrol()

    async def newcomer() -> str | None:
        now = (pod["metadata"]["name"] for pod in await site.story.pods())
        return next((name for name in now if name not in old), None)

    pod: str = await site.until("the first new pod", newcomer, REPAIRED_WITHIN)
    await (_hang if site.cell.variant is Variant.HANGS else _lose_target)(site, pod, seed)
    await _named(site, pod)
    return await _repaired(site, CURED_WITHIN)


async def _hang(site: Site, pod: str, _seed: str) -> None:
    await site.story.control.pod(site.story.namespace, pod, join="hang")
    site.note(f"{pod} will hang in its join")


async def _lose_target(site: Site, pod: str, seed: str) -> None:
    """As in a drain: the member that it joins goes away after it stopped its own applications."""
    namespace = site.story.namespace
    await site.story.control.pod(namespace, pod, join_seconds="30")

    async def joins() -> bool:
        log = await site.story.kube.read_log(namespace, pod, NAME, tail_lines=20) or ""
        return any(words in log for words in ("reason: join", "shutdown for join"))

    async def started() -> bool:
        (found,) = [p for p in await site.story.pods() if p["metadata"]["name"] == pod]
        states = found["status"].get("containerStatuses") or [{}]
        return "running" in states[0].get("state", {})

    await site.until(f"{pod} started", started, 60)
    await site.until(f"{pod} joins", joins, 60)
    await site.story.delete("Pod", seed)
    await site.story.control.pod(namespace, pod, join_seconds="")
    site.note(f"{pod} joins; {seed}, which it joins, was deleted")


async def _named(site: Site, pod: str) -> None:
    """The condition names the member and quotes its log."""

    async def named() -> str | None:
        formed = await site.condition("ClusterFormed")
        told = formed.get("message", "")
        quoted = any(words in told for words in ("Stopping mria", "emqx shutdown for join"))
        return told if formed.get("reason") == "MemberHalfJoined" and pod in told and quoted else None

    told = await site.until(f"MemberHalfJoined names {pod} and quotes its log", named, NAMED_WITHIN)
    site.note(f"named: {told}")
