"""The address of the API server as one workload's EMQX asks it, and which addresses are the API server's own."""

from dataclasses import dataclass

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import apiaddress, discovery
from emqx_autocluster.emqx.apiaddress import Address
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import DNSAnswer, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID
_HTTPS = 443
FIELD = recorded.ENV + discovery.API_SERVER
CANONICAL = ((discovery.API_SERVER, CANONICAL_API_SERVER),)


@dataclass(frozen=True, slots=True)
class Asked:
    """An address that a case's EMQX asks; None: it has none."""

    case: Case
    settings: DiscoverySettings
    value: str | None

    @property
    def version(self) -> str:
        return f"EMQX {self.settings.version}"

    @property
    def shown(self) -> str:
        return apiaddress.redacted(self.value or "")

    @property
    def verified(self) -> bool:
        return self.settings.generation.verifies_certificate


def is_looked_at(case: Case) -> bool:
    """Whether there is a cluster to ask, and not just manifests: it is always asked for the Service kubernetes."""
    network = case.observation.network
    return bool(network.dns) or not isinstance(network.certificate_hosts, Unobserved)


def is_the_service(case: Case, address: Address) -> bool:
    """Whether the address is an equivalent spelling of https://kubernetes.default.svc:443."""
    if address.scheme != "https" or address.port != _HTTPS:
        return False
    return names_the_service(case, address.host) or address.host in service_addresses(case)


def service_fqdn(cluster_domain: str) -> str:
    return f"kubernetes.default.svc.{cluster_domain}."


def names_the_service(case: Case, host: str) -> bool:
    if host == "kubernetes":
        return case.workload.ref.namespace == "default"
    return apiaddress.names_the_service(host, case.observation.network.cluster_domain)


def service_addresses(case: Case) -> tuple[str, ...]:
    """The ClusterIP of the API server, as far as the cluster's DNS tells it."""
    network = case.observation.network
    answer = network.dns.get(service_fqdn(network.cluster_domain))
    return answer.addresses if isinstance(answer, DNSAnswer) else ()


def repairable(reason: Reason, seen: str) -> Finding:
    return false(
        _TYPE,
        reason,
        f"{seen}; it should be {CANONICAL_API_SERVER}",
        repairable=True,
        sets=CANONICAL,
        field=FIELD,
    )
