"""Node names: whether what discovery looks for can be what the nodes call themselves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from builders import (
    IN_ROLLOUT,
    NOT_READ,
    STRATEGY,
    a_case,
    a_network,
    ago,
    an_identity,
    changed,
    ip_of,
    judge,
    members,
    some_endpoints,
    tells,
)
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, configuration
from emqx_autocluster.emqx.discovery import (
    ADDRESS_TYPE,
    APP_NAME,
    HOST,
    LONG_NODE_NAME,
    NAME,
    NODE_NAME,
    SERVICE_NAME,
    SUFFIX,
)
from emqx_autocluster.observation import EnvFrom, EnvVar, Member, Service, Unobserved, WorkloadKind

STATEFUL = WorkloadKind.STATEFUL_SET
APART, APART_BY_NAME = members("a", "b", "c"), members("0", "1", "2")
OLD = "emqx/emqx:4.4.19"
POD_NAME = EnvVar(NAME, None, {"fieldRef": {"fieldPath": "metadata.name"}})
BY_POD = EnvVar("POD_NAME", None, {"fieldRef": {"fieldPath": "metadata.name"}})
NO_SEARCH_LIST = replace(an_identity(), resolv_conf=None)
POD_IP = EnvVar("POD_IP", None, {"fieldRef": {"fieldPath": "status.podIP"}})

Env = Mapping[str, str | EnvVar | None]


def told(case: Case, reason: Reason) -> Finding:
    found = {f.reason: f for f in configuration.problems(case)}
    assert reason in found, found.keys()
    return found[reason]


def by_dns(suffix: str | None, **facts: Any) -> Case:
    return a_case(env={ADDRESS_TYPE: "dns", SUFFIX: suffix}, **{"members": named_by_dns(), **facts})


def named_by_dns(**facts: Any) -> tuple[Member, ...]:
    """As the entrypoint names them with address type dns, whatever discovery is told."""
    group = members("a", "b", "c", **facts)
    for suffix in "abc":
        group = changed(group, suffix, node=f"emqx@{ip_of(suffix).replace('.', '-')}.iot.pod.cluster.local")
    return group


# --- the cluster's domain


def test_the_default_suffix_serves_only_the_nodes_own_name() -> None:
    """So that setting what the entrypoint assumed renames nobody."""
    finding = told(by_dns(None), Reason.CLUSTER_DOMAIN_MISMATCH)
    assert 'names in "pod.local", which no node has' in finding.message
    assert (finding.repairable, finding.sets) == (True, ((SUFFIX, "pod.cluster.local"),))
    assert finding.field == f"env/{SUFFIX}"


def test_so_it_is_with_host_names() -> None:
    finding = told(
        a_case(kind=STATEFUL, env={SUFFIX: None}, members=APART_BY_NAME), Reason.CLUSTER_DOMAIN_MISMATCH
    )
    assert (finding.repairable, finding.sets) == (True, ((SUFFIX, "svc.cluster.local"),))


def test_4x_looks_for_names_without_a_domain() -> None:
    assert "without a domain" in told(by_dns(None, image=OLD), Reason.CLUSTER_DOMAIN_MISMATCH).message


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"members": APART}, id="the nodes are named by address until now"),
        pytest.param(
            {"network": a_network(cluster_domain="corp.zone"), "members": named_by_dns()},
            id="the cluster has another domain than the entrypoint assumed",
        ),
        pytest.param({"members": ()}, id="no pod runs that would show its name"),
        pytest.param({"members": named_by_dns(identity=NO_SEARCH_LIST)}, id="the domain is only assumed"),
    ],
)
def test_a_suffix_that_renames_nodes_is_left_to_the_user(facts: dict[str, Any]) -> None:
    finding = told(by_dns(None, **facts), Reason.CLUSTER_DOMAIN_MISMATCH)
    assert not finding.repairable
    assert finding.sets


def test_a_suffix_of_another_domain() -> None:
    finding = told(by_dns("pod.corp.zone"), Reason.CLUSTER_DOMAIN_MISMATCH)
    assert "SUFFIX is pod.corp.zone" in finding.message
    assert (finding.repairable, finding.sets) == (False, ((SUFFIX, "pod.cluster.local"),))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(by_dns("pod.cluster.local"), id="the right one"),
        pytest.param(by_dns("pod.corp.zone", members=()), id="the cluster's domain is only assumed"),
        pytest.param(by_dns("pod.corp.zone", members=members("a b c")), id="the members found each other"),
        pytest.param(by_dns(None, mounts={"/opt/emqx/etc": "conf"}), id="it may stand in a file"),
        pytest.param(a_case(env={SUFFIX: None}, members=APART), id="names by address need none"),
        pytest.param(by_dns(None, replicas=1, members=APART[:1]), id="nobody looks for a single member"),
    ],
)
def test_a_suffix_that_does_no_harm(case: Case) -> None:
    assert Reason.CLUSTER_DOMAIN_MISMATCH not in {f.reason for f in configuration.problems(case)}


# --- host names

HEADLESS = Service("emqx", {"app": "emqx"}, headless=True, publish_not_ready=True)
WITH_IP = Service("emqx", {"app": "emqx"}, headless=False, publish_not_ready=True)


@pytest.mark.parametrize(
    ("case", "sets", "words"),
    [
        pytest.param(
            a_case(env={ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local"}, members=APART),
            ((ADDRESS_TYPE, "ip"),),
            ["pods of a Deployment"],
            id="a Deployment",
        ),
        pytest.param(
            a_case(
                kind=STATEFUL,
                service_name="emqx-headless",
                endpoints=some_endpoints(APART),
                governing=HEADLESS,
                members=APART_BY_NAME,
            ),
            ((SERVICE_NAME, "emqx-headless"),),
            ["serviceName is emqx-headless, not emqx"],
            id="another governing Service, which would do",
        ),
        pytest.param(
            a_case(
                kind=STATEFUL,
                service_name="emqx-headless",
                endpoints=some_endpoints(APART),
                governing=None,
                members=APART_BY_NAME,
            ),
            (),
            ["there is no Service emqx-headless"],
            id="another governing Service, which is missing",
        ),
        pytest.param(
            a_case(kind=STATEFUL, service_name=None, endpoints=None, members=APART_BY_NAME),
            (),
            ["no serviceName"],
            id="no governing Service",
        ),
    ],
)
def test_host_names_that_nobody_has(case: Case, sets: tuple[Any, ...], words: list[str]) -> None:
    finding = told(case, Reason.ADDRESS_TYPE_UNSUITABLE)
    assert [word for word in words if word not in finding.message] == []
    assert (finding.repairable, finding.sets) == (False, sets)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            a_case(kind=STATEFUL, members=APART_BY_NAME), id="a StatefulSet and its headless Service"
        ),
        pytest.param(
            a_case(kind=STATEFUL, service=WITH_IP, endpoints=None),
            id="not headless, and they found each other",
        ),
        pytest.param(
            a_case(kind=STATEFUL, service_name="other", members=APART_BY_NAME), id="Endpoints has host names"
        ),
        pytest.param(a_case(kind=STATEFUL, service=NOT_READ, members=APART_BY_NAME), id="not known"),
    ],
)
def test_host_names_that_work(case: Case) -> None:
    assert Reason.ADDRESS_TYPE_UNSUITABLE not in {f.reason for f in configuration.problems(case)}


# --- the part before the @


@pytest.mark.parametrize(
    ("env", "group", "sets", "repairable", "words"),
    [
        pytest.param(
            {APP_NAME: None, NAME: "emqx"},
            APART,
            ((APP_NAME, "emqx"),),
            True,
            [f"{APP_NAME} is not set, so that discovery looks for ekka@...", f"{NAME} is emqx"],
            id="APP_NAME missing",
        ),
        pytest.param(
            {APP_NAME: "broker", NAME: "emqx"},
            APART,
            ((APP_NAME, "emqx"),),
            True,
            ["looks for broker@...", f"{NAME} is emqx", f"set {APP_NAME}=emqx"],
            id="two names",
        ),
        pytest.param(
            {APP_NAME: "emqx", NAME: None},
            (),
            ((NAME, "emqx"),),
            False,
            ["looks for emqx@...", f"{NAME} is not set", "renames the nodes"],
            id="EMQX_NAME missing: a node is named after its pod",
        ),
        pytest.param(
            {APP_NAME: None, NAME: None},
            (),
            ((NAME, "emqx"), (APP_NAME, "emqx")),
            False,
            [f"set {NAME}=emqx and {APP_NAME}=emqx"],
            id="both missing",
        ),
        pytest.param(
            {NAME: POD_NAME}, (), ((NAME, "emqx"),), False, ["another in each pod"], id="the pod's name"
        ),
        pytest.param(
            {APP_NAME: "broker", "POD_IP": POD_IP, NODE_NAME: "emqx@$(POD_IP)"},
            APART,
            ((APP_NAME, "emqx"),),
            True,
            [f"{NODE_NAME} is emqx"],
            id="the whole name is given",
        ),
        pytest.param(
            {APP_NAME: "broker"},
            changed(APART, "b", node="other@10.244.0.2"),
            ((APP_NAME, "emqx"),),
            False,
            [],
            id="a node has yet another name",
        ),
    ],
)
def test_4x_looks_for_another_name(
    env: Env, group: tuple[Member, ...], sets: tuple[Any, ...], words: list[str], *, repairable: bool
) -> None:
    finding = told(a_case(image=OLD, env=dict(env), members=group), Reason.NAME_PART_MISMATCH)
    assert [word for word in words if word not in finding.message] == []
    assert (finding.repairable, finding.sets) == (repairable, sets)


def test_5x_needs_the_same_name_in_each_pod() -> None:
    finding = told(a_case(env={NAME: POD_NAME}, members=()), Reason.NAME_PART_MISMATCH)
    assert "named like itself" in finding.message
    assert (finding.repairable, finding.sets, finding.field) == (False, ((NAME, "emqx"),), f"env/{NAME}")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(a_case(image=OLD, members=APART), id="4.x: they are equal"),
        pytest.param(a_case(env={NAME: "broker"}, members=APART), id="5.x: any name that is the same"),
        pytest.param(a_case(env={APP_NAME: "broker"}, members=APART), id="5.x: APP_NAME is no option"),
        pytest.param(
            a_case(image=OLD, env={NAME: None}, members=APART), id="the image sets it: they have it"
        ),
        pytest.param(
            a_case(image=OLD, env={NAME: None}, members=members("a", "b", "c", node=None)),
            id="whether the image sets it is not known",
        ),
        pytest.param(
            a_case(image=OLD, env={APP_NAME: None}, mounts={"/opt/emqx/etc/emqx.conf": "c"}, members=APART),
            id="APP_NAME may stand in a file",
        ),
        pytest.param(
            a_case(image=OLD, env={NAME: None}, env_from=(EnvFrom(secret="s"),), members=()),  # noqa: S106
            id="EMQX_NAME may come from a Secret",
        ),
        pytest.param(
            a_case(image=OLD, env={LONG_NODE_NAME: "other@10.0.0.1"}, members=APART),
            id="a variable without effect",
        ),
    ],
)
def test_names_that_are_found(case: Case) -> None:
    assert Reason.NAME_PART_MISMATCH not in {f.reason for f in configuration.problems(case)}


# --- one name for all


@pytest.mark.parametrize(
    ("image", "env", "variable"),
    [
        ("emqx/emqx:5.8.9", {NODE_NAME: "emqx@127.0.0.1"}, NODE_NAME),
        ("emqx/emqx:5.8.9", {LONG_NODE_NAME: "emqx@127.0.0.1"}, LONG_NODE_NAME),
        ("emqx/emqx:5.0.21", {LONG_NODE_NAME: "emqx@127.0.0.1"}, LONG_NODE_NAME),
        ("emqx/emqx:5.8.9", {HOST: "emqx.example"}, HOST),
        (OLD, {NODE_NAME: "emqx@127.0.0.1"}, NODE_NAME),
        (OLD, {HOST: "127.0.0.1"}, HOST),
    ],
)
def test_a_name_that_all_pods_share(image: str, env: Env, variable: str) -> None:
    finding = told(a_case(image=image, env=dict(env), members=APART), Reason.NODE_NAME_FIXED)
    assert f"{variable} is {env[variable]}" in finding.message
    assert (finding.repairable, finding.sets, finding.field) == (False, (), f"env/{variable}")


@pytest.mark.parametrize(
    ("image", "env"),
    [
        pytest.param(OLD, {LONG_NODE_NAME: "emqx@127.0.0.1"}, id="4.x does not read it"),
        pytest.param("emqx/emqx:5.0.20", {LONG_NODE_NAME: "emqx@127.0.0.1"}, id="nor does 5.0.20"),
        pytest.param("emqx/emqx:5.8.9", {"POD_IP": POD_IP, HOST: "$(POD_IP)"}, id="the pod's own address"),
        pytest.param(
            "emqx/emqx:5.8.9",
            {"POD_IP": POD_IP, NODE_NAME: "emqx@$(POD_IP)", HOST: "fixed"},
            id="a host that the whole name overrides",
        ),
        pytest.param("emqx/emqx:5.8.9", {}, id="nothing given"),
    ],
)
def test_a_name_of_each_pods_own(image: str, env: Env) -> None:
    case = a_case(image=image, env=dict(env), members=APART)
    assert Reason.NODE_NAME_FIXED not in {f.reason for f in configuration.problems(case)}


# --- cookies


def with_cookies(*cookies: str | None, group: tuple[Member, ...] = APART) -> tuple[Member, ...]:
    for suffix, cookie in zip("abc", cookies, strict=True):
        group = changed(group, suffix, cookie=cookie)
    return group


def test_members_that_fall_apart_by_their_cookie() -> None:
    case = a_case(members=with_cookies("old", "old", "new", group=members("a b", "c")))
    finding = judge(case, ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.FALSE, Reason.COOKIE_CHANGED), "emqx-a and emqx-c", "likely")
    assert (finding.repairable, finding.sets) == (False, ())
    assert "old" not in finding.message.replace("the old one", "")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(a_case(members=with_cookies("x", "x", "x")), id="the same place"),
        pytest.param(
            a_case(members=with_cookies("x", "y", "y", group=members("a b", "c"))),
            id="two that have it from different places are one cluster",
        ),
        pytest.param(a_case(members=with_cookies("x", "y", None)), id="one that is not known"),
        pytest.param(a_case(members=with_cookies("x", "y", "y"), **IN_ROLLOUT), id="during a rollout"),
        pytest.param(
            a_case(members=changed(with_cookies("x", "y", "y"), "b", running_since=ago(5))),
            id="one that just started",
        ),
    ],
)
def test_cookies_that_are_not_certainly_the_cause(case: Case) -> None:
    assert Reason.COOKIE_CHANGED not in {f.reason for f in configuration.problems(case)}


@pytest.mark.parametrize(
    ("given", "group", "is_told"),
    [
        pytest.param({"fieldRef": {"fieldPath": "metadata.uid"}}, (), True, id="no pod runs yet"),
        pytest.param({"fieldRef": {"fieldPath": "metadata.name"}}, APART, True, id="they stand apart"),
        pytest.param(
            {"fieldRef": {"fieldPath": "metadata.name"}}, members("a b c"), False, id="they are one cluster"
        ),
        pytest.param({"fieldRef": {"fieldPath": "metadata.namespace"}}, (), False, id="the same in each pod"),
        pytest.param({"secretKeyRef": {"name": "emqx", "key": "cookie"}}, (), False, id="from a Secret"),
    ],
)
def test_a_cookie_of_each_pods_own(given: Any, group: tuple[Member, ...], *, is_told: bool) -> None:
    case = a_case(env={"EMQX_NODE__COOKIE": EnvVar("EMQX_NODE__COOKIE", None, given)}, members=group)
    found = [f for f in configuration.problems(case) if f.reason is Reason.COOKIE_CHANGED]
    assert bool(found) is is_told
    assert all("another text in each pod" in f.message for f in found)


@pytest.mark.parametrize("strategy", ["k8s", "dns", "static"])
def test_a_role_that_is_none_keeps_emqx_from_starting(strategy: str) -> None:
    case = a_case(env={STRATEGY: strategy, "EMQX_NODE__ROLE": "cores"}, members=())
    [finding] = [f for f in configuration.problems(case) if f.reason is Reason.VALUE_NOT_ACCEPTED]
    assert "one of core, replicant" in finding.message
    running = a_case(env={STRATEGY: strategy, "EMQX_NODE__ROLE": "cores"}, members=members("a b c"))
    assert Reason.VALUE_NOT_ACCEPTED not in {f.reason for f in configuration.problems(running)}


MACHINE = {"fieldRef": {"fieldPath": "status.hostIP"}}


def test_nodes_that_are_named_after_their_machine_are_looked_for_by_their_pods_address() -> None:
    case = a_case(env={"EMQX_HOST": EnvVar("EMQX_HOST", None, MACHINE)}, members=())
    [finding] = [f for f in configuration.problems(case) if f.bad]
    tells(finding, (Status.FALSE, Reason.HOST_PART_MISMATCH), "EMQX_HOST makes each node emqx@<machine's IP>")


def test_with_the_machines_network_they_have_its_address() -> None:
    case = a_case(
        env={"EMQX_HOST": EnvVar("EMQX_HOST", None, MACHINE)},
        members=(),
        host_network=True,
        dns_policy="ClusterFirstWithHostNet",
    )
    assert [f for f in configuration.problems(case) if f.bad] == []


# --- what could not be read


@pytest.mark.parametrize(
    ("case", "words"),
    [
        pytest.param(
            by_dns("pod.elsewhere.example", members=named_by_dns(identity=NO_SEARCH_LIST)),
            ["pod.elsewhere.example", "search list"],
            id="the cluster's domain",
        ),
        pytest.param(
            a_case(
                image=OLD, env={NAME: "broker", APP_NAME: "emqx"}, members=members("a", "b", "c", node=None)
            ),
            ["node names", NAME],
            id="the nodes' names",
        ),
        pytest.param(
            a_case(image=OLD, env={NAME: "broker", APP_NAME: "emqx"}, members=NOT_READ),
            ["node names", NAME],
            id="the members",
        ),
    ],
)
def test_what_it_hangs_on_could_not_be_read(case: Case, words: list[str]) -> None:
    finding = told(case, Reason.PROBE_FAILED)
    tells(finding, (Status.UNKNOWN, Reason.PROBE_FAILED), *words)


# --- a suffix under which Kubernetes' DNS has no names of that kind


@pytest.mark.parametrize(
    ("kind", "given", "right"),
    [
        pytest.param("dns", "svc.cluster.local", "pod.cluster.local", id="dns, in the zone of Services"),
        pytest.param("dns", "cluster.local", "pod.cluster.local", id="dns, the domain alone"),
        pytest.param("dns", "plant.internal", "pod.plant.internal", id="dns, another domain alone"),
        pytest.param(
            "hostname", "pod.cluster.local", "svc.cluster.local", id="hostname, in the zone of pods"
        ),
        pytest.param("hostname", "plant.internal", "svc.plant.internal", id="hostname, the domain alone"),
    ],
)
def test_a_zone_that_dns_does_not_have(kind: str, given: str, right: str) -> None:
    host = {"POD_NAME": BY_POD, HOST: f"$(POD_NAME).emqx.iot.{given}"} if kind == "hostname" else {}
    env = {ADDRESS_TYPE: kind, SUFFIX: given, **host}
    finding = told(a_case(kind=STATEFUL, env=env, members=()), Reason.CLUSTER_DOMAIN_MISMATCH)
    assert (dict(finding.sets), finding.repairable) == ({SUFFIX: right}, False)
    assert not [word for word in (SUFFIX, given, right, kind) if word not in finding.message]


@pytest.mark.parametrize(
    ("env", "facts"),
    [
        pytest.param({ADDRESS_TYPE: "hostname", SUFFIX: "svc"}, {}, id="the zone alone"),
        pytest.param(
            {ADDRESS_TYPE: "dns", SUFFIX: "pod.plant.internal"}, {}, id="a domain that may be right"
        ),
        pytest.param({ADDRESS_TYPE: "ip", SUFFIX: "cluster.local"}, {}, id="an address needs none"),
        pytest.param(
            {ADDRESS_TYPE: "hostname", SUFFIX: "cluster.local"},
            {},
            id="the nodes end, which is told by itself",
        ),
        pytest.param(
            {ADDRESS_TYPE: "dns", SUFFIX: "svc.cluster.local"},
            {"members": members("a b c")},
            id="they are one cluster all the same",
        ),
    ],
)
def test_a_zone_that_it_may_have(env: Env, facts: Mapping[str, Any]) -> None:
    case = a_case(**{"kind": STATEFUL, "members": (), **facts}, env=env)
    assert Reason.CLUSTER_DOMAIN_MISMATCH not in {f.reason for f in configuration.problems(case)}


def test_where_no_member_was_asked_the_zone_is_not_judged() -> None:
    env = {ADDRESS_TYPE: "dns", SUFFIX: "svc.cluster.local"}
    found = configuration.problems(a_case(env=env, members=Unobserved("a command of its own")))
    assert [f.status for f in found if SUFFIX in f.message] == [Status.UNKNOWN]


def test_where_something_else_names_the_nodes_the_right_zone_renames_nobody() -> None:
    host = {"POD_NAME": BY_POD, HOST: "$(POD_NAME).emqx.iot.svc.cluster.local"}
    case = a_case(kind=STATEFUL, env={SUFFIX: "cluster.local", **host}, members=())
    [finding] = [f for f in configuration.problems(case) if f.status is Status.FALSE]
    assert dict(finding.sets) == {SUFFIX: "svc.cluster.local"}
    assert "every node keeps its name" in finding.message
