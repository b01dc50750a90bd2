"""`python -m pictures`: makes docs/pictures anew, in a cluster of its own."""

import asyncio
from contextlib import AsyncExitStack

from rich.text import Text

from emqx_autocluster.clients.kube import Kube
from pictures import FOLDER, picture, scenes
from running import ROOT, RunningOperator, RunningSandbox, install
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control
from story import Story

NAMESPACE = "iot"


async def main() -> None:
    async with AsyncExitStack() as until:
        running = await asyncio.to_thread(RunningSandbox.start)
        until.push_async_callback(asyncio.to_thread, running.stop)
        handle = SandboxHandle.load(running.state)
        await asyncio.to_thread(install, handle)
        operator = await asyncio.to_thread(RunningOperator.start, handle)
        until.push_async_callback(asyncio.to_thread, operator.stop)
        kube = await until.enter_async_context(Kube.from_kubeconfig(handle.kubeconfig))
        control = await until.enter_async_context(Control(handle.control))
        handle.kubectl("create", "namespace", NAMESPACE)
        story = Story(handle, kube, control, NAMESPACE)
        await scenes.prepared(story)
        keep(
            "doctor",
            Text.from_ansi(await scenes.doctor(story, {})),
            f"emqx-autocluster doctor deployment/emqx -n {NAMESPACE}",
        )
        await scenes.enrolled(story)
        shown = Text.from_ansi(await scenes.status(story, {}))
        keep("status", shown, f"emqx-autocluster status -n {NAMESPACE}")
    keep("demo", await scenes.demo(), "make demo")


def keep(name: str, text: Text, title: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{name}.svg"
    file.write_text(picture(text, title))
    print(f"{file.relative_to(ROOT)} is made")


if __name__ == "__main__":
    asyncio.run(main())
