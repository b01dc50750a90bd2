"""The Grafana dashboard: each panel of metrics that are there, said in words, with a unit, and a way on from it."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from emqx_autocluster.api.findings import ConditionType
from test_metrics import PAGE, PREFIX
from test_monitoring import MONITORING, ROOT, RULES, RUNBOOKS, exported

Object = dict[str, Any]
DASHBOARD: Object = json.loads((MONITORING / "grafana" / "dashboard.json").read_text())
PANELS: list[Object] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES: list[Object] = DASHBOARD["templating"]["list"]
QUERIES: list[str] = [target["expr"] for panel in PANELS for target in panel["targets"]]
ASKED = [*QUERIES, *(v["definition"] for v in VARIABLES if v["type"] == "query")]
OF_THE_SCRAPE = {"pod", "instance"}
"""Labels that Prometheus gives itself."""
MADE_WITH = "kubectl apply -k deploy/monitoring/grafana"
COLUMNS = 24
MEBI = 1024 * 1024


def title(panel: Object) -> str:
    return str(panel["title"])


def metrics_of(query: str) -> set[str]:
    """By the names in docs/metrics.md."""
    return {name.removesuffix("_bucket") for name in re.findall(rf"{PREFIX}([a-z_]+)", query)}


@pytest.mark.parametrize("query", ASKED)
def test_a_query_is_of_metrics_that_are_exported_and_documented(query: str) -> None:
    used = metrics_of(query)
    assert used
    assert {PREFIX + name for name in used} <= set(exported())
    assert all(f"| `{name}` |" in PAGE for name in used)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_labels_that_its_metrics_have(query: str) -> None:
    documented = {
        label
        for name in metrics_of(query)
        for labels in re.findall(rf"^\| `{name}` \| ([a-z, ]*) ?\|", PAGE, re.MULTILINE)
        for label in labels.strip().split(", ")
    }
    grouped = {label for found in re.findall(r"by \(([a-z, ]+)\)", query) for label in found.split(", ")}
    selected = set(re.findall(r"([a-z]+)(?:=|!~|=~)\"", query))
    assert grouped | selected <= documented | OF_THE_SCRAPE | {"le"}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_conditions_that_there_are(query: str) -> None:
    named = {
        name
        for names in re.findall(r'condition(?:=|=~|!~)"([A-Za-z|]+)"', query)
        for name in names.split("|")
    }
    assert named <= set(ConditionType)
    statuses = {name for names in re.findall(r'status=~?"([a-z|]+)"', query) for name in names.split("|")}
    assert statuses <= {"true", "false", "unknown"}
    states = set(re.findall(r'state="([a-z]+)"', query))
    assert states <= {"expected", "ready", "clustered"}


@pytest.mark.parametrize("panel", PANELS, ids=title)
def test_a_panel_says_what_it_shows_in_which_unit_and_where_to_go_on(panel: Object) -> None:
    assert panel["title"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    words, _, anchor = panel["description"].partition(" Runbook: docs/runbooks.md#")
    assert words.endswith((".", ")"))
    assert anchor in {name.lower() for name in re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE)}


def test_each_alert_has_a_panel_that_leads_to_the_same_runbook() -> None:
    told = {panel["description"].rpartition("#")[2] for panel in PANELS}
    assert told == {rule["alert"].lower() for rule in RULES}


def test_the_documents_that_panels_name_are_there() -> None:
    told = " ".join([DASHBOARD["description"], *(panel["description"] for panel in PANELS)])
    named = set(re.findall(r"(?:docs|deploy)/[a-z0-9/.-]+\.(?:md|yaml)", told))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_no_two_panels_have_one_id_or_one_place() -> None:
    every = DASHBOARD["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for panel in every:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
    clashes = [(title(a), title(b)) for a, b in combinations(every, 2) if overlap(a["gridPos"], b["gridPos"])]
    assert clashes == []


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (beside or below)


def test_two_queries_of_a_panel_can_be_told_apart() -> None:
    for panel in PANELS:
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        matched = {
            override["matcher"]["options"]
            for override in panel["fieldConfig"]["overrides"]
            if override["matcher"]["id"] == "byFrameRefID"
        }
        assert matched <= set(refs)


def test_it_works_with_any_data_source_and_uses_no_variable_that_it_does_not_have() -> None:
    names = {variable["name"] for variable in VARIABLES}
    assert names == {"datasource", "namespace", "workload"}
    used = set(re.findall(r"\$\{?([a-z]+)", json.dumps(DASHBOARD["panels"])))
    assert used == names
    sources = {panel["datasource"]["uid"] for panel in PANELS}
    sources |= {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    assert sources == {"${datasource}"}


def test_memory_is_shown_with_the_limit_of_the_deployment() -> None:
    deployment = yaml.safe_load((ROOT / "deploy" / "30-deployment.yaml").read_text())
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    limit = int(container["resources"]["limits"]["memory"].removesuffix("Mi"))
    [memory] = [panel for panel in PANELS if panel["title"] == "Memory"]
    assert memory["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"] == limit * MEBI
    assert f"{limit} MiB" in memory["description"]


def test_kubectl_apply_of_the_folder_meets_nothing_but_objects() -> None:
    """It reads each .yaml and .json of it, and none below; a dashboard is no object."""
    files = [path for path in MONITORING.iterdir() if path.suffix in {".json", ".yaml", ".yml"}]
    assert files
    assert all("kind" in yaml.safe_load(path.read_text()) for path in files)


def test_the_folder_of_the_dashboard_makes_what_grafanas_sidecar_looks_for() -> None:
    [made] = yaml.safe_load((MONITORING / "grafana" / "kustomization.yaml").read_text())["configMapGenerator"]
    assert made["files"] == ["emqx-autocluster.json=dashboard.json"]
    assert made["options"]["labels"]["grafana_dashboard"] == "1"
    assert f"{MADE_WITH} -n" in PAGE
