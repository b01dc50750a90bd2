"""`emqx-autocluster lint`: what a manifest proves to be wrong, where that stands, and what it is not blamed for."""

import copy
import functools
import json
import operator
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from builders import GOOD_MANIFEST as GOOD
from emqx_autocluster.cli import app
from emqx_autocluster.commands import documents, explain, faults, manifest
from emqx_autocluster.commands.documents import UnreadableError
from emqx_autocluster.commands.manifest.inputs import Input

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
SIDECAR = "        - {name: helper, image: helper}\n        - name: emqx\n"
ADDRESS = f'            - {{name: EMQX_CLUSTER__K8S__APISERVER, value: "{CANONICAL}"}}\n'
NAMESPACE = "            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}\n"


def lint(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["lint", "-f", "-", *arguments], input=text)


def found(text: str, *arguments: str) -> list[tuple[str, int, str]]:
    """(reason, line, path) of each finding."""
    result = lint(text, "-o", "json", *arguments)
    assert result.exit_code in {0, 1}, result.output
    entries = json.loads(result.stdout)["findings"]
    assert result.exit_code == any(entry["level"] == "error" for entry in entries)
    return [(entry["reason"], entry["line"], entry["path"]) for entry in entries]


def errors(text: str, *arguments: str) -> list[str]:
    """The reasons of those that are no advice."""
    entries = json.loads(lint(text, "-o", "json", *arguments).stdout)["findings"]
    return [entry["reason"] for entry in entries if entry["level"] == "error"]


def unjudged(text: str, *arguments: str) -> list[str]:
    """What is told of each question that was not judged."""
    gaps = json.loads(lint(text, "-o", "json", *arguments).stdout)["unjudged"]
    return [f"{gap['question']}: {gap['missing']}; {gap['remedy']}" for gap in gaps]


CONF = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data:
  emqx.conf: |
    cluster.k8s.apiserver = "kubernetes.default.svc:443"
"""
MOUNT = (
    "          volumeMounts: [{name: conf, mountPath: /opt/emqx/etc/emqx.conf, subPath: emqx.conf}]\n"
    "          env:\n"
)
VOLUME = "      volumes: [{name: conf, configMap: {name: conf}}]\n"


def by_file(conf: str) -> str:
    """With the API server's address in an emqx.conf alone."""
    text = GOOD.replace(ADDRESS, "").replace("          env:\n", MOUNT)
    return text.replace("      containers:\n", VOLUME + "      containers:\n") + conf


def test_a_mistake_in_a_configuration_file_is_told_where_it_stands() -> None:
    [(reason, _, path)] = found(by_file(CONF))
    assert (reason, path) == ("APIServerMalformed", "data['emqx.conf']")
    assert "emqx.conf of ConfigMap conf" in lint(by_file(CONF)).stdout


def test_a_configuration_file_that_is_not_in_the_input_is_not_judged() -> None:
    result = lint(by_file(""))
    assert result.exit_code == 0
    assert "emqx.conf, which comes from ConfigMap conf" in " ".join(result.stdout.split())


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


def with_env(name: str, value: str) -> str:
    return GOOD + f"            - {{name: {name}, value: {value}}}\n"


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
        pytest.param(
            GOOD.replace("SERVICE_NAME, value: emqx", "SERVICE_NAME, value: emqx:4370"),
            "ServiceNameInvalid",
            24,
            "spec.template.spec.containers[0].env[2].value",
            id="a Service name with a port",
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


OWN_NAMESPACE = NAMESPACE.replace("value: iot", "valueFrom: {fieldRef: {fieldPath: metadata.namespace}}")
IN_SECRETS = "          envFrom: [{secretRef: {name: s}}]\n          env:\n"
GRANTED = RIGHTS.replace("[list]", "[get]")


@pytest.mark.parametrize(
    ("text", "reasons", "told"),
    [
        pytest.param(
            GOOD + GRANTED, [], ["it is judged as if that were iot, which EMQX asks for", "-n"], id="all speaks for one"
        ),
        pytest.param(
            GOOD.replace(NAMESPACE, "") + GRANTED, ["PermissionDenied"], ["that were default"], id="two that contradict"
        ),
        pytest.param(GOOD.replace(NAMESPACE, ""), [], ["that were default"], id="EMQX's default"),
        pytest.param(GOOD.replace(NAMESPACE, OWN_NAMESPACE) + GRANTED, [], [], id="EMQX asks for its own"),
        pytest.param(
            GOOD.replace(NAMESPACE, "").replace("          env:\n", IN_SECRETS) + GRANTED,
            [], ["neither its manifest nor -n"], id="a Secret may say another",
        ),
        pytest.param(GOOD.replace("value: k8s", "value: manual"), ["StrategyUnsuitable"], [], id="no discovery"),
    ],
)  # fmt: skip
def test_where_nothing_says_the_namespace(text: str, reasons: list[str], told: list[str]) -> None:
    assert errors(text) == reasons
    gaps = [gap for gap in unjudged(text) if "to which namespace" in gap]
    assert len(gaps) == bool(told)
    assert all(word in gaps[0] for word in told)
    assert not any("to which namespace" in gap for gap in unjudged(text, "-n", "iot"))


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
    assert errors(text) == []


@pytest.mark.parametrize("version", ["5.0.20", "5.4.1", "5.8.9", "6.0.1"])
def test_a_chart_that_is_right_gives_no_finding(version: str) -> None:
    """A sample in the form of the official chart with strategy k8s, as `helm template` prints it."""
    chart = (Path(__file__).parents[2] / "samples" / "manifests" / "helm-statefulset.yaml").read_text()
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
            "stdin:7: Deployment/ is not of the form",
            id="no name",
        ),
        pytest.param(
            GOOD.replace("value: iot", "value: 5"),
            "stdin:25: spec.template.spec.containers[0].env[3].value of Deployment/emqx is 5 and must be a string:"
            " quote it",
            id="a number",
        ),
        pytest.param(
            GOOD.replace("containers:", "container:"), "'containers' is missing", id="a typing error"
        ),
        pytest.param(
            GOOD.partition("          env:")[0] + "          env: {A: b}\n",
            "stdin:21: spec.template.spec.containers[0].env of Deployment/emqx is a mapping and must be a list",
            id="variables as a mapping",
        ),
        pytest.param(
            GOOD.replace("value: iot", "value: iot, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}"),
            "stdin:25: EMQX_CLUSTER__K8S__NAMESPACE has both value and valueFrom",
            id="a variable with two sources",
        ),
        pytest.param(
            GOOD.replace("matchLabels: {app: emqx}", "matchLabels: {app: mqtt}"),
            "stdin:14: Deployment/emqx selects app=mqtt, and its pods have app=emqx: the API server refuses it",
            id="pods of others",
        ),
        pytest.param(
            GOOD.replace("apiVersion: apps/v1", "apiVersion: extensions/v1beta1"),
            "no Kubernetes since 1.16 has Deployment in extensions/v1beta1: it is of apps/v1",
            id="a group that is gone",
        ),
        pytest.param(
            GOOD.replace("  replicas: 3\n", "  replicas: 3\n  progressDeadlineSeconds: 20\n"),
            "is 20 and has to be more than minReadySeconds, 20",
            id="a deadline that comes too soon",
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
            refused: list[UnreadableError] = []
            for sight in manifest.sights(given, datetime.now(UTC), refused):
                faults.judge(sight)
            unreadable += map(str, refused)
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


# --- what could not be judged


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            GOOD.replace("5.8.9", "latest"),
            ["VariableOfOtherVersion (before 5.0.0)", "latest is no version", "--emqx-version"],
            id="a tag that names no version, of which all depends",
        ),
        pytest.param(
            GOOD.replace("emqx/emqx:5.8.9", "registry.example/iot/emqx:1.4.2"),
            ["1.4.2 is no version"],
            id="a company's own number",
        ),
        pytest.param(
            GOOD.replace("5.8.9", "5"), ["LicenseMissing (5.9.0 and later)"], id="all that 5 can mean"
        ),
        pytest.param(
            GOOD.partition("---\n")[2],
            ["whether Service emqx, by which EMQX looks for its peers", "not in the input"],
            id="a Service that is elsewhere",
        ),
        pytest.param(
            GOOD, ["ServiceAccount default may get endpoints/emqx", "no Role"], id="no rights in it"
        ),
        pytest.param(
            GOOD.replace(CANONICAL, "https://api.corp.example:6443"),
            ["api.corp.example"],
            id="a name of theirs",
        ),
    ],
)
def test_what_could_not_be_judged_is_told_with_the_fact_that_is_missing(text: str, words: list[str]) -> None:
    told = " ".join(unjudged(text))
    assert [word for word in words if word not in told] == []
    result = lint(text)
    assert (result.exit_code, "not judged" in result.stdout) == (0, True)
    assert "Nothing is wrong in what was judged" in " ".join(result.stdout.split())


def test_a_range_of_versions_is_judged_where_all_of_it_agrees() -> None:
    for tag in ("5", "5.8", "5.8.9-elixir"):
        text = GOOD.replace("5.8.9", tag).replace("value: iot", "value: lab")
        assert errors(text, "-n", "iot") == ["NamespaceMismatch"]
    assert errors(GOOD.replace("5.8.9", "5.10")) == ["LicenseMissing"]


def test_a_person_may_say_which_version_it_is() -> None:
    text = GOOD.replace("5.8.9", "latest")
    assert errors(text, "--emqx-version", "5.10.1") == ["LicenseMissing"]
    assert not any("version" in told for told in unjudged(text, "--emqx-version", "5.8.9"))
    annotated = text.replace(
        NAME, "  name: emqx\n  annotations: {emqx-autocluster.io/emqx-version: '4.4'}\nspec"
    )
    assert "VariableOfOtherVersion" in errors(annotated)
    refused = lint(text, "--emqx-version", "1.4.2")
    assert (refused.exit_code, "is no version of EMQX" in refused.output) == (2, True)


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{image: emqx:5.8.9}]}"
OPERATORS = "apiVersion: apps.emqx.io/v2beta1\nkind: EMQX\nmetadata: {name: a}"
OWNED = (
    "  name: emqx\n  ownerReferences: [{apiVersion: apps.emqx.io/v2beta1, kind: EMQX, name: emqx, uid: '1'}]"
)
OTHER_KINDS = (
    "apiVersion: apps.openshift.io/v1\nkind: DeploymentConfig",
    "apiVersion: apps/v1\nkind: DaemonSet",
    "apiVersion: apps/v1\nkind: ReplicaSet",
    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout",
    "apiVersion: apps.kruise.io/v1beta1\nkind: StatefulSet",
)


@pytest.mark.parametrize("head", OTHER_KINDS, ids=lambda head: head.rpartition(" ")[2])
def test_emqx_in_a_kind_that_is_not_supported_is_seen(head: str) -> None:
    text = GOOD.partition("---\n")[2].replace("apiVersion: apps/v1\nkind: Deployment", head)
    [told] = unjudged(text)
    assert head.rpartition(" ")[2] in told
    assert "Nothing is wrong in what was judged: 0 workloads" in lint(text).stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            POD,
            "Pod",
            id="a pod",
        ),
        pytest.param(OPERATORS, "EMQX/a", id="the operator's"),
        pytest.param(
            GOOD.replace("  name: emqx\nspec", OWNED + "\nspec"),
            "official EMQX operator",
            id="what the operator made",
        ),
        pytest.param(
            GOOD.replace("5.8.9", "{{ .Values.tag }}"),
            "it has {{ .Values.tag }}",
            id="a template that can be read",
        ),
        pytest.param(
            GOOD.replace("value: iot", 'value: "{{ .Release.Namespace }}"'),
            "render it first",
            id="a quoted action",
        ),
        pytest.param(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec: {chart: emqx}",
            "what HelmRelease/a makes of its chart",
            id="a chart that Flux renders",
        ),
        pytest.param(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {source: {chart: emqx}}",
            "what Application/a makes of its chart",
            id="a chart that Argo CD renders",
        ),
        pytest.param("services: {broker: {image: 'emqx/emqx:5.8.9'}}", "docker compose", id="compose"),
        pytest.param("kind: Kustomization\nresources: [a.yaml]", "kubectl kustomize", id="kustomize"),
        pytest.param(GOOD.replace("          image: emqx/emqx:5.8.9\n", ""), "a patch", id="a patch"),
    ],
)
def test_what_is_seen_and_not_judged(text: str, words: str) -> None:
    assert [words in told for told in unjudged(text)] == [True]
    assert lint(text).exit_code == 0


def test_a_chart_that_is_not_rendered_is_told_how(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: emqx\nversion: 1.0.0\n")
    result = CliRunner().invoke(app, ["lint", "-f", str(tmp_path)])
    assert (result.exit_code, f"helm template {tmp_path}" in result.stderr) == (2, True)


def test_a_mistake_in_one_object_does_not_stop_the_judgement_of_others() -> None:
    other = (
        GOOD.partition("---\n")[2]
        .replace("name: emqx\nspec", "name: other\nspec")
        .replace("value: iot", "value: 5")
    )
    text = f"{GOOD.replace(CANONICAL, 'nonsense')}---\n{other}"
    assert errors(text) == ["APIServerMalformed"]
    assert any("Deployment/other is 5 and must be a string" in told for told in unjudged(text))
    broken = GOOD.replace("selector: {app: emqx}\n---", "selector: [5]\n---")
    assert any("selector of Service/emqx is a list" in told for told in unjudged(broken))


def test_as_many_as_an_autoscaler_may_make_count() -> None:
    alone = GOOD.replace("  replicas: 3\n", "").replace("value: k8s", "value: manual")
    scaler = (
        "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"
        "spec: {minReplicas: 3, scaleTargetRef: {kind: Deployment, name: emqx}}\n"
    )
    assert errors(alone) == []
    assert errors(alone + scaler) == ["StrategyUnsuitable"]
    assert "manual with 5 replicas" in lint(alone + scaler.replace("minReplicas: 3", "maxReplicas: 5")).stdout
    one_to_five = scaler.replace("minReplicas: 3", "minReplicas: 1, maxReplicas: 5")
    assert "manual with 5 replicas" in lint(alone + one_to_five).stdout
    assert errors(alone + scaler.replace("minReplicas: 3", "maxReplicas: 1")) == []
    without_counts = scaler.replace("minReplicas: 3, ", "")
    assert errors(alone + without_counts) == []
    by_keda = without_counts.replace("autoscaling/v2", "keda.sh/v1alpha1").replace(
        "HorizontalPodAutoscaler", "ScaledObject"
    )
    assert "manual with 100 replicas" in lint(alone + by_keda).stdout
    assert errors(alone + scaler.replace("name: emqx", "name: other")) == []


def test_of_two_objects_of_one_name_the_last_counts() -> None:
    service, rest = GOOD.split("---\n", 1)
    wrong = service.replace("selector: {app: emqx}", "selector: {app: mqtt}")
    assert wrong != service
    assert errors(f"{wrong}---\n{service}---\n{rest}") == []
    assert errors(f"{service}---\n{wrong}---\n{rest}") == ["SelectorMismatch"]


def test_a_service_of_another_namespace_is_named() -> None:
    apart = GOOD.replace("metadata: {name: emqx}", "metadata: {name: emqx, namespace: x}", 1)
    assert apart != GOOD
    [gap] = [told for told in unjudged(apart, "-n", "iot") if "Service emqx" in told]
    assert "it is not in the input; the one of that name there is of namespace x" in gap
    odd = apart.replace("namespace: x", f"namespace: {'x' * 64}")
    assert "xx" not in lint(odd, "-n", "iot").stdout


def test_what_is_told_of_a_mistake_has_an_end() -> None:
    """A value in it may be as long as the file."""
    long = GOOD.replace("apiVersion: apps/v1", f"apiVersion: apps/{'x' * 5000}")
    assert "has Deployment in apps/xx" in lint(long).output
    assert len(lint(long).output) < 2000


def test_rights_of_a_group_that_is_none_give_nothing() -> None:
    rights = RIGHTS.replace("[list]", "[get]")
    assert errors(GOOD + rights, "-n", "iot") == []
    wrong = GOOD + rights.replace("authorization.k8s.io/v1", "authorization.kubernetes.io/v1")
    assert errors(wrong, "-n", "iot") == ["PermissionDenied"]
    assert "it is rbac.authorization.k8s.io/v1" in lint(wrong, "-n", "iot").stdout


ACCOUNT = """\
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: emqx}
"""


def test_what_is_said_of_a_field_stands_at_its_line() -> None:
    strategy = "  strategy: {rollingUpdate: {maxUnavailable: 3}}\n  replicas: 3\n"
    text = GOOD.replace("  replicas: 3\n", strategy) + GRANTED
    assert "stdin:12: advice: AllReplacedAtOnce in Deployment/emqx" in lint(text, "-n", "iot").stdout
    aliased = GOOD.replace("      containers:\n", HOST_ALIASES) + GRANTED
    assert "stdin:18: not judged in Deployment/emqx" in lint(aliased, "-n", "iot").stdout


def test_an_account_that_others_may_have_made_is_no_all_clear() -> None:
    own = GOOD.replace("      containers:\n", "      serviceAccountName: emqx\n      containers:\n")
    text = own + GRANTED.replace("name: default, namespace", "name: emqx, namespace")
    [told] = unjudged(text, "-n", "iot")
    assert told.startswith(
        "whether there is ServiceAccount emqx, without which no pod is made: it is not in the input"
    )
    assert unjudged(text + ACCOUNT, "-n", "iot") == []


def test_an_account_with_the_right_is_named_where_the_pods_run_as_another() -> None:
    text = GOOD + GRANTED.replace("name: default, namespace", "name: emqx, namespace") + ACCOUNT
    assert "set serviceAccountName: emqx in the pod template" in " ".join(
        lint(text, "-n", "iot").stdout.split()
    )
    taken = WEB.replace("spec: {containers", "spec: {serviceAccountName: emqx, containers")
    assert "serviceAccountName: emqx in" not in lint(text + taken, "-n", "iot").stdout
    two = GRANTED.replace("name: default, namespace", "name: other, namespace").replace(
        "metadata: {name: discovery}", "metadata: {name: another}"
    )
    both = text + two.replace("kind: Role, name: discovery", "kind: Role, name: another")
    more = both + ACCOUNT.replace("{name: emqx}", "{name: other}")
    assert "set serviceAccountName" not in " ".join(lint(more, "-n", "iot").stdout.split())


BY_NAME = (
    "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: dns}\n"
    "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: pod.cluster.local}\n"
)
IN_THE_POD = GOOD.replace(CANONICAL, "http://localhost:8001")
PROXY = "        - {name: proxy, image: kubectl, args: [proxy, --port=8002]}\n        - name: emqx\n"
HOST_ALIASES = (
    "      hostAliases: [{ip: 192.0.2.7, hostnames: [a, kubernetes.default.svc]},"
    " {ip: 192.0.2.8, hostnames: [kubernetes.default.svc]}]\n      containers:\n"
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(GOOD + BY_NAME, None, id="the domain that most clusters have"),
        pytest.param(
            GOOD + BY_NAME.replace("cluster.local", "corp.zone"),
            "whether corp.zone is the cluster's domain",
            id="a domain that is the cluster's to tell",
        ),
        pytest.param(
            GOOD.replace("      containers:\n", "      serviceAccountName: default\n      containers:\n"),
            None,
            id="the account that every namespace has",
        ),
        pytest.param(
            IN_THE_POD.replace("        - name: emqx\n", PROXY),
            "whether a container beside EMQX answers at http://localhost:8001",
            id="a sidecar that may be a proxy, on another port",
        ),
        pytest.param(
            GOOD.replace("      containers:\n", HOST_ALIASES),
            "whether the API server answers at 192.0.2.7: hostAliases gives the pods that address for kubernetes.",
            id="the API server's name in hostAliases",
        ),
        pytest.param(
            GOOD.replace("      containers:\n", HOST_ALIASES.replace("kubernetes.default.svc", "broker")),
            None,
            id="another name there",
        ),
    ],
)
def test_what_only_the_cluster_can_tell_is_no_all_clear(text: str, told: str | None) -> None:
    assert errors(text + GRANTED, "-n", "iot") == []
    found = unjudged(text + GRANTED, "-n", "iot")
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


def test_a_role_that_is_bound_and_not_given_is_named() -> None:
    rights = RIGHTS.replace("kind: Role, name: discovery", "kind: Role, name: elsewhere")
    assert any("Role elsewhere, which is not in the input" in told for told in unjudged(GOOD + rights))


@pytest.mark.parametrize(
    "rights",
    [
        pytest.param(GRANTED.replace("rules: [{", "rules: get # [{"), id="rules that are a word"),
        pytest.param(
            GRANTED.replace("resources: [endpoints]", "resources: endpoints"), id="a word for a list"
        ),
        pytest.param(GRANTED.replace("verbs: [get]", "verbs: [{get: 1}]"), id="a verb that is a mapping"),
        pytest.param(GRANTED.replace("subjects: [", "subjects: default # ["), id="subjects that are a word"),
        pytest.param(
            GRANTED.replace("discovery}\nrules", "discovery, labels: [a]}\nrules"),
            id="labels that are a list",
        ),
    ],
)
def test_rights_of_no_form_are_told_as_not_judged(rights: str) -> None:
    assert errors(GOOD + GRANTED, "-n", "iot") == []
    assert unjudged(GOOD + GRANTED, "-n", "iot") == []
    [told] = unjudged(GOOD + rights, "-n", "iot")
    assert "discovery is not of the form that the API server takes" in told
    assert unjudged(GOOD + rights.replace("name: discovery", "name: odd") + GRANTED, "-n", "iot") == []


def test_a_role_for_what_emqx_does_not_ask_for_is_told_where_nothing_else_runs_by_it() -> None:
    rights = RIGHTS.replace("endpoints", "pods").replace("name: default,", "name: emqx,")
    own = GOOD.replace("      containers:\n", "      serviceAccountName: emqx\n      containers:\n") + rights
    assert errors(own, "-n", "iot") == ["PermissionDenied"]
    assert errors(own.replace("        - name: emqx\n", SIDECAR), "-n", "iot") == []


def test_a_variable_of_the_other_version_is_told_before_what_may_follow_from_it() -> None:
    text = GOOD.replace("emqx/emqx:5.8.9", "emqx/emqx:4.4.19")
    assert errors(text)[:2] == ["VariableOfOtherVersion", "NamePartMismatch"]


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        pytest.param(
            GOOD.replace(CANONICAL, "http://127.0.0.1:8001"),
            "APIServerUnreachable",
            "nothing but EMQX runs in it",
            id="a proxy in the pod, and none is there",
        ),
        pytest.param(
            GOOD.replace("value: iot", "valueFrom: {configMapKeyRef: {name: settings, key: ns}}") + SETTINGS,
            "ReferenceMissing",
            "key ns of ConfigMap settings, which has no such key, only EMQX_CLUSTER__K8S__APISERVER",
            id="a key that is not in its ConfigMap",
        ),
        pytest.param(
            by_file(CONF.replace("emqx.conf: |", "main.conf: |")),
            "ReferenceMissing",
            "/opt/emqx/etc/emqx.conf is mounted from key emqx.conf of ConfigMap conf",
            id="a file that is not in its ConfigMap",
        ),
        pytest.param(
            by_file(CONF).replace("emqx:5.8.9", "emqx:4.4.19").replace("DISCOVERY_STRATEGY", "DISCOVERY"),
            "FileUnsuitable",
            "emqx.conf of ConfigMap conf has no node.cookie",
            id="a file of 4.x without a cookie",
        ),
        pytest.param(
            by_file(CONF.replace('apiserver = "kubernetes.default.svc:443"', "app_name = emqx")),
            "UnknownVariable",
            "emqx.conf of ConfigMap conf has cluster.k8s.app_name, which EMQX 5.8.9 does not know",
            id="a line of another version in a file",
        ),
        pytest.param(
            by_file(CONF.replace("cluster.k8s.apiserver", "cluster.discovery")),
            "UnknownVariable",
            "it is called cluster.discovery_strategy there",
            id="the strategy as 4.x calls it, in a file",
        ),
        pytest.param(
            GOOD.replace("value: k8s", "value: dns")
            .replace("          env:\n", MOUNT)
            .replace("      containers:\n", VOLUME + "      containers:\n")
            + CONF.replace(
                'k8s.apiserver = "kubernetes.default.svc:443"',
                'dns { type = srv, name = "emqx.iot.svc.cluster.local" }',
            ),
            "UnknownVariable",
            "it is called cluster.dns.record_type there",
            id="the record type as 4.x calls it, in a file",
        ),
        pytest.param(
            GOOD.replace("spec:\n  selector", "spec:\n  type: ExternalName\n  externalName: a.b\n  selector"),
            "SelectorMismatch",
            "it is of type ExternalName and leads to a.b",
            id="a Service that is another's name",
        ),
    ],
)
def test_what_keeps_emqx_from_starting_or_asking(text: str, reason: str, words: str) -> None:
    assert errors(text)[:1] == [reason]
    assert words in " ".join(lint(text).stdout.split())


def test_text_in_binary_data_is_read_as_well() -> None:
    encoded = b64encode(b'cluster.k8s.apiserver = "kubernetes.default.svc:443"\n').decode()
    text = by_file(CONF.partition("\ndata:")[0] + f"\nbinaryData: {{emqx.conf: {encoded}}}\n")
    assert errors(text) == ["APIServerMalformed"]
    assert any("binaryData is not in base64" in told for told in unjudged(text.replace(encoded, "abc")))


def test_endpoints_that_are_written_by_hand_are_not_judged() -> None:
    by_hand = "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: emqx}\nsubsets: []\n"
    text = GOOD.replace("selector: {app: emqx}\n---", "ports: [{port: 4370}]\n---")
    assert errors(text) == ["SelectorMismatch"]
    assert errors(text + by_hand) == []
    assert any("written by hand" in told for told in unjudged(text + by_hand))


def test_slices_that_are_written_by_hand_lead_to_addresses_by_dns_alone() -> None:
    by_hand = (
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: emqx-1, labels: {kubernetes.io/service-name: emqx}}\nendpoints: []\n"
    )
    text = (
        GOOD.replace("selector: {app: emqx}\n---", "clusterIP: None\n  ports: [{port: 4370}]\n---") + by_hand
    )
    assert errors(text) == ["SelectorMismatch"]
    dns = text.replace("value: k8s", "value: dns").replace(
        "EMQX_CLUSTER__K8S__SERVICE_NAME, value: emqx",
        "EMQX_CLUSTER__DNS__NAME, value: emqx.iot.svc.cluster.local",
    )
    assert errors(dns, "-n", "iot") == []
    assert any("written by hand" in told for told in unjudged(dns, "-n", "iot"))


def test_a_value_that_is_not_taken_is_found_with_its_cure() -> None:
    text = GOOD.replace("value: k8s", "value: kubernetes")
    assert errors(text) == ["ValueNotAccepted"]
    assert 'value: "k8s"' in lint(text).stdout


# --- levels


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


# --- how it is told


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


POLICY = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: devices, namespace: iot}
spec:
  podSelector: {matchLabels: {app: emqx}}
  ingress: [{ports: [{port: 1883}]}]
"""


def leading(*ports: str, more: str = "") -> str:
    """The good one, with these ports of its Service, and more in its container."""
    text = GOOD.replace(
        "  selector: {app: emqx}\n---", f"  selector: {{app: emqx}}\n  ports: [{', '.join(ports)}]\n---"
    )
    return text.replace("          env:\n", f"{more}          env:\n")


NAMED = "          ports: [{name: ekka, containerPort: 4370}]\n"


def test_ports_of_a_service_that_no_pod_has() -> None:
    named = "{port: 4370, targetPort: ekka}"
    assert [(reason, path) for reason, _, path in found(leading(named))] == [("NoAddresses", "spec.ports")]
    assert errors(leading(named, more=NAMED)) == []
    assert errors(leading(named, "{port: 1883}")) == []
    assert errors(leading("{port: 4370, targetPort: ekka, protocol: UDP}", more=NAMED)) == ["NoAddresses"]


WEB = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: iot}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: emqx, tier: web}}
    spec: {containers: [{name: web, image: "nginx:1"}]}
"""


def test_other_pods_in_a_service_of_host_names() -> None:
    names = "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: hostname}\n"
    names += "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: svc.cluster.local}\n"
    text = GOOD.replace("kind: Deployment", "kind: StatefulSet").replace(
        "spec:\n  replicas", "spec:\n  serviceName: emqx\n  replicas"
    )
    text = text.replace(
        "  selector: {app: emqx}\n---",
        "  clusterIP: None\n  publishNotReadyAddresses: true\n  selector: {app: emqx}\n---",
    )
    assert errors(text + names + WEB, "-n", "iot") == ["HostnameMissing"]
    assert errors(text + names + WEB.replace("namespace: iot", "namespace: lab"), "-n", "iot") == []
    assert errors(text + names + WEB.replace("replicas: 1", "replicas: 0"), "-n", "iot") == []
    assert errors(text + WEB, "-n", "iot") == errors(text, "-n", "iot")


def test_a_policy_that_lets_devices_in_alone() -> None:
    assert errors(GOOD + POLICY, "-n", "iot") == ["NetworkPolicyBlocks"]


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        pytest.param(POLICY.replace("namespace: iot", "namespace: web"), "", id="of another namespace"),
        pytest.param(
            POLICY.replace(
                "ports: [{port: 1883}]", "from: [{namespaceSelector: {matchLabels: {team: iot}}}]"
            ),
            "",
            id="by labels that namespaces may have",
        ),
        pytest.param(
            POLICY
            + POLICY.replace("networking.k8s.io/v1", "cilium.io/v2").replace("kind: N", "kind: CiliumN"),
            "CiliumNetworkPolicy devices (cilium.io/v2) has a say in it",
            id="another kind of policy adds to it",
        ),
        pytest.param(
            POLICY.replace("[{ports: [{port: 1883}]}]", "[{from: all}]"),
            "NetworkPolicy devices is not of the form that the API server takes",
            id="a policy of no form",
        ),
    ],
)
def test_a_policy_that_proves_nothing(policies: str, told: str) -> None:
    assert errors(GOOD + policies, "-n", "iot") == []
    assert any(told in gap for gap in unjudged(GOOD + policies, "-n", "iot")) or not told


def test_a_policy_of_no_form_for_others_hides_no_other() -> None:
    theirs = POLICY.replace("{app: emqx}", "{app: web}").replace("[{ports: [{port: 1883}]}]", "all")
    assert errors(GOOD + POLICY + theirs, "-n", "iot") == ["NetworkPolicyBlocks"]
    assert not any("NetworkPolicy" in gap for gap in unjudged(GOOD + theirs, "-n", "iot"))
    unnamed = theirs.replace("{matchLabels: {app: web}}", "[web]")
    assert any("is not of the form" in gap for gap in unjudged(GOOD + unnamed, "-n", "iot"))


def test_a_policy_of_the_whole_cluster_counts_wherever_all_else_goes() -> None:
    """It has no namespace, so that the one of the call is none of its own."""
    placed = GOOD.replace("metadata: {name: emqx}", "metadata: {name: emqx, namespace: iot}").replace(
        NAME, "  name: emqx\n  namespace: iot\nspec"
    )
    wide = (
        POLICY.replace("networking.k8s.io/v1", "cilium.io/v2")
        .replace("kind: N", "kind: CiliumClusterwideN")
        .replace(", namespace: iot", "")
    )
    assert errors(placed + POLICY, "-n", "web") == ["NetworkPolicyBlocks"]
    assert errors(placed + POLICY + wide, "-n", "web") == []
    told = unjudged(placed + POLICY + wide, "-n", "web")
    assert any("CiliumClusterwideNetworkPolicy devices (cilium.io/v2) has a say in it" in gap for gap in told)


def test_where_all_goes_is_not_known_a_policy_may_mean_that_namespace() -> None:
    mine = "from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: plant}}}]"
    policy = POLICY.replace("ports: [{port: 1883}]", mine).replace(", namespace: iot", "")
    assert errors(GOOD + policy) == []
    assert errors(GOOD + policy, "-n", "iot") == ["NetworkPolicyBlocks"]


def test_names_that_are_hidden_are_told_at_the_service() -> None:
    text = GOOD.replace("kind: Deployment", "kind: StatefulSet").replace(
        "  replicas: 3\n", "  serviceName: emqx\n  replicas: 3\n"
    )
    text = text.replace("  selector: {app: emqx}\n---", "  clusterIP: None\n  selector: {app: emqx}\n---")
    text += "            - {name: EMQX_CLUSTER__K8S__ADDRESS_TYPE, value: hostname}\n"
    text += "            - {name: EMQX_CLUSTER__K8S__SUFFIX, value: svc.cluster.local}\n"
    text += "          readinessProbe: {httpGet: {path: /status, port: 18083}}\n"
    text += "          volumeMounts: [{name: data, mountPath: /opt/emqx/data}]\n"
    text += "  volumeClaimTemplates: [{metadata: {name: data}}]\n"
    assert found(text, "-n", "iot") == [("NamesHiddenUntilReady", 4, "spec")]


@pytest.mark.parametrize(
    ("families", "reasons"),
    [("[IPv6]", ["AddressFamilyUnsuitable"]), ("[IPv4]", []), ("[IPv4, IPv6]", [])],
)
def test_the_families_of_a_service(families: str, reasons: list[str]) -> None:
    service = f"spec:\n  ipFamilies: {families}\n  ipFamilyPolicy: SingleStack\n"
    assert errors(GOOD.replace("spec:\n", service, 1), "-n", "iot") == reasons


def test_a_mesh_is_told_as_advice() -> None:
    text = GOOD.replace(LABELS, "metadata: {labels: {app: emqx}, annotations: {linkerd.io/inject: enabled}}")
    assert [reason for reason, *_ in found(text, "-n", "iot")] == ["MeshBetweenNodes"]
    assert errors(text, "-n", "iot") == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            "roleRef: {apiGroup: rbac.authorization.k8s.io",
            "roleRef: {apiGroup: rbac.k8s.io",
            "in its roleRef",
        ),
        (
            "{kind: ServiceAccount,",
            "{kind: ServiceAccount, apiGroup: rbac.authorization.k8s.io,",
            "which is in none",
        ),
        (", namespace: iot}", "}", "without its namespace"),
    ],
)
def test_a_binding_that_the_api_server_refuses(old: str, new: str, why: str) -> None:
    rights = RIGHTS.replace("[list]", "[get]")
    assert errors(GOOD + rights, "-n", "iot") == []
    result = lint(GOOD + rights.replace(old, new), "-n", "iot")
    assert "PermissionDenied" in result.stdout
    assert why in " ".join(result.stdout.split())


def test_a_service_of_the_input_that_would_do_is_named_for_one_that_is_not_there() -> None:
    text = GOOD.replace("SERVICE_NAME, value: emqx", "SERVICE_NAME, value: peers")
    assert any("Service emqx selects them" in gap for gap in unjudged(text, "-n", "iot"))


@pytest.mark.parametrize(
    ("service", "cookie", "reason"),
    [("emqx", "one", ""), ("emqx", "other", "CookieChanged"), ("edge", "one", "CoresNotListed")],
)
def test_replicants_are_held_against_the_cores_beside_them(service: str, cookie: str, reason: str) -> None:
    def with_cookie(text: str, value: str) -> str:
        return text + f"            - {{name: EMQX_NODE__COOKIE, value: {value}}}\n"

    cores = with_cookie(GOOD.replace("emqx/emqx:5.8.9", "emqx/emqx-enterprise:5.8.9"), "one")
    edge = with_cookie(cores.replace(NAME, NAME.replace("emqx", "edge")), cookie).partition("---\n")[2]
    edge = edge.replace("{app: emqx}", "{app: edge}").replace(
        "SERVICE_NAME, value: emqx", f"SERVICE_NAME, value: {service}"
    )
    edge += "            - {name: EMQX_NODE__ROLE, value: replicant}\n"
    own = GOOD.partition("---\n")[0].replace("emqx", "edge")
    assert errors(f"{cores}---\n{own}---\n{edge}", "-n", "iot") == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("policy", "count"),
    [("dnsPolicy: None", 1), ("dnsPolicy: Default", 1), ("dnsPolicy: ClusterFirst", 0)],
)
def test_nameservers_of_the_templates_own_are_not_judged(policy: str, count: int) -> None:
    own = f"      {policy}\n      dnsConfig: {{nameservers: [192.0.2.53]}}\n      containers:\n"
    text = GOOD.replace("      containers:\n", own)
    assert errors(text, "-n", "iot") == []
    assert len([gap for gap in unjudged(text, "-n", "iot") if "nameservers" in gap]) == count
