"""A question that the cluster's DNS has to answer, as a pod or the operator asks it, and what is known of its way."""

from dataclasses import dataclass

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration.address import service_fqdn
from emqx_autocluster.observation import (
    ClusterDNS,
    DNSAnswer,
    DNSOutcome,
    Fact,
    Identity,
    Member,
    ResolvConf,
    Unobserved,
)

SERVICE = "Service kube-dns in kube-system"


@dataclass(frozen=True, slots=True)
class Question:
    """The name of a Service, as a pod asks for it in vain; without a pod, as the operator does."""

    case: Case
    host: str
    member: Member | None = None
    absolute: str = ""
    """The absolute name that it has to become; empty: that of the API server's Service."""

    @property
    def name(self) -> str:
        return self.absolute or service_fqdn(self.case.observation.network.cluster_domain)

    @property
    def shown(self) -> str:
        """That name as people write it."""
        return self.name.rstrip(".")

    @property
    def dns(self) -> ClusterDNS:
        return self.case.observation.network.cluster_dns

    @property
    def answer(self) -> Fact[DNSAnswer]:
        """What the cluster's DNS says to the operator."""
        network = self.case.observation.network
        return network.dns.get(self.name, Unobserved("the cluster's DNS was not asked"))

    @property
    def conf(self) -> ResolvConf | None:
        identity = self.member.identity if self.member else None
        return identity.resolv_conf if isinstance(identity, Identity) else None

    @property
    def nameserver(self) -> str | None:
        """The one that a pod asks first: the others count only while it does not answer."""
        return self.conf.nameservers[0] if self.conf and self.conf.nameservers else None

    @property
    def pod(self) -> str:
        return self.member.pod.name if self.member else ""


def answers(said: Fact[DNSAnswer]) -> bool:
    return isinstance(said, DNSAnswer) and said.outcome is DNSOutcome.ANSWER


def timed_out(said: Fact[DNSAnswer]) -> bool:
    return isinstance(said, DNSAnswer) and said.outcome is DNSOutcome.TIMEOUT
