"""What others wrote is seen and does nothing: no control, no direction, no blank, no order to a pipeline."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emqx_autocluster.text.plain import is_plain, plain, plain_value

TOLD = {
    "plain words stay as they are": ("emqx@10.0.0.1: {inet,[inet],econnrefused}", None),
    "letters of any script stay": ("café Ω 中文 ✓", None),
    "a backslash stays, so that nothing is escaped twice": (r"\x1b", None),
    "an address of IPv6 is no order": ("::ffff:10.0.0.1", None),
    "the loopback of IPv6 is no order": ("::1", None),
    "a comment is no order": ("## [see] below", None),
    "a colour": ("\x1b[31mred", r"\x1b[31mred"),
    "the clipboard, by OSC 52": ("\x1b]52;c;eA==\x07", r"\x1b]52;c;eA==\x07"),
    "a control of the C1 set": ("\x9b2J", r"\x9b2J"),
    "a new line": ("a\nb", r"a\nb"),
    "a carriage return": ("safe\rhidden", r"safe\rhidden"),
    "a tab": ("a\tb", r"a\tb"),
    "the separator of lines": ("a\u2028b", r"a\u2028b"),
    "the separator of paragraphs": ("a\u2029b", r"a\u2029b"),
    "text from right to left": ("a\u202eb", r"a\u202eb"),
    "an isolate": ("a\u2066b", r"a\u2066b"),
    "a space of no width": ("a\u200bb", r"a\u200bb"),
    "a letter that shows nothing": ("a\u3164b", r"a\u3164b"),
    "a selector of variants": ("a\ufe0fb", r"a\ufe0fb"),
    "half of a pair": ("a\ud800b", r"a\ud800b"),
    "an order to Azure's pipelines": ("x ##vso[task.complete]b", r"x #\x23vso[task.complete]b"),
    "an order of the old form": ("x ##[error]b", r"x #\x23[error]b"),
    "an order to GitHub's": ("::error file=a.yaml::b", r"\x3a:error file=a.yaml::b"),
    "an order after spaces": ("  ::stop-commands::x", r"  \x3a:stop-commands::x"),
}


@pytest.mark.parametrize(("given_", "told"), TOLD.values(), ids=TOLD)
def test_told(given_: str, told: str | None) -> None:
    assert plain(given_) == (given_ if told is None else told)


@given(st.text())
def test_nothing_that_acts_or_hides_is_left(text: str) -> None:
    told = plain(text)
    assert told.isprintable()
    assert not {unicodedata.category(c) for c in told} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert plain(told) == told
    assert is_plain(told)


def test_every_text_of_a_document_is_told_plain_also_its_keys() -> None:
    document = {"a\x1b": ["b\n", {"c": ("d\u202e", 1, None, True)}]}
    assert plain_value(document) == {r"a\x1b": [r"b\n", {"c": [r"d\u202e", 1, None, True]}]}
