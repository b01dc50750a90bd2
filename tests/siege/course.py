"""The siege: each attack is added to those before it, and in the end all of them meet an operator that just starts."""

import asyncio
import re
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.text.plain import is_plain
from running import RunningOperator, RunningSandbox, install
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control
from scenarios.story import Story
from siege.attacks import Attack
from siege.forgeries import PASSWORD
from siege.gauge import Gauge, gauged, health_port
from siege.neighbours import Reactions, Repair, net, percentile
from siege.tenants import Object

ALONE = 60
"""Reactions of the neighbour that are counted before anything is tried."""
LEAST = 5
"""Reactions within each attack."""
AT_ONCE = 120
_REPAIRED_WITHIN = 900.0
_CONNECTIONS = 3000
_APPLIES = 4
_BEFORE_NEXT = 10.0
"""Seconds of an attack, at least: what it costs may come only after what it is told."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attack, from when it begins to when its sender is told."""

    root: str
    name: str
    cpu: float
    """Seconds of the operator."""
    wall: float
    peak: float
    """MiB resident."""
    healthz: float
    """Seconds of its slowest answer."""
    reactions: Sequence[float]
    starved: Sequence[float]
    told: str
    """What the status says; empty: nothing that it should."""
    wanted: bool = True
    """Whether there is anybody to be told."""


@dataclass(slots=True)
class Siege:
    sandbox: SandboxHandle
    gauge: Gauge
    kube: Kube
    control: Control
    reactions: Reactions
    repair: Repair
    tell: Callable[[str], None]
    patience: float
    """Seconds within which a sender has to be told."""
    alone: tuple[Sequence[float], Sequence[float]] = ((), ())
    """Reactions, and how long the operator had no processor in each, before anything was tried."""
    rows: list[Row] = field(default_factory=list)
    repaired: float | None = None
    """Seconds of the neighbour's repair amid all of it; None: it did not end in time."""

    async def go(self, attacks: Sequence[Attack]) -> None:
        noticing = asyncio.create_task(self.reactions.go_on())
        try:
            await self._reacted(ALONE)
            self.alone = tuple(self.reactions.seconds), tuple(self.reactions.starved)
            self.tell(f"the neighbour alone: p99 {percentile(self.alone[0], 0.99):.2f} s")
            for number, attack in enumerate(attacks):
                self._note(await self._row(attack.root, attack.name, partial(self._try, number, attack)))
            self._note(await self._row("crowd", "3000 half requests to /healthz", self._half_requests))
            self._note(await self._row("all", "all of it at once, and a fresh start", self._at_once))
        finally:
            noticing.cancel()
            await asyncio.gather(noticing, return_exceptions=True)

    def _note(self, row: Row) -> None:
        self.rows.append(row)
        p99 = percentile(row.reactions, 0.99)
        net_p99 = percentile(net(row.reactions, row.starved), 0.99)
        self.tell(
            f"{row.name}: {row.cpu:.1f} s of CPU in {row.wall:.0f} s, {row.peak:.0f} MiB, p99 {p99:.2f} s"
            f" (without waiting for a processor {net_p99:.2f} s),"
            f" /healthz {row.healthz:.1f} s; {row.told or ('TOLD NOTHING' if row.wanted else 'nobody to be told')}"
        )

    async def _row(self, root: str, name: str, work: Callable[[], Awaitable[tuple[bool, str]]]) -> Row:
        self.gauge.reset()
        self.reactions.forget()
        began, cpu, pid = time.monotonic(), self.gauge.cpu, self.gauge.pid
        wanted, told = await work()
        await asyncio.sleep(max(0.0, _BEFORE_NEXT - (time.monotonic() - began)))
        await self._reacted(LEAST)
        spent = self.gauge.cpu - (cpu if self.gauge.pid == pid else 0.0)
        return Row(
            root,
            name,
            spent,
            time.monotonic() - began,
            self.gauge.peak,
            self.gauge.slowest,
            tuple(self.reactions.seconds),
            tuple(self.reactions.starved),
            told,
            wanted,
        )

    async def _reacted(self, count: int) -> None:
        while len(self.reactions.seconds) < count:
            await asyncio.sleep(0.2)

    async def _try(self, number: int, attack: Attack) -> tuple[bool, str]:
        namespace = f"tenant-{number:02}"
        await self.kube.create("/api/v1/namespaces", _namespace(namespace))
        await self._apply(attack.objects(namespace))
        if not attack.tells:
            return False, ""
        return True, await self._told(namespace, attack.tells)

    async def _apply(self, bodies: Sequence[Object]) -> None:
        """A few at a time; what says that it is owned comes last, once its owner is there."""
        for body in bodies:
            for owner in body["metadata"].get("ownerReferences") or ():
                await self._apply([other for other in bodies if other is not body])
                owner.update(await self._owner(body["metadata"]["namespace"]))
                await self.kube.create(_collection(body), body)
                return
        places = asyncio.Semaphore(_APPLIES)

        async def apply(body: Object) -> None:
            async with places:
                await self.kube.create(_collection(body), body)

        for start in range(0, len(bodies), _APPLIES):
            await asyncio.gather(*(apply(body) for body in bodies[start : start + _APPLIES]))

    async def _owner(self, namespace: str) -> Object:
        while not (found := await self.kube.list(paths.replicasets(namespace))):
            await asyncio.sleep(0.2)
        return {"kind": "ReplicaSet"} | {key: found[0]["metadata"][key] for key in ("name", "uid")}

    async def _told(self, namespace: str, wanted: Sequence[str]) -> str:
        """What the statuses there say that has to be said; empty: not in time."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            said = await self._said(namespace)
            fitting = [next((line for line in said if re.search(each, line)), "") for each in wanted]
            if all(fitting):
                return fitting[-1]
            await asyncio.sleep(1)
        self.tell("\n".join(["", *await self._said(namespace)]))
        return ""

    async def _said(self, namespace: str) -> list[str]:
        found = await self.kube.list(paths.emqxautoclusters(namespace), limit=50)
        conditions = (c for each in found for c in (each.get("status") or {}).get("conditions") or ())
        return [f"{c['type']}={c['status']} {c['reason']}: {c['message']}" for c in conditions]

    async def _half_requests(self) -> tuple[bool, str]:
        """Connections that send half a header, and are held open; each that is dropped is opened again once."""
        port = health_port(self.gauge.operator)
        held = list[asyncio.StreamWriter]()
        for _ in range(_CONNECTIONS):
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
                held.append(writer)
        await asyncio.sleep(_BEFORE_NEXT)
        for writer in held:
            writer.close()
        return False, f"{len(held)} connections"

    async def _at_once(self) -> tuple[bool, str]:
        """A fresh start is the worst: all workloads are new at once, and nothing is remembered of any."""
        self.gauge.restart()
        self.repaired = await self.repair.done(_REPAIRED_WITHIN)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reacted(AT_ONCE), _REPAIRED_WITHIN)
        return False, "the neighbour's repair took too long" if self.repaired is None else (
            f"the neighbour's repair took {self.repaired:.0f} s"
        )

    async def leaks(self) -> list[str]:
        """Where a secret is seen, or a text that a terminal would obey."""
        found = list[str]()
        resources = await self.kube.list(paths.emqxautoclusters(), limit=20)
        events = await self.kube.list(paths.events(), limit=100)
        told = [(f"{r['metadata']['namespace']}, status", texts_of(r.get("status"))) for r in resources]
        told += [(f"{e['metadata']['namespace']}, event", str(e.get("note"))) for e in events if _is_ours(e)]
        told += [
            ("the log", line) for line in self.gauge.operator.log.read_text(errors="replace").splitlines()
        ]
        found += [f"{where} shows the secret" for where, text in told if PASSWORD in text]
        found += [f"{where} obeys: {text[:200]!r}" for where, text in told if not is_plain(text)]
        return list(dict.fromkeys(found))


def texts_of(status: object) -> str:
    """All texts of it in one line."""
    if isinstance(status, dict):
        return " ".join(texts_of(value) for value in status.values())
    return " ".join(map(texts_of, status)) if isinstance(status, list) else str(status)


def _is_ours(event: Object) -> bool:
    return str(event.get("reportingController", "")).startswith("emqx-autocluster")


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


_GROUPS = {
    "Deployment": "/apis/apps/v1",
    "EMQXAutoCluster": "/apis/emqx-autocluster.io/v1alpha1",
}


def _collection(body: Object) -> str:
    group = _GROUPS.get(body["kind"], "/api/v1")
    return f"{group}/namespaces/{body['metadata']['namespace']}/{body['kind'].lower()}s"


@asynccontextmanager
async def prepared(tell: Callable[[str], None], patience: float) -> AsyncIterator[Siege]:
    """A sandbox, the operator with the rights of deploy/, and the neighbours; ends them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * _CONNECTIONS)), hard))
    async with AsyncExitStack() as until:
        running = await asyncio.to_thread(RunningSandbox.start)
        until.push_async_callback(asyncio.to_thread, running.stop)
        handle = SandboxHandle.load(running.state)
        await asyncio.to_thread(install, handle)
        operator = await asyncio.to_thread(RunningOperator.start, handle)
        until.push_async_callback(asyncio.to_thread, operator.stop)
        kube = await until.enter_async_context(Kube.from_kubeconfig(handle.kubeconfig))
        control = await until.enter_async_context(Control(handle.control))
        gauge = await until.enter_async_context(gauged(operator))
        stories = []
        for name in ("neighbour", "repaired"):
            await kube.create("/api/v1/namespaces", _namespace(name))
            stories.append(Story(handle, kube, control, name, began=datetime.now(UTC)))
        reactions, repair = Reactions(stories[0], pid=lambda: gauge.pid), Repair(stories[1])
        await asyncio.gather(reactions.prepare(), repair.prepare())
        yield Siege(handle, gauge, kube, control, reactions, repair, tell, patience)
