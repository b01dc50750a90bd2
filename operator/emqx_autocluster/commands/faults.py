"""What is certainly wrong with a workload of a manifest, whatever the cluster has, and on which line that stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from emqx_autocluster import annotations, diagnosis, discovery, template
from emqx_autocluster.commands import manifest, remedy
from emqx_autocluster.commands.documents import Document, Path, Position
from emqx_autocluster.commands.manifest import Sight
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.findings import ConditionType, Finding, Reason
from emqx_autocluster.healing import roll
from emqx_autocluster.template import Changes
from emqx_autocluster.v1alpha1 import Spec, TargetRef

_ABOUT_WHAT_RUNS = frozenset(
    {ConditionType.CLUSTER_FORMED, ConditionType.STALE_NODES_PRESENT, ConditionType.PAUSED}
)
_KNOWN_ALL_THE_SAME = frozenset({Reason.LICENSE_MISSING})
_NO_MISTAKES = frozenset({Reason.SCALED_TO_ZERO, Reason.PLAIN_HTTP_API_SERVER})
"""What somebody may well mean, and what may work."""

POD: Path = ("spec", "template", "spec")
OF_THE_POD = frozenset({template.SERVICE_ACCOUNT, template.AUTOMOUNT, template.DNS_POLICY})
_PLACES: Mapping[Reason, Path] = {
    Reason.INVALID_ANNOTATION: ("metadata", "annotations"),
    Reason.ANNOTATION_ON_POD_TEMPLATE: ("spec", "template", "metadata", "annotations", annotations.MODE),
    Reason.PERMISSION_DENIED: (*POD, template.SERVICE_ACCOUNT),
    Reason.NO_EMQX_CONTAINER: (*POD, "containers"),
}
"""Of findings that are about no one field."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding and where it stands in the input."""

    sight: Sight
    finding: Finding
    position: Position
    cure: Changes


def judge(sight: Sight) -> list[Fault]:
    """What is certainly wrong, whatever the cluster has; in the order of the lines."""
    ref = sight.observation.workload.ref
    options = annotations.parse(sight.observation.workload.annotations)
    spec = Spec(target_ref=TargetRef(kind=ref.kind, name=ref.name))
    case = diagnosis.build(sight.observation, options, spec)
    findings = diagnosis.diagnose(case)
    repair = roll.changes(case, findings)
    faults = [
        Fault(sight, finding, position(case, sight, finding), remedy.changes(case, finding, repair))
        for finding in diagnosis.problems(case, findings)
        if diagnosis.is_wrong(finding) and _is_static(finding)
    ]
    return sorted(faults, key=lambda fault: fault.position.line)


def _is_static(finding: Finding) -> bool:
    if finding.reason in _NO_MISTAKES:
        return False
    return finding.type not in _ABOUT_WHAT_RUNS or finding.reason in _KNOWN_ALL_THE_SAME


def position(case: Case, sight: Sight, finding: Finding) -> Position:
    """Of the field that is to blame, also where it stands in another object than the workload."""
    if finding.field.startswith(template.ENV):
        return _variable(case, sight, finding.field.removeprefix(template.ENV))
    if finding.field in OF_THE_POD:
        return sight.document.position((*POD, finding.field))
    if finding.field:
        return sight.document.position(("spec", finding.field))
    if finding.type is ConditionType.DISCOVERY_READY:
        service = _asked_service(case, sight)
        if service:
            return service.position(("spec", "selector"))
    if finding.reason is Reason.LICENSE_MISSING and case.container:
        return sight.document.position((*manifest.container_path(case.workload, case.container), "image"))
    return sight.document.position(_PLACES.get(finding.reason, ("metadata", "name")))


def _variable(case: Case, sight: Sight, name: str) -> Position:
    container = case.container
    if container is None:
        return sight.document.position(POD)
    here = manifest.container_path(case.workload, container)
    places = [index for index, entry in enumerate(container.env) if entry.name == name]
    if places:
        source = "valueFrom" if container.env[places[-1]].value_from else "value"
        return sight.document.position((*here, "env", places[-1], source))
    for source_map in reversed(container.env_from):
        held = name.removeprefix(source_map.prefix)
        found = sight.input.find("ConfigMap", source_map.config_map, sight.namespace)
        if found and held in (found.body.get("data") or {}):
            return found.position(("data", held))
    return sight.document.position((*here, "env"))


def _asked_service(case: Case, sight: Sight) -> Document | None:
    name = discovery.text(case.settings.service_name) if case.settings else None
    return sight.input.find("Service", name, sight.namespace)
