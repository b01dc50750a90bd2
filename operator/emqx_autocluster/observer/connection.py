"""How a process reaches a cluster; beside the service, so that a command for people starts without all that watches."""

import os
from datetime import timedelta

from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.resolver import ClusterResolver
from emqx_autocluster.observer import Observer
from emqx_autocluster.settings import Settings

FOR_PEOPLE = 10.0
"""Seconds for each answer: nobody waits longer for a command that only asks."""


def connect(settings: Settings, *, deadline: float = 30.0) -> Kube:
    """By the pod's ServiceAccount in a cluster, else by the kubeconfig. `deadline`: seconds for each answer."""
    if settings.kubeconfig is None and settings.context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        return Kube.from_service_account(deadline=deadline)
    return Kube.from_kubeconfig(settings.kubeconfig, settings.context, deadline=deadline)


def resolver(kube: Kube, settings: Settings) -> ClusterResolver | None:
    """None: out of the cluster, and nobody said where its DNS is."""
    if settings.cluster_dns:
        host, _, port = settings.cluster_dns.partition(":")
        return ClusterResolver(host, int(port)) if port else ClusterResolver(host)
    return ClusterResolver.from_resolv_conf() if kube.in_cluster else None


def observer(kube: Kube, emqx_ctl: EmqxCtl, settings: Settings) -> Observer:
    settling = timedelta(seconds=settings.settling_seconds)
    return Observer(
        kube, emqx_ctl, resolver(kube, settings), settings.cluster_domain, settling, settings.namespaces
    )
