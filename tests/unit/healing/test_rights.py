"""Rights: which ServiceAccount, Role and RoleBinding are made or put back, and for which reasons none is."""

from typing import Any

import pytest

from builders import DEAD_PROXY, NOT_READ, a_case, a_workload, an_object, now, outline, plan_of, some_rights
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.healing.steps import Create, Recreate, Update
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import ManagedObject

NAME = "emqx-discovery"
ROLE = rbac.role(a_workload(), NAME, "emqx")
BINDING = rbac.role_binding(a_workload(), NAME, "emqx")


def existing(body: dict[str, Any], *, ours: bool = True, **changes: Any) -> ManagedObject:
    return ManagedObject(NAME, "uid-existing", ours, {**body, **changes})


def denied(*, account: str = "emqx", **rights: Any) -> Case:
    known = {"service_account": an_object(account), "allowed": False, **rights}
    return a_case(service_account=account, rights=some_rights(**known))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        pytest.param(
            denied(),
            [f"CreateRole Role/{NAME}", f"CreateRoleBinding RoleBinding/{NAME}"],
            id="Role and RoleBinding",
        ),
        pytest.param(
            denied(role=existing(ROLE)),
            [f"CreateRoleBinding RoleBinding/{NAME}"],
            id="the RoleBinding was deleted",
        ),
        pytest.param(
            denied(role=existing(ROLE, rules=[]), role_binding=existing(BINDING)),
            [f"UpdateRole Role/{NAME}"],
            id="the Role was emptied",
        ),
        pytest.param(
            denied(role=existing(ROLE), role_binding=existing(BINDING, subjects=[])),
            [f"UpdateRoleBinding RoleBinding/{NAME}"],
            id="the RoleBinding was emptied",
        ),
        pytest.param(
            denied(account="default"),
            [
                f"CreateServiceAccount ServiceAccount/{NAME}",
                f"CreateRole Role/{NAME}",
                f"CreateRoleBinding RoleBinding/{NAME}",
            ],
            id="default: a ServiceAccount of their own",
        ),
    ],
)
def test_what_is_missing_is_made_in_one_pass(case: Case, expected: list[str]) -> None:
    assert now(plan_of(case)) == expected


def test_it_rolls_nothing_where_the_pods_have_a_service_account_of_their_own() -> None:
    assert not any(line.startswith(("PatchWorkload", "AwaitRollout")) for line in outline(plan_of(denied())))


def test_each_step_has_the_command_that_does_it_by_hand() -> None:
    commands = [step.command for step in plan_of(denied(account="default")).now]
    assert commands == [
        f"kubectl create serviceaccount {NAME} -n iot",
        f"kubectl create role {NAME} --verb=get --resource=endpoints --resource-name=emqx -n iot",
        f"kubectl create rolebinding {NAME} --role={NAME} --serviceaccount=iot:{NAME} -n iot",
    ]


def test_a_service_account_that_the_template_names_is_made_where_it_is_missing_and_that_is_asked_for() -> (
    None
):
    rights = some_rights(service_account=None, allowed=False)
    plan = plan_of(a_case(rights=rights, spec={"repair": {"createServiceAccount": True}}))
    assert now(plan) == ["CreateServiceAccount ServiceAccount/emqx"]


def test_a_missing_account_of_another_name_than_ours_is_not_brought_to_life() -> None:
    """A RoleBinding may wait for it, and who writes a pod template may not have its rights."""
    plan = plan_of(denied(service_account=None))
    assert plan.steps == ()
    assert plan.hold
    assert plan.hold.reason is Reason.SERVICE_ACCOUNT_MISSING


def test_our_own_account_is_made_again() -> None:
    plan = plan_of(denied(account=NAME, service_account=None))
    assert now(plan) == [f"CreateServiceAccount ServiceAccount/{NAME}"]


def test_the_dedicated_account_gets_the_image_pull_secrets_of_default() -> None:
    default = an_object("default", imagePullSecrets=[{"name": "registry"}])
    step = plan_of(denied(account="default", service_account=default)).now[0]
    assert isinstance(step.operation, Create)
    assert step.operation.body["imagePullSecrets"] == [{"name": "registry"}]


# --- drift of our own objects


@pytest.mark.parametrize(
    ("rights", "action", "operation"),
    [
        pytest.param({"role": existing(ROLE, rules=[])}, "UpdateRole", Update, id="rules of the Role"),
        pytest.param(
            {"role": existing(ROLE, metadata={"ownerReferences": [{"uid": "uid-of-a-former-workload"}]})},
            "UpdateRole",
            Update,
            id="an owner that is gone",
        ),
        pytest.param(
            {"role_binding": existing(BINDING, subjects=[])},
            "UpdateRoleBinding",
            Update,
            id="subjects of the binding",
        ),
        pytest.param(
            {"role_binding": existing(BINDING, roleRef={"kind": "ClusterRole", "name": "admin"})},
            "UpdateRoleBinding",
            Recreate,
            id="roleRef, which cannot be changed: deleted and made again",
        ),
    ],
)
def test_drift_is_put_back_also_while_all_is_well(
    rights: dict[str, Any], action: str, operation: type
) -> None:
    (step,) = plan_of(a_case(rights=some_rights(**rights))).now
    assert step.action == action
    assert isinstance(step.operation, operation)
    assert isinstance(step.operation, Update | Recreate)
    assert step.operation.uid == "uid-existing"


def test_what_is_as_it_should_be_is_left_alone() -> None:
    assert (
        plan_of(a_case(rights=some_rights(role=existing(ROLE), role_binding=existing(BINDING)))).steps == ()
    )


@pytest.mark.parametrize("kind", ["role", "role_binding", "dedicated_account"])
def test_an_object_without_our_label_is_never_touched(kind: str) -> None:
    foreign = {kind: existing({}, ours=False)}
    for allowed in (True, False):
        plan = plan_of(denied(account="default", **{"allowed": allowed, **foreign}))
        assert plan.now == ()


# --- what must be known


@pytest.mark.parametrize("fact", ["service_account", "dedicated_account", "role", "role_binding", "allowed"])
def test_nothing_is_made_while_an_object_could_not_be_read(fact: str) -> None:
    plan = plan_of(denied(account="default", **{fact: NOT_READ}))
    assert plan.now == ()


# --- what the operator leaves to others


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(denied(account="default", other_bindings=("backup",)), id="default has other rights"),
        pytest.param(
            a_case(env={API_SERVER: DEAD_PROXY}, rights=some_rights(allowed=False)),
            id="a proxy that works asks",
        ),
        pytest.param(
            a_case(env={"EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns"}, rights=some_rights(allowed=False)),
            id="another strategy",
        ),
    ],
)
def test_no_rights_are_given(case: Case) -> None:
    assert plan_of(case).now == ()


def test_rights_are_given_in_the_pods_own_namespace_whatever_the_setting_says() -> None:
    case = a_case(env={"EMQX_CLUSTER__K8S__NAMESPACE": "other"}, rights=some_rights(allowed=False))
    given = [s.operation.body for s in plan_of(case).steps if isinstance(s.operation, Create)]
    assert {body["kind"] for body in given} == {"Role", "RoleBinding"}
    assert {body["metadata"]["namespace"] for body in given} == {"iot"}
