"""Where the objects live in the Kubernetes API. Without a namespace: those of all namespaces; without a name: all."""

from collections.abc import Callable, Mapping
from urllib.parse import quote, unquote

from emqx_autocluster.clients.errors import UnsafeArgument
from emqx_autocluster.observation import WorkloadKind
from emqx_autocluster.text import grammar

GROUP = "emqx-autocluster.io"
VERSION = "v1alpha1"


def deployments(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/apps/v1", "deployments", namespace, name)


def statefulsets(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/apps/v1", "statefulsets", namespace, name)


WORKLOADS: Mapping[WorkloadKind, Callable[..., str]] = {
    WorkloadKind.DEPLOYMENT: deployments,
    WorkloadKind.STATEFUL_SET: statefulsets,
}


def replicasets(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/apps/v1", "replicasets", namespace, name)


def controllerrevisions(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/apps/v1", "controllerrevisions", namespace, name)


def pods(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/api/v1", "pods", namespace, name)


def pod_exec(namespace: str, name: str) -> str:
    return pods(namespace, name) + "/exec"


def pod_log(namespace: str, name: str) -> str:
    return pods(namespace, name) + "/log"


def pod_eviction(namespace: str, name: str) -> str:
    return pods(namespace, name) + "/eviction"


def services(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/api/v1", "services", namespace, name)


def endpoints(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/api/v1", "endpoints", namespace, name)


def configmaps(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/api/v1", "configmaps", namespace, name)


def serviceaccounts(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/api/v1", "serviceaccounts", namespace, name)


def roles(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/rbac.authorization.k8s.io/v1", "roles", namespace, name)


def rolebindings(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/rbac.authorization.k8s.io/v1", "rolebindings", namespace, name)


def networkpolicies(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/networking.k8s.io/v1", "networkpolicies", namespace, name)


def events(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/events.k8s.io/v1", "events", namespace, name)


def leases(namespace: str | None = None, name: str | None = None) -> str:
    return _path("/apis/coordination.k8s.io/v1", "leases", namespace, name)


def local_subject_access_reviews(namespace: str) -> str:
    return _path("/apis/authorization.k8s.io/v1", "localsubjectaccessreviews", namespace, None)


def self_subject_access_reviews() -> str:
    return _path("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", None, None)


def own_kinds() -> str:
    """Which kinds of our own group are served: whoever may log in may ask that."""
    return f"/apis/{GROUP}/{VERSION}"


def emqxautoclusters(namespace: str | None = None, name: str | None = None) -> str:
    return _path(f"/apis/{GROUP}/{VERSION}", "emqxautoclusters", namespace, name)


def emqxautocluster_status(namespace: str, name: str) -> str:
    return emqxautoclusters(namespace, name) + "/status"


def checked(path: str) -> str:
    """The path, of names alone: what else stood in one would lead to another object, or to a proxy.

    Raises UnsafeArgument. To be asked where the request is made, so that a name which is none is a fact not read.
    """
    names, _, _ = path.partition("?")
    for part in names.removeprefix("/").split("/"):
        if not grammar.is_name(part):
            raise UnsafeArgument(f'"{unquote(part)}" is no name that an object of Kubernetes can have')
    return path


def _path(group: str, plural: str, namespace: str | None, name: str | None) -> str:
    within = "" if namespace is None else f"/namespaces/{quote(namespace, safe='')}"
    which = "" if name is None else f"/{quote(name, safe='')}"
    return f"{group}{within}/{plural}{which}"
