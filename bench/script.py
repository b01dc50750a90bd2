"""The yardstick: the requests that a repair cannot do without, in a script that does nothing else.

Plain aiohttp with the operator's credentials; what does not depend on each other goes side by side. It judges
nothing and knows beforehand what is wrong, so it is a floor and no operator.
"""

import asyncio
import json
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from emqx_autocluster.api import annotations
from emqx_autocluster.clients import identity
from scenarios import manifests

Object = dict[str, Any]
_PORTS = (4370, 5370)
"""Of EMQX 5.8.9, by which its peers know a node."""
_VIEW = ("emqx_ctl", "cluster", "status")
_PROTOCOL = "v5.channel.k8s.io"
_SENTENCE = (
    "as long as what the operator says of a workload in one of its conditions, about a hundred characters."
)
_STATUS = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": kind,
            "status": "True",
            "reason": "AsExpected",
            "message": _SENTENCE,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind in (
            "Ready",
            "Accepted",
            "ConfigurationValid",
            "RBACReady",
            "DiscoveryReady",
            "DNSHealthy",
            "ClusterFormed",
            "RolloutSafe",
            "StaleNodesPresent",
            "Paused",
        )
    ],
}


@dataclass(slots=True)
class Script:
    """One workload, `name`, whose Service and ServiceAccount have its name, too."""

    session: aiohttp.ClientSession
    namespace: str
    name: str

    async def grant(self) -> None:
        """From the workload's name to the rights of its pods."""
        resource = await self._look()
        await self._tell(resource)
        events = self._events(4)
        role = _ours(manifests.role(self.namespace, f"{self.name}-discovery", self.name))
        await self._post(self._rbac("roles"), role)
        binding = _ours(manifests.role_binding(self.namespace, f"{self.name}-discovery", self.name))
        await self._post(self._rbac("rolebindings"), binding)
        await asyncio.gather(*events)

    async def roll(self, address: str) -> None:
        """From the workload's name to its patched template."""
        resource = await self._look()
        await self._tell(resource)
        events = self._events(4)
        env = [{"name": "EMQX_CLUSTER__K8S__APISERVER", "value": address, "valueFrom": None}]
        template = {"spec": {"containers": [{"name": "emqx", "env": env}]}}
        body = {"spec": {"minReadySeconds": 20, "template": template}}
        await self._patch(self._workload(), body, "application/strategic-merge-patch+json")
        await asyncio.gather(*events)

    async def _look(self) -> Object:
        """All that is read; returns the EMQXAutoCluster that is made on the way."""
        body = _ours(manifests.custom_resource(self.namespace, name=self.name))
        body["spec"]["targetRef"]["name"] = self.name
        await asyncio.gather(
            self._get(self._workload()),
            self._get(f"{self._resources()}/{self.name}"),
            self._get(f"{self._resources()}/{self.name}-deployment"),
        )
        resource, pods = await asyncio.gather(
            self._post(self._resources(), body),
            self._get(f"{self._core('pods')}?labelSelector=app%3D{self.name}&limit=250"),
        )
        (pod,) = (item["metadata"]["name"] for item in pods["items"])
        await asyncio.gather(self._exec(pod, _VIEW), self._surroundings(pod))
        return resource

    async def _surroundings(self, pod: str) -> None:
        """The names of what is around a member stand in its environment."""
        await self._exec(pod, identity.command(_PORTS))
        own = f"{self.name}-discovery"
        await asyncio.gather(
            self._get(f"{self._core('services')}/{self.name}"),
            self._get(f"{self._core('endpoints')}/{self.name}"),
            self._get(f"{self._core('serviceaccounts')}/{self.name}"),
            self._get(f"{self._rbac('roles')}/{own}"),
            self._get(f"{self._rbac('rolebindings')}/{own}"),
            self._post(self._reviews(), self._review()),
        )

    async def _tell(self, resource: Object) -> None:
        version = resource["metadata"]["resourceVersion"]
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/status", "value": _STATUS},
        ]
        await self._patch(f"{self._resources()}/{self.name}/status", patch, "application/json-patch+json")

    def _events(self, count: int) -> Iterable["asyncio.Task[Object]"]:
        """Nothing depends on an event."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        return [asyncio.create_task(self._post(path, self._event())) for _ in range(count)]

    def _event(self) -> Object:
        regarding = {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name}
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{self.name}-", "namespace": self.namespace},
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingController": f"{annotations.MANAGER}.io/operator",
            "reportingInstance": "bench",
            "type": "Normal",
            "reason": "Measured",
            "action": "Measure",
            "note": _SENTENCE,
            "regarding": regarding | {"namespace": self.namespace},
        }

    def _review(self) -> Object:
        attributes = {"namespace": self.namespace, "verb": "get", "resource": "endpoints", "name": self.name}
        user = f"system:serviceaccount:{self.namespace}:{self.name}"
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "LocalSubjectAccessReview",
            "metadata": {"namespace": self.namespace},
            "spec": {"user": user, "groups": ["system:serviceaccounts"], "resourceAttributes": attributes},
        }

    def _workload(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{self.name}"

    def _resources(self) -> str:
        return f"/apis/emqx-autocluster.io/v1alpha1/namespaces/{self.namespace}/emqxautoclusters"

    def _reviews(self) -> str:
        return f"/apis/authorization.k8s.io/v1/namespaces/{self.namespace}/localsubjectaccessreviews"

    def _core(self, plural: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/{plural}"

    def _rbac(self, plural: str) -> str:
        return f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespace}/{plural}"

    async def _get(self, path: str) -> Object:
        async with self.session.get(path) as response:
            return _parsed(await response.read())

    async def _post(self, path: str, body: Object) -> Object:
        async with self.session.post(path, json=body, raise_for_status=True) as response:
            return _parsed(await response.read())

    async def _patch(self, path: str, body: object, kind: str) -> None:
        headers = {"Content-Type": kind}
        data = json.dumps(body)
        async with self.session.patch(path, data=data, headers=headers, raise_for_status=True) as response:
            await response.read()

    async def _exec(self, pod: str, argv: Iterable[str]) -> None:
        query = [("container", "emqx"), ("stdout", "true"), ("stderr", "true")]
        query += [("command", argument) for argument in argv]
        path = f"{self._core('pods')}/{pod}/exec"
        async with self.session.ws_connect(path, params=query, protocols=[_PROTOCOL]) as channel:
            async for _ in channel:
                pass


def _ours(body: Object) -> Object:
    """With the label without which the policies let nobody write it with the operator's credentials."""
    body["metadata"]["labels"] = {annotations.MANAGED_BY: annotations.MANAGER}
    return body


def session(kubeconfig: Path) -> aiohttp.ClientSession:
    """A connection with the credentials of that kubeconfig."""
    document = yaml.safe_load(kubeconfig.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    headers = {"Authorization": f"Bearer {user['token']}"}
    return aiohttp.ClientSession(cluster["server"], headers=headers, connector=aiohttp.TCPConnector(ssl=tls))


def _parsed(answer: bytes) -> Object:
    parsed: Object = json.loads(answer)
    return parsed
