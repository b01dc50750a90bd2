"""Manifests as text, to the Kubernetes objects in them; each still knows where it stands, down to the line of a field.

YAML and JSON, several documents to a file, lists of objects, and what `helm template` prints.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]
"""From an object to one of its fields: ("spec", "template", "metadata", "labels", "app")."""

_RENDER_FIRST = "; a template of Helm? It has to be rendered: helm template . | emqx-autocluster lint -f -"


class UnreadableError(Exception):
    """What was given is no manifest; str() begins with file and line."""


@dataclass(frozen=True, slots=True)
class Position:
    file: str
    document: int
    """Which one of the file's, from 1."""
    line: int
    path: str
    """As kubectl writes a field: `spec.template.spec.containers[0].image`."""


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
    plain = text.replace("\t", " ") if text.lstrip()[:1] in {"{", "["} else text
    try:
        yield from _read(file, yaml.SafeLoader(plain))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableError(_why(file, text, error)) from error


def _read(file: str, loader: yaml.SafeLoader) -> Iterator[Document]:
    number = 0
    while loader.check_node() and (node := loader.get_node()):
        number += 1
        yield from _objects(file, number, node, loader.construct_document(node))


def _objects(file: str, number: int, node: yaml.Node, body: Any, within: Path = ()) -> Iterator[Document]:
    if not isinstance(body, dict) or not isinstance(body.get("kind"), str):
        return
    items = body.get("items")
    if body["kind"].endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            inner = _child(node, "items")
            inner = _child(inner[1], index) if inner else None
            if inner:
                yield from _objects(file, number, inner[1], item, (*within, "items", index))
    elif isinstance(body.get("metadata"), dict):
        yield Document(file, number, body, node, within)


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    """(line, node) of one field or entry; a field's line is that of its key."""
    if isinstance(node, yaml.MappingNode):
        # Of a key that is written twice the last counts.
        found = (pair for pair in reversed(node.value) if pair[0].value == str(step))
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


def _why(file: str, text: str, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    hint = _RENDER_FIRST if mark and "{{" in "".join(lines[max(0, line - 2) : line]) else ""
    return f"{file}:{line}: {problem}{hint}"
