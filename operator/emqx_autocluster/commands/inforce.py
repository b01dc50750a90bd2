"""The settings in force: each value that decides about clustering, and where it comes from."""

from collections.abc import Iterator
from dataclasses import dataclass

from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx import apiaddress, discovery, roles
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.observation import Fact, Unobserved

_TEMPLATE = "pod template"


@dataclass(frozen=True, slots=True)
class InForce:
    name: str
    """Of the variable, or of the field of the workload."""
    value: str
    source: str
    known: bool = True
    """Whether `value` is one, and not why none could be told."""


def settings(case: Case) -> tuple[InForce, ...]:
    """What the workload's strategy uses; values from a Secret are told as where they stand."""
    told = tuple(_of_emqx(case, case.settings)) if case.settings else ()
    return (*told, *_of_the_workload(case))


def _of_emqx(case: Case, given: DiscoverySettings) -> Iterator[InForce]:
    for name, found in _facts(given):
        if isinstance(found, Unobserved):
            yield InForce(name, found.reason, "not known", known=False)
        elif found.value is not None:
            yield InForce(
                name, case.veil.over(_shown(name, found.value)), given.reader.place(name) or _source(found)
            )


def _shown(name: str, value: str) -> str:
    """In an address all before the @ may be a user, and in a node's name it is a part of it."""
    return apiaddress.redacted(value) if name == discovery.API_SERVER else apiaddress.shown(value)


def _source(found: Setting) -> str:
    return "default of this version" if found.source is Source.DEFAULT else found.source


def _facts(given: DiscoverySettings) -> Iterator[tuple[str, Fact[Setting]]]:
    yield given.generation.strategy_variable, given.strategy
    if given.uses_k8s:
        yield discovery.API_SERVER, given.api_server
        yield discovery.SERVICE_NAME, given.service_name
        yield discovery.NAMESPACE, given.namespace
        yield discovery.ADDRESS_TYPE, given.address_type
        yield discovery.SUFFIX, given.suffix
    if given.uses_dns:
        yield discovery.DNS_NAME, given.dns.name
        yield given.generation.record_type_variable, given.dns.record_type
    if given.generation.is_4x and given.discovers:
        yield given.app_variable, given.sought_part
    if discovery.text(given.strategy) == "static":
        yield discovery.SEEDS, given.seeds
    if not given.generation.is_4x:
        yield roles.ROLE, given.role
    yield from (
        (discovery.NAME, given.name),
        (discovery.HOST, given.host),
        (discovery.NODE_NAME, given.node_name),
        (discovery.LONG_NODE_NAME, given.long_node_name_as_read),
    )


def _of_the_workload(case: Case) -> Iterator[InForce]:
    workload, template = case.workload, case.workload.template
    yield InForce("serviceAccountName", template.service_account or "default", _TEMPLATE)
    yield InForce("dnsPolicy", template.dns_policy, _TEMPLATE)
    yield InForce("minReadySeconds", str(workload.min_ready_seconds), str(workload.ref.kind))
