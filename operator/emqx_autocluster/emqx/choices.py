"""Settings that take one of few values: what a value is that is none of them, and which one it stands for.

EMQX does not start with such a value, whatever else is right.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

ADDRESS_TYPES = ("ip", "dns", "hostname")
_MEANT: Mapping[str, str] = {
    "kubernetes": "k8s",
    "kube": "k8s",
    "k8": "k8s",
    "podip": "ip",
    "ipaddress": "ip",
    "host": "hostname",
    "name": "hostname",
}
"""What people write, without what stands between its words."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A value that the variable does not take."""

    variable: str
    given: str
    meant: str | None
    """The value that is likely meant; None: nobody can tell."""
    takes: str
    """What it takes, in words."""


def mistake(variable: str, given: str, choices: Collection[str], *, verbatim: bool) -> Mistake | None:
    """None: it is one of them. `verbatim`: whether spaces and quotes around it count, as they do on 4.x."""
    plain = given if verbatim else given.strip().strip('"')
    if plain in choices:
        return None
    return Mistake(variable, given, _meant(given, choices), f"one of {', '.join(choices)}")


def _meant(given: str, choices: Collection[str]) -> str | None:
    word = "".join(character for character in given.lower() if character.isalnum())
    return (
        word if word in choices else next((m for w, m in _MEANT.items() if w == word and m in choices), None)
    )
