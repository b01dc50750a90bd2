"""What is certainly wrong with a workload of a manifest, whatever the cluster has, and on which line that stands."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from emqx_autocluster import diagnosis
from emqx_autocluster.api import annotations
from emqx_autocluster.api.findings import ConditionType, Finding, Level, Reason, Unjudged
from emqx_autocluster.api.v1alpha1 import Spec, TargetRef
from emqx_autocluster.commands import manifest, remedy, strangers
from emqx_autocluster.commands.documents import Document, Path, Position, UnreadableError
from emqx_autocluster.commands.manifest import Sight
from emqx_autocluster.diagnosis import Case, acceptance, pairs
from emqx_autocluster.diagnosis.configuration import fixednames
from emqx_autocluster.healing import roll
from emqx_autocluster.objects import recorded, template
from emqx_autocluster.objects.recorded import Changes

_ABOUT_WHAT_RUNS = frozenset(
    {ConditionType.CLUSTER_FORMED, ConditionType.STALE_NODES_PRESENT, ConditionType.PAUSED}
)
_KNOWN_ALL_THE_SAME = frozenset({Reason.LICENSE_MISSING})
_NO_MISTAKES = frozenset({Reason.SCALED_TO_ZERO})
"""What somebody may well mean."""
_ROOTS = frozenset({Reason.REFERENCE_MISSING, Reason.VARIABLE_OF_OTHER_VERSION})
"""What all else that is wrong with the settings may follow from: told first."""

_OF_PEERS = frozenset(
    {
        Reason.API_SERVER_HAS_PATH,
        Reason.API_SERVER_MALFORMED,
        Reason.API_SERVER_MISSING,
        Reason.API_SERVER_UNREACHABLE,
        Reason.CLUSTER_DOMAIN_MISMATCH,
        Reason.DNS_NAME_NOT_QUALIFIED,
        Reason.DNS_POLICY_UNSUITABLE,
        Reason.HOSTNAME_MISSING,
        Reason.NAMESPACE_MISMATCH,
        Reason.NO_ADDRESSES,
        Reason.PERMISSION_DENIED,
        Reason.SELECTOR_MISMATCH,
        Reason.SERVICE_NAME_INVALID,
        Reason.SERVICE_NAME_MISSING,
        Reason.TOKEN_AUDIENCE_WRONG,
        Reason.TOKEN_NOT_MOUNTED,
        Reason.UNKNOWN_VARIABLE,
        Reason.VARIABLE_OF_OTHER_VERSION,
    }
)
"""What keeps members from finding each other, and nothing else."""

IMAGE, HOST_ALIASES = "image", "hostAliases"
POD: Path = ("spec", "template", "spec")
OF_THE_POD = frozenset({template.SERVICE_ACCOUNT, template.AUTOMOUNT, template.DNS_POLICY})
_PLACES: Mapping[Reason, Path] = {
    Reason.INVALID_ANNOTATION: ("metadata", "annotations"),
    Reason.ANNOTATION_ON_POD_TEMPLATE: ("spec", "template", "metadata", "annotations", annotations.MODE),
    Reason.PERMISSION_DENIED: (*POD, template.SERVICE_ACCOUNT),
    Reason.NO_EMQX_CONTAINER: (*POD, "containers"),
    Reason.REFERENCE_MISSING: (*POD, "volumes"),
    Reason.FILE_UNSUITABLE: (*POD, "volumes"),
}
"""Of findings that are about no one field."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding and where it stands in the input."""

    sight: Sight
    finding: Finding
    position: Position
    cure: Changes


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that could not be judged, and where in the input it comes up."""

    unjudged: Unjudged
    position: Position
    document: Document | None = None
    """None: what could not even be read."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one workload, or of several."""

    faults: tuple[Fault, ...]
    """Errors first, causes before their symptoms."""
    gaps: tuple[Gap, ...]


def judge(sight: Sight, emqx_version: str | None = None, beside_it: Iterable[Sight] = ()) -> Judgement:
    """What is certainly wrong, whatever the cluster has. `emqx_version`: which it is, where nothing else tells.

    `beside_it`: the other workloads of the input, of which replicants look for one.
    """
    with manifest.readable(sight.document):
        case = _case(sight, emqx_version)
        foreign = _foreign(case, sight.document)
        if foreign is not None:
            return Judgement(
                (), (Gap(foreign, sight.document.position(("metadata", "name")), sight.document),)
            )
        near = _near(sight, case, beside_it, emqx_version)
        return _judged(sight, case, tuple(pairs.problems(case, near)), tuple(pairs.unjudged(case, near)))


def _foreign(case: Case, document: Document) -> Unjudged | None:
    """Why it is not judged at all: something has yet to make it what it will be, or looks after it; None: it is."""
    workload, container = case.workload, case.container
    if acceptance.belongs_to_emqx_operator(workload) and annotations.MODE not in workload.annotations:
        return strangers.made_by_emqx_operator(document)
    if container and not container.image:
        return strangers.patch(document)
    return strangers.unrendered(document, workload, container) if container else None


def _case(sight: Sight, emqx_version: str | None) -> Case:
    ref = sight.observation.workload.ref
    options = annotations.parse(sight.observation.workload.annotations)
    options = replace(options, emqx_version=options.emqx_version or emqx_version)
    return diagnosis.build(
        sight.observation, options, Spec(target_ref=TargetRef(kind=ref.kind, name=ref.name))
    )


def _near(sight: Sight, case: Case, beside_it: Iterable[Sight], emqx_version: str | None) -> tuple[Case, ...]:
    """The EMQX of the same namespace; only replicants look for another than their own."""
    if not case.is_replicant:
        return ()
    others = (other for other in beside_it if other is not sight)
    return tuple(
        _case(other, emqx_version)
        for other in others
        if sight.input.are_together(other.document, sight.document)
    )


def _judged(
    sight: Sight, case: Case, by_others: tuple[Finding, ...], untold: tuple[Unjudged, ...]
) -> Judgement:
    """`by_others`, `untold`: what comes of the workloads beside it."""
    findings = diagnosis.diagnose(case)
    repair = roll.changes(case, findings)
    told = sorted((*diagnosis.problems(case, findings), *by_others), key=lambda f: f.reason not in _ROOTS)
    faults = (
        Fault(
            sight,
            _as_it_matters(case, finding),
            position(case, sight, finding),
            remedy.changes(case, finding, repair),
        )
        for finding in told
        if diagnosis.is_wrong(finding) and _is_static(finding)
    )
    gaps = (
        Gap(gap, _place(case, sight, gap.type, gap.field), sight.document)
        for gap in (*diagnosis.unjudged(case, _is_static), *untold)
    )
    return Judgement(tuple(faults), (*_nowhere(case, sight), *_nobody(case, sight), *gaps))


def _as_it_matters(case: Case, finding: Finding) -> Finding:
    """Nobody looks for a single member: what keeps others from finding it is advice until there are others."""
    alone = case.workload.replicas == 1 and not case.is_replicant
    if not alone or finding.reason not in _OF_PEERS or finding.stops:
        return finding
    told = "nobody looks for a single member: it matters once there are more"
    return replace(finding, advises=True, message=f"{finding.message} ({told})")


def _nowhere(case: Case, sight: Sight) -> Iterator[Gap]:
    """Where discovery depends on a namespace that nothing tells."""
    if sight.namespace is not None or case.settings is None or not case.discovers:
        return
    if manifest.asks_for_its_own(sight.input, sight.document, sight.observation.config_maps):
        return
    asked = case.settings.asked_namespace
    taken = f"; it is judged as if that were {asked}, which EMQX asks for" if asked else ""
    told = f"neither its manifest nor -n says so{taken}"
    question = Unjudged(
        ConditionType.CONFIGURATION_VALID, "to which namespace this goes", told, "say it with -n NAMESPACE"
    )
    yield Gap(question, sight.document.position(("metadata", "name")), sight.document)


def _nobody(case: Case, sight: Sight) -> Iterator[Gap]:
    """Much of what can be wrong is wrong between members."""
    if case.workload.replicas == 0:
        told = "replicas is 0, so that there is none"
        question = Unjudged(
            ConditionType.ACCEPTED, "whether its members find each other", told, "say how many there will be"
        )
        yield Gap(question, sight.document.position(("spec", "replicas")), sight.document)


def beside(documents: Iterable[Document], unreadable: Iterable[UnreadableError]) -> Judgement:
    """What is told beside the workloads: what is not supported, and what could not be read."""
    told = ((document, strangers.question(document)) for document in documents)
    gaps = [Gap(gap, document.position(("kind",)), document) for document, gap in told if gap]
    gaps += [_unread(error) for error in unreadable]
    return Judgement((), tuple(gaps))


def _unread(error: UnreadableError) -> Gap:
    return Gap(Unjudged(ConditionType.ACCEPTED, error.why), error.at or Position("", 0, 1, ""))


def together(judgements: Iterable[Judgement]) -> Judgement:
    found = tuple(judgements)
    faults = [fault for judgement in found for fault in judgement.faults]
    faults.sort(key=lambda fault: fault.finding.level is Level.ADVICE)
    return Judgement(tuple(faults), tuple(gap for judgement in found for gap in judgement.gaps))


def _is_static(finding: Finding) -> bool:
    if finding.reason in _NO_MISTAKES:
        return False
    return finding.type not in _ABOUT_WHAT_RUNS or finding.reason in _KNOWN_ALL_THE_SAME


def position(case: Case, sight: Sight, finding: Finding) -> Position:
    """Of the field that is to blame, also where it stands in another object than the workload."""
    field = IMAGE if finding.reason is Reason.LICENSE_MISSING else finding.field
    if finding.reason is Reason.NAMES_HIDDEN_UNTIL_READY:
        named = sight.input.find("Service", case.workload.service_name, sight.namespace)
        return (named or sight.document).position(("spec", "publishNotReadyAddresses"))
    if finding.reason is Reason.NO_ADDRESSES:
        return (_asked_service(case, sight) or sight.document).position(("spec", "ports"))
    if not field and finding.reason in _PLACES:
        return sight.document.position(_PLACES[finding.reason])
    return _place(case, sight, finding.type, field)


def _place(case: Case, sight: Sight, kind: ConditionType, field: str) -> Position:
    if field.startswith(recorded.ENV):
        return _variable(case, sight, field.removeprefix(recorded.ENV))
    if field in OF_THE_POD or field == HOST_ALIASES:
        return sight.document.position((*POD, field))
    if field in {IMAGE, fixednames.COMMAND} and case.container:
        return sight.document.position((*manifest.container_path(case.workload, case.container), field))
    if field:
        return sight.document.position(("spec", *field.split(".")))
    service = _asked_service(case, sight) if kind is ConditionType.DISCOVERY_READY else None
    return (
        service.position(("spec", "selector")) if service else sight.document.position(("metadata", "name"))
    )


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
    in_file = case.settings.reader.files.settings.get(name) if case.settings else None
    brings = sight.input.find("ConfigMap", in_file.config_map, sight.namespace) if in_file else None
    if in_file and brings:
        return brings.position(("data", in_file.key))
    return sight.document.position((*here, "env"))


def _asked_service(case: Case, sight: Sight) -> Document | None:
    name = case.settings.asked_service if case.settings else None
    return sight.input.find("Service", name, sight.namespace)
