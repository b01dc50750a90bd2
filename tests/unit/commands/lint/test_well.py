"""Layouts in which nothing is wrong: lint finds no error in any of them, and says nothing of what it did not judge."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from emqx_autocluster.cli import app

CASES = Path(__file__).parents[3] / "scenarios" / "causes" / "cases"
HEADLESS = "emqx-headless"
DATA = "/opt/emqx/data"
POD_NAME = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": HEADLESS},
    "spec": {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {"app": "emqx"},
        "ports": [{"name": "ekka", "port": 4370}],
    },
}
RIGHTS = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: emqx}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: emqx}
rules: [{apiGroups: [""], resources: [endpoints], verbs: [get, watch, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: emqx}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: emqx}
subjects: [{kind: ServiceAccount, name: emqx, namespace: iot}]
"""


def stateful_set(image: str, *env: dict[str, Any], status: int = 18083, service: Any = None) -> str:
    """As the official chart lays it out, with its probes and its claims."""
    container = {
        "name": "emqx",
        "image": image,
        "env": list(env),
        "readinessProbe": {"httpGet": {"path": "/status", "port": status}, "periodSeconds": 5},
        "volumeMounts": [{"name": "data", "mountPath": DATA}],
    }
    workload = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "emqx"},
        "spec": {
            "serviceName": HEADLESS,
            "replicas": 3,
            "minReadySeconds": 20,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": "emqx"}},
            "template": {
                "metadata": {"labels": {"app": "emqx"}},
                "spec": {"serviceAccountName": "emqx", "containers": [container]},
            },
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
        },
    }
    seen = SERVICE | {"spec": SERVICE["spec"] | (service or {})}
    return "---\n".join((yaml.safe_dump_all([seen, workload]), RIGHTS))


def variables(**values: str) -> list[dict[str, str]]:
    return [{"name": f"EMQX_{name}", "value": value} for name, value in values.items()]


def k8s(domain: str = "cluster.local", **more: str) -> list[dict[str, str]]:
    return variables(
        CLUSTER__K8S__APISERVER="https://kubernetes.default.svc:443",
        CLUSTER__K8S__SERVICE_NAME=HEADLESS,
        CLUSTER__K8S__NAMESPACE="iot",
        CLUSTER__K8S__ADDRESS_TYPE="hostname",
        CLUSTER__K8S__SUFFIX=f"svc.{domain}",
        **more,
    )


def dns(kind: str, domain: str = "cluster.local") -> list[dict[str, str]]:
    return variables(
        CLUSTER__DISCOVERY_STRATEGY="dns",
        CLUSTER__DNS__NAME=f"{HEADLESS}.iot.svc.{domain}",
        CLUSTER__DNS__RECORD_TYPE=kind,
    )


def host(domain: str = "cluster.local") -> list[dict[str, Any]]:
    return [POD_NAME, *variables(HOST=f"$(POD_NAME).{HEADLESS}.iot.svc.{domain}")]


SEEDS = "[{}]".format(", ".join(f"emqx@emqx-{n}.{HEADLESS}.iot.svc.cluster.local" for n in range(3)))
FIVE, FOUR = "emqx/emqx:5.8.9", "emqx/emqx:4.4.19"
NODES_4 = {"NAME": "emqx", "CLUSTER__DISCOVERY": "k8s", "CLUSTER__K8S__APP_NAME": "emqx"}
BY_K8S = {"CLUSTER__DISCOVERY_STRATEGY": "k8s"}
LAYOUTS = {
    "the official chart of 4.4": stateful_set(FOUR, *k8s(**NODES_4), status=8081),
    "the official chart of 5.8": stateful_set(FIVE, *dns("srv"), *host()),
    "the same with strategy k8s": stateful_set(FIVE, *k8s(**BY_K8S), *host()),
    "the chart of 5.0.4, which names no host": stateful_set("emqx/emqx:5.0.4", *dns("srv")),
    "the enterprise chart of 5.10, with a licence": stateful_set(
        "emqx/emqx-enterprise:5.10.0", *dns("srv"), *host(), *variables(LICENSE__KEY="evaluation")
    ),
    "IPv6": stateful_set(
        FIVE,
        *dns("aaaa"),
        POD_IP,
        *variables(HOST="$(POD_IP)", CLUSTER__PROTO_DIST="inet6_tcp"),
        service={"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"},
    ).replace(DATA, "/elsewhere"),
    "both families, host names": stateful_set(
        FIVE, *dns("srv"), *host(), service={"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]}
    ),
    "static": stateful_set(
        FIVE, *variables(CLUSTER__DISCOVERY_STRATEGY="static", CLUSTER__STATIC__SEEDS=SEEDS), *host()
    ),
    "all settings in one variable": stateful_set(
        FIVE, *variables(CLUSTER=f"{{discovery_strategy = dns, dns {{name = {HEADLESS}.iot.svc.cluster.local,"
        " record_type = srv}}"), *host(),
    ),
    "names in small letters": stateful_set(
        FIVE, *({**entry, "name": entry["name"].replace("CLUSTER", "cluster")} for entry in dns("srv")), *host()
    ),
}  # fmt: skip


def told(text: str) -> dict[str, Any]:
    """What lint says, as JSON."""
    result = CliRunner().invoke(app, ["lint", "-f", "-", "-n", "iot", "-o", "json"], input=text)
    assert result.exit_code in {0, 1}, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in LAYOUTS.items()])
def test_a_layout_that_works_has_no_error_and_no_gap(text: str) -> None:
    assert told(text) == {"findings": [], "unjudged": []}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(stateful_set(FIVE, *k8s("plant.internal", **BY_K8S)), id="k8s"),
        pytest.param(stateful_set(FIVE, *dns("srv", "plant.internal"), *host("plant.internal")), id="dns"),
    ],
)
def test_of_a_domain_of_ones_own_only_that_it_is_the_clusters_is_not_judged(text: str) -> None:
    found = told(text)
    assert found["findings"] == []
    [gap] = found["unjudged"]
    assert gap["question"].startswith("whether plant.internal is the cluster's domain")


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("well-*")))
def test_what_a_cluster_shows_to_be_well_is_well_by_its_manifest(case: str) -> None:
    found = told((CASES / case / "manifest.yaml").read_text())
    assert [entry["message"] for entry in found["findings"] if entry["level"] == "error"] == []
