"""Services, their Endpoints, and NetworkPolicies."""

from collections.abc import Mapping
from typing import Any

from emqx_autocluster.observation import EndpointAddress, Endpoints, NetworkPolicy, Service, TargetPort

Object = Mapping[str, Any]
_OLD_PUBLISH = "service.alpha.kubernetes.io/tolerate-unready-endpoints"
"""The annotation that publishNotReadyAddresses came from; Kubernetes still heeds it."""


def service(body: Object) -> Service:
    spec, marks = body["spec"], body["metadata"].get("annotations") or {}
    external = spec.get("type") == "ExternalName"
    return Service(
        name=body["metadata"]["name"],
        selector={} if external else spec.get("selector") or {},
        headless=spec.get("clusterIP") == "None",
        publish_not_ready=spec.get("publishNotReadyAddresses", False) or marks.get(_OLD_PUBLISH) == "true",
        ports=tuple(port.get("name") or "" for port in spec.get("ports") or ()),
        targets=tuple(map(_target, spec.get("ports") or ())),
        families=tuple(spec.get("ipFamilies") or ()),
        single_stack=spec.get("ipFamilyPolicy", "SingleStack") == "SingleStack",
        external_name=str(spec.get("externalName") or "another name") if external else "",
    )


def _target(port: Object) -> TargetPort:
    """Without one of its own it is the port's number."""
    target = port.get("targetPort") or port.get("port") or 0
    return TargetPort(target if isinstance(target, int) else str(target), str(port.get("protocol") or "TCP"))


def endpoints(body: Object) -> Endpoints:
    subsets = body.get("subsets") or ()
    return Endpoints(
        ready=tuple(_address(a) for s in subsets for a in s.get("addresses") or ()),
        not_ready=tuple(_address(a) for s in subsets for a in s.get("notReadyAddresses") or ()),
    )


def endpoint_ports(body: Object) -> frozenset[int]:
    return frozenset(
        port["port"] for subset in body.get("subsets") or () for port in subset.get("ports") or ()
    )


def cluster_ips(body: Object) -> tuple[str, ...]:
    """The addresses of a Service; none where there is no Service, or a headless one."""
    spec = body.get("spec") or {}
    given = spec.get("clusterIPs") or (spec.get("clusterIP"),)
    return tuple(ip for ip in given if ip and ip != "None")


def network_policy(body: Object) -> NetworkPolicy:
    """With Kubernetes' own default for the types: Ingress, and Egress where there is a rule for it."""
    spec = body["spec"]
    types = spec.get("policyTypes") or ("Ingress", *(("Egress",) if spec.get("egress") else ()))
    return NetworkPolicy(
        name=body["metadata"]["name"],
        pod_selector=spec.get("podSelector") or {},
        types=frozenset(types),
        ingress=tuple(spec.get("ingress") or ()),
        egress=tuple(spec.get("egress") or ()),
    )


def _address(body: Object) -> EndpointAddress:
    return EndpointAddress(body["ip"], body.get("hostname"), (body.get("targetRef") or {}).get("name"))
