"""References of the EMQX container that lead nowhere: Kubernetes does not start it with them.

Part of ConfigurationValid. Only of ConfigMaps that were read: what is in a Secret is nobody's to look at.
"""

from collections.abc import Iterator, Mapping

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import configfiles
from emqx_autocluster.objects import template

_TYPE = ConditionType.CONFIGURATION_VALID
_A_FEW = 5


def problems(case: Case) -> Iterator[Finding]:
    if case.settings is None or case.has_booted:
        return
    yield from _variables(case)
    yield from _files(case)


def _variables(case: Case) -> Iterator[Finding]:
    container, settings = case.container, case.settings
    for entry in container.env if container and settings else ():
        reference = (entry.value_from or {}).get("configMapKeyRef") or {}
        if reference.get("optional") or settings is None or not settings.reader.lacks(entry):
            continue
        named, key = str(reference.get("name")), reference.get("key")
        yield false(
            _TYPE,
            Reason.REFERENCE_MISSING,
            f"{entry.name} comes from key {key} of ConfigMap {named}, which has {_keys(case, named)}: the container"
            " is not started (CreateContainerConfigError); put the key there, or name one that it has",
            field=template.ENV + entry.name,
        )


def _files(case: Case) -> Iterator[Finding]:
    maps = case.observation.config_maps
    for path, named, key in configfiles.missing(case.container, maps) if case.container else ():
        yield false(
            _TYPE,
            Reason.REFERENCE_MISSING,
            f"{path} is mounted from key {key} of ConfigMap {named}, which has {_keys(case, named)}: the container"
            " is not started; put the key there, or mount one that it has (subPath, or items of the volume)",
        )


def _keys(case: Case, config_map: str) -> str:
    data = case.observation.config_maps.get(config_map)
    known = sorted(data) if isinstance(data, Mapping) else []
    return f"no such key, only {', '.join(known[:_A_FEW])}" if known else "no such key"
