"""Replicants beside the cores that they look for: whether they find them, by the manifests of both.

A live look sees it by the members. Before any runs, only the settings of the two workloads can be held together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Unjudged, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import cookies, ownnames
from emqx_autocluster.emqx import containers, discovery, peernames, podwords
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.environment import as_hocon
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.peernames import SRV, A, Naming
from emqx_autocluster.emqx.podwords import POD_IP, POD_NAME
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import EndpointAddress, Service, Unobserved

_FILES = "/opt/emqx/etc"
"""Where a mount may bring a cookie."""


def problems(case: Case, others: Sequence[Case]) -> Iterator[Finding]:
    """`others`: EMQX beside it, in the same namespace."""
    settings, service = case.settings, case.observation.service
    cores = _cores(others)
    if settings is None or not case.is_replicant or not cores or not isinstance(service, Service):
        return
    listed = _listed(cores, service)
    if not listed:
        named = ", ".join(str(core.workload.ref) for core in cores)
        yield false(
            ConditionType.DISCOVERY_READY,
            Reason.CORES_NOT_LISTED,
            f"replicants ask Service {service.name} for their cores, and it selects none of {named}: they wait for"
            f" ever; name the cores' Service in {settings.service_variable}",
            field=recorded.ENV + settings.service_variable,
        )
    for core in listed:
        yield from _names(case, settings, core, service)
        yield from _cookies(case, core)


def unjudged(case: Case, others: Sequence[Case]) -> Iterator[Unjudged]:
    """What these replicants need of cores, and the input does not tell."""
    settings, service = case.settings, case.observation.service
    if settings is None or not case.is_replicant or not settings.discovers or not case.workload.replicas:
        return
    cores = _cores(others)
    if not cores:
        yield Unjudged(
            ConditionType.DISCOVERY_READY,
            "whether these replicants find a core",
            "none is in the input",
            "add the manifest of the cores",
            field=recorded.ENV + settings.service_variable,
        )
    for core in _listed(cores, service) if isinstance(service, Service) else ():
        if (_cookie(case) is None or _cookie(core) is None) and _origin(case) != _origin(core):
            yield Unjudged(
                ConditionType.CONFIGURATION_VALID,
                f"whether the Erlang cookie of these nodes is that of {core.workload.ref}",
                "they come from different places, not all of which are read",
                "take both from one key of one Secret",
            )


def _cores(others: Sequence[Case]) -> list[Case]:
    return [other for other in others if not other.is_replicant and other.workload.replicas]


def _listed(cores: Sequence[Case], service: Service) -> list[Case]:
    """Those whose pods the Service selects."""
    return [core for core in cores if service.selects(core.workload.template.labels)]


def _names(case: Case, settings: DiscoverySettings, core: Case, service: Service) -> Iterator[Finding]:
    own = ownnames.predicted(core, core.settings) if core.settings else None
    mine = ownnames.predicted(case, settings)
    if not isinstance(own, OwnName):
        return
    sought = _sought(case, settings, core, service)
    if sought is not None and sought != own.host:
        sets = _fitting(settings, own, service, case.workload.ref.namespace)
        cure = f"; set {' and '.join(f'{name}={value}' for name, value in sets)}" if sets else ""
        yield false(
            ConditionType.DISCOVERY_READY,
            Reason.NODE_NAME_MISMATCH,
            f"replicants look for cores named {podwords.shown(f'{own.part}@{sought}')}, and the nodes of"
            f" {core.workload.ref} are {own}: none is found, and EMQX says nothing of it{cure}",
            sets=sets,
            field=recorded.ENV + (sets[0][0] if sets else discovery.ADDRESS_TYPE),
        )
    elif isinstance(mine, OwnName) and mine.part != own.part:
        yield false(
            ConditionType.CONFIGURATION_VALID,
            Reason.NAME_PART_MISMATCH,
            f"replicants look for cores that are named like themselves, {mine.part}@..., and the nodes of"
            f" {core.workload.ref} are {own}: none is found; give both the same {discovery.NAME}",
            field=recorded.ENV + discovery.NAME,
        )


def _sought(case: Case, settings: DiscoverySettings, core: Case, service: Service) -> str | None:
    """The host under which a core is looked for, in the words of `podwords`; None: not known, or told by itself."""
    named = ownnames.place(core).governing == service.name
    address = EndpointAddress(POD_IP, POD_NAME if named else None)
    if settings.uses_dns:
        kind, name = settings.dns.kind, settings.dns.asked
        return peernames.in_dns(kind, address, name) if kind and name else None
    kind, suffix = discovery.text(settings.address_type), discovery.text(settings.suffix)
    namespace = discovery.text(settings.namespace)
    if kind is None or suffix is None or namespace != case.workload.ref.namespace:
        return None
    found = peernames.looked_for("", address, Naming(kind, service.name, namespace, suffix))
    return found.removeprefix("@") if found else None


def _fitting(
    settings: DiscoverySettings, own: OwnName, service: Service, namespace: str
) -> tuple[tuple[str, str], ...]:
    """What makes replicants look for the cores under the names that these have; none: no one such setting."""
    above = f"{POD_NAME}.{service.name}.{namespace}."
    by_name = own.host.startswith(f"{above}svc.")
    if settings.uses_dns:
        kind = A if own.host == POD_IP else SRV if by_name else None
        return (
            ((settings.generation.record_type_variable, kind),) if kind and kind != settings.dns.kind else ()
        )
    if own.host == POD_IP:
        return ((discovery.ADDRESS_TYPE, "ip"),)
    suffix = own.host.removeprefix(above)
    return ((discovery.ADDRESS_TYPE, "hostname"), (discovery.SUFFIX, suffix)) if by_name else ()


def _cookies(case: Case, core: Case) -> Iterator[Finding]:
    """Only such as both manifests tell; they are compared, and never told."""
    mine, its = _cookie(case), _cookie(core)
    if mine is None or its is None or mine.value == its.value:
        return
    yield false(
        ConditionType.CONFIGURATION_VALID,
        Reason.COOKIE_CHANGED,
        f"the Erlang cookie of these nodes{mine.shown} is another one than that of {core.workload.ref}{its.shown}:"
        " nodes with different cookies refuse each other; take both from one Secret",
        field=f"{recorded.ENV}{mine.variable}",
    )


@dataclass(frozen=True, slots=True)
class _Cookie:
    variable: str
    value: str = field(repr=False)
    is_default: bool = False

    @property
    def shown(self) -> str:
        """Never more than that it is nobody's own."""
        return " (EMQX's default: none is set)" if self.is_default else ""


def _origin(case: Case) -> tuple[object, ...]:
    """Equal where both take it from the same, whatever that is."""
    container = case.container
    if container is None:
        return ()
    entries = [container.last_env(name) for name in cookies.VARIABLES]
    given = tuple((entry.value, repr(entry.value_from)) for entry in entries if entry)
    secrets = tuple((source.secret, source.prefix) for source in container.env_from if source.secret)
    files = tuple(mount for mount in container.mounted if mount.path.startswith(_FILES))
    return given[:1] or (secrets, container.image, files)


def _cookie(case: Case) -> _Cookie | None:
    """None: not known, as where a Secret has it, or may have it."""
    container, reader = case.container, case.settings.reader if case.settings else None
    if container is None or reader is None:
        return None
    for variable in cookies.VARIABLES:
        found = reader.read(variable, None)
        if isinstance(found, Unobserved):
            return None
        if found.value:
            return _Cookie(variable, as_hocon(found.value))
    may_be_elsewhere = reader.files.main or any(source.secret for source in container.env_from)
    if may_be_elsewhere or not containers.is_emqx_image(container.image):
        return None
    return _Cookie(cookies.LONG, cookies.DEFAULT, is_default=True)
