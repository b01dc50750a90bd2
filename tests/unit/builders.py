"""Values for tests of the decisions: a healthy workload of three, of which a test names only what matters.

Members are written as their views group them: `members("a b", "c")` are two that see each other, and one alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from emqx_autocluster import diagnosis, healing
from emqx_autocluster.api import annotations
from emqx_autocluster.api.annotations import MODE
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.api.v1alpha1 import Attempt, EMQXAutoCluster, Procedure, SeenMember, Spec, StatusModel
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import (
    ADDRESS_TYPE,
    API_SERVER,
    APP_NAME,
    NAME,
    NAMESPACE,
    SERVICE_NAME,
    SUFFIX,
)
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER
from emqx_autocluster.emqx.versions import UNKNOWN_VERSION, from_tag
from emqx_autocluster.healing import Memory, Plan
from emqx_autocluster.healing.steps import Action
from emqx_autocluster.observation import (
    Container,
    DNSAnswer,
    DNSOutcome,
    EndpointAddress,
    Endpoints,
    EnvFrom,
    EnvVar,
    Identity,
    JoinTrace,
    ManagedObject,
    Member,
    Mount,
    Network,
    Observation,
    Pod,
    PodTemplate,
    ResolvConf,
    Rights,
    Service,
    Unobserved,
    View,
    Workload,
    WorkloadKind,
    WorkloadRef,
)
from emqx_autocluster.settings import SAFE_MIN_READY_SECONDS

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""The wall clock of every observation."""
DEAD_PROXY = "http://192.168.1.31:8888"
NODE_ONLY_NAME = "apiserver.cluster.local"
CLUSTER_IP = "10.96.0.1"
SERVICE_FQDN = "kubernetes.default.svc.cluster.local."
CANONICAL_HOST = "kubernetes.default.svc"
CERTIFICATE_HOSTS = frozenset(
    {"kubernetes", "kubernetes.default", CANONICAL_HOST, SERVICE_FQDN.rstrip("."), CLUSTER_IP}
)
NOT_READ = Unobserved("the request timed out")


STRATEGY = "EMQX_CLUSTER__DISCOVERY_STRATEGY"
"""As 5.0 and later read it."""
IN_A_SECRET = EnvVar(STRATEGY, None, {"secretKeyRef": {"name": "settings", "key": "strategy"}})

GOOD_MANIFEST = """\
apiVersion: v1
kind: Service
metadata: {name: emqx}
spec:
  selector: {app: emqx}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: emqx
spec:
  replicas: 3
  minReadySeconds: 20
  selector: {matchLabels: {app: emqx}}
  template:
    metadata: {labels: {app: emqx}}
    spec:
      containers:
        - name: emqx
          image: emqx/emqx:5.8.9
          env:
            - {name: EMQX_CLUSTER__DISCOVERY_STRATEGY, value: k8s}
            - {name: EMQX_CLUSTER__K8S__APISERVER, value: "https://kubernetes.default.svc:443"}
            - {name: EMQX_CLUSTER__K8S__SERVICE_NAME, value: emqx}
            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}
"""
"""A Service and its Deployment, in which nothing is wrong; tests count its lines."""


def ago(seconds: float) -> datetime:
    return AT - timedelta(seconds=seconds)


# --- workloads


def a_container(
    image: str = "emqx/emqx:5.8.9", env: Mapping[str, str | EnvVar | None] | None = None, **facts: Any
) -> Container:
    """With the settings of k8s discovery that are right; `env` adds, replaces, and (None) takes away."""
    generation = (from_tag(image) or UNKNOWN_VERSION).generations[0]
    settings: dict[str, str | EnvVar | None] = {
        generation.strategy_variable: "k8s",
        API_SERVER: CANONICAL_API_SERVER,
        SERVICE_NAME: "emqx",
        NAMESPACE: "iot",
        ADDRESS_TYPE: "ip",
        # 4.x has no defaults for these by which a node could be found.
        **({NAME: "emqx", APP_NAME: "emqx"} if generation.is_4x else {}),
        **(env or {}),
    }
    entries = (EnvVar(n, v) if isinstance(v, str) else v for n, v in settings.items() if v is not None)
    facts.setdefault(
        "mounted", tuple(Mount(path.rstrip("/"), "a volume") for path in facts.get("mounts", ()))
    )
    return Container("emqx", image, tuple(entries), **facts)


_CONTAINER = {"image", "env", "env_from", "mounts", "mounted", "projects_token", "token_audience"}
_TEMPLATE = {f.name for f in fields(PodTemplate)} - {"annotations"}
_WORKLOAD = {f.name for f in fields(Workload)} | {"kind", "mode", "template_annotations"}


def a_workload(kind: WorkloadKind = WorkloadKind.DEPLOYMENT, **facts: Any) -> Workload:
    """A Deployment of three in mode Repair, rolled out. Takes fields of its template and container as well."""
    container = {name: facts.pop(name) for name in _CONTAINER & facts.keys()}
    template = {name: facts.pop(name) for name in _TEMPLATE & facts.keys()}
    template.setdefault("containers", (a_container(**container),))
    template.setdefault("service_account", "emqx")
    template["annotations"] = facts.pop("template_annotations", {})
    template.setdefault("labels", {"app": "emqx"})
    replicas = facts.setdefault("replicas", 3)
    mode = facts.pop("mode", "Repair")
    facts["annotations"] = ({MODE: mode} if mode else {}) | dict(facts.get("annotations", {}))
    healthy: dict[str, Any] = {
        "ref": WorkloadRef("iot", kind, "emqx"),
        "uid": "uid-workload",
        "generation": 4,
        "observed_generation": 4,
        "resource_version": "1000",
        "template": PodTemplate(**template),
        "selector": {"matchLabels": {"app": "emqx"}},
        "min_ready_seconds": 20,
        "pod_management": "Parallel",
        "status_replicas": replicas,
        "updated_replicas": replicas,
        "ready_replicas": replicas,
        "available_replicas": replicas,
    }
    return Workload(**{**healthy, **facts})


def a_stateful_set(**facts: Any) -> Workload:
    """With headless Service and addresses by host name, so that a member keeps its name."""
    env = {ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local", **facts.pop("env", {})}
    return a_workload(
        WorkloadKind.STATEFUL_SET,
        env=env,
        **{"service_name": "emqx", "update_revision": "emqx-1", **facts},
    )


IN_ROLLOUT: Mapping[str, Any] = {"generation": 5, "observed_generation": 5, "updated_replicas": 1}
"""One of three pods is made from the new template."""
ENV_FROM_SETTINGS = (EnvFrom(config_map="settings"),)


# --- members


def ip_of(suffix: str) -> str:
    """Pod `emqx-a` has 10.244.0.1, pod `emqx-0` has 10.244.0.100."""
    return f"10.244.0.{100 + int(suffix)}" if suffix.isdigit() else f"10.244.0.{ord(suffix[0]) - 96}"


def node_of(suffix: str) -> str:
    """Pods with letters are a Deployment's, named after their address; those with digits a StatefulSet's."""
    return f"emqx@emqx-{suffix}.emqx.iot.svc.cluster.local" if suffix.isdigit() else f"emqx@{ip_of(suffix)}"


def a_pod(suffix: str = "a", **facts: Any) -> Pod:
    """Ready, and running for an hour."""
    healthy: dict[str, Any] = {
        "name": f"emqx-{suffix}",
        "uid": f"uid-{suffix}",
        "ip": ip_of(suffix),
        "created": ago(3600),
        "ready": True,
        "hostname": f"emqx-{suffix}",
        "subdomain": "emqx" if suffix.isdigit() else "",
        "service_account": "emqx",
        "container_id": f"containerd://{suffix}",
        "running_since": ago(3600),
        "labels": {"app": "emqx", "pod-template-hash": "7d9f8b6c5"},
    }
    return Pod(**{**healthy, **facts})


def a_down_pod(suffix: str = "a", waiting: str = "CrashLoopBackOff: back-off 40s", **facts: Any) -> Pod:
    return a_pod(suffix, **{"ready": False, "running_since": None, "waiting": waiting, **facts})


def a_member(
    suffix: str = "a",
    *,
    sees: Iterable[str] = (),
    stopped: Iterable[str] = (),
    pod: Pod | None = None,
    **facts: Any,
) -> Member:
    """Lists itself and the members in `sees` as running, and the nodes in `stopped` as stopped."""
    names = frozenset({node_of(suffix), *map(node_of, sees)})
    defaults: dict[str, Any] = {
        "pod": pod or a_pod(suffix),
        "identity": an_identity(EMQX_NODE__NAME=node_of(suffix)),
        "view": View(names, frozenset(stopped)),
        "lookups": {CANONICAL_HOST: (CLUSTER_IP,)},
        "connections": 100,
        "node": node_of(suffix),
    }
    return Member(**{**defaults, **facts})


def a_down_member(suffix: str = "a", **pod: Any) -> Member:
    unread = Unobserved("its container does not run")
    return a_member(suffix, pod=a_down_pod(suffix, **pod), identity=unread, view=unread, node=None)


def an_identity(version: str | None = None, **environ: str) -> Identity:
    """Of the version that the image's tag names, unless another one is given."""
    conf = ResolvConf(("10.96.0.10",), ("iot.svc.cluster.local", "svc.cluster.local", "cluster.local"), 5)
    return Identity(environ, version, conf)


def members(*islands: str, stopped: Iterable[str] = (), **facts: Any) -> tuple[Member, ...]:
    """One island of members per argument; facts are each member's."""
    found = [
        a_member(name, sees=island.split(), stopped=stopped, **facts)
        for island in islands
        for name in island.split()
    ]
    return tuple(sorted(found, key=lambda member: member.pod.name))


def changed(group: Iterable[Member], suffix: str, **facts: Any) -> tuple[Member, ...]:
    """The same members, one of them with other facts; facts of its pod count as well."""
    pod = {name: facts.pop(name) for name in {f.name for f in fields(Pod)} & facts.keys()}
    return tuple(
        replace(m, pod=replace(m.pod, **pod), **facts) if m.pod.name == f"emqx-{suffix}" else m for m in group
    )


STOPPED_TO_JOIN = "[warning] msg: Stopping mria, reason: join"


def half_joined(group: Iterable[Member], suffix: str, *, seconds: float = 300) -> tuple[Member, ...]:
    """The same members, one of them with its applications stopped for a join that never ended."""
    trace = JoinTrace(ago(seconds), listening_again=False, line=STOPPED_TO_JOIN)
    return changed(group, suffix, ready=False, join_trace=trace)


# --- what surrounds them


def an_object(name: str, *, ours: bool = False, **body: Any) -> ManagedObject:
    return ManagedObject(name, f"uid-{name}", ours, body)


def some_rights(**facts: Any) -> Rights:
    """The template names a ServiceAccount of its own, which may get the Endpoints."""
    known: dict[str, Any] = {
        "service_account": an_object("emqx"),
        "dedicated_account": None,
        "role": None,
        "role_binding": None,
        "dedicated_allowed": False,
        "allowed": True,
    }
    return Rights(**{**known, **facts})


def some_endpoints(group: Iterable[Member]) -> Endpoints:
    addresses = (
        EndpointAddress(m.pod.ip or "", m.pod.hostname if m.pod.subdomain else None, m.pod.name)
        for m in group
    )
    return Endpoints(tuple(addresses))


def an_answer(name: str = SERVICE_FQDN, *addresses: str) -> DNSAnswer:
    return DNSAnswer(name, DNSOutcome.ANSWER, addresses or (CLUSTER_IP,))


def a_network(**facts: Any) -> Network:
    known: dict[str, Any] = {"dns": {SERVICE_FQDN: an_answer()}, "certificate_hosts": CERTIFICATE_HOSTS}
    return Network(**{**known, **facts})


def an_observation(workload: Workload | None = None, **facts: Any) -> Observation:
    """All is well and everything was read. Facts of the workload count as well."""
    mine = {name: facts.pop(name) for name in (_WORKLOAD | _TEMPLATE | _CONTAINER) & facts.keys()}
    if workload is None:
        stateful = mine.pop("kind", WorkloadKind.DEPLOYMENT) is WorkloadKind.STATEFUL_SET
        workload = a_stateful_set(**mine) if stateful else a_workload(**mine)
    headless = workload.ref.kind is WorkloadKind.STATEFUL_SET
    names = "0 1 2" if headless else "a b c"
    group = facts.pop("members", members(names))
    known: dict[str, Any] = {
        "service": Service("emqx", {"app": "emqx"}, headless=headless, publish_not_ready=headless),
        "endpoints": some_endpoints(() if isinstance(group, Unobserved) else group),
        "rights": some_rights(),
        "network": a_network(),
    }
    return Observation(AT, "emqx", workload, group, **{**known, **facts})


def a_case(
    observation: Observation | None = None,
    *,
    spec: Mapping[str, Any] | None = None,
    unreachable: str | None = None,
    safe_seconds: int = SAFE_MIN_READY_SECONDS,
    **facts: Any,
) -> Case:
    """Options come from the workload's annotations, as in life; `spec` is the custom resource's, in its own words."""
    seen = observation or an_observation(**facts)
    options = annotations.parse(seen.workload.annotations)
    return diagnosis.build(seen, options, a_spec(**(spec or {})), unreachable, safe_seconds)


def core_node(number: int) -> str:
    return f"emqx@core-{number}.cores.iot.svc.cluster.local"


def cores(*islands: str, **facts: Any) -> tuple[Member, ...]:
    """Pods core-0, ... of StatefulSet core; one island of ordinals per argument. All list all of `replicants`."""
    replicants = facts.pop("replicants", ())
    found = []
    for island in islands:
        names = {core_node(int(n)) for n in island.split()}
        for n in island.split():
            pod = a_pod(n, name=f"core-{n}", hostname=f"core-{n}", subdomain="cores", uid=f"uid-core-{n}")
            node = core_node(int(n))
            found.append(
                Member(
                    **{
                        "pod": pod,
                        "identity": an_identity(EMQX_NODE__NAME=node),
                        "view": View(frozenset(names | set(replicants))),
                        "node": node,
                        "owner": "StatefulSet core",
                        **facts,
                    }
                )
            )
    return tuple(sorted(found, key=lambda core: core.pod.name))


REPLICANTS = ("a", "b")


def some_replicants(*seen: str, names: Iterable[str] = REPLICANTS, **facts: Any) -> tuple[Member, ...]:
    """Each lists all of them and the nodes in `seen`."""
    running = frozenset({*map(node_of, names), *seen})
    defaults: dict[str, Any] = {"view": View(running), "replicant": True, "pinned_to": None, **facts}
    return tuple(a_member(name, **defaults) for name in names)


def replicants_case(**facts: Any) -> Case:
    """A Deployment of two replicants that asks for the Service of two cores with host names, and is well."""
    env = {
        SERVICE_NAME: "cores",
        ADDRESS_TYPE: "hostname",
        SUFFIX: "svc.cluster.local",
        "EMQX_NODE__ROLE": "replicant",
        "POD_IP": EnvVar("POD_IP", None, {"fieldRef": {"fieldPath": "status.podIP"}}),
        "EMQX_HOST": "$(POD_IP)",
        **facts.pop("env", {}),
    }
    own = tuple(map(node_of, REPLICANTS))
    behind = facts.pop("cores", cores("0 1", replicants=own))
    up = () if isinstance(behind, Unobserved) else behind
    known: dict[str, Any] = {
        "image": "emqx/emqx-enterprise:5.8.9",
        "replicas": 2,
        "min_ready_seconds": 0,
        "members": some_replicants(*(core.node or "" for core in up)),
        "cores": behind,
        "service": Service("cores", {"app": "emqx", "role": "core"}, headless=True, publish_not_ready=True),
        "endpoints": some_endpoints(up),
    }
    return a_case(env=env, **{**known, **facts})


def the_seed_story(**facts: Any) -> Case:
    """A dead proxy's address, three lone members, ServiceAccount default without rights, minReadySeconds 0."""
    story: dict[str, Any] = {
        "image": "emqx/emqx:4.4.19",
        "service_account": "default",
        "min_ready_seconds": 0,
        "members": members("a", "b", "c"),
        "rights": some_rights(service_account=an_object("default"), allowed=False),
    }
    env = {API_SERVER: DEAD_PROXY, **facts.pop("env", {})}
    return a_case(env=env, **{**story, **facts})


def a_spec(**spec: Any) -> Spec:
    target = {"kind": "Deployment", "name": "emqx"}
    return Spec.model_validate({"targetRef": target, **spec})


def a_resource(status: StatusModel | None = None, **spec: Any) -> EMQXAutoCluster:
    metadata = {"name": "emqx", "namespace": "iot", "uid": "uid-eac", "generation": 2, "resourceVersion": "7"}
    body = {"metadata": metadata, "spec": a_spec(**spec).model_dump(by_alias=True)}
    return EMQXAutoCluster.model_validate(body).model_copy(update={"status": status or StatusModel()})


# --- what earlier passes left


def a_procedure(*seen: str, begun: float = 600, attempts: Iterable[Attempt] = (), **nodes: str) -> Procedure:
    """A repair that began `begun` seconds ago and saw these pods; `nodes` are further ones by their suffix."""
    named = {**{suffix: node_of(suffix) for suffix in seen}, **nodes}
    recorded = (SeenMember(pod=f"emqx-{s}", uid=f"uid-{s}", node=node) for s, node in named.items())
    return Procedure(started_at=ago(begun), members=tuple(recorded), attempts=tuple(attempts))


def an_attempt(
    action: Action, subject: str, *, count: int = 1, seconds: float = 120, said: str = "Failed"
) -> Attempt:
    return Attempt(action=action, subject=subject, count=count, time=ago(seconds), message=said)


NOTHING_BEFORE = Memory()


# --- verdicts


def judge(case: Case, kind: ConditionType) -> Finding:
    return diagnosis.diagnose(case)[kind]


def plan_of(case: Case, memory: Memory = NOTHING_BEFORE) -> Plan:
    return healing.plan(case, diagnosis.diagnose(case), memory)


def tells(finding: Finding, verdict: tuple[Status, Reason], *words: str) -> None:
    """Asserts what a condition says: its verdict, and the words of its message that a reader needs."""
    assert (finding.status, finding.reason) == verdict, finding
    missing = [word for word in words if word not in finding.message]
    assert not missing, f"{missing} not in: {finding.message}"


def outline(plan: Plan) -> list[str]:
    """`JoinCluster Pod/emqx-b`, ... in order."""
    return [f"{step.action} {step.subject}" for step in plan.steps]


def now(plan: Plan) -> list[str]:
    return [f"{step.action} {step.subject}" for step in plan.now]
