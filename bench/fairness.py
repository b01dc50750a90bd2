"""How long a change of one tenant waits while the members of another never answer: a ratio to the same alone."""

from bench.results import Result, at_most
from bench.stage import Stage, stage, until
from bench.telling import tell
from emqx_autocluster.clients import paths
from scenarios.story import Story
from siege import crowds
from siege.neighbours import Reactions, percentile

_GOAL = 3.0
_CROWD = "crowd"


async def measure(*, quick: bool) -> list[Result]:
    hanging, count = (8, 30) if quick else (24, 120)
    async with stage("fairness") as at:
        reactions = Reactions(Story(at.sandbox, at.kube, at.control, at.namespace))
        await reactions.prepare()
        tell(f"fairness: {count} changes of one workload alone")
        alone = [await reactions.next() for _ in range(count)]
        await _gather(at, hanging)
        tell(f"fairness: {count} changes beside {hanging} workloads whose commands never end")
        among = [await reactions.next() for _ in range(count)]
    ratio = percentile(among, 0.99) / percentile(alone, 0.99)
    title = f"p99 of a neighbour's reaction, {hanging} workloads hanging"
    shown = {
        name: {"p50": percentile(seconds, 0.5), "p99": percentile(seconds, 0.99)}
        for name, seconds in (("alone", alone), ("among", among))
    }
    return [at_most(title, ratio, _GOAL, "× alone", **shown)]


async def _gather(at: Stage, hanging: int) -> None:
    """Until the operator waits for members of the crowd."""
    await at.kube.create("/api/v1/namespaces", {"metadata": {"name": _CROWD}})
    await at.apply(crowds.hanging(hanging)(_CROWD))

    async def asked() -> bool:
        return len(await at.kube.list(paths.emqxautoclusters(_CROWD))) == hanging

    await until("a resource for each of the crowd", asked, seconds=180)
