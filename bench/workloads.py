"""The workloads that are measured: many, alike, each with a Service and a ServiceAccount of its own name."""

from collections.abc import Iterable
from typing import Any

from scenarios import manifests

Object = dict[str, Any]
VERSION = "5.8.9"

_PROBE_SECONDS = 10
"""Hundreds of stand-ins share the cores with what is measured."""


def workload(
    namespace: str, name: str, *, replicas: int = 1, address: str = manifests.CANONICAL, min_ready: int = 0
) -> Object:
    body = manifests.deployment(
        VERSION,
        namespace,
        address,
        name=name,
        replicas=replicas,
        spec={"minReadySeconds": min_ready},
        pod={"serviceAccountName": name, "terminationGracePeriodSeconds": 0},
        EMQX_CLUSTER__K8S__SERVICE_NAME=name,
    )
    body["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] = _PROBE_SECONDS
    return body


def surroundings(namespace: str, names: Iterable[str]) -> list[Object]:
    """What a workload needs before its pods start."""
    return [
        body
        for name in names
        for body in (
            manifests.service_account(namespace, name),
            manifests.service(namespace, name=name, app=name),
        )
    ]


def rights(namespace: str, names: Iterable[str]) -> list[Object]:
    return [
        body
        for name in names
        for body in (
            manifests.role(namespace, f"{name}-by-hand", name),
            manifests.role_binding(namespace, f"{name}-by-hand", name),
        )
    ]
