"""What one pass says in the status: a repair's memory from its first step to its end, and what was done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import (
    AT,
    DEAD_PROXY,
    IN_ROLLOUT,
    NOT_READ,
    STRATEGY,
    a_case,
    a_down_member,
    a_member,
    a_pod,
    a_procedure,
    a_resource,
    ago,
    an_attempt,
    an_identity,
    changed,
    members,
    node_of,
    plan_of,
    some_rights,
    the_seed_story,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.api.v1alpha1 import Discovery, Done, Members, Procedure, Rewrite, StatusModel
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, API_SERVER, NAMESPACE, SERVICE_NAME
from emqx_autocluster.healing import Action, Memory, suspects
from emqx_autocluster.healing.steps import Step
from emqx_autocluster.observation import EnvVar, WorkloadKind
from emqx_autocluster.reporting import report
from emqx_autocluster.reporting.report import Pass

GONE = "emqx@10.244.0.71"


def a_pass(case: Case, memory: Memory | None = None) -> Pass:
    known = memory or Memory()
    return Pass(case, diagnosis.diagnose(case), plan_of(case, known), known)


def status(case: Case, memory: Memory | None = None, old: StatusModel | None = None) -> StatusModel:
    return report.status(a_resource(old), a_pass(case, memory))


# --- what was seen


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        pytest.param(a_case(), Members(expected=3, ready=3, clustered=3, stale=0, islands=1), id="well"),
        pytest.param(
            a_case(members=members("a b", "c", stopped=[GONE])),
            Members(expected=3, ready=3, clustered=2, stale=1, islands=2),
            id="split, with a stale name",
        ),
        pytest.param(
            a_case(members=(*members("a b"), a_down_member("c"))),
            Members(expected=3, ready=2, clustered=2, stale=0, islands=1),
            id="one is down",
        ),
        pytest.param(
            a_case(members=changed(members("a b c"), "c", view=NOT_READ)),
            Members(expected=3, ready=3, clustered=None, stale=0, islands=None),
            id="one could not be asked: numbers that depend on it are left out",
        ),
        pytest.param(
            a_case(members=NOT_READ),
            Members(expected=3, ready=0, clustered=None, stale=None, islands=None),
            id="the pods could not be listed",
        ),
        pytest.param(
            a_case(members=(*members("a b c"), a_member("d", pod=a_pod("d", deleting=True)))),
            Members(expected=3, ready=3, clustered=3, stale=0, islands=1),
            id="a pod that is being deleted does not count",
        ),
    ],
)
def test_members(case: Case, expected: Members) -> None:
    assert status(case).members == expected


def test_islands_are_listed_when_there_is_more_than_one() -> None:
    assert [i.pods for i in status(a_case(members=members("a", "b c"))).islands] == [
        ("emqx-b", "emqx-c"),
        ("emqx-a",),
    ]
    assert status(a_case()).islands == ()


def test_the_generations_that_were_judged() -> None:
    seen = status(a_case(generation=9, observed_generation=9))
    assert (seen.observed_generation, seen.workload_generation) == (2, 9)
    assert seen.workload_uid == a_case().workload.uid
    assert all(condition.observed_generation == 2 for condition in seen.conditions)


def test_discovery_as_it_is_in_force() -> None:
    assert status(a_case()).discovery == Discovery(
        strategy="k8s",
        api_server="https://kubernetes.default.svc:443",
        service_name="emqx",
        namespace="iot",
        address_type="ip",
        role="core",
        emqx_version="5.8.9",
    )
    dns = {"EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns", "EMQX_CLUSTER__DNS__NAME": "emqx.iot.svc.cluster.local"}
    other = status(a_case(env=dns)).discovery
    assert other == Discovery(
        strategy="dns",
        service_name="emqx",
        dns_name="emqx.iot.svc.cluster.local",
        record_type="a",
        role="core",
        emqx_version="5.8.9",
    )
    assert status(a_case(containers=())).discovery is None


def test_what_is_in_force_stays_visible_where_k8s_is_only_intended() -> None:
    case = a_case(env={"EMQX_CLUSTER__DISCOVERY_STRATEGY": None, "EMQX_CLUSTER__DISCOVERY": "k8s"})
    found = status(case).discovery
    assert found
    assert (found.strategy, found.service_name, found.namespace) == ("manual", "emqx", "iot")


def test_a_dead_address_is_remembered_also_where_another_problem_is_told_first() -> None:
    env = {API_SERVER: DEAD_PROXY, "EMQX_NODE_NAME": "emqx@10.0.0.1"}
    case = a_case(env=env, members=members("a", "b", "c"))
    told = diagnosis.diagnose(case)[ConditionType.CONFIGURATION_VALID]
    found = status(case).discovery
    assert (told.reason, found and found.unreachable) == (Reason.NODE_NAME_FIXED, DEAD_PROXY)


def test_a_password_in_the_address_is_not_in_the_status() -> None:
    found = status(
        a_case(env={API_SERVER: "http://user:secret@192.168.1.31:8888"}, members=members("a", "b", "c"))
    )
    assert found.discovery
    assert found.discovery.api_server == found.discovery.unreachable == DEAD_PROXY


def test_a_dead_address_is_remembered_once_the_members_are_gathered() -> None:
    proven = status(the_seed_story()).discovery
    assert proven
    assert proven.unreachable == DEAD_PROXY
    gathered = status(the_seed_story(members=members("a b c"), unreachable=proven.unreachable)).discovery
    assert gathered
    assert gathered.unreachable == DEAD_PROXY
    replaced = status(a_case(unreachable=DEAD_PROXY)).discovery
    assert replaced
    assert replaced.unreachable is None


def test_a_dead_address_stays_known_until_the_repair_is_over() -> None:
    """Who puts it back in the middle has gathered members, which prove nothing."""
    old = StatusModel(discovery=Discovery(unreachable=DEAD_PROXY))
    repair = Memory(Procedure(started_at=ago(60)))
    rolling = status(a_case(unreachable=DEAD_PROXY, **IN_ROLLOUT), repair, old).discovery
    assert rolling
    assert rolling.unreachable == DEAD_PROXY
    healthy = status(a_case(unreachable=DEAD_PROXY), None, old).discovery
    assert healthy
    assert healthy.unreachable is None


def test_the_plan_is_shown_with_the_commands_that_do_it_by_hand() -> None:
    (first, *_) = status(the_seed_story(mode="Observe")).planned_actions
    assert (first.action, first.subject) == ("JoinCluster", "Pod/emqx-b")
    assert first.command == f"kubectl exec -n iot emqx-b -c emqx -- emqx_ctl cluster join {node_of('a')}"


def test_what_was_done_last_stays() -> None:
    done = report.after(StatusModel(), a_step(), succeeded=True, said="", done=a_pass(a_case()), at=AT)
    assert status(a_case(), old=done).last_action == done.last_action


def test_a_healthy_workload_has_the_same_status_at_every_pass() -> None:
    first = status(a_case())
    later = replace(a_case().observation, at=AT.replace(hour=18))
    assert status(a_case(later), old=first) == first


# --- the memory of a repair


@pytest.mark.parametrize(
    ("case", "begins"),
    [
        pytest.param(the_seed_story(), True, id="the first step of a repair is taken"),
        pytest.param(the_seed_story(mode="Observe"), False, id="Observe"),
        pytest.param(the_seed_story(**IN_ROLLOUT), False, id="the gate is closed"),
        pytest.param(a_case(min_ready_seconds=0), False, id="minReadySeconds alone is no repair"),
        pytest.param(a_case(), False, id="all is well"),
    ],
)
def test_when_it_begins(case: Case, *, begins: bool) -> None:
    assert (status(case).procedure is not None) == begins


def test_it_begins_with_every_member_that_there_is() -> None:
    procedure = status(the_seed_story(members=members("a", "b", "c", stopped=[GONE]))).procedure
    assert procedure
    assert procedure.started_at == AT
    assert [(m.pod, m.uid, m.node) for m in procedure.members] == [
        (f"emqx-{s}", f"uid-{s}", node_of(s)) for s in "abc"
    ]
    assert procedure.left_behind == (GONE,)


def test_every_member_that_is_seen_on_the_way_is_added_once() -> None:
    memory = Memory(a_procedure("a", "b", "c", begun=300))
    case = a_case(**IN_ROLLOUT, members=members("b c d"))
    procedure = status(case, memory).procedure
    assert procedure
    assert [m.pod for m in procedure.members] == ["emqx-a", "emqx-b", "emqx-c", "emqx-d"]
    assert procedure.started_at == ago(300)


def test_a_pod_whose_node_has_another_name_now_is_both() -> None:
    memory = Memory(a_procedure(x=GONE))
    renamed = changed(members("a b c"), "a", uid="uid-x")
    procedure = status(a_case(**IN_ROLLOUT, members=renamed), memory).procedure
    assert procedure
    assert {m.node for m in procedure.members if m.uid == "uid-x"} == {GONE, node_of("a")}


@pytest.mark.parametrize(
    ("facts", "over"),
    [
        pytest.param({}, True, id="one cluster, nothing left to do"),
        pytest.param({"members": members("a b c", stopped=[GONE])}, False, id="an old name is left"),
        pytest.param({"members": members("a b", "c")}, False, id="a member is alone"),
        pytest.param(
            {"members": changed(members("a b c"), "c", view=NOT_READ)}, False, id="one could not be asked"
        ),
        pytest.param(
            {"members": (a_member("a", sees="b"), a_member("b", sees="ac"), a_member("c", sees="b"))},
            False,
            id="two do not list each other, so that old names could not be removed",
        ),
        pytest.param({"members": NOT_READ}, False, id="the pods could not be listed"),
        pytest.param(IN_ROLLOUT, False, id="the rollout goes on"),
        pytest.param({"available_replicas": 2}, False, id="a member is not available yet"),
        pytest.param(
            {"members": (*members("a b c"), a_member("d", pod=a_pod("d", deleting=True)))},
            False,
            id="an old pod is still on its way out, and its name stays behind",
        ),
        pytest.param({"env": {API_SERVER: "nonsense"}}, False, id="something is wrong again"),
        pytest.param(
            {"rights": some_rights(allowed=NOT_READ)}, False, id="it is not known whether something is wrong"
        ),
    ],
)
def test_when_it_ends(facts: dict[str, Any], *, over: bool) -> None:
    memory = Memory(a_procedure("a", "b", "c", x=GONE))
    assert (status(a_case(**facts), memory).procedure is None) == over


def test_pausing_in_the_middle_leaves_it_open() -> None:
    memory = Memory(a_procedure("a", "b", "c", x=GONE))
    case = a_case(
        members=members("a b c", stopped=[GONE]), annotations={"emqx-autocluster.io/paused": "true"}
    )
    left = status(case, memory)
    assert left.procedure
    assert [a.subject for a in left.planned_actions] == [f"Node/{GONE}"]


# --- what was done


def a_step(action: Action = Action.JOIN_CLUSTER, subject: str = "Pod/emqx-b") -> Step:
    return Step(action, subject, "join emqx-b to the seed")


def after(
    step: Step, *, succeeded: bool = True, said: str = "", memory: Memory | None = None, **facts: Any
) -> StatusModel:
    known = memory or Memory(a_procedure("a"))
    case = a_case(**facts)
    return report.after(
        StatusModel(procedure=known.procedure),
        step,
        succeeded=succeeded,
        said=said,
        done=a_pass(case, known),
        at=AT,
    )


@pytest.mark.parametrize(("succeeded", "result"), [(True, "Succeeded"), (False, "Failed")])
def test_the_last_action_has_emqxs_or_kubernetes_own_words(result: str, *, succeeded: bool) -> None:
    action = after(a_step(), succeeded=succeeded, said="Failed to join\nthe cluster").last_action
    assert action
    assert (action.action, action.subject, action.result) == ("JoinCluster", "Pod/emqx-b", result)
    assert (action.message, action.time) == ("Failed to join the cluster", AT)
    silent = after(a_step()).last_action
    assert silent
    assert silent.message == "join emqx-b to the seed"


def attempts(procedure: Procedure | None) -> list[tuple[str, str, int]]:
    return [(a.action, a.subject, a.count) for a in (procedure.attempts if procedure else ())]


def test_attempts_are_counted_by_action_and_subject() -> None:
    other = an_attempt(Action.JOIN_CLUSTER, "Pod/emqx-c")
    first = after(a_step(), memory=Memory(a_procedure("a", attempts=[other]))).procedure
    assert attempts(first) == [("JoinCluster", "Pod/emqx-c", 1), ("JoinCluster", "Pod/emqx-b", 1)]
    second = after(a_step(), memory=Memory(first)).procedure
    assert attempts(second) == [("JoinCluster", "Pod/emqx-c", 1), ("JoinCluster", "Pod/emqx-b", 2)]
    asked = after(a_step(Action.ENABLE_DISCOVERY), memory=Memory(second)).procedure
    assert attempts(asked)[-1] == ("EnableDiscovery", "Pod/emqx-b", 1)


def test_attempts_on_an_earlier_pod_of_the_name_do_not_count() -> None:
    before = an_attempt(Action.JOIN_CLUSTER, "Pod/emqx-1", count=2, seconds=400)
    group = changed(members("0 1 2"), "1", created=ago(100))
    memory = Memory(a_procedure("0", attempts=[before]))
    step = a_step(subject="Pod/emqx-1")
    procedure = after(step, memory=memory, kind=WorkloadKind.STATEFUL_SET, members=group).procedure
    assert attempts(procedure) == [("JoinCluster", "Pod/emqx-1", 1)]


def test_without_a_repair_nothing_is_counted() -> None:
    assert after(a_step(), memory=Memory()).procedure is None


def patched(*, rolls: bool, succeeded: bool = True, rewrites: tuple[Rewrite, ...] = ()) -> StatusModel:
    facts: dict[str, Any] = {"env": {API_SERVER: "nonsense"}} if rolls else {"min_ready_seconds": 0}
    case = a_case(**facts)
    (step, *_) = plan_of(case).now
    return report.after(
        StatusModel(rewrites=rewrites), step, succeeded=succeeded, said="", done=a_pass(case), at=AT
    )


def test_a_patch_leaves_its_record_and_what_it_replaced() -> None:
    status_now = patched(rolls=True)
    assert status_now.original
    assert "nonsense" in status_now.original
    assert status_now.rewrites == (Rewrite(value="nonsense", time=AT),)


def test_only_the_last_few_rewrites_are_kept() -> None:
    older = tuple(Rewrite(value=str(n), time=ago(1000 - n)) for n in range(5))
    assert [r.value for r in patched(rolls=True, rewrites=older).rewrites] == ["1", "2", "3", "4", "nonsense"]


def test_a_patch_that_restarts_nothing_is_known_by_what_it_replaced() -> None:
    status_now = patched(rolls=False)
    assert status_now.original
    assert status_now.rewrites == (Rewrite(value="minReadySeconds 0", time=AT),)


def test_a_patch_that_failed_leaves_no_record() -> None:
    status_now = patched(rolls=True, succeeded=False)
    assert (status_now.original, status_now.rewrites) == (None, ())


def test_the_record_survives_a_rollback_that_loses_the_annotation() -> None:
    assert status(a_case(), Memory(original='{"changes":[]}')).original == '{"changes":[]}'


# --- what mode Heal remembers


def history(action: Action, *, minutes_apart: float) -> tuple[Done, ...]:
    """After 25 actions of that kind, the last of them now."""
    told = StatusModel()
    for number in range(25):
        step = replace(a_step(action), message=f"for reason {number}")
        at = AT - timedelta(minutes=minutes_apart * (24 - number))
        told = report.after(told, step, succeeded=True, said="ok", done=a_pass(a_case()), at=at)
    return told.history


@pytest.mark.parametrize(
    ("action", "minutes_apart", "first"),
    [
        pytest.param(Action.FORCE_LEAVE, 1, 5, id="twenty of those that disconnect nobody"),
        pytest.param(Action.JOIN_CLUSTER, 1, 0, id="all of the last hour that a limit counts"),
        pytest.param(Action.JOIN_CLUSTER, 2.6, 1, id="none that is an hour old"),
    ],
)
def test_how_far_back_the_history_goes(action: Action, minutes_apart: float, first: int) -> None:
    kept = history(action, minutes_apart=minutes_apart)
    assert [done.reason for done in kept] == [f"for reason {n}" for n in range(first, 25)]
    assert {(done.result, done.message) for done in kept} == {("Succeeded", "ok")}


def healing(**facts: Any) -> tuple[Case, Memory]:
    case = a_case(**{"mode": "Heal", "members": members("a b", "c"), **facts})
    seen = suspects.noted((), case)
    return case, Memory(suspects=tuple(s.model_copy(update={"since": ago(3600), "looks": 3}) for s in seen))


def test_what_is_suspected_and_what_the_guards_say_stands_in_the_status() -> None:
    case, memory = healing(service=None)
    told = status(case, memory)
    assert [s.subject for s in told.suspects] == ["Pod/emqx-c"]
    assert [(g.guard, g.verdict) for g in told.guards][-1] == ("CauseMended", "Refused")
    assert {g.verdict for g in told.guards[:-1]} == {"Passed"}
    assert "ServiceNotFound" in told.guards[-1].message


def test_healing_is_a_procedure_of_its_own_until_a_setting_has_to_be_repaired() -> None:
    case, memory = healing()
    begun = status(case, memory).procedure
    assert begun is not None
    assert begun.origin == "Heal"
    broken, _ = healing(env={API_SERVER: DEAD_PROXY})
    turned = status(broken, replace(memory, procedure=begun)).procedure
    assert turned is not None
    assert turned.origin == "Repair", "its steps pass no guards, so it must not count as healing"


# --- what nobody shall see


def from_a_secret(key: str) -> EnvVar:
    return EnvVar(key, None, {"secretKeyRef": {"name": "settings", "key": key}})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param(API_SERVER, DEAD_PROXY, id="an address"),
        pytest.param(API_SERVER, "admin:s3cret@10.0.0.1:6443", id="one without a scheme"),
        pytest.param(API_SERVER, "https://no-such.example:6443/path", id="a name"),
        pytest.param(SERVICE_NAME, "hidden-brokers", id="a Service that is not there"),
        pytest.param(NAMESPACE, "hidden-space", id="a namespace"),
        pytest.param(ADDRESS_TYPE, "hidden-type", id="a value that its variable does not take"),
        pytest.param(STRATEGY, "hidden-strategy", id="a strategy"),
    ],
)
def test_a_value_from_a_secret_is_told_as_where_it_stands(variable: str, value: str) -> None:
    group = tuple(
        replace(m, identity=an_identity(EMQX_NODE__NAME=m.node or "", **{variable: value}))
        for m in members("a", "b", "c")
    )
    case = a_case(env={variable: from_a_secret(variable)}, members=group, service=None, endpoints=None)
    done = a_pass(case)
    problems = diagnosis.problems(case, done.findings)
    told = [report.status(a_resource(), done).model_dump_json(by_alias=True)]
    told += [*map(str, problems), *map(str, diagnosis.unjudged(case)), *map(str, done.plan.steps)]
    assert not [text for text in told if value in text]
    assert f"Secret settings, key {variable}" in " ".join(told)


def test_an_action_is_of_the_time_at_which_it_was_over_however_long_the_look_before_it_took() -> None:
    over = AT + timedelta(seconds=75)
    told = report.after(StatusModel(), a_step(), succeeded=True, said="", done=a_pass(a_case()), at=over)
    assert told.last_action
    assert told.last_action.time == told.history[-1].time == over
