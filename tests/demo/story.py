"""The story of the demo from its beginning to its verdict; each scene is one function."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import RenderableType
from rich.live import Live

from demo import cluster, ending, promises
from demo.chronicle import Chronicle
from demo.commands import Shell
from demo.live import clock, log_line, picture
from demo.picture import Look
from demo.scenes import ON, PROGRAM, install, quiet_failure, show_views
from demo.screen import Screen
from demo.watching import NAME, Watcher
from emqx_autocluster.clients.kube import Kube

_ROOT = Path(__file__).resolve().parents[2]
_DEADLINE = timedelta(seconds=240)
_PAUSE = 1.0
_HEARTBEAT = timedelta(seconds=15)
STEPS = {
    "gate": "is anything unknown? Then nothing is touched",
    "gather": "the strays join one member while all old pods live",
    "rights": "a Role with the one request that EMQX makes",
    "roll": "one patch, one rollout, slow enough that each new pod has joined before an old one ends",
    "settle": "a new member that stayed alone is helped",
    "clear": "the names of the pods that are gone leave the cluster",
}


async def tell(screen: Screen, emqx: str, *, keep: bool) -> bool:
    """Whether the story came true."""
    screen.title("EMQX auto-cluster operator: the demo")
    screen.say(
        "*What is real here:* the control plane (etcd, kube-apiserver, controllers, scheduler, CoreDNS), every object,"
        " every right, `kubectl`, and the operator, with the rights that `deploy/` ships and no more."
    )
    screen.say(
        f"*What is not:* EMQX itself. A stand-in for EMQX {emqx} runs in each pod; it asks the real API server for its"
        " peers, joins, splits and answers as that version was seen to do. The node is a stand-in too."
    )
    screen.chapter("A cluster")
    async with cluster.running(screen, _ROOT) as sandbox, Kube.from_kubeconfig(sandbox.kubeconfig) as kube:
        shell, watcher = Shell(screen, sandbox, _ROOT), Watcher(kube)
        for line in shell.exports():
            screen.command(line.split(" "))
        before = await quiet_failure(shell, watcher, emqx)
        manifest = await ending.workload(shell)
        operator = await install(shell)
        try:
            chronicle = await repair(shell, watcher, before)
            true = verdict(screen, chronicle)
            if true:
                await aftermath(shell, chronicle, manifest)
            if keep:
                await stay(shell)
        finally:
            await asyncio.to_thread(operator.stop)
    return true


async def repair(shell: Shell, watcher: Watcher, before: Look) -> Chronicle:
    screen = shell.screen
    screen.chapter("One annotation")
    screen.say("The operator works in this order, and goes on only when a step has worked:")
    screen.terms(STEPS)
    chronicle = Chronicle(datetime.now(UTC), before)
    await shell.run("kubectl", "annotate", f"deployment/{NAME}", *ON, "emqx-autocluster.io/mode=Repair")
    screen.say("About two minutes now; most of it is the rollout, which takes its time on purpose.")
    with _shown(screen, chronicle):
        await _watch(screen, watcher, chronicle)
    return chronicle


def _shown(screen: Screen, chronicle: Chronicle) -> AbstractContextManager[object]:
    if not screen.is_live:
        return nullcontext()

    def draw() -> RenderableType:
        size = screen.console.size
        return picture(chronicle, datetime.now(UTC), width=screen.console.width, height=size.height)

    return Live(console=screen.console, get_renderable=draw, refresh_per_second=4)


async def _watch(screen: Screen, watcher: Watcher, chronicle: Chronicle) -> None:
    spoken = chronicle.began
    while True:
        look = await watcher.look()
        lines = chronicle.add(look)
        if not screen.is_live:
            for line in lines:
                screen.line(log_line(line))
            spoken = look.at if lines else spoken
            if look.at - spoken > _HEARTBEAT:
                screen.progress(_heartbeat(chronicle, look))
                spoken = look.at
        if chronicle.is_over or look.at - chronicle.began > _DEADLINE:
            return
        await asyncio.sleep(_PAUSE)


def _heartbeat(chronicle: Chronicle, look: Look) -> str:
    sizes = " + ".join(str(len(group)) for group in look.clusters)
    return f"{clock(look.at - chronicle.began)}  clusters: {sizes}; {look.new_available} of {look.replicas} pods new"


def verdict(screen: Screen, chronicle: Chronicle) -> bool:
    screen.chapter("Did it come true?")
    screen.say("Held against what the pods themselves answered, look by look:")
    judged = promises.judge(chronicle)
    for promise in judged:
        mark, style = ("✓", "green") if promise.kept else ("✗", "bold red")
        screen.point(promise.text, mark, style)
    kept = all(promise.kept for promise in judged)
    if not kept:
        _confess(screen, chronicle)
    return kept


def _confess(screen: Screen, chronicle: Chronicle) -> None:
    screen.say("*The story did not come true.* What was seen:")
    for line in chronicle.lines:
        screen.line(log_line(line))
    for condition in chronicle.looks[-1].conditions:
        screen.point(f"{condition.type} {condition.status} {condition.reason}: {condition.message}")


async def aftermath(shell: Shell, chronicle: Chronicle, manifest: str) -> None:
    screen = shell.screen
    await shell.run("kubectl", "get", "eac", *ON)
    await show_views(shell, chronicle.looks[-1])
    screen.chapter("What changed")
    await ending.changes(shell, manifest)
    ending.events(screen, chronicle)
    screen.chapter("How to undo it")
    ending.undoing(screen, PROGRAM)


async def stay(shell: Shell) -> None:
    screen = shell.screen
    screen.chapter("Yours to play with")
    screen.say("The cluster and the operator go on until Ctrl-C. In another terminal, in this folder:")
    for line in shell.exports():
        screen.command(line.split(" "))
    screen.command(["kubectl", "get", "eac", "-A", "-w"])
    await asyncio.Event().wait()
