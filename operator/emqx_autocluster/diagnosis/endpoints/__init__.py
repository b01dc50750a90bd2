"""DiscoveryReady: whether the Endpoints object that EMQX asks for leads to the workload's members."""

from collections.abc import Iterator, Mapping

from emqx_autocluster import discovery, headless
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.endpoints import addresses, peers, policies
from emqx_autocluster.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.observation import Service, Unobserved

_TYPE = ConditionType.DISCOVERY_READY


def check(case: Case) -> Finding:
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    if not case.uses_k8s:
        return true(_TYPE, Reason.NOT_APPLICABLE, "only strategy k8s reads Endpoints")
    found, seen = problems(case), case.observation.endpoints
    if found or isinstance(seen, Unobserved):
        return found[0]
    name, count = discovery.text(case.settings.service_name), len(seen.ready) if seen else 0
    return true(_TYPE, Reason.ENDPOINTS_PUBLISHED, f"Endpoints {name} lists {count} addresses")


def problems(case: Case) -> tuple[Finding, ...]:
    """All that is wrong, causes before what follows from them; the condition tells the first."""
    return tuple(_problems(case)) if case.uses_k8s else ()


def _problems(case: Case) -> Iterator[Finding]:
    service, endpoints = case.observation.service, case.observation.endpoints
    name = discovery.text(case.settings.service_name) if case.settings else None
    if name is None or isinstance(service, Unobserved):
        detail = service.reason if isinstance(service, Unobserved) else "its name is not known"
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"the Service that EMQX asks for: {detail}")
        return
    if service is None:
        yield _not_found(case, name)
        return
    mismatch = _selector_mismatch(service, _labels(case))
    if mismatch:
        yield false(_TYPE, Reason.SELECTOR_MISMATCH, f"Service {name} does not select the pods: {mismatch}")
    if isinstance(endpoints, Unobserved):
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"Endpoints {name}: {endpoints.reason}")
    elif not mismatch:
        found = tuple(addresses.problems(case, service, endpoints))
        yield from found or peers.problems(case, service, endpoints)
    blocked = policies.problem(case)
    if blocked:
        yield blocked


def _not_found(case: Case, name: str) -> Finding:
    workload = case.workload
    address_type = discovery.text(case.settings.address_type) if case.settings else None
    obstacle = headless.obstacle(workload, name, address_type)
    asked = case.spec.discovery.create_service
    if obstacle:
        cure = (
            f"create it, headless and with a selector that only these pods fit, or correct {discovery.SERVICE_NAME}"
            f" ({obstacle})"
        )
    else:
        command = headless.apply_command(workload, name)
        cure = f"create it with {command}, or correct {discovery.SERVICE_NAME}"
    offer = "" if asked or obstacle else "; spec.discovery.createService lets Repair create it"
    return false(
        _TYPE,
        Reason.SERVICE_NOT_FOUND,
        f"Service {name} does not exist in namespace {workload.ref.namespace}; {cure}{offer}",
        repairable=asked and not obstacle,
        field=f"env/{discovery.SERVICE_NAME}",
    )


def _labels(case: Case) -> list[Mapping[str, str]]:
    """Those of each pod of the workload, else as its template says."""
    seen = [member.pod.labels for member in case.observation.each_member()]
    return seen or [case.workload.template.labels]


def _selector_mismatch(service: Service, labels: list[Mapping[str, str]]) -> str | None:
    """None: it selects at least one of the pods."""
    if not service.selector:
        return "it has no selector, so nothing fills its Endpoints"
    wrong = [service.unmet(pod) for pod in labels]
    if not all(wrong):
        return None
    key = min(wrong[0])
    has = labels[0].get(key, "(no such label)")
    return f"it selects {key}={service.selector[key]}, the pods have {key}={has}"
