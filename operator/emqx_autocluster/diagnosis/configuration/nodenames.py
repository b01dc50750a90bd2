"""Node names: whether the names that discovery looks for can be those that the nodes give themselves.

EMQX's entrypoint makes the node's own name, discovery makes the peers' names, each by its own rules and defaults; where
the two differ the peers are asked under names that nobody has. Part of ConfigurationValid.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import hostlines, hostparts, ownnames, suffixes
from emqx_autocluster.emqx import apiaddress, discovery, expansion
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.emqx.podwords import POD_NAME
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Endpoints, Fact, Service, Unobserved, WorkloadKind

_TYPE = ConditionType.CONFIGURATION_VALID
_NAME_PART = re.compile(r"[0-9A-Za-z_-]+")
_OF_OWN_NAMES = frozenset(
    {
        Reason.NAME_PART_MISMATCH,
        Reason.HOST_PART_MISMATCH,
        Reason.NODE_NAME_FIXED,
        Reason.RECORD_TYPE_UNSUITABLE,
        Reason.SEEDS_UNSUITABLE,
        Reason.HOST_MISSING,
    }
)
"""What is wrong with the name that a node gives itself."""


def problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    if case.workload.replicas < 2 and not case.is_replicant:  # noqa: PLR2004 - nobody looks for a single member
        if _does_not_start(case, settings):
            yield from _name_part_problem(case, settings)
        return
    yield from suffixes.problems(case, settings, keeps_names=keeps_names(case, settings))
    if not case.is_replicant:  # its address type says how the cores are named
        yield from _address_type_problem(case, settings)
        yield from hostparts.problems(case, settings)
    yield from _name_part_problem(case, settings)


def refused(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """Names with which EMQX's own start script ends, whatever the strategy."""
    part = _name_part(settings)
    if case.has_booted or part is None or part.text is None or not settings.generation.checks_name_part:
        return
    named = part.text.replace(POD_NAME, "")
    if part.is_set and named and not _NAME_PART.fullmatch(named):
        yield false(
            _TYPE,
            Reason.VALUE_NOT_ACCEPTED,
            f'{part.variable} makes what stands before the @ "{apiaddress.shown(part.text)}", and EMQX'
            f" {settings.version} ends with a node name that has more than letters, digits, - and _ there",
            field=recorded.ENV + part.variable,
        )


def of_dns(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """What is the same there; the rest is judged with the question itself."""
    if case.workload.replicas < 2 and not case.is_replicant:  # noqa: PLR2004 - nobody looks for a single member
        return
    yield from _name_part_problem(case, settings)


def beside_a_name_in_vain(settings: DiscoverySettings, finding: Finding) -> Finding:
    """Who gave the whole name by a variable that is not read wonders why another one is told."""
    if finding.reason not in _OF_OWN_NAMES or not settings.names_in_vain:
        return finding
    told = (
        f"{discovery.LONG_NODE_NAME} is set and has no effect: the image of EMQX {settings.version} makes"
        f" {discovery.NODE_NAME} of other variables, and that counts; {discovery.NODE_NAME} is read by all versions"
    )
    return replace(finding, message=f"{finding.message}; {told}")


def keeps_names(case: Case, settings: DiscoverySettings) -> bool:
    """Whether the nodes that run already have the names which right settings of their address type give them.

    A renamed node is a stranger to the others, and what only it holds is lost.
    """
    suffix = suffixes.right(case, settings)
    if suffix is None:
        return discovery.text(settings.address_type) == "ip"
    ending = f".{case.workload.ref.namespace}.{suffix}"
    return bool(case.running) and all((m.node or "").endswith(ending) for m in case.running)


def _address_type_problem(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """Endpoints have a host name only for pods whose subdomain is that Service: those of its StatefulSet."""
    if discovery.text(settings.address_type) != "hostname" or _has_hostnames(case.observation.endpoints):
        return
    if hostlines.ends_at_once(case, settings) and ownnames.place(case).parent is None:
        return  # told as what ends the nodes
    sets: tuple[tuple[str, str], ...] = ()
    if case.workload.ref.kind is WorkloadKind.DEPLOYMENT:
        told = "pods of a Deployment have no host names of their own in Endpoints"
        seen, sets = told, ((discovery.ADDRESS_TYPE, "ip"),)
    else:
        found = _governing_problem(case, settings.service)
        if found is None:
            return
        seen, sets = found
    yield false(
        _TYPE,
        Reason.ADDRESS_TYPE_UNSUITABLE,
        f"{discovery.ADDRESS_TYPE} is hostname, and {seen}"
        + "".join(f"; set {name}={value}" for name, value in sets),
        sets=sets,
        field=recorded.ENV + (sets[0][0] if sets else discovery.ADDRESS_TYPE),
    )


def _has_hostnames(endpoints: Fact[Endpoints | None]) -> bool:
    return (
        isinstance(endpoints, Endpoints)
        and bool(endpoints.ready)
        and all(address.hostname for address in endpoints.ready)
    )


def _governing_problem(case: Case, asked: str | None) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    own, governing = case.workload.service_name, case.observation.governing
    if not own:
        return "the StatefulSet has no serviceName, which cannot be given to it later", ()
    if asked is not None and own != asked:
        right = isinstance(governing, Service) and governing.headless
        missing = f"; there is no Service {own}" if governing is None else ""
        seen = f"the StatefulSet's serviceName is {own}, not {asked}, of which discovery reads the Endpoints{missing}"
        return seen, ((discovery.SERVICE_NAME, own),) if right else ()
    return None


def unjudged(case: Case, settings: DiscoverySettings) -> Iterator[Unjudged]:
    """CoreDNS has names for single pods also where Kubernetes' own rules for DNS ask for none."""
    service, own = case.observation.service, case.workload.service_name
    by_name = settings.uses_k8s and discovery.text(settings.address_type) == "hostname"
    if not (by_name and isinstance(service, Service) and service.name == own and not service.headless):
        return
    if case.workload.replicas > 1 and not case.running:
        told = (
            f"Service {own} has a ClusterIP: CoreDNS has such names all the same, another DNS server may not"
        )
        remedy = "with clusterIP: None any of them has"
        question = "whether the cluster's DNS has names for single pods"
        yield Unjudged(_TYPE, question, told, remedy, field=recorded.ENV + discovery.ADDRESS_TYPE)


@dataclass(frozen=True, slots=True)
class _NamePart:
    """What stands before the @ of the nodes' names. `text` None: another one in each pod."""

    text: str | None
    variable: str
    is_set: bool


def _name_part(settings: DiscoverySettings) -> _NamePart | None:
    """None: it cannot be told from the manifest."""
    explicit = _explicit_name(settings)
    if explicit is not None:
        variable, value = explicit
        return None if value is None else _NamePart(_same(value.partition("@")[0]), variable, is_set=True)
    if isinstance(settings.name, Unobserved):
        return None
    if not settings.name.value:
        return _NamePart(settings.generation.default_name, discovery.NAME, is_set=False)
    return _NamePart(_same(settings.name.value), discovery.NAME, is_set=True)


def _explicit_name(settings: DiscoverySettings) -> tuple[str, str | None] | None:
    """The variable that gives the whole name, and its value where it is known; None: there is none with an effect."""
    long = settings.long_node_name_as_read
    for variable, setting in ((discovery.NODE_NAME, settings.node_name), (discovery.LONG_NODE_NAME, long)):
        if isinstance(setting, Unobserved):
            return variable, None
        if setting.value:
            return variable, setting.value
    return None


def _same(text: str) -> str | None:
    return None if expansion.differs_between_pods(text) else text


def _name_part_problem(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    part, looked_for = _name_part(settings), settings.sought_part
    if part is None or isinstance(looked_for, Unobserved) or (settings.uses_dns and _lacks_app(settings)):
        return
    seen = {m.node.partition("@")[0] for m in case.running if m.node}
    # 5.x looks for its own part, 4.x for APP_NAME; the image may set what the manifest does not.
    wanted = looked_for.value if settings.generation.is_4x else part.text
    if _does_not_start(case, settings):
        yield _name_part_mismatch(settings, looked_for, part, seen, starts=False)
        return
    if wanted is not None and (part.text == wanted or seen == {wanted}):
        return
    if isinstance(case.observation.members, Unobserved) or any(m.node is None for m in case.running):
        told = f"the members' node names could not be read, and {part.variable} alone does not tell them for certain"
        yield unknown(_TYPE, Reason.PROBE_FAILED, told)
        return
    yield _name_part_mismatch(settings, looked_for, part, seen)


def _does_not_start(case: Case, settings: DiscoverySettings) -> bool:
    """For want of what strategy k8s looks for."""
    return discovery.APP_NAME in settings.missing and not case.has_booted


def _lacks_app(settings: DiscoverySettings) -> bool:
    """Whether a node of 4.x does not even start, which is told by itself."""
    return settings.generation.is_4x and not discovery.text(settings.dns.app)


def _name_part_mismatch(
    settings: DiscoverySettings,
    looked_for: Setting,
    part: _NamePart,
    seen: set[str],
    *,
    starts: bool = True,
) -> Finding:
    # Only what discovery looks for is changed of itself, so that every node keeps its name.
    repairable = settings.generation.is_4x and part.text is not None and seen <= {part.text}
    sets = _fitting(settings, looked_for, part)
    advice = "; set " + " and ".join(f"{key}={value}" for key, value in sets) if sets else ""
    return false(
        _TYPE,
        Reason.NAME_PART_MISMATCH,
        _told(settings, looked_for, part, starts=starts)
        + advice
        + ("" if repairable else "; that renames the nodes, so it is not done for you"),
        repairable=repairable,
        sets=sets,
        field=recorded.ENV + (settings.app_variable if repairable else part.variable),
    )


def _told(settings: DiscoverySettings, looked_for: Setting, part: _NamePart, *, starts: bool) -> str:
    app = settings.app_variable
    name = "(another in each pod)" if part.text is None else part.text
    given = f"{part.variable} is {name if part.is_set else 'not set, so that a node is named after its pod'}"
    if not settings.generation.is_4x:
        return f"{given}, and each node looks for peers that are named like itself"
    if not starts:
        return f"{app} is not set, and EMQX {settings.version} does not start without it; {given}"
    if looked_for.source is Source.DEFAULT:
        return f"{app} is not set, so that discovery looks for {looked_for.value}@..., and {given}"
    return f"discovery looks for {looked_for.value}@... ({app}), and {given}"


def _fitting(
    settings: DiscoverySettings, looked_for: Setting, part: _NamePart
) -> tuple[tuple[str, str], ...]:
    """The variables by which both are the same."""
    old, unset = settings.generation.is_4x, looked_for.source is Source.DEFAULT
    if old and part.text is not None:
        return ((settings.app_variable, part.text),)
    right = "emqx" if unset or not looked_for.value else looked_for.value
    name = ((discovery.NAME, right),) if part.variable == discovery.NAME else ()
    return (*name, (settings.app_variable, right)) if old and unset else name
