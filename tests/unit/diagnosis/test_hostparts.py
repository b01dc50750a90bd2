"""The host in the nodes' own names against the one under which discovery looks for them, by the manifest alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from builders import NOT_READ, a_case, members
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, configuration
from emqx_autocluster.emqx.discovery import (
    ADDRESS_TYPE,
    HOST,
    LONG_NODE_NAME,
    NAMESPACE,
    NODE_NAME,
    SERVICE_NAME,
    SUFFIX,
)
from emqx_autocluster.objects import template
from emqx_autocluster.observation import Container, EnvFrom, EnvVar, WorkloadKind

STATEFUL, DEPLOYMENT = WorkloadKind.STATEFUL_SET, WorkloadKind.DEPLOYMENT
STRATEGY = "EMQX_CLUSTER__DISCOVERY_STRATEGY"
POD_NAME = EnvVar("POD_NAME", None, {"fieldRef": {"fieldPath": "metadata.name"}})
POD_IP = EnvVar("POD_IP", None, {"fieldRef": {"fieldPath": "status.podIP"}})
FULL = "$(POD_NAME).emqx.iot.svc.cluster.local"
IP_HOST = {"POD_IP": POD_IP, HOST: "$(POD_IP)"}
NAME_HOST = {"POD_NAME": POD_NAME, HOST: FULL}

Env = Mapping[str, str | EnvVar | None]


def unstarted(kind: WorkloadKind, env: Env, **facts: Any) -> Case:
    """No pod runs yet: what is told then follows from the manifest."""
    return a_case(kind=kind, env=dict(env), **{"members": (), **facts})


def told(case: Case) -> list[Finding]:
    return [f for f in configuration.problems(case) if f.status is Status.FALSE]


@pytest.mark.parametrize(
    ("kind", "env", "sets", "words"),
    [
        pytest.param(
            STATEFUL,
            IP_HOST,
            {ADDRESS_TYPE: "ip"},
            [HOST, "emqx@<pod IP>", "hostname"],
            id="an address, by hostname",
        ),
        pytest.param(
            STATEFUL,
            {**NAME_HOST, ADDRESS_TYPE: "ip", SUFFIX: None},
            {ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local"},
            [HOST, "emqx@<pod>.emqx.iot.svc.cluster.local", "type ip"],
            id="a name, by ip",
        ),
        pytest.param(
            STATEFUL,
            {**NAME_HOST, SUFFIX: "svc.plant.internal"},
            {},
            [
                HOST,
                "if cluster.local is the cluster's domain",
                f"{SUFFIX}=svc.cluster.local",
                f"else let {HOST} give <pod>.emqx.iot.svc.plant.internal",
            ],
            id="another domain: nobody knows which is right",
        ),
        pytest.param(
            STATEFUL,
            {SUFFIX: "svc.plant.internal."},
            {SUFFIX: "svc.plant.internal"},
            ["looks for emqx@<pod>.emqx.iot.svc.plant.internal. (", "by which every node keeps its name"],
            id="a final dot, which no node has in its name",
        ),
        pytest.param(
            STATEFUL,
            {NAMESPACE: None},
            {NAMESPACE: "iot"},
            [NAMESPACE, "in env", "names"],
            id="no namespace in env",
        ),
        pytest.param(
            STATEFUL,
            {STRATEGY: "k8s "},
            {STRATEGY: "k8s"},
            [f"{STRATEGY} in env is exactly k8s (it is 'k8s ')"],
            id="a space, which EMQX does not mind",
        ),
        pytest.param(
            STATEFUL,
            {ADDRESS_TYPE: '"hostname"'},
            {ADDRESS_TYPE: "hostname"},
            [f"{ADDRESS_TYPE} in env is exactly hostname"],
            id="quotes, which EMQX does not mind",
        ),
        pytest.param(
            DEPLOYMENT,
            {ADDRESS_TYPE: "dns", SUFFIX: "pod.cluster.local ", NAMESPACE: "iot "},
            {SUFFIX: "pod.cluster.local", NAMESPACE: "iot"},
            [f"{SUFFIX} in env is exactly pod.cluster.local", f"{NAMESPACE} in env is exactly iot"],
            id="the same by dns",
        ),
        pytest.param(
            STATEFUL,
            {SUFFIX: None, "EMQX_cluster__k8s__suffix": "svc.plant.internal"},
            {SUFFIX: "svc.plant.internal"},
            [f"{SUFFIX} is in env, in these letters", "in place of EMQX_cluster__k8s__suffix"],
            id="small letters, in which the image looks for nothing",
        ),
        pytest.param(
            DEPLOYMENT,
            {
                "POD_IP": POD_IP,
                LONG_NODE_NAME: "emqx@$(POD_IP)",
                ADDRESS_TYPE: "dns",
                SUFFIX: "pod.cluster.local",
            },
            {ADDRESS_TYPE: "ip"},
            [LONG_NODE_NAME, "<pod IP with dashes>.iot.pod.cluster.local"],
            id="an address, by dns",
        ),
    ],
)
def test_a_host_that_nobody_looks_for(
    kind: WorkloadKind, env: Env, sets: dict[str, str], words: list[str]
) -> None:
    case = unstarted(kind, env)
    [finding] = [f for f in told(case) if f.reason is Reason.HOST_PART_MISMATCH]
    assert (dict(finding.sets), finding.repairable) == (sets, False)
    assert not [word for word in words if word not in finding.message], finding.message


@pytest.mark.parametrize(
    ("kind", "env"),
    [
        pytest.param(STATEFUL, {}, id="by the image itself"),
        pytest.param(STATEFUL, NAME_HOST, id="the same written out"),
        pytest.param(STATEFUL, {"POD_NAME": POD_NAME, NODE_NAME: f"emqx@{FULL}"}, id="as a whole name"),
        pytest.param(DEPLOYMENT, IP_HOST, id="an address, by ip"),
        pytest.param(DEPLOYMENT, {ADDRESS_TYPE: "dns", SUFFIX: "pod.cluster.local"}, id="by dns"),
        pytest.param(STATEFUL, {SUFFIX: "svc.plant.internal"}, id="another domain, for both"),
    ],
)
def test_hosts_that_are_found(kind: WorkloadKind, env: Env) -> None:
    assert told(unstarted(kind, env)) == []


def test_the_cure_that_is_shown_leaves_nothing_wrong() -> None:
    env = {**NAME_HOST, ADDRESS_TYPE: "ip", SUFFIX: None}
    sets = {name: value for finding in told(unstarted(STATEFUL, env)) for name, value in finding.sets}
    assert told(unstarted(STATEFUL, {**env, **sets})) == []


def test_members_that_run_are_believed() -> None:
    assert told(a_case(kind=STATEFUL, env=dict(IP_HOST))) == []


def test_where_their_names_could_not_be_read_nothing_is_certain() -> None:
    unread = members("0 1 2", identity=NOT_READ, node=None)
    found = configuration.problems(a_case(kind=STATEFUL, env=dict(IP_HOST), members=unread))
    assert Reason.HOST_PART_MISMATCH not in {f.reason for f in found}
    assert Status.UNKNOWN in {f.status for f in found}


# --- references


def ordered(*entries: EnvVar) -> Container:
    settings = {
        STRATEGY: "k8s",
        SERVICE_NAME: "emqx",
        NAMESPACE: "iot",
        ADDRESS_TYPE: "hostname",
        SUFFIX: "svc.cluster.local",
    }
    return Container("emqx", "emqx/emqx:5.8.9", (*entries, *(EnvVar(n, v) for n, v in settings.items())))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        pytest.param(
            (EnvVar(HOST, FULL), POD_NAME), ["$(POD_NAME)", "only after it", "move"], id="defined too late"
        ),
        pytest.param((EnvVar(HOST, FULL),), ["$(POD_NAME)", "no entry of env defines"], id="defined nowhere"),
        pytest.param(
            (POD_NAME, EnvVar(HOST, f"${FULL}")),
            [f"{HOST} has $$(POD_NAME)", "literal text $(POD_NAME)", "write it with one $"],
            id="a dollar too many",
        ),
    ],
)
def test_a_reference_that_stays_as_it_stands(entries: tuple[EnvVar, ...], words: list[str]) -> None:
    [finding] = told(unstarted(STATEFUL, {}, containers=(ordered(*entries),)))
    assert (finding.reason, finding.field) == (Reason.NODE_NAME_FIXED, f"env/{HOST}")
    assert not [word for word in words if word not in finding.message], finding.message
    assert "\0" not in finding.message
    assert "podIP" not in finding.message


@pytest.mark.parametrize(
    ("container", "reference"),
    [
        pytest.param(
            Container("emqx", "emqx/emqx:5.8.9", ordered().env, (EnvFrom(secret="s"),)),  # noqa: S106
            "$(OTHER)",
            id="envFrom may define it",
        ),
        pytest.param(ordered(), "$(EMQX_SERVICE_HOST)", id="a variable of a Service"),
    ],
)
def test_a_reference_that_may_be_defined_elsewhere_proves_nothing(
    container: Container, reference: str
) -> None:
    host = Container(
        container.name, container.image, (EnvVar(HOST, reference), *container.env), container.env_from
    )
    assert told(unstarted(STATEFUL, {}, containers=(host,))) == []


# --- what is not judged


@pytest.mark.parametrize(
    ("env", "words"),
    [
        pytest.param({STRATEGY: "etcd"}, "strategy etcd", id="etcd"),
        pytest.param(
            {STRATEGY: "dns", "EMQX_CLUSTER__DNS__NAME": "emqx.example.com"},
            "emqx.example.com",
            id="no Service's name",
        ),
        pytest.param(
            {HOST: EnvVar(HOST, None, {"secretKeyRef": {"name": "s", "key": "k"}})},
            "names",
            id="a name in a Secret",
        ),
    ],
)
def test_what_only_others_know_is_told_as_not_judged(env: Env, words: str) -> None:
    found = [str(gap) for gap in diagnosis.unjudged(unstarted(DEPLOYMENT, env))]
    assert [gap for gap in found if words in gap], found


# --- names in any letter case


def test_a_setting_counts_in_any_letter_case_and_is_put_right_under_its_own_name() -> None:
    small = "EMQX_Cluster__K8s__Address_Type"
    case = unstarted(STATEFUL, {**IP_HOST, ADDRESS_TYPE: None, small: "hostname"})
    [finding] = told(case)
    assert finding.reason is Reason.HOST_PART_MISMATCH
    assert case.container
    assert template.env_change(case.container, ADDRESS_TYPE, "ip").field == f"env/{small}"


def test_two_spellings_of_one_setting_are_not_decided() -> None:
    case = unstarted(STATEFUL, {"EMQX_cluster__k8s__address_type": "ip"})
    assert [(f.status, f.reason) for f in configuration.problems(case)] == [
        (Status.UNKNOWN, Reason.SETTING_UNREADABLE)
    ]


# --- a whole name by a variable that is not read

BY_LONG_NAME = {"POD_NAME": POD_NAME, LONG_NODE_NAME: f"emqx@{FULL}", NAMESPACE: None}
"""Right for a version that reads it. Without the namespace in env the image makes another name by itself."""
IN_VAIN = f"{LONG_NODE_NAME} is set and has no effect"


@pytest.mark.parametrize("image", ["emqx/emqx:5.0.1", "emqx/emqx:5.0.5", "emqx/emqx:5.0.20"])
def test_who_names_nodes_by_a_variable_that_is_not_read_is_told_why_that_does_not_count(image: str) -> None:
    case = unstarted(STATEFUL, BY_LONG_NAME, image=image)
    [finding] = [f for f in told(case) if f.reason is Reason.HOST_PART_MISMATCH]
    assert IN_VAIN in finding.message
    assert NODE_NAME in finding.message.partition(IN_VAIN)[2]
    assert dict(finding.sets) == {NAMESPACE: "iot"}


@pytest.mark.parametrize(
    ("image", "env"),
    [
        pytest.param("emqx/emqx:5.0.20", {LONG_NODE_NAME: None}, id="it is not set"),
        pytest.param("emqx/emqx:5.0.20", {NODE_NAME: "emqx@10.0.0.1"}, id="the one that is read is set, too"),
        pytest.param("emqx/emqx:5.0.20", {HOST: FULL, NAMESPACE: "iot"}, id="the names fit without it"),
        pytest.param("emqx/emqx:5.0.21", {LONG_NODE_NAME: "emqx@10.0.0.1"}, id="it is read, and wrong"),
    ],
)
def test_else_it_is_not_spoken_of(image: str, env: Env) -> None:
    found = told(unstarted(STATEFUL, {**BY_LONG_NAME, **env}, image=image))
    assert not [finding for finding in found if IN_VAIN in finding.message]


def test_a_version_that_reads_it_has_the_right_names() -> None:
    found = told(unstarted(STATEFUL, BY_LONG_NAME, image="emqx/emqx:5.0.21"))
    assert Reason.HOST_PART_MISMATCH not in {finding.reason for finding in found}


@pytest.mark.parametrize(("version", "reads"), [("5.0.1", False), ("5.0.2", True), ("5.0.4", True)])
def test_the_name_of_an_image_tells_the_edition(version: str, reads: bool) -> None:  # noqa: FBT001 - a parameter
    case = unstarted(STATEFUL, BY_LONG_NAME, image=f"emqx/emqx-enterprise:{version}")
    assert (Reason.HOST_PART_MISMATCH not in {finding.reason for finding in told(case)}) == reads
    assert not [gap for gap in configuration.unjudged(case) if "Enterprise since" in gap.missing]


@pytest.mark.parametrize("image", ["emqx/emqx:5.0.3", "registry.example/broker/emqx:5.0.3"])
def test_where_the_editions_differ_the_names_are_not_judged(image: str) -> None:
    case = unstarted(STATEFUL, BY_LONG_NAME, image=image)
    assert Reason.HOST_PART_MISMATCH not in {finding.reason for finding in told(case)}
    assert [gap for gap in configuration.unjudged(case) if "Enterprise since 5.0.2" in gap.missing]
