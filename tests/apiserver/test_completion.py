"""Names that Tab offers come from the cluster, by the right of whoever presses it; also through kubectl itself."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import manifests
from emqx_autocluster.commands import completion
from sandbox.handle import SandboxHandle

BIN = Path(sys.executable).parent


@pytest.fixture
def workloads(sandbox: SandboxHandle, namespace: str) -> str:
    """Two of EMQX, an enrolled one that does not look so, and one of somebody else; none has a pod."""
    other = manifests.deployment("5.8.9", namespace, None, name="web", replicas=0)
    other["spec"]["template"]["spec"]["containers"] = [{"name": "web", "image": "web:1"}]
    enrolled = json.loads(json.dumps(other)) | {
        "metadata": {
            "name": "relay",
            "namespace": namespace,
            "annotations": {"emqx-autocluster.io/mode": "Observe"},
        }
    }
    bodies = [
        manifests.deployment("5.8.9", namespace, None, name="broker", replicas=0),
        manifests.stateful_set("4.4.19", namespace, None, name="edge", replicas=0),
        other,
        enrolled,
    ]
    for body in bodies:
        sandbox.kubectl("create", "-f", "-", input=json.dumps(body))
    return namespace


def given(sandbox: SandboxHandle, **options: str) -> Mapping[str, object]:
    return {"kubeconfig": sandbox.kubeconfig, "context": None, **options}


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("", ["deployment/broker", "deployment/relay", "statefulset/edge"]),
        ("deploy/", ["deploy/broker", "deploy/relay"]),
        ("deployments/b", ["deployments/broker"]),
        ("st", ["statefulset/edge"]),
        ("sts", ["sts/edge"]),
        ("pod/", []),
    ],
)
def test_workloads_that_look_like_emqx_or_are_enrolled_are_offered_as_they_were_begun(
    sandbox: SandboxHandle, workloads: str, begun: str, offered: list[str]
) -> None:
    assert completion.workloads(given(sandbox, namespace=workloads), begun) == offered


def test_namespaces_are_offered(sandbox: SandboxHandle, namespace: str) -> None:
    assert completion.namespaces(given(sandbox), namespace[:-1]) == [namespace]
    assert "kube-system" in completion.namespaces(given(sandbox), "kube-")


def test_kubectl_offers_them_for_its_plugin(sandbox: SandboxHandle, workloads: str) -> None:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "KUBECONFIG": str(sandbox.kubeconfig)}
    argv = [sandbox.kubectl_path, "__complete", "emqx-autocluster", "doctor", "-n", workloads, "sts/"]
    done = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["sts/edge", ":4"]
