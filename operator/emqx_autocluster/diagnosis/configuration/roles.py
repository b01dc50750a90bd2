"""What role replicant needs of the settings: an edition that has it. Part of ConfigurationValid."""

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import roles
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.objects import template

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
        f"{roles.ROLE} is replicant, and the open-source EMQX {settings.version} refuses to start with it: since 5.8.0"
        " only the Enterprise edition has replicants; take image emqx/emqx-enterprise, or let all nodes be cores",
        field=template.ENV + roles.ROLE,
    )
