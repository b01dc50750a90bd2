"""The names that the nodes give themselves, by the manifest, and whether the members that run bear that out.

What is known of running members goes before what the manifest lets expect: an image may name its nodes in its own way.
"""

from collections.abc import Mapping
from dataclasses import replace

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import discovery, ownname, podwords, startup
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.ownname import OwnName, Place
from emqx_autocluster.emqx.podwords import HOST_IP, POD_IP
from emqx_autocluster.observation import Fact, Identity, Member, Service, Unobserved, WorkloadKind

_ENTRYPOINT = {
    discovery.NAMESPACE: "namespace",
    discovery.ADDRESS_TYPE: "address_type",
    discovery.SUFFIX: "suffix",
    discovery.DNS_NAME: "dns_name",
}
"""Variables that the image looks at, and what `ownname.Environment` calls them."""


def predicted(
    case: Case, settings: DiscoverySettings, changes: Mapping[str, str] | None = None
) -> Fact[OwnName | None]:
    """As the template has it; with `changes`, as it would with these variables."""
    fields = _ENTRYPOINT | {
        settings.generation.strategy_variable: "strategy",
        settings.generation.record_type_variable: "record_type",
    }
    changed = {fields[name]: value for name, value in (changes or {}).items() if name in fields}
    container = settings.reader.container
    if not case.running and not startup.runs_entrypoint(container):
        return Unobserved(
            f"the container starts {startup.shown(container)}, and it is the image's entrypoint that names the nodes"
        )
    env = replace(settings.entrypoint, **changed)
    own = ownname.own_name(settings.generation, env, place(case))
    if isinstance(own, OwnName) and case.workload.template.host_network:
        return replace(own, host=own.host.replace(HOST_IP, POD_IP))
    return own


def place(case: Case) -> Place:
    stateful = case.workload.ref.kind is WorkloadKind.STATEFUL_SET
    return Place(
        case.workload.ref.namespace,
        (case.workload.service_name or None) if stateful else None,
        case.observation.network.cluster_domain if domain_is_known(case) else None,
        None if stateful else case.workload.template.subdomain or None,
        _why_no_line(case),
    )


def _why_no_line(case: Case) -> str:
    template = case.workload.template
    if template.host_network:
        return "with hostNetwork a pod has the machine's own /etc/hosts, and no line for itself there"
    return (
        "with setHostnameAsFQDN a pod's host name is its whole name already"
        if template.hostname_as_fqdn
        else ""
    )


def domain_is_known(case: Case) -> bool:
    """Whether a pod's own search list tells the cluster's domain, and it is not just assumed."""
    own = f"{case.workload.ref.namespace}.svc.{case.observation.network.cluster_domain}"
    confs = (m.identity.resolv_conf for m in case.running if isinstance(m.identity, Identity))
    return any(own in conf.search for conf in confs if conf)


def naming_service(case: Case) -> Fact[Service | None]:
    """The Service by which DNS has names for the pods of a StatefulSet; None: there is none."""
    governing, asked = place(case).governing, case.observation.service
    if governing is None:
        return None
    named = isinstance(asked, Service) and asked.name == governing
    return asked if named else case.observation.governing


def unread(case: Case) -> str | None:
    """Why it is not known what the members are really called; None: it is, or none runs and nothing else counts."""
    if isinstance(case.observation.members, Unobserved):
        return case.observation.members.reason
    nameless = next((m.pod.name for m in case.running if m.node is None), None)
    return f"the node name of {nameless} could not be read" if nameless else None


def are_called(case: Case, host: str) -> bool:
    """Whether members run, and all of them have that host in their names; `host` is in the words of `podwords`."""
    return bool(case.running) and all(is_called(member, host) for member in case.running)


def is_called(member: Member, host: str) -> bool:
    own = (member.node or "").partition("@")[2]
    return bool(own) and own == podwords.of_a_pod(host, member.pod.ip or "", member.pod.hostname)


def is_borne_out(case: Case, own: OwnName) -> bool:
    """Whether no member that runs is called otherwise."""
    return all(is_called(member, own.host) for member in case.running if member.node)
