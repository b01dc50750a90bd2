"""References of the EMQX container that lead nowhere: Kubernetes leaves `$(NAME)` then, or starts nothing.

Part of ConfigurationValid. Only of ConfigMaps that were read: what is in a Secret is nobody's to look at.
"""

from collections.abc import Iterator, Mapping

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import apiaddress, configfiles, expansion, ownname
from emqx_autocluster.emqx.discovery import DiscoverySettings, Source
from emqx_autocluster.emqx.expansion import Loss, Lost
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID
_A_FEW = 5
_OWN_NAMES = (ownname.NODE_NAME, ownname.LONG_NODE_NAME, ownname.NAME, ownname.HOST)


def problems(case: Case) -> Iterator[Finding]:
    if case.settings is None or case.has_booted:
        return
    yield from _variables(case)
    yield from _files(case)
    yield from _left_as_they_stand(case.settings)
    yield from _in_config_maps(case.settings)


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
            field=recorded.ENV + entry.name,
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


def _left_as_they_stand(settings: DiscoverySettings) -> Iterator[Finding]:
    """The rest is judged by what is meant."""
    for variable in settings.in_use:
        lost = settings.reader.texts.lost(variable)
        spelled = next(iter(settings.reader.container.spellings(variable)), variable)
        entry = settings.reader.container.last_env(spelled)
        if lost is None or entry is None:
            continue
        yield false(
            _TYPE,
            Reason.REFERENCE_MISSING,
            f'{variable} is "{apiaddress.shown(entry.value or "")}", {_left(variable, lost)}',
            field=recorded.ENV + variable,
        )


def _in_config_maps(settings: DiscoverySettings) -> Iterator[Finding]:
    """References where there are none: Kubernetes expands what stands in `env` alone."""
    reader = settings.reader
    for variable in (*settings.in_use, *_OWN_NAMES):
        found = reader.given(variable)
        place = reader.place(variable)
        if isinstance(found, Unobserved) or found.source is Source.ENV or place is None:
            continue
        named = next(iter(expansion.references(found.value or "")), None)
        if named:
            seen = f'{variable} is "{apiaddress.shown(found.value or "")}" in {place}'
            yield false(
                _TYPE,
                Reason.REFERENCE_MISSING,
                f"{seen}: Kubernetes expands $({named}) only in env, so that EMQX gets that text as it stands; set"
                f" {variable} in env of the container, after an entry that defines {named}",
                field=recorded.ENV + variable,
            )


def _left(variable: str, lost: Lost) -> str:
    name, text = lost.name, f"EMQX gets the literal text $({lost.name})"
    match lost.why:
        case Loss.AFTER:
            return (
                f"and {name} is defined only after it: Kubernetes leaves $({name}) as it stands, and {text}; move"
                f" {name} above {variable}"
            )
        case Loss.NOWHERE:
            return (
                f"and nothing defines {name}: Kubernetes leaves $({name}) as it stands, and {text}; define {name}"
                f" above {variable}"
            )
        case Loss.ESCAPED:
            return f"and Kubernetes takes $$ for a plain $: {text}; write $({name}) with one $"


def _keys(case: Case, config_map: str) -> str:
    data = case.observation.config_maps.get(config_map)
    known = sorted(data) if isinstance(data, Mapping) else []
    return f"no such key, only {', '.join(known[:_A_FEW])}" if known else "no such key"
