"""The schema only grows: what a released version stored, and what its users wrote, a later one still takes."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import released

Schema = dict[str, Any]
PRESENT: Schema = yaml.safe_load((Path(__file__).parents[3] / "crds" / "emqxautoclusters.yaml").read_text())
SHRINKS = ("maximum", "maxLength", "maxItems", "maxProperties")
GROWS = ("minimum", "minLength", "minItems", "minProperties")


def versions(crd: Schema) -> dict[str, Schema]:
    """By name, those that are served."""
    found = crd["spec"]["versions"]
    return {v["name"]: v["schema"]["openAPIV3Schema"] for v in found if v["served"]}


def broken(old: Schema, new: Schema) -> list[str]:
    """What users of `old` would meet with `new`: a sentence for each."""
    names = ("group", "names", "scope")
    told = [f"spec.{name} changed" for name in names if old["spec"][name] != new["spec"][name]]
    served = versions(new)
    for name, schema in versions(old).items():
        told += narrowed(schema, served[name], name) if name in served else [f"{name} is gone"]
    return told


def narrowed(old: Schema, new: Schema, path: str) -> Iterator[str]:
    if old.get("type") != new.get("type"):
        yield f"{path} has another type"
        return
    yield from (f"{path}.{name} is newly required" for name in added(old, new, "required"))
    yield from (f"{path} has a new rule: {rule}" for rule in sorted(rules(new) - rules(old)))
    if "enum" in new:
        lost = added(new, old, "enum") if "enum" in old else ["any value"]
        yield from (f"{path} does not take {value} any more" for value in lost)
    for bound in (*SHRINKS, *GROWS):
        if bound in new and tighter(bound, old.get(bound), new[bound]):
            yield f"{path} has {bound} {new[bound]}"
    if new.get("pattern") not in {None, old.get("pattern")}:
        yield f"{path} has another pattern"
    if "items" in old:
        yield from narrowed(old["items"], new["items"], f"{path}[]")
    present = new.get("properties", {})
    for name, child in old.get("properties", {}).items():
        inner = f"{path}.{name}"
        yield from narrowed(child, present[name], inner) if name in present else [f"{inner} is gone"]


def added(old: Schema, new: Schema, key: str) -> list[str]:
    return [value for value in new.get(key, ()) if value not in old.get(key, ())]


def rules(schema: Schema) -> set[str]:
    return {rule["rule"] for rule in schema.get("x-kubernetes-validations", ())}


def tighter(bound: str, old: float | None, new: float) -> bool:
    return old is None or (new < old if bound in SHRINKS else new > old)


@pytest.mark.parametrize("version", released.VERSIONS)
def test_the_schema_takes_all_that_a_released_one_took(version: str) -> None:
    assert broken(released.schema(version), PRESENT) == []


SPEC = "spec.versions.0.schema.openAPIV3Schema.properties.spec"


@pytest.mark.parametrize(
    ("path", "change", "told"),
    [
        (f"{SPEC}.properties.repair.properties.seed", None, "v1alpha1.spec.repair.seed is gone"),
        (f"{SPEC}.properties.repair.properties.seed.type", "integer", "seed has another type"),
        (f"{SPEC}.properties.repair.properties.rollout.enum", ["Automatic"], "does not take Manual any more"),
        (f"{SPEC}.properties.repair.properties.seed.enum", ["emqx-0"], "does not take any value any more"),
        (f"{SPEC}.properties.repair.required", ["seed"], "v1alpha1.spec.repair.seed is newly required"),
        (f"{SPEC}.properties.repair.properties.minReadySeconds.minimum", 60, "has minimum 60"),
        (f"{SPEC}.properties.repair.properties.seed.maxLength", 3, "has maxLength 3"),
        (f"{SPEC}.properties.verification.properties.pulse.pattern", "^30s$", "has another pattern"),
        (
            f"{SPEC}.properties.healing.properties.actions.items.enum",
            ["Other"],
            "actions[] does not take EvictPod any more",
        ),
        (f"{SPEC}.x-kubernetes-validations", [{"rule": "false"}], "v1alpha1.spec has a new rule: false"),
        ("spec.versions.0.served", False, "v1alpha1 is gone"),
        ("spec.names.plural", "others", "spec.names changed"),
    ],
)
def test_what_would_refuse_an_old_resource_is_found(path: str, change: object, told: str) -> None:
    new = copy.deepcopy(PRESENT)
    *parents, last = path.split(".")
    inner: Any = new
    for name in parents:
        inner = inner[int(name) if isinstance(inner, list) else name]
    if change is None:
        del inner[last]
    else:
        inner[last] = change
    found = broken(PRESENT, new)
    assert len(found) == 1
    assert told in found[0]


def test_a_new_field_and_a_new_value_break_nobody() -> None:
    new = copy.deepcopy(PRESENT)
    spec = new["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["later"] = {"type": "string"}
    spec["repair"]["properties"]["rollout"]["enum"].append("Never")
    assert broken(PRESENT, new) == []
