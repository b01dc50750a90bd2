"""The first rung of the DNS ladder: a policy of the pod template that gives the pods the node's resolver."""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.names.question import answers
from emqx_autocluster.emqx import discovery
from emqx_autocluster.observation import CANONICAL_HOST, NOT_ASKED

_TYPE = ConditionType.DNS_HEALTHY
_MOST_SHOWN = 5


def is_unsuitable(case: Case) -> bool:
    """Policy Default, and hostNetwork with ClusterFirst, give the pod the node's resolver instead of the cluster's."""
    template = case.workload.template
    if template.dns_config:
        return False
    return template.dns_policy == "Default" or (
        template.host_network and template.dns_policy == "ClusterFirst"
    )


def unjudged(case: Case) -> Iterator[Unjudged]:
    """Of a template whose pods get nameservers of its own, none of which runs yet."""
    template = case.workload.template
    own = template.dns_policy == "None" or (template.dns_policy == "Default" and template.dns_config)
    if own and case.discovers and not any(case.observation.each_member()):
        told = f"dnsPolicy is {template.dns_policy}, so that the pods ask the nameservers in dnsConfig"
        yield Unjudged(
            _TYPE, "whether the pods' nameservers know the cluster's names", told, field="dnsPolicy"
        )


def suitable(case: Case) -> str:
    return "ClusterFirstWithHostNet" if case.workload.template.host_network else "ClusterFirst"


def problem(case: Case, host: str = CANONICAL_HOST) -> Finding:
    """What is to be said of an unsuitable policy, once a name does not resolve."""
    template, lost = case.workload.template, _other_names(case, host)
    host_network = " with hostNetwork" if template.host_network else ""
    message = (
        f"dnsPolicy is {template.dns_policy}{host_network}, so the pods ask the node's resolver, which does not know"
        f" {host}; it should be {suitable(case)}"
    )
    if lost:
        message += (
            f"; not changed, since the cluster's DNS does not know {_some(lost)} of the container's env"
        )
    return false(_TYPE, Reason.DNS_POLICY_UNSUITABLE, message, repairable=not lost, field="dnsPolicy")


def _some(names: tuple[str, ...]) -> str:
    more = (
        f" and {len(names) - _MOST_SHOWN} more, or was not asked for them" if len(names) > _MOST_SHOWN else ""
    )
    return ", ".join(names[:_MOST_SHOWN]) + more


def _other_names(case: Case, host: str) -> tuple[str, ...]:
    """Names in the container's env that the cluster's DNS does not know, or that it could not be asked for.

    Not the one that is asked for in vain, nor others of Services: these the cluster's DNS alone can know.
    """
    given = discovery.other_host_names(case.container) if case.container else ()
    services = f".svc.{case.observation.network.cluster_domain}"
    names = [name for name in given if name != host and not name.endswith(services)]
    known = case.observation.network.dns
    return tuple(name for name in names if not answers(known.get(f"{name}.", NOT_ASKED)))
