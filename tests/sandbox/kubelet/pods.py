"""The pods bound to one node: a worker for each, started and ended by what the watch says."""

import asyncio
from collections.abc import Iterable, Iterator

from .api import Json
from .context import NodeContext, Sandbox
from .podworker import PodWorker
from .watch import Listed, follow


class Pods:
    def __init__(self, node: NodeContext, sandbox: Sandbox) -> None:
        self._node = node
        self._sandbox = sandbox
        self._workers: dict[str, PodWorker] = {}
        self._names: dict[tuple[str, str], PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __iter__(self) -> Iterator[PodWorker]:
        return iter(list(self._workers.values()))

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """Give the pod of that name, the newest if one is still being deleted."""
        return self._names.get((namespace, name))

    async def watch(self) -> None:
        """Follow the API server for ever."""
        selector = {"fieldSelector": f"spec.nodeName={self._node.name}"}
        async for event in follow(self._node.client, "/api/v1/pods", selector):
            if isinstance(event, Listed):
                self._see_all(event.items)
            elif event.kind == "DELETED":
                self._gone(event.item["metadata"]["uid"])
            else:
                self._see(event.item)

    async def stop(self) -> None:
        """End all pods' tasks; the pods stay in the API, as when a node loses power."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _see_all(self, items: Iterable[Json]) -> None:
        listed = {item["metadata"]["uid"]: item for item in items}
        for uid in self._workers.keys() - listed.keys():
            self._gone(uid)
        for item in listed.values():
            self._see(item)

    def _see(self, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._workers:
            self._workers[uid].update(pod)
            return
        self._sandbox.switches.claim(pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._workers[uid] = worker = PodWorker(pod, self._node, self._sandbox)
        self._names[worker.namespace, worker.name] = worker
        self._tasks[uid] = asyncio.create_task(worker.run())

    def _gone(self, uid: str) -> None:
        worker, task = self._workers.pop(uid, None), self._tasks.pop(uid, None)
        if worker is None or task is None:
            return
        task.cancel()
        if self._names.get((worker.namespace, worker.name)) is worker:
            del self._names[worker.namespace, worker.name]
            self._sandbox.switches.forget(worker.namespace, worker.name)
