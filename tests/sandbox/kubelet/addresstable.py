"""Where connections to addresses outside the pods lead: the sandbox opens no socket but to loopback."""

from enum import StrEnum

from sandbox.addresses import API_SERVER_ADDRESS, API_SERVER_CLUSTER_IP, API_SERVER_PORT


class Target(StrEnum):
    API_SERVER = "apiserver"
    """The API server by https; by plain http a stand-in for `kubectl proxy`."""

    API_SERVER_TLS = "apiserver-tls"
    """The API server's own port: plain http gets its 400."""

    REFUSE = "refuse"
    BLACKHOLE = "blackhole"


class AddressTable:
    def __init__(self) -> None:
        self._targets: dict[tuple[str, int], Target] = {
            (API_SERVER_CLUSTER_IP, 443): Target.API_SERVER_TLS,
            (API_SERVER_ADDRESS, API_SERVER_PORT): Target.API_SERVER_TLS,
        }

    def put(self, address: str, target: str) -> None:
        """Set "ip:port" to a target; raises ValueError for either one malformed."""
        ip, _, port = address.rpartition(":")
        self._targets[ip, int(port)] = Target(target)

    def target(self, ip: str, port: int) -> Target:
        return self._targets.get((ip, port), Target.REFUSE)
