"""One Node object: registered, its status reported, its Lease renewed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from .api import UNREACHABLE, ApiClient, ApiError, Json
from .podstatus import rfc3339

logger = logging.getLogger(__name__)

MAX_PODS = 5000
_LEASE_SECONDS = 40
_RENEW_EVERY = 10.0
_REPORT_EVERY = 300.0
_CONFLICT = 409
_NOT_FOUND = 404
_CAPACITY = {"cpu": "10000", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": str(MAX_PODS)}
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class Node:
    def __init__(self, name: str, port: int, client: ApiClient) -> None:
        self._name = name
        self._port = port
        self._client = client
        self._since = rfc3339(datetime.now(UTC))
        self._version = "v1.36.0"

    async def register(self) -> None:
        """Create the Node or take over the one of an earlier run, and report it Ready."""
        self._version = (await self._client.get("/version"))["gitVersion"]
        try:
            await self._client.create("/api/v1/nodes", self._object())
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
        await self._report()
        await self._renew()

    async def keep_alive(self) -> None:
        """Renew the Lease and report the status for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_repeat(_RENEW_EVERY, self._renew))
            group.create_task(_repeat(_REPORT_EVERY, self._report))

    async def _report(self) -> None:
        await self._client.patch(f"/api/v1/nodes/{self._name}/status", {"status": self._status()})

    async def _renew(self) -> None:
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": self._name, "leaseDurationSeconds": _LEASE_SECONDS, "renewTime": now}
        try:
            await self._client.patch(f"{path}/{self._name}", {"spec": spec})
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            metadata = {"name": self._name, "namespace": "kube-node-lease"}
            body = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": metadata,
                "spec": spec,
            }
            await self._client.create(path, body)

    def _object(self) -> Json:
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self._name,
                "labels": {
                    "kubernetes.io/hostname": self._name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                },
            },
            "status": self._status(),
        }

    def _status(self) -> Json:
        now = rfc3339(datetime.now(UTC))
        return {
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY,
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": self._name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._port}},
            # by this the API server hands WebSocket exec to the kubelet instead of translating it to SPDY
            "declaredFeatures": ["ExtendWebSocketsToKubelet"],
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": self._since,
                }
                for kind, status, reason, message in _CONDITIONS
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "hollow://1",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "kubeletVersion": self._version,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "EMQX auto-cluster sandbox",
                "systemUUID": "",
            },
        }


async def _repeat(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await action()
        except (ApiError, *UNREACHABLE) as error:
            logger.warning("node: %s", error or type(error).__name__)
