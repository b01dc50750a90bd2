"""Which pods count as the cores that replicants ask for: those that a live controller made."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from builders import a_workload, an_observation
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.clients.identity import Introduction
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.emqx import discoveryreader, pulse
from emqx_autocluster.emqx.ports import NodePorts
from emqx_autocluster.observation import (
    EndpointAddress,
    Endpoints,
    Identity,
    Member,
    Socket,
    Unobserved,
    View,
    WorkloadRef,
)
from emqx_autocluster.observer.cores import Cores
from emqx_autocluster.observer.look import Beat, Depth, Look, Remembered, Visit
from emqx_autocluster.observer.pulses import Pulses

SECONDS = 60
LABELS = {"app": "core"}
REPLICANT = {"EMQX_NODE__ROLE": "replicant"}
Object = dict[str, Any]


class Commands:
    """In the place of the commands in the pods, which run no EMQX here."""

    def __init__(self) -> None:
        self.asked = set[str]()
        self.views = 0
        self.since = {"core-0": 7, "core-1": 7}

    async def introduction(self, target: ExecTarget, _: Iterable[int]) -> Introduction:
        self.asked.add(target.pod)
        identity = Identity({"EMQX_NODE__NAME": f"emqx@{target.pod}"}, "5.8.9", None)
        return Introduction(identity, (), await self.sockets(target, ()))

    async def sockets(self, target: ExecTarget, _: Iterable[int]) -> frozenset[Socket]:
        vm = Socket("::", 4370, listens=True, inode=1)
        return frozenset({vm, Socket("::", 1883, listens=True, inode=self.since[target.pod])})

    async def cluster_status(self, target: ExecTarget) -> View:
        self.views += 1
        return View(frozenset({f"emqx@{target.pod}"}))


def pod_spec() -> Object:
    env = [{"name": "EMQX_CLUSTER__DISCOVERY_STRATEGY", "value": "k8s"}]
    return {"containers": [{"name": "emqx", "image": "busybox:1", "env": env}]}


def core(namespace: str) -> Object:
    template = {"metadata": {"labels": LABELS}, "spec": pod_spec()}
    spec = {"replicas": 2, "serviceName": "cores", "podManagementPolicy": "Parallel"}
    return {
        "metadata": {"name": "core", "namespace": namespace},
        "spec": spec | {"selector": {"matchLabels": LABELS}, "template": template},
    }


def forged(name: str, **owner: Any) -> Object:
    reference = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "core"} | owner
    metadata: Object = {"name": name, "labels": LABELS, "ownerReferences": [reference]}
    return {"metadata": metadata, "spec": pod_spec()}


async def running(kube: Kube, namespace: str, count: int) -> list[Object]:
    async with asyncio.timeout(SECONDS):
        while True:
            found = await kube.list(paths.pods(namespace))
            up = [pod for pod in found if pod["status"].get("podIP") and pod["status"]["phase"] == "Running"]
            if len(up) == count:
                return up
            await asyncio.sleep(0.2)


async def asked_for(
    kube: Kube,
    namespace: str,
    addresses: list[str],
    commands: Commands,
    memory: Remembered | None = None,
    **visit_facts: Any,
) -> tuple[Member, ...]:
    """The cores of a workload of replicants whose Service lists these addresses."""
    workload = a_workload(ref=WorkloadRef(namespace, a_workload().ref.kind, "edge"), env=REPLICANT)
    container = workload.template.containers[0]
    facts = {"at": datetime.now(UTC), "depth": Depth(thorough=True)} | visit_facts
    visit = Visit(workload, container, (), memory or Remembered(), **facts)
    look = Look.of(visit, "edge", {}, discoveryreader.read_settings(container, (), {}), {})
    listed = Endpoints(tuple(EndpointAddress(ip, None, None) for ip in addresses))
    seen = an_observation(workload, members=(), endpoints=listed)
    found = await Cores(kube, cast("EmqxCtl", commands)).asked_for(look, seen)
    assert not isinstance(found, Unobserved), found
    return found


async def test_a_pod_that_no_live_controller_made_is_asked_nothing_and_takes_nobodys_place(
    kube: Kube, namespace: str
) -> None:
    made = await kube.create(paths.statefulsets(namespace), core(namespace))
    await running(kube, namespace, 2)
    claims = {"uid": made["metadata"]["uid"]}
    for number in range(8):  # as many as are asked
        await kube.create(paths.pods(namespace), forged(f"a-forged-{number}", **claims))
    up = await running(kube, namespace, 10)
    commands = Commands()

    cores = await asked_for(kube, namespace, [pod["status"]["podIP"] for pod in up], commands)

    assert commands.asked == {"core-0", "core-1"}
    answering = [member.pod.name for member in cores if isinstance(member.view, View)]
    assert answering == ["core-0", "core-1"]
    why = {member.pod.name: member.view for member in cores if isinstance(member.view, Unobserved)}
    assert len(why) == 6
    assert all("it is asked nothing, since" in view.reason for view in why.values())


async def test_what_a_core_told_is_believed_for_ten_minutes(kube: Kube, namespace: str) -> None:
    """A core that leaves its cluster keeps all its connections."""
    await kube.create(paths.statefulsets(namespace), core(namespace))
    addresses = [pod["status"]["podIP"] for pod in await running(kube, namespace, 2)]
    memory, commands, began = Remembered(), Commands(), datetime.now(UTC)
    asked = []
    for minutes in (0, 9, 10, 19):
        quiet = {"at": began + timedelta(minutes=minutes), "depth": Depth(thorough=minutes == 0)}
        await asked_for(kube, namespace, addresses, commands, memory, **quiet)
        asked.append(commands.views)
    assert asked == [2, 2, 4, 4]


async def test_a_core_that_leaves_is_told_by_its_sockets_with_those_of_its_replicants(
    kube: Kube, namespace: str
) -> None:
    """Its applications start again. Their listeners are new, however short they were away."""
    await kube.create(paths.statefulsets(namespace), core(namespace))
    addresses = [pod["status"]["podIP"] for pod in await running(kube, namespace, 2)]
    memory, commands, began = Remembered(), Commands(), datetime.now(UTC)
    pulses = Pulses(cast("EmqxCtl", commands))
    await asked_for(kube, namespace, addresses, commands, memory, at=began)
    assert await pulses.differences(memory) is None, "of the replicants nothing is known"
    target = ExecTarget(namespace, "core-0", "emqx")
    known = NodePorts(4370, frozenset({4370}), frozenset())
    seen = pulse.take(await commands.sockets(target, ()), known)
    memory.beats = (Beat("containerd://edge", target, known, seen),)
    assert await pulses.differences(memory) == ()

    commands.since["core-1"] = 8

    assert await pulses.differences(memory) == ("core-1: it has opened its listeners anew",)
    later = {"at": began + timedelta(minutes=1), "depth": Depth(thorough=False)}
    await asked_for(kube, namespace, addresses, commands, memory, **later)
    assert commands.views == 3, "and it alone is asked anew, whatever brings the next look"
