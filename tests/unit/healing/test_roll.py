"""Roll: all changes in one patch, once everything that they depend on was verified; and who may stop it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import (
    AT,
    CANONICAL_HOST,
    DEAD_PROXY,
    IN_ROLLOUT,
    NOT_READ,
    SERVICE_FQDN,
    a_case,
    a_down_member,
    a_network,
    a_procedure,
    a_workload,
    an_identity,
    an_object,
    members,
    now,
    outline,
    plan_of,
    some_rights,
    the_seed_story,
)
from emqx_autocluster.api.annotations import ORIGINAL, ROLL
from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.api.v1alpha1 import Rewrite
from emqx_autocluster.diagnosis import Case, diagnose
from emqx_autocluster.emqx.discovery import API_SERVER, APP_NAME, NAME, NAMESPACE
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER, DISCOVERY, DISCOVERY_STRATEGY
from emqx_autocluster.healing import Memory, Plan, roll
from emqx_autocluster.healing.steps import Action, PatchWorkload
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import DNSAnswer, DNSOutcome, EnvVar, Rights, WorkloadKind

GONE = "emqx@10.244.0.71"
LOST = members("a b c", lookups={CANONICAL_HOST: ()})


FROM_POD_NAME = EnvVar(NAME, None, {"fieldRef": {"fieldPath": "metadata.name"}})


def broken(**facts: Any) -> Case:
    """One cluster whose next restart would find nobody: the address is none."""
    return a_case(**{"env": {API_SERVER: "nonsense", **facts.pop("env", {})}, **facts})


def gathered(**facts: Any) -> Case:
    """The seed story with its members gathered and its rights given: the roll is next."""
    story = {"members": members("a b c"), "unreachable": DEAD_PROXY, "rights": as_we_gave()}
    return the_seed_story(**{**story, **facts})


def as_we_gave(**facts: Any) -> Rights:
    """All objects are there as the operator makes them; the template still names `default`."""
    workload = a_workload(service_account="default")
    known = {
        "service_account": an_object("default"),
        "dedicated_account": an_object("emqx-discovery", ours=True),
        "role": an_object("emqx-discovery", ours=True, **rbac.role(workload, "emqx-discovery", "emqx")),
        "role_binding": an_object(
            "emqx-discovery", ours=True, **rbac.role_binding(workload, "emqx-discovery", "emqx-discovery")
        ),
        "allowed": False,
        "dedicated_allowed": True,
    }
    return some_rights(**{**known, **facts})


def the_patch(plan: Plan) -> PatchWorkload:
    (step,) = [step for step in plan.steps if isinstance(step.operation, PatchWorkload)]
    assert isinstance(step.operation, PatchWorkload)
    return step.operation


def test_everything_goes_into_one_patch() -> None:
    plan = plan_of(gathered(dns_policy="Default", automount_token=False, members=LOST))
    body = the_patch(plan).body
    assert body["spec"] == {
        "minReadySeconds": 20,
        "template": {
            "spec": {
                "serviceAccountName": "emqx-discovery",
                "serviceAccount": "emqx-discovery",
                "automountServiceAccountToken": True,
                "dnsPolicy": "ClusterFirst",
                "containers": [
                    {
                        "name": "emqx",
                        "env": [{"name": API_SERVER, "value": CANONICAL_API_SERVER, "valueFrom": None}],
                    }
                ],
            }
        },
    }
    assert now(plan) == ["PatchWorkload Deployment/emqx"]
    assert outline(plan)[1] == "AwaitRollout Deployment/emqx"


@pytest.mark.parametrize(
    ("kind", "waited_for"),
    [
        pytest.param(
            WorkloadKind.DEPLOYMENT,
            ["rollout status deployment/emqx", "-l 'pod-template-hash in (hash-1)' --for=delete"],
            id="a Deployment's is over for kubectl while its last old pod still shuts down",
        ),
        pytest.param(WorkloadKind.STATEFUL_SET, ["rollout status statefulset/emqx"], id="a StatefulSet's"),
    ],
)
def test_by_hand_the_rollout_is_over_when_the_last_old_pod_is_gone(
    kind: WorkloadKind, waited_for: list[str]
) -> None:
    group = tuple(replace(m, pod=replace(m.pod, revision="hash-1")) for m in members("a b c"))
    (wait,) = [s for s in plan_of(broken(kind=kind, members=group)).steps if s.action is Action.AWAIT_ROLLOUT]
    commands = (wait.command or "").split(" && ")
    assert len(commands) == len(waited_for)
    assert all(words in command for words, command in zip(waited_for, commands, strict=True))


def test_the_patch_is_refused_if_the_workload_changed_meanwhile() -> None:
    assert the_patch(plan_of(broken())).body["metadata"]["resourceVersion"] == "1000"


def test_the_originals_go_with_it_and_the_users_go_is_used_up() -> None:
    metadata = the_patch(plan_of(broken())).body["metadata"]
    assert (
        '"was":{"name":"EMQX_CLUSTER__K8S__APISERVER","value":"nonsense"}'
        in metadata["annotations"][ORIGINAL]
    )
    assert metadata["annotations"][ROLL] is None


def test_the_cost_is_told_beforehand() -> None:
    step = plan_of(broken()).steps[0]
    assert "in one rolling restart (300 devices reconnect)" in step.message
    unread = plan_of(broken(members=members("a b c", connections=NOT_READ))).steps[0]
    assert "every device reconnects" in unread.message


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        pytest.param({"env": {API_SERVER: "nonsense"}}, {"template"}, id="the address"),
        pytest.param({"automount_token": False}, {"template"}, id="the token"),
        pytest.param({"dns_policy": "Default", "members": LOST}, {"template"}, id="the DNS policy"),
        pytest.param(
            {"env": {API_SERVER: "nonsense"}, "min_ready_seconds": 5},
            {"template", "minReadySeconds"},
            id="with the pause",
        ),
        pytest.param(
            {"env": {API_SERVER: "nonsense"}, "min_ready_seconds": 5, "progress_deadline_seconds": 15},
            {"template"},
            id="without it where the deadline forbids it",
        ),
        pytest.param(
            {"env": {API_SERVER: "nonsense"}, "min_ready_seconds": 60},
            {"template"},
            id="a longer one is left alone",
        ),
    ],
)
def test_only_what_is_wrong_is_changed(facts: dict[str, Any], fields: set[str]) -> None:
    assert set(the_patch(plan_of(a_case(**facts))).body["spec"]) == fields


def test_a_value_from_elsewhere_is_emptied_since_kubernetes_refuses_both() -> None:
    entry = EnvVar(API_SERVER, None, {"configMapKeyRef": {"name": "settings", "key": "api"}})
    told = members("a b c", identity=an_identity(**{API_SERVER: "nonsense"}))
    case = a_case(env={API_SERVER: entry}, members=told)
    body = the_patch(plan_of(case)).body
    (container,) = body["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": API_SERVER, "value": CANONICAL_API_SERVER, "valueFrom": None}]


# --- minReadySeconds alone


def test_min_ready_seconds_alone_is_set_and_rolls_nothing() -> None:
    plan = plan_of(a_case(min_ready_seconds=0))
    assert now(plan) == outline(plan) == ["PatchWorkload Deployment/emqx"]
    assert the_patch(plan).body["spec"] == {"minReadySeconds": 20}
    assert not the_patch(plan).rolls
    assert not plan.procedure
    assert "restarts nothing" in plan.steps[0].message


@pytest.mark.parametrize(
    ("repair", "safe", "wanted"),
    [
        pytest.param({"minReadySeconds": 45}, 20, 45, id="the user asks for more"),
        pytest.param({}, 30, 30, id="nobody asks, and the operator was told that 20 are not enough"),
        pytest.param({"minReadySeconds": 25}, 30, 30, id="the user asks for less than is safe"),
        pytest.param({}, 10, 10, id="the operator was told that less is enough"),
        pytest.param({"minReadySeconds": 20}, 10, 20, id="and the user asks for more all the same"),
    ],
)
def test_how_many_is_the_users_to_say_and_never_less_than_is_safe(
    repair: dict[str, Any], safe: int, wanted: int
) -> None:
    plan = plan_of(a_case(min_ready_seconds=0, spec={"repair": repair}, safe_seconds=safe))
    assert the_patch(plan).body["spec"] == {"minReadySeconds": wanted}


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"mode": "Observe"}, id="Observe"),
        pytest.param(IN_ROLLOUT, id="a rollout"),
        pytest.param(
            {"rights": some_rights(allowed=NOT_READ)}, id="it may turn out to need the patch that restarts"
        ),
        pytest.param({"progress_deadline_seconds": 20}, id="the deadline forbids it"),
    ],
)
def test_it_is_not_set(facts: dict[str, Any]) -> None:
    assert plan_of(a_case(min_ready_seconds=0, **facts)).now == ()


# --- a restart must be worth it


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            broken(service=None, endpoints=None),
            Reason.ROLLOUT_BLOCKED,
            ["would not find each other", "Service emqx does not exist"],
            id="the Service does not exist",
        ),
        pytest.param(
            broken(service=NOT_READ),
            Reason.ROLLOUT_BLOCKED,
            [NOT_READ.reason],
            id="the Service could not be read",
        ),
        pytest.param(
            broken(rights=some_rights(allowed=NOT_READ)),
            Reason.REVIEW_FAILED,
            [NOT_READ.reason],
            id="whether the pods may ask is not known",
        ),
        pytest.param(
            a_case(automount_token=False, env={NAME: FROM_POD_NAME}),
            Reason.ROLLOUT_BLOCKED,
            ["ConfigurationValid is False", "another in each pod"],
            id="another setting is wrong, which only the user can put right",
        ),
        pytest.param(
            broken(rights=some_rights(allowed=False, role=an_object("emqx-discovery"))),
            Reason.ROLLOUT_BLOCKED,
            ["RBACReady is False", "not ours"],
            id="rights that the operator may not give",
        ),
        pytest.param(
            broken(network=a_network(dns={SERVICE_FQDN: DNSAnswer(SERVICE_FQDN, DNSOutcome.SERVFAIL)})),
            Reason.ROLLOUT_BLOCKED,
            ["DNSHealthy is False", "SERVFAIL"],
            id="the cluster's DNS fails",
        ),
        pytest.param(
            broken(network=a_network(dns={})),
            Reason.PREFLIGHT_FAILED,
            [CANONICAL_HOST, "could not be looked up"],
            id="preflight: the right name could not be looked up",
        ),
        pytest.param(
            broken(network=a_network(certificate_hosts=NOT_READ)),
            Reason.PREFLIGHT_FAILED,
            ["certificate could not be read", NOT_READ.reason],
            id="preflight: the certificate could not be read",
        ),
        pytest.param(
            broken(network=a_network(certificate_hosts=frozenset({"10.0.0.10"}))),
            Reason.PREFLIGHT_FAILED,
            ["does not name kubernetes.default.svc"],
            id="preflight: the certificate does not name the right name",
        ),
        pytest.param(
            gathered(rights=as_we_gave(dedicated_allowed=False)),
            Reason.PREFLIGHT_FAILED,
            ["does not confirm", "ServiceAccount emqx-discovery"],
            id="preflight: the authorizer does not confirm the new ServiceAccount yet",
        ),
        pytest.param(
            gathered(rights=as_we_gave(dedicated_allowed=NOT_READ)),
            Reason.PREFLIGHT_FAILED,
            [],
            id="preflight: the authorizer could not be asked about it",
        ),
        pytest.param(
            gathered(rights=as_we_gave(other_bindings=NOT_READ)),
            Reason.ROLLOUT_BLOCKED,
            ["other rights", NOT_READ.reason],
            id="which other rights the pods would lose is not known",
        ),
    ],
)
def test_no_restart_for_nothing(case: Case, reason: Reason, words: list[str]) -> None:
    plan = plan_of(case)
    assert not any(isinstance(step.operation, PatchWorkload) for step in plan.now)
    assert plan.hold
    assert plan.hold.reason is reason
    assert all(word in plan.hold.message for word in words), plan.hold


@pytest.mark.parametrize(
    ("dns_knows", "rolls"),
    [
        pytest.param(False, False, id="it would lose another name"),
        pytest.param(True, True, id="all names are known"),
    ],
)
def test_the_dns_policy_is_changed_only_if_no_other_name_is_lost(*, dns_knows: bool, rolls: bool) -> None:
    known = {"db.corp.example.": DNSAnswer("db.corp.example.", DNSOutcome.ANSWER, ("10.9.9.9",))}
    case = a_case(
        dns_policy="Default",
        members=LOST,
        env={"EMQX_DB": "db.corp.example:5432"},
        network=a_network(dns={**a_network().dns, **(known if dns_knows else {})}),
    )
    assert bool(plan_of(case).now) == rolls


# --- strategies of the controller


def test_on_delete_shows_the_patch_and_then_waits_for_the_user() -> None:
    stateful: dict[str, Any] = {"kind": WorkloadKind.STATEFUL_SET, "strategy": "OnDelete"}
    assert now(plan_of(broken(**stateful))) == ["PatchWorkload StatefulSet/emqx"]
    patched = a_case(**stateful, updated_replicas=0, update_revision="emqx-2")
    plan = plan_of(patched, Memory(a_procedure("0", "1", "2")))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.TARGET_PROGRESSING


# --- the user's word


def test_manual_does_all_but_the_roll_and_shows_how_to_let_it_go() -> None:
    manual = {"repair": {"rollout": "Manual"}}
    plan = plan_of(gathered(spec=manual))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.ROLLOUT_MANUAL
    assert f"kubectl annotate deployment/emqx {ROLL}=now -n iot" in plan.hold.message
    assert "300 devices reconnect" in plan.steps[0].message
    assert now(plan_of(the_seed_story(spec=manual))) == ["JoinCluster Pod/emqx-b"]


def test_the_annotation_lets_a_manual_roll_go() -> None:
    case = gathered(spec={"repair": {"rollout": "Manual"}}, annotations={ROLL: "now"})
    assert now(plan_of(case)) == ["PatchWorkload Deployment/emqx"]


# --- who sets it back


def rewritten(*minutes: float, value: str = "nonsense") -> Memory:
    return Memory(rewrites=tuple(Rewrite(value=value, time=AT - timedelta(minutes=m)) for m in minutes))


@pytest.mark.parametrize(
    ("memory", "fights"),
    [
        pytest.param(rewritten(), False, id="never"),
        pytest.param(rewritten(5), False, id="once: it may be a person who tries something"),
        pytest.param(rewritten(25, 5), True, id="twice within half an hour"),
        pytest.param(
            rewritten(600, 590), True, id="that was long ago: it stays stopped, or it would begin anew"
        ),
        pytest.param(rewritten(36, 5), False, id="the first time is longer ago"),
        pytest.param(
            rewritten(10, 5, value="http://another"), False, id="the manifest brought a new value meanwhile"
        ),
    ],
)
def test_a_tool_that_sets_the_same_value_back_twice_is_not_fought(memory: Memory, *, fights: bool) -> None:
    plan = plan_of(broken(), memory)
    assert bool(plan.now) != fights
    if fights:
        assert plan.hold
        assert plan.hold.reason is Reason.EXTERNAL_REVERT
        assert all(
            w in plan.hold.message for w in ["nonsense", "2 times within 30 minutes", "commit the patch"]
        )


def test_nor_is_a_tool_that_pins_min_ready_seconds() -> None:
    case, sets_back = a_case(min_ready_seconds=0), rewritten(20, 5, value="minReadySeconds 0")
    assert now(plan_of(case)) == ["PatchWorkload Deployment/emqx"]
    plan = plan_of(case, sets_back)
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.EXTERNAL_REVERT
    assert "minReadySeconds 0 was set back 2 times" in plan.hold.message


def test_what_somebody_sets_back_keeps_no_repair_from_its_end() -> None:
    memory = replace(
        rewritten(20, 5, value="minReadySeconds 0"), procedure=a_procedure("a", "b", "c", x=GONE)
    )
    plan = plan_of(a_case(min_ready_seconds=0, members=members("a b c", stopped=[GONE])), memory)
    assert now(plan) == [f"ForceLeave Node/{GONE}"]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(the_seed_story(), id="members that could be gathered"),
        pytest.param(
            broken(rights=some_rights(allowed=False, role=None, role_binding=None)),
            id="rights that could be given",
        ),
        pytest.param(broken(**IN_ROLLOUT), id="while the way back is being rolled out"),
    ],
)
def test_after_a_persons_rollback_nothing_at_all_is_touched_and_it_is_told_at_once(case: Case) -> None:
    plan = plan_of(case, Memory(undone=True))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.EXTERNAL_REVERT
    assert f"kubectl annotate deployment/emqx {ROLL}=now -n iot" in plan.hold.message


@pytest.mark.parametrize(
    ("facts", "held"),
    [
        pytest.param({"waiting": "ImagePullBackOff: x"}, True, id="an image that is gone"),
        pytest.param({"waiting": "CrashLoopBackOff: x"}, False, id="one member that crashes"),
    ],
)
def test_no_restart_while_pods_of_this_template_cannot_start(facts: dict[str, Any], *, held: bool) -> None:
    members_now = (*members("a b"), a_down_member("c", **facts))
    plan = plan_of(broken(members=members_now, available_replicas=2))
    assert bool(plan.now) != held
    if held:
        assert plan.hold
        assert plan.hold.reason is Reason.ROLLOUT_BLOCKED
        assert "(emqx-c: ImagePullBackOff: x)" in plan.hold.message
        assert "kubectl rollout undo deployment/emqx -n iot" in plan.hold.message


def test_no_restart_on_top_of_a_persons_rollout_that_is_stuck_on_a_crash() -> None:
    """`kubectl rollout undo` would lead back to what crashes."""
    group = (*members("a b c"), a_down_member("d", waiting="CrashLoopBackOff: x"))
    facts = {"status_replicas": 4, "updated_replicas": 1, "progress_deadline_exceeded": True}
    plan = plan_of(broken(members=group, **facts))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.ROLLOUT_BLOCKED


def test_who_sets_it_back_is_named_and_what_to_commit() -> None:
    writers = {f"env/{API_SERVER}": "manifest-sync", "dnsPolicy": "somebody else"}
    plan = plan_of(broken(writers=writers), rewritten(25, 5))
    assert plan.hold
    assert "by the field manager manifest-sync;" in plan.hold.message
    assert f"{API_SERVER}={CANONICAL_API_SERVER}" in plan.hold.message


def test_a_person_may_let_it_go_once_more_in_spite_of_a_tool() -> None:
    assert now(plan_of(broken(annotations={ROLL: "now"}), rewritten(25, 5))) == [
        "PatchWorkload Deployment/emqx"
    ]


def test_a_persons_rollback_stops_it_at_once_until_they_say_go() -> None:
    undone = Memory(undone=True)
    plan = plan_of(broken(), undone)
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.EXTERNAL_REVERT
    assert all(word in plan.hold.message for word in ["rolled back to nonsense", f"{ROLL}=now"])
    assert now(plan_of(broken(annotations={ROLL: "now"}), undone)) == ["PatchWorkload Deployment/emqx"]


# --- several settings at once


def several(**facts: Any) -> Case:
    """4.x with the variable of 5.x, the default namespace, and no name to look for."""
    env = {DISCOVERY: None, DISCOVERY_STRATEGY: "k8s", NAMESPACE: None, APP_NAME: None}
    return a_case(**{"image": "emqx/emqx:4.4.19", "env": env, **facts})


def test_all_right_values_are_set_in_the_one_patch() -> None:
    plan = plan_of(several())
    assert now(plan) == ["PatchWorkload Deployment/emqx"]
    (container,) = the_patch(plan).body["spec"]["template"]["spec"]["containers"]
    assert {e["name"]: e["value"] for e in container["env"]} == {
        DISCOVERY: "k8s",
        NAMESPACE: "iot",
        APP_NAME: "emqx",
    }
    assert the_patch(plan).value == f"{DISCOVERY}=(unset), {APP_NAME}=(unset), {NAMESPACE}=(unset)"


def test_a_tool_that_sets_back_what_its_manifest_has_is_not_fought() -> None:
    """What the manifest never had stays as it was set, so that the second patch is smaller."""
    back = {DISCOVERY: "k8s", NAMESPACE: "default", APP_NAME: "emqx"}
    first = f"{APP_NAME}=(unset), {DISCOVERY}=(unset), {NAMESPACE}=default"
    memory = Memory(
        rewrites=tuple(
            Rewrite(value=value, time=AT - timedelta(minutes=minutes))
            for value, minutes in ((first, 20), (f"{NAMESPACE}=default", 5))
        )
    )
    plan = plan_of(several(env=back), memory)
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.EXTERNAL_REVERT
    assert f"{NAMESPACE}=default was set back 2 times" in plan.hold.message
    assert f"{NAMESPACE}=iot" in plan.hold.message
    assert now(plan_of(several(env=back | {NAMESPACE: "other"}), memory)) == ["PatchWorkload Deployment/emqx"]


def test_what_renames_the_nodes_is_shown_with_its_patch_and_not_applied() -> None:
    plan = plan_of(a_case(env={NAME: FROM_POD_NAME}))
    assert plan.now == ()
    (step,) = plan.steps
    assert step.operation is None
    assert step.message == f"by hand: set {NAME}=emqx"
    assert step.command
    assert f'"name":"{NAME}","value":"emqx","valueFrom":null' in step.command


def test_no_restart_while_anything_about_the_settings_is_unknown() -> None:
    """What is certainly wrong is told all the same; the namespace comes from a Secret, and no process has told it."""
    secret = EnvVar(NAMESPACE, None, {"secretKeyRef": {"name": "s", "key": "namespace"}})
    case = a_case(env={API_SERVER: "nonsense", NAMESPACE: secret})
    told = diagnose(case)[ConditionType.CONFIGURATION_VALID]
    assert (told.reason, told.repairable) == (Reason.API_SERVER_MALFORMED, True)
    plan = plan_of(case)
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.SETTING_UNREADABLE


def test_of_several_versions_only_what_all_of_them_need_is_set() -> None:
    """Before 5.1.1 there is no default address that works; a scheme is needed on all of them."""
    for given, wanted in (("kubernetes.default.svc:443", [API_SERVER]), (None, [])):
        case = a_case(image="emqx/emqx:5.1", env={API_SERVER: given}, members=())
        changes = roll.changes(case, diagnose(case))
        assert [change.field.removeprefix("env/") for change in changes if "env/" in change.field] == wanted
