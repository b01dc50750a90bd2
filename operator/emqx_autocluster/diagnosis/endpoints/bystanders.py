"""Other pods that the Service selects by which EMQX looks for host names: one without such a name breaks discovery.

Live, the Endpoints show them. Before any pod runs, the templates of the same input do.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames
from emqx_autocluster.emqx import discovery
from emqx_autocluster.observation import OtherPods, Service

_TYPE = ConditionType.DISCOVERY_READY


def problems(case: Case, service: Service) -> Iterator[Finding]:
    """None for a single member, which looks for nobody, and where its own pods have no host names either."""
    nameless = [pods for pods in case.observation.beside if _is_nameless(pods, service)]
    if not nameless or not _looks_by_hostname(case) or not _is_looked_for(case, service):
        return
    whose = " and ".join(dict.fromkeys(map(_told, nameless)))
    selector = ", ".join(f"{key}={value}" for key, value in sorted(service.selector.items()))
    yield false(
        _TYPE,
        Reason.HOSTNAME_MISSING,
        f"Service {service.name} selects {selector}, and so {whose} as well, without a host name in it;"
        f" {discovery.ADDRESS_TYPE} is hostname, and one address without a host name ends each round of discovery"
        f" (badkey): {_cure(case, nameless)}",
    )


def _is_nameless(pods: OtherPods, service: Service) -> bool:
    return service.selects(pods.labels) and service.leads_to(pods.ports) and pods.governing != service.name


def _looks_by_hostname(case: Case) -> bool:
    return (
        case.settings is not None
        and case.uses_k8s
        and discovery.text(case.settings.address_type) == "hostname"
    )


def _is_looked_for(case: Case, service: Service) -> bool:
    """By its own members, or by replicants, of which one is enough."""
    governed = ownnames.place(case).governing == service.name
    return case.is_replicant or (governed and case.workload.replicas > 1)


def _cure(case: Case, others: list[OtherPods]) -> str:
    """A label that none of the others has, where the template has one."""
    own = {} if case.is_replicant else case.workload.template.labels
    apart = (key for key in sorted(own) if all(pods.labels.get(key) != own[key] for pods in others))
    key = next(apart, None)
    if key is not None:
        return f"add {key}: {own[key]} to the Service's selector"
    whom = "the cores" if case.is_replicant else "these pods"
    return f"give {whom} a label that the others do not have, and add it to the Service's selector"


def _told(pods: OtherPods) -> str:
    return pods.owner if pods.owner.startswith("Pod/") else f"the pods of {pods.owner}"
