"""The operator of an earlier version is replaced by this one, which finds in the cluster what that one left.

What is put back are records of real runs of that version, with the names, addresses and uids of this cluster. No
operator is at work meanwhile: the one of this version starts as the new pod of an upgrade would.
"""

import json
import shlex
from typing import Any

import pytest

import released
from emqx_autocluster.api.annotations import ORIGINAL
from emqx_autocluster.objects.template import PARTITION
from keeper import Keeper
from released import Sample
from repairs import JOIN, STATUS, tried
from sandbox.faultgate import FaultGate
from sandbox.handle import SandboxHandle
from story import Story, env_of, uids

Object = dict[str, Any]
REPORTS = {("emqxautoclusters", "status"), ("events", "")}


async def put_back(story: Story, sample: Sample, *kinds: str) -> None:
    for kind in kinds:
        for recorded in sample.all(kind):
            own = "ownerReferences" in recorded["metadata"]
            await story.apply(released.owned(recorded) if own else released.wanted(recorded))


async def put_back_resource(story: Story, sample: Sample, workload: Object) -> Object:
    """The EMQXAutoCluster with its status, as if it had been written about this workload."""
    await put_back(story, sample, "EMQXAutoCluster")
    status = sample.one("EMQXAutoCluster")["status"]
    status["workloadGeneration"] = workload["metadata"]["generation"]
    sent = shlex.quote(json.dumps({"status": status}))
    await story.shell(
        f"kubectl patch eac emqx -n {story.namespace} --subresource=status --type=merge -p {sent}"
    )
    return await story.resource()


async def until_looked(story: Story, gate: FaultGate) -> None:
    """Until each member was asked for its view."""
    pods = {pod["metadata"]["name"] for pod in await story.pods()}

    async def asked() -> bool:
        return set(tried(gate, story, STATUS)) >= pods

    await story.until("each member to be asked", asked)


@pytest.mark.parametrize("version", released.VERSIONS)
async def test_what_is_whole_is_read_and_stays_as_it_is(
    sandbox: SandboxHandle, unattended: Story, gate: FaultGate, version: str
) -> None:
    story, sample = unattended, Sample.of(version, released.WHOLE, unattended.namespace)
    await put_back(story, sample, "Service", "ServiceAccount", "Deployment")
    workload = await story.get("Deployment") or {}
    sample.names("Deployment", workload)
    await put_back(story, sample, "Role", "RoleBinding")
    members = len(sample.all("Pod"))
    await story.until_lone(members)
    await story.until_views(*[members] * members)
    await story.shell(f"kubectl rollout status deployment/emqx -n {story.namespace} --timeout=2m")
    sample.pods(await story.pods())
    left = await put_back_resource(story, sample, workload)

    async with Keeper.of(sandbox, gate) as operator:
        await until_looked(story, gate)
        await story.annotate(paused="true")
        await story.until_condition("Paused", "True", "AnnotationSet")
        assert operator.exits == []
    now = await story.resource()
    assert now["metadata"]["uid"] == left["metadata"]["uid"]
    assert [c for c in told(now) if c["type"] != "Paused"] == [c for c in told(left) if c["type"] != "Paused"]
    assert now["status"]["original"] == left["status"]["original"]
    written = [(w.resource, w.subresource) for w in story.operator_writes()]
    assert set(written) <= REPORTS
    assert written.count(("emqxautoclusters", "status")) == 1, "that it is paused, and nothing else"


@pytest.mark.parametrize("version", released.VERSIONS)
async def test_a_rollout_that_had_begun_is_seen_through_and_no_step_is_done_again(
    sandbox: SandboxHandle, unattended: Story, gate: FaultGate, version: str
) -> None:
    story = unattended
    before = Sample.of(version, released.BEFORE, story.namespace)
    midway = Sample.of(version, released.MIDWAY, story.namespace)
    old = await gathered(story, before)
    midway.names("StatefulSet", await story.get("StatefulSet") or {})
    midway.pods(old)
    await put_back(story, midway, "ServiceAccount", "Role", "RoleBinding")
    patched = midway.one("StatefulSet")
    await story.patch("StatefulSet", "emqx", released.wanted(patched))
    left = await put_back_resource(story, midway, await story.get("StatefulSet") or {})
    assert left["status"]["procedure"], "it was in the middle"
    assert patched["spec"]["updateStrategy"]["rollingUpdate"]["partition"] > 0, "it held its rollout"

    async with Keeper.of(sandbox, gate) as operator:
        await story.until_repaired()
        assert operator.exits == []
    await story.one_cluster(len(old))
    assert not uids(await story.pods()) & uids(old)
    now = await story.get("StatefulSet") or {}
    assert env_of(now) == env_of(patched)
    assert now["spec"]["updateStrategy"] == before.one("StatefulSet")["spec"]["updateStrategy"]
    assert replaced(now) == replaced(patched) - {PARTITION}, (
        "of the rollout nothing is left, of the repair all"
    )
    assert await story.rollouts("StatefulSet") == 1
    assert tried(gate, story, JOIN) == []
    assert (await story.resource())["metadata"]["uid"] == left["metadata"]["uid"]
    made = {w.resource for w in story.operator_writes() if w.verb == "create"}
    assert made <= {"events"}, "rights and accounts are those that were there"


async def gathered(story: Story, before: Sample) -> list[Object]:
    """As the earlier version had them when it began the rollout: one cluster of all old pods."""
    await put_back(story, before, "Service", "StatefulSet")
    members = len(before.all("Pod"))
    await story.until_lone(members)
    await story.until_views(*[1] * members)
    pods = await story.pods()
    seed = f"emqx@{pods[0]['status']['podIP']}"
    for pod in pods[1:]:
        name = pod["metadata"]["name"]
        await story.shell(f"kubectl exec -n {story.namespace} {name} -c emqx -- emqx_ctl cluster join {seed}")
    await story.until_views(*[members] * members)
    return pods


def replaced(workload: Object) -> set[str]:
    record = json.loads(workload["metadata"]["annotations"][ORIGINAL])
    return {change["field"] for change in record["changes"]}


def told(resource: Object) -> list[Object]:
    found: list[Object] = resource["status"]["conditions"]
    return found
