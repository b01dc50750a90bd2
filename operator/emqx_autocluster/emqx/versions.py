"""What is known of the version of an EMQX.

Every rule is one of a single version (`generation`). What is known is a range; it is judged as each of the versions in
it at which a rule changes, and only what all of them have in common is certain.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from packaging.version import Version

from emqx_autocluster.emqx.generation import STEPS, Generation

T = TypeVar("T")

_TAG = re.compile(r"^[ev]?([0-9]{1,5})(?:\.([0-9]{1,5})(?:\.([0-9]{1,5})(?:\.[0-9]+)*)?)?(?:[-+].*)?$")
_LAST_MINORS = {4: 4, 5: 10}
"""Of the majors that are complete."""
_OF_ENTERPRISE = {
    Version("5.0.0"): Version("5.0.20"),
    Version("5.0.1"): Version("5.0.20"),
    Version("5.0.2"): Version("5.0.22"),
    Version("5.0.3"): Version("5.0.26"),
    Version("5.0.4"): Version("5.0.26"),
}
"""By its entrypoints: those of 5.0.0 and 5.0.1 are the open-source 5.0.4's, then come 5.0.21's and 5.1.0's."""
_OLDEST, _NEWEST_MAJOR = Version("4.0.0"), 6


@dataclass(frozen=True, slots=True)
class VersionRange:
    """What is known of the version of an EMQX: it is one from `first` on, and before `end`."""

    first: Version
    end: Version | None
    """None: any later one."""
    text: str = ""
    """As it was told: `5.8.9`, or `5.8` for all of 5.8."""
    rules: Version | None = None
    """The open-source version by whose rules it goes; None: by those of its own number."""

    def __str__(self) -> str:
        return self.text or "(version not known)"

    @property
    def exact(self) -> Version | None:
        """None: it may be one of several."""
        return self.first if self.end == _after(self.first) else None

    @property
    def known(self) -> bool:
        """Whether anything is."""
        return bool(self.text)

    @property
    def generations(self) -> tuple[Generation, ...]:
        """One for each set of rules that it may have, the newest first."""
        if self.rules:
            return (Generation(self.rules),)
        inside = [step for step in STEPS if self.first < step and (self.end is None or step < self.end)]
        return tuple(Generation(version) for version in (*reversed(inside), self.first))

    def agree(self, rule: Callable[[Generation], T]) -> T | None:
        """What that rule is for all of them; None: it differs among them."""
        found = {rule(generation) for generation in self.generations}
        return found.pop() if len(found) == 1 else None

    def words(self, some: Collection[Generation]) -> str:
        """The part of it that has the rules of these of its generations: `before 5.1.1`, `5.9.0 and later`."""
        each = tuple(reversed(self.generations))
        ends = (*(generation.version for generation in each[1:]), self.end)
        told: list[str] = []
        begun: Version | None = None
        for generation, end in zip(each, ends, strict=True):
            if generation not in some:
                begun = None
                continue
            if begun is not None:
                told.pop()
            begun = begun or generation.version
            told.append(self._part(begun, end))
        return " and ".join(told)

    def _part(self, first: Version, end: Version | None) -> str:
        if end == self.end:
            return str(self) if first == self.first else f"{first} and later"
        return f"before {end}" if first == self.first else f"{first} and later before {end}"

    def narrowed(self, other: Self) -> Self:
        """By what another source says, where the two fit together."""
        first = max(self.first, other.first)
        ends = [end for end in (self.end, other.end) if end is not None]
        end = min(ends) if ends else None
        if end is not None and first >= end:
            return self
        narrower = other if (first, end) == (other.first, other.end) else self
        return type(self)(first, end, narrower.text)


UNKNOWN_VERSION = VersionRange(_OLDEST, None)


def from_tag(image: str) -> VersionRange | None:
    """What an image's tag names (`5.8.9-elixir`, `e5.9.0`, `5.8`); None: nothing of EMQX's known series."""
    name = image.partition("@")[0].rpartition("/")[2]
    return parse(name.partition(":")[2])


def parse(text: str | None) -> VersionRange | None:
    """A version of EMQX, or the beginning of one: `5.8.9`, `5.8`, `5`; None: it is none of its known series."""
    match = _TAG.match(text or "")
    if match is None:
        return None
    parts = [int(part) for part in match.groups() if part is not None]
    major, minor = parts[0], parts[1] if len(parts) > 1 else 0
    if not _OLDEST.major <= major <= _NEWEST_MAJOR or minor > _LAST_MINORS.get(major, minor):
        return None
    first = Version(".".join(map(str, [*parts, 0, 0][:3])))
    end = Version(".".join(map(str, [*parts[:-1], parts[-1] + 1])))
    return VersionRange(first, end, ".".join(map(str, parts)))


def of_enterprise(version: VersionRange) -> VersionRange:
    """Before 5.1 that edition had numbers of its own, and what later open-source versions had."""
    return replace(version, rules=_OF_ENTERPRISE.get(version.exact)) if version.exact else version


def _after(version: Version) -> Version:
    return Version(f"{version.major}.{version.minor}.{version.micro + 1}")
