"""The node names by which discovery looks for its peers: these alone it finds.

It makes them of the addresses in the Endpoints, or of the records of a name in DNS.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from emqx_autocluster.observation import EndpointAddress

A, AAAA, SRV = "a", "aaaa", "srv"


@dataclass(frozen=True, slots=True)
class Naming:
    """The settings of k8s discovery that names are made of."""

    address_type: str
    service: str
    namespace: str
    suffix: str


def looked_for(app: str, address: EndpointAddress, naming: Naming) -> str | None:
    """`app` stands before the @; None: no name can be made of this address, or not of this address type.

    As ekka does in all its versions: without a suffix the domain is left out, and only dots become dashes.
    """
    match naming.address_type:
        case "ip":
            host: str | None = address.ip
        case "dns":
            host = _within(naming, address.ip.replace(".", "-"), naming.namespace)
        case "hostname" if address.hostname:
            host = _within(naming, address.hostname, naming.service, naming.namespace)
        case _:
            host = None
    return None if host is None else f"{app}@{host}"


def _within(naming: Naming, label: str, *parents: str) -> str:
    return ".".join((label, *parents, naming.suffix)) if naming.suffix else label


def in_dns(record_type: str, address: EndpointAddress, name: str) -> str | None:
    """The host by which a record of that type leads to the pod at this address; None: there is no such record.

    `name`: of the headless Service, without the final dot. Kubernetes names the targets of SRV records after the pods'
    host names where Endpoints have them, else after their addresses.
    """
    if record_type == SRV:
        return f"{address.hostname or address.ip.replace('.', '-').replace(':', '-')}.{name}"
    return address.ip if _version(address.ip) == {A: 4, AAAA: 6}.get(record_type) else None


def _version(ip: str) -> int | None:
    try:
        return ip_address(ip).version
    except ValueError:
        return 4  # a word for the address of a pod, whose image takes an IPv4 one
