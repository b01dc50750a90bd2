"""Whether the names by which discovery looks for the members are the names that they have, pod by pod."""

from collections.abc import Iterator
from dataclasses import dataclass

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.emqx.peernames import Naming, looked_for
from emqx_autocluster.observation import Endpoints, Fact, Identity, Member, Service, Unobserved, View

_TYPE = ConditionType.DISCOVERY_READY


@dataclass(frozen=True, slots=True)
class _Mismatch:
    pod: str
    sought: str
    own: str

    @property
    def field(self) -> str:
        """The variable that is most likely to blame, by the part of the name that differs."""
        if self.sought.partition("@")[0] != self.own.partition("@")[0]:
            return discovery.NAME
        return discovery.SUFFIX if "." in self.sought.partition("@")[2] else discovery.ADDRESS_TYPE


def problems(case: Case, service: Service, endpoints: Endpoints | None) -> Iterator[Finding]:
    found = list(_mismatches(case, service, endpoints or Endpoints(())))
    if not found:
        return
    first, more = found[0], f" (and {len(found) - 1} more differ)" if len(found) > 1 else ""
    yield false(
        _TYPE,
        Reason.NODE_NAME_MISMATCH,
        f"discovery looks for {first.sought}, and {first.pod} calls itself {first.own}{more}: they never meet"
        f" by discovery; the part before the @ comes from {discovery.NAME}{_app(case)}, the rest of what is"
        f" looked for from {discovery.ADDRESS_TYPE}, {discovery.NAMESPACE} and {discovery.SUFFIX}",
        field=f"env/{first.field}",
    )


def _looked_for(case: Case) -> tuple[Member, ...]:
    """A replicant looks for the cores, and for nobody else."""
    if not case.is_replicant:
        return case.running
    cores = case.observation.cores
    return () if isinstance(cores, Unobserved) else cores


def _app(case: Case) -> str:
    old = case.settings is not None and case.settings.generation.is_4x
    return f" and {discovery.APP_NAME}" if old else ""


def _mismatches(case: Case, service: Service, endpoints: Endpoints) -> Iterator[_Mismatch]:
    settings = case.settings
    naming = _naming(case, settings, service) if settings else None
    if settings is None or naming is None:
        return
    at = {address.ip: address for address in endpoints.ready}
    members = [(m, own) for m in _looked_for(case) if (own := _own_name(m))]
    if len(members) == 1 and not case.is_replicant:
        return
    seekers = [(m, m.node) for m in case.running if m.node] if case.is_replicant else members
    for member, own in members:
        address = at.get(member.pod.ip or "")
        apps = _apps(settings, [name for other, name in seekers if other is not member])
        sought = [looked_for(app, address, naming) for app in apps] if address else []
        wrong = next((name for name in sought if name and name != own), None)
        if wrong:
            yield _Mismatch(member.pod.name, wrong, own)


def _naming(case: Case, settings: DiscoverySettings, service: Service) -> Naming | None:
    """None: not certain. In a cluster that is whole, a default may be overruled by a file in the image."""
    used = [settings.address_type]
    if discovery.text(settings.address_type) != "ip":
        used.append(settings.suffix)
    if settings.generation.is_4x:
        used.append(settings.app_name)
    elsewhere = discovery.text(settings.namespace) != case.workload.ref.namespace
    if elsewhere or not all(_is_certain(case, setting) for setting in used):
        return None
    return Naming(
        discovery.text(settings.address_type) or "",
        service.name,
        case.workload.ref.namespace,
        discovery.text(settings.suffix) or "",
    )


def _is_certain(case: Case, setting: Fact[Setting]) -> bool:
    return isinstance(setting, Setting) and (case.apart or setting.source is not Source.DEFAULT)


def _own_name(member: Member) -> str | None:
    """By its main process, if its own view has that name too."""
    own = member.identity.node if isinstance(member.identity, Identity) else None
    return own if own and isinstance(member.view, View) and own in member.view.running else None


def _apps(settings: DiscoverySettings, others: list[str]) -> list[str]:
    """What stands before the @: on 4.x as it is set, from 5.0 on as each of the others has it itself."""
    if not settings.generation.is_4x:
        return sorted({name.partition("@")[0] for name in others})
    app = discovery.text(settings.app_name)
    return [app] if app else []
