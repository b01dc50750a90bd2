"""What `doctor` concludes: which finding is the cause, the exit code, and the document for programs."""

import json

import pytest

from builders import CLUSTER_IP, NOT_READ, a_case, a_network, an_answer, changed, members, the_seed_story
from emqx_autocluster.annotations import PAUSED
from emqx_autocluster.commands import checkup
from emqx_autocluster.commands.checkup import Verdict
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.discovery import API_SERVER
from emqx_autocluster.findings import ConditionType, Reason

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
            Verdict.FINDINGS,
            Reason.MIN_READY_SECONDS_TOO_LOW,
            id="the next rollout is not safe",
        ),
        pytest.param(
            a_case(members=members("a b c", stopped=["emqx@10.244.0.71"])),
            Verdict.FINDINGS,
            Reason.STALE_NODES_FOUND,
            id="a condition that is bad when True",
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
