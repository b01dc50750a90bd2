"""Node names that are the same text in every pod: written out, or left as `$(NAME)` by Kubernetes.

Part of ConfigurationValid.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import podwords, startup
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.expansion import Loss, Lost
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.podwords import POD_IP
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Container, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID
COMMAND = "command"
"""The field of a container."""


def problem(case: Case, own: OwnName, sought: str) -> Finding | Unobserved | None:
    """`sought`: the host under which the nodes are looked for, in the words of `podwords`."""
    variable, container = own.host_from, case.container
    if variable is None or container is None:
        return None
    reader = case.settings.reader if case.settings else None
    lost, possible = (
        (reader.texts.lost(variable), reader.texts.lost_reference(variable)) if reader else (None, None)
    )
    if possible and not lost:
        return Unobserved(f"$({possible.name}) in {variable} may be defined by a Service or by envFrom")
    if not (lost or own.fixed):
        return None
    seen = _lost(variable, lost) if lost else _fixed(container, variable, own, sought)
    return false(_TYPE, Reason.NODE_NAME_FIXED, seen, field=recorded.ENV + variable)


def past_the_entrypoint(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    """Where nothing names the nodes, since the image's entrypoint does not run."""
    container = settings.reader.container
    if case.has_booted or case.workload.replicas < 2 or not startup.starts_emqx_itself(container):  # noqa: PLR2004
        return
    given = (settings.node_name, settings.long_node_name, settings.host)
    if any(isinstance(each, Unobserved) or each.value for each in given):
        return
    started = startup.shown(container)
    yield false(
        _TYPE,
        Reason.NODE_NAME_FIXED,
        f"the container starts {started} by a command of its own, and not the image's entrypoint,"
        f" which names each node after its pod: every node is {startup.DEFAULT_NAME}, and no peer is reached there;"
        " take command away, and leave to args what EMQX is told",
        field=COMMAND,
    )


def _lost(variable: str, lost: Lost) -> str:
    literal = f"every node has the literal text $({lost.name}) in its name"
    left = f"Kubernetes leaves it as it stands, and {literal}"
    match lost.why:
        case Loss.NOWHERE:
            told = f"has $({lost.name}) in it, which no entry of env defines: {left}; define {lost.name} before it"
        case Loss.AFTER:
            told = (
                f"has $({lost.name}) in it, and {lost.name} is defined only after it, so that {left}; move {lost.name}"
                f" above {variable}"
            )
        case Loss.ESCAPED:
            told = f"has $$({lost.name}) in it, by which {literal}; write it with one $"
    return f"{variable} {told}"


def _fixed(container: Container, variable: str, own: OwnName, sought: str) -> str:
    if not own.host:
        seen = f"{variable} is {podwords.shown(own.part)}, without an @ and a host behind it"
        cure = f"set {variable}=emqx@$(POD_IP), and before it in the list POD_IP by fieldRef status.podIP"
        return f"{seen}: EMQX ends with such a name, or no peer finds it; {cure}"
    entry = container.last_env(variable)
    value = entry.value if entry and entry.value is not None else own.host
    address = sought == POD_IP
    right = "the pod's own address (fieldRef status.podIP)" if address else podwords.shown(sought)
    shell = "; Kubernetes expands $(NAME), and not ${NAME}" if "${" in value else ""
    return (
        f"{variable} is {value}: every pod gives its node the same host, and no peer is reached there; take the"
        f" variable away, or let it have {right}{shell}"
    )
