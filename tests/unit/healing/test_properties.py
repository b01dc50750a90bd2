"""What holds for every case that can be made up: who may act, and that nothing is done on what was not read."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import (
    AT,
    CANONICAL_HOST,
    CERTIFICATE_HOSTS,
    CLUSTER_IP,
    DEAD_PROXY,
    NODE_ONLY_NAME,
    NOT_READ,
    SERVICE_FQDN,
    a_case,
    a_network,
    a_procedure,
    an_attempt,
    an_object,
    an_observation,
    half_joined,
    members,
    plan_of,
    some_rights,
    the_seed_story,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.annotations import PAUSED
from emqx_autocluster.api.findings import Status
from emqx_autocluster.api.v1alpha1 import Rewrite
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import (
    ADDRESS_TYPE,
    API_SERVER,
    APP_NAME,
    NAME,
    NAMESPACE,
    NODE_NAME,
    SERVICE_NAME,
    SUFFIX,
)
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER, DISCOVERY, DISCOVERY_STRATEGY
from emqx_autocluster.healing import Action, Memory
from emqx_autocluster.healing.steps import EnableDiscovery, Evict, ForceLeave, Join, Operation, PatchWorkload
from emqx_autocluster.observation import (
    DNSAnswer,
    DNSOutcome,
    JoinTrace,
    Member,
    Network,
    Observation,
    Rights,
)

GONE = ("emqx@10.244.0.71", "emqx@10.244.0.72")
ADDRESSES = (
    CANONICAL_API_SERVER,
    DEAD_PROXY,
    "nonsense",
    f"https://{NODE_ONLY_NAME}:6443",
    "https://10.0.0.10",
    None,
)
MISTAKES: tuple[dict[str, str | None], ...] = (
    {},
    {},
    {NAMESPACE: "default"},
    {DISCOVERY: "k8s", DISCOVERY_STRATEGY: None},
    {DISCOVERY: None, DISCOVERY_STRATEGY: "k8s"},
    {APP_NAME: None},
    {NAME: "broker", APP_NAME: "emqx"},
    {NODE_NAME: "emqx@10.0.0.1"},
    {ADDRESS_TYPE: "dns", SUFFIX: None},
    {ADDRESS_TYPE: "hostname", DISCOVERY: "k8s", DISCOVERY_STRATEGY: None},
    {SERVICE_NAME: None, "EMQX_CLUSTER__K8S__SERVICENAME": "mine"},
)
RENAME_NOBODY = {API_SERVER, NAMESPACE, DISCOVERY, DISCOVERY_STRATEGY, APP_NAME}
IMAGES = ("emqx/emqx:4.4.19", "emqx/emqx:5.4.1", "emqx/emqx:5.8.9", "emqx/emqx:5.9.0", "emqx/emqx:latest")
TRACES = (JoinTrace(None, listening_again=False), JoinTrace(AT.replace(hour=11), listening_again=False))

TOUCHES_MEMBERS = (Join, EnableDiscovery, Evict, ForceLeave, PatchWorkload)

flags = st.booleans()


@st.composite
def groups(draw: st.DrawFn) -> tuple[Member, ...]:
    """Three members in any grouping, some of them not as they should be; at most one stopped for a join."""
    stopped = draw(st.sampled_from([None, "emqx-a", "emqx-c"]))
    islands = draw(st.sampled_from([("a b c",), ("a b", "c"), ("a", "b", "c"), ("a c", "b")]))
    resolves = {CANONICAL_HOST: (CLUSTER_IP,), NODE_ONLY_NAME: ("10.0.0.10",)}
    found = members(*islands, stopped=draw(st.sampled_from([(), GONE])))
    return tuple(
        replace(
            member,
            lookups={name: draw(st.sampled_from([answer, ()])) for name, answer in resolves.items()},
            join_trace=TRACES[member.pod.name == stopped],
            pod=replace(member.pod, ready=draw(st.sampled_from([True, True, True, False]))),
        )
        for member in found
    )


@st.composite
def observed(
    draw: st.DrawFn, mode: str = "Repair", annotations: Mapping[str, str] | None = None
) -> Observation:
    account = draw(st.sampled_from(["default", "emqx"]))
    objects = st.sampled_from([None, an_object("emqx-discovery", ours=True), an_object("emqx-discovery")])
    rights = some_rights(
        service_account=an_object(account),
        dedicated_account=draw(objects),
        role=draw(objects),
        role_binding=draw(objects),
        allowed=draw(flags),
        dedicated_allowed=draw(flags),
        other_bindings=draw(st.sampled_from([(), ("backup",)])),
    )
    dns = DNSAnswer(SERVICE_FQDN, draw(st.sampled_from(DNSOutcome)), (CLUSTER_IP,))
    return an_observation(
        mode=mode,
        annotations=annotations or {},
        image=draw(st.sampled_from(IMAGES)),
        env={API_SERVER: draw(st.sampled_from(ADDRESSES)), **draw(st.sampled_from(MISTAKES))},
        service_account=account,
        automount_token=draw(st.sampled_from([None, False])),
        dns_policy=draw(st.sampled_from(["ClusterFirst", "Default"])),
        min_ready_seconds=draw(st.sampled_from([0, 20])),
        updated_replicas=draw(st.sampled_from([3, 3, 1])),
        paused=draw(flags),
        members=draw(groups()),
        rights=rights,
        network=a_network(dns={SERVICE_FQDN: dns}, certificate_hosts=CERTIFICATE_HOSTS),
    )


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    tried = st.builds(
        an_attempt,
        st.sampled_from([Action.JOIN_CLUSTER, Action.ENABLE_DISCOVERY]),
        st.sampled_from(["Pod/emqx-b", "Pod/emqx-c"]),
        count=st.integers(1, 2),
        seconds=st.sampled_from([10, 100]),
    )
    procedure = a_procedure("a", "b", "c", x=GONE[0], attempts=draw(st.lists(tried, max_size=2)))
    rewrites = draw(st.sampled_from([(), (Rewrite(value=DEAD_PROXY, time=AT),) * 2]))
    return Memory(draw(st.sampled_from([None, procedure])), rewrites, undone=draw(flags))


def judged(observation: Observation) -> Case:
    return a_case(observation)


# --- who may act


@given(observed(mode="Observe"), memories())
def test_observe_never_acts(observation: Observation, memory: Memory) -> None:
    assert plan_of(judged(observation), memory).now == ()


@given(observed(annotations={PAUSED: "true"}), memories())
def test_a_paused_workload_is_never_touched(observation: Observation, memory: Memory) -> None:
    assert plan_of(judged(observation), memory).now == ()


@given(observed(mode="Rpair"), memories())
def test_a_misspelt_mode_changes_nothing(observation: Observation, memory: Memory) -> None:
    assert plan_of(judged(observation), memory).now == ()


@given(observed(), memories())
def test_at_most_one_step_at_a_time_interrupts_anybody(observation: Observation, memory: Memory) -> None:
    taken = plan_of(judged(observation), memory).now
    assert sum(isinstance(step.operation, TOUCHES_MEMBERS) for step in taken) <= 1


@given(observed(), memories())
def test_only_recorded_names_that_no_pod_has_are_removed(observation: Observation, memory: Memory) -> None:
    removed = {
        node
        for s in plan_of(judged(observation), memory).now
        if isinstance(s.operation, ForceLeave)
        for node in s.operation.nodes
    }
    assert removed <= {GONE[0]}


@given(observed(), memories())
def test_a_member_that_is_not_ready_joins_only_with_evidence_from_its_log(
    observation: Observation, memory: Memory
) -> None:
    proven = {m.pod.name for m in observation.each_member() if m.pod.ready or m.join_trace == TRACES[1]}
    joined = {
        s.operation.pod for s in plan_of(judged(observation), memory).now if isinstance(s.operation, Join)
    }
    assert joined <= proven


@given(observed(), memories())
def test_no_variable_is_set_that_gives_a_node_another_name(observation: Observation, memory: Memory) -> None:
    for step in plan_of(judged(observation), memory).now:
        if isinstance(step.operation, PatchWorkload):
            pod = step.operation.body["spec"].get("template", {}).get("spec", {})
            entries = [entry for container in pod.get("containers", ()) for entry in container["env"]]
            assert {entry["name"] for entry in entries} <= RENAME_NOBODY
            assert {e["value"] for e in entries if e["name"] == APP_NAME} <= {"emqx"}, (
                "as the nodes are called"
            )


# --- nothing is concluded from what was not read


def blinded(observation: Observation) -> Iterator[tuple[str, Observation]]:
    """The same observation for each fact that might not have been read."""
    for name in ("members", "service", "endpoints"):
        yield name, replace(observation, **{name: NOT_READ})  # type: ignore[arg-type]
    for name in observation.config_maps:
        yield (
            f"ConfigMap {name}",
            replace(observation, config_maps={**observation.config_maps, name: NOT_READ}),
        )
    if observation.rights:
        for field in fields(Rights):
            unread = replace(observation.rights, **{field.name: NOT_READ})
            yield f"rights.{field.name}", replace(observation, rights=unread)
    yield from _blinded_network(observation, observation.network)
    yield from _blinded_members(observation)


def _blinded_network(observation: Observation, network: Network) -> Iterator[tuple[str, Observation]]:
    yield "certificate", replace(observation, network=replace(network, certificate_hosts=NOT_READ))
    for name in network.dns:
        unread = replace(network, dns={**network.dns, name: NOT_READ})
        yield f"DNS {name}", replace(observation, network=unread)


MEMBER_FACTS = ("identity", "view", "connections", "join_trace", "lookups")


def _blinded_members(observation: Observation) -> Iterator[tuple[str, Observation]]:
    group = tuple(observation.each_member())
    for fact in MEMBER_FACTS:
        each = tuple(_blinded_member(member, fact) for member in group)
        yield f"{fact} of all", replace(observation, members=each)
        for i, member in enumerate(each):
            one = (*group[:i], member, *group[i + 1 :])
            yield f"{fact} of {member.pod.name}", replace(observation, members=one)


def _blinded_member(member: Member, fact: str) -> Member:
    value: Any = dict.fromkeys(member.lookups, NOT_READ) if fact == "lookups" else NOT_READ
    return replace(member, **{fact: value})


EACH_FACT = settings(max_examples=settings().max_examples * 3 // 10)
"""Each example is judged once for each of its facts."""


@EACH_FACT
@given(observed())
def test_no_finding_becomes_false_because_a_fact_was_not_read(observation: Observation) -> None:
    before = diagnosis.diagnose(judged(observation))
    for fact, unread in blinded(observation):
        for kind, finding in diagnosis.diagnose(judged(unread)).items():
            if finding.status is Status.FALSE:
                assert before[kind].status is Status.FALSE, (fact, before[kind], finding)


@EACH_FACT
@given(observed(), memories())
def test_no_member_is_touched_because_a_fact_was_not_read(observation: Observation, memory: Memory) -> None:
    plan = plan_of(judged(observation), memory)
    touched = {step.subject for step in plan.steps if step.operation} if plan.now else set()
    for fact, unread in blinded(observation):
        for step in plan_of(judged(unread), memory).now:
            if _touches_members(step.operation) and not _is_independent(step.operation, fact, unread):
                assert step.subject in touched, (fact, step.action, touched)


def _touches_members(operation: Operation | None) -> bool:
    if isinstance(operation, PatchWorkload):
        return operation.rolls
    return isinstance(operation, TOUCHES_MEMBERS)


def _is_independent(operation: Operation | None, fact: str, observation: Observation) -> bool:
    """Whether the step needs nothing of this fact, and only had to wait for another one that does."""
    if isinstance(operation, ForceLeave):
        return not fact.startswith(("view", "members"))  # the members' views alone say whose name is gone
    if isinstance(operation, Join | EnableDiscovery):
        ready = {m.pod.name for m in observation.each_member() if m.pod.ready}
        # A missing ServiceAccount is made first, since no pod can be; whether it is there does not matter to a join.
        free = fact.startswith(("DNS", "rights.service_account"))
        return free or (fact.startswith("join_trace") and operation.pod in ready)
    return False


# --- the facts that each action needs

WHOLE = {"members": members("a b c"), "unreachable": DEAD_PROXY}
APART = a_case(env={API_SERVER: DEAD_PROXY}, members=members("a", "b", "c"))
OLD_NAMES = a_case(members=members("a b c", stopped=GONE))
HALF = a_case(members=half_joined(members("a b c"), "c"))
SWITCH = the_seed_story(
    **WHOLE,
    rights=some_rights(
        service_account=an_object("default"),
        dedicated_account=an_object("emqx-discovery", ours=True),
        role=None,
        allowed=False,
        dedicated_allowed=True,
    ),
)
ADDRESS = a_case(env={API_SERVER: "nonsense"})
OF_ALL = [f"{fact} of {who}" for fact in ("view",) for who in ("all", "emqx-a", "emqx-b", "emqx-c")]
REPAIR = Memory(a_procedure("a", "b", "c", x=GONE[0]))


@pytest.mark.parametrize(
    ("case", "memory", "action", "needed"),
    [
        pytest.param(
            APART,
            Memory(),
            Action.JOIN_CLUSTER,
            ["members", *OF_ALL, "connections of emqx-b"],
            id="JoinCluster",
        ),
        pytest.param(
            SWITCH,
            Memory(),
            Action.CREATE_ROLE,
            [
                "members",
                *OF_ALL,
                "rights.allowed",
                "rights.role",
                "rights.role_binding",
                "rights.service_account",
            ],
            id="CreateRole",
        ),
        pytest.param(
            ADDRESS,
            Memory(),
            Action.PATCH_WORKLOAD,
            [
                "members",
                *OF_ALL,
                "service",
                "endpoints",
                "certificate",
                f"DNS {SERVICE_FQDN}",
                "rights.allowed",
                "rights.service_account",
                "lookups of emqx-b",
            ],
            id="PatchWorkload",
        ),
        pytest.param(OLD_NAMES, REPAIR, Action.FORCE_LEAVE, ["members", *OF_ALL], id="ForceLeave"),
        pytest.param(
            HALF, REPAIR, Action.ENABLE_DISCOVERY, ["members", "join_trace of emqx-c"], id="EnableDiscovery"
        ),
    ],
)
def test_an_action_is_not_taken_while_a_fact_that_it_needs_is_unknown(
    case: Case, memory: Memory, action: Action, needed: list[str]
) -> None:
    assert action in [step.action for step in plan_of(case, memory).now]
    unread = dict(blinded(case.observation))
    for fact in needed:
        plan = plan_of(a_case(unread[fact], unreachable=case.unreachable), memory)
        assert action not in [step.action for step in plan.now], fact
