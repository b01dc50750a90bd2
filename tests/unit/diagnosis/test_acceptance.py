"""Accepted: whether this is a workload that the operator can and may look after."""

import pytest

from builders import NOT_READ, a_case, a_container, judge, tells
from emqx_autocluster.api.annotations import CONTAINER, MODE
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case, diagnose
from emqx_autocluster.observation import Container

EXPORTER = Container("exporter", "prom/exporter:1")


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            a_case(mode=None, template_annotations={MODE: "Repair"}),
            Reason.ANNOTATION_ON_POD_TEMPLATE,
            ["pod template", "no effect", f"kubectl annotate -n iot deployment/emqx {MODE}=Observe"],
            id="the annotation is on the pod template alone",
        ),
        pytest.param(
            a_case(mode="Fix"),
            Reason.INVALID_ANNOTATION,
            [MODE, '"Fix"', "expected Observe, Repair, Heal", "nothing is changed"],
            id="the mode is misspelt",
        ),
        pytest.param(
            a_case(owners=(("apps.emqx.io", "EMQX"),)),
            Reason.MANAGED_BY_EMQX_OPERATOR,
            ["official EMQX operator", "apps.emqx.io", f"remove our annotation {MODE}"],
            id="the workload belongs to the official EMQX operator",
        ),
        pytest.param(
            a_case(owners=(("apps.emqx.io", "EMQX"),), mode=None),
            Reason.MANAGED_BY_EMQX_OPERATOR,
            ["looks after its clustering itself"],
            id="the same, and nobody enrolled it",
        ),
        pytest.param(
            a_case(containers=(EXPORTER,)),
            Reason.NO_EMQX_CONTAINER,
            ["no container has EMQX_CLUSTER__*", "containers: exporter", CONTAINER],
            id="no container looks like EMQX",
        ),
        pytest.param(
            a_case(annotations={CONTAINER: "mqtt"}),
            Reason.NO_EMQX_CONTAINER,
            ["no container named mqtt", "containers: emqx", CONTAINER],
            id="the container annotation names none of them",
        ),
        pytest.param(
            a_case(env={f"A{number}": "" for number in range(1001)}),
            Reason.TOO_LARGE,
            ["not judged", "1006 variables, more than 1000"],
            id="more variables than are read",
        ),
        pytest.param(
            a_case(env={"A": "x" * 300_000}),
            Reason.TOO_LARGE,
            ["not judged", "characters of variables, more than 262144"],
            id="longer variables than are read",
        ),
        pytest.param(
            a_case(replicas=0, members=()),
            Reason.SCALED_TO_ZERO,
            ["replicas is 0", "scale it up"],
            id="scaled to zero",
        ),
    ],
)
def test_refused(case: Case, reason: Reason, words: list[str]) -> None:
    tells(judge(case, ConditionType.ACCEPTED), (Status.FALSE, reason), *words)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        pytest.param(a_case(mode="Observe"), ["deployment/emqx", "mode Observe"], id="Observe"),
        pytest.param(a_case(mode="repair"), ["mode Repair"], id="Repair in lower case"),
        pytest.param(
            a_case(mode="Heal"), ["mode Heal", "what no setting explains"], id="Heal says what it does"
        ),
        pytest.param(
            a_case(template_annotations={MODE: "Repair"}), ["mode Repair"], id="the annotation in both places"
        ),
        pytest.param(a_case(owners=(("argoproj.io", "Rollout"),)), [], id="another owner"),
        pytest.param(
            a_case(containers=(EXPORTER, a_container()), annotations={CONTAINER: "emqx"}), [], id="a sidecar"
        ),
    ],
)
def test_accepted(case: Case, words: list[str]) -> None:
    tells(judge(case, ConditionType.ACCEPTED), (Status.TRUE, Reason.TARGET_FOUND), *words)


def test_scaled_to_zero_no_condition_gives_another_cause_for_what_was_not_looked_at() -> None:
    unread = {"members": NOT_READ, "rights": None, "service": NOT_READ, "endpoints": NOT_READ}
    found = diagnose(a_case(replicas=0, **unread))
    unknown = [f for f in found.values() if f.status is Status.UNKNOWN]
    assert {ConditionType.RBAC_READY, ConditionType.CLUSTER_FORMED} <= {f.type for f in unknown}
    told = {(f.reason, f.message) for f in unknown}
    assert told == {(Reason.INITIALIZING, "nothing is looked at while replicas is 0")}


def test_there_is_no_annotation_to_remove_where_there_is_none() -> None:
    assert (
        "annotation"
        not in judge(a_case(owners=(("apps.emqx.io", "EMQX"),), mode=None), ConditionType.ACCEPTED).message
    )
