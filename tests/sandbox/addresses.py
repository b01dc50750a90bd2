"""The cluster's addresses: fixed ones, as in any kubeadm cluster, and free ports on loopback.

A port that is found free and let go again may be anybody's a moment later. So its socket stays bound, with
SO_REUSEPORT and without listening: a program of the sandbox, which sets SO_REUSEPORT too, can listen there
beside it, and the kernel gives the number to nobody else.
"""

import socket
from dataclasses import dataclass, field
from typing import Self

LOOPBACK = "127.0.0.1"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVER_CLUSTER_IP = "10.96.0.1"
DNS_CLUSTER_IP = "10.96.0.10"
DNS_POD_IP = "10.244.0.2"
CLUSTER_DOMAIN = "cluster.local"
# Where the API server seems to listen, seen from pods and nodes. The hollow nodes map it to loopback.
API_SERVER_ADDRESS = "10.0.0.10"
API_SERVER_PORT = 6443
ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Ports:
    _held: list[socket.socket] = field(default_factory=list)

    def take(self) -> int:
        """A TCP port that is free for UDP as well."""
        for _ in range(ATTEMPTS):
            held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind((LOOPBACK, 0))
            port = int(held.getsockname()[1])
            if _free_for_udp(port):
                self._held.append(held)
                return port
            held.close()
        raise OSError(f"no free port on {LOOPBACK} in {ATTEMPTS} attempts")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._held:
            held.close()


def _free_for_udp(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
