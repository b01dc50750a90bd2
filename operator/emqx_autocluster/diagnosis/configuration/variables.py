"""Variables by their names: those of the other generation of EMQX, and those that no version knows.

EMQX does not stop at either: it takes its default and goes on alone. Part of ConfigurationValid.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting
from emqx_autocluster.objects import template
from emqx_autocluster.observation import Fact, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID
_K8S = "EMQX_CLUSTER__K8S__"
_ALIKE = re.compile(r"^EMQX_+CLUSTER_+(K8S|KUBERNETES)_+(?P<key>[A-Z0-9_]+)$")
"""What people write when they mean a variable of k8s discovery."""
_LIKENESS = 0.7
"""Of `SERVICE` and `SERVICE_NAME` it is 0.74; of `SERVICE_ACCOUNT` and `SERVICE_NAME`, two things, 0.67."""


def other_version(case: Case, settings: DiscoverySettings, *, keeps_names: bool) -> Iterator[Finding]:
    """`keeps_names`: whether the nodes have the same names once the variable is right."""
    generation, meant = settings.generation, discovery.text(settings.other_strategy)
    if not settings.is_meant:
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
        field=template.ENV + wrong,
    )


def unknown_names(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """Only where it matters: the right variable is not set, and what is in force instead is something else."""
    if not case.may_be_broken:
        return
    given, known = _given(case), _known(settings)
    for name, value in given.items():
        meant = _meant(name, known)
        if not value or meant is None or meant in given or isinstance(known[meant], Unobserved):
            continue
        in_force = discovery.text(known[meant])
        if value == in_force:
            continue
        shown = f'"{discovery.redacted(in_force)}"' if in_force else "nothing"
        yield false(
            _TYPE,
            Reason.UNKNOWN_VARIABLE,
            f"EMQX knows no {name}; {meant} may be meant, which is not set, so that {shown} is in force for it",
            sets=((meant, value),),
            field=template.ENV + name,
        )


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
    found = _ALIKE.match(name)
    if found is None or name in known or name == discovery.APP_NAME:
        return None
    keys = [variable.removeprefix(_K8S) for variable in known]
    near = difflib.get_close_matches(found["key"], keys, n=1, cutoff=_LIKENESS)
    return _K8S + near[0] if near else None


def _known(settings: DiscoverySettings) -> dict[str, Fact[Setting]]:
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
