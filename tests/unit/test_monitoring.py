"""Alerts: each of metrics that are there, with a severity, a sentence that says of what, and a runbook that exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from emqx_autocluster import metrics
from emqx_autocluster.api.findings import ConditionType
from emqx_autocluster.metrics import State

ROOT = Path(__file__).parent.parent.parent
MONITORING = ROOT / "deploy" / "monitoring"
GROUPS: list[dict[str, Any]] = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())["spec"][
    "groups"
]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()


def exported() -> dict[str, set[str]]:
    """Metric -> its labels."""
    key = ("iot", "Deployment", "emqx")
    metrics.WORKLOADS.note(key, State({"Ready": "True"}, {"ready": 3}, 1, 0))
    metrics.NAMESPACE_WATCHED.labels("iot").set(1)
    suffix = {"counter": "_total", "info": "_info"}
    found = {
        family.name + suffix.get(family.type, ""): {label for s in family.samples for label in s.labels}
        for family in metrics.REGISTRY.collect()
    }
    metrics.WORKLOADS.forget(key)
    metrics.NAMESPACE_WATCHED.remove("iot")
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_of_metrics_that_are_there_and_leads_to_what_to_do(rule: dict[str, Any]) -> None:
    used = set(re.findall(r"emqx_autocluster_[a-z_]+", rule["expr"]))
    assert used
    assert used <= set(exported())
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page == "docs/runbooks.md"
    assert f"\n## {rule['alert']}\n" in RUNBOOKS
    assert anchor == rule["alert"].lower()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_the_words_of_an_alert_use_labels_that_it_has(rule: dict[str, Any]) -> None:
    used = set(re.findall(r"\$labels\.([a-z]+)", rule["annotations"]["summary"]))
    for name in re.findall(r"emqx_autocluster_[a-z_]+", rule["expr"]):
        if used:
            assert used <= exported()[name] | ({"action"} if name.endswith("actions_total") else set())


def test_the_conditions_that_are_asked_for_are_there() -> None:
    named = {
        name
        for rule in RULES
        for names in re.findall(r'condition=~?"([A-Za-z|]+)"', rule["expr"])
        for name in names.split("|")
    }
    assert named <= set(ConditionType)


def test_every_runbook_has_its_alert() -> None:
    told = set(re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE))
    assert told == {rule["alert"] for rule in RULES}
