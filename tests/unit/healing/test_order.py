"""The order of a repair: gate → gather → rights → roll → settle → clear, each pass by what it sees alone."""

from typing import Any

import pytest

from builders import (
    CANONICAL_HOST,
    DEAD_PROXY,
    IN_ROLLOUT,
    a_case,
    a_procedure,
    a_workload,
    an_object,
    changed,
    members,
    now,
    outline,
    plan_of,
    some_rights,
    the_seed_story,
)
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing import Memory
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import Rights, WorkloadKind

NAME = "emqx-discovery"
OLD = ["emqx@10.244.0.1", "emqx@10.244.0.2", "emqx@10.244.0.3"]
WHOLE = members("a b c")
NEW = members("d e f", stopped=OLD)
SWITCHED: dict[str, Any] = {"image": "emqx/emqx:4.4.19", "service_account": NAME}


def rights_of(account: str, **facts: Any) -> Rights:
    workload = a_workload(service_account=account)
    return some_rights(
        service_account=an_object(account),
        dedicated_account=an_object(NAME, ours=True),
        role=an_object(NAME, ours=True, **rbac.role(workload, NAME, "emqx")),
        role_binding=an_object(NAME, ours=True, **rbac.role_binding(workload, NAME, NAME)),
        **facts,
    )


GIVEN = rights_of("default", allowed=False, dedicated_allowed=True)
IN_FORCE = rights_of(NAME, allowed=True)


def repaired(**facts: Any) -> Case:
    """The template is right, the pods are those of the new one."""
    return a_case(**{**SWITCHED, "rights": IN_FORCE, "members": NEW, **facts})


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        pytest.param(the_seed_story(), ["JoinCluster Pod/emqx-b"], id="gather: the first stray"),
        pytest.param(
            the_seed_story(members=members("a b", "c"), unreachable=DEAD_PROXY),
            ["JoinCluster Pod/emqx-c"],
            id="gather: the second stray",
        ),
        pytest.param(
            the_seed_story(members=WHOLE, unreachable=DEAD_PROXY),
            [
                f"CreateServiceAccount ServiceAccount/{NAME}",
                f"CreateRole Role/{NAME}",
                f"CreateRoleBinding RoleBinding/{NAME}",
            ],
            id="rights: all of them in one pass",
        ),
        pytest.param(
            the_seed_story(members=WHOLE, unreachable=DEAD_PROXY, rights=GIVEN),
            ["PatchWorkload Deployment/emqx"],
            id="roll: one patch",
        ),
        pytest.param(repaired(**IN_ROLLOUT), [], id="the rollout goes on: wait"),
        pytest.param(repaired(available_replicas=2), [], id="the last member is not available yet: wait"),
        pytest.param(
            repaired(members=members("d e", "f", stopped=OLD)),
            ["JoinCluster Pod/emqx-f"],
            id="settle: a new member stayed alone",
        ),
        pytest.param(repaired(), [f"ForceLeave Node/{OLD[0]}"], id="clear: all old names, told by the first"),
        pytest.param(
            repaired(members=members("d e f", stopped=OLD[2:])),
            [f"ForceLeave Node/{OLD[2]}"],
            id="clear: the last one",
        ),
        pytest.param(repaired(members=members("d e f")), [], id="nothing is left"),
    ],
)
def test_the_next_step_of_the_seed_story(case: Case, expected: list[str]) -> None:
    assert now(plan_of(case, Memory(a_procedure("a", "b", "c")))) == expected


def test_the_whole_story_is_planned_from_the_start() -> None:
    assert outline(plan_of(the_seed_story())) == [
        "JoinCluster Pod/emqx-b",
        "JoinCluster Pod/emqx-c",
        f"CreateServiceAccount ServiceAccount/{NAME}",
        f"CreateRole Role/{NAME}",
        f"CreateRoleBinding RoleBinding/{NAME}",
        "PatchWorkload Deployment/emqx",
        "AwaitRollout Deployment/emqx",
        *(f"ForceLeave Node/{name}" for name in OLD),
    ]


def test_each_step_of_it_can_be_done_by_hand() -> None:
    assert all(step.command for step in plan_of(the_seed_story()).steps)


def test_the_next_step_does_not_depend_on_what_the_operator_remembers() -> None:
    """An operator that died in between goes on from what it sees."""
    for case in (the_seed_story(), the_seed_story(members=WHOLE, unreachable=DEAD_PROXY)):
        assert now(plan_of(case)) == now(plan_of(case, Memory(a_procedure("a", "b", "c"))))


def test_gathering_comes_before_rights_and_rights_before_the_roll() -> None:
    """Rights given first would let every lone node's own loop choose whom it joins."""
    actions = [line.split()[0] for line in outline(plan_of(the_seed_story()))]
    assert actions.index("JoinCluster") < actions.index("CreateRole") < actions.index("PatchWorkload")


def test_a_seed_that_the_user_must_name_holds_rights_and_roll_too() -> None:
    volume: dict[str, Any] = {"volumes": {"d": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/data": "d"}}
    plan = plan_of(the_seed_story(**volume))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.SEED_NEEDED
    assert outline(plan) == [], "carried out by hand, a plan without the joins would make a split"


def test_a_hold_of_the_roll_does_not_keep_rights_from_being_given() -> None:
    manual = {"repair": {"rollout": "Manual"}}
    case = the_seed_story(members=WHOLE, unreachable=DEAD_PROXY, spec=manual)
    assert [line.split()[0] for line in now(plan_of(case))] == [
        "CreateServiceAccount",
        "CreateRole",
        "CreateRoleBinding",
    ]


def test_everything_wrong_at_once_is_still_one_rollout() -> None:
    lost = members("a", "b", "c", lookups={CANONICAL_HOST: ()})
    plan = plan_of(the_seed_story(members=lost, dns_policy="Default", automount_token=False))
    assert [line.split()[0] for line in outline(plan)].count("PatchWorkload") == 1


def test_rights_alone_need_no_rollout_where_the_pods_have_an_account_of_their_own() -> None:
    case = a_case(members=members("a", "b", "c"), rights=some_rights(allowed=False))
    actions = {line.split()[0] for line in outline(plan_of(case))}
    assert actions == {"JoinCluster", "CreateRole", "CreateRoleBinding"}


def test_two_old_members_are_one_cluster_and_only_the_third_is_asked_to_join() -> None:
    plan = plan_of(the_seed_story(members=members("a b", "c")))
    joined = [line for line in outline(plan) if line.startswith("JoinCluster")]
    assert joined == ["JoinCluster Pod/emqx-c"]


def test_a_stateful_sets_names_are_not_planned_to_be_removed() -> None:
    """Its new pods take the names of the old ones."""
    plan = plan_of(the_seed_story(kind=WorkloadKind.STATEFUL_SET, members=members("0", "1", "2")))
    assert not [line for line in outline(plan) if line.startswith("ForceLeave")]


def test_drift_of_our_own_objects_is_put_back_during_settling_too() -> None:
    drifted = rights_of(NAME, allowed=True)
    role = an_object(NAME, ours=True, rules=[])
    case = repaired(
        members=members("d e f"),
        rights=some_rights(
            service_account=drifted.service_account, role=role, role_binding=drifted.role_binding
        ),
    )
    assert now(plan_of(case, Memory(a_procedure("a", "b", "c")))) == [f"UpdateRole Role/{NAME}"]


def test_a_member_that_crashes_during_the_repair_does_not_stop_the_gathering_of_the_others() -> None:
    group = changed(members("a", "b", "c"), "c", running_since=None, ready=False)
    case = the_seed_story(members=group, available_replicas=2, ready_replicas=2)
    assert now(plan_of(case)) == ["JoinCluster Pod/emqx-b"]
