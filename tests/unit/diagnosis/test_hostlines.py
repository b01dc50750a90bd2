"""The line of /etc/hosts that the image looks for by address type hostname: without one the container ends."""

from dataclasses import replace
from typing import Any

import pytest

from builders import NOT_READ, STRATEGY, a_case, ago, an_identity, changed, members
from emqx_autocluster.api.findings import Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, configuration
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, HOST, NAMESPACE, SERVICE_NAME, SUFFIX
from emqx_autocluster.observation import Unobserved, WorkloadKind

STATEFUL, DEPLOYMENT = WorkloadKind.STATEFUL_SET, WorkloadKind.DEPLOYMENT
RIGHT = "svc.cluster.local"
ENDS = {Reason.HOST_MISSING, Reason.ADDRESS_TYPE_UNSUITABLE}
CRASHING = tuple(
    replace(m, pod=replace(m.pod, ready=False, running_since=None), view=NOT_READ, node=None)
    for m in members("0 1 2", identity=NOT_READ)
)


def by_hostname(suffix: str | None = RIGHT, **facts: Any) -> Case:
    env = {ADDRESS_TYPE: "hostname", SUFFIX: suffix, **facts.pop("env", {})}
    return a_case(**{"kind": STATEFUL, "members": (), **facts}, env=env)


def told(case: Case) -> list[Finding]:
    return [f for f in configuration.problems(case) if f.reason in ENDS]


@pytest.mark.parametrize("replicas", [3, 1])
@pytest.mark.parametrize(
    ("env", "sets"),
    [
        pytest.param({SUFFIX: "cluster.local"}, {SUFFIX: RIGHT}, id="the domain alone"),
        pytest.param({SUFFIX: "plant.internal"}, {SUFFIX: "svc.plant.internal"}, id="another domain alone"),
        pytest.param({SUFFIX: "pod.plant.internal"}, {SUFFIX: "svc.plant.internal"}, id="the other zone"),
        pytest.param({SUFFIX: f".{RIGHT}"}, {SUFFIX: RIGHT}, id="a dot before it"),
        pytest.param({SUFFIX: f"iot.{RIGHT}"}, {SUFFIX: RIGHT}, id="the namespace in it"),
        pytest.param({SUFFIX: f'"{RIGHT}"'}, {SUFFIX: RIGHT}, id="in quotes, which EMQX does not mind"),
        pytest.param({SUFFIX: f"{RIGHT} "}, {SUFFIX: RIGHT}, id="a space after it, which EMQX does not mind"),
        pytest.param({NAMESPACE: "iot "}, {NAMESPACE: "iot"}, id="a space after the namespace"),
        pytest.param(
            {NAMESPACE: '"iot"', SUFFIX: "cluster.local"}, {NAMESPACE: "iot", SUFFIX: RIGHT}, id="both"
        ),
    ],
)
def test_no_such_line(env: dict[str, str], sets: dict[str, str], replicas: int) -> None:
    case = by_hostname(env=env, replicas=replicas)
    [finding] = told(case)
    assert (finding.reason, dict(finding.sets)) == (Reason.HOST_MISSING, sets)
    words = [*env, "/etc/hosts", "ends at once with an empty log", *(f"{n}={v}" for n, v in sets.items())]
    assert not [word for word in words if word not in finding.message], finding.message
    assert told(by_hostname(env={**env, **sets}, replicas=replicas)) == []


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({}, id="the zone and the domain"),
        pytest.param({SUFFIX: "svc"}, id="the zone alone"),
        pytest.param({SUFFIX: "svc.plant.internal"}, id="a domain that may be the cluster's"),
        pytest.param({SUFFIX: None}, id="no suffix: the image takes the usual one"),
        pytest.param({SUFFIX: "cluster.local", HOST: "emqx.example.com"}, id="EMQX_HOST, which goes before"),
        pytest.param(
            {SUFFIX: "cluster.local", STRATEGY: "dns"}, id="a strategy by which it is not looked for"
        ),
        pytest.param({SUFFIX: "cluster.local", NAMESPACE: None}, id="no namespace: it takes the address"),
        pytest.param({NAMESPACE: "lab"}, id="another namespace, which is told by itself"),
    ],
)
def test_a_line_that_is_there_or_not_looked_for(env: dict[str, str | None]) -> None:
    assert told(by_hostname(env=env)) == []


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"kind": DEPLOYMENT}, Reason.ADDRESS_TYPE_UNSUITABLE, id="a Deployment"),
        pytest.param(
            {"kind": DEPLOYMENT, "replicas": 1}, Reason.ADDRESS_TYPE_UNSUITABLE, id="of one replica"
        ),
        pytest.param(
            {"service_name": "", "replicas": 1},
            Reason.ADDRESS_TYPE_UNSUITABLE,
            id="a StatefulSet without serviceName",
        ),
    ],
)
def test_pods_without_host_names(facts: dict[str, Any], reason: Reason) -> None:
    [finding] = told(by_hostname(**facts))
    assert (finding.reason, finding.sets) == (reason, ((ADDRESS_TYPE, "ip"),))
    assert "ends at once with an empty log" in finding.message


def test_a_subdomain_gives_pods_of_a_deployment_such_a_line() -> None:
    found = told(by_hostname(kind=DEPLOYMENT, subdomain="emqx"))
    assert [finding.message for finding in found if "ends at once" in finding.message] == []


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        pytest.param(
            {"members": members("0 1 2")}, None, id="they run: what the image does is not what is told"
        ),
        pytest.param({"members": CRASHING}, Status.FALSE, id="they do not come through their boot"),
        pytest.param(
            {"members": Unobserved("the command of its own")}, Status.UNKNOWN, id="another command may set it"
        ),
    ],
)
def test_what_the_members_say(facts: dict[str, Any], status: Status | None) -> None:
    found = told(by_hostname("cluster.local", **facts))
    unknown = [
        f for f in configuration.problems(by_hostname("cluster.local", **facts)) if "not certain" in f.message
    ]
    assert [f.status for f in (*found, *unknown)] == ([status] if status else [])


def test_the_clusters_domain_counts_where_the_pods_tell_it() -> None:
    just_begun = changed(CRASHING, "0", identity=an_identity(), running_since=ago(3))
    case = by_hostname("svc.plant.internal", members=just_begun)
    assert [dict(f.sets) for f in told(case)] == [{SUFFIX: RIGHT}]


def test_old_images_look_for_it_by_any_strategy() -> None:
    env = {"EMQX_CLUSTER__DISCOVERY": "static", NAMESPACE: "lab"}
    [finding] = told(by_hostname(image="emqx/emqx:4.3.22", env=env))
    assert dict(finding.sets) == {NAMESPACE: "iot"}


def test_newer_images_have_a_line_in_their_log() -> None:
    [finding] = told(by_hostname("cluster.local", image="emqx/emqx-enterprise:6.2.2"))
    assert "empty log" not in finding.message
    assert SERVICE_NAME not in dict(finding.sets)
