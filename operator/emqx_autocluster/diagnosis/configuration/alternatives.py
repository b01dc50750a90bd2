"""Another Service than the one that is asked for, which does select the pods: the one that may be meant."""

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames
from emqx_autocluster.emqx import discovery, dnsdiscovery
from emqx_autocluster.emqx.dnsdiscovery import ServiceName
from emqx_autocluster.observation import Service


def right(case: Case) -> Service | None:
    """The one that would do; None: none is known, or the one that is asked for does."""
    settings, asked = case.settings, case.observation.service
    if settings is None or case.is_replicant:
        return None
    labels, named = case.workload.template.labels, settings.asked_service
    if isinstance(asked, Service) and asked.selects(labels):
        return None
    governing = ownnames.place(case).governing
    found = [s for s in _known(case) if s.selects(labels) and s.name != named and _fits(case, s, governing)]
    return min(found, key=lambda s: (s.name != governing, not s.headless, s.name), default=None)


def written(case: Case, service: Service) -> str:
    """As the variable of its strategy names it."""
    if case.settings is None or not case.settings.uses_dns:
        return service.name
    named = dnsdiscovery.service_name(case.settings.dns.asked or "")
    domain = named.domain if named else case.observation.network.cluster_domain
    return str(ServiceName(service.name, case.workload.ref.namespace, domain))


def _known(case: Case) -> tuple[Service, ...]:
    governing = case.observation.governing
    return (*case.observation.selecting, *((governing,) if isinstance(governing, Service) else ()))


def _fits(case: Case, service: Service, governing: str | None) -> bool:
    """Whether the names that it leads to are those that the nodes have, or may have."""
    settings = case.settings
    if settings is None:
        return False
    if settings.uses_dns:
        return service.headless and (settings.dns.kind != "srv" or service.name == governing)
    return discovery.text(settings.address_type) != "hostname" or service.name == governing
