"""What happens before the annotation: the quiet failure, shown with EMQX's own words, and the install."""

import asyncio
import re
import time
from datetime import timedelta

import aiohttp

from demo.commands import CommandError, Shell
from demo.picture import Look
from demo.watching import NAME, NAMESPACE, Watcher
from running import INSTALLED, RunningOperator

PROGRAM = ".venv/bin/emqx-autocluster"
ON = ("-n", NAMESPACE)
_PAUSE = 1.0
_TIME_TO_FORM = timedelta(seconds=24)
"""The operator gives members half a minute to find each other, counted from the start of their container."""
_FORM_DEADLINE = 120.0
_READY_DEADLINE = 60.0
_PORT = re.compile(r"health endpoints on port (\d+)")


async def quiet_failure(shell: Shell, watcher: Watcher, emqx: str) -> Look:
    screen, target = shell.screen, f"deployment/{NAME}"
    screen.chapter("Three members that do not know each other")
    screen.say(
        "An EMQX Deployment of three. Its API server address, `http://192.168.1.31:8888`, was a `kubectl proxy` once;"
        " nothing listens there any more. The pods use ServiceAccount default, which may read nothing."
    )
    await shell.run("kubectl", "apply", "-f", f"tests/demo/emqx-{emqx}.yaml")
    await shell.run("kubectl", "rollout", "status", target, *ON)
    await shell.run("kubectl", "get", "pods", *ON)
    screen.say(
        "Kubernetes is content: everything is Ready. Half a minute for the members to find each other …"
    )
    look = await _had_time(watcher)
    screen.say("Each is still a cluster of its own:")
    await show_views(shell, look)
    await shell.run("kubectl", "logs", *ON, look.members[0].pod, "--tail=4")
    screen.say(
        "A message from a device on one of them never reaches a device on another. Nothing restarts, no alarm rings."
    )
    return look


async def show_views(shell: Shell, look: Look) -> None:
    """What each member says itself, by a real `kubectl exec`."""
    for member in look.members:
        await shell.run("kubectl", "exec", *ON, member.pod, "--", "emqx_ctl", "cluster", "status")


async def _had_time(watcher: Watcher) -> Look:
    """The first look at which every member had its time to form a cluster, and answers."""
    end = time.monotonic() + _FORM_DEADLINE
    while time.monotonic() < end:
        look = await watcher.look()
        ages = [look.at - m.ready_since for m in look.members if m.ready_since]
        if len(ages) == look.replicas and min(ages) > _TIME_TO_FORM and all(m.sees for m in look.members):
            return look
        await asyncio.sleep(_PAUSE)
    raise CommandError(f"the members did not all answer within {_FORM_DEADLINE:g} s")


async def install(shell: Shell) -> RunningOperator:
    screen = shell.screen
    screen.chapter("The operator")
    screen.say(
        "`kubectl apply -f deploy/` is the whole install. Here without its Deployment, since no images run in this"
        " cluster: the operator runs beside it, with a token of its own ServiceAccount."
    )
    files = [word for name in INSTALLED for word in ("-f", f"deploy/{name}")]
    await shell.run("kubectl", "apply", *files)
    operator = await asyncio.to_thread(RunningOperator.start, shell.sandbox)
    dns = f"EMQX_AUTOCLUSTER_CLUSTER_DNS={shell.sandbox.dns}"
    screen.command([dns, PROGRAM, "run", f"--kubeconfig={operator.log.parent / 'kubeconfig'}"])
    try:
        await _is_ready(operator)
    except BaseException:
        operator.stop()
        raise
    screen.output("its watches have listed everything; /readyz answers ok")
    return operator


async def _is_ready(operator: RunningOperator) -> None:
    end = time.monotonic() + _READY_DEADLINE
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < end:
            port = _PORT.search(operator.log.read_text())
            if operator.process.poll() is not None:
                break
            if port and await _answers_ok(session, f"http://127.0.0.1:{port[1]}/readyz"):
                return
            await asyncio.sleep(_PAUSE / 5)
    raise CommandError(f"the operator did not become ready; the end of its log:\n{_end_of(operator)}")


async def _answers_ok(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False


def _end_of(operator: RunningOperator) -> str:
    return "\n".join(operator.log.read_text().splitlines()[-15:])
