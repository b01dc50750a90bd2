"""A name of the API server that the pod template gives an address of its own, which no nameserver is asked for."""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Unjudged
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import apiaddress, discovery


def unjudged(case: Case) -> Iterator[Unjudged]:
    """Before any pod runs; then its own answer tells."""
    value = discovery.text(case.settings.api_server) if case.settings and case.uses_k8s else None
    asked = apiaddress.parse(value) if value else None
    found = case.workload.template.host_aliases.get(asked.host) if asked else None
    if asked and found and not any(case.observation.each_member()):
        yield Unjudged(
            ConditionType.DNS_HEALTHY,
            f"whether the API server answers at {found}",
            f"hostAliases gives the pods that address for {asked.host}",
            field="hostAliases",
        )
