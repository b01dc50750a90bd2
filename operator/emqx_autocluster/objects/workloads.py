"""Deployments and StatefulSets."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from emqx_autocluster.observation import (
    ConfigMapFiles,
    Container,
    ContainerPort,
    EnvFrom,
    EnvVar,
    Mount,
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
    rolling_update = strategy.get("rollingUpdate") or {}
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
        partition=rolling_update.get("partition", 0) or 0,
        max_surge=rolling_update.get("maxSurge"),
        max_unavailable=rolling_update.get("maxUnavailable"),
        pod_management=spec.get(
            "podManagementPolicy", "Parallel" if kind is WorkloadKind.DEPLOYMENT else "OrderedReady"
        ),
        service_name=spec.get("serviceName"),
        first_ordinal=(spec.get("ordinals") or {}).get("start", 0),
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
        written += [name for key in fields if key != "f:template" for name in _leaves(key, fields[key])]
        found |= dict.fromkeys(written, entry.get("manager") or "")
    return found


def _leaves(key: str, fields: Object) -> Iterator[str]:
    """`strategy.rollingUpdate.maxSurge`."""
    name = key.removeprefix("f:")
    inner = [each for each in fields if each.startswith("f:")]
    if not inner:
        yield name
    for each in inner:
        yield from (f"{name}.{leaf}" for leaf in _leaves(each, fields[each]))


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
        containers=tuple(
            _with_mounts(_container(c, namespace, tokens), _mounted(c, spec)) for c in spec["containers"]
        ),
        service_account=_account(spec) or "default",
        names_account=bool(_account(spec)),
        automount_token=spec.get("automountServiceAccountToken"),
        dns_policy=spec.get("dnsPolicy", "ClusterFirst"),
        dns_config=bool(spec.get("dnsConfig")),
        host_aliases=_host_aliases(spec),
        host_network=spec.get("hostNetwork", False),
        hostname_as_fqdn=spec.get("setHostnameAsFQDN") or False,
        has_sidecars=any(c.get("restartPolicy") == "Always" for c in spec.get("initContainers") or ()),
        subdomain=spec.get("subdomain") or "",
        volumes=volumes,
        annotations=(body.get("metadata") or {}).get("annotations") or {},
        labels=(body.get("metadata") or {}).get("labels") or {},
        keeps_apart=_keeps_apart(spec),
    )


def _host_aliases(spec: Object) -> dict[str, str]:
    """The first entry of a name is the one that is found."""
    entries = [
        (name, each["ip"]) for each in spec.get("hostAliases") or () for name in each.get("hostnames") or ()
    ]
    return dict(reversed(entries))


def _account(spec: Object) -> str | None:
    """Also by the name that the field had before; the API server keeps the two alike."""
    return spec.get("serviceAccountName") or spec.get("serviceAccount")


def _keeps_apart(spec: Object) -> bool:
    """By a rule that the scheduler must obey, or by a port of the node that only one of them can have."""
    anti = (spec.get("affinity") or {}).get("podAntiAffinity") or {}
    spread = spec.get("topologySpreadConstraints") or ()
    ports = (port for c in spec["containers"] for port in c.get("ports") or ())
    return (
        bool(anti.get("requiredDuringSchedulingIgnoredDuringExecution"))
        or any(rule.get("whenUnsatisfiable") == "DoNotSchedule" for rule in spread)
        or bool(spec.get("hostNetwork"))
        or any(port.get("hostPort") for port in ports)
    )


def pod_template(body: Object) -> PodTemplate:
    """Of a pod, as if it were made from it."""
    return _template(body, body["metadata"].get("namespace", ""))


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
        command=tuple(map(str, body.get("command") or ())),
        args=tuple(map(str, body.get("args") or ())),
        probes=tuple(body[kind] for kind in ("startupProbe", "readinessProbe") if body.get(kind)),
    )


def _with_mounts(container: Container, mounted: tuple[Mount, ...]) -> Container:
    at_path = (mount.volume_kind for mount in mounted if mount.path == _TOKEN_DIRECTORY)
    brings = "" if container.projects_token else next(at_path, "")
    return replace(container, mounted=mounted, brings_token=brings)


def _mounted(container: Object, spec: Object) -> tuple[Mount, ...]:
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    return tuple(
        Mount(
            path=mount["mountPath"].rstrip("/"),
            sub_path=mount.get("subPath") or "",
            **_content(volumes.get(mount["name"], {})),
        )
        for mount in container.get("volumeMounts") or ()
    )


def _content(volume: Object) -> dict[str, Any]:
    """What a volume is, in the words of `Mount`; one that a StatefulSet claims is not in the list of volumes."""
    if "configMap" in volume:
        return {"volume_kind": "ConfigMap", "config_maps": (_files(volume["configMap"]),)}
    if "secret" in volume:
        return {"volume_kind": f"Secret {volume['secret'].get('secretName', '')}", "is_secret": True}
    if "projected" in volume:
        return _projected(volume["projected"].get("sources") or ())
    kind = next((key for key in volume if key != "name"), "persistentVolumeClaim")
    return {"volume_kind": f"a volume ({kind})"}


def _projected(sources: Iterable[Object]) -> dict[str, Any]:
    secret = any("secret" in source for source in sources)
    pure = not any(kind != "configMap" for source in sources for kind in source)
    maps = tuple(_files(source["configMap"]) for source in sources if "configMap" in source)
    kind = "a projected volume with a Secret in it" if secret else "a projected volume"
    return {"volume_kind": kind, "config_maps": maps if pure else None, "is_secret": secret}


def _files(source: Object) -> ConfigMapFiles:
    items = source.get("items")
    by_path = {item["path"]: item["key"] for item in items} if items else None
    return ConfigMapFiles(source.get("name", ""), by_path)


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
