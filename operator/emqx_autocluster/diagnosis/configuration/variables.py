"""Variables by their names: those of the other generation of EMQX, and those that no version knows.

EMQX does not stop at either: it takes its default and goes on alone. Part of ConfigurationValid.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import apiaddress, discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.emqx.generation import DISCOVERY, DISCOVERY_STRATEGY
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Fact, Unobserved, is_spelling

_TYPE = ConditionType.CONFIGURATION_VALID
_K8S = "EMQX_CLUSTER__K8S__"
_ALIKE = re.compile(r"^EMQX_+CLUSTER_+(K8S|KUBERNETES)_+(?P<key>[A-Z0-9_]+)$")
"""What people write when they mean a variable of k8s discovery."""
_OF_THE_OTHER = frozenset({discovery.APP_NAME, DISCOVERY, DISCOVERY_STRATEGY})
"""Of the other generation: not misspelt."""
_K8S_KEYS = frozenset({"apiserver", "service_name", "address_type", "namespace", "suffix"})
_KEYS: Mapping[str, frozenset[str]] = {
    "cluster.k8s.": _K8S_KEYS,
    "cluster.dns.": frozenset({"name", "record_type"}),
    "cluster.static.": frozenset({"seeds"}),
    "cluster.discovery": frozenset({"_strategy"}),
}
_KEYS_OF_4X: Mapping[str, frozenset[str]] = {
    "cluster.k8s.": _K8S_KEYS | {"app_name"},
    "cluster.dns.": frozenset({"name", "app", "type"}),
    "cluster.static.": frozenset({"seeds"}),
    "cluster.discovery": frozenset({""}),
}
_KEYS_BEFORE_4_4 = {**_KEYS_OF_4X, "cluster.dns.": frozenset({"name", "app"})}
"""Beginnings of the names in a configuration file, and how those of them go on that there are."""
_LIKENESS = 0.7
"""Of `SERVICE` and `SERVICE_NAME` it is 0.74; of `SERVICE_ACCOUNT` and `SERVICE_NAME`, two things, 0.67."""


def other_version(case: Case, settings: DiscoverySettings, *, keeps_names: bool) -> Iterator[Finding]:
    """`keeps_names`: whether the nodes have the same names once the variable is right."""
    generation, meant = settings.generation, discovery.text(settings.other_strategy)
    if not settings.is_meant or is_refused(case, settings.other_strategy):
        return
    wrong, right = generation.other_strategy_variable, generation.strategy_variable
    yield false(
        _TYPE,
        Reason.VARIABLE_OF_OTHER_VERSION,
        f"{wrong} is {meant}, and EMQX {settings.version} does not read that variable: its strategy is"
        f" {discovery.text(settings.strategy)}, by which {case.workload.replicas} members never look for each other;"
        f" set {right}={meant}",
        repairable=keeps_names,
        sets=((right, str(meant)),),
        field=recorded.ENV + wrong,
    )


def unknown_names(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """Only where it matters: the right variable is not set, and what is in force instead is something else."""
    if not case.may_be_broken:
        return
    given = _given(case)
    known = _known(settings, _meant_strategy(settings, given))
    for name, value in given.items():
        meant = _meant(name, known)
        if not value or meant is None or meant in given or isinstance(known[meant], Unobserved):
            continue
        in_force = discovery.text(known[meant])
        if value == in_force:
            continue
        yield false(
            _TYPE,
            Reason.UNKNOWN_VARIABLE,
            f"EMQX knows no {name}; {meant} may be meant, which is not set, {_instead_of(settings, meant, in_force)};"
            f" set {meant}={apiaddress.shown(value)}",
            sets=((meant, value),),
            field=recorded.ENV + name,
        )


def _instead_of(settings: DiscoverySettings, meant: str, in_force: str | None) -> str:
    if meant in settings.missing:
        return f"and EMQX {settings.version} does not start without it"
    shown = f'"{apiaddress.shown(in_force)}"' if in_force else "nothing"
    return f"so that {shown} is in force for it"


def _given(case: Case) -> Mapping[str, str | None]:
    """Every variable of the manifest, as far as it may be read; None: its value is not in the manifest."""
    container, found = case.container, dict[str, str | None]()
    for source in container.env_from if container else ():
        data = case.observation.config_maps.get(source.config_map or "")
        if isinstance(data, Mapping):
            found |= {source.prefix + key: value for key, value in data.items()}
    return found | {e.name: e.value for e in (container.env if container else ())}


def _meant(name: str, known: Collection[str]) -> str | None:
    """The variable that this one is taken for; None: it is right, of the other version, or like none."""
    if is_spelling(name, name.upper()) and name.upper() in {*known, *_OF_THE_OTHER}:
        return None
    of_the_same_letters = next((each for each in known if _letters(each) == _letters(name)), None)
    found = _ALIKE.match(name)
    if of_the_same_letters or found is None:
        return of_the_same_letters
    keys = [variable.removeprefix(_K8S) for variable in known if variable.startswith(_K8S)]
    near = difflib.get_close_matches(found["key"], keys, n=1, cutoff=_LIKENESS)
    return _K8S + near[0] if near else None


def _letters(name: str) -> str:
    """Without what EMQX has between the steps of a name: two of them there, where people write one."""
    return name.upper().replace("_", "")


def _meant_strategy(settings: DiscoverySettings, given: Mapping[str, str | None]) -> str | None:
    """The one in force, or the one that is said by a misspelt variable."""
    variable = settings.generation.strategy_variable
    said = (v for name, v in given.items() if v and name != variable and _letters(name) == _letters(variable))
    silent = isinstance(settings.strategy, Setting) and settings.strategy.source is Source.DEFAULT
    return next(said, None) if silent else discovery.text(settings.strategy)


def _known(settings: DiscoverySettings, strategy: str | None) -> dict[str, Fact[Setting]]:
    """What the version reads of that strategy, by name."""
    found = {settings.generation.strategy_variable: settings.strategy}
    if settings.uses_k8s or strategy == "k8s":
        found |= _of_k8s(settings)
    if settings.uses_dns or strategy == "dns":
        found[discovery.DNS_NAME] = settings.dns.name
        found[settings.generation.record_type_variable] = settings.dns.record_type
    if strategy == "static":
        found[discovery.SEEDS] = settings.seeds
    return found


def _of_k8s(settings: DiscoverySettings) -> dict[str, Fact[Setting]]:
    found = {
        discovery.API_SERVER: settings.api_server,
        discovery.SERVICE_NAME: settings.service_name,
        discovery.NAMESPACE: settings.namespace,
        discovery.ADDRESS_TYPE: settings.address_type,
        discovery.SUFFIX: settings.suffix,
    }
    if settings.generation.is_4x:
        found[discovery.APP_NAME] = settings.app_name
    return found


def is_refused(case: Case, of_the_other: Fact[Setting]) -> bool:
    """Whether what this version does not read stands in a file: then it is no variable that is ignored."""
    return not case.has_booted and isinstance(of_the_other, Setting) and of_the_other.source is Source.FILE


def refused_in_files(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """EMQX ignores a variable that it does not know, and does not start with such a line in a file."""
    if case.has_booted:
        return
    known = _known_keys(settings)
    for variable, found in settings.reader.files.settings.items():
        key = _key(variable)
        part = next((part for part in known if key.lower().startswith(part) and key[0] == part[0]), None)
        if part is None or key.removeprefix(part).partition(".")[0] in known[part]:
            continue
        told = false(
            _TYPE,
            Reason.UNKNOWN_VARIABLE,
            f"{found.place} has {key}, which EMQX {settings.version} does not know: it refuses to start with a file"
            f" that has it; {_instead(settings, key)}",
            field=recorded.ENV + variable,
        )
        yield replace(told, stops=True)


def _known_keys(settings: DiscoverySettings) -> Mapping[str, frozenset[str]]:
    if not settings.generation.is_4x:
        return _KEYS
    return _KEYS_OF_4X if settings.generation.has_record_type else _KEYS_BEFORE_4_4


def _instead(settings: DiscoverySettings, key: str) -> str:
    generation = settings.generation
    right = {
        _key(generation.other_strategy_variable): _key(generation.strategy_variable),
        _key(generation.other_record_type_variable): _key(generation.record_type_variable),
    }.get(key)
    right = right or (key.lower() if key != key.lower() else None)
    return f"it is called {right} there" if right else "take the line out"


def _key(variable: str) -> str:
    """As a file has it."""
    name = variable.removeprefix("EMQX_").replace("__", ".")
    return name.lower() if name.isupper() else name
