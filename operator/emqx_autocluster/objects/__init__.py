"""Kubernetes objects, from the API server's JSON to the values that are judged."""

from emqx_autocluster.objects.pods import is_finished, pod, workload_name
from emqx_autocluster.objects.rbac import managed
from emqx_autocluster.objects.services import cluster_ips, endpoint_ports, endpoints, network_policy, service
from emqx_autocluster.objects.workloads import label_selector, pod_template, workload

__all__ = [
    "cluster_ips",
    "endpoint_ports",
    "endpoints",
    "is_finished",
    "label_selector",
    "managed",
    "network_policy",
    "pod",
    "pod_template",
    "service",
    "workload",
    "workload_name",
]
