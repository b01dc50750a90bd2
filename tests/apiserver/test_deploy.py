"""deploy/ as it is shipped: it installs by one command, survives an outage, and leaves nothing behind when deleted."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

import manifests
from emqx_autocluster.clients.kube import Kube
from running import NAMESPACE, ROOT, SERVICE_ACCOUNT, RunningOperator
from sandbox import kubeconfig
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control
from story import Story, uids

DEPLOY = str(ROOT / "deploy")


@dataclass(slots=True)
class Line:
    """The connection between the operator and the API server, which can be cut."""

    port: int
    refused: int = 0
    _cut: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None] | None] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            self.refused += 1
            writer.transport.abort()
            return
        self._tasks.add(asyncio.current_task())
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._open |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._open -= {writer, far_writer}

    def cut(self) -> None:
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        self._cut = False

    async def close(self) -> None:
        self.cut()
        await asyncio.gather(*filter(None, self._tasks))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def installed(
    sandbox: SandboxHandle, tmp_path: Path
) -> AsyncIterator[tuple[Story, Line, RunningOperator]]:
    """A cluster to which deploy/ was applied, and the operator that the Deployment would run."""
    async with AsyncExitStack() as ends:
        sandbox.kubectl("apply", "-f", DEPLOY)
        line = Line(int(sandbox.server.rpartition(":")[2]))
        server = await asyncio.start_server(line.accept, "127.0.0.1", 0)
        ends.callback(server.close)
        ends.push_async_callback(line.close)
        near = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        token = sandbox.kubectl("create", "token", SERVICE_ACCOUNT, "-n", NAMESPACE).strip()
        config = kubeconfig.for_token(
            tmp_path / "kubeconfig", server=near, ca=sandbox.ca, token=token, namespace=NAMESPACE
        )
        operator = RunningOperator.start(sandbox, KUBECONFIG=str(config))
        ends.callback(operator.stop)
        ends.callback(lambda: print(operator.log.read_text()))  # shown if the test fails
        kube = await ends.enter_async_context(Kube.from_kubeconfig(sandbox.kubeconfig))
        control = await ends.enter_async_context(Control(sandbox.control))
        yield Story(sandbox, kube, control, "default"), line, operator


@pytest.mark.timeout(300)
async def test_one_installation_from_apply_to_delete(own_sandbox: SandboxHandle, tmp_path: Path) -> None:
    async with installed(own_sandbox, tmp_path) as (story, line, operator):
        sandbox = story.sandbox
        again = sandbox.kubectl("apply", "-f", DEPLOY).splitlines()
        # Of a PodDisruptionBudget kubectl always says that: its selector is replaced and never merged.
        [changed] = [said for said in again if not said.endswith(" unchanged")]
        assert changed == "poddisruptionbudget.policy/emqx-autocluster configured"
        # The namespace admits the pod: it keeps the restricted Pod Security Standard.
        sandbox.kubectl("rollout", "status", "-n", NAMESPACE, "deployment/emqx-autocluster", "--timeout=60s")

        recreate = {"strategy": {"type": "Recreate"}}
        body = manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1, spec=recreate)
        await story.apply(manifests.service(story.namespace), body)
        await story.annotate(mode="Repair")
        await story.until_repaired(seconds=120)
        await outage(story, line, operator)
        await uninstalled(story)


async def outage(story: Story, line: Line, operator: RunningOperator) -> None:
    """While the API server is away the operator counts as alive; once it is back the work goes on."""
    said = re.search(r"health endpoints on port (\d+)", operator.log.read_text())
    assert said
    url = f"http://127.0.0.1:{said[1]}/healthz"
    line.cut()
    async with aiohttp.ClientSession() as session:

        async def tried_in_vain() -> bool:
            async with session.get(url) as answer:
                assert answer.status == 200
            assert operator.process.poll() is None
            return line.refused > 20

        await story.until("the operator has tried to connect again and again", tried_in_vain)
    line.mend()
    await story.annotate(paused="true")
    await story.until_condition("Paused", "True")


async def uninstalled(story: Story) -> None:
    """The operator goes with all that is its own, and still runs while it goes; EMQX keeps running, rights included."""
    sandbox, before = story.sandbox, await story.pods()
    sandbox.kubectl("delete", "-f", DEPLOY, "--timeout=60s")
    for kind in ("namespaces", "crds", "clusterroles", "clusterrolebindings"):
        names = sandbox.kubectl("get", kind, "-o", "name")
        assert "emqx-autocluster" not in names
    await story.until_lone(1)
    after = await story.pods()
    assert uids(after) == uids(before)
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in after] == [0]
    assert await story.get("Role", "emqx-discovery")
    assert await story.get("RoleBinding", "emqx-discovery")
    [(running, stopped)] = await story.views()
    assert (len(running), stopped) == (1, set())
    deployment = await story.get("Deployment") or {}
    assert "finalizers" not in deployment["metadata"]
    await story.delete("Deployment", "emqx")
    gone = ["wait", "--for=delete", "-n", "default", "pod", "-l", "app=emqx", "--timeout=60s"]
    sandbox.kubectl(*gone)
