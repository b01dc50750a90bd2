"""What can be known of the chart without helm: of this version, of one source with deploy/, its pages true."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emqx_autocluster import __version__
from emqx_autocluster.settings import Settings

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "emqx-autocluster"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
OPEN = ("resources", "topologySpreadConstraints")
"""Given as a whole, as Kubernetes has them."""
NOT_FOR_A_POD = {
    "kubeconfig": "a pod has its ServiceAccount",
    "context": "of a kubeconfig",
    "namespaces": "beside the settings, since rights go with them",
    "lease_namespace": "the pod's own",
    "health_address": "the kubelet asks for the probes",
    "health_port": "the probes' own",
    "crd_deadline": "the chart brings the CustomResourceDefinition",
}
"""Settings without a value, and why."""


def leaves(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value and key not in OPEN:
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def in_schema(path: str) -> dict[str, Any]:
    node: dict[str, Any] = SCHEMA
    for key in path.split("."):
        node = node["properties"][key]
    return node


def setting(name: str) -> str:
    """`clusterDNS` -> cluster_dns."""
    return re.sub(r"([A-Z]+)", r"_\1", name).lower()


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


@pytest.mark.parametrize(
    ("copy", "source"),
    [
        ("crds/emqxautoclusters.yaml", "crds/emqxautoclusters.yaml"),
        ("files/rbac.yaml", "deploy/20-rbac.yaml"),
        ("files/guardrails.yaml", "deploy/50-guardrails.yaml"),
        ("files/podmonitor.yaml", "deploy/monitoring/podmonitor.yaml"),
        ("files/prometheusrule.yaml", "deploy/monitoring/prometheusrule.yaml"),
        ("files/dashboard.json", "deploy/monitoring/grafana/dashboard.json"),
    ],
)
def test_what_the_chart_has_of_deploy_is_the_same_text(copy: str, source: str) -> None:
    assert (CHART / copy).read_text() == (ROOT / source).read_text(), "`make chart` copies it anew"
    assert not (CHART / copy).is_symlink(), "what takes charts from a git repository may leave out links"


def test_the_table_of_values_is_that_of_values_yaml() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) \| (.+) \|$", (CHART / "README.md").read_text(), re.MULTILINE)
    told = {
        path: yaml.safe_load(default.strip("`"))
        for path, default, _ in rows
        if default != "as in values.yaml"
    }
    actual = dict(leaves(VALUES))
    assert [path for path, _, _ in rows] == list(actual)
    assert told == {path: value for path, value in actual.items() if path not in OPEN}


def test_the_values_are_the_settings_of_the_operator_that_are_for_a_pod() -> None:
    assert {setting(name) for name in VALUES["settings"]} == set(Settings.model_fields) - set(NOT_FOR_A_POD)
    for name, value in VALUES["settings"].items():
        assert value == (Settings.model_fields[setting(name)].default or ""), name


def test_the_schema_takes_what_the_operator_takes() -> None:
    of_operator = Settings.model_json_schema()["properties"]
    for name in VALUES["settings"]:
        allowed, taken = in_schema(f"settings.{name}"), of_operator[setting(name)]
        for bound in ("minimum", "maximum", "enum"):
            assert allowed.get(bound) == taken.get(bound), name


def test_the_schema_knows_each_value_and_refuses_others() -> None:
    for path, _ in leaves(VALUES):
        assert in_schema(path)
    for node in closed(SCHEMA):
        assert node["additionalProperties"] in (False, {"type": "string"})


def closed(node: Any) -> Iterator[dict[str, Any]]:
    """Each part of the schema that names properties."""
    if isinstance(node, dict):
        if "properties" in node:
            yield node
        for value in node.values():
            yield from closed(value)
    elif isinstance(node, list):
        for value in node:
            yield from closed(value)
