"""The nodes' Erlang cookie: nodes with different ones refuse each other. It is never read; where it stands is compared.

Part of ConfigurationValid.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import expansion
from emqx_autocluster.objects import recorded

SHORT, LONG = "EMQX_NODE_COOKIE", "EMQX_NODE__COOKIE"
VARIABLES = (SHORT, LONG)
"""The one that counts first."""
DEFAULT = "emqxsecretcookie"
"""That every image of EMQX has in its own files."""
_TYPE = ConditionType.CONFIGURATION_VALID


def problems(case: Case) -> Iterator[Finding]:
    yield from _of_each_pod(case)
    yield from _apart(case)


def _of_each_pod(case: Case) -> Iterator[Finding]:
    """Whatever each pod has a text of its own in; members that meet all the same show that it is another cookie."""
    container = case.container
    if container is None or case.workload.replicas < 2 or not case.may_be_broken:  # noqa: PLR2004 - one meets nobody
        return
    variable = next((name for name in VARIABLES if container.last_env(name) is not None), None)
    text = expansion.text_in_pods(container, variable) if variable else None
    if isinstance(text, str) and expansion.differs_between_pods(text):
        yield false(
            _TYPE,
            Reason.COOKIE_CHANGED,
            f"{variable} is another text in each pod, since it is made of what only the pod has: nodes with different"
            f" cookies refuse each other; give all pods one and the same {variable}, from one Secret",
            field=recorded.ENV + str(variable),
        )


def _apart(case: Case) -> Iterator[Finding]:
    """Told only where the members fall apart by it: two references may well lead to the same cookie."""
    islands = [{m.pod.cookie for m in island} for island in case.membership.islands]
    known = all(None not in cookies for cookies in islands)
    if not known or not case.apart or len(set().union(*islands)) < 2 or any(len(c) > 1 for c in islands):  # noqa: PLR2004
        return
    first, other = next(
        (one, two)
        for one in case.membership.answering
        for two in case.membership.answering
        if one.pod.cookie != two.pod.cookie
    )
    yield false(
        _TYPE,
        Reason.COOKIE_CHANGED,
        f"the pod template took its Erlang cookie from elsewhere, and members stand apart by it: {first.pod.name} and"
        f" {other.pod.name} have it from different places, likely with another value; nodes with different cookies"
        " refuse each other: give the old one back, or restart all members at once",
    )
