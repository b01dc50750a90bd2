"""How long a repair takes from the annotation on, beside the script, turn by turn."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp

from bench import script, workloads
from bench.numbers import median, p90
from bench.results import Result, at_most
from bench.script import Script
from bench.stage import ADMIN, OPERATOR, Stage, stage
from bench.telling import tell
from bench.trail import Request
from scenarios import manifests

_CTL_SECONDS = 0.05
"""The same for both. A real emqx_ctl takes a second, which would hide all that is ours."""
_GOAL = 1.5
_NO_SCHEME = "kubernetes.default.svc:443"
"""Wrong by its form, so nothing has to be waited for."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done to a workload, and by which request one sees that it is done."""

    address: str
    has_rights: bool
    is_done_by: Callable[[Request], bool]
    scripted: Callable[[Script], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds until the last request was answered, and how many there were until then."""

    from_annotation: float
    from_view: float
    requests: int


_GRANT = Task(
    address=manifests.CANONICAL,
    has_rights=False,
    is_done_by=lambda r: (r.verb, r.resource, r.code) == ("create", "rolebindings", 201),
    scripted=lambda one: one.grant(),
)
_ROLL = Task(
    address=_NO_SCHEME,
    has_rights=True,
    is_done_by=lambda r: (r.verb, r.resource, r.code) == ("patch", "deployments", 200),
    scripted=lambda one: one.roll(manifests.CANONICAL),
)


async def rights(*, quick: bool) -> list[Result]:
    ours, theirs = await _race("rights", _GRANT, 10 if quick else 50)
    own, floor = [t.from_annotation for t in ours], [t.from_annotation for t in theirs]
    return _compared("annotate → rights there", own, floor, requests=_requests(ours, theirs))


async def roll(*, quick: bool) -> list[Result]:
    ours, theirs = await _race("roll", _ROLL, 10 if quick else 50)
    own, floor = [t.from_view for t in ours], [t.from_view for t in theirs]
    return _compared("last view read → template patched", own, floor, requests=_requests(ours, theirs))


def _compared(title: str, own: Sequence[float], floor: Sequence[float], **details: object) -> list[Result]:
    return [
        at_most(
            f"{title}, {name}",
            of(own) / of(floor),
            _GOAL,
            "× script",
            operator_ms=round(of(own) * 1000, 1),
            script_ms=round(of(floor) * 1000, 1),
            **details,
        )
        for name, of in (("median", median), ("p90", p90))
    ]


def _requests(ours: Sequence[Turn], theirs: Sequence[Turn]) -> dict[str, float]:
    return {
        "operator": median([t.requests for t in ours]),
        "script": median([t.requests for t in theirs]),
    }


async def _race(title: str, task: Task, count: int) -> tuple[list[Turn], list[Turn]]:
    """In turn, so that whatever else this machine does meets both alike."""
    ours, theirs = [], []
    async with stage(title) as at:
        await at.control.namespace(title, ctl_seconds=str(_CTL_SECONDS))
        pairs = [(f"operator-{n:02}", f"script-{n:02}") for n in range(count)]
        await _prepare(at, task, [name for pair in pairs for name in pair])
        tell(f"{title}: {count} turns of the operator and the script")
        async with script.session(at.operator_kubeconfig) as session:
            for number, (own, floor) in enumerate(pairs, 1):
                ours.append(await _by_operator(at, task, own))
                theirs.append(await _by_script(at, task, floor, session))
                if number % 10 == 0:
                    tell(f"{title}: {number} of {count}")
    return ours, theirs


async def _prepare(at: Stage, task: Task, names: Sequence[str]) -> None:
    tell(f"{at.namespace}: {len(names)} workloads")
    await at.apply(workloads.surroundings(at.namespace, names))
    if task.has_rights:
        await at.apply(workloads.rights(at.namespace, names))
    await at.apply([workloads.workload(at.namespace, name, address=task.address) for name in names])
    await at.until_ready(len(names))
    await at.quiet()


async def _by_operator(at: Stage, task: Task, name: str) -> Turn:
    at.trail.clear()
    await at.annotate(name, mode="Repair")
    turn = await _watched(at, task, name)
    # What a turn leaves behind must not cost the next one anything.
    await at.delete(name)
    await at.quiet()
    return turn


async def _by_script(at: Stage, task: Task, name: str, session: aiohttp.ClientSession) -> Turn:
    """Annotated as well, or the policies would refuse the patch; it is gone before the operator goes on."""
    at.trail.clear()
    with at.held():
        await at.annotate(name, mode="Repair")
        await task.scripted(Script(session, at.namespace, name))
        turn = await _watched(at, task, name)
        await at.forget(name)
        await at.delete(name)
    await at.quiet()
    return turn


async def _watched(at: Stage, task: Task, name: str) -> Turn:
    begin, *_ = await at.seen(lambda r: r.user == ADMIN and (r.verb, r.name) == ("patch", name))
    end, *_ = await at.seen(lambda r: r.user == OPERATOR and task.is_done_by(r) and r.name.startswith(name))
    until = [r for r in at.trail.requests if r.user == OPERATOR and r.answered <= end.answered]
    views = [r.answered for r in until if r.is_view]
    return Turn(end.answered - begin.answered, end.answered - max(views), len(until))
