"""`emqx-autocluster explain REASON`."""

import pytest

from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.commands import explain


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained_from_the_page(reason: Reason) -> None:
    text = explain.section(reason)
    assert text.startswith(("`", "No condition")), "the conditions that carry it come first"
    assert "###" not in text
    assert "](#" not in text, "a link to another section leads nowhere on a terminal"


def test_letter_case_does_not_matter() -> None:
    assert explain.section("apiserverunreachable") == explain.section("APIServerUnreachable")


@pytest.mark.parametrize("kind", list(ConditionType))
def test_a_condition_is_explained_with_its_reasons(kind: ConditionType) -> None:
    text = explain.section(kind)
    assert text
    assert "###" not in text


@pytest.mark.parametrize("family", explain.families())
def test_a_family_of_causes_is_a_page_of_its_own(family: str) -> None:
    text = explain.section(family)
    assert "## By hand" in text
    assert not text.startswith("#")
    assert "](" not in text, "a link leads nowhere on a terminal"


def test_a_condition_names_each_of_its_reasons_with_a_sentence() -> None:
    lines = [line for line in explain.section("rbacready").splitlines() if line.startswith("- **")]
    assert "PermissionDenied" in "".join(lines)
    assert all(line.rstrip().endswith((".", ":")) for line in lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("APIServerUnreachabel", "did you mean APIServerUnreachable"),
        ("StaleNodes", "StaleNodesFound"),
        ("x", "see docs/reasons.md"),
    ],
)
def test_an_unknown_reason_leads_to_the_nearest(text: str, words: str) -> None:
    with pytest.raises(explain.UnknownReasonError, match=f'"{text}".*{words}'):
        explain.section(text)


def test_a_command_stays_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    explain.show("MemberHalfJoined")
    shown = capsys.readouterr().out.splitlines()
    assert "  kubectl exec -n <namespace> <pod> -c <container> -- emqx_ctl cluster discovery enable" in shown
