"""A workload that is being repaired, and how a story waits for one phase of that to disturb it there.

Phases follow one another within seconds, so what they wait for is made slow: the answers of `emqx_ctl`.
"""

from dataclasses import dataclass
from typing import Any

import manifests
from requests_seen import RequestsSeen
from story import Story, condition, is_ready, uids

Object = dict[str, Any]
NO_SCHEME = "kubernetes.default.svc:443"
"""An address that no EMQX can use: it provably needs a rollout, whatever the members do."""
ACCOUNT = {"serviceAccountName": "iot"}
RIGHTS = {"CreateRole", "CreateRoleBinding"}


@dataclass(frozen=True, slots=True)
class Disturbed:
    """A story whose operator's requests are counted from before its first step."""

    story: Story
    kind: str
    requests: RequestsSeen

    async def kubectl(self, command: str) -> str:
        """`WORKLOAD` in the command is the workload's own reference."""
        reference = f"{self.kind.lower()}/emqx"
        said = await self.story.shell(
            f"kubectl -n {self.story.namespace} {command.replace('WORKLOAD', reference)}"
        )
        return said.strip()

    async def until_gathering(self) -> None:
        """A repair has begun, and a join is the next step or just under way."""
        await self._until_next("JoinCluster", seconds=180)

    async def until_granting(self) -> None:
        """Rights were just given; the members are asked again before the template is touched."""
        await self._until_last(RIGHTS, seconds=180)

    async def until_rolling(self) -> Object:
        """The template was patched, and the first new pod has been made; returns that pod."""
        before = uids(await self.story.pods())
        await self._until_last({"PatchWorkload"}, seconds=240)

        async def new() -> list[Object]:
            return [p for p in await self.story.pods() if p["metadata"]["uid"] not in before]

        found: list[Object] = await self.story.until("a new pod", new, watched=True)
        return found[0]

    async def until_clearing(self) -> None:
        """The rollout is over, and the names of its old pods are about to be removed."""
        await self._until_next("ForceLeave", seconds=300)

    def joins(self) -> int:
        """How many times a member was told to join."""
        self.requests.read_on()
        return sum("command=join" in e.path for e in self.requests.execs if e.code < 400)

    def execs(self) -> int:
        self.requests.read_on()
        return len(self.requests.execs)

    def template_patches(self) -> int:
        """How many times the operator changed what the pods are made from."""
        self.requests.read_on()
        mine = (e for e in self.requests.writes if e.resource == f"{self.kind.lower()}s" and e.code < 400)
        return sum("template" in (e.body or {}).get("spec", {}) for e in mine)

    async def until_looked_again(self) -> None:
        """Until the operator has taken another whole look: what it wants to do it would have done."""
        resource = await self.story.resource()
        seconds = 100 + resource["metadata"]["generation"]
        await self.story.patch(
            "EMQXAutoCluster", "emqx", {"spec": {"verification": {"interval": f"{seconds}s"}}}
        )

        async def seen() -> bool:
            now = await self.story.resource()
            return bool(now["status"]["observedGeneration"] == now["metadata"]["generation"])

        await self.story.until("another look", seen, watched=True)

    async def _until_next(self, action: str, *, seconds: float) -> None:
        async def due() -> bool:
            status = (await self.story.resource()).get("status") or {}
            planned = status.get("plannedActions") or [{}]
            return "procedure" in status and planned[0].get("action") == action

        await self.story.until(f"{action} to be next", due, seconds=seconds, watched=True)

    async def _until_last(self, actions: set[str], *, seconds: float) -> None:
        async def done() -> bool:
            status = (await self.story.resource()).get("status") or {}
            return (status.get("lastAction") or {}).get("action") in actions

        await self.story.until(
            f"{' or '.join(sorted(actions))} to be done", done, seconds=seconds, watched=True
        )


async def lone_members(
    story: Story, version: str, *, kind: str = "Deployment", replicas: int = 2, **spec: Any
) -> Disturbed:
    """Each is a cluster of its own: the address has no scheme, and ServiceAccount `iot` no rights."""
    await story.apply(
        manifests.service(story.namespace, headless=kind == "StatefulSet"),
        manifests.service_account(story.namespace, "iot"),
    )
    await story.apply(workload(story, version, kind=kind, replicas=replicas, **spec))
    await story.until_lone(replicas)
    return Disturbed(story, kind, RequestsSeen.from_now(story))


async def in_repair(story: Story, version: str, *, kind: str = "Deployment", **spec: Any) -> Disturbed:
    """The same, with its repair just asked for and slowed down."""
    disturbed = await lone_members(story, version, kind=kind, **spec)
    await slowed(story)
    await story.annotate(kind=kind, mode="Repair")
    return disturbed


async def slowed(story: Story) -> None:
    """A phase lasts at least as long as one answer of a member."""
    await story.control.namespace(story.namespace, ctl_seconds="2.5")


def workload(story: Story, version: str, *, kind: str, replicas: int, **spec: Any) -> Object:
    """StatefulSets have names that outlive their pods."""
    if kind == "Deployment":
        return manifests.deployment(
            version, story.namespace, NO_SCHEME, replicas=replicas, pod=ACCOUNT, spec=spec
        )
    return manifests.stateful_set(
        version,
        story.namespace,
        NO_SCHEME,
        replicas=replicas,
        pod=ACCOUNT,
        spec={"serviceName": "emqx", "podManagementPolicy": "Parallel"} | spec,
        **manifests.HOSTNAMES,
    )


async def until_one_cluster(disturbed: Disturbed, count: int = 2, *, seconds: float = 240) -> Object:
    """The end that every story wants: repaired, and each member sees all, and nobody as stopped."""
    story = disturbed.story
    await story.control.namespace(story.namespace, ctl_seconds="")
    resource = await story.until_repaired(seconds=seconds)
    views = await story.views()
    everybody = views[0][0]
    assert len(everybody) == count
    assert views == [(everybody, set())] * count
    members = {"expected": count, "ready": count, "clustered": count, "stale": 0, "islands": 1}
    assert resource["status"]["members"] == members
    assert condition(resource, "StaleNodesPresent")["reason"] == "NoStaleNodes"
    return resource


async def not_ready(story: Story) -> list[str]:
    return [p["metadata"]["name"] for p in await story.pods() if not is_ready(p)]
