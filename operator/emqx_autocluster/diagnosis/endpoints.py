"""DiscoveryReady: whether the Endpoints object that EMQX asks for lists the workload's pods."""

from collections.abc import Mapping

from emqx_autocluster import discovery
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.observation import Endpoints, Service, Unobserved

_TYPE = ConditionType.DISCOVERY_READY


def check(case: Case) -> Finding:
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    if not case.uses_k8s:
        return true(_TYPE, Reason.NOT_APPLICABLE, "only strategy k8s reads Endpoints")
    name = discovery.text(case.settings.service_name)
    service, endpoints = case.observation.service, case.observation.endpoints
    if name is None or isinstance(service, Unobserved):
        detail = service.reason if isinstance(service, Unobserved) else "its name is not known"
        return unknown(_TYPE, Reason.PROBE_FAILED, f"the Service that EMQX asks for: {detail}")
    if service is None:
        namespace = discovery.text(case.settings.namespace)
        return false(
            _TYPE,
            Reason.SERVICE_NOT_FOUND,
            f"Service {name} does not exist in namespace {namespace}; create it with a selector that matches"
            f" the pods' labels, or correct {discovery.SERVICE_NAME}",
        )
    mismatch = _selector_mismatch(service, _pod_labels(case))
    if mismatch:
        return false(_TYPE, Reason.SELECTOR_MISMATCH, f"Service {name} does not select the pods: {mismatch}")
    if isinstance(endpoints, Unobserved):
        return unknown(_TYPE, Reason.PROBE_FAILED, f"Endpoints {name}: {endpoints.reason}")
    return _addresses(case, name, endpoints)


def _pod_labels(case: Case) -> Mapping[str, str]:
    """Labels that every pod of the workload has: as seen on one of them, else as its template says."""
    member = next(case.observation.each_member(), None)
    return member.pod.labels if member else case.workload.template.labels


def _selector_mismatch(service: Service, labels: Mapping[str, str]) -> str | None:
    if not service.selector:
        return "it has no selector, so nothing fills its Endpoints"
    wrong = sorted(key for key, value in service.selector.items() if labels.get(key) != value)
    if not wrong:
        return None
    key = wrong[0]
    return (
        f"it selects {key}={service.selector[key]}, the pods have {key}={labels.get(key, '(no such label)')}"
    )


def _addresses(case: Case, name: str, endpoints: Endpoints | None) -> Finding:
    ready = endpoints.ready if endpoints else ()
    if not ready:
        if case.progressing or not any(m.pod.ready for m in case.running):
            return unknown(
                _TYPE, Reason.TARGET_PROGRESSING, f"Endpoints {name} is empty until a pod is Ready"
            )
        return false(
            _TYPE,
            Reason.NO_ADDRESSES,
            f"Endpoints {name} lists no address although pods are Ready; see kubectl get endpoints"
            f" -n {case.workload.ref.namespace} {name}",
        )
    if discovery.text(case.settings.address_type) == "hostname" if case.settings else False:
        nameless = sorted(a.pod or a.ip for a in ready if not a.hostname)
        if nameless:
            return false(
                _TYPE,
                Reason.HOSTNAME_MISSING,
                f"{discovery.ADDRESS_TYPE} is hostname and Endpoints {name} has no hostname for {', '.join(nameless)}:"
                " only pods of a StatefulSet whose serviceName is this Service have one",
            )
    return true(_TYPE, Reason.ENDPOINTS_PUBLISHED, f"Endpoints {name} lists {len(ready)} addresses")
