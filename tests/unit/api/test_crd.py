"""The schema in crds/ and the pydantic models say the same, and every field of the schema is described."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from emqx_autocluster.api.findings import ConditionType
from emqx_autocluster.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION, Spec, StatusModel

FILE = Path(__file__).parents[3] / "crds" / "emqxautoclusters.yaml"
CRD: dict[str, Any] = yaml.safe_load(FILE.read_text())
SCHEMA: dict[str, Any] = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]

Property = tuple[str, dict[str, Any]]


def properties(schema: dict[str, Any], path: str) -> Iterator[Property]:
    """Every property below `schema`; a list's items count as the list."""
    for name, child in (schema.get("properties") or {}).items():
        yield f"{path}.{name}", child
        yield from properties(child.get("items", child), f"{path}.{name}")


def fields(model: type[BaseModel], path: str) -> Iterator[str]:
    for field in model.model_fields.values():
        name = f"{path}.{field.alias}"
        yield name
        for inner in models(field.annotation):
            yield from fields(inner, name)


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation such as `tuple[Island, ...]` or `Members | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models(inner)


def mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from mappings(item)


@pytest.mark.parametrize(("part", "model"), [("spec", Spec), ("status", StatusModel)])
def test_the_schema_and_the_models_have_the_same_fields(part: str, model: type[BaseModel]) -> None:
    in_schema = {path for path, _ in properties(SCHEMA[part], part)}
    in_models = set(fields(model, part))
    assert in_schema - in_models == set(), "in crds/, unknown to v1alpha1.py"
    assert in_models - in_schema == set(), "in v1alpha1.py, unknown to crds/: the API server would drop it"


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_field_is_described(part: str) -> None:
    bare = [path for path, schema in properties(SCHEMA[part], part) if not schema.get("description")]
    assert bare == []


def test_defaults_are_the_models_own() -> None:
    given = Spec.model_validate({"targetRef": {"kind": "Deployment", "name": "emqx"}})
    dumped = given.model_dump(mode="json", by_alias=True)
    for path, schema in properties(SCHEMA["spec"], "spec"):
        if "default" in schema and schema["type"] != "object":
            value: Any = dumped
            for name in path.split(".")[1:]:
                value = value[name]
            assert value == schema["default"], path


def test_the_names_are_the_models_own() -> None:
    assert CRD["metadata"]["name"] == f"{PLURAL}.{GROUP}"
    assert CRD["spec"]["names"]["kind"] == KIND
    assert [version["name"] for version in CRD["spec"]["versions"]] == [VERSION]


def test_the_description_of_the_conditions_names_each() -> None:
    described = SCHEMA["status"]["properties"]["conditions"]["description"]
    assert [kind for kind in ConditionType if kind not in described] == []


def test_no_key_of_the_file_is_written_twice() -> None:
    """The last one would count, and strict readers of YAML refuse the file."""
    twice = [
        f"line {key.start_mark.line + 1}: {key.value}"
        for mapping in mappings(yaml.compose(FILE.read_text(), Loader=yaml.SafeLoader))
        for index, (key, _) in enumerate(mapping.value)
        if key.value in {earlier.value for earlier, _ in mapping.value[:index]}
    ]
    assert twice == []
