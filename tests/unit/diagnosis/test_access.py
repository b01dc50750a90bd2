"""RBACReady: whether the pods' ServiceAccount may read the one Endpoints object, and who can give it that right."""

from typing import Any

import pytest

from builders import (
    DEAD_PROXY,
    IN_A_SECRET,
    NOT_READ,
    STRATEGY,
    a_case,
    an_object,
    judge,
    members,
    some_rights,
    tells,
)
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.observation import DiscoveryError, DiscoveryTrace, ManagedObject

APART = members("a", "b", "c")


def having(*, account: str = "emqx", **rights: Any) -> Case:
    known = {"service_account": an_object(account), **rights}
    return a_case(service_account=account, rights=some_rights(**known))


def denied(**facts: Any) -> Case:
    return having(allowed=False, **facts)


def the_default_account(**annotations: str) -> ManagedObject:
    return an_object("default", metadata={"annotations": annotations})


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            denied(),
            Reason.PERMISSION_DENIED,
            ["ServiceAccount emqx may not get endpoints/emqx in namespace iot", "Role", "RoleBinding"],
            id="a ServiceAccount of their own without the right",
        ),
        pytest.param(
            denied(account="default"),
            Reason.PERMISSION_DENIED,
            ["ServiceAccount default may not get"],
            id="the default ServiceAccount",
        ),
        pytest.param(
            denied(
                role=an_object("emqx-discovery", ours=True),
                role_binding=an_object("emqx-discovery", ours=True),
            ),
            Reason.PERMISSION_DENIED,
            [],
            id="our own Role is there and does not help: it drifted",
        ),
        pytest.param(
            a_case(
                rights=some_rights(service_account=None, allowed=False),
                spec={"repair": {"createServiceAccount": True}},
            ),
            Reason.SERVICE_ACCOUNT_MISSING,
            ["emqx, which does not exist", "no new pod", "kubectl create serviceaccount -n iot emqx"],
            id="the ServiceAccount is missing",
        ),
        pytest.param(
            a_case(automount_token=False),
            Reason.TOKEN_NOT_MOUNTED,
            [
                "automountServiceAccountToken is false in the pod template",
                "set it to true in the pod template",
            ],
            id="no token: the template says so",
        ),
        pytest.param(
            having(service_account=an_object("emqx", automountServiceAccountToken=False)),
            Reason.TOKEN_NOT_MOUNTED,
            ["automountServiceAccountToken is false in ServiceAccount emqx"],
            id="no token: the ServiceAccount says so",
        ),
    ],
)
def test_what_repair_can_give(case: Case, reason: Reason, words: list[str]) -> None:
    finding = judge(case, ConditionType.RBAC_READY)
    tells(finding, (Status.FALSE, reason), *words)
    assert finding.repairable


@pytest.mark.parametrize(
    ("named", "repairable"), [("emqx", False), ("admin", False), ("emqx-discovery", True)]
)
def test_of_missing_accounts_only_our_own_is_made_unless_the_resource_says_so(
    named: str, *, repairable: bool
) -> None:
    rights = some_rights(service_account=None, allowed=False)
    finding = judge(a_case(service_account=named, rights=rights), ConditionType.RBAC_READY)
    tells(finding, (Status.FALSE, Reason.SERVICE_ACCOUNT_MISSING), "kubectl get rolebindings -n iot -o wide")
    assert finding.repairable == repairable
    assert ("spec.repair.createServiceAccount lets Repair create it" in finding.message) != repairable


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            denied(role=an_object("emqx-discovery")),
            Reason.FOREIGN_OBJECT,
            ["Role emqx-discovery", "not ours", "app.kubernetes.io/managed-by", "left alone"],
            id="somebody else's Role has our name",
        ),
        pytest.param(
            denied(role_binding=an_object("emqx-discovery")),
            Reason.FOREIGN_OBJECT,
            ["RoleBinding emqx-discovery"],
            id="somebody else's RoleBinding has our name",
        ),
        pytest.param(
            denied(account="default", dedicated_account=an_object("emqx-discovery")),
            Reason.FOREIGN_OBJECT,
            ["ServiceAccount emqx-discovery"],
            id="somebody else's ServiceAccount has our name",
        ),
        pytest.param(
            denied(account="default", other_bindings=("backup", "metrics")),
            Reason.PERMISSION_DENIED,
            ["default has other rights", "backup, metrics", "create a ServiceAccount"],
            id="default has other rights that the pods may need",
        ),
        pytest.param(
            denied(account="default", other_bindings=NOT_READ),
            Reason.PERMISSION_DENIED,
            ["which other rights default has is not known", NOT_READ.reason],
            id="which other rights default has could not be read",
        ),
        *(
            pytest.param(
                denied(account="default", **{fact: NOT_READ}),
                Reason.PERMISSION_DENIED,
                [f"whether a {kind} of ours is there is not known", NOT_READ.reason],
                id=f"whether there is a {kind} could not be read",
            )
            for fact, kind in (
                ("role", "Role"),
                ("role_binding", "RoleBinding"),
                ("dedicated_account", "ServiceAccount"),
            )
        ),
        *(
            pytest.param(
                denied(account="default", service_account=the_default_account(**{mark: "x"})),
                Reason.PERMISSION_DENIED,
                [f"cloud identity {mark}"],
                id=f"default is known to a cloud by {mark}",
            )
            for mark in (
                "eks.amazonaws.com/role-arn",
                "iam.gke.io/gcp-service-account",
                "azure.workload.identity/client-id",
            )
        ),
    ],
)
def test_what_is_not_the_operators_to_give(case: Case, reason: Reason, words: list[str]) -> None:
    finding = judge(case, ConditionType.RBAC_READY)
    tells(finding, (Status.FALSE, reason), *words)
    assert not finding.repairable


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            having(allowed=NOT_READ),
            Reason.REVIEW_FAILED,
            ["LocalSubjectAccessReview", NOT_READ.reason],
            id="the authorizer did not answer",
        ),
        pytest.param(
            having(service_account=NOT_READ),
            Reason.REVIEW_FAILED,
            ["ServiceAccount emqx", NOT_READ.reason],
            id="the ServiceAccount could not be read",
        ),
        pytest.param(
            a_case(rights=None), Reason.REVIEW_FAILED, ["Service"], id="nobody knows for which Service"
        ),
        pytest.param(
            a_case(env={STRATEGY: IN_A_SECRET}, members=members("a b c", identity=NOT_READ)),
            Reason.INITIALIZING,
            ["strategy"],
            id="the strategy is not known",
        ),
        pytest.param(a_case(containers=()), Reason.INITIALIZING, [], id="there is no EMQX container"),
    ],
)
def test_what_is_not_known(case: Case, reason: Reason, words: list[str]) -> None:
    tells(judge(case, ConditionType.RBAC_READY), (Status.UNKNOWN, reason), *words)


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            a_case(),
            Reason.ACCESS_GRANTED,
            ["ServiceAccount emqx may get endpoints/emqx in namespace iot"],
            id="the authorizer says yes",
        ),
        pytest.param(
            having(role=an_object("emqx-discovery"), role_binding=an_object("emqx-discovery")),
            Reason.ACCESS_GRANTED,
            [],
            id="rights that somebody else gave count",
        ),
        pytest.param(
            a_case(automount_token=False, projects_token=True),
            Reason.ACCESS_GRANTED,
            [],
            id="a projected token counts as mounted",
        ),
        pytest.param(
            a_case(
                automount_token=True,
                rights=some_rights(service_account=an_object("emqx", automountServiceAccountToken=False)),
            ),
            Reason.ACCESS_GRANTED,
            [],
            id="the template's word beats the ServiceAccount's",
        ),
        pytest.param(
            a_case(env={"EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns"}, rights=some_rights(allowed=False)),
            Reason.NOT_APPLICABLE,
            ["strategy k8s"],
            id="another strategy asks nobody",
        ),
        pytest.param(
            a_case(env={API_SERVER: DEAD_PROXY}, rights=some_rights(allowed=False)),
            Reason.NOT_APPLICABLE,
            ["plain-http proxy"],
            id="a proxy that works asks with rights of its own",
        ),
    ],
)
def test_well(case: Case, reason: Reason, words: list[str]) -> None:
    tells(judge(case, ConditionType.RBAC_READY), (Status.TRUE, reason), *words)


def test_a_proxy_that_will_be_replaced_does_not_hide_missing_rights() -> None:
    case = a_case(env={API_SERVER: DEAD_PROXY}, members=APART, rights=some_rights(allowed=False))
    tells(judge(case, ConditionType.RBAC_READY), (Status.FALSE, Reason.PERMISSION_DENIED))


# --- the token's audience

REFUSED = DiscoveryTrace(DiscoveryError.UNAUTHORIZED, "Discovery error: {401,...}")


def with_audience(audience: str | None, **facts: Any) -> Case:
    return a_case(**{"projects_token": True, "token_audience": audience, "members": APART, **facts})


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(with_audience("vault"), id="a word that is no issuer"),
        pytest.param(
            with_audience("https://vault.example", members=members("a", "b", "c", discovery_trace=REFUSED)),
            id="a URL, and a member's log tells that it was refused",
        ),
        pytest.param(with_audience("vault", members=()), id="before any member runs"),
    ],
)
def test_a_token_for_somebody_else(case: Case) -> None:
    finding = judge(case, ConditionType.RBAC_READY)
    tells(finding, (Status.FALSE, Reason.TOKEN_AUDIENCE_WRONG), "audience", "401", "likely")
    assert not finding.repairable


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(with_audience(None), id="the API server's own"),
        pytest.param(with_audience("https://kubernetes.default.svc"), id="the usual issuer"),
        pytest.param(with_audience("https://kubernetes.default.svc.cluster.local"), id="the full name"),
        pytest.param(with_audience("https://oidc.cloud.example/id/7"), id="a cloud's issuer"),
        pytest.param(with_audience("vault", members=members("a b c")), id="they found each other by it"),
        pytest.param(with_audience("vault", members=NOT_READ), id="whether any runs is not known"),
    ],
)
def test_a_token_that_may_be_for_the_api_server(case: Case) -> None:
    assert judge(case, ConditionType.RBAC_READY).reason is Reason.ACCESS_GRANTED


def test_the_words_of_a_member_that_was_refused_are_quoted_once() -> None:
    case = with_audience("vault", members=members("a", "b", "c", discovery_trace=REFUSED))
    assert judge(case, ConditionType.RBAC_READY).message.count(f"its log: {REFUSED.line}") == 1


def test_missing_rights_come_before_a_wrong_audience() -> None:
    case = with_audience("vault", rights=some_rights(allowed=False))
    assert judge(case, ConditionType.RBAC_READY).reason is Reason.PERMISSION_DENIED


def test_another_account_that_has_the_right_is_the_cure() -> None:
    finding = judge(denied(account="default", fitting_account="emqx"), ConditionType.RBAC_READY)
    words = ("ServiceAccount default may not get", "set serviceAccountName: emqx in the pod template")
    tells(finding, (Status.FALSE, Reason.PERMISSION_DENIED), *words)
    assert not finding.repairable
