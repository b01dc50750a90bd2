"""How the sandbox talks to people: lines of progress, and errors that are a sentence and no traceback."""

from collections.abc import Callable

Progress = Callable[[str], None]


class SandboxError(Exception):
    """What went wrong, and what to do about it."""
