"""One judgement of several: what all versions of EMQX have in common that a workload may run.

Each check judges one version. Where the version is not known well enough, every one that makes a difference is judged,
and only what they agree on is certain; the rest is not judged, and says for which versions it would hold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from emqx_autocluster.api.annotations import VERSION
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import containers
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.emqx.versions import VersionRange

REMEDY = f"name it with the annotation {VERSION}, or with --emqx-version"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is found of one version of EMQX."""

    generation: Generation
    found: tuple[Finding, ...]

    def on(self, other: Finding) -> Finding | None:
        """Its own finding of that kind; None: it has none."""
        return next((f for f in self.found if _kind(f) == _kind(other)), None)


def opinion(case: Case, found: Iterable[Finding]) -> Opinion:
    generation = case.settings.generation if case.settings else case.version.generations[0]
    return Opinion(generation, tuple(found))


def common(version: VersionRange, opinions: Sequence[Opinion]) -> tuple[Finding, ...]:
    """What all of them found, in the order and the words of the first."""
    return tuple(
        agreed for finding in opinions[0].found if (agreed := _agreed(version, opinions, finding)) is not None
    )


def undecided(opinions: Sequence[Opinion]) -> tuple[Finding, ...]:
    """What some of them found and others did not, each kind once."""
    found = {_kind(f): f for each in opinions for f in each.found}
    return tuple(f for f in found.values() if not all(each.on(f) for each in opinions))


def condition(case: Case, opinions: Sequence[Opinion], kind: ConditionType) -> Finding:
    """What a condition says: what all of them say of it, or that this depends on the version."""
    told = [finding for each in opinions for finding in each.found if finding.type is kind]
    agreed = _agreed(case.version, opinions, told[0])
    if agreed is not None:
        return agreed
    if len({finding.status for finding in told}) == 1:
        return _for_any_reason(case.version, opinions, told)
    return unknown(kind, Reason.VERSION_UNKNOWN, str(not_judged(case, opinions, told)))


def not_judged(case: Case, opinions: Sequence[Opinion], found: Iterable[Finding]) -> Unjudged:
    """`found`: what depends on the version."""
    wrong = list({_kind(f): f for f in found if f.bad}.values())
    told = ", ".join(f"{finding.reason} ({_where(case.version, opinions, finding)})" for finding in wrong)
    what = "what depends on the version of EMQX"
    return Unjudged(
        wrong[0].type if wrong else ConditionType.CONFIGURATION_VALID,
        f"{what}, {told}" if told else what,
        containers.why_no_version(case.container.image if case.container else ""),
        REMEDY,
        "image",
    )


def _where(version: VersionRange, opinions: Sequence[Opinion], finding: Finding) -> str:
    return version.words([each.generation for each in opinions if each.on(finding)])


def _for_any_reason(version: VersionRange, opinions: Sequence[Opinion], told: Sequence[Finding]) -> Finding:
    """They differ in why, not in whether; what puts it right is certain only where it is the same for all."""
    alike = len({finding.sets for finding in told}) == 1
    return replace(
        told[0],
        message=_by_version(version, opinions, told),
        sets=told[0].sets if alike else (),
        repairable=alike and all(finding.repairable for finding in told),
    )


def _by_version(version: VersionRange, opinions: Sequence[Opinion], told: Sequence[Finding]) -> str:
    """What each of them says, with the versions for which it does."""
    texts = dict.fromkeys(finding.message for finding in told)
    spans = (
        version.words([o.generation for o, f in zip(opinions, told, strict=True) if f.message == text])
        for text in texts
    )
    return "; ".join(f"EMQX {span}: {text}" for span, text in zip(spans, texts, strict=True))


def _agreed(version: VersionRange, opinions: Sequence[Opinion], finding: Finding) -> Finding | None:
    each = [(opinion.generation, opinion.on(finding)) for opinion in opinions]
    found = [(generation, other) for generation, other in each if other is not None]
    if len(found) < len(opinions):
        return None
    repairable = all(other.repairable for _, other in found)
    if len({other.sets for _, other in found}) == 1:
        return replace(finding, repairable=repairable)
    texts = dict.fromkeys(other.message for _, other in found)
    told = (
        f"EMQX {version.words([generation for generation, other in found if other.message == text])}: {text}"
        for text in texts
    )
    return replace(finding, message="; ".join(told), sets=(), repairable=False)


def _kind(finding: Finding) -> tuple[ConditionType, str, Reason]:
    return finding.type, finding.status, finding.reason
