"""EMQX's configuration files as text: what they say, what they do not say for certain, and what is not read at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emqx_autocluster.emqx.configtext import LONGEST, UnreadableError, read_hocon, read_lines
from emqx_autocluster.observation import Unobserved

SHIPPED = """\
## NOTE:
## The EMQX configuration is prioritized (overlayed) in the following order.

node {
  name = "emqx@127.0.0.1"
  cookie = "emqxsecretcookie"   # change it
  data_dir = "data"
}

cluster {
  name = emqxcl
  discovery_strategy = manual
}

// listeners
listeners.tcp.default {
  bind = "0.0.0.0:1883", max_connections = 1024000
}
authorization.sources = [
  {type = file, enable = true, path = "${EMQX_ETC_DIR}/acl.conf"}
]
rule_engine { sql = \"\"\"SELECT * FROM "t/#" WHERE x = '}' \"\"\" }
dashboard { listeners.http { bind = 18083 } }
"""


def test_a_file_as_it_is_shipped() -> None:
    found = read_hocon(SHIPPED)
    assert {key: found[key] for key in ("node.name", "node.cookie", "cluster.discovery_strategy")} == {
        "node.name": "emqx@127.0.0.1",
        "node.cookie": "emqxsecretcookie",
        "cluster.discovery_strategy": "manual",
    }
    assert found["listeners.tcp.default.max_connections"] == "1024000"
    assert found["dashboard.listeners.http.bind"] == "18083"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a.b = k8s", {"a.b": "k8s"}, id="a dotted name"),
        pytest.param("a { b = k8s }", {"a.b": "k8s"}, id="braces"),
        pytest.param("a : { b : k8s }", {"a.b": "k8s"}, id="colons"),
        pytest.param("a = {\n b = 1\n}\n", {"a.b": "1"}, id="an equals sign before the brace"),
        pytest.param("{a {b = 1}}", {"a.b": "1"}, id="the whole in braces, as JSON has it"),
        pytest.param('{"a": {"b": "1"}, "c": 2}', {"a.b": "1", "c": "2"}, id="JSON"),
        pytest.param("a {b=1}\na {c=2}", {"a.b": "1", "a.c": "2"}, id="mappings are merged"),
        pytest.param("a.b = 1\na.b = 2", {"a.b": "2"}, id="the last one counts"),
        pytest.param("a {b=1}\na = 2", {"a": "2"}, id="a value takes a mapping's place"),
        pytest.param("a = 2\na {b=1}", {"a.b": "1"}, id="and the other way round"),
        pytest.param('a."b" = 1', {"a.b": "1"}, id="a quoted name"),
        pytest.param('a = "x\\"y\\u0041\\n"', {"a": 'x"yA\n'}, id="escapes"),
        pytest.param("a = one two # three", {"a": "one two"}, id="words, and a comment"),
        pytest.param('a = "one"  two', {"a": "one  two"}, id="quoted and unquoted side by side"),
        pytest.param('a = "http://b:80/#c"', {"a": "http://b:80/#c"}, id="what is quoted is no comment"),
        pytest.param("a =\n  1", {"a": "1"}, id="the value on the next line"),
        pytest.param("a = [\n  1, # one\n  2\n]", {"a": "[  1,   2 ]"}, id="a list as it stands"),
        pytest.param("", {}, id="nothing"),
        pytest.param("# only\n// comments", {}, id="comments alone"),
    ],
)
def test_hocon(text: str, expected: dict[str, str]) -> None:
    assert read_hocon(text) == expected


@pytest.mark.parametrize("text", ["a = ${b}", "a = x ${?b}", 'a = ${b}"x"', "a += 1"])
def test_what_is_put_together_from_other_settings_is_not_known(text: str) -> None:
    assert isinstance(read_hocon(text)["a"], Unobserved)


def test_the_rest_of_such_a_file_is() -> None:
    assert read_hocon("a = ${b}\nc = 1")["c"] == "1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param('include "/etc/passwd"', "line 1: it includes another file", id="a file"),
        pytest.param('a = 1\ninclude url("http://10.0.0.1/x")', "line 2: it includes", id="an address"),
        pytest.param("a {\n", "a } is missing", id="open"),
        pytest.param("a = 1\n}", "line 2: a } too many", id="closed twice"),
        pytest.param("a = {b = 1", "a } is missing", id="open at the end"),
        pytest.param("a = [1", "ends too early", id="an open list"),
        pytest.param("a", "ends too early", id="a name alone"),
        pytest.param('a = "x', "begins nothing", id="an open quote"),
        pytest.param("a = 1 {", "unexpected {", id="a brace behind a value"),
        pytest.param("a = {" * 40, "nested deeper", id="deep braces"),
        pytest.param("a" + ".a" * 40 + " = 1", "too long", id="a long name"),
        pytest.param(".a = 1", "a name is empty", id="an empty name"),
        pytest.param("a = 1\n" * LONGEST, "longer than", id="too long a file"),
    ],
)
def test_what_is_not_read(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why.replace("{", r"\{")):
        read_hocon(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("cluster.discovery = k8s", {"cluster.discovery": "k8s"}, id="a setting"),
        pytest.param("## a\n#b = 1\n\n  c=2  \n", {"c": "2"}, id="comments, blanks"),
        pytest.param("a = x # why", {"a": "x"}, id="a comment behind it"),
        pytest.param("a = x#y", {"a": "x#y"}, id="a value with a hash"),
        pytest.param("a = https://b:443", {"a": "https://b:443"}, id="an address"),
        pytest.param("a = 1\r\nb = 2\r\n", {"a": "1", "b": "2"}, id="CRLF"),
        pytest.param("a = 1\na = 1", {"a": "1"}, id="twice the same"),
    ],
)
def test_lines_of_4x(text: str, expected: dict[str, str]) -> None:
    assert read_lines(text) == expected


def test_two_values_of_one_name_are_not_known() -> None:
    assert isinstance(read_lines("a = 1\na = 2")["a"], Unobserved)


@pytest.mark.parametrize("text", ["cluster {\n", "a = 1\n" * LONGEST])
def test_lines_that_are_none(text: str) -> None:
    with pytest.raises(UnreadableError):
        read_lines(text)


HOCON_WORDS = st.lists(
    st.sampled_from(
        [
            "a",
            ".",
            "b.c",
            " ",
            "\n",
            "{",
            "}",
            "[",
            "]",
            "=",
            ":",
            ",",
            '"',
            '"""',
            '"x"',
            "#",
            "//",
            "${a}",
            "+=",
            "\\",
        ]
    ),
    max_size=60,
)


@given(HOCON_WORDS)
def test_whatever_stands_there_it_is_read_or_it_is_not(words: list[str]) -> None:
    """No other error comes out, since the text is a tenant's."""
    try:
        found = read_hocon("".join(words))
    except UnreadableError:
        return
    assert all(isinstance(value, str | Unobserved) for value in found.values())


NAMES = st.text("abcxyz_", min_size=1, max_size=8)


@given(
    st.dictionaries(
        st.lists(NAMES, min_size=1, max_size=4).map(tuple), st.text("kz 019:/.-@", max_size=20), max_size=8
    )
)
def test_what_was_written_comes_back(given_: dict[tuple[str, ...], str]) -> None:
    """Of names that are no beginnings of each other, each as nested braces."""
    names = sorted(given_)
    apart = {n: given_[n] for n in names if not any(o != n and n[: len(o)] == o for o in names)}
    lines = (" { ".join(n) + f' = "{value}"' + " }" * (len(n) - 1) for n, value in apart.items())
    assert read_hocon("\n".join(lines)) == {".".join(n): value for n, value in apart.items()}
