"""The Service that EMQX asks for: made where it is absent and asked for, in its place in the procedure."""

import json
import shlex
from typing import Any

import pytest

from builders import (
    DEAD_PROXY,
    a_case,
    a_procedure,
    a_workload,
    ago,
    an_identity,
    judge,
    members,
    now,
    outline,
    plan_of,
)
from emqx_autocluster.api.annotations import MANAGED_BY, MANAGER
from emqx_autocluster.api.findings import ConditionType
from emqx_autocluster.emqx.discovery import API_SERVER, SERVICE_NAME
from emqx_autocluster.healing import Memory, Setback
from emqx_autocluster.healing.steps import Action, Create
from emqx_autocluster.objects import headless
from emqx_autocluster.observation import EnvVar, WorkloadKind

ASKED = {"discovery": {"createService": True}}
ABSENT: dict[str, Any] = {"service": None, "endpoints": None}
CREATE = "CreateService Service/emqx"


def test_it_is_made_after_the_gathering_and_before_the_rollout() -> None:
    case = a_case(**ABSENT, spec=ASKED, env={API_SERVER: DEAD_PROXY}, members=members("a", "b", "c"))
    plan = plan_of(case)
    actions = [step.partition(" ")[0] for step in outline(plan)]
    assert actions[:5] == ["JoinCluster", "JoinCluster", "CreateService", "PatchWorkload", "AwaitRollout"]
    assert now(plan) == ["JoinCluster Pod/emqx-b"], "before anything lets lone members choose for themselves"


def test_one_cluster_without_a_service_gets_it_and_no_restart() -> None:
    plan = plan_of(a_case(**ABSENT, spec=ASKED))
    assert outline(plan) == now(plan) == [CREATE]
    assert plan.procedure


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(ABSENT, id="nobody asked for it"),
        pytest.param({"spec": ASKED}, id="it is there"),
        pytest.param({**ABSENT, "spec": ASKED, "mode": "Observe"}, id="mode Observe only shows it"),
        pytest.param(
            {
                **ABSENT,
                "spec": ASKED,
                "selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            },
            id="its selector is not known",
        ),
        pytest.param(
            {**ABSENT, "spec": ASKED, "kind": WorkloadKind.STATEFUL_SET, "service_name": "pods"},
            id="host names that belong to another Service",
        ),
    ],
)
def test_nothing_is_made(facts: dict[str, Any]) -> None:
    assert CREATE not in now(plan_of(a_case(**facts)))


def test_mode_observe_shows_it() -> None:
    assert outline(plan_of(a_case(**ABSENT, spec=ASKED, mode="Observe"))) == [CREATE]


def test_what_is_made() -> None:
    (step,) = plan_of(a_case(**ABSENT, spec=ASKED)).steps
    assert step.action is Action.CREATE_SERVICE
    assert isinstance(step.operation, Create)
    body = step.operation.body
    assert body["spec"] == {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {"app": "emqx"},
        "ports": [{"name": "ekka", "port": 4370, "targetPort": 4370}],
    }
    assert body["metadata"]["namespace"] == "iot"
    assert body["metadata"]["labels"] == {MANAGED_BY: MANAGER}
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Deployment", "emqx", "uid-workload")


def test_the_command_for_a_person_makes_the_same_without_our_marks() -> None:
    workload = a_workload()
    echo, manifest, pipe, *apply = shlex.split(headless.apply_command(workload, "emqx"))
    assert (echo, pipe, apply) == ("echo", "|", ["kubectl", "apply", "-f", "-"])
    body = json.loads(manifest)
    assert body["spec"] == headless.service(workload, "emqx")["spec"]
    assert body["metadata"] == {"name": "emqx", "namespace": "iot"}


def test_a_refusal_is_told_on_what_it_keeps_from_being_ready() -> None:
    failed = Setback(Action.CREATE_SERVICE, "Service/emqx", "exceeded quota", ago(1))
    plan = plan_of(a_case(**ABSENT, spec=ASKED), Memory(a_procedure("a", "b", "c"), setback=failed))
    assert plan.hold
    assert plan.hold.concerns is ConditionType.DISCOVERY_READY
    assert "exceeded quota" in plan.hold.message


def test_a_name_from_a_secret_stands_in_no_command_and_no_subject() -> None:
    hidden = "brokers-of-a-customer"
    entry = EnvVar(SERVICE_NAME, None, {"secretKeyRef": {"name": "settings", "key": "service"}})
    identity = an_identity(EMQX_NODE__NAME="emqx@10.244.0.1", **{SERVICE_NAME: hidden})
    group = members("a", "b", identity=identity)
    case = a_case(**ABSENT, spec=ASKED, env={SERVICE_NAME: entry}, members=group)
    [step] = [step for step in plan_of(case).steps if step.action is Action.CREATE_SERVICE]
    assert isinstance(step.operation, Create)
    assert step.operation.body["metadata"]["name"] == hidden, "what is done is done with the value"
    assert hidden not in f"{step.subject} {step.message} {step.command}"
    assert step.command is None
    told = judge(case, ConditionType.DISCOVERY_READY).message
    assert "kubectl apply" not in told
    assert hidden not in told
