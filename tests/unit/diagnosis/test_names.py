"""DNSHealthy: whether the pods resolve the API server's name, and on which rung of DNS it breaks."""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    CANONICAL_HOST,
    CLUSTER_IP,
    IN_A_SECRET,
    IN_ROLLOUT,
    NODE_ONLY_NAME,
    NOT_READ,
    SERVICE_FQDN,
    STRATEGY,
    a_case,
    a_network,
    ago,
    an_answer,
    changed,
    judge,
    members,
    tells,
)
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.observation import DNSAnswer, DNSOutcome

WELL = members("a b c")
LOST = members("a b c", lookups={CANONICAL_HOST: ()})
NODES = f"https://{NODE_ONLY_NAME}:6443"
FAILING = {"dns_policy": "Default", "members": LOST}


def answering(outcome: DNSOutcome) -> dict[str, Any]:
    return {"network": a_network(dns={SERVICE_FQDN: DNSAnswer(SERVICE_FQDN, outcome)})}


def looking_up(host: str, *answers: str) -> dict[str, Any]:
    return {"members": members("a b c", lookups={CANONICAL_HOST: (CLUSTER_IP,), host: answers})}


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"members": LOST},
            Reason.NAME_NOT_FOUND,
            [
                f"getent hosts {CANONICAL_HOST} finds nothing in pod emqx-a",
                "nameserver 10.96.0.10",
                "ClusterIP",
                "kubectl exec -n iot emqx-a -- cat /etc/resolv.conf",
            ],
            id="the pods do not know the Service kubernetes",
        ),
        pytest.param(
            {"members": changed(WELL, "b", lookups={CANONICAL_HOST: ()})},
            Reason.NAME_NOT_FOUND,
            ["in pod emqx-b"],
            id="one pod does not know it",
        ),
        *(
            pytest.param(
                answering(outcome),
                Reason.CLUSTER_DNS_FAILING,
                [f"answers {outcome} for {SERVICE_FQDN}", "k8s-app=kube-dns"],
                id=f"the cluster's DNS answers {outcome}",
            )
            for outcome in DNSOutcome
            if outcome is not DNSOutcome.ANSWER
        ),
    ],
)
def test_what_only_the_user_can_put_right(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    finding = judge(a_case(**facts), ConditionType.DNS_HEALTHY)
    tells(finding, (Status.FALSE, reason), *words)
    assert not finding.repairable


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(
            {"env": {API_SERVER: NODES}, **looking_up(NODE_ONLY_NAME)},
            [NODE_ONLY_NAME, "only nodes know", CANONICAL_HOST],
            id="a name that only nodes know",
        ),
        pytest.param(
            {
                "env": {API_SERVER: NODES},
                **looking_up(NODE_ONLY_NAME),
                "network": a_network(
                    dns={
                        SERVICE_FQDN: an_answer(),
                        f"{NODE_ONLY_NAME}.": DNSAnswer(f"{NODE_ONLY_NAME}.", DNSOutcome.NXDOMAIN),
                    }
                ),
            },
            ["the cluster's DNS answers NXDOMAIN"],
            id="what the cluster's DNS says of that name is told as well",
        ),
    ],
)
def test_a_name_that_only_nodes_know_is_put_right_with_the_address(
    facts: dict[str, Any], words: list[str]
) -> None:
    finding = judge(a_case(**facts), ConditionType.DNS_HEALTHY)
    tells(finding, (Status.FALSE, Reason.NAME_NOT_FOUND), *words)
    assert finding.repairable


@pytest.mark.parametrize(
    ("facts", "repairable", "words"),
    [
        pytest.param(FAILING, True, ["dnsPolicy is Default", "should be ClusterFirst"], id="policy Default"),
        pytest.param(
            {"host_network": True, "members": LOST},
            True,
            ["ClusterFirst with hostNetwork", "should be ClusterFirstWithHostNet"],
            id="hostNetwork without the policy for it",
        ),
        pytest.param(
            {**FAILING, "members": ()},
            True,
            ["should be ClusterFirst"],
            id="no pod runs: the policy alone is judged",
        ),
        pytest.param(
            {**FAILING, "env": {"EMQX_DB": "db.corp.example:5432"}},
            False,
            ["not changed", "does not know db.corp.example"],
            id="the cluster's DNS does not know another name that the pods need",
        ),
        pytest.param(
            {
                **FAILING,
                "env": {"EMQX_DB": "db.corp.example:5432"},
                "network": a_network(
                    dns={
                        SERVICE_FQDN: an_answer(),
                        "db.corp.example.": an_answer("db.corp.example.", "10.9.9.9"),
                    }
                ),
            },
            True,
            [],
            id="the cluster's DNS knows the other name as well",
        ),
    ],
)
def test_a_policy_that_asks_the_nodes_resolver(
    facts: dict[str, Any], words: list[str], *, repairable: bool
) -> None:
    finding = judge(a_case(**facts), ConditionType.DNS_HEALTHY)
    tells(finding, (Status.FALSE, Reason.DNS_POLICY_UNSUITABLE), CANONICAL_HOST, *words)
    assert finding.repairable == repairable


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"members": changed(WELL, "b", lookups={CANONICAL_HOST: NOT_READ})},
            Reason.PROBE_FAILED,
            [f"getent hosts {CANONICAL_HOST}", "emqx-b", NOT_READ.reason],
            id="one pod could not be asked",
        ),
        pytest.param({"members": NOT_READ}, Reason.PROBE_FAILED, [], id="the pods could not be listed"),
        pytest.param(
            {"members": NOT_READ, "dns_policy": "Default"},
            Reason.PROBE_FAILED,
            [],
            id="the pods could not be listed: they may resolve it by any policy",
        ),
        pytest.param(
            {"members": changed(LOST, "c", running_since=ago(30))},
            Reason.NEGATIVE_ANSWER_RECENT,
            [CANONICAL_HOST, "just started"],
            id="a pod that just started",
        ),
        pytest.param(
            {"members": (), "network": a_network(dns={})},
            Reason.INITIALIZING,
            ["no pod runs"],
            id="no pod runs, and the cluster's DNS was not asked",
        ),
        pytest.param(
            {"env": {API_SERVER: NODES}, "members": ()},
            Reason.INITIALIZING,
            [NODE_ONLY_NAME],
            id="no pod runs in which the configured name could be looked up",
        ),
        pytest.param(
            {**FAILING, **IN_ROLLOUT}, Reason.TARGET_PROGRESSING, ["once the rollout is over"], id="a rollout"
        ),
        pytest.param(
            {"env": {STRATEGY: IN_A_SECRET}, "members": members("a b c", identity=NOT_READ)},
            Reason.INITIALIZING,
            ["strategy"],
            id="the strategy is not known",
        ),
        pytest.param({"containers": ()}, Reason.INITIALIZING, [], id="there is no EMQX container"),
    ],
)
def test_what_is_not_known(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    tells(judge(a_case(**facts), ConditionType.DNS_HEALTHY), (Status.UNKNOWN, reason), *words)


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param({}, Reason.NAMES_RESOLVE, [CANONICAL_HOST], id="every pod resolves it"),
        pytest.param(
            {"network": a_network(dns={SERVICE_FQDN: NOT_READ})},
            Reason.NAMES_RESOLVE,
            [],
            id="what the pods resolve counts, also while the operator itself cannot ask",
        ),
        pytest.param(
            {"dns_policy": "Default"},
            Reason.NAMES_RESOLVE,
            [],
            id="policy Default, and the node's resolver knows it",
        ),
        pytest.param(
            {"dns_policy": "None", "dns_config": True},
            Reason.NAMES_RESOLVE,
            [],
            id="a DNS configuration of its own",
        ),
        pytest.param(
            {"env": {API_SERVER: "https://api.corp.example"}, **looking_up("api.corp.example", "10.0.0.10")},
            Reason.NAMES_RESOLVE,
            [CANONICAL_HOST, "api.corp.example"],
            id="the configured name is looked up beside the canonical one",
        ),
        pytest.param(
            {"members": ()}, Reason.NAMES_RESOLVE, [], id="no pod runs, and the cluster's DNS answers"
        ),
        pytest.param(
            {"env": {"EMQX_CLUSTER__DISCOVERY_STRATEGY": "etcd"}, **answering(DNSOutcome.SERVFAIL)},
            Reason.NOT_APPLICABLE,
            ["strategy"],
            id="another strategy needs no name of the API server",
        ),
    ],
)
def test_well(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    tells(judge(a_case(**facts), ConditionType.DNS_HEALTHY), (Status.TRUE, reason), *words)


def test_a_dns_configuration_is_the_users_own_matter() -> None:
    finding = judge(a_case(dns_policy="Default", dns_config=True, members=LOST), ConditionType.DNS_HEALTHY)
    words = (
        "dnsPolicy is Default with a dnsConfig of yours",
        "not changed",
        "searches contain cluster.local",
    )
    tells(finding, (Status.FALSE, Reason.NAME_NOT_FOUND), *words)
    assert not finding.repairable


def test_a_failing_dns_is_told_even_during_a_rollout() -> None:
    case: Case = a_case(**answering(DNSOutcome.SERVFAIL), **IN_ROLLOUT)
    tells(judge(case, ConditionType.DNS_HEALTHY), (Status.FALSE, Reason.CLUSTER_DNS_FAILING))


def test_the_age_that_counts_is_the_containers_not_the_pods() -> None:
    pods = tuple(replace(m, pod=replace(m.pod, created=ago(10))) for m in LOST)
    tells(judge(a_case(members=pods), ConditionType.DNS_HEALTHY), (Status.FALSE, Reason.NAME_NOT_FOUND))
