"""What tenants write: workloads whose members are stand-ins that answer whatever they are told to."""

import json
from collections.abc import Mapping
from typing import Any

from scenarios import manifests

Object = dict[str, Any]
VERSION = "5.8.9"
IMAGE = f"scripted.example/emqx:{VERSION}"
MODE = "emqx-autocluster.io/mode"
NOWHERE = {"nodeSelector": {"no-such": "node"}}

_SELDOM = 30
"""Seconds between probes: hundreds of pods share the machine with what is measured."""
SOCKETS = {
    "text": "  sl  local_address rem_address   st tx_queue\n"
    "   0: 00000000:1112 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 1 1 0 100 0 0 10 0\n"
}


def view(*running: str, stopped: tuple[str, ...] = ()) -> Object:
    """What a member answers to `emqx_ctl cluster status`."""

    def listed(names: tuple[str, ...]) -> str:
        return "[" + ",".join(f"'{name}'" for name in names) + "]"

    text = f"Cluster status: #{{running_nodes => {listed(running)},stopped_nodes => {listed(stopped)}}}\n"
    return {"text": text}


def identity(node: str = "emqx@10.0.0.1", *lines: str, version: str = VERSION) -> Object:
    """What its process says of itself."""
    shown = "\n".join([f"EMQX_NODE__NAME={node}", *lines])
    return {"text": f'{shown}\n=== version\nREL_VSN="{version}"\n=== resolv.conf\nnameserver 10.96.0.10\n'}


def workload(
    namespace: str,
    answers: Mapping[str, Any] | None = None,
    *,
    name: str = "emqx",
    replicas: int = 1,
    address: str | None = manifests.CANONICAL,
    pod: Object | None = None,
    mode: str = "Observe",
    image: str = IMAGE,
    **env: Any,
) -> Object:
    """An annotated Deployment; `answers` by command, such as `EMQX_CTL`, `SH`, `GREP`, `LOG`."""
    body = manifests.deployment(VERSION, namespace, address, name=name, replicas=replicas, pod=pod, **env)
    body["metadata"]["annotations"] = {MODE: mode}
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["image"] = image
    container["readinessProbe"]["periodSeconds"] = _SELDOM
    container["env"] += [
        {"name": f"ANSWER_{command}", "value": json.dumps(answer)}
        for command, answer in (answers or {}).items()
    ]
    return body


def container(body: Object) -> Object:
    found: Object = body["spec"]["template"]["spec"]["containers"][0]
    return found


def resource(namespace: str, name: str, target: str = "emqx", **spec: Any) -> Object:
    body = manifests.custom_resource(namespace, name=name, **spec)
    body["spec"]["targetRef"]["name"] = target
    return body
