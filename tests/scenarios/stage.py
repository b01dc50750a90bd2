"""Where a story plays: a namespace of its own, which is made for it and goes with it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import pace
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.changes import Changes
from emqx_autocluster.clients.kube import Kube
from running import RunningOperator, RunningSandbox, install
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control
from story import Story


@dataclass(frozen=True, slots=True)
class Cluster:
    """A sandbox with deploy/ installed, and an operator beside it."""

    handle: SandboxHandle
    operator: RunningOperator
    kube: Kube
    control: Control

    async def story(self, namespace: str) -> Story:
        await asyncio.to_thread(self.handle.kubectl, "create", "namespace", namespace)
        return Story(self.handle, self.kube, self.control, namespace)


@asynccontextmanager
async def own_cluster(*options: str, **settings: str) -> AsyncIterator[Cluster]:
    """`options` are the sandbox's, as of `RunningSandbox.start`, `settings` the operator's."""
    async with AsyncExitStack() as until:
        running = await asyncio.to_thread(RunningSandbox.start, *options)
        until.push_async_callback(asyncio.to_thread, running.stop)
        handle = SandboxHandle.load(running.state)
        await asyncio.to_thread(install, handle)
        operator = await asyncio.to_thread(partial(RunningOperator.start, handle, **settings))
        until.push_async_callback(asyncio.to_thread, operator.stop)
        kube = await until.enter_async_context(Kube.from_kubeconfig(handle.kubeconfig))
        control = await until.enter_async_context(Control(handle.control))
        yield Cluster(handle, operator, kube, control)


_WATCHED = (paths.pods, paths.emqxautoclusters)
"""In these two all shows that stories mostly wait for; a change of the workload is followed by one of them."""


@asynccontextmanager
async def staged(sandbox: SandboxHandle, title: str, *, real_time: bool = False) -> AsyncIterator[Story]:
    """`title` is what the namespace is named after; real_time: its stand-ins take the time that EMQX takes."""
    plain = re.sub("[^a-z0-9]+", "-", title.lower().removeprefix("test_"))[:40].strip("-")
    namespace = f"{plain}-{uuid4().hex[:6]}"
    async with Kube.from_kubeconfig(sandbox.kubeconfig) as kube, Control(sandbox.control) as control:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await kube.create("/api/v1/namespaces", body)
        if not real_time:
            await control.namespace(namespace, **pace.STAND_INS)
        async with Changes(kube, [path(namespace) for path in _WATCHED]) as changes:
            yield Story(sandbox, kube, control, namespace, changes)
        await kube.delete(f"/api/v1/namespaces/{namespace}")
