"""Strategy static: whether any of the seeds is a name that a pod of the workload can have.

Part of ConfigurationValid.
"""

import re
from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames
from emqx_autocluster.emqx import discovery, podwords
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.podwords import POD_IP, POD_NAME
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Unobserved, WorkloadKind

_TYPE = ConditionType.CONFIGURATION_VALID
_NODE = re.compile(r"[^\s,\[\]\"]+")
_NODE_OF_4X = {True: re.compile(r"[^, ]+"), False: re.compile(r"[^,]+")}
"""By whether it is split at spaces as well; brackets and quotes are part of a name there."""
_MARKS = frozenset('[]" ')
_MOST = 64
"""Names that are worth a look: no cluster has more."""


def problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    if isinstance(settings.seeds, Unobserved):
        yield unknown(_TYPE, Reason.SETTING_UNREADABLE, settings.seeds.reason)
        return
    if case.is_replicant:
        return  # it looks for the cores alone, whose names these are
    own = ownnames.predicted(case, settings)
    if case.workload.replicas < 2:  # noqa: PLR2004 - nobody looks for a single member
        return
    seeds = _named(settings.generation).findall(settings.seeds.value or "")[:_MOST]
    if not isinstance(own, OwnName) or not ownnames.is_borne_out(case, own) or _fits(case, own, seeds):
        return
    named = ", ".join(f'"{seed}"' for seed in seeds[:3]) or "none"
    yield false(
        _TYPE,
        Reason.SEEDS_UNSUITABLE,
        f"each node is {own}, and none of the seeds ({discovery.SEEDS}: {named}) is a name that a pod of this workload"
        f" has: nobody is found; {_marks(settings, seeds)}name the nodes as the seeds say, or look for them by strategy"
        " dns or k8s",
        field=recorded.ENV + discovery.SEEDS,
    )


def _marks(settings: DiscoverySettings, seeds: list[str]) -> str:
    if not any(_MARKS.intersection(seed) for seed in seeds):
        return ""
    told = f"EMQX {settings.version} takes brackets, quotes and spaces for a part of a name"
    return f"{told}: write names with commas alone between them, or "


def _named(generation: Generation) -> re.Pattern[str]:
    return _NODE_OF_4X[generation.splits_seeds_at_spaces] if generation.is_4x else _NODE


def _fits(case: Case, own: OwnName, seeds: list[str]) -> bool:
    """Addresses are taken for fitting where pods have their node's own, or have them already."""
    if own.host == POD_IP:
        known = {m.node for m in case.running}
        return case.workload.template.host_network or not known.isdisjoint(seeds)
    return not _possible(case, own).isdisjoint(seeds)


def _possible(case: Case, own: OwnName) -> set[str]:
    """The names of all pods: those of a StatefulSet are known beforehand."""
    text = f"{own.part}@{own.host}"
    if POD_NAME not in text or case.workload.ref.kind is not WorkloadKind.STATEFUL_SET:
        return {text} if not podwords.differs(text) else set()
    count = min(case.workload.replicas, _MOST)
    first = case.workload.first_ordinal
    return {
        text.replace(POD_NAME, f"{case.workload.ref.name}-{ordinal}")
        for ordinal in range(first, first + count)
    }
