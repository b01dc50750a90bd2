"""How a container starts: by its image's entrypoint, which names each node after its pod, or by a command."""

from pathlib import PurePath

from emqx_autocluster.observation import Container

_ENTRYPOINT = "docker-entrypoint.sh"
_STARTS = frozenset({"foreground", "console", "start"})
"""What `emqx` is told to run a node."""
_LONGEST = 255
"""Characters of a file's name in Linux."""
DEFAULT_NAME = "emqx@127.0.0.1"
"""What a node is called that nobody names: by the emqx.conf of every version."""


def runs_entrypoint(container: Container) -> bool:
    """Also where a command does just that; what a shell does before it is not known."""
    return not container.command or PurePath(container.command[0]).name == _ENTRYPOINT


def starts_emqx_itself(container: Container) -> bool:
    """Whether it does what the entrypoint does last, and nothing of what that does before."""
    words = (*container.command, *container.args)
    return bool(container.command) and _is_a_start(words)


def is_as_in_the_image(container: Container) -> bool:
    by_default = not container.command and not container.args
    return by_default or (
        runs_entrypoint(container) and _is_a_start((*container.command[1:], *container.args))
    )


def shown(container: Container) -> str:
    """What it starts in place of the entrypoint: the file's name, which is all that matters of it."""
    return PurePath(container.command[0]).name[:_LONGEST]


def _is_a_start(words: tuple[str, ...]) -> bool:
    return len(words) > 1 and PurePath(words[0]).name == "emqx" and words[1] in _STARTS
