"""One sandbox and one operator for a whole test run, shared by all workers of pytest-xdist.

They are started by the main process as soon as it is clear that some test will want them, and end with it.
`EMQX_AUTOCLUSTER_SANDBOX=<state folder>` takes a sandbox that already runs (`make sandbox`) instead.
"""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from emqx_autocluster.clients.kube import Kube
from running import RunningOperator, RunningSandbox
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control
from story import Story

_SANDBOX, _OPERATOR = "EMQX_AUTOCLUSTER_SANDBOX", "EMQX_AUTOCLUSTER_OPERATOR_LOG"
_NEED_A_SANDBOX = {"apiserver", "scenarios"}
_FAULTS, _FAULT_SANDBOXES = "tests/faults/", 5
_AT_HAND = 2
_running = pytest.StashKey[list[RunningSandbox | RunningOperator]]()

# Many tests share few cores, so the time of one example says nothing.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


class _FewSandboxes(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out one test at a time; those of tests/faults, which need sandboxes of their own, in a few groups."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._turns: dict[str, int] = {}

    def _reschedule(self, node: Any) -> None:
        """One story at work and one that waits: behind the long ones no more than that is held up."""
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < _AT_HAND:
            super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith(_FAULTS):
            return nodeid
        return f"faults-{self._turns.setdefault(nodeid, len(self._turns)) % _FAULT_SANDBOXES}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _FewSandboxes:
    return _FewSandboxes(config, log)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_running] = []
    if hasattr(config, "workerinput") or config.option.collectonly or not _is_wanted(config):
        return
    if _SANDBOX not in os.environ:
        sandbox = RunningSandbox.start()
        config.stash[_running].append(sandbox)
        os.environ[_SANDBOX] = str(sandbox.state)
    operator = RunningOperator.start(SandboxHandle.load(Path(os.environ[_SANDBOX])))
    config.stash[_running].append(operator)
    os.environ[_OPERATOR] = str(operator.log)


def pytest_unconfigure(config: pytest.Config) -> None:
    for running in config.stash[_running][::-1]:
        running.stop()


def _is_wanted(config: pytest.Config) -> bool:
    """Whether the arguments reach a folder whose tests need a sandbox."""
    here = Path(__file__).parent
    wanted = [here / name for name in _NEED_A_SANDBOX]
    given = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return any(
        path.is_relative_to(folder) or folder.is_relative_to(path) for path in given for folder in wanted
    )


@pytest.fixture(scope="session")
def sandbox() -> SandboxHandle:
    return SandboxHandle.load(Path(os.environ[_SANDBOX]))


@pytest.fixture(scope="session")
def operator_log(sandbox: SandboxHandle) -> Path:
    """Log of the shared operator, which runs with exactly the rights that deploy/ ships."""
    assert sandbox.pid
    return Path(os.environ[_OPERATOR])


@pytest.fixture
async def story(
    sandbox: SandboxHandle, operator_log: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Story]:
    """A namespace of its own in the shared sandbox, with the shared operator at work."""
    assert operator_log.exists()
    plain = re.sub("[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:40].strip("-")
    namespace = f"{plain}-{uuid4().hex[:6]}"
    async with Kube.from_kubeconfig(sandbox.kubeconfig) as kube, Control(sandbox.control) as control:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await kube.create("/api/v1/namespaces", body)
        yield Story(sandbox, kube, control, namespace)
        await kube.delete(f"/api/v1/namespaces/{namespace}")
