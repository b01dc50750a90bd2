"""The first rung of the DNS ladder: a policy of the pod template that gives the pods the node's resolver."""

from emqx_autocluster import discovery
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.names.question import answers
from emqx_autocluster.emqx_versions import CANONICAL_HOST
from emqx_autocluster.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.observation import NOT_ASKED

_TYPE = ConditionType.DNS_HEALTHY


def is_unsuitable(case: Case) -> bool:
    """Policy Default, and hostNetwork with ClusterFirst, give the pod the node's resolver instead of the cluster's."""
    template = case.workload.template
    if template.dns_config:
        return False
    return template.dns_policy == "Default" or (
        template.host_network and template.dns_policy == "ClusterFirst"
    )


def suitable(case: Case) -> str:
    return "ClusterFirstWithHostNet" if case.workload.template.host_network else "ClusterFirst"


def problem(case: Case) -> Finding:
    """What is to be said of an unsuitable policy, once a name does not resolve."""
    template, lost = case.workload.template, _other_names(case)
    host_network = " with hostNetwork" if template.host_network else ""
    message = (
        f"dnsPolicy is {template.dns_policy}{host_network}, so the pods ask the node's resolver, which does not know"
        f" {CANONICAL_HOST}; it should be {suitable(case)}"
    )
    if lost:
        message += (
            f"; not changed, since the cluster's DNS does not know {', '.join(lost)} of the container's env"
        )
    return false(_TYPE, Reason.DNS_POLICY_UNSUITABLE, message, repairable=not lost, field="dnsPolicy")


def _other_names(case: Case) -> tuple[str, ...]:
    """Names in the container's env that the cluster's DNS does not know, or that it could not be asked for."""
    names = discovery.other_host_names(case.container) if case.container else ()
    known = case.observation.network.dns
    return tuple(name for name in names if not answers(known.get(f"{name}.", NOT_ASKED)))
