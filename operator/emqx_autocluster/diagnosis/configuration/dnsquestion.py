"""The question that strategy dns asks of DNS as it is, and as it has to be for the nodes to be found."""

from dataclasses import dataclass, replace

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import alternatives, ownnames
from emqx_autocluster.emqx import discovery, dnsdiscovery, peernames
from emqx_autocluster.emqx.discovery import DNS_NAME, DiscoverySettings, Setting, Source
from emqx_autocluster.emqx.dnsdiscovery import ServiceName
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.peernames import SRV, A
from emqx_autocluster.emqx.podwords import POD_IP, POD_NAME
from emqx_autocluster.observation import EndpointAddress, Service


@dataclass(frozen=True, slots=True)
class Question:
    """The question, and what it has to be. `right` is None where no one name is the right one."""

    case: Case
    settings: DiscoverySettings
    right: ServiceName | None
    kind: str
    """The record type that is meant."""

    @property
    def type_variable(self) -> str:
        return self.settings.generation.record_type_variable

    @property
    def name(self) -> str:
        return self.settings.dns.asked or ""

    @property
    def changes(self) -> dict[str, str]:
        """What the findings about name and type put right; the rest the image reads as it stands."""
        named, typed = self.settings.dns.is_named, self.settings.dns.kind
        name = (
            {DNS_NAME: str(self.right)} if self.right and not (named and str(self.right) == self.name) else {}
        )
        return {**name, **({self.type_variable: self.kind} if typed != self.kind else {})}

    @property
    def sought(self) -> str | None:
        """The host under which right settings look for a pod, in the words of `podwords`; None: there is none."""
        if self.kind != SRV:
            return peernames.in_dns(self.kind, EndpointAddress(POD_IP), "")
        return None if self.right is None else self.target(self.right)

    def target(self, name: ServiceName) -> str | None:
        """Where an SRV record of that Service leads."""
        named = ownnames.place(self.case).governing == name.service
        return peernames.in_dns(SRV, EndpointAddress(POD_IP, POD_NAME if named else None), str(name))

    def keeps_names(self) -> bool:
        """Whether the nodes that run already have the names under which right settings look for them."""
        return self.sought is not None and ownnames.are_called(self.case, self.sought)


def asked(case: Case, settings: DiscoverySettings) -> Question:
    given, other = settings.dns.record_type, discovery.text(settings.dns.other_type)
    kind = (settings.dns.kind or A).strip().lower()
    if isinstance(given, Setting) and given.source is Source.DEFAULT and not _fits(case, settings):
        kind = other or kind
    return Question(case, settings, _right(case, settings), kind)


def _fits(case: Case, settings: DiscoverySettings) -> bool:
    """Whether the nodes have names that the type in force leads to, whatever else was meant."""
    own = ownnames.predicted(case, settings)
    named = isinstance(own, OwnName) and own.host == POD_IP and ownnames.is_borne_out(case, own)
    return settings.dns.kind == A and named and not case.running


def _right(case: Case, settings: DiscoverySettings) -> ServiceName | None:
    """The Service that is named, in the pods' own namespace; else the StatefulSet's own where none is."""
    namespace, governing = case.workload.ref.namespace, ownnames.place(case).governing
    name, known = settings.dns.asked, case.observation.network.cluster_domain
    if not settings.dns.is_named:
        return ServiceName(governing, namespace, _domain(case, settings) or known) if governing else None
    found = dnsdiscovery.right_name(name or "", namespace, _domain(case, settings))
    other = alternatives.right(case) if isinstance(case.observation.service, Service) else None
    return replace(found, service=other.name) if found and other else found


def _domain(case: Case, settings: DiscoverySettings) -> str | None:
    """The cluster's, as its pods tell it, else as the nodes' own names have it; None: the name's own may be it."""
    known = case.observation.network.cluster_domain
    if ownnames.domain_is_known(case):
        return known
    if dnsdiscovery.service_name(settings.dns.asked or ""):
        return None
    own = ownnames.predicted(case, settings)
    host = own.host.partition(".")[2] if isinstance(own, OwnName) else ""
    named = dnsdiscovery.service_name(host)
    return named.domain if named else known
