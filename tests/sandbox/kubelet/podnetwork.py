"""Who holds which pod IP, and which pods may reach one another: the network that only the sandbox knows."""

import asyncio
import ipaddress
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sandbox.addresses import CLUSTER_DOMAIN

from .container import Refused, TimedOut
from .switches import Switches

POD_CIDR = ipaddress.ip_network("10.244.0.0/16")
KERNEL_GIVES_UP_AFTER = 127.0
"""Seconds of unanswered SYNs until Linux reports a timeout."""


def _nobody(_: int) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pod on the network."""

    namespace: str
    pod: str
    ip: str
    names: tuple[str, ...] = field(default=())
    """Host names that lead to it: from hostname and subdomain, and the dashed IP forms."""
    listens: Callable[[int], bool] = _nobody
    """Whether something in it listens on a port."""


class PodNetwork:
    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        # the first ones belong to the node in a real cluster
        self._free: deque[str] = deque(str(ip) for ip in list(POD_CIDR.hosts())[9:])
        self._pods: dict[tuple[str, str], Endpoint] = {}
        self._addresses: dict[str, dict[tuple[str, str], Endpoint]] = {}
        self._partitions: dict[str, dict[str, int]] = {}

    def take_ip(self) -> str:
        return self._free.popleft()

    def give_back(self, ip: str) -> None:
        """Free an IP; it is used again last, as a real address plugin does."""
        self._free.append(ip)

    def join(self, endpoint: Endpoint) -> None:
        """Put a pod on the network, in place of its predecessor of the same name."""
        key = (endpoint.namespace, endpoint.pod)
        if key in self._pods:
            self.leave(*key, self._pods[key].ip)
        self._pods[key] = endpoint
        for address in (endpoint.ip, *endpoint.names):
            self._addresses.setdefault(address, {})[key] = endpoint

    def leave(self, namespace: str, pod: str, ip: str) -> None:
        """Take a pod off the network, unless its successor of the same name is there already."""
        key = (namespace, pod)
        endpoint = self._pods.get(key)
        if endpoint is None or endpoint.ip != ip:
            return
        del self._pods[key]
        for address in (endpoint.ip, *endpoint.names):
            holders = self._addresses.get(address, {})
            holders.pop(key, None)
            if not holders:
                self._addresses.pop(address, None)

    def partition(self, namespace: str, groups: Sequence[Sequence[str]]) -> None:
        """Cut a namespace's pods into groups; a pod in none of them reaches all."""
        self._partitions[namespace] = {pod: i for i, group in enumerate(groups) for pod in group}

    def heal(self, namespace: str) -> None:
        self._partitions.pop(namespace, None)

    def reachable(self, namespace: str, pod: str, target: str, port: int) -> bool:
        """Whether this pod has a way to that port of a pod at that IP or name."""
        return bool(self._reached(namespace, pod, target, port))

    async def connect(self, namespace: str, pod: str, target: str, port: int) -> None:
        """Raises Refused where nothing listens; where the network lets nothing through there is no answer at all."""
        reached = self._reached(namespace, pod, target, port)
        if not reached:
            await asyncio.sleep(KERNEL_GIVES_UP_AFTER)
            raise TimedOut(f"{target}:{port}")
        if not any(endpoint.listens(port) for endpoint in reached):
            raise Refused(f"{target}:{port}")

    def _reached(self, namespace: str, pod: str, target: str, port: int) -> list[Endpoint]:
        holders = self._addresses.get(target.rstrip(".").lower(), {})
        return [endpoint for endpoint in holders.values() if self._lets(namespace, pod, endpoint, port)]

    def _lets(self, namespace: str, pod: str, endpoint: Endpoint, port: int) -> bool:
        """What a pod sends to itself never leaves it."""
        if (endpoint.namespace, endpoint.pod) == (namespace, pod):
            return True
        blocked = self._blocks(namespace, pod, port) or self._blocks(endpoint.namespace, endpoint.pod, port)
        return not blocked and not self._apart(namespace, pod, endpoint)

    def _blocks(self, namespace: str, pod: str, port: int) -> bool:
        blocked = self._switches.of(namespace, pod).get("blocked_ports", "")
        return str(port) in blocked.replace(",", " ").split()

    def _apart(self, namespace: str, pod: str, target: Endpoint) -> bool:
        if target.namespace != namespace:
            return False
        groups = self._partitions.get(namespace, {})
        return pod in groups and target.pod in groups and groups[pod] != groups[target.pod]


def names_of(namespace: str, hostname: str, subdomain: str, ip: str) -> tuple[str, ...]:
    """List the DNS names that a cluster gives to a pod."""
    dashed = ip.replace(".", "-")
    names = [f"{dashed}.{namespace}.pod.{CLUSTER_DOMAIN}"]
    if subdomain:
        for label in (hostname, dashed):
            full = f"{label}.{subdomain}.{namespace}.svc.{CLUSTER_DOMAIN}"
            names += [full, full.removesuffix(f".{CLUSTER_DOMAIN}"), f"{label}.{subdomain}.{namespace}"]
            names.append(f"{label}.{subdomain}")
    return tuple(names)
