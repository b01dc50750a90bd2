"""ConfigurationValid: whether the discovery settings can work at all on this version of EMQX.

Collects what the address, the variables' names and the node names are judged to be, and says what is told first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from emqx_autocluster import discovery, template
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import address, nodenames, variables
from emqx_autocluster.discovery import DiscoverySettings, Setting
from emqx_autocluster.findings import ConditionType, Finding, Reason, Status, false, true, unknown
from emqx_autocluster.observation import Fact, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID


def check(case: Case) -> Finding:
    settings = case.settings
    if settings is None:
        return unknown(_TYPE, Reason.INITIALIZING, "there is no EMQX container to read settings from")
    if isinstance(settings.strategy, Unobserved):
        reason = Reason.VERSION_UNKNOWN if settings.version is None else Reason.SETTING_UNREADABLE
        return unknown(_TYPE, reason, settings.strategy.reason)
    if not settings.uses_k8s:
        return _other_strategy(case, settings)
    return next(
        iter(problems(case)),
        true(
            _TYPE,
            Reason.CONFIGURATION_ACCEPTED,
            f"EMQX asks {_shown(settings)} for endpoints/{discovery.text(settings.service_name)}",
        ),
    )


def problems(case: Case) -> tuple[Finding, ...]:
    """All that is wrong with settings of strategy k8s, or could not be read; the condition tells the first."""
    if case.settings is None or not case.uses_k8s:
        return ()
    # What is certainly wrong is told first, and of that what only the user can put right: without it a rewrite would be
    # a restart for nothing. It stays so, whatever else could not be read.
    found = _explained(tuple(_problems(case, case.settings)))
    return tuple(sorted(found, key=lambda finding: (not finding.bad, finding.repairable)))


def unread(case: Case) -> Finding | None:
    """The first of them that is not known, also where the condition tells of something that is certainly wrong."""
    return next((problem for problem in problems(case) if problem.status is Status.UNKNOWN), None)


def _other_strategy(case: Case, settings: DiscoverySettings) -> Finding:
    strategy = discovery.text(settings.strategy)
    if strategy in {"manual", "singleton"} and case.workload.replicas > 1:
        variable = settings.generation.strategy_variable if settings.generation else ""
        return false(
            _TYPE,
            Reason.STRATEGY_UNSUITABLE,
            f"the discovery strategy is {strategy} with {case.workload.replicas} replicas: they never look for"
            f" each other; set {variable}=k8s on EMQX {settings.version}",
            sets=((variable, "k8s"),),
            field=template.ENV + variable,
        )
    return true(
        _TYPE,
        Reason.NOT_APPLICABLE,
        f"strategy {strategy} does not ask the API server; membership is still verified",
    )


def _problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    yield from variables.other_version(case, settings, keeps_names=nodenames.keeps_names(case, settings))
    yield from variables.unknown_names(case, settings)
    for setting in _needed(settings):
        if isinstance(setting, Unobserved):
            yield unknown(_TYPE, Reason.SETTING_UNREADABLE, setting.reason)
    if not isinstance(settings.service_name, Unobserved) and settings.service_name.value is None:
        yield false(
            _TYPE,
            Reason.SERVICE_NAME_MISSING,
            f"{discovery.SERVICE_NAME} is not set and EMQX {settings.version} has no default for it;"
            " set it to the Service that selects these pods",
            field=template.ENV + discovery.SERVICE_NAME,
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
    if settings.generation and settings.generation.is_4x:
        yield settings.app_name


def _namespace_problem(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    namespace, own = discovery.text(settings.namespace), case.workload.ref.namespace
    if namespace is not None and namespace != own:
        # With address type dns or hostname the namespace is part of the nodes' names.
        keeps_names = discovery.text(settings.address_type) == "ip"
        yield false(
            _TYPE,
            Reason.NAMESPACE_MISMATCH,
            f"{discovery.NAMESPACE} is {namespace} and the pods live in {own}: EMQX asks for the Endpoints of"
            f" another namespace; set {discovery.NAMESPACE}={own}",
            repairable=keeps_names and not _is_elsewhere(case),
            sets=((discovery.NAMESPACE, own),),
            field=template.ENV + discovery.NAMESPACE,
        )


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
        meant = finding.sets[0][0] if finding.reason is Reason.UNKNOWN_VARIABLE else None
        if meant is None or meant not in repaired:
            yield finding
        else:
            yield replace(finding, repairable=True, sets=((meant, repaired[meant]),))


def _shown(settings: DiscoverySettings) -> str:
    return discovery.redacted(discovery.text(settings.api_server) or "")
