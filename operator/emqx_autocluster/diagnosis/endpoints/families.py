"""DiscoveryReady: whether the Service has addresses of the family by which the nodes are named and looked for.

EMQX's image names a node by an IPv4 address, in every version. Endpoints have addresses of the Service's first family
alone, and DNS has A records for IPv4 and AAAA records for IPv6.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames
from emqx_autocluster.emqx import discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.peernames import AAAA, SRV, A
from emqx_autocluster.emqx.podwords import POD_IP
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Service

_TYPE = ConditionType.DISCOVERY_READY
_IPV4, _IPV6 = "IPv4", "IPv6"
_RECORDS = {A: _IPV4, AAAA: _IPV6}
_PROTOCOL = "EMQX_CLUSTER__PROTO_DIST"
_BY_IPV6 = "inet6"
"""How the values begin by which the nodes talk to each other over IPv6; by default it is IPv4."""
_MEND = (
    "take a Service whose first family is IPv4 (that of one which exists cannot be changed); where pods have IPv6"
    " alone, strategy dns with record type aaaa, and EMQX_HOST from status.podIP with it"
)


def problems(case: Case, service: Service) -> Iterator[Finding]:
    settings = case.settings
    if settings is None or not service.families or not case.may_be_broken:
        return
    if settings.uses_dns:
        yield from _records(settings, service)
    elif _is_named_otherwise(case, settings, service):
        variable = discovery.ADDRESS_TYPE
        yield false(
            _TYPE,
            Reason.ADDRESS_FAMILY_UNSUITABLE,
            f"Service {service.name} has {_IPV6} as its first family, so that its Endpoints list {_IPV6} addresses, of"
            f" which discovery makes the names that it looks for ({variable} is {_kind(settings)}); EMQX's image names"
            f" a node by an {_IPV4} address, and does not start where a pod has none: they never meet; {_MEND}",
            field=recorded.ENV + variable,
        )


def unjudged(case: Case) -> Iterator[Unjudged]:
    settings, service = case.settings, case.observation.service
    if settings is None or not isinstance(service, Service) or not case.may_be_broken or case.is_replicant:
        return
    if service.families[:1] != (_IPV6,) or case.workload.replicas < 2:  # noqa: PLR2004 - nobody looks for a single one
        return
    own = ownnames.predicted(case, settings)
    by_name = settings.uses_dns and settings.dns.kind == SRV
    if settings.uses_k8s and isinstance(own, OwnName) and own.host_from and own.host == POD_IP:
        told = f"Service {service.name} lists {_IPV6} addresses first, and a pod that has both may have the other first"
        yield Unjudged(_TYPE, f"whether the address in {own.host_from} is an {_IPV6} one", told)
    if (by_name or _kind(settings) == "hostname") and service.single_stack and not _talks_by_ipv6(settings):
        told = (
            f"{_PROTOCOL} is not inet6_tcp or inet6_tls, and DNS has {_IPV6} addresses alone for their names"
        )
        yield Unjudged(_TYPE, f"whether the nodes reach each other over {_IPV6}", told)


def _records(settings: DiscoverySettings, service: Service) -> Iterator[Finding]:
    """A Service that is not said to have one family alone may have both."""
    kind, has = settings.dns.kind or "", service.families[0]
    wanted = _RECORDS.get(kind)
    if wanted is None or wanted == has or not service.single_stack:
        return
    variable = settings.generation.record_type_variable
    yield false(
        _TYPE,
        Reason.ADDRESS_FAMILY_UNSUITABLE,
        f"Service {service.name} has {has} addresses alone, for which DNS has no {kind} records ({variable} is {kind}):"
        " the answer is empty, each node stays alone, and EMQX says nothing of it; let the Service have"
        f" {wanted} as well (ipFamilyPolicy: PreferDualStack), or ask for the records that fit the nodes' names",
        field=recorded.ENV + variable,
    )


def _is_named_otherwise(case: Case, settings: DiscoverySettings, service: Service) -> bool:
    """Only where the image itself names the nodes: a variable may have an address of either family."""
    if service.families[0] != _IPV6 or case.is_replicant or case.workload.replicas < 2:  # noqa: PLR2004
        return False
    own = ownnames.predicted(case, settings)
    made = isinstance(own, OwnName) and own.host_from is None
    return settings.uses_k8s and made and _kind(settings) in {"ip", "dns"}


def _kind(settings: DiscoverySettings) -> str | None:
    return discovery.text(settings.address_type) if settings.uses_k8s else None


def _talks_by_ipv6(settings: DiscoverySettings) -> bool:
    return (discovery.text(settings.reader.read(_PROTOCOL, None)) or "").strip('"').startswith(_BY_IPV6)
