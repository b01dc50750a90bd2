"""What released versions of the operator left in clusters, kept as samples, and how a test puts it back.

Each folder there is one version's: the schema, and what a real run of it had written at one moment. A later version
meets the same after an upgrade.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

Object = dict[str, Any]
FOLDER = Path(__file__).parent.parent / "samples" / "released"
VERSIONS = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())
SCHEMA = "crd"
"""The CustomResourceDefinition as it was released."""
LEASE = "lease"
WHOLE = "whole"
"""A Deployment at the end of its repair."""
BEFORE, MIDWAY = "before", "midway"
"""A StatefulSet that was never looked at; and the same with the patch that begins its rollout just written."""
NAMESPACES = {WHOLE: "recorded-whole", BEFORE: "recorded-midway", MIDWAY: "recorded-midway"}
"""Names that are found in no other text: they are replaced by the namespace in which a sample is put back."""
_WRITTEN_BY_THE_CLUSTER = ("uid", "resourceVersion", "generation", "creationTimestamp", "ownerReferences")


def keep(version: str, name: str, objects: list[Object]) -> Path:
    file = _file(version, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump_all(objects, sort_keys=False, width=10_000))
    return file


def schema(version: str) -> Object:
    [crd] = yaml.safe_load_all(_file(version, SCHEMA).read_text())
    return dict(crd)


def lease(version: str) -> Object:
    [found] = yaml.safe_load_all(_file(version, LEASE).read_text())
    return dict(found)


def _file(version: str, name: str) -> Path:
    return FOLDER / version / f"{name}.yaml"


@dataclass(slots=True)
class Sample:
    """The objects of one moment, of another cluster: what is called otherwise here is renamed in all of them."""

    objects: list[Object]
    renamed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, version: str, name: str, namespace: str) -> Self:
        text = _file(version, name).read_text()
        return cls(list(yaml.safe_load_all(text)), {NAMESPACES[name]: namespace})

    def all(self, kind: str) -> list[Object]:
        return [_renamed(found, self.renamed) for found in self.objects if found["kind"] == kind]

    def one(self, kind: str) -> Object:
        [found] = self.all(kind)
        return found

    def names(self, kind: str, here: Object) -> None:
        """The object of that kind has another uid here; who is owned by it follows."""
        self.renamed[self.one(kind)["metadata"]["uid"]] = here["metadata"]["uid"]

    def pods(self, here: list[Object]) -> None:
        """Its pods have other names, addresses and uids here; each list in the order of their names."""
        for was, now in zip(self.all("Pod"), here, strict=True):
            self.renamed |= {
                was["metadata"]["uid"]: now["metadata"]["uid"],
                was["metadata"]["name"]: now["metadata"]["name"],
                f"@{was['status']['podIP']}": f"@{now['status']['podIP']}",
            }


def wanted(recorded: Object, **metadata: Any) -> Object:
    """The part of an object that its writer decides, to be created anew."""
    own = {k: v for k, v in recorded["metadata"].items() if k not in _WRITTEN_BY_THE_CLUSTER}
    rest = {k: v for k, v in recorded.items() if k not in {"metadata", "status"}}
    return rest | {"metadata": own | metadata}


def owned(recorded: Object) -> Object:
    """As `wanted`, and owned by the same object as it was."""
    return wanted(recorded, ownerReferences=recorded["metadata"]["ownerReferences"])


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for was, now in names.items():
            value = value.replace(was, now)
        return value
    if isinstance(value, dict):
        return {key: _renamed(inner, names) for key, inner in value.items()}
    return [_renamed(inner, names) for inner in value] if isinstance(value, list) else value


def recorded(found: Object) -> Object:
    """Without who wrote each field, and addresses that this cluster has given to another; of a pod, its names."""
    metadata = {k: v for k, v in found["metadata"].items() if k != "managedFields"}
    if found["kind"] == "Pod":
        named = {k: v for k, v in metadata.items() if k in {"name", "namespace", "uid"}}
        return {"kind": "Pod", "metadata": named, "status": {"podIP": found["status"]["podIP"]}}
    if found["kind"] == "Service":
        spec = {k: v for k, v in found["spec"].items() if k not in {"clusterIP", "clusterIPs"}}
        return found | {"metadata": metadata, "spec": spec}
    return found | {"metadata": metadata}
