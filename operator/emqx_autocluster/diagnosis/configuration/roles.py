"""What role replicant needs: an edition that has it, and a variable that is read. Part of ConfigurationValid."""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import discovery, roles
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID


def refused(case: Case, settings: DiscoverySettings) -> Finding | None:
    """The open-source edition does not boot as a replicant; where one did, it is no such edition."""
    if not settings.is_replicant or case.has_booted or case.container is None:
        return None
    open_source = roles.is_open_source(case.container.image)
    if not (open_source and settings.generation.refuses_open_source_replicants):
        return None
    return false(
        _TYPE,
        Reason.ROLE_REFUSED,
        f"{_given_by(settings)} is replicant, and the open-source EMQX {settings.version} refuses to start with it:"
        " since 5.8.0 only the Enterprise edition has replicants; take image emqx/emqx-enterprise, or let all nodes be"
        " cores",
        field=recorded.ENV + _given_by(settings),
    )


def _given_by(settings: DiscoverySettings) -> str:
    new = discovery.text(settings.reader.read(roles.ROLE, None))
    return roles.ROLE if new is not None else roles.OLD_ROLE


def problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """Whether this version and edition take the role, and by the variable that gives it."""
    if settings.generation.is_4x or case.has_booted or case.container is None:
        return
    yield from _edition(case.container.image, settings)
    yield from _variable(settings)


def _edition(image: str, settings: DiscoverySettings) -> Iterator[Finding]:
    in_question = settings.is_replicant and settings.generation.refuses_open_source_replicants
    if in_question and roles.is_open_source(image) is None:
        yield unknown(
            _TYPE,
            Reason.VERSION_UNKNOWN,
            f"whether image {image} is of the Enterprise edition, without which EMQX {settings.version} does not start"
            " as a replicant, is not told by its name",
            field="image",
        )


def _variable(settings: DiscoverySettings) -> Iterator[Finding]:
    """One that this version does not read; the rest is judged by what is meant."""
    if isinstance(settings.role, Unobserved) and settings.generation.reads_role is None:
        yield unknown(_TYPE, Reason.SETTING_UNREADABLE, settings.role.reason, field=recorded.ENV + roles.ROLE)
        return
    given, old = (settings.reader.read(name, None) for name in (roles.ROLE, roles.OLD_ROLE))
    unread = settings.generation.reads_role is False and discovery.text(given) == roles.REPLICANT
    if not unread or not isinstance(old, Setting) or old.value is not None:
        return
    yield false(
        _TYPE,
        Reason.VARIABLE_OF_OTHER_VERSION,
        f"{roles.ROLE} is replicant, and EMQX {settings.version} does not read that variable: its nodes are cores;"
        f" before 5.0.23 it is called {roles.OLD_ROLE}; set {roles.OLD_ROLE}=replicant",
        sets=((roles.OLD_ROLE, roles.REPLICANT),),
        field=recorded.ENV + roles.ROLE,
    )
