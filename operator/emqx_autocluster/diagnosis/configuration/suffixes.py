"""The suffix of the names that discovery looks for: whether Kubernetes' DNS can have pods' names under it.

Part of ConfigurationValid.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames, zones
from emqx_autocluster.emqx import discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID


def right(case: Case, settings: DiscoverySettings) -> str | None:
    """None: the address type needs none."""
    zone = zones.LABELS.get(discovery.text(settings.address_type) or "")
    return f"{zone}.{case.observation.network.cluster_domain}" if zone else None


def put_right(case: Case, settings: DiscoverySettings) -> str | None:
    """What it has to be where it is certainly wrong, whatever the cluster's domain; None: it is not, or works."""
    suffix, kind = discovery.text(settings.suffix) or "", discovery.text(settings.address_type) or ""
    known = right(case, settings)
    if known is None or is_default(settings) or not case.may_be_broken or _is_zoned(settings):
        return None
    return known if ownnames.domain_is_known(case) else zones.meant(suffix, kind, known.partition(".")[2])


def problems(case: Case, settings: DiscoverySettings, *, keeps_names: bool) -> Iterator[Finding]:
    """`keeps_names`: whether the nodes that run already have the names which the right one gives them."""
    wanted, suffix = right(case, settings), settings.suffix
    if wanted is None or isinstance(suffix, Unobserved) or suffix.value == wanted:
        return
    known, zoned = ownnames.domain_is_known(case), put_right(case, settings)
    if is_default(settings):
        yield _mismatch(case, settings, _unset(suffix), wanted, repairable=known and keeps_names)
    elif zoned:
        yield from _zone(case, settings, zoned)
    elif known and suffix.value and case.may_be_broken:
        seen = f"{discovery.SUFFIX} is {suffix.value}, and the cluster's domain makes it {wanted}"
        yield _mismatch(case, settings, seen, wanted)
    elif not known and case.running and case.apart:
        yield _unknown(suffix, "the cluster's domain", "no pod's own search list could be read")
    elif isinstance(case.observation.members, Unobserved) and not _is_zoned(settings):
        yield _unknown(suffix, "the names that Kubernetes' DNS has", case.observation.members.reason)


def _unknown(suffix: Setting, what: str, why: str) -> Finding:
    told = f"whether {discovery.SUFFIX}={suffix.value} fits {what} is not known: {why}"
    return unknown(_TYPE, Reason.PROBE_FAILED, told)


def _is_zoned(settings: DiscoverySettings) -> bool:
    suffix, kind = discovery.text(settings.suffix), discovery.text(settings.address_type) or ""
    return not suffix or zones.is_of(suffix, kind)


def is_default(settings: DiscoverySettings) -> bool:
    return isinstance(settings.suffix, Setting) and settings.suffix.source is Source.DEFAULT


def _unset(suffix: Setting) -> str:
    under = f'in "{suffix.value}"' if suffix.value else "without a domain"
    return f"{discovery.SUFFIX} is not set: discovery looks for names {under}, which no node has"


def _zone(case: Case, settings: DiscoverySettings, wanted: str) -> Iterator[Finding]:
    if ownnames.predicted(case, settings) is None and not case.is_replicant:
        return  # the nodes end at once, which is told with the same cure
    kind = discovery.text(settings.address_type) or ""
    yield _mismatch(
        case,
        settings,
        f"{discovery.SUFFIX} is {discovery.text(settings.suffix)}, and Kubernetes' DNS has the names of address type"
        f" {kind} under {zones.LABELS[kind]}.<domain> alone: nobody is found under those that discovery looks for",
        wanted,
    )


def _mismatch(
    case: Case, settings: DiscoverySettings, seen: str, wanted: str, *, repairable: bool = False
) -> Finding:
    own = ownnames.predicted(case, settings)
    effect = "" if repairable else " (a restart by which nodes may change their names)"
    if not repairable and isinstance(own, OwnName) and own.host_from:
        effect = f", by which every node keeps its name ({own.host_from} gives that)"
    return false(
        _TYPE,
        Reason.CLUSTER_DOMAIN_MISMATCH,
        f"{seen}; with address type {discovery.text(settings.address_type)} set {discovery.SUFFIX}={wanted}{effect}",
        repairable=repairable,
        sets=((discovery.SUFFIX, wanted),),
        field=recorded.ENV + discovery.SUFFIX,
    )
