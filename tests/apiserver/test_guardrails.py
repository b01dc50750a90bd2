"""What an operator that is taken over would try, with its own token: the API server refuses all of it.

That the policies let pass what the operator does is seen everywhere else: all stories run with them in force, and
`test_rights.py` finds no request of the operator's that was refused.
"""

import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

import manifests
from emqx_autocluster.api.annotations import MANAGED_BY, MANAGER, MODE, ORIGINAL, PAUSED
from emqx_autocluster.clients import dialling, identity, leaving, paths, sockets
from emqx_autocluster.clients.errors import APIError, Forbidden
from emqx_autocluster.clients.exec import Exec, ExecTarget
from emqx_autocluster.clients.kube import Kube, PatchType
from emqx_autocluster.text import grammar
from running import NAMESPACE, ROOT, SERVICE_ACCOUNT
from sandbox.handle import SandboxHandle

Object = dict[str, Any]
GUARDED = f"guarded-{os.getpid()}"
"""Each worker of pytest-xdist has its own."""
OURS = {MANAGED_BY: MANAGER}
POLICIES = list(yaml.safe_load_all((ROOT / "deploy" / "50-guardrails.yaml").read_text()))
SAYS = {validation["message"] for body in POLICIES for validation in body["spec"].get("validations", ())}


@pytest.fixture(scope="module")
def place(sandbox: SandboxHandle) -> str:
    """A namespace with workloads of each mode, and objects that are somebody else's."""
    sandbox.kubectl("create", "namespace", GUARDED)
    return GUARDED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thief(
    sandbox: SandboxHandle, place: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Kube]:
    """Whoever has the operator's token."""
    async with Kube.from_kubeconfig(sandbox.kubeconfig) as admin:
        await settled(admin, place)
    kubeconfig = sandbox.kubeconfig_for(
        NAMESPACE, SERVICE_ACCOUNT, tmp_path_factory.mktemp("thief") / "kubeconfig"
    )
    async with Kube.from_kubeconfig(Path(kubeconfig)) as kube:
        yield kube


async def settled(admin: Kube, namespace: str) -> None:
    """Paused and without pods, so that the operator has nothing to do there."""
    modes = {"enrolled": "Repair", "healed": " heal ", "observed": "Observe", "foreign": None}
    for name, mode in modes.items():
        body = manifests.deployment("5.8.9", namespace, manifests.CANONICAL, name=name, replicas=0)
        body["metadata"]["annotations"] = {MODE: mode, PAUSED: "true"} if mode else {}
        await admin.create(paths.deployments(namespace), body)
    body = manifests.stateful_set("5.8.9", namespace, manifests.CANONICAL, name="kept", replicas=0)
    body["metadata"]["annotations"] = {MODE: "Repair", PAUSED: "true"}
    await admin.create(paths.statefulsets(namespace), body)
    for name in ("others-discovery", "x-discovery"):
        await admin.create(paths.roles(namespace), manifests.role(namespace, name))
    await admin.create(
        paths.rolebindings(namespace), manifests.role_binding(namespace, "others-discovery", "emqx")
    )
    await admin.create(paths.emqxautoclusters(namespace), manifests.custom_resource(namespace))


def pod(**fields: Any) -> Object:
    return {"spec": {"template": {"spec": fields}}}


def container(**fields: Any) -> Object:
    return pod(containers=[{"name": "emqx", **fields}])


def env(name: str, **entry: Any) -> Object:
    return container(env=[{"name": name, **entry}])


def metadata(**fields: Any) -> Object:
    return {"metadata": fields}


SECRET = {"secretKeyRef": {"name": "admin", "key": "password"}}
ANY_OWNER = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}]

OF_A_WORKLOAD: Mapping[str, Object] = {
    "another image": container(image="evil:1"),
    "another command": container(command=["sh"]),
    "other arguments": container(args=["-c", "id"]),
    "a container with more rights": container(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}),
    "a hook": container(lifecycle={"postStart": {"exec": {"command": ["id"]}}}),
    "a probe that runs a command": container(livenessProbe={"exec": {"command": ["id"]}}),
    "a port of the node": container(ports=[{"containerPort": 1, "hostPort": 1}]),
    "another working directory": container(workingDir="/x"),
    "all of a Secret": container(envFrom=[{"secretRef": {"name": "admin"}}]),
    "a file of the node": pod(volumes=[{"name": "x", "hostPath": {"path": "/"}}]),
    "a mount": container(volumeMounts=[{"name": "x", "mountPath": "/x"}])
    | pod(volumes=[{"name": "x", "emptyDir": {}}]),
    "a second container": pod(containers=[{"name": "second", "image": "evil:1"}]),
    "an init container": pod(initContainers=[{"name": "first", "image": "evil:1"}]),
    "the node's network": pod(hostNetwork=True),
    "the node's processes": pod(hostPID=True),
    "root": pod(securityContext={"runAsUser": 0}),
    "another node": pod(nodeName="node-0"),
    "other nodes": pod(nodeSelector={"x": "y"}),
    "nodes with a taint": pod(tolerations=[{"operator": "Exists"}]),
    "another priority": pod(priorityClassName="system-node-critical"),
    "another runtime": pod(runtimeClassName="evil"),
    "a pull secret": pod(imagePullSecrets=[{"name": "admin"}]),
    "another account": pod(serviceAccountName="admin", serviceAccount="admin"),
    "no DNS of the cluster": pod(dnsPolicy="None", dnsConfig={"nameservers": ["10.9.9.9"]}),
    "a nameserver of its own": pod(dnsConfig={"nameservers": ["10.9.9.9"]}),
    "another host name": pod(hostAliases=[{"ip": "10.9.9.9", "hostnames": ["kubernetes.default.svc"]}]),
    "a library in all processes": env("LD_PRELOAD", value="/x.so"),
    "the cookie": env("EMQX_NODE_COOKIE", value="known"),
    "the node's name": env("EMQX_NODE__NAME", value="emqx@10.9.9.9"),
    "a Secret in a setting": env("EMQX_CLUSTER__K8S__APISERVER", value=None, valueFrom=SECRET),
    "labels of the pods": {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}},
    "annotations of the pods": {"spec": {"template": {"metadata": {"annotations": {"x": "y"}}}}},
    "more replicas": {"spec": {"replicas": 9}},
    "another deadline": {"spec": {"progressDeadlineSeconds": 1}},
    "no history": {"spec": {"revisionHistoryLimit": 0}},
    "another strategy": {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
    "its labels": metadata(labels={"x": "y"}),
    "an annotation of others": metadata(annotations={"x": "y"}),
    "its own mode": metadata(annotations={MODE: "Heal"}),
    "its own pause": metadata(annotations={PAUSED: None}),
    "an owner": metadata(ownerReferences=ANY_OWNER),
    "a finalizer": metadata(finalizers=["x.example/y"]),
}


async def refused(attempt: Any) -> None:
    """By one of these policies, and by nothing else."""
    with pytest.raises(Forbidden) as told:
        await attempt
    assert "ValidatingAdmissionPolicy 'emqx-autocluster-" in str(told.value)
    assert any(message in str(told.value) for message in SAYS)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("body", OF_A_WORKLOAD.values(), ids=OF_A_WORKLOAD)
async def test_of_a_workload_only_what_decides_about_clustering_may_change(
    thief: Kube, place: str, body: Object
) -> None:
    await refused(thief.patch(paths.deployments(place, "enrolled"), body, PatchType.STRATEGIC))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["observed", "foreign"])
async def test_a_workload_whose_user_did_not_ask_for_it_is_left_alone(
    thief: Kube, place: str, name: str
) -> None:
    await refused(
        thief.patch(paths.deployments(place, name), {"spec": {"minReadySeconds": 20}}, PatchType.STRATEGIC)
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_of_a_stateful_set_neither(thief: Kube, place: str) -> None:
    path = paths.statefulsets(place, "kept")
    await refused(thief.patch(path, container(image="evil:1"), PatchType.STRATEGIC))
    await refused(thief.patch(path, {"spec": {"replicas": 9}}, PatchType.STRATEGIC))


def now(name: str, value: str) -> Object:
    return env(name, value=value, valueFrom=None)


ALLOWED: Mapping[str, tuple[str, Object]] = {
    "a setting of the cluster": ("enrolled", now("EMQX_CLUSTER__K8S__APISERVER", manifests.CANONICAL)),
    "one in other letters": ("enrolled", now("emqx_cluster__k8s__namespace", GUARDED)),
    "an account for discovery": (
        "enrolled",
        pod(serviceAccountName="x-discovery", serviceAccount="x-discovery"),
    ),
    "a token": ("enrolled", pod(automountServiceAccountToken=True)),
    "the cluster's DNS": ("enrolled", pod(dnsPolicy="ClusterFirst")),
    "time between two pods": ("enrolled", {"spec": {"minReadySeconds": 20}}),
    "a rollout that is held": ("enrolled", {"spec": {"paused": True}}),
    "a mode in other letters": ("healed", {"spec": {"minReadySeconds": 20}}),
    "one pod at a time": (
        "enrolled",
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}},
    ),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "body"), ALLOWED.values(), ids=ALLOWED)
async def test_what_decides_about_clustering_may_change(
    thief: Kube, place: str, name: str, body: Object
) -> None:
    await thief.patch(paths.deployments(place, name), body, PatchType.STRATEGIC)


PARTING = {"spec": {"paused": None}, "metadata": {"annotations": {ORIGINAL: None}}}
NO_PARTING: tuple[Object, ...] = (
    PARTING | {"spec": {"paused": None, **now("EMQX_CLUSTER__K8S__APISERVER", "x")["spec"]}},
    PARTING | {"spec": {"paused": None, "minReadySeconds": 1}},
    {"spec": {"paused": True}, "metadata": {"annotations": {ORIGINAL: None}}},
)


@pytest.mark.asyncio(loop_scope="module")
async def test_who_opts_out_while_a_rollout_is_held_gets_it_back_and_nothing_else(
    thief: Kube, sandbox: SandboxHandle, place: str
) -> None:
    path = paths.deployments(place, "foreign")
    held = {"spec": {"paused": True}, "metadata": {"annotations": {ORIGINAL: "{}"}}}
    async with Kube.from_kubeconfig(sandbox.kubeconfig) as admin:
        await admin.patch(path, held, PatchType.STRATEGIC)
    for body in NO_PARTING:
        await refused(thief.patch(path, body, PatchType.STRATEGIC))
    await thief.patch(path, PARTING, PatchType.STRATEGIC)
    await refused(thief.patch(path, {"spec": {"minReadySeconds": 20}}, PatchType.STRATEGIC))


# commands


IDENTITY, PATTERN = identity.SCRIPT, sockets.pattern([4370, 5369])
DIALS = dialling.command([("10.0.0.1", 5369)])[2]
LEAVES = leaving.command(["emqx@10.0.0.1"])
SOCKETS = sockets.command([4370, 5369])

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "a shell": ("sh",),
    "a shell with a script": ("sh", "-c", "cat /etc/shadow"),
    "another shell": ("bash", "-c", "id"),
    "the environment": ("env",),
    "the token": ("cat", "/var/run/secrets/kubernetes.io/serviceaccount/token"),
    "a way up": ("cat", "/opt/emqx/data/mnesia/../../../../etc/shadow/a@b/mria_replicant_cluster_seed"),
    "Erlang": ("emqx", "eval", 'os:cmd("id")'),
    "a member that leaves": ("emqx_ctl", "cluster", "leave"),
    "a name of no node": ("emqx_ctl", "cluster", "join", "emqx@a;id"),
    "a second name": ("emqx_ctl", "cluster", "join", "emqx@a", "emqx@b"),
    "an admin": ("emqx_ctl", "admins", "add", "me", "secret"),
    "a plugin": ("emqx_ctl", "plugins", "install", "evil"),
    "a listener that stops": ("emqx_ctl", "listeners", "stop", "tcp:default"),
    "the identity, and more": ("sh", "-c", f"{IDENTITY}; id", "sh", PATTERN),
    "more before the identity": ("sh", "-c", f"id; {IDENTITY}", "sh", PATTERN),
    "the identity of more": (
        "sh",
        "-c",
        IDENTITY.replace("EMQX_NAME|", "EMQX_NODE_COOKIE|"),
        "sh",
        PATTERN,
    ),
    "the identity and all sockets": ("sh", "-c", IDENTITY, "sh", ".*"),
    "the identity and another file": ("sh", "-c", IDENTITY, "sh", PATTERN, "/etc/shadow"),
    "a dial, and more": ("sh", "-c", f"{DIALS}; id"),
    "more in a dial": ("sh", "-c", DIALS.replace("10.0.0.1", "10.0.0.1$(id)")),
    "a dial by name": ("sh", "-c", DIALS.replace("10.0.0.1", "evil.example")),
    "a line more in a dial": ("sh", "-c", f"{DIALS}\nid"),
    "names that leave, and more": ("sh", "-c", f"{LEAVES[2]}; id", "sh", "emqx@10.0.0.1"),
    "a name that is none": (*LEAVES[:4], "$(id)"),
    "another program's name": ("sh", "-c", LEAVES[2], "bash", "emqx@10.0.0.1"),
    "another file": (*SOCKETS[:3], "/etc/shadow", "/proc/net/tcp6"),
    "another pattern": ("grep", "-hE", ".*", "/proc/net/tcp", "/proc/net/tcp6"),
    "another option": ("grep", "-rhE", *SOCKETS[2:]),
    "the users": ("getent", "passwd", "root"),
    "a host that is an option": ("getent", "hosts", "-s"),
    "no command": ("true",),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("argv", COMMANDS.values(), ids=COMMANDS)
async def test_no_other_command_runs_in_a_pod(thief: Kube, place: str, argv: tuple[str, ...]) -> None:
    await refused(Exec(thief, 4).run(ExecTarget(place, "any", "emqx"), argv, 20))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("channel", ["stdin", "tty"])
async def test_nothing_is_typed_into_a_pod(thief: Kube, place: str, channel: str) -> None:
    query = [("command", word) for word in ("emqx_ctl", "cluster", "status")]
    query += [("stdout", "true"), (channel, "true"), ("container", "emqx")]

    async def typed() -> None:
        async with thief.websocket(paths.pod_exec(place, "any"), query, ["v5.channel.k8s.io"], 1024):
            pass

    await refused(typed())


# other objects


def role(name: str = "x-discovery", labels: Object | None = None, **rule: Any) -> Object:
    body = manifests.role(GUARDED, name)
    body["metadata"]["labels"] = OURS if labels is None else labels
    body["rules"][0] |= rule
    return body


def binding(name: str = "x-discovery", labels: Object | None = None, **fields: Any) -> Object:
    body = manifests.role_binding(GUARDED, name, "emqx")
    body["metadata"]["labels"] = OURS if labels is None else labels
    return body | fields


def service(**spec: Any) -> Object:
    body = manifests.service(GUARDED, name="x")
    body["metadata"]["labels"] = OURS
    body["spec"] = {"clusterIP": "None", "selector": {"app": "emqx"}, "ports": [{"port": 4370}]} | spec
    return body


def account(labels: Object, **annotations: str) -> Object:
    return manifests.service_account(GUARDED, "x") | {
        "metadata": {"name": "x", "namespace": GUARDED, "labels": labels, "annotations": annotations}
    }


def subject(kind: str, name: str, namespace: str | None = None) -> list[Object]:
    of = {"kind": kind, "name": name}
    return [of | ({"namespace": namespace} if namespace else {"apiGroup": "rbac.authorization.k8s.io"})]


def event(controller: str) -> Object:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "x", "namespace": GUARDED},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": controller,
        "reportingInstance": "x",
        "type": "Normal",
        "reason": "X",
        "action": "X",
        "regarding": {"kind": "Pod", "namespace": GUARDED, "name": "x"},
    }


ROLES, BINDINGS = paths.roles(GUARDED), paths.rolebindings(GUARDED)
MADE: Mapping[str, tuple[str, Object]] = {
    "a Role for two Endpoints": (ROLES, role(resourceNames=["a", "b"])),
    "a Role for all Endpoints": (ROLES, role(resourceNames=[])),
    "a Role of another name": (ROLES, role("admin")),
    "a Role without our label": (ROLES, role(labels={})),
    "a binding to another Role": (
        BINDINGS,
        binding(
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "others-discovery"}
        ),
    ),
    "a binding for a user": (BINDINGS, binding(subjects=subject("User", "me"))),
    "a binding for a group": (BINDINGS, binding(subjects=subject("Group", "system:authenticated"))),
    "a binding for another namespace": (
        BINDINGS,
        binding(subjects=subject("ServiceAccount", "emqx", "default")),
    ),
    "a binding for two": (BINDINGS, binding(subjects=subject("ServiceAccount", "a", GUARDED) * 2)),
    "a binding without our label": (BINDINGS, binding(labels={})),
    "an account without our label": (paths.serviceaccounts(GUARDED), account({})),
    "an account known to a cloud": (
        paths.serviceaccounts(GUARDED),
        account(OURS, **{"eks.amazonaws.com/role-arn": "admin"}),
    ),
    "a Service that is reached from outside": (paths.services(GUARDED), service(externalIPs=["10.9.9.9"])),
    "a load balancer": (paths.services(GUARDED), service(type="LoadBalancer", clusterIP="")),
    "a Service that leads elsewhere": (
        paths.services(GUARDED),
        service(type="ExternalName", externalName="x.y", clusterIP=""),
    ),
    "a Service of all pods": (paths.services(GUARDED), service(selector={})),
    "an eviction of whatever has that name": (
        paths.pod_eviction(GUARDED, "any"),
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "any", "namespace": GUARDED}},
    ),
    "an event of the kubelet's": (paths.events(GUARDED), event("kubelet")),
    "a resource that nobody can delete": (
        paths.emqxautoclusters(GUARDED),
        manifests.custom_resource(GUARDED, name="x")
        | {"metadata": {"name": "x", "namespace": GUARDED, "labels": OURS, "finalizers": ["x.example/y"]}},
    ),
    "a resource without our label": (
        paths.emqxautoclusters(GUARDED),
        manifests.custom_resource(GUARDED, name="x"),
    ),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("path", "body"), MADE.values(), ids=MADE)
async def test_nothing_else_is_made(thief: Kube, path: str, body: Object) -> None:
    await refused(thief.create(path, body))


@pytest.mark.asyncio(loop_scope="module")
async def test_what_belongs_to_others_stays(thief: Kube, place: str) -> None:
    path = paths.roles(place, "others-discovery")
    found = await thief.get(path)
    assert found is not None
    await refused(
        thief.replace(path, role("others-discovery") | {"metadata": found["metadata"] | {"labels": OURS}})
    )
    await refused(thief.delete(paths.rolebindings(place, "others-discovery")))
    await refused(thief.delete(paths.emqxautoclusters(place, "emqx")))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(
            ROLES,
            manifests.role(GUARDED, "x")
            | {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]},
            id="all rights",
        ),
        pytest.param(
            paths.pods(GUARDED),
            {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "x"}]}},
            id="a pod",
        ),
        pytest.param(paths.deployments(GUARDED), {"metadata": {"name": "x"}, "spec": {}}, id="a Deployment"),
        pytest.param(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            {"metadata": {"name": "x"}},
            id="a right everywhere",
        ),
        pytest.param(
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
            {"metadata": {"name": "x"}},
            id="a policy",
        ),
    ],
)
async def test_what_rbac_refuses_is_refused(thief: Kube, path: str, body: Object) -> None:
    with pytest.raises(APIError) as told:
        await thief.create(path, body)
    assert told.value.status in {403, 422}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "path", [paths.configmaps("kube-system", "x"), "/api/v1/namespaces/default/secrets/x"]
)
async def test_no_policy_can_be_taken_away(thief: Kube, path: str) -> None:
    with pytest.raises(Forbidden):
        await thief.delete(path)
    name = "emqx-autocluster-exec"
    with pytest.raises(Forbidden):
        await thief.delete(f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}")


# one source


def expression(variable: str) -> str:
    [policy] = [
        b for b in POLICIES if b["metadata"]["name"] == "emqx-autocluster-exec" and "variables" in b["spec"]
    ]
    found: str = next(v["expression"] for v in policy["spec"]["variables"] if v["name"] == variable)
    return found


def test_the_policies_have_the_texts_of_the_code() -> None:
    assert f'r"""{IDENTITY}"""' in expression("identifies")
    node = yaml.safe_load(expression("node"))
    assert node.replace("\\\\", "\\") == f"^{grammar.NODE}$"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("dials", dialling.command([("10.0.0.1", 5369), ("fd00::1", 5370)])[2]),
        ("leaves", leaving.command([f"emqx@{n}" for n in range(16)])[2]),
        ("sockets", sockets.pattern([4370, 5369, 5370])),
        ("sockets", sockets.pattern([4370])),
    ],
)
def test_the_patterns_fit_what_the_code_makes(variable: str, text: str) -> None:
    [pattern] = re.findall(r"'(\^(?:[^'\\]|\\.)*\$)'", expression(variable))
    assert re.fullmatch(pattern.replace("\\'", "'").replace("\\\\", "\\"), text)
