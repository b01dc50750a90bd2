"""The cluster's domain, as settings have it: which it is only a pod's search list tells."""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Unjudged
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames, suffixes, zones
from emqx_autocluster.emqx import discovery, dnsdiscovery
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.objects import recorded


def unjudged(case: Case, settings: DiscoverySettings) -> Iterator[Unjudged]:
    """One that is not the usual, before any pod runs."""
    usual = case.observation.network.cluster_domain
    if ownnames.domain_is_known(case) or any(case.observation.each_member()):
        return
    for variable, domain in _named(case, settings):
        if domain != usual:
            yield Unjudged(
                ConditionType.CONFIGURATION_VALID,
                f"whether {domain} is the cluster's domain, as {variable} has it",
                f"the input does not tell it, and most clusters have {usual}",
                "see the search list in /etc/resolv.conf of any pod",
                field=recorded.ENV + variable,
            )


def _named(case: Case, settings: DiscoverySettings) -> Iterator[tuple[str, str]]:
    """Variable -> the domain in its value, which ends without a dot."""
    suffix, kind = discovery.text(settings.suffix), discovery.text(settings.address_type) or ""
    zoned = suffix and suffixes.right(case, settings) and zones.is_of(suffix, kind)
    if suffix and zoned and settings.uses_k8s and not suffixes.is_default(settings):
        yield discovery.SUFFIX, suffix.partition(".")[2].rstrip(".")
    named = dnsdiscovery.service_name(settings.dns.asked or "") if settings.uses_dns else None
    if named:
        yield discovery.DNS_NAME, named.domain
