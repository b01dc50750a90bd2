"""What `doctor` concludes: which finding is the cause, the exit code, and the document for programs."""

import json

import pytest

from builders import CLUSTER_IP, NOT_READ, a_case, a_network, an_answer, changed, members, the_seed_story
from emqx_autocluster.api.annotations import PAUSED
from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.commands import checkup
from emqx_autocluster.commands.checkup import Verdict
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, API_SERVER
from emqx_autocluster.observation import WorkloadKind

HEALTHY = a_case()
BLIND = a_case(members=changed(members("a b c"), "b", view=NOT_READ))


@pytest.mark.parametrize(
    ("case", "verdict", "reason"),
    [
        pytest.param(HEALTHY, Verdict.HEALTHY, None, id="all is well"),
        pytest.param(
            the_seed_story(),
            Verdict.FINDINGS,
            Reason.API_SERVER_UNREACHABLE,
            id="the cause, not its symptoms",
        ),
        pytest.param(BLIND, Verdict.UNKNOWN, Reason.PROBE_FAILED, id="one member could not be asked"),
        pytest.param(
            a_case(min_ready_seconds=0, members=changed(members("a b c"), "b", view=NOT_READ)),
            Verdict.UNKNOWN,
            Reason.PROBE_FAILED,
            id="whether they are one cluster matters more than the next rollout",
        ),
        pytest.param(
            a_case(min_ready_seconds=0),
            Verdict.HEALTHY,
            Reason.MIN_READY_SECONDS_TOO_LOW,
            id="the next rollout is not safe: advice",
        ),
        pytest.param(
            a_case(members=members("a b c", stopped=["emqx@10.244.0.71"])),
            Verdict.HEALTHY,
            Reason.STALE_NODES_FOUND,
            id="a condition that is bad when True: advice",
        ),
        pytest.param(
            a_case(owners=(("apps.emqx.io", "EMQX"),)),
            Verdict.FINDINGS,
            Reason.MANAGED_BY_EMQX_OPERATOR,
            id="nothing that we look after",
        ),
    ],
)
def test_the_cause_and_the_exit_code(case: Case, verdict: Verdict, reason: Reason | None) -> None:
    found = checkup.examine(case)
    assert (found.verdict, found.cause.reason if found.cause else None) == (verdict, reason)


def test_advice_counts_when_it_is_asked_for() -> None:
    found = checkup.examine(a_case(min_ready_seconds=0))
    assert (found.judged(strict=True), found.judged(strict=False)) == (Verdict.FINDINGS, Verdict.HEALTHY)
    assert checkup.verdict([checkup.examine(HEALTHY), found], strict=True) is Verdict.FINDINGS
    assert [p["level"] for p in checkup.document(found)["problems"]] == ["advice"]


def test_an_error_is_told_before_advice() -> None:
    stale = members("a b c", stopped=["emqx@10.244.0.71"])
    case = a_case(
        members=stale,
        env={ADDRESS_TYPE: "ip"},
        kind=WorkloadKind.STATEFUL_SET,
        mounts={"/opt/emqx/data": "data"},
        claim_templates=("data",),
        min_ready_seconds=0,
    )
    found = checkup.examine(case)
    assert found.cause is not None
    assert found.cause.reason is Reason.NODE_NAME_NOT_STABLE
    levels = [problem.level for problem in found.problems]
    assert levels == sorted(levels, reverse=True)


def test_what_was_not_judged_is_in_the_document_and_limits_the_all_clear() -> None:
    case = a_case(image="emqx/emqx:5")
    document = checkup.document(checkup.examine(case))
    assert document["emqxVersion"] == "5"
    told = [finding["message"] for finding in document["problems"]] + [
        gap["question"] for gap in document["unjudged"]
    ]
    assert any("LicenseMissing (5.9.0 and later)" in text for text in told), document


def test_what_concerns_only_the_operator_is_not_shown_while_it_is_well() -> None:
    shown = {rung.type for rung in checkup.examine(HEALTHY).rungs}
    assert shown == set(ConditionType) - {ConditionType.READY, ConditionType.ACCEPTED, ConditionType.PAUSED}
    paused = checkup.examine(a_case(annotations={PAUSED: "true"}))
    assert ConditionType.PAUSED in {rung.type for rung in paused.rungs}


def test_a_cluster_domain_of_its_own_gives_no_finding() -> None:
    """The sandbox has but one domain, so that this healthy variant is none of the blind cases."""
    named = "kubernetes.default.svc.corp.example"
    network = a_network(cluster_domain="corp.example", dns={f"{named}.": an_answer(f"{named}.")})
    group = members("a b c", lookups={"kubernetes.default.svc": (CLUSTER_IP,), named: (CLUSTER_IP,)})
    found = checkup.examine(a_case(network=network, members=group, env={API_SERVER: f"https://{named}:443"}))
    assert (found.verdict, found.problems) == (Verdict.HEALTHY, ())


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        ([HEALTHY, HEALTHY], Verdict.HEALTHY),
        ([HEALTHY, BLIND], Verdict.UNKNOWN),
        ([BLIND, the_seed_story(), HEALTHY], Verdict.FINDINGS),
    ],
)
def test_of_several_workloads_the_worst_counts(cases: list[Case], verdict: Verdict) -> None:
    assert checkup.verdict(map(checkup.examine, cases)) is verdict


def test_the_document_says_what_was_seen_and_what_could_not_be_seen() -> None:
    document = checkup.document(checkup.examine(BLIND))
    assert json.loads(json.dumps(document)) == document
    assert (document["verdict"], document["cause"]["condition"]) == ("Unknown", "ClusterFormed")
    a, b, _ = document["members"]
    assert len(a["running"]) == 3
    assert b["unread"] == NOT_READ.reason
    assert "running" not in b


def test_the_document_has_a_command_for_each_action() -> None:
    document = checkup.document(checkup.examine(the_seed_story()))
    assert all(action["command"].startswith("kubectl ") for action in document["actions"])
    assert [action["action"] for action in document["actions"]][:2] == ["JoinCluster", "JoinCluster"]
