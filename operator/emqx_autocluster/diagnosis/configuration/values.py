"""Values that a variable of discovery does not take: EMQX does not start with them, or asks for what cannot be.

All else is judged by the value that is meant. Part of ConfigurationValid.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import discovery
from emqx_autocluster.emqx.choices import Mistake
from emqx_autocluster.objects import recorded

_TYPE = ConditionType.CONFIGURATION_VALID


def problems(case: Case) -> Iterator[Finding]:
    """None of what an EMQX has that booted: it took the value, so the image or its entrypoint put it right."""
    if case.settings is None or case.has_booted:
        return
    for mistake in case.settings.mistakes:
        yield _problem(case, mistake)


def of_any_strategy(case: Case) -> Iterator[Finding]:
    """Without those that only strategy k8s looks at."""
    of_k8s = {recorded.ENV + name for name in (discovery.ADDRESS_TYPE, discovery.SERVICE_NAME)}
    return (finding for finding in problems(case) if finding.field not in of_k8s)


def _problem(case: Case, mistake: Mistake) -> Finding:
    version = case.settings.version if case.settings else ""
    if mistake.variable == discovery.SERVICE_NAME:
        what = "and no Service can have such a name: EMQX asks for exactly these Endpoints, and gets 404 for ever"
    else:
        what = f"which EMQX {version} does not know: it refuses to start"
    spaces = " (with the space around it)" if mistake.given != mistake.given.strip() else ""
    spaces = spaces or (" (the quotes are part of it)" if mistake.given.startswith(('"', "'")) else "")
    cure = f"; set {mistake.variable}={mistake.meant}" if mistake.meant else ""
    return false(
        _TYPE,
        Reason.VALUE_NOT_ACCEPTED,
        f'{mistake.variable} is "{mistake.given}"{spaces}, {what}; it takes {mistake.takes}{cure}',
        sets=((mistake.variable, mistake.meant),) if mistake.meant else (),
        field=recorded.ENV + mistake.variable,
    )
