"""Findings for code hosts, in SARIF."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders import GOOD_MANIFEST as GOOD
from emqx_autocluster.cli import app
from emqx_autocluster.commands import explain
from linted import CANONICAL, lint


def test_sarif_has_what_its_schema_requires() -> None:
    broken = GOOD.replace(CANONICAL, "nonsense").replace("  minReadySeconds: 20\n", "")
    log = json.loads(lint(broken, "-o", "sarif").stdout)
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "emqx-autocluster"
    rules = [rule["id"] for rule in driver["rules"]]
    assert rules == sorted({result["ruleId"] for result in run["results"]})
    assert [result["level"] for result in run["results"]] == ["error", "warning"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        [location] = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"] == {"uri": "stdin"}
        assert physical["region"]["startLine"] >= 1
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"].endswith((".", ":"))
        assert rule["help"]["markdown"] == explain.section(rule["id"])


def test_sarif_of_nothing_is_a_run_without_results() -> None:
    log = json.loads(lint(GOOD, "-o", "sarif").stdout)
    assert log["runs"][0]["results"] == []


def test_sarif_has_what_was_not_judged_as_notes_of_the_run() -> None:
    [invocation] = json.loads(lint(GOOD, "-n", "iot", "-o", "sarif").stdout)["runs"][0]["invocations"]
    [note] = invocation["toolExecutionNotifications"]
    assert (note["level"], note["message"]["text"].startswith("not judged: ")) == ("note", True)
    assert note["locations"][0]["physicalLocation"]["region"]["startLine"] == 17


def test_files_in_sarif_are_relative_to_where_the_check_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").mkdir()
    file = tmp_path / "a b" / "emqx.yaml"
    file.write_text(GOOD.replace(CANONICAL, "nonsense"))
    for name in (str(file), "a b/emqx.yaml", "./a b/emqx.yaml"):
        log = json.loads(CliRunner().invoke(app, ["lint", "-f", name, "-o", "sarif"]).stdout)
        location = log["runs"][0]["results"][0]["locations"][0]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/emqx.yaml"
