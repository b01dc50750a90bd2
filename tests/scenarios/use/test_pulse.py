"""The pulse: a change among healthy members is seen by their sockets, long before anybody would be asked again."""

from dataclasses import dataclass
from typing import Any

import pytest

import manifests
from requests_seen import RequestsSeen
from story import Story

Object = dict[str, Any]
OFTEN = {"pulse": "2s", "interval": "30m"}
"""Without a pulse the next look would be minutes away, and the next question to a member half an hour."""
BY_NAME_ALONE = {"exec": {"command": ["emqx_ctl", "status"]}, "periodSeconds": 2, "timeoutSeconds": 10}
"""A readiness probe that says yes as long as the VM runs."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Three members that are one cluster, their pulse taken every 2 s."""

    story: Story
    names: list[str]
    requests: RequestsSeen

    async def until_pulses(self, count: int) -> None:
        """Until each member's sockets were looked at so many times more."""
        self.requests.read_on()
        before = self.pulses()

        async def enough() -> bool:
            self.requests.read_on()
            return all(self.pulses()[name] >= before[name] + count for name in self.names)

        await self.story.until(f"{count} pulses of each member", enough)

    def pulses(self) -> dict[str, int]:
        taken = [e.name for e in self.requests.execs if "command=grep" in e.path]
        return {name: taken.count(name) for name in self.names}

    def asked(self) -> int:
        return sum("command=emqx_ctl" in e.path for e in self.requests.execs)


async def watched(
    story: Story, version: str = "5.8.9", *, probe: Object | None = None, **switches: str
) -> Watched:
    await story.control.namespace(story.namespace, net_ticktime="5", **switches)
    workload = manifests.deployment(
        version, story.namespace, manifests.CANONICAL, spec={"minReadySeconds": 20}
    )
    if probe is not None:
        workload["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    await story.apply(
        manifests.service(story.namespace),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "default"),
        manifests.custom_resource(story.namespace, verification=OFTEN),
        workload,
    )
    await story.until_lone()
    await story.until_views(3, 3, 3)
    await story.annotate(mode="Repair")
    await story.until_condition("Ready", "True", seconds=180)
    names = [pod["metadata"]["name"] for pod in await story.pods()]
    return Watched(story, names, RequestsSeen.from_now(story))


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
async def test_while_the_pulse_is_as_it_was_nobody_is_asked_and_nothing_is_read_or_written(
    story: Story, version: str
) -> None:
    seen = await watched(story, version)
    await seen.until_pulses(2)  # the events about the last transition are written by then
    seen.requests.entries.clear()
    await seen.until_pulses(8)
    others = [(e.verb, e.resource, e.path) for e in seen.requests.entries if "command=grep" not in e.path]
    assert others == []
    assert (await story.condition("Ready"))["status"] == "True"


async def test_an_orphan_is_seen_when_its_connections_end(story: Story) -> None:
    seen = await watched(story)
    orphan, *together = seen.names
    await story.control.partition(story.namespace, [[orphan], together])
    told = await story.until_condition("ClusterFormed", "False", "MembersOrphaned", seconds=60)
    assert f"{', '.join(together)} | {orphan}" in told["message"]
    assert (await story.resource())["spec"]["verification"]["interval"] == "30m"


async def test_a_half_joined_member_is_seen_by_its_ports_where_its_probe_says_that_all_is_well(
    story: Story,
) -> None:
    seen = await watched(story, probe=BY_NAME_ALONE)
    lost = seen.names[1]
    await story.control.pod(story.namespace, lost, closed_ports="1883 8883 8083 8084 18083 8081 5369")
    told = await story.until_condition("ClusterFormed", "False", "ListenerMissing", seconds=60)
    assert told["message"].startswith(f"{lost} is in the cluster and does not listen on 1883, ")
    assert "its applications are stopped" in told["message"]
    await story.one_cluster()

    await story.control.pod(story.namespace, lost, closed_ports="")
    await story.until_condition("ClusterFormed", "True", "AllMembersClustered", seconds=60)


async def test_a_lost_listener_is_seen_and_named(story: Story) -> None:
    seen = await watched(story)
    lost = seen.names[2]
    await story.control.pod(story.namespace, lost, closed_ports="1883")
    told = await story.until_condition("ClusterFormed", "False", "ListenerMissing", seconds=60)
    assert told["message"].startswith(f"{lost} is in the cluster and does not listen on 1883, ")
    assert f"kubectl exec -n {story.namespace} {lost} -- emqx_ctl listeners" in told["message"]
    assert not (await story.resource())["status"].get("plannedActions")


async def test_where_sockets_are_hidden_members_are_asked_as_ever(story: Story) -> None:
    """As in some sandboxed runtimes: one try for each container, and after that no pulse."""
    seen = await watched(story, proc_net="hidden")
    await story.patch("EMQXAutoCluster", "emqx", {"spec": {"verification": {"interval": "5s"}}})

    async def asked() -> bool:
        seen.requests.read_on()
        return seen.asked() >= 6

    await story.until("members to be asked", asked)
    assert sum(seen.pulses().values()) == 0
    assert (await story.condition("Ready"))["status"] == "True"
