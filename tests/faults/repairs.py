"""What is repaired while faults happen, and how often the operator did what it must do once."""

from collections import Counter
from typing import Any

import manifests
from sandbox.faultgate import FaultGate
from story import OPERATOR, Story

Object = dict[str, Any]
ACCOUNT = "iot"
ROLE = "emqx-discovery"
JOIN = "/exec[?].*command=cluster&command=join"
STATUS = "/exec[?].*command=cluster&command=status"
PULSE = "/exec[?].*command=grep"
DIAL = "/exec[?].*dialled"
RIGHTS = {"roles": 1, "rolebindings": 1}


async def alone(story: Story, *, replicas: int = 2) -> None:
    """The right address and a ServiceAccount that may not ask: a repair of joins and rights, without a rollout."""
    await story.apply(
        manifests.service_account(story.namespace, ACCOUNT),
        manifests.service(story.namespace),
        manifests.deployment(
            "5.8.9",
            story.namespace,
            manifests.CANONICAL,
            replicas=replicas,
            pod={"serviceAccountName": ACCOUNT},
        ),
    )
    await story.until_lone(replicas)
    if replicas > 1:
        await story.until_views(*[1] * replicas)


async def all_well(story: Story, *, replicas: int = 1) -> Object:
    """Repaired already; what changes from now on has no other way to show than a watch, for minutes."""
    await alone(story, replicas=replicas)
    await story.annotate(mode="Repair")
    return await story.until_repaired()


def empty(story: Story, name: str, *, stateful: bool = False) -> Object:
    """An annotated workload without pods, for seeing whether it is noticed."""
    make = manifests.stateful_set if stateful else manifests.deployment
    body = make("5.8.9", story.namespace, manifests.CANONICAL, name=name, replicas=0)
    body["metadata"]["annotations"] = {"emqx-autocluster.io/mode": "Observe"}
    return body


async def noticed(story: Story, *names: str) -> bool:
    told = [(await story.condition("Accepted", name)).get("reason") for name in names]
    return told == ["ScaledToZero"] * len(names)


def tried(gate: FaultGate, story: Story, command: str) -> list[str]:
    """Which pods the operator gave this command to, whatever became of it; oldest first."""
    pods = f"/namespaces/{story.namespace}/pods/"
    return [seen.path.split(pods)[1].split("/")[0] for seen in gate.came(pods + "[^/]*" + command)]


def made(story: Story) -> Counter[str]:
    """How many objects of each kind the operator created, beside events and its EMQXAutoCluster."""
    written = [w for w in story.operator_writes() if w.user == OPERATOR and w.verb == "create"]
    return Counter(w.resource for w in written if w.code < 300 and w.resource not in _REPORTS)


_REPORTS = frozenset({"events", "emqxautoclusters"})


async def is_whole(gate: FaultGate, story: Story, *, replicas: int = 2, joins: int = 1) -> None:
    """One cluster, each join and each right was done once, and no pod was restarted."""
    await story.one_cluster(replicas)
    assert len(tried(gate, story, JOIN)) == joins
    assert made(story) == RIGHTS
    assert await story.rollouts() == 0
