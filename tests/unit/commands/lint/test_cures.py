"""The loop closes: whoever applies every cure that lint shows gets a manifest in which lint finds no error."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import GOOD_MANIFEST as GOOD
from emqx_autocluster.api.findings import Level
from emqx_autocluster.commands import documents, faults, manifest
from emqx_autocluster.commands.faults import Judgement
from emqx_autocluster.commands.manifest.inputs import Input
from emqx_autocluster.objects.recorded import ENV

STRATEGY = "EMQX_CLUSTER__DISCOVERY_STRATEGY"
SERVICE, ADDRESS = "EMQX_CLUSTER__K8S__SERVICE_NAME", "EMQX_CLUSTER__K8S__APISERVER"
NAMESPACE, ADDRESS_TYPE = "EMQX_CLUSTER__K8S__NAMESPACE", "EMQX_CLUSTER__K8S__ADDRESS_TYPE"
Break = Callable[[dict[str, Any]], None]


def env(workload: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = workload["spec"]["template"]["spec"]["containers"][0]["env"]
    return entries


def put(workload: dict[str, Any], name: str, value: str | None) -> None:
    entries = [entry for entry in env(workload) if entry["name"] != name]
    env(workload)[:] = entries if value is None else [*entries, {"name": name, "value": value}]


def variable(name: str, *values: str | None) -> st.SearchStrategy[Break]:
    return st.sampled_from(values).map(lambda value: lambda workload: put(workload, name, value))


def template(field: str, value: Any) -> st.SearchStrategy[Break]:
    return st.just(lambda workload: workload["spec"]["template"]["spec"].__setitem__(field, value))


ALIKE = (
    template("dnsPolicy", "Default"),
    template("automountServiceAccountToken", value=False),
    st.just(lambda workload: workload["spec"].__setitem__("minReadySeconds", 0)),
)
"""What breaks workloads of each strategy."""
BREAKS = st.lists(
    st.one_of(
        variable(STRATEGY, "kubernetes", "K8s"),
        variable("EMQX_CLUSTER__DISCOVERY", "k8s"),
        variable(SERVICE, None, "emqx.iot.svc.cluster.local"),
        variable(ADDRESS, None, "kubernetes.default.svc:443", "https://kubernetes.default.svc/", "nonsense"),
        variable(ADDRESS, "http://10.110.111.204:8080"),
        variable(NAMESPACE, None, "lab"),
        variable(ADDRESS_TYPE, None, "pod_ip", "hostname"),
        *ALIKE,
    ),
    max_size=4,
)
DNS_NAME, RECORD_TYPE = "EMQX_CLUSTER__DNS__NAME", "EMQX_CLUSTER__DNS__RECORD_TYPE"
FULL_NAME = "emqx.iot.svc.cluster.local"
BREAKS_OF_DNS = st.lists(
    st.one_of(
        variable(STRATEGY, "DNS", "dns "),
        variable("EMQX_CLUSTER__DNS__TYPE", "srv"),
        variable(
            DNS_NAME,
            None,
            "emqx",
            "emqx.iot.svc",
            "emqx.lab.svc.cluster.local",
            "clients.iot.svc.cluster.local",
        ),
        variable(RECORD_TYPE, None, "a", "SRV", '"srv"'),
        *ALIKE,
    ),
    max_size=4,
)


def by_dns(image: str) -> list[dict[str, Any]]:
    """A StatefulSet as the official chart lays it out, and a Service of other pods beside its own."""
    service, workload = yaml.safe_load_all(GOOD.replace("5.8.9", image).replace("Deployment", "StatefulSet"))
    others = copy.deepcopy(service)
    others["metadata"]["name"], others["spec"]["selector"] = "clients", {"app": "clients"}
    for each in (service, others):
        each["spec"] |= {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "ports": [{"name": "ekka", "port": 4370}],
        }
    workload["spec"]["serviceName"] = "emqx"
    env(workload).clear()
    for name, value in ((STRATEGY, "dns"), (DNS_NAME, FULL_NAME), (RECORD_TYPE, "srv")):
        put(workload, name, value)
    return [service, others, workload]


def judged(bodies: list[dict[str, Any]]) -> Judgement:
    text = yaml.safe_dump_all(bodies)
    seen = manifest.sights(Input(tuple(documents.read("a.yaml", text)), "iot"), datetime.now(UTC), [])
    return faults.together(faults.judge(sight) for sight in seen)


def left(before: Judgement, after: Judgement) -> list[str]:
    """The errors that are left, but for those that had no one right value to be shown."""
    uncured = {fault.finding.reason for fault in before.faults if not fault.cure}
    errors = (f.finding for f in after.faults if f.finding.level is Level.ERROR)
    return [finding.message for finding in errors if finding.reason not in uncured]


def cured(workload: dict[str, Any], found: Judgement) -> dict[str, Any]:
    """With each change that stands below a finding."""
    workload = copy.deepcopy(workload)
    for change in (change for fault in found.faults for change in fault.cure):
        if change.field.startswith(ENV):
            put(workload, change.field.removeprefix(ENV), change.now)
        elif change.field in faults.OF_THE_POD:
            workload["spec"]["template"]["spec"][change.field] = change.now
        else:
            workload["spec"][change.field] = change.now
    return workload


@settings(max_examples=60, deadline=None)
@given(breaks=BREAKS, image=st.sampled_from(["5.8.9", "5.1.0", "5.0.3", "5.8", "5"]))
def test_with_every_cure_applied_no_error_is_left(breaks: list[Break], image: str) -> None:
    service, workload = yaml.safe_load_all(GOOD.replace("5.8.9", image))
    for broken in breaks:
        broken(workload)
    before = judged([service, workload])
    assert left(before, judged([service, cured(workload, before)])) == []


@settings(max_examples=60, deadline=None)
@given(breaks=BREAKS_OF_DNS, image=st.sampled_from(["5.8.9", "5.4.1", "5.0.4", "5.8"]))
def test_the_same_by_dns(breaks: list[Break], image: str) -> None:
    *services, workload = by_dns(image)
    for broken in breaks:
        broken(workload)
    before = judged([*services, workload])
    assert left(before, judged([*services, cured(workload, before)])) == []
