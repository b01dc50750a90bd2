"""ConfigurationValid: whether the discovery settings can work at all, and what provably cannot."""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    CANONICAL_HOST,
    CLUSTER_IP,
    DEAD_PROXY,
    ENV_FROM_SETTINGS,
    IN_ROLLOUT,
    NODE_ONLY_NAME,
    NOT_READ,
    a_case,
    a_container,
    a_network,
    ago,
    changed,
    judge,
    members,
    plan_of,
    tells,
)
from emqx_autocluster.api.annotations import CONTAINER
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case, configuration
from emqx_autocluster.emqx.discovery import API_SERVER, APP_NAME, NAME, NAMESPACE, NODE_NAME, SERVICE_NAME
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER
from emqx_autocluster.observation import Container, Member, Service, WorkloadKind, WorkloadRef

STRATEGY_5 = "EMQX_CLUSTER__DISCOVERY_STRATEGY"
APART = members("a", "b", "c")


def asking(address: str | None, **facts: Any) -> Case:
    """A workload whose EMQX asks this address."""
    return a_case(env={API_SERVER: address}, **facts)


def resolving(host: str, *answers: str, group: tuple[Member, ...] = APART) -> tuple[Member, ...]:
    return tuple(replace(m, lookups={CANONICAL_HOST: (CLUSTER_IP,), host: answers}) for m in group)


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            asking(DEAD_PROXY, members=APART),
            Reason.API_SERVER_UNREACHABLE,
            [DEAD_PROXY, "do not find each other"],
            id="a dead proxy: the members that ask it are apart",
        ),
        pytest.param(
            asking(DEAD_PROXY, members=members("a b", "c")),
            Reason.API_SERVER_UNREACHABLE,
            [DEAD_PROXY],
            id="a dead proxy: one member was restarted and is alone",
        ),
        pytest.param(
            asking(DEAD_PROXY, unreachable=DEAD_PROXY),
            Reason.API_SERVER_UNREACHABLE,
            [DEAD_PROXY],
            id="a dead proxy, proven before the members were gathered",
        ),
        pytest.param(
            asking(f"https://{NODE_ONLY_NAME}:6443", members=resolving(NODE_ONLY_NAME)),
            Reason.API_SERVER_NAME_NOT_FOUND,
            [f"https://{NODE_ONLY_NAME}:6443", f"{NODE_ONLY_NAME} is unknown in the pods", "getent hosts"],
            id="a name that only nodes know",
        ),
        pytest.param(
            asking("https://10.0.0.10:6443"),
            Reason.API_SERVER_NOT_IN_CERTIFICATE,
            ["https://10.0.0.10:6443", "does not name 10.0.0.10", "EMQX 5.8.9 verifies"],
            id="an address outside the certificate, and a version that verifies it",
        ),
        pytest.param(
            asking("https://api.corp.example", members=resolving("api.corp.example", "10.0.0.10")),
            Reason.API_SERVER_NOT_IN_CERTIFICATE,
            ["api.corp.example"],
            id="a name that resolves and is not in the certificate",
        ),
        pytest.param(
            asking("kubernetes.default.svc:443"),
            Reason.API_SERVER_MALFORMED,
            ['"kubernetes.default.svc:443"', "no http(s) URL"],
            id="no scheme",
        ),
        pytest.param(
            a_case(image="emqx/emqx:4.4.19", env={API_SERVER: None}),
            Reason.API_SERVER_MISSING,
            [API_SERVER, "EMQX 4.4.19 has no default"],
            id="not set, on a version without a default that works",
        ),
    ],
)
def test_what_cannot_work_and_has_one_right_value(case: Case, reason: Reason, words: list[str]) -> None:
    finding = judge(case, ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.FALSE, reason), f"it should be {CANONICAL_API_SERVER}", *words)
    assert finding.repairable


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            asking(DEAD_PROXY),
            Reason.PLAIN_HTTP_API_SERVER,
            [DEAD_PROXY, "left alone while the cluster is whole", CANONICAL_API_SERVER],
            id="a plain-http address by which the members found each other",
        ),
        pytest.param(
            asking(DEAD_PROXY, replicas=1, members=members("a")),
            Reason.PLAIN_HTTP_API_SERVER,
            [DEAD_PROXY],
            id="a plain-http address that one replica does not need",
        ),
        pytest.param(
            a_case(env={NAMESPACE: "default"}, service=None),
            Reason.NAMESPACE_MISMATCH,
            [f"{NAMESPACE} is default", "the pods live in iot", f"set {NAMESPACE}=iot"],
            id="another namespace, and in the pods' own there is no such Service",
        ),
        pytest.param(
            a_case(
                env={NAMESPACE: "default"},
                service=Service("emqx", {"app": "other"}, headless=True, publish_not_ready=True),
            ),
            Reason.NAMESPACE_MISMATCH,
            [],
            id="another namespace, and the Service in the pods' own selects others",
        ),
        pytest.param(
            a_case(kind=WorkloadKind.STATEFUL_SET, env={NAMESPACE: "default"}),
            Reason.NAMESPACE_MISMATCH,
            [],
            id="another namespace, which is part of the nodes' names",
        ),
        pytest.param(
            a_case(image="emqx/emqx:4.4.19", env={SERVICE_NAME: None}),
            Reason.SERVICE_NAME_MISSING,
            [SERVICE_NAME, "EMQX 4.4.19", "set it to the Service"],
            id="no Service named, on a version without a default",
        ),
        pytest.param(
            a_case(env={STRATEGY_5: "manual"}),
            Reason.STRATEGY_UNSUITABLE,
            ["manual", "3 replicas", f"{STRATEGY_5}=k8s", "EMQX 5.8.9"],
            id="strategy manual with several replicas",
        ),
        pytest.param(
            a_case(env={STRATEGY_5: None}),
            Reason.STRATEGY_UNSUITABLE,
            ["manual"],
            id="strategy not set at all",
        ),
        pytest.param(
            a_case(env={SERVICE_NAME: "web:80/proxy/x"}),
            Reason.SERVICE_NAME_INVALID,
            ['"web:80/proxy/x"', "no Service can be named"],
            id="a Service name with a path",
        ),
        pytest.param(
            a_case(env={SERVICE_NAME: ""}),
            Reason.SERVICE_NAME_INVALID,
            ['is ""'],
            id="a Service name that is empty",
        ),
        pytest.param(
            a_case(env={STRATEGY_5: "singleton"}),
            Reason.STRATEGY_UNSUITABLE,
            ["singleton"],
            id="strategy singleton",
        ),
        pytest.param(
            a_case(image="emqx/emqx:4.4.19", env={SERVICE_NAME: None, API_SERVER: "nonsense"}),
            Reason.SERVICE_NAME_MISSING,
            [],
            id="a repairable problem beside one that is not: without that one a restart would be for nothing",
        ),
    ],
)
def test_what_only_the_user_can_put_right(case: Case, reason: Reason, words: list[str]) -> None:
    finding = judge(case, ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.FALSE, reason), *words)
    assert not finding.repairable


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            a_case(containers=()), Reason.INITIALIZING, ["no EMQX container"], id="there is no EMQX container"
        ),
        pytest.param(
            a_case(image="emqx/emqx:latest", members=members("a b c", identity=NOT_READ)),
            Reason.VERSION_UNKNOWN,
            ["latest is no version of EMQX", "--emqx-version"],
            id="neither the tag nor a container tells the version",
        ),
        pytest.param(
            a_case(env={STRATEGY_5: None}, env_from=ENV_FROM_SETTINGS, config_maps={"settings": NOT_READ}),
            Reason.SETTING_UNREADABLE,
            ["ConfigMap settings", NOT_READ.reason],
            id="the strategy is in a ConfigMap that could not be read",
        ),
        pytest.param(
            a_case(env={API_SERVER: None}, env_from=ENV_FROM_SETTINGS, config_maps={"settings": NOT_READ}),
            Reason.SETTING_UNREADABLE,
            ["ConfigMap settings"],
            id="the address is in a ConfigMap that could not be read",
        ),
        pytest.param(
            asking(DEAD_PROXY, members=changed(APART, "b", view=NOT_READ)),
            Reason.PROBE_FAILED,
            [DEAD_PROXY, "what all members list"],
            id="plain http, and a member that could not be asked",
        ),
        pytest.param(
            asking(DEAD_PROXY, members=NOT_READ),
            Reason.PROBE_FAILED,
            [DEAD_PROXY],
            id="plain http, pods not listed",
        ),
        pytest.param(
            asking(DEAD_PROXY, members=APART, **IN_ROLLOUT),
            Reason.TARGET_PROGRESSING,
            [DEAD_PROXY, "after the rollout"],
            id="plain http during a rollout",
        ),
        pytest.param(
            asking(DEAD_PROXY, members=changed(APART, "c", running_since=ago(10))),
            Reason.NODES_STARTING,
            ["emqx-c", "a moment ago"],
            id="plain http, and the lone member has just started",
        ),
        pytest.param(
            asking(f"https://{NODE_ONLY_NAME}:6443", members=APART),
            Reason.PROBE_FAILED,
            [NODE_ONLY_NAME, "not asked"],
            id="a name that was not looked up in the pods",
        ),
        pytest.param(
            asking(f"https://{NODE_ONLY_NAME}:6443", members=()),
            Reason.TARGET_PROGRESSING,
            ["once they run"],
            id="a name, and no pod runs in which it could be looked up",
        ),
        pytest.param(
            asking(
                f"https://{NODE_ONLY_NAME}:6443",
                members=changed(
                    resolving(NODE_ONLY_NAME),
                    "b",
                    lookups={NODE_ONLY_NAME: ("10.0.0.10",), CANONICAL_HOST: ("x",)},
                ),
            ),
            Reason.PROBE_FAILED,
            ["some of the pods"],
            id="a name that resolves in some of the pods",
        ),
        pytest.param(
            asking(
                f"https://{NODE_ONLY_NAME}:6443",
                members=changed(resolving(NODE_ONLY_NAME), "b", running_since=ago(59)),
            ),
            Reason.NEGATIVE_ANSWER_RECENT,
            [NODE_ONLY_NAME, "younger than 60s"],
            id="a name that does not resolve in pods that are too young for a verdict",
        ),
        pytest.param(
            asking("https://10.0.0.10:6443", network=a_network(certificate_hosts=NOT_READ)),
            Reason.PROBE_FAILED,
            ["certificate", "10.0.0.10", NOT_READ.reason],
            id="an address, and the certificate could not be read",
        ),
    ],
)
def test_what_is_not_known(case: Case, reason: Reason, words: list[str]) -> None:
    tells(judge(case, ConditionType.CONFIGURATION_VALID), (Status.UNKNOWN, reason), *words)


def test_another_namespace_is_put_right_where_the_service_is_in_the_pods_own() -> None:
    finding = judge(a_case(env={NAMESPACE: "default"}), ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.FALSE, Reason.NAMESPACE_MISMATCH), f"set {NAMESPACE}=iot")
    assert finding.repairable
    assert finding.sets == ((NAMESPACE, "iot"),)
    assert finding.field == f"env/{NAMESPACE}"


def test_no_rollout_begins_while_the_service_could_not_be_read() -> None:
    case = a_case(env={NAMESPACE: "default"}, service=NOT_READ)
    assert judge(case, ConditionType.CONFIGURATION_VALID).repairable
    plan = plan_of(case)
    assert (plan.now, plan.hold and plan.hold.reason) == ((), Reason.ROLLOUT_BLOCKED)


def test_of_several_problems_each_is_told_and_those_that_only_the_user_can_put_right_come_first() -> None:
    case = a_case(
        image="emqx/emqx:4.4.19",
        env={API_SERVER: "nonsense", NAMESPACE: "default", NODE_NAME: "emqx@10.0.0.1"},
    )
    found = configuration.problems(case)
    assert [f.reason for f in found] == [
        Reason.NODE_NAME_FIXED,
        Reason.NAMESPACE_MISMATCH,
        Reason.API_SERVER_MALFORMED,
    ]
    assert [f.repairable for f in found] == [False, True, True]
    assert judge(case, ConditionType.CONFIGURATION_VALID) == found[0]


DEFAULT_NAMESPACE = a_case().workload.ref


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(asking(CANONICAL_API_SERVER), id="the canonical value"),
        pytest.param(asking("https://kubernetes.default.svc"), id="without the port"),
        pytest.param(asking("https://kubernetes.default"), id="the shorter name"),
        pytest.param(asking("https://kubernetes.default.svc.cluster.local:443"), id="the full name"),
        pytest.param(
            asking("https://kubernetes.default.svc.corp.zone", network=a_network(cluster_domain="corp.zone")),
            id="the full name in another cluster domain",
        ),
        pytest.param(asking(f"https://{CLUSTER_IP}:443"), id="the Service's own address"),
        pytest.param(asking(None), id="the default of the version"),
        pytest.param(asking("http://127.0.0.1:8001", members=APART), id="a proxy in the pod itself"),
        pytest.param(asking("http://localhost:8001", members=APART), id="a proxy at localhost"),
        pytest.param(
            a_case(image="emqx/emqx:5.4.1", env={API_SERVER: "https://10.0.0.10:6443"}),
            id="an address outside the certificate, and a version that does not verify",
        ),
        pytest.param(
            asking(
                "https://api.corp.example:6443",
                members=resolving("api.corp.example", "10.0.0.10"),
                network=a_network(certificate_hosts=frozenset({"api.corp.example"})),
            ),
            id="another name that resolves and is in the certificate",
        ),
    ],
)
def test_spellings_that_work_are_left_alone(case: Case) -> None:
    tells(
        judge(case, ConditionType.CONFIGURATION_VALID),
        (Status.TRUE, Reason.CONFIGURATION_ACCEPTED),
        "endpoints/emqx",
    )


@pytest.mark.parametrize("strategy", ["etcd", "mcast"])
def test_another_strategy_is_none_of_our_settings(strategy: str) -> None:
    finding = judge(a_case(env={STRATEGY_5: strategy}), ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.TRUE, Reason.NOT_APPLICABLE), strategy, "membership is still verified")


@pytest.mark.parametrize("strategy", ["manual", "singleton"])
def test_one_replica_needs_no_discovery(strategy: str) -> None:
    case = a_case(env={STRATEGY_5: strategy}, replicas=1, members=members("a"))
    tells(judge(case, ConditionType.CONFIGURATION_VALID), (Status.TRUE, Reason.NOT_APPLICABLE))


@pytest.mark.parametrize(
    ("namespace", "reason"),
    [("default", Reason.CONFIGURATION_ACCEPTED), ("iot", Reason.API_SERVER_NAME_NOT_FOUND)],
)
def test_the_short_name_works_in_namespace_default_alone(namespace: str, reason: Reason) -> None:
    ref = replace(DEFAULT_NAMESPACE, namespace=namespace)
    env = {API_SERVER: "https://kubernetes", NAMESPACE: namespace}
    finding = judge(
        a_case(ref=ref, env=env, members=resolving("kubernetes")), ConditionType.CONFIGURATION_VALID
    )
    assert finding.reason is reason


@pytest.mark.parametrize(
    "address",
    ["http://user:secret@192.168.1.31:8888", "https://user:secret@10.0.0.10:6443", "ftp://user:secret@x"],
)
def test_a_password_in_the_address_is_never_told(address: str) -> None:
    finding = judge(asking(address, members=APART), ConditionType.CONFIGURATION_VALID)
    assert finding.bad
    assert "secret" not in finding.message


# --- several containers

OWN = a_container()
TWIN = replace(OWN, name="emqx-2")
SIDECAR = replace(OWN, name="exporter", image="example.com/emqx-exporter:0.2", env=())


@pytest.mark.parametrize(
    ("containers", "annotations", "told"),
    [
        pytest.param((OWN,), {}, [], id="one"),
        pytest.param((OWN, SIDECAR), {}, [], id="a sidecar"),
        pytest.param(
            (OWN, TWIN), {}, ["container emqx-2, which has an image of EMQX as well"], id="two of EMQX"
        ),
        pytest.param((OWN, TWIN), {CONTAINER: "emqx-2"}, [], id="the annotation says which one is meant"),
    ],
)
def test_of_several_containers_with_emqx_one_is_judged_and_the_others_are_named(
    containers: tuple[Container, ...], annotations: dict[str, str], told: list[str]
) -> None:
    case = a_case(containers=containers, annotations=annotations)
    gaps = [gap.question for gap in configuration.unjudged(case) if "container" in gap.question]
    assert [question.partition(" and the same")[0] for question in gaps] == told


@pytest.mark.parametrize(
    ("missing", "reason", "facts"),
    [
        pytest.param(NAMESPACE, Reason.NAMESPACE_MISMATCH, {}, id="the namespace"),
        pytest.param(APP_NAME, Reason.NAME_PART_MISMATCH, {}, id="the part before the @"),
        pytest.param(
            APP_NAME, Reason.NAME_PART_MISMATCH, {NAME: "ekka"}, id="although ekka would look for that name"
        ),
    ],
)
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("version", ["4.4.0", "4.4.19"])
def test_what_4x_does_not_start_without(
    version: str, replicas: int, missing: str, reason: Reason, facts: dict[str, str]
) -> None:
    case = a_case(image=f"emqx/emqx:{version}", env={missing: None, **facts}, replicas=replicas, members=())
    [finding] = configuration.problems(case)
    tells(
        finding, (Status.FALSE, reason), f"{missing} is not set", f"EMQX {version} does not start without it"
    )
    assert [name for name, _ in finding.sets] == [missing]


@pytest.mark.parametrize("version", ["4.0.0", "4.3.22"])
def test_whether_an_older_4x_starts_without_is_not_judged(version: str) -> None:
    """Its schema is alike, and ekka has a default: nobody has tried it."""
    namespace = {"ref": WorkloadRef("default", WorkloadKind.DEPLOYMENT, "emqx")}
    case = a_case(image=f"emqx/emqx:{version}", env={NAMESPACE: None}, members=(), **namespace)
    assert not [finding for finding in configuration.problems(case) if finding.bad]
    gaps = [gap.question for gap in configuration.unjudged(case)]
    assert [gap for gap in gaps if f"starts without {NAMESPACE}" in gap]


@pytest.mark.parametrize("missing", [NAMESPACE, APP_NAME])
def test_a_4x_that_has_booted_did_without(missing: str) -> None:
    case = a_case(image="emqx/emqx:4.4.19", env={missing: None}, members=APART)
    assert all("does not start" not in finding.message for finding in configuration.problems(case))
