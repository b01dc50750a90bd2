"""The sandboxes of a test run, shared by all workers of pytest-xdist, and who of the tests gets which.

| sandbox | started by | whose |
|---|---|---|
| shared | the main process, with one operator at work | tests/apiserver, hostile and scenarios; one of external |
| faulty | the main process, without an operator | tests/faults, each test with an operator of its own behind a gate |
| own | the one worker that gets all of these tests | those that break or remove what the whole cluster uses |

`EMQX_AUTOCLUSTER_SANDBOX=<state folder>` takes a sandbox that already runs (`make sandbox`) as the shared one.
"""

import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

import ahead
import pace
from running import NAMESPACE, Kept, RunningOperator, RunningSandbox, install
from sandbox.handle import SandboxHandle
from stage import staged
from story import Story

# Where stories assert together: a failure says what was seen there, too.
pytest.register_assert_rewrite("midrollout", "odd", "phases", "repairs")

_HERE = Path(__file__).parent
_SHARED, _FAULTY = "EMQX_AUTOCLUSTER_SANDBOX", "EMQX_AUTOCLUSTER_FAULTY_SANDBOX"
_OPERATOR_LOG = "EMQX_AUTOCLUSTER_OPERATOR_LOG"
_FOLDERS = {
    _SHARED: ("apiserver", "hostile", "scenarios", "external/test_prometheus.py"),
    _FAULTY: ("faults",),
}
_OWN = "their own sandbox"
_ONE_AFTER_ANOTHER = {
    "tests/faults/test_dns.py": _OWN,
    "tests/apiserver/test_deploy.py": _OWN,
    "tests/apiserver/test_namespaced.py": _OWN,
    "tests/faults/test_succession.py": "the one Lease",
}
"""Tests that would disturb each other, by what they have in common."""
_SIDE_BY_SIDE = "tests/scenarios/causes/test_causes.py"
"""Each of its rows makes several situations at a time."""
_ROWS = {"tests/faults/": 6, "tests/simulation/": 1}
"""How many of a folder are at work at a time, one after another in each row.

A fault starts operators, and how soon one of them notices is what it tests: more would take the cores. The simulation
computes without a pause, and takes what the stories leave of them while they wait.
"""
_LONGEST_FIRST = (
    "faults",
    "simulation",
    "scenarios/heal",
    "scenarios/repair",
    "scenarios/calamity",  # races: not while all workers start
    "scenarios/midway",
    # Whole repairs by hand, and many rounds of nothing: begun late they are what all others wait for at the end.
    "scenarios/use/test_observe",
    "scenarios/use/test_healthy",
    "scenarios/use/test_revert",
    "scenarios/use/test_shown",
    "scenarios/use/test_pulse",
    "scenarios/causes",
    "scenarios/oddities",
    "scenarios/use",
    "hostile",
    "apiserver",
    "unit",
)
_AT_HAND = 2
_LESS_URGENT = 10
"""Who only looks comes after the cluster that is looked at."""
_running = pytest.StashKey[list[RunningSandbox | Kept]]()
_OUT_OF_TIME = "does not lead any more"
"""An operator that the machine gives no time for seconds loses its Lease, and ends as it should."""


class _OneAtATime(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out one test at a time; those that would disturb each other all to one worker, and some folders in rows."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._turns: dict[str, dict[str, int]] = {}

    def _reschedule(self, node: Any) -> None:
        """One story at work and one that waits: behind the long ones no more than that is held up."""
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < _AT_HAND:
            super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module == _SIDE_BY_SIDE:
            return f"situations {ahead.row(nodeid)}"
        folder = next((folder for folder in _ROWS if nodeid.startswith(folder)), None)
        if common := _ONE_AFTER_ANOTHER.get(module):
            return common
        return f"{folder}{self._turn(folder, nodeid) % _ROWS[folder]}" if folder else nodeid

    def _turn(self, folder: str, nodeid: str) -> int:
        """How many tests of its folder came before it."""
        turns = self._turns.setdefault(folder, {})
        return turns.setdefault(nodeid, len(turns))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _OneAtATime | None:
    return _OneAtATime(config, log) if config.stash[_running] else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A long story that begins late is what all others wait for at the end."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(_HERE).as_posix()
    return next(turn for turn, name in enumerate((*_LONGEST_FIRST, "")) if folder.startswith(name))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_running] = []
    if hasattr(config, "workerinput"):
        os.nice(_LESS_URGENT)
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    wanted = [name for name, folders in _FOLDERS.items() if _is_wanted(config, folders)]
    missing = [name for name in wanted if name not in os.environ]
    with ThreadPoolExecutor() as threads:
        started = list(threads.map(lambda _: RunningSandbox.start(), missing))
    config.stash[_running] += started
    os.environ |= {name: str(sandbox.state) for name, sandbox in zip(missing, started, strict=True)}
    for name in wanted:
        install(SandboxHandle.load(Path(os.environ[name])))
    if _SHARED in wanted:
        operator = RunningOperator.start(
            SandboxHandle.load(Path(os.environ[_SHARED])),
            LEASE_NAMESPACE=NAMESPACE,
            **pace.SETTINGS,
        )
        config.stash[_running].append(Kept(operator))
        os.environ[_OPERATOR_LOG] = str(operator.log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """An operator that ended by itself has failed, whatever the stories say that did not notice."""
    if any(_OUT_OF_TIME not in said for said in _ends(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for said in _ends(config):
        terminalreporter.section("the shared operator ended and was started again; it said last", red=True)
        terminalreporter.write(said)


def _ends(config: pytest.Config) -> list[str]:
    return [said for running in config.stash[_running] if isinstance(running, Kept) for said in running.ended]


def pytest_unconfigure(config: pytest.Config) -> None:
    for running in config.stash[_running][::-1]:
        running.stop()


def _is_wanted(config: pytest.Config, folders: tuple[str, ...]) -> bool:
    """Whether the arguments reach tests of these folders that share a sandbox."""
    paths = [_HERE / folder for folder in folders]
    own = {_HERE.parent / name for name, common in _ONE_AFTER_ANOTHER.items() if common == _OWN}
    given = {Path(argument.partition("::")[0]).resolve() for argument in config.args} - own
    return any(one.is_relative_to(path) or path.is_relative_to(one) for one in given for path in paths)


@pytest.fixture(scope="session")
def sandbox() -> SandboxHandle:
    return SandboxHandle.load(Path(os.environ[_SHARED]))


@pytest.fixture(scope="session")
def faulty_sandbox() -> SandboxHandle:
    return SandboxHandle.load(Path(os.environ[_FAULTY]))


@pytest.fixture(scope="session")
def own_sandbox() -> Iterator[SandboxHandle]:
    """Nothing is installed; who breaks it puts it back as it was, for the others that have it to themselves later."""
    running = RunningSandbox.start()
    yield SandboxHandle.load(running.state)
    running.stop()


@pytest.fixture(scope="session")
def operator_log(sandbox: SandboxHandle) -> Path:
    """Log of the shared operator, which runs with exactly the rights that deploy/ ships."""
    assert sandbox.pid
    return Path(os.environ[_OPERATOR_LOG])


@pytest.fixture
async def unattended(sandbox: SandboxHandle, request: pytest.FixtureRequest) -> AsyncIterator[Story]:
    """A namespace of its own, whether or not an operator is at work."""
    real_time = request.node.get_closest_marker("real_time") is not None
    async with staged(sandbox, request.node.name, real_time=real_time) as story:
        yield story


@pytest.fixture
def story(unattended: Story, operator_log: Path) -> Story:
    """The same, with an operator at work."""
    assert operator_log.exists()
    return unattended
