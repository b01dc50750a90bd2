"""The workloads that the stories are about, as users write them."""

from collections.abc import Sequence
from typing import Any

from packaging.version import Version

DEAD_PROXY = "http://192.168.1.31:8888"
NODE_ONLY_NAME = "https://apiserver.cluster.local:6443"
CANONICAL = "https://kubernetes.default.svc:443"

HOSTNAMES: dict[str, Any] = {
    "EMQX_CLUSTER__K8S__ADDRESS_TYPE": "hostname",
    "EMQX_CLUSTER__K8S__SUFFIX": "svc.cluster.local",
}
"""For StatefulSets with a headless Service: node names that outlive their pods."""

Object = dict[str, Any]


def environment(version: str, namespace: str, api_server: str | None, **more: str) -> list[Object]:
    """The variables of the version's generation; `more` adds or overrides, an empty value leaves one out."""
    old = Version(version).major < 5
    values: dict[str, str] = {
        "EMQX_NAME": "emqx",
        "EMQX_CLUSTER__DISCOVERY" if old else "EMQX_CLUSTER__DISCOVERY_STRATEGY": "k8s",
        "EMQX_CLUSTER__K8S__SERVICE_NAME": "emqx",
        "EMQX_CLUSTER__K8S__NAMESPACE": namespace,
        "EMQX_CLUSTER__K8S__ADDRESS_TYPE": "ip",
    }
    if old:
        values["EMQX_CLUSTER__K8S__APP_NAME"] = "emqx"
    if api_server is not None:
        values["EMQX_CLUSTER__K8S__APISERVER"] = api_server
    return [{"name": name, "value": value} for name, value in (values | more).items() if value]


def container(version: str, env: Sequence[Object]) -> Object:
    number = Version(version)
    status = "/api/v5/status" if Version("5.0.0") <= number < Version("5.0.5") else "/status"
    return {
        "name": "emqx",
        "image": f"emqx/emqx:{version}",
        "env": list(env),
        "ports": [{"name": "mqtt", "containerPort": 1883}],
        "readinessProbe": {
            "httpGet": {"path": status, "port": 8081 if number.major < 5 else 18083},
            "periodSeconds": 2,
        },
    }


def deployment(
    version: str,
    namespace: str,
    api_server: str | None,
    *,
    name: str = "emqx",
    replicas: int = 3,
    spec: Object | None = None,
    pod: Object | None = None,
    **env: str,
) -> Object:
    """`spec` and `pod` are merged into the Deployment's and the pod's spec."""
    return _workload("Deployment", version, namespace, api_server, name, replicas, spec or {}, pod or {}, env)


def stateful_set(
    version: str,
    namespace: str,
    api_server: str | None,
    *,
    name: str = "emqx",
    replicas: int = 3,
    volume: bool = False,
    spec: Object | None = None,
    pod: Object | None = None,
    **env: str,
) -> Object:
    """Parallel, with the Service `emqx`; with `volume` EMQX's data is on a claim of its own."""
    own: Object = {"serviceName": "emqx", "podManagementPolicy": "Parallel"} | (spec or {})
    body = _workload("StatefulSet", version, namespace, api_server, name, replicas, own, pod or {}, env)
    if volume:
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        body["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
        mount = {"name": "data", "mountPath": "/opt/emqx/data"}
        body["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [mount]
    return body


def _workload(
    kind: str,
    version: str,
    namespace: str,
    api_server: str | None,
    name: str,
    replicas: int,
    spec: Object,
    pod: Object,
    env: dict[str, str],
) -> Object:
    labels = {"app": name}
    containers = [container(version, environment(version, namespace, api_server, **env))]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 10, "containers": containers} | pod,
            },
        }
        | spec,
    }


def service(namespace: str, *, name: str = "emqx", headless: bool = False, **selector: str) -> Object:
    spec: Object = {
        "selector": selector or {"app": "emqx"},
        "ports": [{"name": "mqtt", "port": 1883}],
    }
    if headless:
        spec |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def service_account(namespace: str, name: str, **fields: Any) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata} | fields


def role(namespace: str, name: str, service_name: str = "emqx") -> Object:
    rule = {"apiGroups": [""], "resources": ["endpoints"], "resourceNames": [service_name], "verbs": ["get"]}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": [rule],
    }


def role_binding(namespace: str, name: str, account: str) -> Object:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def custom_resource(namespace: str, *, name: str = "emqx", kind: str = "Deployment", **spec: Any) -> Object:
    """An EMQXAutoCluster that a user makes beforehand, to tune it."""
    return {
        "apiVersion": "emqx-autocluster.io/v1alpha1",
        "kind": "EMQXAutoCluster",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name}} | spec,
    }
