"""Alerts: each of metrics that are there, with a severity, a sentence that says of what, and a runbook that exists."""

import re
import shutil
import subprocess
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
PROMTOOL = shutil.which("promtool")


def exported() -> dict[str, set[str]]:
    """Metric -> its labels."""
    key = ("iot", "Deployment", "emqx")
    metrics.WORKLOADS.note(key, State({"Ready": "True"}, {"ready": 3}, 1, 0))
    suffix = {"counter": "_total", "info": "_info"}
    found = {
        family.name + suffix.get(family.type, ""): {label for s in family.samples for label in s.labels}
        for family in metrics.REGISTRY.collect()
    }
    metrics.WORKLOADS.forget(key)
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


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian's package prometheus has it)")
def test_promtool_finds_no_fault(tmp_path: Path) -> None:
    assert PROMTOOL
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": GROUPS}))
    told = subprocess.run(
        [PROMTOOL, "check", "rules", str(rules)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    lint = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=metrics.exposition(), capture_output=True, check=False
    )
    assert (lint.returncode, lint.stderr.decode()) == (0, "")
    tested = subprocess.run(
        [PROMTOOL, "test", "rules", str(behaviour(tmp_path))], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


OF_EMQX = '{namespace="iot", kind="Deployment", name="emqx"}'


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    more = "".join(f', {label}="{value}"' for label, value in labels.items())
    return {"series": f"emqx_autocluster_{name}{OF_EMQX[:-1]}{more}}}", "values": values}


def behaviour(folder: Path) -> Path:
    """What promtool plays: a minute for each value."""
    leads = {"series": "emqx_autocluster_leader", "values": "1x60"}
    cases = [
        ("EMQXClusterSplit", [leads, series("islands", "2x20")], "4m", 1),
        ("EMQXClusterSplit", [leads, series("islands", "2x1 1x20")], "6m", 0),
        (
            "EMQXClusterNotFormed",
            [leads, series("condition", "1x20", condition="ClusterFormed", status="false")],
            "11m",
            1,
        ),
        (
            "EMQXDiscoveryBroken",
            [leads, series("condition", "1x20", condition="RBACReady", status="false")],
            "11m",
            1,
        ),
        (
            "EMQXDiscoveryBroken",
            [leads, series("condition", "1x20", condition="Paused", status="false")],
            "11m",
            0,
        ),
        (
            "EMQXMemberMissing",
            [leads, series("members", "2x20", state="clustered"), series("members", "3x20", state="ready")],
            "6m",
            1,
        ),
        (
            "EMQXMemberMissing",
            [
                leads,
                series("members", "2x20", state="clustered"),
                series("members", "3x20", state="ready"),
                series("rollout_in_progress", "1x20"),
            ],
            "6m",
            0,
        ),
        ("EMQXStaleNodes", [leads, series("stale_nodes", "3x90")], "61m", 1),
        ("EMQXAutoclusterAbsent", [{"series": "emqx_autocluster_leader", "values": "0x20"}], "6m", 1),
        ("EMQXAutoclusterAbsent", [leads], "6m", 0),
        ("EMQXAutoclusterNotVerified", [leads, series("last_verified_timestamp_seconds", "0x90")], "36m", 1),
    ]
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": GROUPS}))
    tests = [
        {
            "interval": "1m",
            "input_series": given,
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                    "eval_time": at,
                    "exp_samples": [{"labels": "{}", "value": number}],
                }
            ],
        }
        for alert, given, at, number in cases
    ]
    found = folder / "behaviour.yaml"
    found.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": tests}))
    return found
