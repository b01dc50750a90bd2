"""The CRD on a real API server: what it accepts and keeps, what it refuses, and what people see of it.

The operator of the test run watches as well; of a resource whose workload does not exist it says so.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from emqx_autocluster.api.v1alpha1 import API_VERSION, KIND, EMQXAutoCluster, Spec, status_body
from sandbox.handle import KubectlError, SandboxHandle

Object = dict[str, Any]

CRD: Object = yaml.safe_load((Path(__file__).parents[2] / "crds" / "emqxautoclusters.yaml").read_text())
SCHEMA: Object = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
SECONDS = 30


@pytest.fixture
def namespace(namespace: str, operator_log: Path) -> str:
    assert operator_log.exists()  # who started it has installed the CRD
    return namespace


def sample(schema: Object) -> Any:
    """A value that fills every field of the schema."""
    match schema["type"]:
        case "object":
            return {name: sample(child) for name, child in schema["properties"].items()}
        case "array":
            return [sample(schema["items"])]
        case "boolean":
            return True
        case "integer":
            return schema.get("minimum", 0) + 3
        case _ if "enum" in schema:
            return schema["enum"][-1]
        case _ if "pattern" in schema:
            return "1h30m"
        case _:
            return "2026-01-02T03:04:05Z" if schema.get("format") == "date-time" else "something"


def resource(namespace: str, spec: Object | None = None) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "emqx", "namespace": namespace},
        "spec": spec or {"targetRef": {"kind": "Deployment", "name": "emqx"}},
    }


def sent(sandbox: SandboxHandle, body: Object, *arguments: str) -> Object:
    """What the API server answers; kubectl asks it for strict field validation, always."""
    answer = sandbox.kubectl(*arguments, "--validate=strict", "-o", "json", "-f", "-", input=json.dumps(body))
    parsed: Object = json.loads(answer)
    return parsed


def until(what: str, check: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not check():
        assert time.monotonic() < end, f"not within {SECONDS} s: {what}"
        time.sleep(0.2)


def test_it_is_established(sandbox: SandboxHandle, operator_log: Path) -> None:
    assert operator_log.exists()
    crd = json.loads(sandbox.kubectl("get", "crd", CRD["metadata"]["name"], "-o", "json"))
    conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}
    assert conditions == {"Established": "True", "NamesAccepted": "True"}


def test_nothing_of_a_full_resource_is_dropped(sandbox: SandboxHandle, namespace: str) -> None:
    spec, status = sample(SCHEMA["spec"]), sample(SCHEMA["status"])
    created = sent(sandbox, resource(namespace, spec), "create")
    assert created["spec"] == spec
    assert Spec.model_validate(spec).model_dump(mode="json", by_alias=True) == spec
    stored = sent(
        sandbox, resource(namespace, spec) | {"status": status}, "replace", "--subresource", "status"
    )
    assert stored["status"] == status
    assert stored["metadata"]["generation"] == created["metadata"]["generation"]
    assert status_body(EMQXAutoCluster.model_validate(stored).status) == status


def test_defaults_are_filled_in(sandbox: SandboxHandle, namespace: str) -> None:
    given = resource(namespace)
    stored = sent(sandbox, given, "create", "--dry-run=server")
    expected = Spec.model_validate(given["spec"]).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert stored["spec"] == expected


TARGET = {"kind": "Deployment", "name": "emqx"}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"repair": {}}, "spec.targetRef: Required value"),
        (
            {"targetRef": {"kind": "DaemonSet", "name": "emqx"}},
            'supported values: "Deployment", "StatefulSet"',
        ),
        ({"targetRef": {"kind": "Deployment", "name": ""}}, "at least 1 chars long"),
        ({"targetRef": {**TARGET, "apiVersion": "apps/v2"}}, 'supported values: "apps/v1"'),
        ({"targetRef": TARGET, "verification": {"interval": "5 minutes"}}, "should match"),
        ({"targetRef": TARGET, "verification": {"interval": ""}}, "should match"),
        ({"targetRef": TARGET, "verification": {"pulse": "1s"}}, "not more often than every 2s, or 0s"),
        ({"targetRef": TARGET, "repair": {"rollout": "Later"}}, 'supported values: "Automatic", "Manual"'),
        ({"targetRef": TARGET, "repair": {"minReadySeconds": 19}}, "greater than or equal to 20"),
        ({"targetRef": TARGET, "repair": {"sed": "emqx-0"}}, 'unknown field "spec.repair.sed"'),
        (
            {"targetRef": TARGET, "healing": {"splitPolicy": "Guess"}},
            'supported values: "Report", "LargestWins"',
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    sandbox: SandboxHandle, namespace: str, spec: Object, words: str
) -> None:
    with pytest.raises(KubectlError) as refused:
        sent(sandbox, resource(namespace, spec), "create", "--dry-run=server")
    assert words in str(refused.value)


def test_the_pulse_can_be_switched_off(sandbox: SandboxHandle, namespace: str) -> None:
    spec = {"targetRef": TARGET, "verification": {"pulse": "0s"}}
    stored = sent(sandbox, resource(namespace, spec), "create", "--dry-run=server")
    assert stored["spec"]["verification"]["pulse"] == "0s"


def test_the_target_cannot_be_changed(sandbox: SandboxHandle, namespace: str) -> None:
    sent(sandbox, resource(namespace), "create")
    for change in ({"name": "other"}, {"kind": "StatefulSet"}):
        patch = json.dumps({"spec": {"targetRef": change}})
        with pytest.raises(KubectlError, match="targetRef cannot be changed"):
            sandbox.kubectl("patch", "eac/emqx", "-n", namespace, "--type=merge", "-p", patch)
    patch = json.dumps({"spec": {"repair": {"seed": "emqx-0"}}})
    sandbox.kubectl("patch", "eac/emqx", "-n", namespace, "--type=merge", "-p", patch)


def test_get_answers_whether_it_is_well_and_if_not_why(sandbox: SandboxHandle, namespace: str) -> None:
    sent(sandbox, resource(namespace), "create")

    def row() -> dict[str, str]:
        header, line = sandbox.kubectl("get", "eac", "-n", namespace).splitlines()
        return dict(zip(header.split(), line.split(), strict=False))

    until("a verdict of the operator", lambda: row().get("REASON") == "TargetNotFound")
    assert row()["READY"] == "False"
    wide = sandbox.kubectl("get", "eac", "-n", namespace, "-o", "wide")
    assert {"TARGET", "ISLANDS", "STALE", "EMQX", "MESSAGE"} <= set(wide.splitlines()[0].split())
    assert "Deployment" in wide


def test_explain_tells_every_field(sandbox: SandboxHandle, operator_log: Path) -> None:
    assert operator_log.exists()

    def explained(*arguments: str) -> str:
        try:
            return sandbox.kubectl("explain", *arguments)
        except KubectlError:
            return ""  # published a moment after the CRD is established

    until("the published schema", lambda: "DESCRIPTION" in explained("emqxautocluster.spec"))
    for part in ("spec", "status"):
        outline = explained(f"emqxautocluster.{part}", "--recursive")
        assert [name for name in SCHEMA[part]["properties"] if f"  {name}\t" not in outline] == []
    assert "overrules the operator's own choice" in " ".join(explained("eac.spec.repair.seed").split())
