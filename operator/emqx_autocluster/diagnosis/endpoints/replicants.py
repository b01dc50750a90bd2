"""DiscoveryReady of replicants: whether the Service that they ask for leads to cores.

It is the cores' Service, so that it does not select the replicants is right; to change it for them would take the
cores out of it.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.endpoints import addresses, bystanders, families, peers
from emqx_autocluster.emqx import discovery
from emqx_autocluster.observation import Endpoints, Service, Unobserved

_TYPE = ConditionType.DISCOVERY_READY


def not_found(case: Case, name: str) -> Finding:
    """None is made for them: one of their own pods would hold no core."""
    return false(
        _TYPE,
        Reason.SERVICE_NOT_FOUND,
        f"Service {name} does not exist in namespace {case.workload.ref.namespace}: replicants ask for the Service of"
        f" their cores; correct {discovery.SERVICE_NAME}, or create it with the cores' labels as its selector",
        field=f"env/{discovery.SERVICE_NAME}",
    )


def problems(case: Case, service: Service) -> Iterator[Finding]:
    name, endpoints = service.name, case.observation.endpoints
    yield from families.problems(case, service)
    yield from bystanders.problems(case, service)
    if not service.selector:
        told = f"Service {name} has no selector, so nothing fills its Endpoints with the cores"
        yield false(_TYPE, Reason.SELECTOR_MISMATCH, told)
    elif isinstance(endpoints, Unobserved):
        yield unknown(_TYPE, Reason.PROBE_FAILED, f"Endpoints {name}: {endpoints.reason}")
    else:
        yield from _lists_no_core(case, service, endpoints) or _names(case, service, endpoints)


def _lists_no_core(case: Case, service: Service, endpoints: Endpoints | None) -> tuple[Finding, ...]:
    listed = endpoints.ready if endpoints else ()
    own = {m.pod.ip for m in case.observation.each_member()}
    if any(address.ip not in own for address in listed):
        return ()
    if not listed and _were_well(case):
        told = f"Endpoints {service.name} is empty until a core is Ready again"
        return (unknown(_TYPE, Reason.TARGET_PROGRESSING, told),)
    selector = ",".join(f"{key}={value}" for key, value in sorted(service.selector.items()))
    what = "lists only the replicants themselves" if listed else "lists no address"
    hidden = endpoints is not None and bool(endpoints.not_ready)
    why = (
        "the pods that it selects are not Ready"
        if hidden and not listed
        else "no core's pod fits its selector"
    )
    return (
        false(
            _TYPE,
            Reason.CORES_NOT_LISTED,
            f"Endpoints {service.name} {what}, and replicants ask it for their cores: {why} ({selector}), or the cores"
            f" are gone; see kubectl get pods -n {case.workload.ref.namespace} -l {selector}",
            field="" if not listed else f"env/{discovery.SERVICE_NAME}",
        ),
    )


def _were_well(case: Case) -> bool:
    """Whether the replicants had found cores, none of which runs now: then the Service is not to blame."""
    cores = case.observation.cores
    none_runs = not isinstance(cores, Unobserved) and not any(core.pod.running for core in cores)
    return none_runs and any(m.pod.ready for m in case.membership.replicants)


def _names(case: Case, service: Service, endpoints: Endpoints | None) -> tuple[Finding, ...]:
    listed = endpoints or Endpoints(())
    return (*addresses.nameless(case, service, listed), *peers.problems(case, service, listed))
