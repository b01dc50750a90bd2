"""What pods share: one value for the process, one for each node."""

from dataclasses import dataclass

from .api import ApiClient
from .images import Programs
from .network import Outbound
from .podnetwork import PodNetwork
from .services import Services
from .sources import Sources
from .statuswriter import StatusWriter
from .switches import Switches
from .volumes import Data


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What all pods of this process share."""

    switches: Switches
    network: PodNetwork
    outbound: Outbound
    programs: Programs
    services: Services
    kept_volumes: dict[str, Data]
    """The data of volumes that outlive a pod."""


@dataclass(frozen=True, slots=True)
class NodeContext:
    """What all pods of one node share."""

    name: str
    ip: str
    """A label, as the pod IPs are: the node's real address is 127.0.0.1."""

    client: ApiClient
    sources: Sources
    statuses: StatusWriter
