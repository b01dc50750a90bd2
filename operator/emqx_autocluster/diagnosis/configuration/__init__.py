"""ConfigurationValid: whether the discovery settings can work at all on this version of EMQX.

Collects what the address, the variables' names and the node names are judged to be, and says what is told first.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from emqx_autocluster.api import annotations
from emqx_autocluster.api.findings import (
    ConditionType,
    Finding,
    Reason,
    Status,
    Unjudged,
    false,
    true,
    unknown,
)
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import (
    address,
    cookies,
    dnsname,
    domains,
    fixednames,
    hostlines,
    mountedfile,
    nodenames,
    ownnames,
    references,
    roles,
    seeds,
    strategies,
    values,
    variables,
)
from emqx_autocluster.emqx import apiaddress, containers, discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Fact, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID
_ELSEWHERE = {"etcd": "etcd", "mcast": "the network"}
"""Strategies, and whose word counts there."""


def check(case: Case) -> Finding:
    settings = case.settings
    if settings is None:
        return unknown(_TYPE, Reason.INITIALIZING, "there is no EMQX container to read settings from")
    if isinstance(settings.strategy, Unobserved):
        broken = next(_whatever_the_strategy(case, settings), None)
        return broken or unknown(_TYPE, Reason.SETTING_UNREADABLE, settings.strategy.reason)
    refused = roles.refused(case, settings)
    if refused:
        return refused
    found = next(iter(problems(case)), None)
    if found or not settings.discovers:
        return found or strategies.check(case, settings)
    return true(_TYPE, Reason.CONFIGURATION_ACCEPTED, _asks(settings))


def problems(case: Case) -> tuple[Finding, ...]:
    """All that is wrong with the settings of the strategy, or could not be read; the condition tells the first."""
    if case.settings is None:
        return ()
    if isinstance(case.settings.strategy, Unobserved):
        return tuple(_whatever_the_strategy(case, case.settings))
    refused = roles.refused(case, case.settings)
    if refused:
        return (refused,)
    # What is certainly wrong is told first, and of that what only the user can put right: without it a rewrite would be
    # a restart for nothing. It stays so, whatever else could not be read.
    found = _explained(tuple(_problems(case, case.settings)))
    found = (nodenames.beside_a_name_in_vain(case.settings, finding) for finding in found)
    return tuple(sorted(found, key=lambda finding: (not finding.bad, finding.repairable)))


def unjudged(case: Case) -> Iterator[Unjudged]:
    """What could not be read of the settings, and what only members show that run."""
    settings = case.settings
    if settings is None:
        return
    if isinstance(settings.strategy, Unobserved):
        yield Unjudged(_TYPE, "how EMQX looks for its peers", settings.strategy.reason)
        return
    for finding in problems(case):
        if finding.status is Status.UNKNOWN:
            yield Unjudged(_TYPE, finding.message, field=finding.field)
    yield from _beyond(case, settings)


def _beyond(case: Case, settings: DiscoverySettings) -> Iterator[Unjudged]:
    """What has its truth outside of what is looked at."""
    yield from _other_containers(case)
    for name in sorted(settings.perhaps_missing) if not case.has_booted else ():
        question = f"whether EMQX {settings.version} starts without {name}"
        yield Unjudged(
            _TYPE, question, "its schema has no default for it, and 4.4 does not start", f"set {name}"
        )
    strategy, field = discovery.text(settings.strategy), recorded.ENV + settings.generation.strategy_variable
    if strategy in _ELSEWHERE and strategy in settings.generation.strategies:
        question = f"whether the members find each other by strategy {strategy}"
        yield Unjudged(_TYPE, question, f"that is {_ELSEWHERE[strategy]}'s to tell", field=field)
    yield from domains.unjudged(case, settings)
    yield from nodenames.unjudged(case, settings)
    own = ownnames.predicted(case, settings) if settings.discovers and not case.running else None
    told = any(fixednames.past_the_entrypoint(case, settings))
    if isinstance(own, Unobserved) and case.workload.replicas > 1 and not told:
        question = "whether the nodes have the names that discovery looks for"
        yield Unjudged(_TYPE, question, own.reason)
    if settings.uses_dns and settings.dns.asked and not dnsname.is_of_a_service(case, settings):
        question = f"whether {settings.dns.asked} leads to these pods"
        yield Unjudged(_TYPE, question, "it is no name of a Service", field=recorded.ENV + discovery.DNS_NAME)


def _other_containers(case: Case) -> Iterator[Unjudged]:
    """Two nodes in one pod want the same ports."""
    chosen = case.container.name if case.container else ""
    for other in containers.other_emqx_containers(case.workload.template, case.options.container):
        question = f"container {other.name}, which has an image of EMQX as well and the same ports to open"
        missing = f"{chosen} was looked at; {annotations.CONTAINER} names the one that is meant"
        yield Unjudged(_TYPE, question, missing)


def unread(case: Case) -> Finding | None:
    """The first of them that is not known, also where the condition tells of something that is certainly wrong."""
    return next((problem for problem in problems(case) if problem.status is Status.UNKNOWN), None)


def _whatever_the_strategy(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """What keeps a container from starting before anything is read."""
    yield from references.problems(case)
    yield from mountedfile.malformed(case, settings)


def _problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    yield from references.problems(case)
    yield from variables.refused_in_files(case, settings)
    yield from hostlines.problems(case, settings)
    yield from mountedfile.problems(case, settings)
    yield from fixednames.past_the_entrypoint(case, settings)
    yield from nodenames.refused(case, settings)
    yield from roles.problems(case, settings)
    # The rest is judged by what a value is meant to be.
    yield from values.problems(case) if settings.uses_k8s else values.of_any_strategy(case)
    if settings.uses_k8s:
        yield from _of_k8s(case, settings)
    elif settings.uses_dns:
        yield from variables.other_version(case, settings, keeps_names=dnsname.keeps_names(case, settings))
        yield from variables.unknown_names(case, settings)
        yield from dnsname.problems(case, settings)
        yield from nodenames.of_dns(case, settings)
    else:
        yield from variables.unknown_names(case, settings)
        if discovery.text(settings.strategy) == "static":
            yield from seeds.problems(case, settings)
    yield from cookies.problems(case)


def _of_k8s(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    yield from variables.other_version(case, settings, keeps_names=nodenames.keeps_names(case, settings))
    yield from variables.unknown_names(case, settings)
    for setting in _needed(settings):
        if isinstance(setting, Unobserved):
            yield unknown(_TYPE, Reason.SETTING_UNREADABLE, setting.reason)
    named = discovery.text(settings.service_name)
    if named is not None and settings.service is None:
        yield false(
            _TYPE,
            Reason.SERVICE_NAME_INVALID,
            f'{discovery.SERVICE_NAME} is "{named}", which no Service can be named (small letters, digits and -, at'
            " most 63); set it to the Service that selects these pods",
            field=recorded.ENV + discovery.SERVICE_NAME,
        )
    if not isinstance(settings.service_name, Unobserved) and named is None:
        yield false(
            _TYPE,
            Reason.SERVICE_NAME_MISSING,
            f"{discovery.SERVICE_NAME} is not set and EMQX {settings.version} has no default for it;"
            " set it to the Service that selects these pods",
            field=recorded.ENV + discovery.SERVICE_NAME,
        )
    yield from _namespace_problem(case, settings)
    asked = address.problem(case)
    if asked is not None:
        yield asked
    yield from nodenames.problems(case, settings)


def _needed(settings: DiscoverySettings) -> Iterator[Fact[Setting]]:
    """What discovery goes by, but for the address, which is judged by itself."""
    yield from (settings.service_name, settings.namespace, settings.address_type)
    if discovery.text(settings.address_type) in {"dns", "hostname"}:
        yield settings.suffix
    if settings.generation.is_4x:
        yield settings.app_name


def _namespace_problem(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    namespace, own = discovery.text(settings.namespace), case.workload.ref.namespace
    missing = discovery.NAMESPACE in settings.missing and not case.has_booted
    if missing or (namespace is not None and namespace != own):
        seen = (
            f"{discovery.NAMESPACE} is not set, and EMQX {settings.version} does not start without it"
            if missing
            else f"{_as_it_is(settings, namespace)} and the pods live in {own}: EMQX asks for the Endpoints of another"
            " namespace"
        )
        # With address type dns or hostname the namespace is part of the nodes' names.
        keeps_names = discovery.text(settings.address_type) == "ip"
        told = false(
            _TYPE,
            Reason.NAMESPACE_MISMATCH,
            f"{seen}; set {discovery.NAMESPACE}={own}",
            repairable=keeps_names and not _is_elsewhere(case),
            sets=((discovery.NAMESPACE, own),),
            field=recorded.ENV + discovery.NAMESPACE,
        )
        yield replace(told, stops=missing)


def _as_it_is(settings: DiscoverySettings, namespace: str | None) -> str:
    by_default = isinstance(settings.namespace, Setting) and settings.namespace.source is Source.DEFAULT
    if by_default:
        return f"{discovery.NAMESPACE} is not set, for which EMQX takes {namespace},"
    plain = namespace and namespace == namespace.strip()
    return f"{discovery.NAMESPACE} is {namespace if plain else json.dumps(namespace)}"


def _is_elsewhere(case: Case) -> bool:
    """Whether the pods' own namespace has no such Service for them; while that is not known, no rollout begins."""
    service, labels = case.observation.service, case.workload.template.labels
    if service is None or isinstance(service, Unobserved):
        return service is None
    return not service.selector or bool(service.unmet(labels))


def _explained(found: Iterable[Finding]) -> Iterator[Finding]:
    """A misspelt variable is put right together with what follows from it: its own value would be a guess."""
    repaired = {name: value for f in found if f.repairable for name, value in f.sets}
    for finding in found:
        misspelt = finding.reason is Reason.UNKNOWN_VARIABLE and finding.sets
        meant = finding.sets[0][0] if misspelt else None
        if meant is None or meant not in repaired:
            yield finding
        else:
            yield replace(finding, repairable=True, sets=((meant, repaired[meant]),))


def _asks(settings: DiscoverySettings) -> str:
    if settings.uses_dns:
        return f"EMQX asks DNS for {settings.dns.kind} records of {settings.dns.asked}"
    address = apiaddress.redacted(discovery.text(settings.api_server) or "")
    return f"EMQX asks {address} for endpoints/{discovery.text(settings.service_name)}"
