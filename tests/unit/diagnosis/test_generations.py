"""What several versions of EMQX have in common, where the version is not known well enough."""

from dataclasses import replace

from builders import CANONICAL_HOST, a_case, a_network, members, tells
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER

ELSEWHERE = "api.corp.example"


def test_what_all_of_them_say_is_told_as_ever() -> None:
    case = a_case(image="emqx/emqx:5", env={API_SERVER: "nonsense"}, members=())
    found = diagnosis.diagnose(case)[ConditionType.CONFIGURATION_VALID]
    tells(found, (Status.FALSE, Reason.API_SERVER_MALFORMED), "nonsense")


def test_what_only_some_of_them_say_is_not_judged() -> None:
    case = a_case(image="emqx/emqx:5.1", env={API_SERVER: None}, members=())
    found = diagnosis.diagnose(case)[ConditionType.CONFIGURATION_VALID]
    tells(found, (Status.UNKNOWN, Reason.VERSION_UNKNOWN), "APIServerMissing (before 5.1.1)", "tag 5.1")
    told = {problem.reason for problem in diagnosis.problems(case, diagnosis.diagnose(case))}
    assert Reason.API_SERVER_MISSING not in told


def test_for_all_of_them_wrong_is_wrong_whatever_the_reason() -> None:
    case = a_case(
        image="emqx/emqx:5",
        env={API_SERVER: f"https://{ELSEWHERE}:443"},
        network=a_network(api_servers=frozenset({"10.0.0.1"})),
        members=members("a", "b", "c", lookups={CANONICAL_HOST: ("10.96.0.1",), ELSEWHERE: ("10.9.9.9",)}),
    )
    reasons = {
        finding.reason
        for each in case.each()
        for finding in diagnosis.diagnose(replace(each, others=())).values()
        if finding.type is ConditionType.CONFIGURATION_VALID
    }
    assert reasons == {Reason.API_SERVER_NOT_IN_CERTIFICATE, Reason.API_SERVER_FOREIGN}
    found = diagnosis.diagnose(case)[ConditionType.CONFIGURATION_VALID]
    assert (found.status, found.repairable) == (Status.FALSE, True)
    assert found.sets == ((API_SERVER, CANONICAL_API_SERVER),)
    assert "EMQX before 5.5.0: " in found.message
    assert "EMQX 5.5.0 and later: " in found.message
