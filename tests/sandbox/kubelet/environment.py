"""A container's environment as its spec gives it. Pure: what ConfigMaps and Secrets hold is handed in."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .api import Json

Kind = Literal["configmap", "secret"]
Source = tuple[Kind, str]
_VARIABLE = re.compile(r"\$(?:\$|\(([^()]*)\))")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_QUANTITY = re.compile(r"([0-9.]+)([A-Za-z]*)")
_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}


class ConfigError(Exception):
    """The container cannot be created; a kubelet shows the text with CreateContainerConfigError."""


@dataclass(frozen=True, slots=True)
class PodFields:
    """What the downward API can refer to."""

    pod: Json
    pod_ip: str
    host_ip: str

    def field(self, path: str) -> str:
        """Give the value of a fieldRef."""
        spec, metadata = self.pod["spec"], self.pod["metadata"]
        subscript = _SUBSCRIPT.fullmatch(path)
        if subscript:
            value = (metadata.get(subscript[1]) or {}).get(subscript[2], "")
            return str(value)
        known = {
            "metadata.name": metadata["name"],
            "metadata.namespace": metadata["namespace"],
            "metadata.uid": metadata["uid"],
            "metadata.labels": _key_values(metadata.get("labels") or {}),
            "metadata.annotations": _key_values(metadata.get("annotations") or {}),
            "spec.nodeName": spec.get("nodeName", ""),
            "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
            "status.podIP": self.pod_ip,
            "status.podIPs": self.pod_ip,
            "status.hostIP": self.host_ip,
            "status.hostIPs": self.host_ip,
        }
        return str(known.get(path, ""))

    def resource(self, container: Json, reference: Json) -> str:
        """Give the value of a resourceFieldRef; the node's capacity where nothing is asked for is left out."""
        name = reference.get("containerName") or container["name"]
        target = next((c for c in self.pod["spec"]["containers"] if c["name"] == name), container)
        kind, _, resource = reference["resource"].partition(".")
        value = ((target.get("resources") or {}).get(kind) or {}).get(resource, "0")
        return str(math.ceil(quantity(value) / (quantity(reference.get("divisor") or "1") or 1.0)))


def quantity(text: str) -> float:
    """Read a resource quantity such as 500m or 2Gi."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None or match[2] not in _UNITS:
        raise ConfigError(f"quantity {text!r} not understood")
    return float(match[1]) * _UNITS[match[2]]


def references(container: Json) -> list[Source]:
    """List the ConfigMaps and Secrets that the environment is made of."""
    found: list[Source] = []
    for entry in container.get("envFrom") or ():
        found += [(kind, ref["name"]) for kind, ref in _from_references(entry)]
    for variable in container.get("env") or ():
        found += [(kind, ref["name"]) for kind, ref in _key_references(variable.get("valueFrom") or {})]
    return list(dict.fromkeys(found))


def resolve(
    container: Json,
    fields: PodFields,
    sources: Mapping[Source, Mapping[str, str] | None],
    services: Mapping[str, str],
) -> dict[str, str]:
    """Build the environment: envFrom, then env in order, then the service variables that nobody has set."""
    env: dict[str, str] = {}
    for entry in container.get("envFrom") or ():
        for kind, reference in _from_references(entry):
            data = _data(sources, (kind, reference["name"]), reference)
            env |= {f"{entry.get('prefix') or ''}{key}": value for key, value in data.items()}
    for variable in container.get("env") or ():
        value = _value(variable, container, fields, sources, {**services, **env})
        if value is not None:
            env[variable["name"]] = value
    return {**env, **{name: value for name, value in services.items() if name not in env}}


def expand(text: str, known: Mapping[str, str]) -> str:
    """Expand $(NAME); an unknown name stays as it is, and $$ is a dollar sign."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return known.get(match[1], match[0])

    return _VARIABLE.sub(one, text)


def service_variables(services: Sequence[Json]) -> dict[str, str]:
    """Give the variables that a kubelet makes of Services that have a cluster IP."""
    env: dict[str, str] = {}
    for service in services:
        ip, ports = service["spec"].get("clusterIP"), service["spec"].get("ports") or ()
        if not ip or ip == "None" or not ports:
            continue
        prefix = service["metadata"]["name"].upper().replace("-", "_")
        env |= {f"{prefix}_SERVICE_HOST": ip, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
        for port in ports:
            if port.get("name"):
                env[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
        env |= _link_variables(prefix, ip, ports)
    return env


def _link_variables(prefix: str, ip: str, ports: Sequence[Json]) -> dict[str, str]:
    """Give the variables in the style of Docker links, which Kubernetes keeps."""
    env: dict[str, str] = {}
    for index, port in enumerate(ports):
        protocol = port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{ip}:{port['port']}"
        if index == 0:
            env[f"{prefix}_PORT"] = url
        name = f"{prefix}_PORT_{port['port']}_{protocol}"
        env |= {
            name: url,
            f"{name}_PROTO": protocol.lower(),
            f"{name}_PORT": str(port["port"]),
            f"{name}_ADDR": ip,
        }
    return env


def _value(
    variable: Json,
    container: Json,
    fields: PodFields,
    sources: Mapping[Source, Mapping[str, str] | None],
    known: Mapping[str, str],
) -> str | None:
    origin = variable.get("valueFrom") or {}
    if "fieldRef" in origin:
        return fields.field(origin["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in origin:
        return fields.resource(container, origin["resourceFieldRef"])
    for kind, reference in _key_references(origin):
        data = _data(sources, (kind, reference["name"]), reference)
        if reference["key"] in data:
            return data[reference["key"]]
        if reference.get("optional"):
            return None
        raise ConfigError(f"couldn't find key {reference['key']} in {_title(kind)} {reference['name']}")
    return expand(variable.get("value") or "", known)


def _data(
    sources: Mapping[Source, Mapping[str, str] | None], source: Source, reference: Json
) -> Mapping[str, str]:
    data = sources.get(source)
    if data is None and not reference.get("optional"):
        raise ConfigError(f'{source[0]} "{source[1]}" not found')
    return data or {}


def _from_references(entry: Json) -> Iterator[tuple[Kind, Json]]:
    if "configMapRef" in entry:
        yield "configmap", entry["configMapRef"]
    if "secretRef" in entry:
        yield "secret", entry["secretRef"]


def _key_references(origin: Json) -> Iterator[tuple[Kind, Json]]:
    if "configMapKeyRef" in origin:
        yield "configmap", origin["configMapKeyRef"]
    if "secretKeyRef" in origin:
        yield "secret", origin["secretKeyRef"]


def _title(kind: Kind) -> str:
    return "ConfigMap" if kind == "configmap" else "Secret"


def _key_values(pairs: Mapping[str, str]) -> str:
    return "\n".join(f'{key}="{value}"' for key, value in sorted(pairs.items()))
