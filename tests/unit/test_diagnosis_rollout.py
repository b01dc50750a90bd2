"""RolloutSafe: whether the next rolling restart can end in a split or in a member that serves nothing."""

from typing import Any

import pytest

from builders import IN_ROLLOUT, NOT_READ, a_case, judge, members, tells
from emqx_autocluster import diagnosis
from emqx_autocluster.diagnosis import rollout
from emqx_autocluster.discovery import ADDRESS_TYPE, HOST, SUFFIX
from emqx_autocluster.findings import ConditionType, Reason, Status
from emqx_autocluster.observation import WorkloadKind


@pytest.mark.parametrize("seconds", [0, 1, 19])
@pytest.mark.parametrize("kind", list(WorkloadKind))
def test_too_low(kind: WorkloadKind, seconds: int) -> None:
    finding = judge(a_case(kind=kind, min_ready_seconds=seconds), ConditionType.ROLLOUT_SAFE)
    words = [f"minReadySeconds is {seconds}", "at least 20", "before it has joined"]
    tells(finding, (Status.FALSE, Reason.MIN_READY_SECONDS_TOO_LOW), *words)
    assert finding.repairable


@pytest.mark.parametrize(
    ("deadline", "wanted", "repairable"),
    [
        pytest.param(600, 20, True, id="it stays under progressDeadlineSeconds"),
        pytest.param(None, 20, True, id="there is no deadline"),
        pytest.param(21, 20, True, id="just under it"),
        pytest.param(20, 20, False, id="equal: Kubernetes refuses it"),
        pytest.param(60, 90, False, id="the user wants more than the deadline allows"),
    ],
)
def test_it_must_stay_under_the_deadline(deadline: int | None, wanted: int, *, repairable: bool) -> None:
    case = a_case(
        min_ready_seconds=0,
        progress_deadline_seconds=deadline,
        spec={"repair": {"minReadySeconds": wanted}},
    )
    finding = judge(case, ConditionType.ROLLOUT_SAFE)
    assert finding.bad
    assert finding.repairable == repairable
    told = f"progressDeadlineSeconds is {deadline} and must be raised first"
    assert (told in finding.message) != repairable


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"min_ready_seconds": 20},
            Reason.MIN_READY_SECONDS_SUFFICIENT,
            ["minReadySeconds is 20"],
            id="enough",
        ),
        pytest.param(
            {"min_ready_seconds": 120}, Reason.MIN_READY_SECONDS_SUFFICIENT, ["120"], id="more than enough"
        ),
        pytest.param(
            {"env": {"EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns"}},
            Reason.NOT_APPLICABLE,
            ["strategy k8s"],
            id="dns",
        ),
        pytest.param(
            {"replicas": 1, "members": members("a")}, Reason.NOT_APPLICABLE, ["one replica"], id="one replica"
        ),
        pytest.param({"strategy": "Recreate"}, Reason.NOT_APPLICABLE, ["Recreate"], id="all restart at once"),
        pytest.param(
            {"kind": WorkloadKind.STATEFUL_SET, "strategy": "OnDelete"},
            Reason.NOT_APPLICABLE,
            ["OnDelete"],
            id="the user deletes the pods",
        ),
    ],
)
def test_safe_or_not_applicable(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    case = a_case(**{"min_ready_seconds": 0, **facts})
    tells(judge(case, ConditionType.ROLLOUT_SAFE), (Status.TRUE, reason), *words)


@pytest.mark.parametrize(
    "facts", [{"containers": ()}, {"image": "emqx:latest", "members": members("a b c", identity=NOT_READ)}]
)
def test_unknown_while_the_strategy_is(facts: dict[str, Any]) -> None:
    case = a_case(min_ready_seconds=0, **facts)
    tells(judge(case, ConditionType.ROLLOUT_SAFE), (Status.UNKNOWN, Reason.INITIALIZING), "strategy")


def test_a_rollout_that_goes_on_changes_nothing_about_it() -> None:
    assert judge(a_case(min_ready_seconds=0, **IN_ROLLOUT), ConditionType.ROLLOUT_SAFE).bad


# --- names by address, and data that stays

ON_A_CLAIM: dict[str, Any] = {
    "kind": WorkloadKind.STATEFUL_SET,
    "env": {ADDRESS_TYPE: "ip", SUFFIX: None},
    "claim_templates": ("data",),
    "mounts": {"/opt/emqx/data": "data"},
    "members": members("a b c"),
}


def test_nodes_named_by_address_do_not_find_the_data_that_stays() -> None:
    finding = judge(a_case(**ON_A_CLAIM), ConditionType.ROLLOUT_SAFE)
    words = ["named after the pods' addresses", "outlives the pod", "empty node", "stale", ADDRESS_TYPE]
    tells(finding, (Status.FALSE, Reason.NODE_NAME_NOT_STABLE), *words)
    assert not finding.repairable


def test_it_does_not_hide_what_repair_can_put_right() -> None:
    case = a_case(**{**ON_A_CLAIM, "min_ready_seconds": 0})
    finding = judge(case, ConditionType.ROLLOUT_SAFE)
    tells(finding, (Status.FALSE, Reason.MIN_READY_SECONDS_TOO_LOW), "minReadySeconds is 0", "empty node")
    assert finding.repairable
    told = {f.reason for f in diagnosis.problems(case, diagnosis.diagnose(case))}
    assert {Reason.MIN_READY_SECONDS_TOO_LOW, Reason.NODE_NAME_NOT_STABLE} <= told


@pytest.mark.parametrize(
    ("facts", "unstable"),
    [
        pytest.param({"members": ()}, True, id="before any pod runs: by its settings"),
        pytest.param({"mounts": {"/opt/emqx/data/mnesia": "data"}}, True, id="the tables alone"),
        pytest.param({"replicas": 1, "members": members("a")}, True, id="a single member loses them as well"),
        pytest.param({"members": members("0 1 2")}, False, id="nodes are named by host after all"),
        pytest.param(
            {"members": (), "env": {ADDRESS_TYPE: "ip", HOST: "$(POD).emqx"}}, False, id="a host is given"
        ),
        pytest.param({"mounts": {"/opt/emqx/data/certs": "data"}}, False, id="other data"),
        pytest.param({"claim_templates": (), "volumes": {"data": "emptyDir"}}, False, id="emptyDir"),
        pytest.param({"env": {"EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns"}}, False, id="another strategy"),
    ],
)
def test_when_names_and_data_do_not_fit(facts: dict[str, Any], *, unstable: bool) -> None:
    found = rollout.problems(a_case(**{**ON_A_CLAIM, **facts}))
    assert (Reason.NODE_NAME_NOT_STABLE in {f.reason for f in found}) == unstable
