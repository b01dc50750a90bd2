"""The API server's address as EMQX is given it: whether discovery by it can work at all.

Part of ConfigurationValid, and asked by itself where only the address matters. First its form, then whether it can be
reached.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import reach
from emqx_autocluster.diagnosis.configuration.asked import (
    FIELD,
    Asked,
    is_the_service,
    names_the_service,
    repairable,
    service_addresses,
    service_fqdn,
)
from emqx_autocluster.emqx import apiaddress, discovery
from emqx_autocluster.emqx.apiaddress import Address
from emqx_autocluster.observation import Unobserved

__all__ = ["PROVEN_BY_MEMBERS", "asks_a_proxy", "is_the_service", "problem", "service_fqdn"]

_TYPE = ConditionType.CONFIGURATION_VALID

_PLACEHOLDER = "10.110.111.204"
"""What EMQX's documentation has for an example, and its versions before 5.1.1 for a default."""

PROVEN_BY_MEMBERS = frozenset({Reason.API_SERVER_UNREACHABLE, Reason.API_SERVER_FOREIGN})
"""What only members that stand apart show: once they are gathered, nothing does any more."""


def problem(case: Case) -> Finding | None:
    """What is wrong with the address, or why that is not known; None: EMQX can ask there."""
    settings = case.settings
    if settings is None or not case.uses_k8s:
        return None
    if isinstance(settings.api_server, Unobserved):
        return unknown(_TYPE, Reason.SETTING_UNREADABLE, settings.api_server.reason, field=FIELD)
    return next(_problems(Asked(case, settings, settings.api_server.value)), None)


def asks_a_proxy(case: Case) -> bool:
    """Whether EMQX asks through a plain-http proxy that is left alone: then the proxy's rights count, not the pods'."""
    value = discovery.text(case.settings.api_server) if case.settings else None
    address, found = apiaddress.parse(value) if value else None, problem(case)
    replaced = found is not None and found.bad and found.repairable
    return address is not None and address.scheme == "http" and not replaced


def _problems(asked: Asked) -> Iterator[Finding]:
    if asked.value is None:
        yield repairable(
            Reason.API_SERVER_MISSING,
            f"{discovery.API_SERVER} is not set and {asked.version} has no default that works",
        )
        return
    address = apiaddress.parse(asked.value)
    if address is not None and address.host == _PLACEHOLDER and asked.case.may_be_broken:
        yield repairable(
            Reason.API_SERVER_MISSING,
            f"{discovery.API_SERVER} is {asked.shown}, the placeholder of EMQX's documentation: no API server is there",
        )
    elif address is None:
        spaces = " (with the space around it)" if asked.value != asked.value.strip() else ""
        yield repairable(
            Reason.API_SERVER_MALFORMED,
            f'{discovery.API_SERVER} is "{asked.shown}"{spaces}, which is no http(s) URL',
        )
    elif _misses_the_service(asked.case, address):
        yield repairable(
            Reason.API_SERVER_MALFORMED,
            f"{discovery.API_SERVER} is {asked.shown}, and the Service kubernetes answers https on port 443 alone",
        )
    elif apiaddress.is_loopback(address.host):
        yield from reach.own_pod_problem(asked)
    elif address.scheme == "http":
        yield from reach.plain_http_problem(asked)
    elif address.path and _is_certainly_the_api_server(asked.case, address.host):
        yield _with_path(asked, address)
    elif is_the_service(asked.case, address):
        yield from _service_certificate_problem(asked)
    else:
        yield from reach.https_problem(asked, address)


def _misses_the_service(case: Case, address: Address) -> bool:
    """The API server makes that Service itself, with this one port; members that meet all the same prove otherwise."""
    named = names_the_service(case, address.host)
    return named and not is_the_service(case, address) and case.may_be_broken


def _is_certainly_the_api_server(case: Case, host: str) -> bool:
    """And no gateway in front of several, which tells them apart by a path."""
    hosts = case.observation.network.certificate_hosts
    named = not isinstance(hosts, Unobserved) and host in hosts
    return named or names_the_service(case, host) or host in service_addresses(case)


def _with_path(asked: Asked, address: Address) -> Finding:
    """Seen on Kubernetes 1.36: `GET //api/v1/...` is answered 404, not redirected, and no EMQX has another way."""
    what = "a trailing slash" if address.path == "/" else f"the path {address.path}"
    return repairable(
        Reason.API_SERVER_HAS_PATH,
        f"{discovery.API_SERVER} is {asked.shown}, with {what}: EMQX appends /api/v1/... to it as it stands, and the"
        " API server knows no such path (404)",
    )


def _service_certificate_problem(asked: Asked) -> Iterator[Finding]:
    """Of the address that every cluster has: its certificate is the API server's own matter."""
    hosts = asked.case.observation.network.certificate_hosts
    if asked.verified and not isinstance(hosts, Unobserved) and not hosts:
        yield false(
            _TYPE,
            Reason.API_SERVER_CERTIFICATE_INVALID,
            f"the API server's certificate is not good for kubernetes.default.svc (expired, of another authority, or"
            f" without that name), and {asked.version} verifies it: whoever runs the control plane has to renew it",
        )
