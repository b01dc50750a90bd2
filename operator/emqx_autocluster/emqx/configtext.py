"""What EMQX's configuration files say: `key = value` lines of 4.x, and the HOCON of 5.0 and later.

A reader of our own, since such a file is text of a tenant that the operator reads. Of the libraries for HOCON,
pyhocon 0.3.63 fetches what a file includes, also from URLs, and takes 5 s for 80 kB; hocon-parser 1.14.2 takes
exponential time for 500 bytes of substitutions. This one takes time that grows with the length alone, reads no other
file, and says of what it does not know that it does not know it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emqx_autocluster.observation import Fact, Unobserved

LONGEST = 128 * 1024
"""Characters; EMQX's own file with every setting in it has a fifth of that."""
_DEEPEST = 32
_LINE = re.compile(r"\s*(?P<key>[\w.$-]+)\s*=\s*(?P<value>.*?)\s*(?:\s#.*)?$")
_MENTIONED = re.compile(r"^[#\s]*([\w.$-]+)\s*=", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<space>[^\S\n]+)
    |(?P<comment>(?:\#|//)[^\n]*)
    |(?P<text>\"\"\"(?:[^"]|"(?!""))*"{3,}|"(?:[^"\\\n]|\\[^\n])*")
    |(?P<substitution>\$\{[^}\n]*\})
    |(?P<sign>\+=|[{}\[\],:=\n])
    |(?P<word>(?:[^\s"$\{\}\[\],:=+\#/]|/(?!/)|\$(?!\{)|\+(?!=))+)
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

Tree = dict[str, "Tree | Fact[str]"]
"""Nested as in the file; what could not be told is Unobserved at its place."""


class UnreadableError(Exception):
    """The text is no such file, or longer or deeper than is read; str() says why."""


class MalformedError(UnreadableError):
    """EMQX cannot read it either, and does not start."""


def read_lines(text: str) -> Mapping[str, Fact[str]]:
    """Of 4.x: full name of a setting -> its value. Raises UnreadableError."""
    _check_length(text)
    found = dict[str, Fact[str]]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None and line.rstrip().endswith(("{", "}")):
            raise MalformedError(f"line {number} is in HOCON, which EMQX reads from 5.0 on")
        if match is None:
            raise UnreadableError(f"line {number} is no setting")
        key, value = match["key"], match["value"]
        twice = key in found and found[key] != value
        found[key] = Unobserved(f"{key} stands twice in the file") if twice else value
    return found


def mentioned(text: str) -> Iterator[str]:
    """Of 4.x: full names of the settings that have a line in it, also those that are commented out."""
    return (found[1] for found in _MENTIONED.finditer(text))


def read_hocon(text: str) -> Mapping[str, Fact[str]]:
    """Of 5.0 and later: full name, such as `cluster.k8s.namespace` -> its value. Raises UnreadableError."""
    _check_length(text)
    return dict(_flat(_Hocon(text).read(), ""))


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise UnreadableError(f"it is longer than {LONGEST // 1024} KiB")


def _flat(tree: Tree, prefix: str) -> Iterator[tuple[str, Fact[str]]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


class _Hocon:
    """One pass over the tokens; what is open stands on a stack, so that depth costs no recursion."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._ahead: _Token | None = None
        self._line = 1

    def read(self) -> Tree:
        root: Tree = {}
        opened: list[Tree] = []
        inside = root
        braced = self._skip_to_key() is not None and self._is("{")
        if braced:
            self._next()
        while (token := self._skip_to_key()) is not None:
            if token.text == "}" and token.kind == "sign":
                self._next()
                if not opened:
                    if braced and self._skip_to_key() is None:
                        return root
                    raise self._error("a } too many", MalformedError)
                inside = opened.pop()
                continue
            path = self._path()
            if self._is("{"):
                self._next()
                opened.append(inside)
                inside = _branch(inside, path)
                if len(opened) > _DEEPEST:
                    raise self._error(f"nested deeper than {_DEEPEST}")
            else:
                _branch(inside, path[:-1])[path[-1]] = self._value(".".join(path))
        if opened or braced:
            raise self._error("a } is missing", MalformedError)
        return root

    # --- tokens

    def _peek(self) -> _Token | None:
        if self._ahead is None:
            self._ahead = next(self._tokens, None)
        return self._ahead

    def _next(self) -> _Token:
        token = self._peek()
        if token is None:
            raise self._error("it ends too early")
        self._ahead, self._line = None, token.line
        return token

    def _is(self, *signs: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == "sign" and token.text in signs

    def _skip_to_key(self) -> _Token | None:
        while (token := self._peek()) is not None and (token.kind == "space" or self._is("\n", ",")):
            self._next()
        return token

    def _skip_space(self, *signs: str) -> None:
        while (token := self._peek()) is not None and (token.kind == "space" or self._is(*signs)):
            self._next()

    # --- what they make

    def _path(self) -> list[str]:
        """Up to its = or :, or to the { that may stand without one."""
        steps, quoted, text = list[str](), False, ""
        while not self._is("=", ":", "{", "+="):
            token = self._next()
            if token.kind == "space":
                continue
            if token.kind == "word" and token.text == "include" and not steps and not text:
                raise self._error("it includes another file")
            if token.kind == "text":
                text, quoted = text + _unquoted(token.text), True
            elif token.kind == "word":
                first, *rest = token.text.split(".")
                text += first
                for part in rest:
                    steps.append(text)
                    text = part
            else:
                raise self._error(f"unexpected {token.text.strip() or 'end of line'} in a name")
        steps.append(text)
        if (not all(steps) and not quoted) or len(steps) > _DEEPEST:
            raise self._error("a name is empty or too long")
        if not self._is("{"):
            self._adds = self._next().text == "+="
            self._skip_space("\n")
        return steps

    def _value(self, name: str) -> Fact[str]:
        """To the end of the line, or to what ends it earlier."""
        adds, parts, unknown, space = self._adds, list[str](), False, ""
        while not (self._peek() is None or self._is("\n", ",", "}")):
            token = self._next()
            if token.kind == "space":
                space = token.text if parts else ""
                continue
            if token.kind == "sign" and token.text == "[":
                parts.append(self._list())
            elif token.kind == "sign" and token.text in "{]":
                raise self._error(f"unexpected {token.text} in a value")
            else:
                unknown |= token.kind == "substitution"
                parts.append(space + (_unquoted(token.text) if token.kind == "text" else token.text))
            space = ""
        if unknown or adds:
            return Unobserved(f"{name} is put together from other settings")
        return "".join(parts)

    def _list(self) -> str:
        """As it stands, on one line."""
        depth, parts = 1, ["["]
        while depth:
            token = self._next()
            if token.kind == "sign":
                depth += (token.text in "{[") - (token.text in "}]")
            parts.append(" " if token.kind == "space" or token.text == "\n" else token.text)
        return "".join(parts)

    def _error(self, why: str, kind: type[UnreadableError] = UnreadableError) -> UnreadableError:
        return kind(f"line {self._line}: {why}")


def _tokens(text: str) -> Iterator[_Token]:
    line, at = 1, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise UnreadableError(f"line {line}: {text[at]!r} begins nothing that HOCON has")
        kind, said = found.lastgroup or "", found[0]
        if kind != "comment":
            yield _Token(kind, said, line)
        line += said.count("\n")
        at = found.end()


def _branch(tree: Tree, path: list[str]) -> Tree:
    """The mapping at that path; a value that stood there is gone, as HOCON has it."""
    for step in path:
        below = tree.get(step)
        if not isinstance(below, dict):
            below = tree[step] = {}
        tree = below
    return tree


def _unquoted(text: str) -> str:
    if text.startswith('"""'):
        return text[3:-3]
    return _ESCAPE.sub(_escaped, text[1:-1])


def _escaped(found: re.Match[str]) -> str:
    said = found[1]
    return chr(int(said[1:], 16)) if len(said) > 1 else _ESCAPES.get(said, said)
