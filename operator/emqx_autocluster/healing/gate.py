"""The gate: an ordered list of reasons for which nothing at all is touched."""

from emqx_autocluster.api.annotations import Mode
from emqx_autocluster.api.findings import ConditionType, Finding, Reason
from emqx_autocluster.diagnosis import Case, Findings
from emqx_autocluster.diagnosis.formation import licence
from emqx_autocluster.healing.steps import Hold


def check(case: Case, findings: Findings) -> Hold | None:
    for guard in (_accepted, _licence, _mode, _paused, _progress):
        hold = guard(case, findings)
        if hold:
            return hold
    return None


def from_finding(finding: Finding) -> Hold:
    return Hold(finding.reason, finding.message)


def _accepted(_case: Case, findings: Findings) -> Hold | None:
    accepted = findings[ConditionType.ACCEPTED]
    return from_finding(accepted) if accepted.bad else None


def _mode(case: Case, _findings: Findings) -> Hold | None:
    if case.options.mode in {Mode.REPAIR, Mode.HEAL}:
        return None
    return Hold(Reason.OBSERVE_ONLY, "mode is Observe: nothing is changed")


def _paused(case: Case, findings: Findings) -> Hold | None:
    return from_finding(findings[ConditionType.PAUSED]) if case.options.paused else None


def _licence(case: Case, _findings: Findings) -> Hold | None:
    refused = licence(case)
    if refused and not all(map(licence, case.others)):
        told = f"whether EMQX {case.version} may form a cluster without a licence key depends on its version"
        return Hold(Reason.VERSION_UNKNOWN, told)
    return from_finding(refused) if refused else None


def _progress(case: Case, _findings: Findings) -> Hold | None:
    if not case.progressing:
        return None
    return Hold(Reason.TARGET_PROGRESSING, "a rollout goes on; nothing is touched until it is over")
