"""DiscoveryReady: whether the Endpoints object that EMQX asks for leads to the workload's members."""

from collections.abc import Iterator, Mapping

from emqx_autocluster.api.findings import (
    ConditionType,
    Finding,
    Reason,
    Unjudged,
    false,
    true,
    unknown,
)
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import alternatives
from emqx_autocluster.diagnosis.endpoints import (
    addresses,
    bystanders,
    families,
    mesh,
    peers,
    policies,
    records,
    replicants,
    templatepods,
)
from emqx_autocluster.emqx import discovery
from emqx_autocluster.objects import headless
from emqx_autocluster.observation import Service, Unobserved

_TYPE = ConditionType.DISCOVERY_READY
_A_FEW = 3


def check(case: Case) -> Finding:
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    found, seen = problems(case), case.observation.endpoints
    if not case.discovers:
        return found[0] if found else true(_TYPE, Reason.NOT_APPLICABLE, "this strategy asks for no Service")
    if found or isinstance(seen, Unobserved):
        return found[0]
    name, count = case.settings.asked_service, len(seen.ready) if seen else 0
    return true(_TYPE, Reason.ENDPOINTS_PUBLISHED, f"Endpoints {name} lists {count} addresses")


def problems(case: Case) -> tuple[Finding, ...]:
    """All that is wrong, causes before what follows from them; the condition tells the first."""
    blocked = policies.problem(case)
    of_service = _problems(case) if case.discovers else ()
    return (*of_service, *((blocked,) if blocked else ()), *mesh.problems(case))


def unjudged(case: Case) -> Iterator[Unjudged]:
    settings, service = case.settings, case.observation.service
    name = settings.asked_service if settings else None
    if settings is not None and name is not None and isinstance(service, Unobserved):
        headless = " and is headless" if case.uses_dns else ""
        question = f"whether Service {name}, by which EMQX looks for its peers, selects these pods{headless}"
        other = alternatives.right(case)
        remedy = f"Service {other.name} selects them" if other is not None and not case.is_replicant else ""
        yield Unjudged(_TYPE, question, service.reason, remedy, f"env/{settings.service_variable}")
    if isinstance(service, Service) and not case.is_replicant and case.discovers:
        yield from _selects_some(case, service)
    yield from families.unjudged(case)
    yield from policies.unjudged(case)


def _problems(case: Case) -> Iterator[Finding]:
    service, endpoints = case.observation.service, case.observation.endpoints
    name = case.settings.asked_service if case.settings else None
    if name is None or isinstance(service, Unobserved):
        detail = service.reason if isinstance(service, Unobserved) else "its name is not known"
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"the Service that EMQX asks for: {detail}")
        return
    if service is None:
        yield replicants.not_found(case, name) if case.is_replicant else _not_found(case, name)
        return
    if case.is_replicant:
        yield from replicants.problems(case, service)
        return
    if case.uses_dns:
        yield from records.of_the_service(case, service)
    yield from families.problems(case, service)
    yield from bystanders.problems(case, service)
    mismatch = _selector_mismatch(service, _labels(case))
    if mismatch:
        yield _does_not_select(case, name, mismatch)
    portless = None if mismatch else addresses.portless(case, service)
    if portless:
        yield portless
    elif isinstance(endpoints, Unobserved):
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"Endpoints {name}: {endpoints.reason}")
    elif not mismatch:
        found = tuple(addresses.problems(case, service, endpoints))
        look = records.problems if case.uses_dns else peers.problems
        yield from found or look(case, service, endpoints)


def _selects_some(case: Case, service: Service) -> Iterator[Unjudged]:
    """Of pods that will be: the others find those, as long as one of them is there."""
    if any(case.observation.each_member()):
        return
    pods = templatepods.by_name(case.workload)
    selected = [name for name, labels in pods.items() if service.selects(labels)]
    if not selected or len(selected) == len(pods):
        return
    question = f"whether the members find each other without {', '.join(selected[:_A_FEW])}"
    told = f"Service {service.name} selects {len(selected)} of {len(pods)} pods"
    yield Unjudged(_TYPE, question, told, "select all by a label that they share")


def _does_not_select(case: Case, name: str, mismatch: str) -> Finding:
    """With another Service that would do, where one is known: nobody is renamed by it."""
    told, other = f"Service {name} does not select the pods: {mismatch}", alternatives.right(case)
    sets: tuple[tuple[str, str], ...] = ()
    if other is not None and case.settings is not None:
        sets = ((case.settings.service_variable, alternatives.written(case, other)),)
        told += f"; Service {other.name} does: set {sets[0][0]}={sets[0][1]}"
    return false(_TYPE, Reason.SELECTOR_MISMATCH, told, sets=sets)


def _not_found(case: Case, name: str) -> Finding:
    workload = case.workload
    variable = case.settings.service_variable if case.settings else discovery.SERVICE_NAME
    obstacle = headless.obstacle(workload, name, by_hostname=_by_hostname(case))
    asked = case.spec.discovery.create_service
    if obstacle:
        cure = (
            f"create it, headless and with a selector that only these pods fit, or correct {variable}"
            f" ({obstacle})"
        )
    elif case.veil.over(name) != name:
        cure = f"create it, headless and with a selector that only these pods fit, or correct {variable}"
    else:
        command = headless.apply_command(workload, name)
        cure = f"create it with {command}, or correct {variable}"
    offer = "" if asked or obstacle else "; spec.discovery.createService lets Repair create it"
    return false(
        _TYPE,
        Reason.SERVICE_NOT_FOUND,
        f"Service {name} does not exist in namespace {workload.ref.namespace}; {cure}{offer}",
        repairable=asked and not obstacle,
        field=f"env/{variable}",
    )


def _by_hostname(case: Case) -> bool:
    """Whether the nodes are looked for by names that only one Service gives the pods of a StatefulSet."""
    settings = case.settings
    if settings is None:
        return False
    return (
        settings.dns.kind == "srv"
        if settings.uses_dns
        else discovery.text(settings.address_type) == "hostname"
    )


def _labels(case: Case) -> list[Mapping[str, str]]:
    """Those of each pod of the workload, else as they will be."""
    seen = [member.pod.labels for member in case.observation.each_member()]
    return seen or templatepods.labels(case.workload)


def _selector_mismatch(service: Service, labels: list[Mapping[str, str]]) -> str | None:
    """None: it selects at least one of the pods."""
    if service.external_name:
        return f"it is of type ExternalName and leads to {service.external_name}, so it has no Endpoints"
    if not service.selector:
        return "it has no selector, so nothing fills its Endpoints"
    wrong = [service.unmet(pod) for pod in labels]
    if not all(wrong):
        return None
    key = min(wrong[0])
    has = labels[0].get(key, "(no such label)")
    return f"it selects {key}={service.selector[key]}, the pods have {key}={has}"
