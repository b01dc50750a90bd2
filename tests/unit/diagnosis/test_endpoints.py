"""DiscoveryReady: whether the Endpoints object that EMQX asks for leads to the workload's members."""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    IN_A_SECRET,
    IN_ROLLOUT,
    NOT_READ,
    STRATEGY,
    a_case,
    a_container,
    a_down_member,
    a_member,
    ago,
    an_identity,
    changed,
    judge,
    members,
    node_of,
    some_endpoints,
    tells,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case, endpoints
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, NAMESPACE, SERVICE_NAME, SUFFIX
from emqx_autocluster.observation import (
    ContainerPort,
    DiscoveryError,
    DiscoveryTrace,
    EndpointAddress,
    Endpoints,
    JoinTrace,
    Member,
    Service,
    TargetPort,
    View,
    WorkloadKind,
)

NOBODY = Endpoints(())
WELL = members("a b c")
APART = members("a", "b", "c")
OTHERS = EndpointAddress("10.244.9.9", pod="edge-0")


def a_service(*, publish_not_ready: bool = False, **selector: str) -> Service:
    return Service("emqx", selector, headless=False, publish_not_ready=publish_not_ready)


WITH_UDP = a_container(ports=(ContainerPort("ekka", 4370, "UDP"),))


def to_port(*targets: int | str) -> Service:
    return replace(a_service(app="emqx"), targets=tuple(map(TargetPort, targets)))


def seen(case: Case) -> list[Reason]:
    return [finding.reason for finding in endpoints.problems(case)]


CREATED = {"discovery": {"createService": True}}
DEAD_PEERS = DiscoveryTrace(
    DiscoveryError.PEERS_DEAD, "Ekka(AutoCluster): discovered nodes outside cluster: ['emqx@10.244.9.9']"
)


EVERYBODY = frozenset({*map(node_of, "abc"), "emqx@10.244.9.9"})


def joined_elsewhere() -> dict[str, Any]:
    """Member b, in whose cluster runs what no pod of the workload has."""
    member = a_member("b")
    view = View(frozenset({node_of("b"), "emqx@10.244.9.9"}))
    return {"pod": member.pod, "identity": member.identity, "view": view, "node": member.node}


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            a_case(service=None, endpoints=None),
            Reason.SERVICE_NOT_FOUND,
            [
                "Service emqx does not exist in namespace iot",
                "create it with echo",
                "kubectl apply -f -",
                SERVICE_NAME,
                "spec.discovery.createService lets Repair create it",
            ],
            id="there is no such Service",
        ),
        pytest.param(
            a_case(
                service=None,
                endpoints=None,
                selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]},
                spec=CREATED,
            ),
            Reason.SERVICE_NOT_FOUND,
            ["a selector that only these pods fit", "matchExpressions, which no Service can do"],
            id="which Service would be right is not known",
        ),
        pytest.param(
            a_case(kind=WorkloadKind.STATEFUL_SET, service_name="pods", service=None, spec=CREATED),
            Reason.SERVICE_NOT_FOUND,
            ["host names belong to Service pods", "cannot be changed"],
            id="host names come from another Service",
        ),
        pytest.param(
            a_case(service=a_service(app="mqtt")),
            Reason.SELECTOR_MISMATCH,
            ["selects app=mqtt", "the pods have app=emqx"],
            id="the Service selects another value",
        ),
        pytest.param(
            a_case(service=a_service(app="mqtt"), selecting=(replace(a_service(app="emqx"), name="peers"),)),
            Reason.SELECTOR_MISMATCH,
            ["selects app=mqtt", "Service peers does: set EMQX_CLUSTER__K8S__SERVICE_NAME=peers"],
            id="another Service selects the pods",
        ),
        pytest.param(
            a_case(
                service=replace(a_service(app="mqtt"), headless=True),
                selecting=(replace(a_service(app="emqx"), name="peers", headless=True),),
                env={STRATEGY: "dns", "EMQX_CLUSTER__DNS__NAME": "emqx.iot.svc.plant.internal"},
            ),
            Reason.SELECTOR_MISMATCH,
            ["Service peers does: set EMQX_CLUSTER__DNS__NAME=peers.iot.svc."],
            id="another Service selects the pods, strategy dns",
        ),
        pytest.param(
            a_case(service=a_service(app="emqx", tier="edge")),
            Reason.SELECTOR_MISMATCH,
            ["tier=edge", "tier=(no such label)"],
            id="the Service selects a label that the pods do not have",
        ),
        pytest.param(
            a_case(service=a_service()),
            Reason.SELECTOR_MISMATCH,
            ["no selector"],
            id="the Service has no selector",
        ),
        pytest.param(
            a_case(endpoints=NOBODY),
            Reason.NO_ADDRESSES,
            ["Endpoints emqx lists no address", "kubectl get endpoints -n iot emqx"],
            id="no address although pods are Ready",
        ),
        pytest.param(
            a_case(service=to_port("ekka"), endpoints=NOBODY),
            Reason.NO_ADDRESSES,
            ["targetPort ekka (TCP)", "no port with a name", "4370"],
            id="a port by a name that the pods do not have, which is the cause",
        ),
        pytest.param(
            a_case(service=to_port("ekka"), endpoints=NOT_READ, members=(), containers=(WITH_UDP,)),
            Reason.NO_ADDRESSES,
            ["targetPort ekka (TCP)", "ekka (UDP)"],
            id="the name of a port of another protocol",
        ),
        pytest.param(
            a_case(env={ADDRESS_TYPE: "hostname"}),
            Reason.HOSTNAME_MISSING,
            ["hostname", "emqx-a, emqx-b, emqx-c", "StatefulSet"],
            id="host names are asked for, and a Deployment's pods have none",
        ),
        pytest.param(
            a_case(env={ADDRESS_TYPE: "hostname"}, endpoints=Endpoints((EndpointAddress("10.244.0.9"),))),
            Reason.HOSTNAME_MISSING,
            ["10.244.0.9"],
            id="an address without a pod's name is told by its address",
        ),
    ],
)
def test_what_only_the_user_can_put_right(case: Case, reason: Reason, words: list[str]) -> None:
    finding = judge(case, ConditionType.DISCOVERY_READY)
    tells(finding, (Status.FALSE, reason), *words)
    assert not finding.repairable


def ready_since(group: tuple[Member, ...], seconds: float) -> tuple[Member, ...]:
    return tuple(replace(m, pod=replace(m.pod, ready_since=ago(seconds))) for m in group)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        pytest.param(
            a_case(
                members=changed(ready_since(WELL, 60), "a", labels={"app": "emqx", "active": "yes"}),
                endpoints=some_endpoints(members("a")),
                service=a_service(app="emqx", active="yes"),
            ),
            [
                "does not list emqx-b, emqx-c, though Ready",
                "selects active=yes,app=emqx",
                "-l active=yes,app=emqx",
            ],
            id="Ready members that it does not list",
        ),
        pytest.param(
            a_case(members=ready_since(WELL, 60), endpoints=Endpoints((OTHERS,))),
            ["does not list emqx-a, emqx-b, emqx-c", "and lists edge-0, which no pod of this workload has"],
            id="Endpoints made by hand",
        ),
        pytest.param(
            a_case(
                members=(a_member("a"), Member(**joined_elsewhere()), a_member("c")),
                endpoints=Endpoints((*some_endpoints(APART).ready, OTHERS)),
            ),
            ["Endpoints emqx lists edge-0"],
            id="one joined what the Service selects beside them",
        ),
        pytest.param(
            a_case(
                members=changed(APART, "a", discovery_trace=DEAD_PEERS),
                endpoints=Endpoints((*some_endpoints(APART).ready, OTHERS)),
            ),
            ["Endpoints emqx lists edge-0"],
            id="what the Service selects beside them does not answer",
        ),
    ],
)
def test_endpoints_that_differ(case: Case, words: list[str]) -> None:
    tells(judge(case, ConditionType.DISCOVERY_READY), (Status.FALSE, Reason.ENDPOINTS_DIFFER), *words)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(
            {"members": ready_since(WELL, 59), "endpoints": some_endpoints(members("a"))},
            id="Ready for less than that",
        ),
        pytest.param(
            {"members": ready_since(WELL, 60), "endpoints": some_endpoints(members("a")), **IN_ROLLOUT},
            id="a rollout",
        ),
        pytest.param(
            {"members": ready_since(members("a"), 60), "endpoints": Endpoints((OTHERS,)), "replicas": 1},
            id="one replica looks for nobody",
        ),
        pytest.param(
            {
                "members": tuple(replace(m, view=View(EVERYBODY)) for m in WELL),
                "endpoints": Endpoints((*some_endpoints(WELL).ready, OTHERS)),
            },
            id="one cluster with what the Service selects beside them",
        ),
        pytest.param(
            {"members": APART, "endpoints": Endpoints((*some_endpoints(APART).ready, OTHERS))},
            id="members that stand apart, with nothing that points to the other",
        ),
    ],
)
def test_no_difference_that_matters(facts: dict[str, Any]) -> None:
    assert Reason.ENDPOINTS_DIFFER not in seen(a_case(**facts))


# --- readiness that waits for the cluster


def not_ready(group: tuple[Member, ...], **facts: Any) -> tuple[Member, ...]:
    young = {"created": ago(130), "running_since": ago(120), "ready": False}
    known: dict[str, Any] = {**young, "join_trace": JoinTrace(None, listening_again=False), **facts}
    for suffix in "abc":
        group = changed(group, suffix, **known)
    return group


def hidden(group: tuple[Member, ...], **facts: Any) -> Case:
    known: dict[str, Any] = {
        "members": group,
        "endpoints": Endpoints((), some_endpoints(group).ready),
        "ready_replicas": 0,
        "available_replicas": 0,
    }
    return a_case(**{**known, **facts})


def test_a_deadlock_of_readiness_and_discovery_is_named_with_what_breaks_it() -> None:
    case = hidden(not_ready(APART))
    assert case.progressing, "for ten minutes nothing else would be said"
    words = (
        "no member is Ready",
        "Service emqx shows EMQX only Ready ones",
        'kubectl patch service -n iot emqx -p \'{"spec":{"publishNotReadyAddresses":true}}\'',
    )
    tells(judge(case, ConditionType.DISCOVERY_READY), (Status.FALSE, Reason.NOT_READY_NOT_PUBLISHED), *words)


WAITS = JoinTrace(None, listening_again=False, waits="still waiting for table(s): [emqx_banned]")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(hidden(changed(not_ready(APART), "a", running_since=ago(59))), id="one boots"),
        pytest.param(hidden(not_ready(APART, join_trace=WAITS)), id="they wait for their tables"),
        pytest.param(hidden(not_ready(WELL)), id="they are one cluster"),
        pytest.param(hidden(changed(not_ready(APART), "a", view=NOT_READ)), id="one could not be asked"),
        pytest.param(
            hidden(not_ready(APART), service=a_service(app="emqx", publish_not_ready=True)),
            id="they are published",
        ),
        pytest.param(
            hidden(not_ready(APART), endpoints=NOBODY), id="they are not listed as not ready either"
        ),
    ],
)
def test_no_deadlock(case: Case) -> None:
    assert Reason.NOT_READY_NOT_PUBLISHED not in seen(case)


# --- the names that are looked for

MISMATCH = (Status.FALSE, Reason.NODE_NAME_MISMATCH)
IP = {ADDRESS_TYPE: "ip"}


def named(*names: str, islands: tuple[str, ...] = ("a", "b", "c")) -> tuple[Member, ...]:
    """Members that call themselves so, by their main process and in their own views."""
    group = members(*islands)
    for suffix, name in zip("abc", names, strict=True):
        view = View(frozenset({name}) if len(islands) > 1 else frozenset(names))
        group = changed(group, suffix, identity=an_identity(EMQX_NODE_NAME=name), view=view, node=name)
    return group


IPS = [f"10.244.0.{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("image", "env", "names", "words", "field"),
    [
        pytest.param(
            "emqx:4.4.19",
            {**IP, "EMQX_CLUSTER__K8S__APP_NAME": "emqx"},
            [f"emqx-{s}@{ip}" for s, ip in zip("abc", IPS, strict=True)],
            [
                "looks for emqx@10.244.0.1, and emqx-a calls itself emqx-a@10.244.0.1",
                "(and 2 more",
                "APP_NAME",
            ],
            "env/EMQX_NAME",
            id="4.x: the pod's name is the node's without EMQX_NAME",
        ),
        pytest.param(
            "emqx:4.4.19",
            {**IP, "EMQX_CLUSTER__K8S__APP_NAME": None},
            [f"emqx@{ip}" for ip in IPS],
            ["looks for ekka@10.244.0.1, and emqx-a calls itself emqx@10.244.0.1"],
            "env/EMQX_NAME",
            id="4.x: without APP_NAME it is ekka",
        ),
        pytest.param(
            "emqx:5.8.9",
            IP,
            ["emqx@10.244.0.1", "emqx@10.244.0.2", "mqtt@10.244.0.3"],
            ["looks for mqtt@10.244.0.1, and emqx-a calls itself emqx@10.244.0.1"],
            "env/EMQX_NAME",
            id="5.x: each looks for names like its own",
        ),
        pytest.param(
            "emqx:5.8.9",
            {ADDRESS_TYPE: "dns"},
            [f"emqx@{ip.replace('.', '-')}.iot.pod.cluster.local" for ip in IPS],
            [
                "looks for emqx@10-244-0-1.iot.pod.local,",
                "calls itself emqx@10-244-0-1.iot.pod.cluster.local",
            ],
            "env/EMQX_CLUSTER__K8S__SUFFIX",
            id="5.x: the default suffix is no cluster's domain",
        ),
        pytest.param(
            "emqx:5.8.9",
            IP,
            [f"emqx@{ip.replace('.', '-')}.iot.pod.cluster.local" for ip in IPS],
            ["looks for emqx@10.244.0.1,"],
            "env/EMQX_CLUSTER__K8S__SUFFIX",
            id="addresses are looked for, and the nodes have names",
        ),
    ],
)
def test_names_that_never_meet(
    image: str, env: dict[str, Any], names: list[str], words: list[str], field: str
) -> None:
    finding = judge(a_case(image=image, env=env, members=named(*names)), ConditionType.DISCOVERY_READY)
    tells(finding, MISMATCH, *words)
    assert finding.field == field
    assert not finding.repairable, "a renamed node is a stranger to the old ones"


def test_it_is_told_also_of_members_that_were_joined_by_hand() -> None:
    """They are one cluster until the next restart."""
    env = {**IP, "EMQX_CLUSTER__K8S__APP_NAME": "mqtt"}
    names = [f"emqx@{ip}" for ip in IPS]
    case = a_case(image="emqx:4.4.19", env=env, members=named(*names, islands=("a b c",)))
    tells(judge(case, ConditionType.DISCOVERY_READY), MISMATCH, "looks for mqtt@10.244.0.1")


DNS_NAMES = [f"emqx@{ip.replace('.', '-')}.iot.pod.cluster.local" for ip in IPS]
MOUNTED = {"/opt/emqx/etc/emqx.conf": "config"}


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"members": APART}, id="names by address"),
        pytest.param(
            {"kind": WorkloadKind.STATEFUL_SET, "env": {SUFFIX: "svc.cluster.local"}}, id="host names"
        ),
        pytest.param(
            {"env": {ADDRESS_TYPE: "dns", SUFFIX: "pod.cluster.local"}, "members": named(*DNS_NAMES)},
            id="dashed names",
        ),
        pytest.param(
            {"env": {ADDRESS_TYPE: "dns"}, "members": named(*DNS_NAMES, islands=("a b c",))},
            id="the image may hold what is set nowhere, and the cluster is whole",
        ),
        pytest.param(
            {"env": {ADDRESS_TYPE: "dns"}, "members": named(*DNS_NAMES), "mounts": MOUNTED},
            id="a file may hold it",
        ),
        pytest.param(
            {"env": {NAMESPACE: "other", ADDRESS_TYPE: "dns"}, "members": named(*DNS_NAMES)},
            id="another namespace is asked: that is told by itself",
        ),
        pytest.param(
            {
                "image": "emqx:4.4.19",
                "env": {"EMQX_CLUSTER__K8S__APP_NAME": "mqtt"},
                "replicas": 1,
                "members": members("a"),
            },
            id="one replica looks for nobody",
        ),
        pytest.param(
            {
                "members": changed(named(*DNS_NAMES), "a", view=View(frozenset({node_of("a")}))),
                "endpoints": some_endpoints(members("a")),
            },
            id="its own view does not confirm the name",
        ),
    ],
)
def test_names_that_meet_or_are_not_certain(facts: dict[str, Any]) -> None:
    assert Reason.NODE_NAME_MISMATCH not in seen(a_case(**facts))


# --- several at once, and what the members say themselves


def test_several_findings_stand_beside_each_other() -> None:
    group = ready_since(APART, 60)
    case = a_case(members=group, endpoints=some_endpoints(members("a")), env={ADDRESS_TYPE: "hostname"})
    assert seen(case) == [Reason.HOSTNAME_MISSING, Reason.ENDPOINTS_DIFFER]
    told = diagnosis.problems(case, diagnosis.diagnose(case))
    assert {Reason.HOSTNAME_MISSING, Reason.ENDPOINTS_DIFFER} <= {finding.reason for finding in told}


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (DiscoveryError.NOT_FOUND, {"service": None}),
        (DiscoveryError.NO_HOSTNAME, {"env": {ADDRESS_TYPE: "hostname"}}),
    ],
)
def test_the_members_own_logs_confirm_it(error: DiscoveryError, facts: dict[str, Any]) -> None:
    said = DiscoveryTrace(error, "Ekka(AutoCluster): Discovery error: …")
    case = a_case(members=changed(APART, "b", discovery_trace=said), **facts)
    assert f"; emqx-b says so too, its log: {said.line}" in judge(case, ConditionType.DISCOVERY_READY).message
    other = DiscoveryTrace(DiscoveryError.TIMED_OUT, said.line)
    case = a_case(members=changed(APART, "b", discovery_trace=other), **facts)
    assert "its log" not in judge(case, ConditionType.DISCOVERY_READY).message


def test_a_service_that_the_operator_may_make_is_repairable() -> None:
    finding = judge(a_case(service=None, endpoints=None, spec=CREATED), ConditionType.DISCOVERY_READY)
    tells(finding, (Status.FALSE, Reason.SERVICE_NOT_FOUND))
    assert finding.repairable
    assert "lets Repair" not in finding.message


STARTING = (a_down_member("a", waiting="ContainerCreating"),)


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"service": NOT_READ}, Reason.PROBE_FAILED, [NOT_READ.reason], id="the Service was not read"
        ),
        pytest.param(
            {"endpoints": NOT_READ}, Reason.PROBE_FAILED, [NOT_READ.reason], id="Endpoints were not read"
        ),
        pytest.param(
            {"endpoints": NOBODY, "members": STARTING},
            Reason.TARGET_PROGRESSING,
            ["until a pod is Ready"],
            id="no pod is Ready",
        ),
        pytest.param(
            {"endpoints": None, "members": STARTING},
            Reason.TARGET_PROGRESSING,
            [],
            id="Endpoints are not made yet",
        ),
        pytest.param(
            {"endpoints": NOBODY, **IN_ROLLOUT},
            Reason.TARGET_PROGRESSING,
            [],
            id="no address during a rollout",
        ),
        pytest.param(
            {"env": {STRATEGY: IN_A_SECRET}, "members": members("a b c", identity=NOT_READ)},
            Reason.INITIALIZING,
            ["strategy"],
            id="the strategy is not known",
        ),
        pytest.param({"containers": ()}, Reason.INITIALIZING, [], id="there is no EMQX container"),
        pytest.param(
            {"image": "emqx:4.4.19", "env": {SERVICE_NAME: None}},
            Reason.PROBE_FAILED,
            ["name is not known"],
            id="nobody says which Service",
        ),
    ],
)
def test_what_is_not_known(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    tells(judge(a_case(**facts), ConditionType.DISCOVERY_READY), (Status.UNKNOWN, reason), *words)


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            a_case(), Reason.ENDPOINTS_PUBLISHED, ["Endpoints emqx lists 3 addresses"], id="all listed"
        ),
        pytest.param(
            a_case(kind=WorkloadKind.STATEFUL_SET),
            Reason.ENDPOINTS_PUBLISHED,
            [],
            id="host names of a StatefulSet",
        ),
        pytest.param(
            a_case(endpoints=some_endpoints(members("a b"))),
            Reason.ENDPOINTS_PUBLISHED,
            ["2 addresses"],
            id="one pod is Ready since a moment",
        ),
        pytest.param(
            a_case(endpoints=Endpoints((*some_endpoints(WELL).ready, OTHERS))),
            Reason.ENDPOINTS_PUBLISHED,
            ["4 addresses"],
            id="a cluster that is whole, whatever else the Service selects",
        ),
        pytest.param(
            a_case(env={"EMQX_CLUSTER__DISCOVERY_STRATEGY": "etcd"}, service=None),
            Reason.NOT_APPLICABLE,
            ["no Service"],
            id="another strategy reads no Endpoints",
        ),
    ],
)
def test_well(case: Case, reason: Reason, words: list[str]) -> None:
    tells(judge(case, ConditionType.DISCOVERY_READY), (Status.TRUE, reason), *words)


def test_without_pods_the_template_tells_their_labels() -> None:
    """A selector of the workload may name fewer labels than its pods have."""
    service = a_service(app="emqx", tier="edge")
    labels = {"app": "emqx", "tier": "edge"}
    for unseen in ((), NOT_READ):
        case = a_case(service=service, labels=labels, members=unseen, containers=(a_container(),))
        assert not judge(case, ConditionType.DISCOVERY_READY).bad


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"service": to_port("ekka")}, id="addresses are listed all the same"),
        pytest.param(
            {"service": to_port("ekka", 1883), "endpoints": NOT_READ}, id="another port is a number"
        ),
        pytest.param(
            {"service": to_port("ekka"), "endpoints": NOT_READ, "has_sidecars": True},
            id="a sidecar that starts before may have it",
        ),
        pytest.param(
            {"service": to_port("ekka"), "endpoints": NOT_READ, "env": {STRATEGY: "manual"}},
            id="EMQX does not ask for it",
        ),
    ],
)
def test_ports_by_their_names_that_hide_nobody(facts: dict[str, Any]) -> None:
    assert Reason.NO_ADDRESSES not in seen(a_case(**facts))


ONE_OF_THEM = a_service(**{"statefulset.kubernetes.io/pod-name": "emqx-0"})
STATEFUL = {"kind": WorkloadKind.STATEFUL_SET, "members": (), "endpoints": NOT_READ}


def gaps(case: Case) -> list[str]:
    return [str(gap) for gap in endpoints.unjudged(case) if "find each other" in gap.question]


def test_a_service_of_one_member_alone_is_not_judged() -> None:
    case = a_case(service=ONE_OF_THEM, **STATEFUL)
    assert Reason.SELECTOR_MISMATCH not in seen(case)
    [gap] = gaps(case)
    assert "without emqx-0: Service emqx selects 1 of 3 pods" in gap


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(a_case(service=a_service(app="emqx"), **STATEFUL), id="all of them"),
        pytest.param(a_case(service=a_service(app="web"), **STATEFUL), id="none of them"),
        pytest.param(a_case(service=ONE_OF_THEM, **{**STATEFUL, "replicas": 1}), id="the one that there is"),
        pytest.param(a_case(service=a_service(app="emqx"), members=()), id="a Deployment"),
        pytest.param(a_case(service=ONE_OF_THEM, members=WELL), id="members that run show it"),
    ],
)
def test_which_members_a_service_selects_is_known(case: Case) -> None:
    assert gaps(case) == []


def test_the_name_of_another_pod_selects_none() -> None:
    other = a_service(**{"statefulset.kubernetes.io/pod-name": "broker-0"})
    assert Reason.SELECTOR_MISMATCH in seen(a_case(service=other, **STATEFUL))
