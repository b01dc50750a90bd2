"""Kubernetes objects, from the API server's JSON to the values that are judged."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from emqx_autocluster import rbac
from emqx_autocluster.observation import (
    Container,
    ContainerPort,
    EndpointAddress,
    Endpoints,
    EnvFrom,
    EnvVar,
    ManagedObject,
    NetworkPolicy,
    Pod,
    PodTemplate,
    Service,
    Workload,
    WorkloadKind,
    WorkloadRef,
)

Object = Mapping[str, Any]
_TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path


def workload(kind: WorkloadKind, body: Object) -> Workload:
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    strategy = spec.get("strategy") or spec.get("updateStrategy") or {}
    return Workload(
        ref=WorkloadRef(metadata["namespace"], kind, metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        resource_version=metadata["resourceVersion"],
        replicas=spec.get("replicas", 1),
        template=_template(spec["template"], metadata["namespace"]),
        selector=spec.get("selector") or {},
        annotations=metadata.get("annotations") or {},
        owners=tuple(_owner(owner) for owner in metadata.get("ownerReferences") or ()),
        strategy=strategy.get("type", "RollingUpdate"),
        min_ready_seconds=spec.get("minReadySeconds", 0),
        progress_deadline_seconds=spec.get("progressDeadlineSeconds"),
        paused=spec.get("paused", False),
        partition=(strategy.get("rollingUpdate") or {}).get("partition", 0) or 0,
        pod_management=spec.get(
            "podManagementPolicy", "Parallel" if kind is WorkloadKind.DEPLOYMENT else "OrderedReady"
        ),
        service_name=spec.get("serviceName"),
        claim_templates=tuple(claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates") or ()),
        status_replicas=status.get("replicas", 0),
        updated_replicas=status.get("updatedReplicas", 0),
        ready_replicas=status.get("readyReplicas", 0),
        available_replicas=status.get("availableReplicas", 0),
        update_revision=status.get("updateRevision", ""),
        progress_deadline_exceeded=any(
            c.get("type") == "Progressing" and c.get("reason") == "ProgressDeadlineExceeded"
            for c in status.get("conditions") or ()
        ),
        writers=_writers(metadata.get("managedFields") or ()),
    )


def _writers(entries: Iterable[Object]) -> dict[str, str]:
    """From the API server's own record; the last of several that wrote the same counts."""
    found: dict[str, str] = {}
    for entry in sorted(entries, key=lambda entry: entry.get("time") or ""):
        fields = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        pod = (fields.get("f:template") or {}).get("f:spec") or {}
        containers = (c for key, c in (pod.get("f:containers") or {}).items() if key.startswith("k:"))
        variables = (item for c in containers for item in (c.get("f:env") or {}).items())
        written = [f"env/{json.loads(key[2:])['name']}" for key, value in variables if _is_set(key, value)]
        written += [key.removeprefix("f:") for key in pod if key.startswith("f:")]
        found |= dict.fromkeys(written, entry.get("manager") or "")
    return found


def _is_set(key: str, fields: Object) -> bool:
    """Whether a manager owns a variable's value, and not just its place in the list."""
    return key.startswith("k:") and not {"f:value", "f:valueFrom"}.isdisjoint(fields)


def _owner(reference: Object) -> tuple[str, str]:
    return reference.get("apiVersion", "").partition("/")[0], reference.get("kind", "")


def _template(body: Object, namespace: str) -> PodTemplate:
    spec = body["spec"]
    volumes = {
        v["name"]: next((key for key in v if key != "name"), "emptyDir") for v in spec.get("volumes") or ()
    }
    tokens = _token_volumes(spec)
    return PodTemplate(
        containers=tuple(_container(c, namespace, tokens) for c in spec["containers"]),
        service_account=spec.get("serviceAccountName") or "default",
        names_account=bool(spec.get("serviceAccountName")),
        automount_token=spec.get("automountServiceAccountToken"),
        dns_policy=spec.get("dnsPolicy", "ClusterFirst"),
        dns_config=bool(spec.get("dnsConfig")),
        host_network=spec.get("hostNetwork", False),
        volumes=volumes,
        annotations=(body.get("metadata") or {}).get("annotations") or {},
        labels=(body.get("metadata") or {}).get("labels") or {},
    )


def _token_volumes(spec: Object) -> dict[str, Object]:
    """The projected volumes with a file `token`, as the automounted one has it, and the token that it is."""
    return {
        volume["name"]: token
        for volume in spec.get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
        if (token := source.get("serviceAccountToken") or {}).get("path") == "token"
    }


def _container(body: Object, namespace: str, token_volumes: Mapping[str, Object]) -> Container:
    mounts = body.get("volumeMounts") or ()
    # EMQX reads its token from the usual path only, whoever put it there.
    at_path = (mount["name"] for mount in mounts if mount["mountPath"].rstrip("/") == _TOKEN_DIRECTORY)
    projected = next((token_volumes[name] for name in at_path if name in token_volumes), None)
    return Container(
        name=body["name"],
        image=body.get("image", ""),
        env=tuple(_env(entry, namespace) for entry in body.get("env") or ()),
        env_from=tuple(_env_from(source) for source in body.get("envFrom") or ()),
        mounts={mount["mountPath"]: mount["name"] for mount in mounts},
        projects_token=projected is not None,
        token_audience=(projected or {}).get("audience") or None,
        ports=tuple(
            ContainerPort(port["name"], port["containerPort"], port.get("protocol", "TCP"))
            for port in body.get("ports") or ()
            if "name" in port
        ),
    )


def _env(entry: Object, namespace: str) -> EnvVar:
    source = entry.get("valueFrom")
    if source:
        own = (source.get("fieldRef") or {}).get("fieldPath") == "metadata.namespace"
        return EnvVar(entry["name"], namespace if own else None, source)
    return EnvVar(entry["name"], entry.get("value", ""))


def _env_from(source: Object) -> EnvFrom:
    return EnvFrom(
        config_map=(source.get("configMapRef") or {}).get("name"),
        secret=(source.get("secretRef") or {}).get("name"),
        prefix=source.get("prefix", ""),
    )


def pod(body: Object, container: str) -> Pod:
    """`container` names the EMQX container, whose state counts."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    state: Object = next((s for s in status.get("containerStatuses") or () if s["name"] == container), {})
    running = (state.get("state") or {}).get("running")
    ready: Object = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), {})
    labels = metadata.get("labels") or {}
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        ip=status.get("podIP"),
        created=_time(metadata["creationTimestamp"]),
        ready=ready.get("status") == "True",
        deleting="deletionTimestamp" in metadata,
        phase=status.get("phase", "Pending"),
        hostname=spec.get("hostname") or metadata["name"],
        subdomain=spec.get("subdomain", ""),
        service_account=spec.get("serviceAccountName", "default"),
        revision=labels.get("controller-revision-hash") or labels.get("pod-template-hash", ""),
        container_id=state.get("containerID"),
        running_since=_time(running["startedAt"]) if running else None,
        waiting=_waiting(state),
        ready_since=_time(ready["lastTransitionTime"]) if ready.get("status") == "True" else None,
        labels=labels,
        cookie=_cookie(next((c for c in spec.get("containers") or () if c["name"] == container), {})),
    )


def _cookie(container: Object) -> str | None:
    """Equal texts for equal cookies; None: it may stand where it cannot be compared."""
    given = {entry["name"]: entry for entry in container.get("env") or ()}
    # Both are read, and the shorter one wins.
    entry = given.get("EMQX_NODE_COOKIE") or given.get("EMQX_NODE__COOKIE")
    if entry is None:
        return None if container.get("envFrom") else "default"
    if entry.get("valueFrom"):
        return json.dumps(entry["valueFrom"], sort_keys=True)
    return hashlib.blake2b(entry.get("value", "").encode(), key=_key(), digest_size=16).hexdigest()


@cache
def _key() -> bytes:
    """Of this process alone: without it a digest tells nothing of a cookie, and the key is never written anywhere."""
    return secrets.token_bytes(32)


def _waiting(state: Object) -> str | None:
    current = state.get("state") or {}
    for kind in ("waiting", "terminated"):
        if kind in current:
            detail = current[kind]
            reason, message = detail.get("reason", kind), detail.get("message", "")
            return f"{reason}: {message}" if message else str(reason)
    return None


def belongs_to(body: Object, owner: Workload) -> bool:
    """Whether a pod is the workload's own: a selector may fit pods of others as well."""
    for reference in body["metadata"].get("ownerReferences") or ():
        if reference["uid"] == owner.uid:
            return True
        if reference["kind"] == "ReplicaSet" and reference["name"].rpartition("-")[0] == owner.ref.name:
            return owner.ref.kind is WorkloadKind.DEPLOYMENT
    return False


def workload_name(body: Object) -> str:
    """`Deployment emqx`: what a pod was made by; empty for one that was made by hand."""
    for reference in body["metadata"].get("ownerReferences") or ():
        if reference["kind"] == "ReplicaSet":
            return f"Deployment {reference['name'].rpartition('-')[0]}"
        return f"{reference['kind']} {reference['name']}"
    return ""


def is_finished(body: Object) -> bool:
    return (body.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def service(body: Object) -> Service:
    spec = body["spec"]
    return Service(
        name=body["metadata"]["name"],
        selector=spec.get("selector") or {},
        headless=spec.get("clusterIP") == "None",
        publish_not_ready=spec.get("publishNotReadyAddresses", False),
    )


def endpoints(body: Object) -> Endpoints:
    subsets = body.get("subsets") or ()
    return Endpoints(
        ready=tuple(_address(a) for s in subsets for a in s.get("addresses") or ()),
        not_ready=tuple(_address(a) for s in subsets for a in s.get("notReadyAddresses") or ()),
    )


def endpoint_ports(body: Object) -> frozenset[int]:
    return frozenset(
        port["port"] for subset in body.get("subsets") or () for port in subset.get("ports") or ()
    )


def cluster_ips(body: Object) -> tuple[str, ...]:
    """The addresses of a Service; none where there is no Service, or a headless one."""
    spec = body.get("spec") or {}
    given = spec.get("clusterIPs") or (spec.get("clusterIP"),)
    return tuple(ip for ip in given if ip and ip != "None")


def network_policy(body: Object) -> NetworkPolicy:
    """With Kubernetes' own default for the types: Ingress, and Egress where there is a rule for it."""
    spec = body["spec"]
    types = spec.get("policyTypes") or ("Ingress", *(("Egress",) if spec.get("egress") else ()))
    return NetworkPolicy(
        name=body["metadata"]["name"],
        pod_selector=spec.get("podSelector") or {},
        types=frozenset(types),
        ingress=tuple(spec.get("ingress") or ()),
        egress=tuple(spec.get("egress") or ()),
    )


def _address(body: Object) -> EndpointAddress:
    return EndpointAddress(body["ip"], body.get("hostname"), (body.get("targetRef") or {}).get("name"))


def managed(body: Object) -> ManagedObject:
    metadata = body["metadata"]
    return ManagedObject(metadata["name"], metadata["uid"], rbac.is_ours(body), body)


def label_selector(selector: Object) -> str:
    """A LabelSelector in the form that list requests take."""
    equal = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    return ",".join([*equal, *(_expression(e) for e in selector.get("matchExpressions") or ())])


def _expression(expression: Object) -> str:
    key, values = expression["key"], ",".join(expression.get("values") or ())
    return {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": f"{key}",
        "DoesNotExist": f"!{key}",
    }[expression["operator"]]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
