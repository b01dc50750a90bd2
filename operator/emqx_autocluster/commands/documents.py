"""Manifests as text, to the Kubernetes objects in them; each still knows where it stands, down to the line of a field.

YAML and JSON, several documents to a file, lists of objects, and what `helm template` prints.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]
"""From an object to one of its fields: ("spec", "template", "metadata", "labels", "app")."""

_MERGE = "tag:yaml.org,2002:merge"
_WITHOUT_METADATA = frozenset({"Kustomization", "Component"})
"""Kustomize's own files."""
_KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
"""How they are named; they may leave out what kind they are."""
RENDER_FIRST = "; a template of Helm? It has to be rendered: helm template . | emqx-autocluster lint -f -"


_IN_WORDS: Mapping[str, str] = {
    "found unhashable key": "a mapping or a list stands here as the name of a field",
    "found character '\\t' that cannot start any token": "a tab begins here, and YAML indents by spaces alone",
}
"""What the library says, where that means nothing to whoever wrote the file."""
_NO_YAML = (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Also what the library ends in where a value is none of the type that its tag names."""
_IDLE_TABS = re.compile(r"(?<=\S)[ \t]+(?=#|\r?$)", re.MULTILINE)
"""Behind all else on a line, or before a comment, where YAML takes a tab for a space."""
_CORE = "v1"
_CORE_KINDS = frozenset({"ConfigMap", "Endpoints", "Namespace", "Service", "ServiceAccount"})
_HEAVIEST = 32 * 1024 * 1024
_NODE = 8


@dataclass(frozen=True, slots=True)
class Position:
    file: str
    document: int
    """Which one of the file's, from 1."""
    line: int
    path: str
    """As kubectl writes a field: `spec.template.spec.containers[0].image`."""


_LONGEST = 1000
"""Characters of what is told of a mistake: a value in it may be as long as the file."""


class UnreadableError(Exception):
    """What was given is no manifest. str() begins with file and line, where there is one."""

    def __init__(self, why: str, at: Position | None = None) -> None:
        why = why if len(why) <= _LONGEST else f"{why[:_LONGEST]}..."
        super().__init__(f"{at.file}:{at.line}: {why}" if at else why)
        self.why = why
        self.at = at


@dataclass(frozen=True, slots=True)
class Document:
    """One Kubernetes object of a file."""

    file: str
    number: int
    body: Mapping[str, Any]
    node: yaml.Node = field(compare=False, repr=False)
    within: Path = ()
    """Where it stands in its document: empty but for the items of a list."""

    @property
    def kind(self) -> str:
        return str(self.body.get("kind") or "")

    @property
    def group(self) -> str:
        """Group and version of its API."""
        return str(self.body.get("apiVersion") or "")

    @property
    def is_compose(self) -> bool:
        return not self.kind and isinstance(self.body.get("services"), dict)

    @property
    def is_of_no_api(self) -> bool:
        """Whether it is of one of Kubernetes' first kinds, and of a group in which no Kubernetes has that."""
        return self.kind in _CORE_KINDS and self.group not in {"", _CORE}

    @property
    def name(self) -> str:
        return str((self.body.get("metadata") or {}).get("name") or "")

    @property
    def namespace(self) -> str | None:
        return (self.body.get("metadata") or {}).get("namespace") or None

    def position(self, path: Path) -> Position:
        """Of a field, or of the nearest one above it that is there."""
        node, found = self.node, 0
        line = node.start_mark.line
        for step in path:
            inner = _child(node, step)
            if inner is None:
                break
            line, node, found = *inner, found + 1
        return Position(self.file, self.number, line + 1, _shown((*self.within, *path[:found])))


def read(file: str, text: str) -> Iterator[Document]:
    """The objects in order; what is none, such as Helm's values, is passed over. Raises UnreadableError."""
    # A tab cannot stand in a string of JSON, and YAML knows it neither there nor elsewhere.
    plain = text.replace("\t", " ") if text.lstrip()[:1] in {"{", "["} else _IDLE_TABS.sub(_spaces, text)
    try:
        yield from _read(file, yaml.SafeLoader(plain))
    except RecursionError as error:
        raise UnreadableError(
            "not judged, since it is nested too deeply", Position(file, 0, 1, "")
        ) from error
    except _NO_YAML as error:
        raise _unreadable(file, text, error) from error


def _spaces(tabs: re.Match[str]) -> str:
    return " " * len(tabs[0])


def _read(file: str, loader: yaml.SafeLoader) -> Iterator[Document]:
    number = 0
    while loader.check_node() and (node := loader.get_node()):
        number += 1
        _weigh(node, {})
        _check_keys(file, number, node)
        yield from _objects(file, number, node, loader.construct_document(node))


def _weigh(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Characters, once each alias is written out: a few lines of them make more than any memory holds.

    `known`: by the identity of a node; None: it is just being weighed.
    """
    if id(node) not in known:
        known[id(node)] = None
        inner = (_weigh(each, known) for each in _inner(node))
        known[id(node)] = _NODE + sum(inner) + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
    weight = known[id(node)]
    if weight is None:
        raise yaml.MarkedYAMLError(problem="this refers to itself", problem_mark=node.start_mark)
    if weight > _HEAVIEST:
        why = "not judged, since its aliases make it too large"
        raise yaml.MarkedYAMLError(problem=why, problem_mark=node.start_mark)
    return weight


def _inner(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from (each for pair in node.value for each in pair)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _check_keys(file: str, number: int, node: yaml.Node) -> None:
    """Raises UnreadableError where a mapping has a key twice: one of the two would be lost without a word."""
    waiting, known = [node], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in known:
            continue  # an alias
        known.add(id(each))
        if isinstance(each, yaml.SequenceNode):
            waiting += each.value
        elif isinstance(each, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in each.value:
                waiting.append(value)
                line = key.start_mark.line + 1
                if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                    if key.value in first:
                        raise _twice(Position(file, number, line, ""), key.value, first[key.value])
                    first[key.value] = line


def _twice(at: Position, key: str, line: int) -> UnreadableError:
    lost = (
        "is a line with --- missing before it?"
        if key in {"apiVersion", "kind"}
        else "the first would be lost"
    )
    return UnreadableError(
        f"the key {key} stands here again, after line {line}, in the same mapping: {lost}", at
    )


def _objects(file: str, number: int, node: yaml.Node, body: Any, within: Path = ()) -> Iterator[Document]:
    if not isinstance(body, dict):
        return
    if not isinstance(body.get("kind"), str):
        if file.rpartition("/")[2] in _KUSTOMIZATIONS and not within:
            yield Document(file, number, {**body, "kind": "Kustomization"}, node)
        elif isinstance(body.get("services"), dict) and not within:
            yield Document(file, number, body, node)
        return
    items = body.get("items")
    if body["kind"].endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            inner = _child(node, "items")
            inner = _child(inner[1], index) if inner else None
            if inner:
                yield from _objects(file, number, inner[1], _of_list(body, item), (*within, "items", index))
    elif isinstance(body.get("metadata"), dict) or body["kind"] in _WITHOUT_METADATA:
        yield Document(file, number, body, node, within)


def _of_list(listed: Mapping[str, Any], item: Any) -> Any:
    """The API server's own lists say once what all of their items are: a DeploymentList has Deployments."""
    kind = str(listed["kind"]).removesuffix("List")
    if not isinstance(item, dict) or not kind or "kind" in item:
        return item
    return {"apiVersion": listed.get("apiVersion"), "kind": kind, **item}


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    """(line, node) of one field or entry; a field's line is that of its key."""
    if isinstance(node, yaml.MappingNode):
        found = (pair for pair in node.value if pair[0].value == str(step))
        return next(((key.start_mark.line, value) for key, value in found), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None


def _shown(path: Path) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif "." in step or "/" in step:
            text += f"[{step!r}]"
        else:
            text += f".{step}"
    return text.removeprefix(".")


def _unreadable(file: str, text: str, error: Exception) -> UnreadableError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    if isinstance(error, RecursionError):
        problem = "this is nested too deeply"
    problem = _IN_WORDS.get(problem, problem)
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    hint = RENDER_FIRST if mark and "{{" in "".join(lines[max(0, line - 2) : line]) else ""
    return UnreadableError(f"{problem}{hint}", Position(file, 0, line, ""))
