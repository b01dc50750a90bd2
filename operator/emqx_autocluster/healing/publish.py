"""Publish: the Service that EMQX asks for, where it is absent and `spec.discovery.createService` asks for it.

After the gathering, as rights are: until now no lone member could find another, and with it their own loops would
choose whom to join.
"""

from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.diagnosis import Case, Findings
from emqx_autocluster.healing.steps import Action, Create, Step
from emqx_autocluster.objects import headless


def steps(case: Case, findings: Findings) -> tuple[Step, ...]:
    finding = findings[ConditionType.DISCOVERY_READY]
    name = case.settings.asked_service if case.settings else None
    if name is None or finding.reason is not Reason.SERVICE_NOT_FOUND or not finding.repairable:
        return ()
    return (
        Step(
            Action.CREATE_SERVICE,
            f"Service/{name}",
            f"create the headless Service {name}, which selects these pods",
            headless.apply_command(case.workload, name),
            Create(headless.service(case.workload, name)),
        ),
    )
