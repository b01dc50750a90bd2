"""Strategy dns: whether the one question that EMQX asks can lead to nodes of the names that these have.

EMQX asks DNS for exactly the name that it is given, without any search list, and an empty answer is no error to it: it
stays alone and says nothing. Part of ConfigurationValid.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames, recordtypes
from emqx_autocluster.diagnosis.configuration.dnsquestion import Question, asked
from emqx_autocluster.emqx import dnsdiscovery
from emqx_autocluster.emqx.discovery import DNS_NAME, DiscoverySettings, Setting, Source
from emqx_autocluster.emqx.dnsdiscovery import DNS_APP, ServiceName
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.podwords import POD_NAME
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Service, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID


def problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    unread = [s for s in (settings.dns.name, settings.dns.record_type) if isinstance(s, Unobserved)]
    if unread:
        yield from (unknown(_TYPE, Reason.SETTING_UNREADABLE, setting.reason) for setting in unread)
        return
    question = asked(case, settings)
    yield from _missing(question)
    if settings.dns.is_named:
        yield from _name(question)
    yield from recordtypes.problems(question)


def keeps_names(case: Case, settings: DiscoverySettings) -> bool:
    """Whether the nodes that run already have the names under which right settings look for them."""
    return asked(case, settings).keeps_names()


def is_of_a_service(case: Case, settings: DiscoverySettings) -> bool:
    """Whether the name that is asked for is one of a Service, or meant to be."""
    return asked(case, settings).right is not None


def _missing(question: Question) -> Iterator[Finding]:
    settings = question.settings
    name, version = settings.dns.name, settings.version
    if isinstance(name, Setting) and (not name.value or name.source is Source.DEFAULT):
        told = (
            f"EMQX {version} asks for {name.value}"
            if name.value
            else f"EMQX {version} does not start without it"
        )
        yield _setting_missing(DNS_NAME, told, str(question.right) if question.right else None)
    app = settings.dns.app
    if settings.generation.is_4x and isinstance(app, Setting) and not app.value:
        own = ownnames.predicted(question.case, settings)
        part = own.part if isinstance(own, OwnName) and own.part != POD_NAME else None
        yield _setting_missing(DNS_APP, f"EMQX {version} does not start without it", part)


def _setting_missing(variable: str, told: str, right: str | None) -> Finding:
    cure = (
        f"set {variable}={right}"
        if right
        else "set it to the full name of the Service that selects these pods"
    )
    return false(
        _TYPE,
        Reason.DNS_SETTING_MISSING,
        f"{variable} is not set, and {told}; {cure}",
        sets=((variable, right),) if right else (),
        field=recorded.ENV + variable,
    )


def _name(question: Question) -> Iterator[Finding]:
    named, right = dnsdiscovery.service_name(question.name), question.right
    if right is None:
        return
    seen, sets, field = f"{DNS_NAME} is {question.name}", ((DNS_NAME, str(right)),), recorded.ENV + DNS_NAME
    safe, cure = _is_safe(question), _cure(question, right)
    if named is None:
        yield false(
            _TYPE,
            Reason.DNS_NAME_NOT_QUALIFIED,
            f"{seen}, which is no full name: EMQX asks DNS for exactly that, without the pods' search list, so that it"
            f" finds nobody, and says nothing of it; {cure}",
            repairable=safe,
            sets=sets,
            field=field,
        )
    elif named.namespace != right.namespace:
        yield false(
            _TYPE,
            Reason.NAMESPACE_MISMATCH,
            f"{seen}, of namespace {named.namespace}, and the pods live in {right.namespace}: a Service selects pods of"
            f" its own namespace only; {cure}",
            repairable=safe,
            sets=sets,
            field=field,
        )
    elif named.domain != right.domain:
        yield false(
            _TYPE,
            Reason.CLUSTER_DOMAIN_MISMATCH,
            f"{seen}, and the cluster's domain is {right.domain}: no such name is known; {cure}",
            repairable=safe,
            sets=sets,
            field=field,
        )


def _is_safe(question: Question) -> bool:
    """Whether nobody is renamed by the right name, and its Service is certainly the one that selects the pods."""
    service, labels = question.case.observation.service, question.case.workload.template.labels
    selects = isinstance(service, Service) and bool(service.selector) and not service.unmet(labels)
    return selects and question.keeps_names()


def _cure(question: Question, right: ServiceName) -> str:
    case = question.case
    told = f"set {DNS_NAME}={right}"
    if not ownnames.domain_is_known(case):
        told += f", where {right.domain} is the cluster's domain"
    if case.running and not _is_safe(question):
        told += " (Repair leaves it to you: nodes may change their names by it)"
    return told
