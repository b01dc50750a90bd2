"""Strategy dns: whether records of the type that is asked for lead to nodes of the names that these have.

Part of ConfigurationValid.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.configuration import exactly, fixednames, ownnames, variables
from emqx_autocluster.diagnosis.configuration.dnsquestion import Question
from emqx_autocluster.emqx import apiaddress, dnsdiscovery, peernames, podwords
from emqx_autocluster.emqx.discovery import DNS_NAME
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.peernames import AAAA, SRV, A
from emqx_autocluster.emqx.podwords import POD_IP
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import EndpointAddress, WorkloadKind

_TYPE = ConditionType.CONFIGURATION_VALID


def problems(asked: Question) -> Iterator[Finding]:
    yield from _kind(asked)
    case = asked.case
    if not case.is_replicant and (
        case.workload.replicas > 1 or asked.settings.generation.wants_fitting_record_type
    ):
        yield from _names(asked)


def _kind(asked: Question) -> Iterator[Finding]:
    settings = asked.settings
    given, variable, kinds = settings.dns.kind, asked.type_variable, settings.generation.record_types
    if given not in kinds:
        right = (given or "").strip().lower()
        own = ownnames.predicted(asked.case, settings)
        by_address = (
            isinstance(own, OwnName) and own.host == POD_IP and ownnames.place(asked.case).governing is None
        )
        right = A if right == SRV and by_address else right  # it would lead to nobody
        sets = ((variable, right),) if right in kinds else ()
        yield false(
            _TYPE,
            Reason.RECORD_TYPE_UNSUITABLE,
            f'{variable} is "{given}", and EMQX {settings.version} knows {", ".join(kinds)}: it does not start'
            + (f"; set {variable}={right}" if sets else ""),
            sets=sets,
            field=recorded.ENV + variable,
        )
    elif given != asked.kind and asked.kind in kinds:
        other = settings.generation.other_record_type_variable
        if variables.is_refused(asked.case, settings.reader.read(other, None)):
            return
        yield false(
            _TYPE,
            Reason.VARIABLE_OF_OTHER_VERSION,
            f"{other} is {asked.kind}, and EMQX {settings.version} does not read that variable: its record type is"
            f" {given}; set {variable}={asked.kind}",
            sets=((variable, asked.kind),),
            field=recorded.ENV + other,
        )


def _names(asked: Question) -> Iterator[Finding]:
    case, sought = asked.case, asked.sought
    own = ownnames.predicted(case, asked.settings, asked.changes)
    if not isinstance(own, OwnName) or case.progressing:
        return
    if asked.kind == AAAA and not own.fixed:
        # The image takes an IPv4 address; one that a variable gives may be either.
        sought = None if own.host == POD_IP and own.host_from else "<an IPv6 address>"
    if sought is None or (case.workload.replicas == 1 and _is_address(asked.kind, own.host)):
        return
    literal = fixednames.problem(case, own, sought) if case.workload.replicas > 1 else None
    if isinstance(literal, Finding):
        yield literal
    elif literal is None and own.host != sought and ownnames.is_borne_out(case, own):
        told, mismatch = ownnames.unread(case), _mismatch(asked, own, sought)
        yield (
            unknown(_TYPE, Reason.PROBE_FAILED, f"{mismatch.message} (not certain: {told})")
            if told
            else mismatch
        )


def _is_address(kind: str, host: str) -> bool:
    """Whether EMQX starts with it, which is all that counts where nobody looks for the node."""
    return peernames.in_dns(kind, EndpointAddress(host), "") == host and apiaddress.is_ip(host)


def _mismatch(asked: Question, own: OwnName, sought: str) -> Finding:
    variable = asked.type_variable
    missing = _missing(asked, own)
    of = f" of {asked.right} ({DNS_NAME})" if asked.kind == SRV else ""
    has = asked.settings.generation.has_record_type
    by = f"({variable})" if has else f"(EMQX {asked.settings.version} has no other, and no {variable})"
    gives = f"record type {asked.kind} {by}{of} gives {podwords.shown(f'{own.part}@{sought}')}"
    named = (
        f"{own.host_from} makes each node {own}"
        if own.host_from
        else f"the image names each node {own}{_why(asked, own)}"
    )
    if missing:
        return _unseen(missing, own, gives)
    effect = "they never meet"
    if asked.kind != SRV and asked.settings.generation.wants_fitting_record_type:
        effect = f"EMQX {asked.settings.version} does not start with that"
    sets = _fitting(asked, own)
    cure = " and ".join(f"{name}={value}" for name, value in sets)
    cure = f"; set {cure}, by which every node keeps its name" if cure else ""
    return false(
        _TYPE,
        Reason.RECORD_TYPE_UNSUITABLE
        if asked.kind != SRV or own.host == POD_IP
        else Reason.HOST_PART_MISMATCH,
        f"{named}, and {gives}: {effect}{cure if has else '; name the nodes by their addresses, or take EMQX 4.4'}",
        sets=sets,
        field=recorded.ENV + (own.host_from or variable),
    )


def _missing(asked: Question, own: OwnName) -> tuple[exactly.Missing, ...]:
    """Of what the image would name the node after DNS by, and what no other finding puts right."""
    settings, right = asked.settings, asked.right
    by_image = own.host_from is None and settings.generation.names_host_by_strategy
    if not by_image or asked.kind != SRV or right is None:
        return ()
    if right.service != ownnames.place(asked.case).governing:
        return ()
    env = settings.entrypoint
    looked_at = (
        (settings.generation.strategy_variable, env.strategy, "dns"),
        (asked.type_variable, env.record_type, SRV),
        (DNS_NAME, env.dns_name, str(right)),
    )
    return exactly.missing(asked.case, (each for each in looked_at if each[0] not in asked.changes))


def _unseen(missing: tuple[exactly.Missing, ...], own: OwnName, gives: str) -> Finding:
    return false(
        _TYPE,
        Reason.RECORD_TYPE_UNSUITABLE if own.host == POD_IP else Reason.HOST_PART_MISMATCH,
        f"{exactly.told(missing)}: each node is {own}, and {gives}: they never meet; {exactly.cure(missing)} (a restart"
        " by which nodes change their names, so it is not done for you)",
        sets=exactly.sets(missing),
        field=recorded.ENV + missing[0].variable,
    )


def _why(asked: Question, own: OwnName) -> str:
    """Why the image does not take a name of DNS."""
    governing, right = ownnames.place(asked.case).governing, asked.right
    if asked.kind != SRV or right is None or own.host != POD_IP:
        return ""
    if ownnames.place(asked.case).why_no_line:
        return f", since {ownnames.place(asked.case).why_no_line}"
    if governing is None and asked.case.workload.ref.kind is WorkloadKind.STATEFUL_SET:
        return ", since its StatefulSet has no serviceName, by which DNS would have names for the pods"
    if governing is None:
        return ", since pods of a Deployment have no host names in DNS (those of a StatefulSet have)"
    if governing != right.service:
        return f", since its StatefulSet's serviceName is {governing} and not {right.service}"
    return ""


def _fitting(asked: Question, own: OwnName) -> tuple[tuple[str, str], ...]:
    """What makes discovery look for the nodes under the names that they have; none: there is no such setting."""
    variable, governing = asked.type_variable, ownnames.place(asked.case).governing
    if not asked.settings.generation.has_record_type:
        return ()
    if own.host == POD_IP:
        return ((variable, A),)
    if asked.right is not None and own.host == asked.target(asked.right):
        return ((variable, SRV),)
    named = dnsdiscovery.service_name(own.host.partition(".")[2])
    other = named is not None and named.service == governing and own.host == asked.target(named)
    known = asked.right is None or (named is not None and named.domain == asked.right.domain)
    if named is None or not other or not known or named.namespace != asked.case.workload.ref.namespace:
        return ()
    return ((DNS_NAME, str(named)), *(((variable, SRV),) if asked.kind != SRV else ()))
