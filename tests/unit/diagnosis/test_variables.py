"""Variables by their names: those of the other generation of EMQX, and those that no version knows."""

from typing import Any

import pytest

from builders import ENV_FROM_SETTINGS, IN_ROLLOUT, NOT_READ, a_case, judge, members, tells
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, configuration
from emqx_autocluster.emqx.discovery import (
    ADDRESS_TYPE,
    API_SERVER,
    DNS_NAME,
    NAMESPACE,
    SERVICE_NAME,
    SUFFIX,
)
from emqx_autocluster.emqx.generation import DISCOVERY, DISCOVERY_STRATEGY
from emqx_autocluster.observation import WorkloadKind

APART = members("a", "b", "c")
K8S = "EMQX_CLUSTER__K8S__"


def told(case: Case) -> Finding:
    return judge(case, ConditionType.CONFIGURATION_VALID)


def mistaken(image: str = "emqx/emqx:5.8.9", **facts: Any) -> Case:
    """Only the variable of the other generation says k8s."""
    wrong, right = (DISCOVERY_STRATEGY, DISCOVERY) if ":4" in image else (DISCOVERY, DISCOVERY_STRATEGY)
    env = {right: None, wrong: "k8s", **facts.pop("env", {})}
    return a_case(**{"image": image, "members": APART, "env": env, **facts})


# --- of the other generation


@pytest.mark.parametrize(
    ("image", "wrong", "right"),
    [
        ("emqx/emqx:5.8.9", DISCOVERY, DISCOVERY_STRATEGY),
        ("emqx/emqx:5.0.3", DISCOVERY, DISCOVERY_STRATEGY),
        ("emqx/emqx:4.4.19", DISCOVERY_STRATEGY, DISCOVERY),
    ],
)
def test_the_variable_of_the_other_version(image: str, wrong: str, right: str) -> None:
    finding = told(mistaken(image))
    version = image.partition(":")[2]
    tells(
        finding,
        (Status.FALSE, Reason.VARIABLE_OF_OTHER_VERSION),
        f"{wrong} is k8s, and EMQX {version} does not read",
        "its strategy is manual",
        f"set {right}=k8s",
    )
    assert (finding.repairable, finding.sets) == (True, ((right, "k8s"),))
    assert finding.field == f"env/{wrong}"


def test_what_k8s_discovery_needs_besides_is_judged_with_it() -> None:
    case = mistaken(env={NAMESPACE: "default", API_SERVER: "nonsense"})
    assert [f.reason for f in configuration.problems(case)] == [
        Reason.VARIABLE_OF_OTHER_VERSION,
        Reason.NAMESPACE_MISMATCH,
        Reason.API_SERVER_MALFORMED,
    ]
    assert case.uses_k8s


def test_with_names_by_dns_the_right_variable_renames_the_nodes() -> None:
    """The entrypoint makes a name by DNS only where the strategy is k8s: until now they are named by address."""
    finding = told(mistaken(env={ADDRESS_TYPE: "dns", SUFFIX: "pod.cluster.local"}))
    assert (finding.reason, finding.repairable) == (Reason.VARIABLE_OF_OTHER_VERSION, False)


def test_names_that_are_as_they_will_be_stay() -> None:
    wrong: dict[str, str | None] = {DISCOVERY_STRATEGY: None, DISCOVERY: "k8s"}
    case = a_case(kind=WorkloadKind.STATEFUL_SET, env=wrong, members=members("0", "1", "2"))
    assert told(case).repairable


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param(
            {"env": {DISCOVERY: "k8s"}}, Reason.CONFIGURATION_ACCEPTED, id="a leftover beside the right one"
        ),
        pytest.param(
            {"env": {DISCOVERY: "k8s", DISCOVERY_STRATEGY: "manual"}},
            Reason.STRATEGY_UNSUITABLE,
            id="the right one says something else",
        ),
        pytest.param(
            {"env": {DISCOVERY: "etcd", DISCOVERY_STRATEGY: None}},
            Reason.STRATEGY_UNSUITABLE,
            id="the wrong one says another strategy",
        ),
        pytest.param(
            {
                "env": {DISCOVERY: "k8s", DISCOVERY_STRATEGY: None},
                "env_from": ENV_FROM_SETTINGS,
                "config_maps": {"settings": {DISCOVERY_STRATEGY: "k8s"}},
            },
            Reason.CONFIGURATION_ACCEPTED,
            id="the right one is in a ConfigMap",
        ),
        pytest.param(
            {
                "env": {DISCOVERY: "k8s", DISCOVERY_STRATEGY: None},
                "mounts": {"/opt/emqx/etc/emqx.conf": "conf"},
            },
            Reason.SETTING_UNREADABLE,
            id="a file of the user's may say it",
        ),
    ],
)
def test_not_a_mistake_of_the_version(facts: dict[str, Any], reason: Reason) -> None:
    assert told(a_case(**facts)).reason is reason


# --- of no version


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (f"{K8S}API_SERVER", API_SERVER),
        (f"{K8S}SERVICENAME", SERVICE_NAME),
        (f"{K8S}SERVICE", SERVICE_NAME),
        ("EMQX_CLUSTER__K8S_SERVICE_NAME", SERVICE_NAME),
        ("EMQX_CLUSTER_K8S__SERVICE_NAME", SERVICE_NAME),
        ("EMQX_CLUSTER__KUBERNETES__SERVICE_NAME", SERVICE_NAME),
        (f"{K8S}SUFIX", SUFFIX),
        ("EMQX_CLUSTER_K8S_SERVICE_NAME", SERVICE_NAME),
        ("EMQX__CLUSTER__K8S__SUFFIX", SUFFIX),
    ],
)
def test_a_misspelt_variable(name: str, meant: str) -> None:
    finding = told(a_case(env={meant: None, name: "mine"}, members=APART))
    tells(finding, (Status.FALSE, Reason.UNKNOWN_VARIABLE), f"EMQX knows no {name}", f"{meant} may be meant")
    assert (finding.repairable, finding.sets, finding.field) == (False, ((meant, "mine"),), f"env/{name}")


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"env": {f"{K8S}SERVICENAME": "mine"}}, id="the right one is set as well"),
        pytest.param(
            {"env": {SERVICE_NAME: None, f"{K8S}SERVICENAME": "emqx"}}, id="the default says the same"
        ),
        pytest.param({"env": {f"{K8S}COLOUR": "blue"}}, id="like none that EMQX knows"),
        pytest.param({"env": {f"{K8S}APP_NAME": "mine"}}, id="a leftover of 4.x, without effect"),
        pytest.param({"env": {"K8S_NAMESPACE": "mine"}}, id="somebody else's"),
        pytest.param(
            {"env": {SERVICE_NAME: None, f"{K8S}SERVICENAME": "mine"}, "members": members("a b c")},
            id="the members found each other",
        ),
        pytest.param(
            {"env": {SERVICE_NAME: None, f"{K8S}SERVICENAME": "mine"}, **IN_ROLLOUT}, id="during a rollout"
        ),
        pytest.param(
            {
                "env": {SERVICE_NAME: None, f"{K8S}SERVICENAME": "mine"},
                "members": members("a", "b", "c", identity=NOT_READ),
            },
            id="what is in force is not known",
        ),
    ],
)
def test_a_name_that_does_no_harm(facts: dict[str, Any]) -> None:
    found = configuration.problems(a_case(**{"members": APART, **facts}))
    assert Reason.UNKNOWN_VARIABLE not in {f.reason for f in found}


def test_a_misspelt_variable_in_a_config_map() -> None:
    case = a_case(
        env={SERVICE_NAME: None},
        env_from=ENV_FROM_SETTINGS,
        config_maps={"settings": {f"{K8S}SERVICENAME": "mine"}},
        members=APART,
    )
    assert told(case).reason is Reason.UNKNOWN_VARIABLE


def test_what_follows_from_a_misspelt_variable_is_put_right_with_it() -> None:
    """Its own value would be a guess; the namespace that is right is known."""
    case = a_case(env={NAMESPACE: None, f"{K8S}NAME_SPACE": "other"}, members=APART)
    misspelt, mismatch = configuration.problems(case)
    assert [misspelt.reason, mismatch.reason] == [Reason.UNKNOWN_VARIABLE, Reason.NAMESPACE_MISMATCH]
    assert misspelt.repairable
    assert misspelt.sets == mismatch.sets == ((NAMESPACE, "iot"),)


def test_a_password_in_an_address_is_not_told() -> None:
    case = a_case(
        env={SERVICE_NAME: None, f"{K8S}API_SERVERS": "https://u:secret@x", API_SERVER: None}, members=APART
    )
    assert "secret" not in " ".join(f.message for f in configuration.problems(case))


@pytest.mark.parametrize(
    ("image", "name", "meant"),
    [
        ("emqx/emqx:5.8.9", "EMQX_CLUSTER_DISCOVERY_STRATEGY", DISCOVERY_STRATEGY),
        ("emqx/emqx:5.8.9", "EMQX_CLUSTER__DISCOVERY__STRATEGY", DISCOVERY_STRATEGY),
        ("emqx/emqx:4.4.19", "EMQX_CLUSTER_DISCOVERY", DISCOVERY),
    ],
)
def test_a_misspelt_strategy_is_told_with_what_it_misses(image: str, name: str, meant: str) -> None:
    env = {meant: None, name: "k8s", NAMESPACE: None, "EMQX_CLUSTER_K8S_NAMESPACE": "iot"}
    found = configuration.problems(a_case(image=image, env=env, members=APART))
    assert [(f.reason, f.sets) for f in found] == [
        (Reason.UNKNOWN_VARIABLE, ((meant, "k8s"),)),
        (Reason.UNKNOWN_VARIABLE, ((NAMESPACE, "iot"),)),
    ]


def test_a_misspelt_setting_of_dns() -> None:
    env = {DISCOVERY_STRATEGY: "dns", "EMQX_CLUSTER_DNS_NAME": "emqx.iot.svc.cluster.local"}
    finding = told(a_case(env=env, members=APART))
    tells(finding, (Status.FALSE, Reason.UNKNOWN_VARIABLE), f"{DNS_NAME} may be meant")
