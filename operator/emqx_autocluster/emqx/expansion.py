"""What Kubernetes makes of the `$(NAME)` in a variable's value, from the manifest alone.

A reference means what NAME had become before it: by `envFrom`, or by an entry above. One that nothing has defined by
then stays as it stands, and `$$(NAME)` asks for just that.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from emqx_autocluster.observation import Container, EnvVar, Fact, Unobserved

_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*+"
_REFERENCE = re.compile(rf"\$\(({_NAME})\)")
_DOLLAR = re.compile(rf"\$\$(?:\((?P<escaped>{_NAME})\))?|\$\((?P<name>{_NAME})\)")
"""`$$` is how Kubernetes spells a dollar that begins no reference."""
LONGEST = 4096
"""Characters of a value once its references are expanded: a name or an address is far shorter."""
_PER_POD = {
    "metadata.name",
    "metadata.uid",
    "metadata.labels['statefulset.kubernetes.io/pod-name']",
    "metadata.labels['apps.kubernetes.io/pod-index']",
    "status.podIP",
    "status.podIPs",
    "status.hostIP",
    "status.hostIPs",
    "spec.nodeName",
}
"""Field paths."""

Texts = Mapping[str, Fact[str | None]]
"""What variables become; None: not to be told from the manifest alone."""


class Loss(StrEnum):
    """Why a reference stays as it stands."""

    AFTER = auto()
    NOWHERE = auto()
    ESCAPED = auto()


@dataclass(frozen=True, slots=True)
class Lost:
    """A reference that stays as it stands."""

    name: str
    why: Loss


def text_in_pods(container: Container, name: str, defined: Texts | None = None) -> Fact[str | None]:
    """With `$(NAME)` left where each pod has another text, and NAME alone where it is the same text everywhere.

    None: not in `env`, or not to be told from it alone. `defined`: what `envFrom` does.
    """
    return _texts(container, defined or {}, lambda lost: lost).get(name)


def literal(container: Container, name: str, defined: Texts) -> str | None:
    """As the pods have it, lost references and all; None: not known."""
    found = _texts(container, defined, lambda lost: f"$({lost})").get(name)
    return None if isinstance(found, Unobserved) else found


def meant(container: Container, name: str, defined: Texts) -> str | None:
    """The text if no reference were lost; None: not known, or another one in each pod."""
    known = _texts(container, defined, lambda lost: f"$({lost})")
    found = _texts(container, defined, known.get).get(name)
    return found if isinstance(found, str) and not differs_between_pods(found) else None


def unexpanded(text: str) -> str:
    """Text of a ConfigMap, in which Kubernetes expands nothing, as `text_in_pods` has what is the same everywhere."""
    return _REFERENCE.sub(r"\1", text)


def references(text: str) -> tuple[str, ...]:
    """The names in it that stand as `$(NAME)`."""
    return tuple(_REFERENCE.findall(text))


def lost_reference(container: Container, name: str, defined: Texts | None = None) -> Lost | None:
    """The first in it, or in what it is made of, that nothing defines before it; None: there is none."""
    lost: dict[str, Lost | None] = dict.fromkeys(defined or {})
    for entry in container.env:
        lost[entry.name] = next(_lost_in(container, entry, lost), None)
    return lost.get(name)


def differs_between_pods(text: str) -> bool:
    """Whether what `text_in_pods` gave is another text in each pod."""
    return _REFERENCE.search(text) is not None


def _lost_in(container: Container, entry: EnvVar, earlier: Mapping[str, Lost | None]) -> Iterator[Lost]:
    for found in _DOLLAR.finditer(entry.value or ""):
        name, escaped = found["name"], found["escaped"]
        if escaped:
            yield Lost(escaped, Loss.ESCAPED)
        elif name and name not in earlier:
            yield Lost(name, Loss.NOWHERE if container.last_env(name) is None else Loss.AFTER)
        elif name and (of_that := earlier[name]):
            yield of_that


def _texts(
    container: Container, defined: Texts, left: Callable[[str], Fact[str | None]]
) -> dict[str, Fact[str | None]]:
    """`left`: what becomes of a lost reference."""
    texts = dict(defined)
    for entry in container.env:
        texts[entry.name] = _text(entry, texts, left)
    return texts


def _text(entry: EnvVar, earlier: Texts, left: Callable[[str], Fact[str | None]]) -> Fact[str | None]:
    if entry.value is None:
        return f"$({entry.name})" if _is_per_pod(entry) else None
    parts, end, length = list[str](), 0, len(entry.value)
    for found in _DOLLAR.finditer(entry.value):
        became = _became(found["name"], found["escaped"], earlier, left)
        if became is None or isinstance(became, Unobserved):
            return became
        length += len(became) - len(found[0])
        if length > LONGEST:
            break
        parts += (entry.value[end : found.start()], became)
        end = found.end()
    if length > LONGEST:
        return Unobserved(f"not judged: {entry.name} has more than {LONGEST} characters")
    return "".join((*parts, entry.value[end:]))


def _became(
    name: str | None, escaped: str | None, earlier: Texts, left: Callable[[str], Fact[str | None]]
) -> Fact[str | None]:
    if name is None:
        return left(escaped) if escaped else "$"
    return earlier[name] if name in earlier else left(name)


def _is_per_pod(entry: EnvVar) -> bool:
    path: str = ((entry.value_from or {}).get("fieldRef") or {}).get("fieldPath", "")
    return path in _PER_POD
