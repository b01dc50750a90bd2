"""Strategy dns: the question that EMQX asks, the records that answer it, and what Repair does about either."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from builders import (
    NOT_READ,
    a_case,
    a_pod,
    ago,
    changed,
    judge,
    members,
    outline,
    plan_of,
    tells,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, configuration
from emqx_autocluster.emqx.discovery import HOST, LONG_NODE_NAME, NAME
from emqx_autocluster.observation import (
    DNSAnswer,
    DNSOutcome,
    EnvVar,
    Network,
    Service,
    Unobserved,
    WorkloadKind,
)

FULL = "emqx.iot.svc.cluster.local"
NAME_VARIABLE, TYPE, OLD_TYPE, APP = (
    f"EMQX_CLUSTER__DNS__{key}" for key in ("NAME", "RECORD_TYPE", "TYPE", "APP")
)
STRATEGY, OLD_STRATEGY = "EMQX_CLUSTER__DISCOVERY_STRATEGY", "EMQX_CLUSTER__DISCOVERY"
ABSOLUTE = f"{FULL}."
POD_NAME = EnvVar("POD_NAME", None, {"fieldRef": {"fieldPath": "metadata.name"}})
POD_IP = EnvVar(HOST, None, {"fieldRef": {"fieldPath": "status.podIP"}})
HOSTS = tuple(f"emqx-{n}.{FULL}" for n in range(3))
HEADLESS = Service("emqx", {"app": "emqx"}, headless=True, publish_not_ready=True, ports=("ekka",))


def answer(*hosts: str, outcome: DNSOutcome = DNSOutcome.ANSWER) -> DNSAnswer:
    return DNSAnswer(ABSOLUTE, outcome, hosts, 5)


def chart(env: Mapping[str, Any] | None = None, **facts: Any) -> Case:
    """The layout of the official chart: a StatefulSet, srv records of its headless Service, host names."""
    given: dict[str, Any] = {
        STRATEGY: "dns",
        NAME_VARIABLE: FULL,
        TYPE: "srv",
        "POD_NAME": POD_NAME,
        HOST: f"$(POD_NAME).{FULL}",
        **(env or {}),
    }
    known: dict[str, Any] = {
        "members": members("0 1 2", lookups={ABSOLUTE: ("10.244.0.100",)}),
        "service": HEADLESS,
        "rights": None,
        "network": Network({ABSOLUTE: answer("10.244.0.100")}, peers=answer(*HOSTS)),
        **facts,
    }
    return a_case(kind=WorkloadKind.STATEFUL_SET, env=given, **known)


def deployed(env: Mapping[str, Any] | None = None, **facts: Any) -> Case:
    """A Deployment, A records, names by address."""
    known: dict[str, Any] = {
        "members": members("a b c", lookups={ABSOLUTE: ("10.244.0.1",)}),
        "service": HEADLESS,
        "rights": None,
        "network": Network(
            {ABSOLUTE: answer("10.244.0.1")}, peers=answer("10.244.0.1", "10.244.0.2", "10.244.0.3")
        ),
        **facts,
    }
    return a_case(env={STRATEGY: "dns", NAME_VARIABLE: FULL, **(env or {})}, **known)


def problem(case: Case, reason: Reason) -> Finding:
    found = {finding.reason: finding for finding in configuration.problems(case)}
    assert reason in found, found.keys()
    return found[reason]


LONE = members("0", "1", "2", lookups={ABSOLUTE: ("10.244.0.100",)})


@pytest.mark.parametrize(
    "case", [pytest.param(chart(), id="the chart's"), pytest.param(deployed(), id="A records")]
)
def test_what_is_well_has_no_problem_and_asks_for_no_rights(case: Case) -> None:
    findings = diagnosis.diagnose(case)
    assert diagnosis.problems(case, findings) == ()
    assert findings[ConditionType.RBAC_READY].reason is Reason.NOT_APPLICABLE
    assert findings[ConditionType.DNS_HEALTHY].reason is Reason.NAMES_RESOLVE
    assert findings[ConditionType.DISCOVERY_READY].reason is Reason.ENDPOINTS_PUBLISHED
    assert FULL in findings[ConditionType.CONFIGURATION_VALID].message


# --- the question


@pytest.mark.parametrize("name", ["emqx", "emqx.iot", "emqx.iot.svc"])
def test_a_short_name_is_put_right_where_the_nodes_have_the_right_names(name: str) -> None:
    finding = problem(chart({NAME_VARIABLE: name}, members=LONE), Reason.DNS_NAME_NOT_QUALIFIED)
    assert (finding.repairable, finding.sets) == (True, ((NAME_VARIABLE, FULL),))
    assert f"{NAME_VARIABLE} is {name}" in finding.message


def test_not_where_the_image_names_the_nodes_after_it() -> None:
    """Without a host of its own the node is called emqx@emqx-0.emqx, and would get another name."""
    named = tuple(replace(m, node=f"emqx@emqx-{n}.emqx") for n, m in enumerate(LONE))
    finding = problem(
        chart({NAME_VARIABLE: "emqx", HOST: None}, members=named), Reason.DNS_NAME_NOT_QUALIFIED
    )
    assert not finding.repairable
    assert "change their names" in finding.message


def test_not_while_the_service_selects_others() -> None:
    others = replace(HEADLESS, selector={"app": "other"})
    case = chart({NAME_VARIABLE: "emqx"}, members=LONE, service=others)
    assert not problem(case, Reason.DNS_NAME_NOT_QUALIFIED).repairable


def test_a_name_that_is_no_service_is_left_alone() -> None:
    assert configuration.problems(chart({NAME_VARIABLE: "emqx.example.com"})) == ()


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        (
            "emqx.default.svc.cluster.local",
            Reason.NAMESPACE_MISMATCH,
            ["namespace default", "pods live in iot"],
        ),
        (
            "emqx.iot.svc.plant.internal",
            Reason.CLUSTER_DOMAIN_MISMATCH,
            ["cluster's domain is cluster.local"],
        ),
    ],
)
def test_a_full_name_of_elsewhere(name: str, reason: Reason, words: list[str]) -> None:
    finding = problem(chart({NAME_VARIABLE: name}, members=LONE), reason)
    assert (finding.repairable, finding.sets) == (True, ((NAME_VARIABLE, FULL),))
    assert not [word for word in words if word not in finding.message]


@pytest.mark.parametrize(
    ("image", "env", "variable", "sets"),
    [
        pytest.param(
            "emqx/emqx:5.8.9", {NAME_VARIABLE: None}, NAME_VARIABLE, FULL, id="5.x asks for localhost"
        ),
        pytest.param(
            "emqx/emqx:4.4.19",
            {OLD_STRATEGY: "dns", STRATEGY: None, OLD_TYPE: "srv", TYPE: None, NAME: "emqx"},
            APP,
            "emqx",
            id="4.x does not start",
        ),
    ],
)
def test_what_is_not_set(image: str, env: dict[str, Any], variable: str, sets: str) -> None:
    finding = problem(chart(env, image=image, members=()), Reason.DNS_SETTING_MISSING)
    assert (finding.sets, finding.field) == (((variable, sets),), f"env/{variable}")


# --- the record type

BY_4X = {OLD_STRATEGY: "dns", STRATEGY: None, OLD_TYPE: "srv", TYPE: None, NAME: "emqx", APP: "emqx"}


@pytest.mark.parametrize(
    ("version", "told"),
    [("4.0.0", True), ("4.2.14", True), ("4.3.22", True), ("4.4.0", False), ("4.4.19", False)],
)
def test_before_4_4_there_are_only_a_records(version: str, *, told: bool) -> None:
    case = chart(BY_4X, image=f"emqx/emqx:{version}", members=())
    found = [f for f in configuration.problems(case) if f.reason is Reason.RECORD_TYPE_UNSUITABLE]
    assert [("has no other" in f.message, f.sets) for f in found] == [(True, ())] * told


def test_before_4_4_a_record_type_does_no_harm_where_names_are_addresses() -> None:
    case = deployed(BY_4X, image="emqx/emqx:4.3.22", members=())
    assert configuration.problems(case) == ()


@pytest.mark.parametrize(
    ("case", "kind", "words"),
    [
        pytest.param(
            chart({TYPE: None}, members=()), "srv", [HOST, "does not start"], id="a with host names"
        ),
        pytest.param(
            chart({TYPE: None}, members=(), image="emqx/emqx:5.5.1"), "srv", ["never meet"], id="before 5.6"
        ),
        pytest.param(chart({HOST: POD_IP}, members=()), "a", [HOST, "srv"], id="srv with addresses"),
        pytest.param(
            deployed({TYPE: "srv"}, members=()), "a", ["Deployment", "srv"], id="srv of a Deployment"
        ),
        pytest.param(
            chart({HOST: None}, members=(), service_name="other"),
            "a",
            ["serviceName is other"],
            id="another Service",
        ),
        pytest.param(
            chart({TYPE: "SRV"}, members=()), "srv", ['"SRV"', "does not start"], id="no type at all"
        ),
    ],
)
def test_a_record_type_that_leads_to_nobody(case: Case, kind: str, words: list[str]) -> None:
    finding = problem(case, Reason.RECORD_TYPE_UNSUITABLE)
    assert (finding.sets, finding.repairable) == (((TYPE, kind),), False)
    assert not [word for word in words if word not in finding.message], finding.message


def test_a_subdomain_names_the_pods_of_a_deployment_and_gives_them_no_records() -> None:
    [finding] = configuration.problems(deployed({TYPE: "srv"}, subdomain="emqx", members=()))
    words = [f"emqx@<pod>.{FULL}", f"emqx@<pod IP with dashes>.{FULL}", "never meet"]
    tells(finding, (Status.FALSE, Reason.HOST_PART_MISMATCH), *words)
    assert "since" not in finding.message


SMALL = "EMQX_cluster__dns__name"


@pytest.mark.parametrize(
    ("env", "sets", "words"),
    [
        pytest.param(
            {NAME_VARIABLE: f"{FULL} "},
            {NAME_VARIABLE: FULL},
            [f"{NAME_VARIABLE} in env is exactly {FULL}"],
            id="a space after the name",
        ),
        pytest.param(
            {NAME_VARIABLE: f"{FULL}."},
            {NAME_VARIABLE: FULL},
            [f"emqx@<pod>.{FULL}., and"],
            id="a dot after it, which becomes a part of the node's name",
        ),
        pytest.param(
            {TYPE: "srv "},
            {TYPE: "srv"},
            [f"{TYPE} in env is exactly srv (it is 'srv ')"],
            id="after the type",
        ),
        pytest.param({TYPE: '"srv"'}, {TYPE: "srv"}, [f"{TYPE} in env is exactly srv"], id="quotes"),
        pytest.param(
            {STRATEGY: "dns "},
            {STRATEGY: "dns"},
            [f"{STRATEGY} in env is exactly dns"],
            id="after the strategy",
        ),
        pytest.param(
            {NAME_VARIABLE: None, SMALL: FULL},
            {NAME_VARIABLE: FULL},
            [f"{NAME_VARIABLE} is in env, in these letters", f"in place of {SMALL}"],
            id="small letters",
        ),
    ],
)
def test_what_emqx_does_not_mind_names_no_node_after_dns(
    env: dict[str, Any], sets: dict[str, str], words: list[str]
) -> None:
    by_image = {HOST: None, "POD_NAME": None}
    [finding] = [f for f in configuration.problems(chart({**by_image, **env}, members=())) if f.bad]
    assert finding.reason in {Reason.RECORD_TYPE_UNSUITABLE, Reason.HOST_PART_MISMATCH}
    assert dict(finding.sets) == sets
    assert not [word for word in words if word not in finding.message], finding.message
    gone = {SMALL: None} if SMALL in env else {}
    assert not configuration.problems(chart({**by_image, **env, **gone, **sets}, members=()))


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({TYPE: "SRV"}, id="a type that EMQX refuses"),
        pytest.param({NAME_VARIABLE: "emqx"}, id="a short name"),
        pytest.param({NAME_VARIABLE: None}, id="no name"),
    ],
)
def test_what_another_finding_puts_right_is_told_once(env: dict[str, Any]) -> None:
    found = configuration.problems(chart({HOST: None, "POD_NAME": None, **env}, members=()))
    assert [f.message for f in found if "looks at env alone" in f.message] == []
    assert len(found) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7"])
def test_a_single_node_may_have_any_address(host: str) -> None:
    assert configuration.problems(deployed({HOST: host}, replicas=1, members=())) == ()


def test_the_type_by_the_variable_of_4x() -> None:
    case = chart(
        {TYPE: None, OLD_TYPE: "srv", HOST: None, LONG_NODE_NAME: f"emqx@$(POD_NAME).{FULL}"}, members=()
    )
    found = configuration.problems(case)
    assert [f.reason for f in found] == [Reason.VARIABLE_OF_OTHER_VERSION]
    assert found[0].sets == ((TYPE, "srv"),)


def test_members_that_are_called_otherwise_than_the_manifest_lets_expect_are_believed() -> None:
    """An image may name its nodes in its own way."""
    assert configuration.problems(chart({HOST: POD_IP})) == ()


def test_where_names_could_not_be_read_nothing_is_certain() -> None:
    unread = members("0 1 2", identity=NOT_READ, node=None)
    found = configuration.problems(chart({HOST: POD_IP}, members=unread))
    assert [(f.status, f.reason) for f in found] == [(Status.UNKNOWN, Reason.PROBE_FAILED)]


# --- the Service and its records


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        pytest.param(
            deployed(service=replace(HEADLESS, headless=False)), Reason.SERVICE_NOT_HEADLESS, id="a ClusterIP"
        ),
        pytest.param(
            chart(service=replace(HEADLESS, ports=())), Reason.SERVICE_WITHOUT_PORTS, id="srv, no ports"
        ),
        pytest.param(chart(service=None), Reason.SERVICE_NOT_FOUND, id="no such Service"),
    ],
)
def test_a_service_whose_records_lead_nowhere(case: Case, reason: Reason) -> None:
    finding = judge(case, ConditionType.DISCOVERY_READY)
    assert (finding.status, finding.reason) == (Status.FALSE, reason)


def test_a_records_need_no_ports() -> None:
    assert not judge(deployed(service=replace(HEADLESS, ports=())), ConditionType.DISCOVERY_READY).bad


def test_records_that_name_another() -> None:
    network = Network(
        {ABSOLUTE: answer("10.244.0.100")}, peers=answer("10-244-0-100.emqx.iot.svc.cluster.local")
    )
    finding = judge(chart(network=network), ConditionType.DISCOVERY_READY)
    tells(finding, (Status.FALSE, Reason.NODE_NAME_MISMATCH), "10-244-0-100", "emqx-0", FULL)


def test_an_answer_that_may_merely_be_old_proves_nothing() -> None:
    network = Network({ABSOLUTE: answer("10.244.0.100")}, peers=answer(*HOSTS[:2]))
    young = changed(members("0 1 2", lookups={ABSOLUTE: ("10.244.0.100",)}), "2", running_since=ago(20))
    finding = judge(chart(network=network, members=young), ConditionType.DISCOVERY_READY)
    tells(finding, (Status.UNKNOWN, Reason.NODES_STARTING), "may be older", "5 s")


# --- the name in the pods


def lost(outcome: DNSOutcome, **facts: Any) -> Finding:
    network = Network({ABSOLUTE: answer(outcome=outcome)}, peers=answer(outcome=outcome), **facts)
    group = members("0 1 2", lookups={ABSOLUTE: ()})
    return judge(chart(network=network, members=group), ConditionType.DNS_HEALTHY)


def test_a_name_that_no_pod_resolves() -> None:
    tells(lost(DNSOutcome.NXDOMAIN), (Status.FALSE, Reason.NAME_NOT_FOUND), FULL, "NXDOMAIN", "says nothing")


def test_the_policy_of_the_pods() -> None:
    case = chart(members=members("0 1 2", lookups={ABSOLUTE: ()}), dns_policy="Default")
    finding = judge(case, ConditionType.DNS_HEALTHY)
    tells(finding, (Status.FALSE, Reason.DNS_POLICY_UNSUITABLE), FULL)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param(
            {"members": members("0 1 2", lookups={ABSOLUTE: NOT_READ})}, Reason.PROBE_FAILED, id="unread"
        ),
        pytest.param({"members": Unobserved("timeout")}, Reason.PROBE_FAILED, id="no list of pods"),
        pytest.param({"members": ()}, Reason.INITIALIZING, id="no pod yet"),
        pytest.param(
            {"members": members("0 1 2", lookups={ABSOLUTE: ()}), "service": None, "endpoints": None},
            Reason.PROBE_FAILED,
            id="no Service, so no name",
        ),
        pytest.param(
            {"members": members("0 1 2", lookups={ABSOLUTE: ()}, pod=a_pod("0", running_since=ago(5)))},
            Reason.NEGATIVE_ANSWER_RECENT,
            id="too young",
        ),
    ],
)
def test_unknown_whether_it_resolves(facts: dict[str, Any], reason: Reason) -> None:
    finding = judge(chart(**facts), ConditionType.DNS_HEALTHY)
    assert (finding.status, finding.reason) == (Status.UNKNOWN, reason)


# --- repair


def test_a_short_name_takes_one_rollout_and_no_rights() -> None:
    plan = plan_of(chart({NAME_VARIABLE: "emqx"}, members=LONE, min_ready_seconds=0))
    assert outline(plan)[-2:] == ["PatchWorkload StatefulSet/emqx", "AwaitRollout StatefulSet/emqx"]
    assert not [step for step in outline(plan) if "Role" in step or "ServiceAccount" in step]


@pytest.mark.parametrize(
    ("peers", "word"),
    [
        pytest.param(NOT_READ, "not known", id="DNS could not be asked"),
        pytest.param(answer(outcome=DNSOutcome.NXDOMAIN), "NXDOMAIN", id="DNS does not know the name"),
        pytest.param(answer(*HOSTS[:2]), "emqx-2", id="a member is not in the answer"),
    ],
)
def test_no_rollout_before_dns_leads_to_every_member(peers: Any, word: str) -> None:
    network = Network({ABSOLUTE: answer("10.244.0.100")}, peers=peers)
    gathered = members("0 1 2", lookups={ABSOLUTE: ("10.244.0.100",)})
    plan = plan_of(chart({NAME_VARIABLE: "emqx"}, members=gathered, network=network))
    assert plan.hold is not None
    assert word in plan.hold.message
    assert plan.now == ()


def test_a_restart_is_not_safe_without_min_ready_seconds() -> None:
    assert (
        judge(chart(min_ready_seconds=0), ConditionType.ROLLOUT_SAFE).reason
        is Reason.MIN_READY_SECONDS_TOO_LOW
    )


# --- strategy static


@pytest.mark.parametrize(
    ("kind", "env", "fits"),
    [
        pytest.param(
            WorkloadKind.STATEFUL_SET, {HOST: f"$(POD_NAME).{FULL}"}, True, id="host names of a StatefulSet"
        ),
        pytest.param(WorkloadKind.STATEFUL_SET, {}, False, id="named by address"),
        pytest.param(
            WorkloadKind.DEPLOYMENT, {HOST: f"$(POD_NAME).{FULL}"}, False, id="pods of a Deployment"
        ),
    ],
)
def test_seeds_against_the_names_that_pods_have(
    kind: WorkloadKind, env: dict[str, Any], *, fits: bool
) -> None:
    given = {
        STRATEGY: "static",
        "EMQX_CLUSTER__STATIC__SEEDS": f"emqx@emqx-0.{FULL},emqx@emqx-1.{FULL}",
        "POD_NAME": POD_NAME,
        **env,
    }
    found = [f.reason for f in configuration.problems(a_case(kind=kind, env=given, members=()))]
    assert found == ([] if fits else [Reason.SEEDS_UNSUITABLE])


@pytest.mark.parametrize(
    ("name", "status"),
    [
        pytest.param(None, Status.FALSE, id="unset: a Service's has to be set, which the node does not know"),
        pytest.param(
            EnvVar(NAME_VARIABLE, None, {"secretKeyRef": {"name": "s", "key": "k"}}),
            Status.UNKNOWN,
            id="in a Secret: the node may know it",
        ),
    ],
)
def test_before_any_pod_runs_the_policy_is_judged_where_the_name_is_certainly_a_services(
    name: EnvVar | None, status: Status
) -> None:
    case = chart({NAME_VARIABLE: name}, members=(), dns_policy="Default")
    assert judge(case, ConditionType.DNS_HEALTHY).status is status
