"""Strategies that ask neither the API server nor DNS: whether the members look for each other at all.

Part of ConfigurationValid.
"""

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, true
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.objects import recorded

_TYPE = ConditionType.CONFIGURATION_VALID


def check(case: Case, settings: DiscoverySettings) -> Finding:
    strategy = discovery.text(settings.strategy)
    if strategy in {"manual", "singleton"} and (case.workload.replicas > 1 or case.is_replicant):
        return _nobody_looks(case, settings, strategy)
    return true(
        _TYPE,
        Reason.NOT_APPLICABLE,
        f"strategy {strategy} asks neither the API server nor DNS; membership is still verified",
    )


def _nobody_looks(case: Case, settings: DiscoverySettings, strategy: str) -> Finding:
    """A strategy alone would be worse than none: 4.4 does not start with k8s where its settings are not there."""
    variable, lacking = settings.generation.strategy_variable, _lacking(settings)
    with_them = (
        f", together with {', '.join(lacking)}, which it needs and which nothing sets" if lacking else ""
    )
    return false(
        _TYPE,
        Reason.STRATEGY_UNSUITABLE,
        f"the discovery strategy is {strategy} with {case.workload.replicas} replicas: they never look for"
        f" {'a core' if case.is_replicant else 'each other'}; set {variable}=k8s on EMQX {settings.version}{with_them}"
        f"{_overruled(settings)}",
        sets=() if lacking else ((variable, "k8s"),),
        field=recorded.ENV + variable,
    )


def _overruled(settings: DiscoverySettings) -> str:
    found = settings.reader.files.overruled
    if found is None:
        return ""
    return f"; {found.place} has one, and emqx.conf goes before it, which says manual in the image"


def _lacking(settings: DiscoverySettings) -> list[str]:
    """What strategy k8s would ask by, and has nothing but a default that fits by chance, or none."""
    needed = {
        discovery.API_SERVER: settings.api_server,
        discovery.SERVICE_NAME: settings.service_name,
        discovery.NAMESPACE: settings.namespace,
    }
    if settings.generation.is_4x:
        needed[discovery.APP_NAME] = settings.app_name
    by_default = {n: f for n, f in needed.items() if isinstance(f, Setting) and f.source is Source.DEFAULT}
    good = settings.generation.default_api_server
    return [name for name in by_default if name != discovery.API_SERVER or good is None]
