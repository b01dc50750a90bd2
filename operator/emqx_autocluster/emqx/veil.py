"""Values that come from a Secret: they are judged as the running process has them, and told as where they stand.

Whoever may read a status, an Event or a log need not be somebody who may read Secrets.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from emqx_autocluster.observation import Container, Identity
from emqx_autocluster.text.credentials import without_user

_SETTINGS = "EMQX_CLUSTER__"
"""What else a process shows of itself is its node's name, which every node that it meets knows."""
_SHORTEST = 4
"""Characters: less is no secret, and stands in any text."""


@dataclass(frozen=True, slots=True)
class Veil:
    """Over the texts about one workload."""

    places: Mapping[str, str] = field(default_factory=dict)
    """By value: where it stands."""

    def over(self, text: str) -> str:
        """The text with each of these values replaced by where it stands."""
        if not any(value in text for value in self.places):
            return text
        longest_first = sorted(self.places, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        return re.sub(pattern, lambda found: f"({self.places[found[0]]})", text)


def drawn(container: Container, identities: Sequence[Identity], public: Iterable[str]) -> Veil:
    """`public`: texts that anybody may see anyway; a value that is part of one is none to be hidden."""
    known = [text for text in public if text]
    places = dict[str, str]()
    for name, place in _places(container, identities):
        for identity in identities:
            value = identity.environ.get(name, "")
            for shown in (value, without_user(value)):
                if len(shown) >= _SHORTEST and not any(shown in text for text in known):
                    places.setdefault(shown, place)
    return Veil(places)


def _places(container: Container, identities: Sequence[Identity]) -> Iterator[tuple[str, str]]:
    given = {entry.name for entry in container.env}
    for entry in container.env:
        reference = (entry.value_from or {}).get("secretKeyRef")
        if reference and entry.name.startswith(_SETTINGS):
            yield entry.name, f"Secret {reference.get('name', '')}, key {reference.get('key', '')}"
    secrets = [source.secret for source in container.env_from if source.secret]
    if secrets:
        shown = {name for identity in identities for name in identity.environ if name.startswith(_SETTINGS)}
        yield from ((name, f"Secret {secrets[-1]}") for name in sorted(shown - given))
