"""Kubernetes objects, from the API server's JSON to the values that are judged."""

from emqx_autocluster.objects.pods import belongs_to, is_finished, pod, workload_name
from emqx_autocluster.objects.surroundings import (
    cluster_ips,
    endpoint_ports,
    endpoints,
    managed,
    network_policy,
    service,
)
from emqx_autocluster.objects.workloads import label_selector, workload

__all__ = [
    "belongs_to",
    "cluster_ips",
    "endpoint_ports",
    "endpoints",
    "is_finished",
    "label_selector",
    "managed",
    "network_policy",
    "pod",
    "service",
    "workload",
    "workload_name",
]
