"""Replicants beside their cores, by the manifests of both: whether they look for nodes that there are."""

from typing import Any

import pytest

from builders import NOT_READ, STRATEGY, a_case
from emqx_autocluster.api.findings import Finding, Reason
from emqx_autocluster.diagnosis import Case, pairs
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, DNS_NAME, HOST, NAME, SUFFIX
from emqx_autocluster.emqx.generation import DNS_RECORD_TYPE
from emqx_autocluster.emqx.roles import ROLE
from emqx_autocluster.observation import EnvFrom, EnvVar, Mount, Service, WorkloadKind

POD_IP = EnvVar("POD_IP", None, {"fieldRef": {"fieldPath": "status.podIP"}})
BY_HOST = {ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local"}
BY_DNS = {STRATEGY: "dns", DNS_NAME: "emqx.iot.svc.cluster.local", DNS_RECORD_TYPE: "srv"}
COOKIE = "EMQX_NODE__COOKIE"
COOKIES = {"cookies": {"one": "one-secret", "other": "other-secret"}}
OF_CORES = Service("emqx", {"role": "core"}, headless=True, publish_not_ready=True, ports=("ekka",))
OF_ALL = Service("emqx", {"app": "emqx"}, headless=True, publish_not_ready=True, ports=("ekka",))
CORE, REPLICANT = {"app": "emqx", "role": "core"}, {"app": "emqx", "role": "replicant"}
SAID = {"image": "emqx/emqx-enterprise:5.8.9", "members": (), "endpoints": NOT_READ}


def cores(env: Any = BY_HOST, **facts: Any) -> Case:
    """A StatefulSet of the Service by which it is looked for."""
    known = {**SAID, "service": OF_CORES, "kind": WorkloadKind.STATEFUL_SET, "labels": CORE}
    return a_case(env=env, **{**known, **facts})


def replicants(env: Any = BY_HOST, **facts: Any) -> Case:
    own = {ROLE: "replicant", "POD_IP": POD_IP, HOST: "$(POD_IP)", **env}
    return a_case(env=own, **{**SAID, "service": OF_CORES, "labels": REPLICANT, **facts})


def from_key(key: str) -> dict[str, EnvVar]:
    return {COOKIE: EnvVar(COOKIE, None, {"configMapKeyRef": {"name": "cookies", "key": key}})}


def told(case: Case, *others: Case) -> list[Finding]:
    return list(pairs.problems(case, others))


@pytest.mark.parametrize(
    ("case", "other", "reason", "words"),
    [
        pytest.param(
            replicants({ADDRESS_TYPE: "ip"}),
            cores(),
            Reason.NODE_NAME_MISMATCH,
            "ADDRESS_TYPE=hostname and EMQX_CLUSTER__K8S__SUFFIX=svc.cluster.local",
            id="by address, and cores have host names",
        ),
        pytest.param(
            replicants(),
            cores({ADDRESS_TYPE: "ip"}),
            Reason.NODE_NAME_MISMATCH,
            "ADDRESS_TYPE=ip",
            id="the other way",
        ),
        pytest.param(
            replicants(BY_HOST | {SUFFIX: "svc.plant.internal"}),
            cores(),
            Reason.NODE_NAME_MISMATCH,
            "emqx@<pod>.emqx.iot.svc.plant.internal",
            id="in another domain",
        ),
        pytest.param(
            replicants(BY_DNS | {DNS_RECORD_TYPE: "a"}),
            cores(BY_DNS),
            Reason.NODE_NAME_MISMATCH,
            "EMQX_CLUSTER__DNS__RECORD_TYPE=srv",
            id="A records, and cores have host names",
        ),
        pytest.param(
            replicants(BY_HOST | {NAME: "edge"}),
            cores(),
            Reason.NAME_PART_MISMATCH,
            "edge@...",
            id="another part before the @",
        ),
        pytest.param(
            replicants(BY_HOST | {COOKIE: "one-secret"}),
            cores(BY_HOST | {COOKIE: "other-secret"}),
            Reason.COOKIE_CHANGED,
            "another one than that of statefulset/emqx",
            id="another cookie",
        ),
        pytest.param(
            replicants(),
            cores(BY_HOST | {COOKIE: "other-secret"}),
            Reason.COOKIE_CHANGED,
            "these nodes (EMQX's default: none is set) is another one than that of statefulset/emqx",
            id="none, beside cores with one",
        ),
        pytest.param(
            replicants(BY_HOST | from_key("one"), config_maps=COOKIES),
            cores(BY_HOST | from_key("other"), config_maps=COOKIES),
            Reason.COOKIE_CHANGED,
            "another one than that of statefulset/emqx",
            id="two keys of a ConfigMap",
        ),
        pytest.param(
            replicants(service=Service("emqx", {"role": "replicant"}, headless=True, publish_not_ready=True)),
            cores(),
            Reason.CORES_NOT_LISTED,
            "selects none of statefulset/emqx",
            id="a Service of their own",
        ),
    ],
)
def test_cores_that_are_not_found(case: Case, other: Case, reason: Reason, words: str) -> None:
    [finding] = told(case, other)
    assert finding.reason is reason
    assert words in finding.message
    assert "secret" not in finding.message


@pytest.mark.parametrize(
    ("case", "others"),
    [
        pytest.param(replicants(), [cores()], id="by host name"),
        pytest.param(replicants(BY_DNS), [cores(BY_DNS)], id="strategy dns"),
        pytest.param(
            replicants({ADDRESS_TYPE: "ip"}, service=OF_ALL),
            [cores({ADDRESS_TYPE: "ip"})],
            id="one Service for both roles",
        ),
        pytest.param(replicants(BY_HOST | {COOKIE: "x"}), [cores(BY_HOST | {COOKIE: "x"})], id="one cookie"),
        pytest.param(replicants(BY_HOST | {COOKIE: '"x"'}), [cores(BY_HOST | {COOKIE: "x"})], id="in quotes"),
        pytest.param(
            replicants(), [cores(BY_HOST | {COOKIE: "emqxsecretcookie"})], id="the default written out"
        ),
        pytest.param(
            replicants(BY_HOST | from_key("one"), config_maps=COOKIES),
            [cores(BY_HOST | {COOKIE: "one-secret"})],
            id="of a ConfigMap, and the same",
        ),
        pytest.param(
            replicants(BY_HOST | from_key("one"), config_maps={"cookies": NOT_READ}),
            [cores(BY_HOST | {COOKIE: "other"})],
            id="of a ConfigMap that was not read",
        ),
        pytest.param(
            replicants(env_from=(EnvFrom(secret="all"),)),  # noqa: S106 - its name
            [cores(BY_HOST | {COOKIE: "other"})],
            id="a Secret may have one",
        ),
        pytest.param(
            replicants(image="registry.example.com/broker:5.8.9"),
            [cores(BY_HOST | {COOKIE: "other"})],
            id="an image of one's own may have another default",
        ),
        pytest.param(replicants({ADDRESS_TYPE: "ip"}), [], id="the cores are not in the input"),
        pytest.param(replicants({ADDRESS_TYPE: "ip"}), [replicants()], id="other replicants"),
        pytest.param(replicants(service=NOT_READ), [cores()], id="the Service is not known"),
        pytest.param(cores({ADDRESS_TYPE: "ip"}), [cores()], id="cores look for their own"),
    ],
)
def test_cores_that_may_well_be_found(case: Case, others: list[Case]) -> None:
    assert told(case, *others) == []


def from_secret(key: str) -> dict[str, EnvVar]:
    return {COOKIE: EnvVar(COOKIE, None, {"secretKeyRef": {"name": "emqx", "key": key}})}


@pytest.mark.parametrize(
    ("case", "others", "words"),
    [
        pytest.param(replicants(), [], "none is in the input", id="no cores beside them"),
        pytest.param(replicants(), [replicants()], "none is in the input", id="other replicants alone"),
        pytest.param(
            replicants(BY_HOST | {COOKIE: "x"}),
            [cores(BY_HOST | from_secret("cookie"))],
            "the Erlang cookie of these nodes is that of statefulset/emqx",
            id="a cookie here, and a Secret there",
        ),
        pytest.param(
            replicants(BY_HOST | from_secret("one")),
            [cores(BY_HOST | from_secret("other"))],
            "different places",
            id="two keys of a Secret",
        ),
        pytest.param(
            replicants(env_from=(EnvFrom(secret="all"),)),  # noqa: S106 - its name
            [cores(BY_HOST | {COOKIE: "other"})],
            "different places",
            id="a Secret may have one",
        ),
    ],
)
def test_what_the_input_does_not_tell_is_not_judged(case: Case, others: list[Case], words: str) -> None:
    [gap] = pairs.unjudged(case, others)
    assert words in str(gap)


@pytest.mark.parametrize(
    ("case", "others"),
    [
        pytest.param(replicants(), [cores()], id="none of them has a cookie of its own"),
        pytest.param(
            replicants(BY_HOST | from_secret("one")),
            [cores(BY_HOST | from_secret("one"))],
            id="one key of one Secret",
        ),
        pytest.param(
            replicants(BY_HOST | {COOKIE: "x"}), [cores(BY_HOST | {COOKIE: "y"})], id="two that are known"
        ),
        pytest.param(
            replicants(env_from=(EnvFrom(secret="all"),)),  # noqa: S106 - its name
            [cores(env_from=(EnvFrom(secret="all"),))],  # noqa: S106 - its name
            id="all of one Secret",
        ),
        pytest.param(
            replicants(image="registry.example.com/broker:5.8.9"),
            [
                cores(
                    image="registry.example.com/broker:5.8.9",
                    mounted=(Mount("/opt/emqx/data", "persistentVolumeClaim"),),
                )
            ],
            id="one image, whatever it has, and data on a volume",
        ),
        pytest.param(
            replicants({STRATEGY: "manual"}), [], id="they look for nobody, which is told by itself"
        ),
        pytest.param(cores(), [], id="cores look for their own"),
    ],
)
def test_nothing_is_left_open(case: Case, others: list[Case]) -> None:
    assert list(pairs.unjudged(case, others)) == []
