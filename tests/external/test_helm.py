"""The chart as helm renders it: by default what deploy/ has, with each value in its place, and no other value."""

import asyncio
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm import program
from helm.command import Helm, HelmError
from release import chart, tree
from running import NAMESPACE, ROOT
from sandbox import binaries
from test_chart import CHART, VALUES, leaves

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace, name."""
DEPLOYED = sorted((ROOT / "deploy").glob("[0-9]*.yaml"))
MONITORING = [ROOT / "deploy" / "monitoring" / f"{name}.yaml" for name in ("podmonitor", "prometheusrule")]
MONITORED = {
    "monitoring": {name: {"enabled": True} for name in ("podMonitor", "prometheusRule", "dashboard")}
}
NAME = "emqx-autocluster"
NAMESPACE_ITSELF = ("Namespace", "", NAMESPACE)
ABSENT = None


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(asyncio.run(program.provide(print)), tmp_path_factory.mktemp("helm"))


def objects(text: str) -> dict[Key, Object]:
    """Each is there once."""
    found = [document for document in yaml.safe_load_all(text) if document]
    keys = [(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in found]
    assert max(Counter(keys).values()) == 1
    return dict(zip(keys, found, strict=True))


def rendered(helm: Helm, *arguments: str, values: Object | None = None) -> dict[Key, Object]:
    given = ("template", "any", str(CHART), "--namespace", NAMESPACE, *arguments)
    return objects(helm(*given, values=values))


def shipped(*files: Path) -> dict[Key, Object]:
    return objects("\n---\n".join(file.read_text() for file in files))


def at(found: Any, path: str) -> Any:
    """What stands there; ABSENT where nothing does."""
    for key in path.split("/"):
        if isinstance(found, list):
            found = found[int(key)] if key.isdigit() else next((e for e in found if e["name"] == key), ABSENT)
        else:
            found = found.get(key, ABSENT)
        if found is ABSENT:
            return ABSENT
    return found


def nested(path: str, value: Any) -> Object:
    head, _, rest = path.partition(".")
    return {head: nested(rest, value) if rest else value}


def test_this_is_the_helm_that_is_pinned(helm: Helm) -> None:
    pinned = (program.SOURCES / "helm" / "go.mod").read_text()
    assert f"helm.sh/helm/v3 {helm('version', '--template', '{{.Version}}')} " in pinned


def test_by_default_it_is_what_deploy_has_but_the_namespace(helm: Helm) -> None:
    wanted = shipped(*DEPLOYED)
    del wanted[NAMESPACE_ITSELF]
    assert rendered(helm, "--include-crds") == wanted


def test_for_some_namespaces_it_is_what_the_overlay_makes_but_the_namespace(helm: Helm) -> None:
    wanted = kustomized("namespaced")
    del wanted[NAMESPACE_ITSELF]
    found = rendered(helm, "--include-crds", values={"namespaces": ["iot"]})
    assert {key: plain(one) for key, one in found.items()} == {key: plain(one) for key, one in wanted.items()}


def kustomized(*folder: str) -> dict[Key, Object]:
    """What a folder of deploy/ is by `kubectl apply -k`."""
    kubectl = asyncio.run(binaries.provide(print))["kubectl"]
    command = [str(kubectl), "kustomize", str(ROOT.joinpath("deploy", *folder))]
    return objects(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def plain(found: Object) -> Object:
    """Without what kustomize adds and nobody reads: blank lines in folded texts, a patch's variable at the front."""
    copy: Object = json.loads(json.dumps(found).replace(r"\n\n", r"\n"))
    if copy["kind"] == "Deployment":
        at(copy, f"{OPERATOR}/env").sort(key=lambda entry: entry["name"])
    return copy


def test_the_operators_own_namespace_can_be_one_of_them(helm: Helm) -> None:
    found, everywhere = rendered(helm, values={"namespaces": [NAMESPACE]}), rendered(helm)
    role, binding = (found[kind, NAMESPACE, f"{NAME}-workloads"] for kind in ("Role", "RoleBinding"))
    assert role["rules"] == everywhere["ClusterRole", "", NAME]["rules"]
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("Role", f"{NAME}-workloads")
    assert found["Role", NAMESPACE, NAME] == everywhere["Role", NAMESPACE, NAME]


def test_with_monitoring_it_is_what_deploy_has_of_that(helm: Helm) -> None:
    found = rendered(helm, values=MONITORED)
    more = {key: found[key] for key in found.keys() - rendered(helm).keys()}
    dashboard = more.pop(DASHBOARD)
    assert more == shipped(*MONITORING)
    # There it is made in whatever namespace `-n` says.
    assert dashboard["metadata"].pop("namespace") == NAMESPACE
    assert [dashboard] == [*kustomized("monitoring", "grafana").values()]
    assert json.loads(dashboard["data"][f"{NAME}.json"])["title"]


def test_in_another_namespace_nothing_is_left_of_the_first(helm: Helm) -> None:
    here = helm("template", "any", str(CHART), "--namespace", NAMESPACE, values=MONITORED)
    there = helm("template", "any", str(CHART), "--namespace", "platform", values=MONITORED)
    renamed = {
        f"namespace: {NAMESPACE}\n": "namespace: platform\n",
        f"system:serviceaccount:{NAMESPACE}:": "system:serviceaccount:platform:",
    }
    for text, other in renamed.items():
        assert text in here
        assert text not in there
        here = here.replace(text, other)
    assert objects(there) == objects(here)
    for key, found in objects(there).items():
        assert f"serviceaccount:{NAMESPACE}" not in yaml.safe_dump(found), key
        assert found["metadata"].get("namespace", "platform") == "platform", key


def test_lint_finds_no_fault(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


def test_it_can_be_part_of_another_chart(helm: Helm, tmp_path: Path) -> None:
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / NAME).symlink_to(CHART)
    part = {"name": NAME, "version": VERSION}
    whole = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [part]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(whole))
    (tmp_path / "values.yaml").write_text(
        yaml.safe_dump({NAME: {"replicas": 3}, "global": {"region": "here"}})
    )
    found = objects(helm("template", "any", str(tmp_path), "--namespace", NAMESPACE))
    assert found[DEPLOYMENT]["spec"]["replicas"] == 3
    assert found.keys() == rendered(helm).keys()


VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
DEPLOYMENT = ("Deployment", NAMESPACE, NAME)
BUDGET = ("PodDisruptionBudget", NAMESPACE, NAME)
POD_MONITOR, RULE = ("PodMonitor", NAMESPACE, NAME), ("PrometheusRule", NAMESPACE, NAME)
DASHBOARD, ELSEWHERE = (("ConfigMap", where, f"{NAME}-dashboard") for where in (NAMESPACE, "grafana"))
ACCOUNT = ("ServiceAccount", NAMESPACE, NAME)
POD = "spec/template/spec"
OPERATOR = f"{POD}/containers/operator"
DIGEST = "sha256:" + "0a" * 32
TOLERATION = {"key": "spot", "operator": "Exists", "effect": "NoSchedule"}
AFFINITY: Object = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
SPREAD = {"maxSkew": 2, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}

EFFECTS: list[tuple[str, Any, Key, str, Any]] = [
    (
        "image.repository",
        "registry.example/ours",
        DEPLOYMENT,
        f"{OPERATOR}/image",
        f"registry.example/ours:{VERSION}",
    ),
    ("image.tag", "1.2.3", DEPLOYMENT, f"{OPERATOR}/image", f"{NAME}:1.2.3"),
    ("image.digest", DIGEST, DEPLOYMENT, f"{OPERATOR}/image", f"{NAME}@{DIGEST}"),
    ("image.pullPolicy", "Always", DEPLOYMENT, f"{OPERATOR}/imagePullPolicy", "Always"),
    ("image.pullSecrets", ["ours"], DEPLOYMENT, f"{POD}/imagePullSecrets", [{"name": "ours"}]),
    ("replicas", 1, DEPLOYMENT, "spec/replicas", 1),
    (
        "namespaces",
        ["iot", "plant"],
        DEPLOYMENT,
        f"{OPERATOR}/env/EMQX_AUTOCLUSTER_NAMESPACES/value",
        "iot,plant",
    ),
    (
        "settings.clusterDomain",
        "lab",
        DEPLOYMENT,
        f"{OPERATOR}/env/EMQX_AUTOCLUSTER_CLUSTER_DOMAIN/value",
        "lab",
    ),
    (
        "settings.clusterDNS",
        "10.96.0.10:53",
        DEPLOYMENT,
        f"{OPERATOR}/env/EMQX_AUTOCLUSTER_CLUSTER_DNS/value",
        "10.96.0.10:53",
    ),
    ("settings.logLevel", "DEBUG", DEPLOYMENT, f"{OPERATOR}/env/EMQX_AUTOCLUSTER_LOG_LEVEL/value", "DEBUG"),
    ("settings.logFormat", "text", DEPLOYMENT, f"{OPERATOR}/env/EMQX_AUTOCLUSTER_LOG_FORMAT/value", "text"),
    ("settings.workers", 64, DEPLOYMENT, f"{OPERATOR}/env/EMQX_AUTOCLUSTER_WORKERS/value", "64"),
    ("settings.execs", 8, DEPLOYMENT, f"{OPERATOR}/env/EMQX_AUTOCLUSTER_EXECS/value", "8"),
    (
        "settings.minReadySeconds",
        60,
        DEPLOYMENT,
        f"{OPERATOR}/env/EMQX_AUTOCLUSTER_MIN_READY_SECONDS/value",
        "60",
    ),
    (
        "settings.settlingSeconds",
        90,
        DEPLOYMENT,
        f"{OPERATOR}/env/EMQX_AUTOCLUSTER_SETTLING_SECONDS/value",
        "90",
    ),
    ("guardrails.enabled", False, ("ValidatingAdmissionPolicy", "", f"{NAME}-exec"), "kind", ABSENT),
    ("disruptionBudget.enabled", False, BUDGET, "kind", ABSENT),
    ("disruptionBudget.maxUnavailable", "50%", BUDGET, "spec/maxUnavailable", "50%"),
    ("monitoring.podMonitor.enabled", True, POD_MONITOR, "kind", "PodMonitor"),
    ("monitoring.podMonitor.labels", {"release": "ours"}, POD_MONITOR, "metadata/labels/release", "ours"),
    ("monitoring.podMonitor.interval", "15s", POD_MONITOR, "spec/podMetricsEndpoints/0/interval", "15s"),
    ("monitoring.prometheusRule.enabled", True, RULE, "kind", "PrometheusRule"),
    ("monitoring.prometheusRule.labels", {"release": "ours"}, RULE, "metadata/labels/release", "ours"),
    ("monitoring.dashboard.enabled", True, DASHBOARD, "metadata/labels/grafana_dashboard", "1"),
    (
        "monitoring.dashboard.labels",
        {"grafana_dashboard": "ours"},
        DASHBOARD,
        "metadata/labels/grafana_dashboard",
        "ours",
    ),
    ("monitoring.dashboard.namespace", "grafana", ELSEWHERE, "kind", "ConfigMap"),
    (
        "serviceAccount.annotations",
        {"a/b": "c"},
        ACCOUNT,
        "metadata/annotations",
        {"a/b": "c"},
    ),
    ("podAnnotations", {"a": "c"}, DEPLOYMENT, "spec/template/metadata/annotations", {"a": "c"}),
    ("podLabels", {"team": "iot"}, DEPLOYMENT, "spec/template/metadata/labels/team", "iot"),
    ("resources", {"limits": {"memory": "1Gi"}}, DEPLOYMENT, f"{OPERATOR}/resources/limits/memory", "1Gi"),
    ("priorityClassName", "high", DEPLOYMENT, f"{POD}/priorityClassName", "high"),
    ("nodeSelector", {"pool": "infra"}, DEPLOYMENT, f"{POD}/nodeSelector", {"pool": "infra"}),
    ("tolerations", [TOLERATION], DEPLOYMENT, f"{POD}/tolerations", [TOLERATION]),
    ("affinity", AFFINITY, DEPLOYMENT, f"{POD}/affinity", AFFINITY),
    ("topologySpreadConstraints", [SPREAD], DEPLOYMENT, f"{POD}/topologySpreadConstraints", [SPREAD]),
]
"""A value, what is given, and the object and place where it has to be seen."""
ALSO = {
    "guardrails.enabled": "ValidatingAdmissionPolicy",
    "namespaces": r"ClusterRole|Role\w* (iot|plant) ",
    "monitoring.dashboard.namespace": "ConfigMap",
}
"""Values of which more than one object hangs: the beginnings of what they are called."""


def test_the_effect_of_every_value_is_told() -> None:
    assert [path for path, *_ in EFFECTS] == [path for path, _ in leaves(VALUES)]


@pytest.mark.parametrize(("path", "given", "key", "place", "seen"), EFFECTS, ids=[row[0] for row in EFFECTS])
def test_a_value_has_its_effect_and_no_other(
    helm: Helm, path: str, given: Any, key: Key, place: str, seen: Any
) -> None:
    base = MONITORED if path.startswith("monitoring.") and not path.endswith("enabled") else {}
    values = [word for one in (base, nested(path, given)) for word in written(one, helm.home)]
    before = rendered(helm, values=base)
    after = rendered(helm, *values)
    assert at(before.get(key, {}), place) != seen
    assert at(after.get(key, {}), place) == seen
    others = {other for other in before.keys() | after.keys() if before.get(other) != after.get(other)}
    also = {one for one in before.keys() | after.keys() if re.match(ALSO.get(path, "$^"), " ".join(one))}
    assert others == {key} | also


def written(values: Object, folder: Path) -> Iterator[str]:
    """As an argument for helm."""
    file = folder / f"values-{abs(hash(repr(values)))}.yaml"
    file.write_text(yaml.safe_dump(values))
    yield from ("-f", str(file))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 3}, "additional properties 'replica' not allowed"),
        ({"namespaces": ["iot,plant"]}, "at '/namespaces/0': 'iot,plant' does not match pattern"),
        ({"settings": {"worker": 3}}, "additional properties 'worker' not allowed"),
        ({"replicas": "two"}, "at '/replicas': got string, want integer"),
        ({"settings": {"workers": 0}}, "at '/settings/workers': minimum: got 0, want 1"),
        (
            {"settings": {"minReadySeconds": 900}},
            "at '/settings/minReadySeconds': maximum: got 900, want 600",
        ),
        (
            {"settings": {"logLevel": "debug"}},
            "at '/settings/logLevel': value must be one of 'DEBUG', 'INFO'",
        ),
        ({"image": {"digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
        ({"image": {"tag": "a b"}}, "at '/image/tag': 'a b' does not match pattern"),
        ({"guardrails": {"enabled": "no"}}, "at '/guardrails/enabled': got string, want boolean"),
        ({"disruptionBudget": {"maxUnavailable": 0}}, "at '/disruptionBudget/maxUnavailable'"),
        (
            {"podLabels": {"app.kubernetes.io/name": "x"}},
            "at '/podLabels/app.kubernetes.io~1name': false schema",
        ),
        (
            {"tolerations": [{"keys": "spot"}]},
            "at '/tolerations/0': additional properties 'keys' not allowed",
        ),
        (
            {"monitoring": {"dashboard": {"namespace": "Grafana"}}},
            "at '/monitoring/dashboard/namespace': 'Grafana' does not match pattern",
        ),
        ({"resources": {"limit": {}}}, "at '/resources': additional properties 'limit' not allowed"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_value_that_cannot_be_is_refused_with_its_place(helm: Helm, values: Object, said: str) -> None:
    with pytest.raises(HelmError) as refused:
        rendered(helm, values=values)
    assert said in str(refused.value)


def test_a_cluster_that_has_no_such_policies_is_told_so(helm: Helm) -> None:
    old = ("--kube-version", "1.29.9")
    with pytest.raises(HelmError, match=r"guardrails need Kubernetes 1\.30.*--set guardrails\.enabled=false"):
        rendered(helm, *old)
    found = rendered(helm, *old, values={"guardrails": {"enabled": False}})
    assert not {kind for kind, *_ in found if "Admission" in kind}


def names_in(packed: Path) -> list[str]:
    told = subprocess.run(["tar", "-tzf", str(packed)], capture_output=True, text=True, check=True).stdout
    return sorted(told.split())


def test_the_chart_of_a_release_is_what_helm_itself_packs(helm: Helm, tmp_path: Path) -> None:
    helm("package", str(CHART), "--destination", str(tmp_path / "helm"))
    by_helm, released = tmp_path / "helm" / f"{NAME}-{VERSION}.tgz", tmp_path / f"{NAME}-{VERSION}.tgz"
    released.write_bytes(chart.package(ROOT, tree.commit(ROOT)))
    assert names_in(released) == names_in(by_helm)
    assert f"{NAME}/crds/emqxautoclusters.yaml" in names_in(released)
    assert "0 chart(s) failed" in helm("lint", "--strict", str(released))
    assert helm("show", "all", str(released)) == helm("show", "all", str(by_helm))
    for packed in (released, by_helm):
        told = objects(helm("template", "any", str(packed), "--namespace", NAMESPACE, "--include-crds"))
        assert told == rendered(helm, "--include-crds")
