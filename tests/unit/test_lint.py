"""`emqx-autocluster lint`: what a manifest proves to be wrong, where that stands, and what it is not blamed for."""

import copy
import functools
import json
import operator
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from emqx_autocluster.cli import app
from emqx_autocluster.commands import documents, explain, faults, manifest
from emqx_autocluster.commands.documents import UnreadableError
from emqx_autocluster.commands.manifest import Input

GOOD = """\
apiVersion: v1
kind: Service
metadata: {name: emqx}
spec:
  selector: {app: emqx}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: emqx
spec:
  replicas: 3
  minReadySeconds: 20
  selector: {matchLabels: {app: emqx}}
  template:
    metadata: {labels: {app: emqx}}
    spec:
      containers:
        - name: emqx
          image: emqx/emqx:5.8.9
          env:
            - {name: EMQX_CLUSTER__DISCOVERY_STRATEGY, value: k8s}
            - {name: EMQX_CLUSTER__K8S__APISERVER, value: "https://kubernetes.default.svc:443"}
            - {name: EMQX_CLUSTER__K8S__SERVICE_NAME, value: emqx}
            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}
"""
CANONICAL = "https://kubernetes.default.svc:443"
RIGHTS = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: discovery}
rules: [{apiGroups: [""], resources: [endpoints], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: discovery}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: discovery}
subjects: [{kind: ServiceAccount, name: default, namespace: iot}]
"""
ENV_FROM = "          envFrom: [{configMapRef: {name: settings}}]\n          env:\n"
SETTINGS = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  EMQX_CLUSTER__K8S__APISERVER: kubernetes.default.svc:443
"""
LABELS = "metadata: {labels: {app: emqx}}"
NAME = "  name: emqx\nspec"
ADDRESS = f'            - {{name: EMQX_CLUSTER__K8S__APISERVER, value: "{CANONICAL}"}}\n'
NAMESPACE = "            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}\n"


def lint(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["lint", "-f", "-", *arguments], input=text)


def found(text: str, *arguments: str) -> list[tuple[str, int, str]]:
    """(reason, line, path) of each finding."""
    result = lint(text, "-o", "json", *arguments)
    assert result.exit_code in {0, 1}, result.output
    entries = json.loads(result.stdout)
    assert result.exit_code == bool(entries)
    return [(entry["reason"], entry["line"], entry["path"]) for entry in entries]


def with_env(name: str, value: str) -> str:
    return GOOD + f"            - {{name: {name}, value: {value}}}\n"


# --- what is wrong


@pytest.mark.parametrize(
    ("text", "reason", "line", "path"),
    [
        pytest.param(
            GOOD.replace(CANONICAL, "kubernetes.default.svc:443"),
            "APIServerMalformed",
            23,
            "spec.template.spec.containers[0].env[1].value",
            id="no scheme",
        ),
        pytest.param(
            GOOD.replace("selector: {app: emqx}", "selector: {app: mqtt}"),
            "SelectorMismatch",
            5,
            "spec.selector",
            id="the Service, where it is in the input",
        ),
        pytest.param(
            GOOD.replace("5.8.9", "5.10.0"),
            "LicenseMissing",
            20,
            "spec.template.spec.containers[0].image",
            id="no licence",
        ),
        pytest.param(
            GOOD.replace("  minReadySeconds: 20\n", ""),
            "MinReadySecondsTooLow",
            11,
            "spec",
            id="a field that is not there",
        ),
        pytest.param(
            GOOD.replace("      containers:", "      dnsPolicy: Default\n      containers:"),
            "DNSPolicyUnsuitable",
            18,
            "spec.template.spec.dnsPolicy",
            id="dnsPolicy",
        ),
        pytest.param(
            GOOD.replace("      containers:", "      automountServiceAccountToken: false\n      containers:"),
            "TokenNotMounted",
            18,
            "spec.template.spec.automountServiceAccountToken",
            id="no token, whatever the rights",
        ),
        pytest.param(
            GOOD + RIGHTS, "PermissionDenied", 17, "spec.template.spec", id="rights that do not suffice"
        ),
        pytest.param(
            GOOD.replace(ADDRESS, "").replace("          env:\n", ENV_FROM) + SETTINGS,
            "APIServerMalformed",
            31,
            "data.EMQX_CLUSTER__K8S__APISERVER",
            id="a value in a ConfigMap of the input",
        ),
        pytest.param(
            GOOD.replace(
                "  name: emqx\nspec", "  name: emqx\n  annotations: {emqx-autocluster.io/mode: fix}\nspec"
            ),
            "InvalidAnnotation",
            11,
            "metadata.annotations",
            id="an annotation",
        ),
        pytest.param(
            GOOD.replace(LABELS, f"{LABELS[:-1]}, annotations: {{emqx-autocluster.io/mode: Observe}}}}"),
            "AnnotationOnPodTemplate",
            16,
            "spec.template.metadata.annotations['emqx-autocluster.io/mode']",
            id="an annotation in the wrong place",
        ),
        pytest.param(
            GOOD.replace(NAME, "  name: emqx\n  annotations: {emqx-autocluster.io/container: broker}\nspec"),
            "NoEMQXContainer",
            19,
            "spec.template.spec.containers",
            id="a container that is not there",
        ),
        pytest.param(
            GOOD.replace("      containers:", "      hostNetwork: true\n      containers:"),
            "DNSPolicyUnsuitable",
            17,
            "spec.template.spec",
            id="the node's network with the default dnsPolicy",
        ),
        pytest.param(
            GOOD.replace("value: k8s", "value: manual"),
            "StrategyUnsuitable",
            22,
            "spec.template.spec.containers[0].env[0].value",
            id="strategy manual",
        ),
    ],
)
def test_what_is_wrong_is_found_on_its_line(text: str, reason: str, line: int, path: str) -> None:
    assert found(text) == [(reason, line, path)]


def test_the_namespace_matters_once_it_is_known() -> None:
    assert found(GOOD) == []
    assert found(GOOD, "-n", "iot") == []
    assert [reason for reason, *_ in found(GOOD, "-n", "lab")] == ["NamespaceMismatch"]
    own = GOOD.replace("  name: emqx\nspec", "  name: emqx\n  namespace: plant\nspec")
    assert [reason for reason, *_ in found(own)] == ["NamespaceMismatch"]
    unset = GOOD.replace(NAMESPACE, "")
    assert found(unset) == []
    assert [reason for reason, *_ in found(unset, "-n", "iot")] == ["NamespaceMismatch"]


def test_what_is_of_another_namespace_is_none_of_its_business() -> None:
    namesake = GOOD.partition("---\n")[0].replace("{name: emqx}", "{name: emqx, namespace: lab}")
    other = namesake.replace("selector: {app: emqx}", "selector: {app: mqtt}")
    assert found(f"{GOOD}---\n{other}", "-n", "iot") == []


# --- what is not


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD.partition("---\n")[2], id="a Service that is elsewhere"),
        pytest.param(GOOD.replace("replicas: 3", "replicas: 0"), id="scaled to zero"),
        pytest.param(
            GOOD.replace("replicas: 3", "replicas: 1").replace(CANONICAL, "http://10.0.0.1:8001"),
            id="one replica, and a proxy that may live",
        ),
        pytest.param(GOOD.replace(CANONICAL, "http://192.168.1.31:8888"), id="a proxy that may live"),
        pytest.param(GOOD.replace(CANONICAL, "https://api.corp.example:6443"), id="a name that may resolve"),
        pytest.param(
            with_env("EMQX_CLUSTER__K8S__ADDRESS_TYPE", "dns")
            + "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: pod.corp.example}\n",
            id="a cluster domain of its own",
        ),
        pytest.param(
            GOOD.replace(ADDRESS, "").replace("          env:\n", ENV_FROM),
            id="a ConfigMap that is elsewhere",
        ),
        pytest.param(GOOD.replace("emqx/emqx:5.8.9", "redis:7").replace("EMQX_", "REDIS_"), id="no EMQX"),
        pytest.param(
            GOOD.replace("5.8.9", "4.4.19").replace("DISCOVERY_STRATEGY", "DISCOVERY")
            + "            - {name: EMQX_NAME, value: emqx}\n"
            + "            - {name: EMQX_CLUSTER__K8S__APP_NAME, value: emqx}\n",
            id="4.4",
        ),
    ],
)
def test_what_may_be_well_is_not_blamed(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("version", ["5.0.20", "5.4.1", "5.8.9", "6.0.1"])
def test_a_chart_that_is_right_gives_no_finding(version: str) -> None:
    """A sample in the form of the official chart with strategy k8s, as `helm template` prints it."""
    chart = (Path(__file__).parents[1] / "samples" / "manifests" / "helm-statefulset.yaml").read_text()
    licence = "  EMQX_LICENSE__KEY: key\n" if version.startswith("6") else ""
    text = chart.replace("5.8.9", version).replace("\ndata:\n", f"\ndata:\n{licence}")
    assert found(text) == []
    assert found(text, "-n", "iot") == []


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("          envFrom: [{secretRef: {name: settings}}]\n", id="a Secret"),
        pytest.param("          command: [sh, -c, start]\n", id="a start of its own"),
        pytest.param(
            "          volumeMounts: [{name: c, mountPath: /opt/emqx/etc/emqx.conf}]\n", id="a file"
        ),
    ],
)
def test_a_default_is_believed_only_where_nothing_else_can_set_it(more: str) -> None:
    old = GOOD.replace("5.8.9", "5.0.9").replace(ADDRESS, "")
    assert "APIServerMissing" in [reason for reason, *_ in found(old)]
    assert found(old.replace("          env:\n", f"{more}          env:\n")) == []


# --- what cannot be read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "no Kubernetes object", id="empty, as when helm failed"),
        pytest.param("a: [", "stdin:1: ", id="no YAML"),
        pytest.param(
            GOOD.replace("{name: emqx}\nspec", "{}\nspec").replace("  name: emqx\n", "  x: y\n"),
            "stdin:7: this Deployment",
            id="no name",
        ),
        pytest.param(
            GOOD.replace("value: iot", "value: 5"),
            "stdin:25: spec.template.spec.containers[0].env[3].value is 5 and must be a string: quote it",
            id="a number",
        ),
        pytest.param(
            GOOD.replace("containers:", "container:"), "'containers' is missing", id="a typing error"
        ),
    ],
)
def test_what_cannot_be_read_is_exit_code_2_with_file_and_line(text: str, words: str) -> None:
    result = lint(text)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything within a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from paths(each, (*path, key))


@pytest.mark.parametrize("nonsense", [None, 5, "x", [], {}, [5]], ids=repr)
def test_whatever_stands_anywhere_is_judged_or_named(nonsense: object) -> None:
    whole = list(yaml.safe_load_all(GOOD.replace("          env:\n", ENV_FROM) + SETTINGS + RIGHTS))
    unreadable: list[str] = []
    for *way, last in paths(whole):
        changed = copy.deepcopy(whole)
        place: Any = functools.reduce(operator.getitem, way, changed)
        place[last] = nonsense
        try:
            given = Input(tuple(documents.read("a.yaml", yaml.safe_dump_all(changed))))
            for sight in manifest.sights(given, datetime.now(UTC)):
                faults.judge(sight)
        except UnreadableError as error:
            unreadable.append(str(error))
    assert unreadable
    assert [text for text in unreadable if not re.match(r"a\.yaml:\d+: ", text)] == []


def test_mistakes_in_what_is_no_emqx_are_not_told() -> None:
    other = GOOD.replace("emqx", "redis").replace("EMQX", "REDIS").replace("value: iot", "value: 5")
    assert found(GOOD + "---\n" + other) == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["lint", "-f", str(tmp_path / "no.yaml")])
    assert (result.exit_code, "no.yaml: No such file" in result.stderr) == (2, True)


# --- how it is told


def test_files_and_folders_are_seen_together(tmp_path: Path) -> None:
    service, _, deployment = GOOD.replace("selector: {app: emqx}", "selector: {app: x}").partition("---\n")
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "service.yaml").write_text(service)
    (tmp_path / "all" / "notes.txt").write_text("[")
    (tmp_path / "deployment.yml").write_text(deployment)
    arguments = ["lint", "-f", str(tmp_path / "all"), "-f", str(tmp_path / "deployment.yml"), "-o", "json"]
    [entry] = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert (entry["reason"], entry["file"]) == ("SelectorMismatch", str(tmp_path / "all" / "service.yaml"))


def test_people_get_file_line_cause_and_cure() -> None:
    said = lint(GOOD.replace(CANONICAL, "kubernetes.default.svc:443")).stdout.splitlines()
    assert said[0] == "stdin:23: APIServerMalformed in Deployment/emqx"
    assert said[1] == "  spec.template.spec.containers[0].env[1].value"
    assert "no http(s) URL" in said[2]
    assert f'      value: "{CANONICAL}"' in said
    assert all(line == line.rstrip() for line in said)


def test_nothing_wrong_is_said_and_no_emqx_is_said_on_stderr() -> None:
    assert "Nothing is wrong" in lint(GOOD).stdout
    result = lint("kind: Service\nmetadata: {name: a}\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "looks like EMQX" in result.stderr


# --- SARIF


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
    assert [result["level"] for result in run["results"]] == ["warning", "error"]
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
