"""Names that change with each restart, on a volume that stays: of any strategy, and of a single node as well."""

from typing import Any

import pytest

from builders import STRATEGY, a_case, judge, members, tells
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis import configuration, rollout
from emqx_autocluster.emqx.discovery import (
    ADDRESS_TYPE,
    DNS_NAME,
    HOST,
    LONG_NODE_NAME,
    NAME,
    NAMESPACE,
    SERVICE_NAME,
    SUFFIX,
)
from emqx_autocluster.observation import EnvVar, Unobserved, WorkloadKind

OLD_IMAGE = "emqx/emqx:4.4.19"
DEPLOYMENT, STATEFUL = WorkloadKind.DEPLOYMENT, WorkloadKind.STATEFUL_SET
RECORD_TYPE = "EMQX_CLUSTER__DNS__RECORD_TYPE"
POD_IP = EnvVar("POD_IP", None, {"fieldRef": {"fieldPath": "status.podIP"}})
POD_NAME = EnvVar("POD_NAME", None, {"fieldRef": {"fieldPath": "metadata.name"}})
SERVICE = "emqx.iot.svc.cluster.local"
BY_POD = f"$(POD_NAME).{SERVICE}"
ON_A_CLAIM: dict[str, Any] = {
    "kind": STATEFUL,
    "env": {ADDRESS_TYPE: "ip", SUFFIX: None},
    "claim_templates": ("data",),
    "mounts": {"/opt/emqx/data": "data"},
    "members": members("a b c"),
}


def on_a_claim(**facts: Any) -> list[Finding]:
    env = {**ON_A_CLAIM["env"], **facts.pop("env", {})}
    found = rollout.problems(a_case(**{**ON_A_CLAIM, "members": (), **facts, "env": env}))
    return [finding for finding in found if finding.reason is Reason.NODE_NAME_NOT_STABLE]


def test_nodes_named_by_address_do_not_find_the_data_that_stays() -> None:
    finding = judge(a_case(**ON_A_CLAIM), ConditionType.ROLLOUT_SAFE)
    words = [
        "named after the pods' addresses (emqx@10.",
        "outlives the pod",
        "empty node",
        "stale",
        ADDRESS_TYPE,
    ]
    tells(finding, (Status.FALSE, Reason.NODE_NAME_NOT_STABLE), *words)
    assert not finding.repairable


def test_it_does_not_hide_what_repair_can_put_right() -> None:
    case = a_case(**{**ON_A_CLAIM, "min_ready_seconds": 0})
    finding = judge(case, ConditionType.ROLLOUT_SAFE)
    tells(finding, (Status.FALSE, Reason.NODE_NAME_NOT_STABLE), "minReadySeconds is 0", "empty node")
    assert finding.repairable
    told = {f.reason for f in diagnosis.problems(case, diagnosis.diagnose(case))}
    assert {Reason.MIN_READY_SECONDS_TOO_LOW, Reason.NODE_NAME_NOT_STABLE} <= told


@pytest.mark.parametrize(
    ("facts", "unstable"),
    [
        pytest.param({}, True, id="before any pod runs: by its settings"),
        pytest.param({"mounts": {"/opt/emqx/data/mnesia": "data"}}, True, id="the tables alone"),
        pytest.param({"replicas": 1, "members": members("a")}, True, id="a single member loses them as well"),
        pytest.param({"replicas": 1}, True, id="and a single one that does not run yet"),
        pytest.param({"members": members("0 1 2")}, False, id="nodes are named by host after all"),
        pytest.param({"env": {HOST: "$(POD).emqx"}}, False, id="a host is given"),
        pytest.param({"mounts": {"/opt/emqx/data/certs": "data"}}, False, id="other data"),
        pytest.param({"claim_templates": (), "volumes": {"data": "emptyDir"}}, False, id="emptyDir"),
        pytest.param({"env": {STRATEGY: "dns"}}, True, id="looked for by DNS"),
        pytest.param({"env": {STRATEGY: "manual"}}, True, id="not looked for at all"),
        pytest.param({"env": {STRATEGY: "static"}}, True, id="named by others"),
        pytest.param(
            {"env": {ADDRESS_TYPE: "dns", SUFFIX: "pod.cluster.local"}}, True, id="an address with dashes"
        ),
        pytest.param(
            {"env": {ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local"}}, False, id="by host name"
        ),
        pytest.param(
            {"env": {"POD_IP": POD_IP, LONG_NODE_NAME: "emqx-$(POD_IP)@emqx.local"}},
            True,
            id="an address before the @",
        ),
        pytest.param(
            {"env": {"POD_NAME": POD_NAME, HOST: BY_POD}}, False, id="a StatefulSet's pods keep theirs"
        ),
        pytest.param(
            {"kind": DEPLOYMENT, "env": {"POD_NAME": POD_NAME, HOST: BY_POD}},
            True,
            id="a Deployment's pods do not",
        ),
        pytest.param(
            {"kind": DEPLOYMENT, "image": OLD_IMAGE, "env": {NAME: None, HOST: "127.0.0.1"}},
            True,
            id="nor what stands before the @ on 4.x, by default",
        ),
        pytest.param(
            {"kind": DEPLOYMENT, "image": OLD_IMAGE, "env": {NAME: "emqx", HOST: "127.0.0.1"}},
            False,
            id="one name on 4.x",
        ),
        pytest.param({"members": Unobserved("a command of its own")}, False, id="what else may name them"),
    ],
)
def test_when_names_and_data_do_not_fit(facts: dict[str, Any], *, unstable: bool) -> None:
    assert bool(on_a_claim(**facts)) == unstable


def test_what_else_may_name_them_leaves_it_not_judged() -> None:
    case = a_case(**{**ON_A_CLAIM, "members": Unobserved("a command of its own")})
    assert [gap for gap in diagnosis.unjudged(case) if "a restart renames" in str(gap)]


@pytest.mark.parametrize(
    ("facts", "sets", "not_told"),
    [
        pytest.param(
            {},
            {ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local"},
            [HOST, SERVICE_NAME, NAMESPACE],
            id="the image names them",
        ),
        pytest.param(
            {"env": {NAMESPACE: None, SERVICE_NAME: "other"}},
            {
                ADDRESS_TYPE: "hostname",
                SUFFIX: "svc.cluster.local",
                NAMESPACE: "iot",
                SERVICE_NAME: "emqx",
            },
            [HOST],
            id="the image has to find more, and discovery another Service",
        ),
        pytest.param(
            {"env": {"POD_IP": POD_IP, HOST: "$(POD_IP)"}},
            {HOST: BY_POD, ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local"},
            [],
            id="EMQX_HOST does",
        ),
        pytest.param(
            {"env": {"POD_IP": POD_IP, LONG_NODE_NAME: "mqtt@$(POD_IP)"}},
            {LONG_NODE_NAME: f"mqtt@{BY_POD}", ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local"},
            [f"{HOST}="],
            id="a whole name does",
        ),
        pytest.param(
            {"env": {"POD_IP": POD_IP, "POD_NAME": POD_NAME, LONG_NODE_NAME: "$(POD_NAME)@$(POD_IP)"}},
            {LONG_NODE_NAME: f"$(POD_NAME)@{BY_POD}"},
            ["<pod>"],
            id="a whole name with the pod's in it",
        ),
        pytest.param(
            {"env": {"POD_IP": POD_IP, LONG_NODE_NAME: "emqx-$(POD_IP)@emqx.local"}},
            {LONG_NODE_NAME: f"emqx@{BY_POD}"},
            ["<pod"],
            id="a whole name with an address before the @",
        ),
        pytest.param(
            {"env": {STRATEGY: "dns", DNS_NAME: SERVICE, RECORD_TYPE: "a"}},
            {RECORD_TYPE: "srv"},
            [HOST, DNS_NAME, ADDRESS_TYPE],
            id="strategy dns",
        ),
        pytest.param(
            {"env": {STRATEGY: "dns", DNS_NAME: SERVICE, "POD_IP": POD_IP, HOST: "$(POD_IP)"}},
            {HOST: BY_POD, RECORD_TYPE: "srv"},
            [DNS_NAME, ADDRESS_TYPE],
            id="strategy dns, and EMQX_HOST",
        ),
        pytest.param(
            {"env": {STRATEGY: "etcd"}},
            {HOST: BY_POD},
            [ADDRESS_TYPE, SUFFIX],
            id="another strategy, by which the image names nobody",
        ),
        pytest.param(
            {"kind": DEPLOYMENT, "replicas": 1}, {HOST: "127.0.0.1"}, [NAME, "StatefulSet"], id="a single pod"
        ),
        pytest.param(
            {"kind": DEPLOYMENT, "replicas": 1, "image": OLD_IMAGE, "env": {NAME: None}},
            {HOST: "127.0.0.1", NAME: "emqx"},
            [],
            id="a single pod of 4.x",
        ),
        pytest.param(
            {"kind": DEPLOYMENT, "replicas": 1, "image": OLD_IMAGE, "env": {NAME: None, HOST: "h.x"}},
            {NAME: "emqx"},
            [f"{HOST}="],
            id="whose host stays",
        ),
        pytest.param({"kind": DEPLOYMENT}, {}, ["="], id="a Deployment of several"),
    ],
)
def test_the_cure_is_of_what_names_the_nodes(
    facts: dict[str, Any], sets: dict[str, str], not_told: list[str]
) -> None:
    [finding] = on_a_claim(**facts)
    cure = finding.message.rpartition("nobody reads; ")[2]
    assert not [f"{name}={value}" for name, value in sets.items() if f"{name}={value}" not in cure], cure
    assert not [word for word in not_told if word in cure], cure


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({}, id="the image names them"),
        pytest.param({"env": {"POD_IP": POD_IP, HOST: "$(POD_IP)"}}, id="EMQX_HOST does"),
        pytest.param({"env": {STRATEGY: "dns", DNS_NAME: SERVICE, RECORD_TYPE: "a"}}, id="strategy dns"),
        pytest.param({"kind": DEPLOYMENT, "replicas": 1}, id="a single pod"),
        pytest.param(
            {"kind": DEPLOYMENT, "replicas": 1, "env": {STRATEGY: "dns", DNS_NAME: SERVICE}},
            id="a single pod that asks DNS",
        ),
    ],
)
def test_who_follows_the_cure_has_nothing_wrong(facts: dict[str, Any]) -> None:
    env = {**ON_A_CLAIM["env"], **facts.get("env", {})}
    [finding] = on_a_claim(**facts)
    told = finding.message.rpartition("set ")[2].split(" (")[0].split(", ")[0]
    sets = dict(each.split("=", 1) for each in told.split(" and "))
    case = a_case(**{**ON_A_CLAIM, "members": (), **facts, "env": {"POD_NAME": POD_NAME, **env, **sets}})
    found = (*configuration.problems(case), *rollout.problems(case))
    assert [finding.message for finding in found] == []


def test_members_that_have_yet_to_take_the_names_of_their_template_are_told_of() -> None:
    """All of the cure is there already: it is said again, since it has not taken effect."""
    env = {ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local", NAMESPACE: "iot"}
    [finding] = on_a_claim(members=members("a b c"), env=env, service_name="emqx")
    assert f"{ADDRESS_TYPE}=hostname and {SUFFIX}=svc.cluster.local" in finding.message
