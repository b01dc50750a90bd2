"""Which of the named namespaces is said to be watched: by the authorizer's word, and none where it may not be asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from emqx_autocluster import metrics
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.runtime.reach import Reach
from sandbox.faultgate import FaultGate
from sandbox.faultgate.faults import Rule, Status
from sandbox.handle import SandboxHandle

ACCOUNT = "watcher"
REVIEWS = "selfsubjectaccessreviews"
NOT_KNOWN = "may be watched is not known"
SECONDS = 20.0
ROUNDS = 3


@dataclass(slots=True)
class Watcher:
    """A ServiceAccount that has no right yet, what it may watch, and what was told of it."""

    sandbox: SandboxHandle
    gate: FaultGate
    namespace: str
    reach: Reach
    told: list[bool] = field(default_factory=list)

    def allow(self) -> None:
        grant = ("-n", self.namespace, "--verb=list,watch", "--resource=deployments.apps")
        self.sandbox.kubectl("create", "role", ACCOUNT, *grant)
        bound = (f"--role={ACCOUNT}", f"--serviceaccount={self.namespace}:{ACCOUNT}")
        self.sandbox.kubectl("create", "rolebinding", ACCOUNT, "-n", self.namespace, *bound)

    def forbid(self) -> None:
        self.sandbox.kubectl("delete", "rolebinding", ACCOUNT, "-n", self.namespace)

    def refuse_reviews(self) -> Rule:
        return self.gate.put(Status(403), REVIEWS)

    @property
    def metric(self) -> float | None:
        return metrics.REGISTRY.get_sample_value(
            "emqx_autocluster_namespace_watched", {"namespace": self.namespace}
        )

    async def changed(self, namespace: str, watched: bool) -> None:  # noqa: FBT001 - what Reach tells
        assert namespace == self.namespace
        self.told.append(watched)

    async def rounds(self) -> None:
        """Until it was asked about again and again."""
        before = len(self.gate.came(REVIEWS))

        async def asked() -> bool:
            self.reach.doubt(self.namespace)
            return len(self.gate.came(REVIEWS)) >= before + ROUNDS

        await until(asked)


async def until(seen: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await seen():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def watching(watcher: Watcher) -> AsyncIterator[None]:
    keeping = asyncio.create_task(watcher.reach.keep(watcher.changed))
    yield
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


@pytest.fixture
async def watcher(sandbox: SandboxHandle, namespace: str, tmp_path: Path) -> AsyncIterator[Watcher]:
    sandbox.kubectl("create", "serviceaccount", ACCOUNT, "-n", namespace)
    async with FaultGate(sandbox, namespace) as gate:
        config = replace(sandbox, server=gate.server).kubeconfig_for(namespace, ACCOUNT, tmp_path / "config")
        async with Kube.from_kubeconfig(config) as kube:
            kinds = {("apps", "deployments"): paths.deployments}
            yield Watcher(sandbox, gate, namespace, Reach(kube, [namespace], kinds, again=0.1))


async def test_a_namespace_is_watched_when_the_authorizer_says_so(watcher: Watcher) -> None:
    async with watching(watcher):
        await watcher.rounds()
        assert (watcher.told, watcher.metric) == ([], 0)
        watcher.allow()
        await until(lambda: seen(watcher, [True]))
        assert watcher.metric == 1
        assert watcher.reach.covers(watcher.namespace)


async def test_where_it_may_not_be_asked_nothing_is_claimed_and_what_can_be_listed_is_watched_on_trial(
    watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    watcher.refuse_reviews()
    async with watching(watcher):
        await watcher.rounds()
        assert (watcher.told, watcher.metric) == ([], None)
        assert not watcher.reach.covers(watcher.namespace)
        watcher.allow()
        await until(lambda: seen(watcher, [True]))
        await watcher.rounds()
    assert (watcher.told, watcher.metric) == ([True], None)
    [said] = [record.getMessage() for record in caplog.records if watcher.namespace in record.getMessage()]
    assert NOT_KNOWN in said
    assert "refused on the way" in said


async def test_of_one_that_is_watched_it_is_not_known_any_more_until_it_may_be_asked_again(
    watcher: Watcher,
) -> None:
    watcher.allow()
    async with watching(watcher):
        await until(lambda: seen(watcher, [True]))
        rule = watcher.refuse_reviews()
        await watcher.rounds()
        assert (watcher.told, watcher.metric) == ([True], None)
        watcher.forbid()
        await watcher.rounds()
        assert (watcher.told, watcher.metric) == ([True], None)
        watcher.gate.lift(rule)
        watcher.reach.doubt(watcher.namespace)
        await until(lambda: seen(watcher, [True, False]))
        assert watcher.metric == 0


async def seen(watcher: Watcher, told: list[bool]) -> bool:
    return watcher.told == told
