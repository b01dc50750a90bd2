"""Alerts as Prometheus' own tool reads and plays them, which has to be installed."""

import shutil
import subprocess
from pathlib import Path

import yaml

from emqx_autocluster import metrics
from test_monitoring import GROUPS

PROMTOOL = shutil.which("promtool")


def test_promtool_finds_no_fault(tmp_path: Path) -> None:
    assert PROMTOOL, "promtool is needed: Debian's package prometheus"
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


def watched(**namespaces: int) -> list[dict[str, str]]:
    named = "emqx_autocluster_namespace_watched"
    return [
        {"series": f'{named}{{namespace="{name}"}}', "values": f"{value}x20"}
        for name, value in namespaces.items()
    ]


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
        ("EMQXAutoclusterNamespaceNotWatched", [leads, *watched(plant=0, iot=1)], "16m", 1),
        ("EMQXAutoclusterNamespaceNotWatched", [leads, *watched(plant=0)], "14m", 0),
        ("EMQXAutoclusterNamespaceNotWatched", [leads, *watched(iot=1)], "16m", 0),
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
