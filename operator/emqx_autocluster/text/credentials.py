"""Users and passwords within addresses, also where the address is malformed: nobody else may know them."""

import re

_SCHEME = re.compile(r"https?:/*+|[a-z][a-z0-9+.-]{0,15}://", re.IGNORECASE)
_USER = re.compile(r"""(?<![^\s"'()\[\]{}<>,])[^\s"'()\[\]{}<>,:@]++:[^\s"'()\[\]{}<>,@]++@""")
"""`admin:password@` without a scheme before it; `emqx@10.0.0.1` names a node."""


def without_user(address: str) -> str:
    """Without all before the last @ but the scheme: a password may hold what ends a user by the rules."""
    before, at, host = address.rpartition("@")
    if not at:
        return address
    scheme = _SCHEME.match(address.lstrip())
    return f"{scheme[0]}{host}" if scheme and scheme.end() <= len(before) + 1 else host


def without_users(text: str) -> str:
    """The same for each address in a line of text."""
    if "@" not in text:
        return text
    return _USER.sub("", " ".join(_without_user(word) for word in text.split(" ")))


def _without_user(word: str) -> str:
    scheme = _SCHEME.search(word) if "@" in word else None
    return word if scheme is None else word[: scheme.start()] + without_user(word[scheme.start() :])
