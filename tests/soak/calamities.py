"""A rollout in whose middle something breaks, so that a new member does not join: held by the operator, or not."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from scenarios import manifests
from scenarios.breakages import Breakage, Broken
from scenarios.holders import ADD, Holders
from scenarios.story import Object
from soak.ending import Ending, judge
from soak.site import NAME, REPLICAS, PromiseBroken, Site

_LASTS = (45.0, 90.0)
_SECONDS_LATER = 12.0
"""A new member boots, becomes Ready and joins in less than that."""
_ROLLS_WITHIN = 600.0
_WHOLE_WITHIN = 900.0
_UNHELD_PATIENCE = 180.0
"""How long a workload that is left to itself is given once the cause is gone."""


async def held(site: Site) -> Ending:
    """Repaired by the operator."""
    await site.make_lone_members(site.cell.version)
    holders = await _with_data(site)
    await site.enrol()
    await site.until("the data on all, by gathering", partial(holders.on_all, REPLICAS), _ROLLS_WITHIN)
    async with _watched(holders):
        await _break(site, await _old(site))
        await site.until("Ready, and nothing left to do", site.is_repaired, _WHOLE_WITHIN)
        site.note("the operator says that it is repaired")
        return await _ending(site, holders)


async def unheld(site: Site) -> Ending:
    """The operator's own way by hand: rights, joins, and then the patch; nobody looks at the rollout."""
    await site.make_lone_members(site.cell.version)
    holders = await _with_data(site)
    await site.give_rights()
    await _join_by_hand(site, holders)
    async with _watched(holders):
        entry = {"name": "EMQX_CLUSTER__K8S__APISERVER", "value": manifests.CANONICAL}
        old = await _old(site)
        await site.patch({"spec": {"containers": [{"name": NAME, "env": [entry]}]}}, minReadySeconds=20)
        await _break(site, old)
        with suppress(PromiseBroken):
            await site.until("one cluster again", partial(_is_over, site), _UNHELD_PATIENCE)
        return await _ending(site, holders)


async def _with_data(site: Site) -> Holders:
    """On the member that the others will join: the one with most devices."""
    story = site.story
    holders = Holders(story.control, story.namespace)
    seed = (await story.pods())[0]["metadata"]["name"]
    await story.control.pod(story.namespace, seed, connections="3")
    await holders.run(seed, ADD)
    site.promise(f"{seed} has the data", kept=await holders.has(seed))
    return holders


async def _join_by_hand(site: Site, holders: Holders) -> None:
    seed, *others = [pod["metadata"]["name"] for pod in await site.story.pods()]
    views = {member.pod: member.view for member in await site.members()}
    view = views[seed]
    site.promise(f"{seed} answers", kept=view is not None)
    node = next(iter(view.running)) if view else ""
    for pod in others:
        await holders.run(pod, ("emqx_ctl", "cluster", "join", node))
    await site.until("the data on all, joined by hand", partial(holders.on_all, REPLICAS), 120)
    site.note("joined by hand")


async def _old(site: Site) -> set[str]:
    return {str(pod["metadata"]["uid"]) for pod in await site.story.pods()}


async def _break(site: Site, known: set[str]) -> None:
    """What, when and for how long: by the trial's own name, so that a trial can be made again."""
    chance = random.Random(site.story.namespace)
    kinds = [b for b in Breakage if b is not Breakage.HANGS or not site.cell.version.startswith("4.")]
    breakage, number = chance.choice(kinds), chance.choice([1, 2])

    async def new() -> Object | None:
        found = [p for p in await site.story.pods() if p["metadata"]["uid"] not in known]
        found.sort(key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        return found[number - 1] if len(found) >= number else None

    pod = (await site.until(f"new pod {number}", new, _ROLLS_WITHIN))["metadata"]["name"]
    # What is the new member's own has to be there before it joins.
    late = (
        chance.uniform(0, _SECONDS_LATER)
        if breakage in {Breakage.NAMES, Breakage.API, Breakage.RIGHTS}
        else 0
    )
    await asyncio.sleep(late)
    story = site.story
    broken = Broken(breakage, story.control, story.kube, story.namespace, pod)
    await broken.begin()
    lasts = chance.uniform(*_LASTS)
    site.note(f"{breakage} breaks {late:.0f} s after new pod {number}, {pod}, for {lasts:.0f} s")
    await asyncio.sleep(lasts)
    await broken.end()
    site.note(f"{breakage} is whole again")


async def _is_over(site: Site) -> bool:
    return await site.rolled_out() and judge(await site.members(), REPLICAS) is Ending.ONE_CLUSTER


@asynccontextmanager
async def _watched(holders: Holders) -> AsyncIterator[None]:
    watching = asyncio.create_task(holders.watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _ending(site: Site, holders: Holders) -> Ending:
    ending, whole = await site.ending(), await holders.on_all(REPLICAS)
    site.note(f"at least {holders.fewest} served with the data: {holders.least}")
    if holders.fewest < REPLICAS - 1 or (ending is Ending.ONE_CLUSTER and not whole):
        return Ending.LOST
    return ending
