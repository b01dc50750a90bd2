"""Deployments and StatefulSets."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from emqx_autocluster.observation import (
    Container,
    ContainerPort,
    EnvFrom,
    EnvVar,
    PodTemplate,
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
