"""Strategy k8s: whether the host in the nodes' own names is the one under which discovery looks for them.

The image makes the one of its environment, EMQX the other of its settings. Part of ConfigurationValid.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import exactly, fixednames, ownnames, suffixes, zones
from emqx_autocluster.emqx import discovery, peernames, podwords
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.emqx.ownname import POD_ZONE, SERVICE_ZONE, OwnName
from emqx_autocluster.emqx.peernames import Naming
from emqx_autocluster.emqx.podwords import POD_IP, POD_NAME
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import EndpointAddress, Fact, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID
_ANY = "<suffix>"
_AGAIN = "a restart by which nodes change their names, so it is not done for you"


def problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    own = ownnames.predicted(case, settings, dict(_put_right(case, settings)))
    naming = _naming(case, settings, own)
    sought = _sought(case, naming) if naming else None
    if not isinstance(own, OwnName) or naming is None or sought is None or case.progressing:
        return
    literal = fixednames.problem(case, own, sought)
    if isinstance(literal, Finding):
        yield literal
    elif literal is None and own.host != sought and ownnames.is_borne_out(case, own):
        told = ownnames.unread(case)
        mismatch = _mismatch(case, settings, own, naming, sought)
        yield (
            unknown(_TYPE, Reason.PROBE_FAILED, f"{mismatch.message} (not certain: {told})")
            if told
            else mismatch
        )


def _put_right(case: Case, settings: DiscoverySettings) -> Iterator[tuple[str, str]]:
    """What is told by itself of the variables that the image looks at."""
    zoned, namespace = suffixes.put_right(case, settings), case.workload.ref.namespace
    if zoned:
        yield discovery.SUFFIX, zoned
    if settings.entrypoint.namespace is not None and discovery.text(settings.namespace) != namespace:
        yield discovery.NAMESPACE, namespace


def _naming(case: Case, settings: DiscoverySettings, own: Fact[OwnName | None]) -> Naming | None:
    """With what is put right by itself already in it; None: not known."""
    service, kind = discovery.text(settings.service_name), discovery.text(settings.address_type)
    suffix = _suffix(case, settings)
    if (
        suffix is None
        and kind == "hostname"
        and isinstance(own, OwnName)
        and own.host_from
        and own.host == POD_IP
    ):
        suffix = _ANY  # no suffix makes an address of a host name
    if service is None or kind is None or suffix is None:
        return None
    return Naming(kind, service, case.workload.ref.namespace, suffix)


def _suffix(case: Case, settings: DiscoverySettings) -> str | None:
    given, right = settings.suffix, suffixes.right(case, settings)
    if right is None:
        return ""
    if isinstance(given, Unobserved):
        return None
    return right if given.source is Source.DEFAULT else suffixes.put_right(case, settings) or given.value


def _sought(case: Case, naming: Naming) -> str | None:
    """None: there is no such name for these pods, which is told by itself."""
    named = ownnames.place(case).governing == naming.service
    found = peernames.looked_for("", EndpointAddress(POD_IP, POD_NAME if named else None), naming)
    return found.removeprefix("@") if found else None


def _mismatch(case: Case, settings: DiscoverySettings, own: OwnName, naming: Naming, sought: str) -> Finding:
    missing = _missing(case, settings) if own.host_from is None else ()
    asked = discovery.text(settings.sought_part) if settings.generation.is_4x else own.part
    shown = podwords.shown(f"{asked or own.part}@{sought}")
    looks = (
        f"discovery by address type {naming.address_type} looks for {shown}{_by(settings)}: they never meet"
    )
    if missing:
        told = (
            f"{exactly.told(missing)}{_elsewhere(settings)}: each node is {own}, and {looks}; {exactly.cure(missing)}"
            f" ({_AGAIN})"
        )
        return _false(told, exactly.sets(missing), missing[0].variable)
    variable = own.host_from or discovery.ADDRESS_TYPE
    sets = tuple(change for change in _fitting(case, settings, own, naming))
    cure = " and ".join(f"{name}={value}" for name, value in sets)
    cure = (
        f"set {cure}, by which every node keeps its name"
        if sets
        else f"{_if_its_domain_is_right(case, own, naming)}let {variable} give {_what(own, shown, sought)} ({_AGAIN})"
    )
    return _false(f"{variable} makes each node {own}, and {looks}; {cure}", sets, variable)


def _what(own: OwnName, name: str, host: str) -> str:
    """What the variable has to be: the whole name, or its host alone."""
    return podwords.shown(host) if own.host_from == discovery.HOST else name


def _if_its_domain_is_right(case: Case, own: OwnName, naming: Naming) -> str:
    """Nobody can tell which of two domains is the cluster's; empty: they differ in more, or it is known."""
    above = f"{POD_NAME}.{ownnames.place(case).governing}.{case.workload.ref.namespace}."
    suffix = own.host.removeprefix(above)
    told = not ownnames.domain_is_known(case) and naming.address_type == "hostname"
    if not told or suffix == own.host or not zones.is_of(suffix, naming.address_type):
        return ""
    domain = suffix.partition(".")[2]
    return (
        f"if {domain} is the cluster's domain, set {discovery.SUFFIX}={suffix}, by which every node keeps its name,"
        " else "
    )


def _false(told: str, sets: tuple[tuple[str, str], ...], variable: str) -> Finding:
    return false(_TYPE, Reason.HOST_PART_MISMATCH, told, sets=sets, field=recorded.ENV + variable)


def _by(settings: DiscoverySettings) -> str:
    kind = discovery.text(settings.address_type)
    return f" ({discovery.ADDRESS_TYPE})" if kind == "ip" else f" ({discovery.SUFFIX})"


def _missing(case: Case, settings: DiscoverySettings) -> tuple[exactly.Missing, ...]:
    kind = discovery.text(settings.address_type) or ""
    if kind not in zones.LABELS:
        return ()
    env, generation = settings.entrypoint, settings.generation
    suffix, namespace = discovery.text(settings.suffix) or "", case.workload.ref.namespace
    looked_at: tuple[tuple[str, Fact[str | None], str], ...] = (
        *(
            ((generation.strategy_variable, env.strategy, "k8s"),)
            if generation.names_host_by_strategy
            else ()
        ),
        (discovery.NAMESPACE, env.namespace, namespace),
        (discovery.ADDRESS_TYPE, env.address_type, kind),
        *(((discovery.SUFFIX, env.suffix, suffix),) if _needs_suffix(settings, suffix) else ()),
    )
    return exactly.missing(case, looked_at)


def _needs_suffix(settings: DiscoverySettings, suffix: str) -> bool:
    """Whether it is set, and the image would not take the same where it finds none."""
    if settings.entrypoint.suffix is None:
        return suffix not in {"", POD_ZONE, SERVICE_ZONE} and not suffixes.is_default(settings)
    return suffix != ""


def _elsewhere(settings: DiscoverySettings) -> str:
    known: tuple[Fact[Setting], ...] = (settings.strategy, settings.address_type, settings.namespace)
    in_file = any(isinstance(setting, Setting) and setting.source is Source.FILE for setting in known)
    return ", and at no emqx.conf" if in_file else ""


def _fitting(
    case: Case, settings: DiscoverySettings, own: OwnName, naming: Naming
) -> Iterator[tuple[str, str]]:
    """What makes discovery look for the nodes under the names that they have: nobody is renamed."""
    right = _fitting_type(case, own, naming)
    if right is None:
        return
    kind, suffix = right
    if kind != naming.address_type:
        yield discovery.ADDRESS_TYPE, kind
    if suffix and suffix != discovery.text(settings.suffix):
        yield discovery.SUFFIX, suffix


def _fitting_type(case: Case, own: OwnName, naming: Naming) -> tuple[str, str] | None:
    """(address type, suffix); None: there is none, or it would take a domain for the cluster's that may be another."""
    if own.host == POD_IP:
        return "ip", ""
    governing, namespace = ownnames.place(case).governing, case.workload.ref.namespace
    undotted = naming.suffix.removesuffix(".")
    if own.host == f"{POD_NAME}.{naming.service}.{namespace}.{undotted}":
        return naming.address_type, undotted
    domain = case.observation.network.cluster_domain
    known = ownnames.domain_is_known(case) or naming.address_type == "ip"
    for kind, above in (
        ("hostname", f"{POD_NAME}.{naming.service}.{namespace}." if governing == naming.service else None),
        ("dns", f"{podwords.DASHED_IP}.{namespace}."),
    ):
        suffix = f"{zones.LABELS[kind]}.{domain}"
        if above and known and own.host == above + suffix:
            return kind, suffix
    return None
