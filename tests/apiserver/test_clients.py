"""The clients against a real API server, a real CoreDNS, and exec through the API server into hollow pods."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.config import incluster_config

from emqx_autocluster.clients import certificate, exec, paths  # noqa: A004 - its module's name
from emqx_autocluster.clients.certificate import certificate_hosts
from emqx_autocluster.clients.emqx_answers import DiscoveryOutcome, ForceLeaveOutcome, JoinOutcome
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import (
    APIError,
    Conflict,
    ContainerNotRunning,
    ExecRefused,
    ExecTimedOut,
    Forbidden,
    Invalid,
    UnreadableAnswer,
)
from emqx_autocluster.clients.exec import Exec, ExecTarget
from emqx_autocluster.clients.join_trace import parse_join_trace
from emqx_autocluster.clients.kube import Kube, PatchType, Propagation
from emqx_autocluster.clients.resolver import ClusterResolver
from emqx_autocluster.observation import DNSAnswer, DNSOutcome, Unobserved
from sandbox.handle import KubectlError, SandboxHandle
from sandbox.kubelet.control import Control

SECONDS = 60
POLL_SECONDS = 0.2


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"app": name}}, "data": data}


async def test_an_object_lives_and_dies(kube: Kube, namespace: str) -> None:
    path = paths.configmaps(namespace, "a")
    assert await kube.get(path) is None
    made = await kube.create(paths.configmaps(namespace), config_map("a", x="1"))
    assert made["metadata"]["managedFields"][0]["manager"] == "emqx-autocluster"
    read = await kube.get(path)
    assert read is not None
    assert read["data"] == {"x": "1"}
    replaced = await kube.replace(path, {**read, "data": {"x": "2", "y": "2"}})
    assert replaced["data"] == {"x": "2", "y": "2"}
    with pytest.raises(Conflict):
        await kube.delete(path, uid="00000000-0000-0000-0000-000000000000")
    assert await kube.delete(path, uid=made["metadata"]["uid"]) is True
    assert await kube.delete(path, propagation=Propagation.FOREGROUND) is False


async def test_the_three_kinds_of_patch(kube: Kube, namespace: str) -> None:
    await kube.create(paths.pods(namespace), pod("a", "busybox:1", {"A": "1", "B": "2"}))
    path = paths.pods(namespace, "a")
    merged = await kube.patch(path, {"metadata": {"labels": {"m": "1"}}}, PatchType.MERGE)
    assert merged["metadata"]["labels"] == {"m": "1"}
    strategic = {"metadata": {"$retainKeys": ["labels", "name"], "labels": {"s": "1"}}}
    assert (await kube.patch(path, strategic, PatchType.STRATEGIC))["metadata"]["labels"]["s"] == "1"
    json_patch = [{"op": "add", "path": "/metadata/labels/j", "value": "1"}]
    assert (await kube.patch(path, json_patch, PatchType.JSON))["metadata"]["labels"]["j"] == "1"


async def test_a_template_is_patched_by_its_variables_name(kube: Kube, namespace: str) -> None:
    source = {"configMapKeyRef": {"name": "c", "key": "k"}}
    await kube.create(paths.deployments(namespace), deployment("d", {"name": "A", "valueFrom": source}))
    path = paths.deployments(namespace, "d")

    def change(entry: dict[str, Any]) -> dict[str, Any]:
        return {"spec": {"template": {"spec": {"containers": [{"name": "emqx", "env": [entry]}]}}}}

    with pytest.raises(Invalid, match="may not be specified when `value` is not empty"):
        await kube.patch(path, change({"name": "A", "value": "v"}), PatchType.STRATEGIC)
    done = await kube.patch(path, change({"name": "A", "value": "v", "valueFrom": None}), PatchType.STRATEGIC)
    assert done["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "v"}]


async def test_conflicts_are_told_apart(kube: Kube, namespace: str) -> None:
    made = await kube.create(paths.configmaps(namespace), config_map("a"))
    with pytest.raises(Conflict) as exists:
        await kube.create(paths.configmaps(namespace), config_map("a"))
    assert exists.value.already_exists
    path = paths.configmaps(namespace, "a")
    await kube.patch(path, {"data": {"x": "1"}}, PatchType.MERGE)
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"x": "2"}}
    with pytest.raises(Conflict) as conflict:
        await kube.patch(path, stale, PatchType.MERGE)
    assert (conflict.value.reason, conflict.value.already_exists) == ("Conflict", False)


async def test_only_get_and_delete_take_an_absence_calmly(kube: Kube, namespace: str) -> None:
    with pytest.raises(APIError, match="NotFound") as caught:
        await kube.patch(paths.pods(namespace, "nobody"), {}, PatchType.MERGE)
    assert caught.value.status == 404


async def test_lists_come_in_chunks_and_by_selector(kube: Kube, namespace: str) -> None:
    for name in ("a", "b", "c"):
        await kube.create(paths.configmaps(namespace), config_map(name))
    found = await kube.list(paths.configmaps(namespace), label_selector="app in (a,b,c)", limit=1)
    assert [item["metadata"]["name"] for item in found] == ["a", "b", "c"]
    one = await kube.list(
        paths.configmaps(), field_selector=f"metadata.namespace={namespace},metadata.name=b"
    )
    assert [item["metadata"]["name"] for item in one] == ["b"]


async def test_without_rights(sandbox: SandboxHandle, namespace: str, tmp_path: Path) -> None:
    sandbox.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    kubeconfig = sandbox.kubeconfig_for(namespace, "nobody", tmp_path / "nobody")
    async with Kube.from_kubeconfig(kubeconfig) as kube:
        with pytest.raises(Forbidden, match=f'User "system:serviceaccount:{namespace}:nobody" cannot get'):
            await kube.get(paths.endpoints(namespace, "emqx"))
        with pytest.raises(Forbidden, match="pods/exec"):
            await Exec(kube, 1).run(ExecTarget(namespace, "a", "b"), ["true"], 10)


async def test_the_authorizer_is_asked(kube: Kube, namespace: str) -> None:
    attributes = {"namespace": namespace, "verb": "get", "resource": "endpoints", "name": "emqx"}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "LocalSubjectAccessReview",
        "metadata": {"namespace": namespace},
        "spec": {"user": f"system:serviceaccount:{namespace}:default", "resourceAttributes": attributes},
    }
    answer = await kube.create(paths.local_subject_access_reviews(namespace), body)
    assert answer["status"]["allowed"] is False


@pytest.fixture
def in_cluster(
    sandbox: SandboxHandle, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The environment and files of a pod; gives the token file."""
    address = sandbox.server.removeprefix("https://").split(":")
    token = tmp_path / "token"
    sandbox.kubectl("create", "serviceaccount", "operator", "-n", namespace)
    token.write_text(sandbox.kubectl("create", "token", "operator", "-n", namespace).strip())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", address[0])
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", address[1])
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(sandbox.ca))
    return token


async def test_a_pods_token_may_change_under_it(in_cluster: Path) -> None:
    fresh = in_cluster.read_text()
    in_cluster.write_text("expired")
    async with Kube.from_service_account() as kube:
        with pytest.raises(APIError, match="Unauthorized"):
            await kube.get("/api/v1")
        in_cluster.write_text(fresh)
        assert await kube.get("/api/v1") is not None


async def test_the_certificate_is_the_services(kube: Kube, in_cluster: Path) -> None:
    assert in_cluster.exists()
    outside = await certificate_hosts(kube)
    assert not isinstance(outside, Unobserved)
    assert {"kubernetes.default.svc", "127.0.0.1"} <= outside
    async with Kube.from_service_account() as inside:
        assert await certificate_hosts(inside) == outside


async def test_a_certificate_for_another_name(
    kube: Kube, in_cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_cluster.exists()
    monkeypatch.setattr(certificate, "CANONICAL_HOST", "apiserver.cluster.local")
    outside = await certificate_hosts(kube)
    assert isinstance(outside, Unobserved)
    assert "apiserver.cluster.local" in outside.reason
    async with Kube.from_service_account() as inside:
        assert await certificate_hosts(inside) == frozenset()


@pytest.fixture
def resolver(sandbox: SandboxHandle) -> ClusterResolver:
    host, port = sandbox.dns.rsplit(":", 1)
    return ClusterResolver(host, int(port))


@pytest.mark.parametrize(
    ("name", "outcome", "addresses"),
    [
        ("kubernetes.default.svc.cluster.local.", DNSOutcome.ANSWER, ("10.96.0.1",)),
        ("no-such.default.svc.cluster.local.", DNSOutcome.NXDOMAIN, ()),
        ("default.svc.cluster.local.", DNSOutcome.NODATA, ()),
        ("nowhere.invalid.", DNSOutcome.NXDOMAIN, ()),
    ],
)
async def test_the_clusters_dns(
    resolver: ClusterResolver, name: str, outcome: DNSOutcome, addresses: tuple[str, ...]
) -> None:
    assert await resolver.lookup(name) == DNSAnswer(name, outcome, addresses)


async def test_an_answer_too_long_for_udp_comes_by_tcp(
    kube: Kube, resolver: ClusterResolver, namespace: str
) -> None:
    ports = [{"name": "mqtt", "port": 1883}]
    service = {"metadata": {"name": "many"}, "spec": {"clusterIP": "None", "ports": ports}}
    await kube.create(paths.services(namespace), service)
    addresses = [{"ip": f"10.244.7.{number}"} for number in range(1, 81)]
    subsets = [{"addresses": addresses, "ports": ports}]
    await kube.create(paths.endpoints(namespace), {"metadata": {"name": "many"}, "subsets": subsets})

    async def all_known() -> bool:
        answer = await resolver.lookup(f"many.{namespace}.svc.cluster.local.")
        return len(answer.addresses) == len(addresses)

    await until(all_known)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await condition():
            await asyncio.sleep(POLL_SECONDS)


def pod(name: str, image: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
    container = {"name": "emqx", "image": image, "env": variables}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


def deployment(name: str, *env: dict[str, Any]) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "emqx", "image": "emqx/emqx:5.8.9", "env": list(env)}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


async def started(kube: Kube, namespace: str, body: dict[str, Any]) -> ExecTarget:
    """Once its container runs."""
    name = body["metadata"]["name"]
    await kube.create(paths.pods(namespace), body)

    async def runs() -> bool:
        found = await kube.get(paths.pods(namespace, name)) or {}
        return any("running" in state["state"] for state in found["status"].get("containerStatuses", []))

    await until(runs)
    return ExecTarget(namespace, name, "emqx")


@pytest.mark.parametrize("protocol", exec.PROTOCOLS)
async def test_commands_in_a_container(
    kube: Kube, namespace: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec, "PROTOCOLS", (protocol,))
    target = await started(kube, namespace, pod("idle", "busybox:1"))
    execs = Exec(kube, 8)
    done = await execs.run(target, ["echo", "a b", "'c'"], 20)
    assert (done.exit_code, done.stdout, done.stderr) == (0, b"a b 'c'\n", b"")
    failed = await execs.run(target, ["cat", "/no/such"], 20)
    assert failed.exit_code == 1
    assert b"No such file" in failed.stderr
    with pytest.raises(ExecRefused, match="executable file not found"):
        await execs.run(target, ["emqx_ctl"], 20)
    both = await asyncio.gather(*(execs.run(target, ["echo", str(n)], 20) for n in range(20)))
    assert [done.stdout for done in both] == [b"%d\n" % n for n in range(20)]


@pytest.mark.parametrize("by_websocket", ["true", "false"])
async def test_kubectl_runs_commands_by_both_of_its_protocols(
    sandbox: SandboxHandle, kube: Kube, namespace: str, by_websocket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPDY is what kubectl speaks before 1.30, and each API server before 1.36 to its kubelets."""
    monkeypatch.setenv("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", by_websocket)
    await started(kube, namespace, pod("idle", "busybox:1"))
    run = ("exec", "-n", namespace, "idle", "--")
    assert sandbox.kubectl(*run, "echo", "a b", "'c'") == "a b 'c'\n"
    with pytest.raises(KubectlError, match=r"No such file[\s\S]*exit code 1"):
        sandbox.kubectl(*run, "cat", "/no/such")
    with pytest.raises(KubectlError, match="executable file not found"):
        sandbox.kubectl(*run, "emqx_ctl")


async def test_a_hanging_command_ends_at_the_deadline(
    sandbox: SandboxHandle, kube: Kube, namespace: str
) -> None:
    target = await started(kube, namespace, pod("idle", "busybox:1"))
    loop = asyncio.get_running_loop()
    async with Control(sandbox.control) as control:
        await control.pod(namespace, "idle", exec="hang")
        began = loop.time()
        with pytest.raises(ExecTimedOut):
            await Exec(kube, 1).run(target, ["true"], 1)
        assert loop.time() - began < 3
        await control.pod(namespace, "idle", exec="refuse")
        with pytest.raises(APIError):
            await Exec(kube, 1).run(target, ["true"], 10)


async def test_what_does_not_run_is_told(kube: Kube, namespace: str) -> None:
    execs = Exec(kube, 1)
    with pytest.raises(ContainerNotRunning):
        await execs.run(ExecTarget(namespace, "nobody", "emqx"), ["true"], 20)
    await kube.create(paths.pods(namespace), pod("unpulled", "no-such-image:1"))
    with pytest.raises(ContainerNotRunning):
        await execs.run(ExecTarget(namespace, "unpulled", "emqx"), ["true"], 20)


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
async def test_the_stand_in_answers(kube: Kube, namespace: str, version: str) -> None:
    image = f"emqx/emqx:{version}"
    env = {"EMQX_NAME": "emqx", "EMQX_NODE__COOKIE": "s3cret", "EMQX_CLUSTER__K8S__NAMESPACE": namespace}
    first = await started(kube, namespace, pod("one", image, env))
    second = await started(kube, namespace, pod("two", image, env))
    emqx = EmqxCtl(Exec(kube, 2))
    introductions = [await emqx.introduction(target, [4370]) for target in (first, second)]
    assert [said.addresses for said in introductions] == [("10.96.0.1",)] * 2
    assert all(said.sockets is not None for said in introductions)
    identities = [said.identity for said in introductions]
    assert [found.version for found in identities] == [version, version]
    assert not any("s3cret" in found.environ.values() for found in identities)
    assert all(found.environ["EMQX_CLUSTER__K8S__NAMESPACE"] == namespace for found in identities)
    conf = identities[0].resolv_conf
    assert conf is not None
    assert conf.search[0] == f"{namespace}.svc.cluster.local"
    one, two = (found.node or "" for found in identities)
    await answering(emqx, first, one)
    await answering(emqx, second, two)
    assert await emqx.connections(first) == 0
    assert (await emqx.join(second, two)).outcome is JoinOutcome.IGNORED
    assert (await emqx.join(second, one)).outcome is JoinOutcome.JOINED
    assert (await emqx.join(second, one)).outcome is JoinOutcome.ALREADY_IN_CLUSTER
    assert (await emqx.cluster_status(first)).running == {one, two}
    gone = ["emqx@10.1.2.3", "emqx@10.1.2.4"]
    left = await emqx.force_leave(first, gone)
    assert {node: answer.outcome for node, answer in left.items()} == dict.fromkeys(
        gone, ForceLeaveOutcome.NOT_IN_CLUSTER
    )
    expected = DiscoveryOutcome.ENABLED if version.startswith("5") else DiscoveryOutcome.NOT_SUPPORTED
    assert (await emqx.enable_discovery(first)).outcome is expected
    assert await emqx.lookup(first, "kubernetes.default.svc") == ("10.96.0.1",)
    assert await emqx.lookup(first, "apiserver.cluster.local") == ()
    log = await kube.read_log(namespace, "two", "emqx", since=datetime.now(UTC) - timedelta(hours=1))
    assert log
    trace = parse_join_trace(log.splitlines())
    assert trace.stopped_at is not None
    assert trace.listening_again


async def answering(emqx: EmqxCtl, target: ExecTarget, node: str) -> None:
    async def answers() -> bool:
        try:
            return (await emqx.cluster_status(target)).running == {node}
        except UnreadableAnswer:
            return False

    await until(answers)
