"""How findings are told to people, and their cures to kustomize and helm."""

import json
from pathlib import Path

import yaml
from typer.testing import CliRunner

from builders import GOOD_MANIFEST as GOOD
from emqx_autocluster.cli import app
from linted import CANONICAL, GRANTED, HOST_ALIASES, RIGHTS, found, lint


def test_cures_as_a_patch_for_kustomize() -> None:
    broken = GOOD.replace(CANONICAL, "kubernetes.default.svc:443").replace("  minReadySeconds: 20\n", "")
    result = lint(broken, "-o", "kustomize")
    body = yaml.safe_load(result.stdout)
    assert (result.exit_code, body["kind"], body["metadata"]) == (1, "Deployment", {"name": "emqx"})
    assert body["spec"]["minReadySeconds"] == 20
    [entry] = body["spec"]["template"]["spec"]["containers"][0]["env"]
    assert entry["value"] == CANONICAL


def test_cures_as_values_of_the_chart() -> None:
    broken = GOOD.replace(CANONICAL, "kubernetes.default.svc:443")
    values = yaml.safe_load(lint(broken, "-o", "helm").stdout)
    assert values == {"emqxConfig": {"EMQX_CLUSTER__K8S__APISERVER": CANONICAL}}


def test_what_has_no_one_cure_is_told_beside_them() -> None:
    result = lint(GOOD.replace("selector: {app: emqx}\n---", "selector: {app: mqtt}\n---"), "-o", "kustomize")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "SelectorMismatch has no one right value" in result.stderr


def test_a_name_in_other_letters_is_shown_as_what_goes() -> None:
    small, exact = "EMQX_cluster__k8s__namespace", "EMQX_CLUSTER__K8S__NAMESPACE"
    by_dns = (
        "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: dns}\n"
        "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: pod.cluster.local}\n"
    )
    broken = GOOD.replace(exact, small) + by_dns
    shown = " ".join(lint(broken, "-n", "iot").stdout.split())
    assert f'- name: {exact} value: "iot" # in place of {small}' in shown
    body = yaml.safe_load(lint(broken, "-n", "iot", "-o", "kustomize").stdout)
    old, new = body["spec"]["template"]["spec"]["containers"][0]["env"]
    assert (old, new["name"]) == ({"name": small, "$patch": "delete"}, exact)


def test_what_is_said_of_a_field_stands_at_its_line() -> None:
    strategy = "  strategy: {rollingUpdate: {maxUnavailable: 3}}\n  replicas: 3\n"
    text = GOOD.replace("  replicas: 3\n", strategy) + GRANTED
    assert "stdin:12: advice: AllReplacedAtOnce in Deployment/emqx" in lint(text, "-n", "iot").stdout
    aliased = GOOD.replace("      containers:\n", HOST_ALIASES) + GRANTED
    assert "stdin:18: not judged in Deployment/emqx" in lint(aliased, "-n", "iot").stdout


def test_advice_alone_is_no_error_unless_it_is_to_count() -> None:
    text = GOOD.replace("  minReadySeconds: 20\n", "")
    result = lint(text)
    assert result.exit_code == 0
    assert "stdin:11: advice: MinReadySecondsTooLow in Deployment/emqx" in result.stdout
    assert lint(text, "--strict").exit_code == 1
    assert lint(GOOD, "--strict").exit_code == 0


def test_errors_come_first_whatever_line_they_stand_on() -> None:
    text = GOOD.replace("  minReadySeconds: 20\n", "").replace(CANONICAL, "nonsense")
    assert [reason for reason, *_ in found(text)] == ["APIServerMalformed", "MinReadySecondsTooLow"]


def test_files_and_folders_are_seen_together(tmp_path: Path) -> None:
    service, _, deployment = GOOD.replace("selector: {app: emqx}", "selector: {app: x}").partition("---\n")
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "service.yaml").write_text(service)
    (tmp_path / "all" / "notes.txt").write_text("[")
    (tmp_path / "deployment.yml").write_text(deployment)
    arguments = ["lint", "-f", str(tmp_path / "all"), "-f", str(tmp_path / "deployment.yml"), "-o", "json"]
    [entry] = json.loads(CliRunner().invoke(app, arguments).stdout)["findings"]
    assert (entry["reason"], entry["file"]) == ("SelectorMismatch", str(tmp_path / "all" / "service.yaml"))


def test_people_get_file_line_cause_and_cure() -> None:
    said = lint(GOOD.replace(CANONICAL, "kubernetes.default.svc:443")).stdout.splitlines()
    assert said[0] == "stdin:23: APIServerMalformed in Deployment/emqx"
    assert said[1] == "  spec.template.spec.containers[0].env[1].value"
    assert "no http(s) URL" in said[2]
    assert f'      value: "{CANONICAL}"' in said
    assert all(line == line.rstrip() for line in said)


def test_nothing_wrong_is_said_and_no_emqx_is_said_on_stderr() -> None:
    whole = GOOD + RIGHTS.replace("[list]", "[get]")
    assert (
        "Nothing is wrong that can be told without a cluster: 1 workload." in lint(whole, "-n", "iot").stdout
    )
    result = lint("kind: Service\nmetadata: {name: a}\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "looks like EMQX" in result.stderr
