"""Node names that are the same text in every pod: written out, or left as `$(NAME)` by Kubernetes.

Part of ConfigurationValid.
"""

import re

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import environment, podwords
from emqx_autocluster.emqx.ownname import OwnName
from emqx_autocluster.emqx.podwords import POD_IP
from emqx_autocluster.objects import template
from emqx_autocluster.observation import Container, Unobserved

_TYPE = ConditionType.CONFIGURATION_VALID
_ESCAPED = re.compile(r"\$\$(\([A-Za-z_][A-Za-z0-9_.-]*\))")
_OF_A_SERVICE = re.compile(r"^[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[A-Z0-9_]+)?)$")
"""Variables that Kubernetes adds for each Service of the namespace."""


def problem(case: Case, own: OwnName, sought: str) -> Finding | Unobserved | None:
    """`sought`: the host under which the nodes are looked for, in the words of `podwords`."""
    variable, container = own.host_from, case.container
    if variable is None or container is None:
        return None
    lost = environment.lost_reference(container, variable)
    if lost and not _is_certainly_lost(container, lost):
        return Unobserved(f"$({lost}) in {variable} may be defined by a Service or by envFrom")
    if not (lost or own.fixed):
        return None
    seen = _lost(container, variable, lost) if lost else _fixed(container, variable, own, sought)
    return false(_TYPE, Reason.NODE_NAME_FIXED, seen, field=template.ENV + variable)


def _is_certainly_lost(container: Container, name: str) -> bool:
    later = container.last_env(name) is not None
    return not container.env_from and (later or not _OF_A_SERVICE.match(name))


def _lost(container: Container, variable: str, lost: str) -> str:
    literal = f"Kubernetes leaves it as it stands, and every node has the literal text $({lost}) in its name"
    if container.last_env(lost) is None:
        return f"{variable} has $({lost}) in it, which no entry of env defines: {literal}; define {lost} before it"
    return (
        f"{variable} has $({lost}) in it, and {lost} is defined only after it, so that {literal}; move {lost} above"
        f" {variable}"
    )


def _fixed(container: Container, variable: str, own: OwnName, sought: str) -> str:
    entry = container.last_env(variable)
    value = entry.value if entry and entry.value is not None else own.host
    if _ESCAPED.search(value):
        once = _ESCAPED.sub(r"$\1", value)
        return (
            f"{variable} is {value}, and $$ is how Kubernetes spells a plain dollar: every node has the literal text"
            f" {once} in its name, and no peer is reached there; write {once}"
        )
    address = sought == POD_IP
    right = "the pod's own address (fieldRef status.podIP)" if address else podwords.shown(sought)
    return (
        f"{variable} is {value}: every pod gives its node the same host, and no peer is reached there; take the"
        f" variable away, or let it have {right}"
    )
