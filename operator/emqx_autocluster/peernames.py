"""The node names that EMQX makes of the addresses in the Endpoints: by these alone it looks for its peers."""

from dataclasses import dataclass

from emqx_autocluster.observation import EndpointAddress


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
