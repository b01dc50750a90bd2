"""`emqx-autocluster explain REASON`."""

import pytest

from emqx_autocluster import explain
from emqx_autocluster.findings import Reason


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained_from_the_page(reason: Reason) -> None:
    text = explain.section(reason)
    assert text.startswith(("`", "No condition")), "the conditions that carry it come first"
    assert "###" not in text
    assert "](#" not in text, "a link to another section leads nowhere on a terminal"


def test_letter_case_does_not_matter() -> None:
    assert explain.section("apiserverunreachable") == explain.section("APIServerUnreachable")


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
