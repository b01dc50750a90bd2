"""In the place of the commands in the pods: what each would answer, and who was asked what."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from builders import ip_of, node_of
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.observation import Socket, View

APPLICATIONS = frozenset({1883, 5369, 18083})


@dataclass
class Pods:
    """By suffixes of pods, such as `{"a": "a b", "b": "a b", "c": "c"}`."""

    lists: dict[str, str]
    connected: dict[str, str] = field(default_factory=dict)
    """Where it is not as each lists the others."""
    listening: dict[str, frozenset[int]] = field(default_factory=dict)
    restarted: str = ""
    """Those whose applications were started again."""
    failures: dict[str, ClientError] = field(default_factory=dict)
    """By pod, of the sockets alone."""
    asked: list[str] = field(default_factory=list)
    """The suffixes of those that were asked by `emqx_ctl cluster status`."""
    pulses: Counter[str] = field(default_factory=Counter)

    async def cluster_status(self, target: ExecTarget) -> View:
        suffix = target.pod.removeprefix("emqx-")
        self.asked.append(suffix)
        return View(frozenset(map(node_of, self.lists[suffix].split())))

    async def connections(self, target: ExecTarget) -> int:
        assert target.pod.removeprefix("emqx-") in self.lists
        return 7

    async def sockets(self, target: ExecTarget, ports: Iterable[int]) -> frozenset[Socket]:
        suffix = target.pod.removeprefix("emqx-")
        self.pulses[suffix] += 1
        if suffix in self.failures:
            raise self.failures[suffix]
        assert set(ports) >= {4370}
        peers = self.connected.get(suffix, self.lists[suffix])
        numbers = self.listening.get(suffix, APPLICATIONS) | {4370}
        since = 8 if suffix in self.restarted else 7
        return frozenset(Socket("::", number, listens=True, inode=since) for number in numbers) | frozenset(
            Socket(ip_of(suffix), 40000, ip_of(peer), 4370) for peer in peers.split() if peer != suffix
        )
