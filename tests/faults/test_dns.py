"""The cluster's own DNS is broken, or its Service's network: each time another rung of the ladder is told.

CoreDNS, its Corefile and the name's way through it are real. Each look is one of an observer that remembers nothing,
as `doctor`'s are. All that is broken is every pod's, so these tests have a sandbox of their own, and no operator.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import manifests
from emqx_autocluster import diagnosis
from emqx_autocluster.api import annotations
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.api.v1alpha1 import Spec, TargetRef
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import PatchType
from emqx_autocluster.clients.resolver import ClusterResolver
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.observer import Depth, Observer
from odd import ACCOUNT, with_rights
from sandbox.handle import SandboxHandle
from story import Story

Object = dict[str, Any]


@pytest.fixture(scope="session")
def sandbox(own_sandbox: SandboxHandle) -> SandboxHandle:
    return own_sandbox


@pytest.fixture
def story(unattended: Story) -> Story:
    return unattended


ZONES = "cluster.local in-addr.arpa"
"""How the sandbox's own Corefile begins."""
SERVICE_NAME = "kubernetes.default.svc.cluster.local"
CLUSTER_IP, DNS_IP, FOREIGN = "10.96.0.1", "10.96.0.10", "203.0.113.7"
_CONFIG = paths.configmaps("kube-system", "coredns")
_ENDPOINTS = paths.endpoints("kube-system", "kube-dns")


async def members(story: Story, replicas: int) -> None:
    await with_rights(story)
    workload = manifests.deployment(
        "5.8.9", story.namespace, manifests.CANONICAL, replicas=replicas, pod=ACCOUNT
    )
    await story.apply(workload)
    await story.until_lone(replicas)


async def told(story: Story) -> Finding:
    """DNSHealthy, a few minutes on: in a pod that just started a name may not be known yet."""
    emqx_ctl, (host, port) = EmqxCtl(Exec(story.kube, 4)), story.sandbox.dns.split(":")
    observer = Observer(story.kube, emqx_ctl, ClusterResolver(host, int(port), lifetime=1), "cluster.local")
    ref = WorkloadRef(story.namespace, WorkloadKind.DEPLOYMENT, "emqx")
    workload = await observer.workload(ref)
    assert workload
    later = datetime.now(UTC) + timedelta(minutes=2)
    seen = await observer.observe(workload, "emqx", annotations.parse({}), later, Depth(thorough=True))
    spec = Spec(target_ref=TargetRef(kind=ref.kind, name=ref.name))
    case = diagnosis.build(seen, annotations.parse({}), spec)
    return diagnosis.diagnose(case)[ConditionType.DNS_HEALTHY]


async def until_told(story: Story, reason: Reason) -> str:
    last: list[Finding] = []

    async def check() -> bool:
        last[:] = [await told(story)]
        return last[0].reason is reason

    await story.until(f"DNSHealthy {reason}", check, seconds=60, every=0.5)
    wanted = Status.TRUE if reason is Reason.NAMES_RESOLVE else Status.FALSE
    assert last[0].status is wanted
    return last[0].message


@asynccontextmanager
async def corefile(story: Story, text: str) -> AsyncIterator[None]:
    """CoreDNS runs with it, and its ConfigMap says so; both as they were afterwards."""
    whole = story.sandbox.corefile.read_text()

    async def put(given: str) -> None:
        story.sandbox.corefile.write_text(given)
        await story.kube.patch(_CONFIG, {"data": {"Corefile": given}}, PatchType.MERGE)

    await put(text)
    try:
        yield
    finally:
        await put(whole)


async def test_what_breaks_in_coredns_is_told_by_its_rung(story: Story) -> None:
    await members(story, 1)
    whole = story.sandbox.corefile.read_text()
    assert whole.startswith(ZONES)
    assert "kubernetes.default.svc" in await until_told(story, Reason.NAMES_RESOLVE)

    async with corefile(story, whole.replace("cluster.local", "mesh.internal", 1)):
        said = await until_told(story, Reason.ZONE_MISSING)
        assert "zones of its kubernetes plugin are mesh.internal (" in said

    def with_hosts(*lines: str) -> str:
        inner = "".join(f"        {line}\n" for line in lines)
        return whole.replace("    kubernetes {\n", f"    hosts {{\n{inner}    }}\n    kubernetes {{\n", 1)

    async with corefile(story, with_hosts("10.0.0.5 db.cluster.local")):
        said = await until_told(story, Reason.HOSTS_WITHOUT_FALLTHROUGH)
        assert f"CoreDNS answers {SERVICE_NAME} from its block `hosts`" in said

    async with corefile(story, with_hosts(f"{FOREIGN} {SERVICE_NAME}", "fallthrough")):
        said = await until_told(story, Reason.ANSWER_DIFFERS)
        assert f"kubernetes.default.svc is {FOREIGN}" in said
        assert f"has {CLUSTER_IP}; the API servers are 10.0.0.10" in said

    silent = whole.replace("bind 127.0.0.1", "bind 127.0.0.2")
    async with corefile(story, silent):
        said = await until_told(story, Reason.NAMESERVER_UNREACHABLE)
        assert f"its nameserver {DNS_IP} does not answer the operator either" in said
        # Asked for nothing: it listens where nobody asks it.
        async with corefile(story, silent.replace("    template", "    forward . 127.0.0.1\n    template")):
            said = await until_told(story, Reason.FORWARD_LOOP)
            assert "CoreDNS forwards to 127.0.0.1, which is itself" in said
        async with nobody_ready(story):
            said = await until_told(story, Reason.CLUSTER_DNS_DOWN)
            assert "Service kube-dns in kube-system has no Ready pod behind it" in said

    await until_told(story, Reason.NAMES_RESOLVE)


@asynccontextmanager
async def nobody_ready(story: Story) -> AsyncIterator[None]:
    before = await story.kube.get(_ENDPOINTS)
    assert before
    await story.kube.patch(_ENDPOINTS, {"subsets": None}, PatchType.MERGE)
    try:
        yield
    finally:
        await story.kube.patch(_ENDPOINTS, {"subsets": before["subsets"]}, PatchType.MERGE)


async def test_a_service_address_that_leads_nowhere_while_the_api_server_answers(story: Story) -> None:
    """As where kube-proxy does not run: the name is right, and only the members can tell."""
    await story.control.addresses({f"{CLUSTER_IP}:443": "refuse"})
    try:
        await members(story, 2)
        await story.until_views(1, 1)
        said = await until_told(story, Reason.SERVICE_ADDRESS_UNREACHABLE)
    finally:
        await story.control.addresses({f"{CLUSTER_IP}:443": "apiserver-tls"})
    assert f"({CLUSTER_IP}) does not answer pod emqx-" in said
    assert "econnrefused" in said
    assert "likely kube-proxy" in said
    await story.until_views(2, 2)
    await until_told(story, Reason.NAMES_RESOLVE)
