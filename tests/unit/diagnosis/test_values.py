"""Values that a variable does not take: what is said, what is meant, and by what all else is judged."""

import pytest

from builders import NOT_READ, STRATEGY, a_case, ago, changed, judge, members, tells
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, SERVICE_NAME

OLD_STRATEGY = "EMQX_CLUSTER__DISCOVERY"
_4 = "emqx/emqx:4.4.19"
_5 = "emqx/emqx:5.8.9"


@pytest.mark.parametrize(
    ("image", "variable", "given", "meant"),
    [
        pytest.param(_5, STRATEGY, "kubernetes", "k8s", id="the long name"),
        pytest.param(_5, STRATEGY, "K8s", "k8s", id="in capitals"),
        pytest.param(_5, STRATEGY, "mcast", None, id="one that later versions lost"),
        pytest.param(_4, OLD_STRATEGY, "k8s ", "k8s", id="4.x takes the space as a part of it"),
        pytest.param(_5, ADDRESS_TYPE, "pod_ip", "ip", id="what Kubernetes calls it"),
        pytest.param(_5, ADDRESS_TYPE, "IP", "ip", id="an address type in capitals"),
        pytest.param(_5, SERVICE_NAME, "emqx.iot.svc.cluster.local", "emqx", id="a DNS name for a Service"),
    ],
)
def test_what_is_not_taken_is_told_with_what_is_meant(
    image: str, variable: str, given: str, meant: str | None
) -> None:
    finding = judge(a_case(image=image, env={variable: given}, members=()), ConditionType.CONFIGURATION_VALID)
    tells(finding, (Status.FALSE, Reason.VALUE_NOT_ACCEPTED), variable, f'"{given}"')
    assert finding.sets == (((variable, meant),) if meant else ())
    assert not finding.repairable


@pytest.mark.parametrize(
    ("image", "variable", "given"),
    [
        pytest.param(_5, STRATEGY, "k8s ", id="5.x takes it without the space"),
        pytest.param(_5, STRATEGY, '"k8s"', id="and in quotes"),
        pytest.param("emqx/emqx:5.1.6", STRATEGY, "mcast", id="while it had that"),
        pytest.param(_5, STRATEGY, "singleton", id="since 5.8"),
        pytest.param(_5, ADDRESS_TYPE, "hostname", id="an address type"),
    ],
)
def test_what_is_taken(image: str, variable: str, given: str) -> None:
    case = a_case(image=image, env={variable: given}, members=())
    assert judge(case, ConditionType.CONFIGURATION_VALID).reason is not Reason.VALUE_NOT_ACCEPTED


def test_without_k8s_only_the_strategy_itself_matters() -> None:
    case = a_case(env={STRATEGY: None, SERVICE_NAME: "emqx.iot"}, members=())
    assert judge(case, ConditionType.CONFIGURATION_VALID).reason is Reason.STRATEGY_UNSUITABLE


def test_an_emqx_that_runs_took_its_values() -> None:
    finding = judge(a_case(env={ADDRESS_TYPE: "IP"}), ConditionType.CONFIGURATION_VALID)
    assert finding.reason is Reason.CONFIGURATION_ACCEPTED


def test_one_that_ends_at_once_and_is_started_again_took_nothing() -> None:
    started = changed(members("a"), "a", view=NOT_READ, ready=False, running_since=ago(3))
    finding = judge(a_case(env={ADDRESS_TYPE: "IP"}, members=started), ConditionType.CONFIGURATION_VALID)
    assert finding.reason is Reason.VALUE_NOT_ACCEPTED


def test_the_rest_is_judged_by_what_is_meant() -> None:
    case = a_case(env={STRATEGY: "kubernetes", SERVICE_NAME: "emqx.iot"}, members=())
    assert case.uses_k8s
    assert judge(case, ConditionType.DISCOVERY_READY).reason is not Reason.NOT_APPLICABLE
