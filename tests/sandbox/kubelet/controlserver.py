"""The HTTP server of the switches. Whatever it sets holds at once."""

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from aiohttp import web

from .addresstable import AddressTable
from .commands import Given, Streams
from .machine import Machine
from .podnetwork import PodNetwork
from .podworker import PodWorker
from .switches import Switches

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlServer:
    def __init__(
        self, switches: Switches, network: PodNetwork, table: AddressTable, machines: Sequence[Machine]
    ) -> None:
        self._switches = switches
        self._network = network
        self._table = table
        self._machines = machines

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_malformed])
        app.router.add_put("/switches/pod/{namespace}/{pod}", self._put_pod)
        app.router.add_delete("/switches/pod/{namespace}/{pod}", self._delete_pod)
        app.router.add_put("/switches/namespace/{namespace}", self._put_namespace)
        app.router.add_delete("/switches/namespace/{namespace}", self._delete_namespace)
        app.router.add_put("/switches/next/{namespace}", self._put_next)
        app.router.add_put("/partition", self._put_partition)
        app.router.add_delete("/partition/{namespace}", self._delete_partition)
        app.router.add_put("/addresses", self._put_addresses)
        app.router.add_post("/nodes/{node}/power-loss", self._lose_power)
        app.router.add_get("/pods", self._get_pods)
        app.router.add_get("/pods/{namespace}", self._get_pods)
        app.router.add_post("/run/{namespace}/{pod}/{container}", self._run)
        return app

    async def _put_pod(self, request: web.Request) -> web.Response:
        namespace, pod = request.match_info["namespace"], request.match_info["pod"]
        self._switches.pod(namespace, pod).update(await _strings(request))
        self._tell(namespace, pod)
        return web.Response()

    async def _delete_pod(self, request: web.Request) -> web.Response:
        namespace, pod = request.match_info["namespace"], request.match_info["pod"]
        self._switches.pod(namespace, pod).clear()
        self._tell(namespace, pod)
        return web.Response()

    async def _put_namespace(self, request: web.Request) -> web.Response:
        namespace = request.match_info["namespace"]
        self._switches.namespace(namespace).update(await _strings(request))
        self._tell(namespace)
        return web.Response()

    async def _delete_namespace(self, request: web.Request) -> web.Response:
        namespace = request.match_info["namespace"]
        self._switches.namespace(namespace).clear()
        self._tell(namespace)
        return web.Response()

    async def _put_next(self, request: web.Request) -> web.Response:
        self._switches.next_pod(request.match_info["namespace"]).update(await _strings(request))
        return web.Response()

    async def _put_partition(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._network.partition(body["namespace"], body["groups"])
        return web.Response()

    async def _delete_partition(self, request: web.Request) -> web.Response:
        self._network.heal(request.match_info["namespace"])
        return web.Response()

    async def _put_addresses(self, request: web.Request) -> web.Response:
        for address, target in (await _strings(request)).items():
            self._table.put(address, target)
        return web.Response()

    async def _lose_power(self, request: web.Request) -> web.Response:
        [machine] = [each for each in self._machines if each.name == request.match_info["node"]]
        await machine.lose_power()
        return web.json_response(None)

    async def _get_pods(self, request: web.Request) -> web.Response:
        namespace = request.match_info.get("namespace")
        found = [w for w in self._workers() if namespace in (None, w.namespace)]
        return web.json_response([self._describe(worker) for worker in found])

    async def _run(self, request: web.Request) -> web.Response:
        """What a command prints, without the way through the API server: for those who ask again and again."""
        namespace, pod, container = (request.match_info[part] for part in ("namespace", "pod", "container"))
        lives = [w.container(container) for w in self._workers() if (w.namespace, w.name) == (namespace, pod)]
        process = next((life.process for life in lives[::-1] if life and life.process), None)
        if process is None:
            return web.json_response({"code": None, "stdout": ""})
        printed: list[bytes] = []
        streams = Streams(Given(), printed.append, lambda _: None)
        code = await process.execute(await request.json(), streams)
        return web.json_response({"code": code, "stdout": b"".join(printed).decode()})

    def _workers(self) -> Iterator[PodWorker]:
        return (worker for machine in self._machines for worker in machine.pods)

    def _tell(self, namespace: str, pod: str | None = None) -> None:
        for worker in self._workers():
            if worker.namespace == namespace and pod in (None, worker.name):
                worker.switched()

    def _describe(self, worker: PodWorker) -> dict[str, Any]:
        views = [life.view() for life in worker.containers]
        return {
            "namespace": worker.namespace,
            "pod": worker.name,
            "uid": worker.uid,
            "ip": worker.ip,
            "switches": dict(self._switches.of(worker.namespace, worker.name)),
            "containers": [
                {"name": view.name, "state": repr(view.state), "ready": view.ready, "restarts": view.restarts}
                for view in views
            ],
        }


@web.middleware
async def _malformed(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
        return web.Response(status=400, text=f"{type(error).__name__}: {error}")


async def _strings(request: web.Request) -> dict[str, str]:
    body = await request.json()
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise ValueError("a JSON object of strings is expected")
    return body
