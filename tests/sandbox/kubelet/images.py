"""Image references: which program an image holds, and whether it can be pulled. EMQX's is imported only if used."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from .container import Program, World
from .idle import Idle
from .scripted import Scripted

logger = logging.getLogger(__name__)

_EMQX = frozenset({"emqx", "emqx-ee", "emqx-enterprise"})
_SCRIPTED = "scripted.example/"
"""The registry whose images answer as their variables say, whatever their name is."""


@dataclass(frozen=True, slots=True)
class Image:
    repository: str
    tag: str

    @staticmethod
    def parse(reference: str) -> "Image":
        name, _, _ = reference.partition("@")
        head, colon, tag = name.rpartition(":")
        if not colon or "/" in tag:  # the colon of a registry's port
            return Image(name, "latest")
        return Image(head, tag)

    @property
    def can_be_pulled(self) -> bool:
        return "no-such-image" not in self.repository

    @property
    def digest(self) -> str:
        """A made-up imageID, the same for the same reference."""
        content = hashlib.sha256(f"{self.repository}:{self.tag}".encode()).hexdigest()
        return f"{self.repository}@sha256:{content}"


class Programs:
    """Starts the program of an image; all stand-ins of one process share one fabric."""

    def __init__(self) -> None:
        self._stand_in: Callable[[World], Program] | None = None

    def start(self, image: Image, world: World) -> Program:
        if image.repository.startswith(_SCRIPTED):
            return Scripted(world)
        if image.repository.rpartition("/")[2] not in _EMQX:
            return Idle(world)
        if self._stand_in is None:
            self._stand_in = _load_stand_in()
        return self._stand_in(world)


def _load_stand_in() -> Callable[[World], Program]:
    try:
        from sandbox import emqx  # noqa: PLC0415 - a sandbox without EMQX pods does not need it
    except ImportError:
        logger.warning("there is no stand-in EMQX: its images run idle", exc_info=True)
        return Idle
    fabric = emqx.Fabric()
    return lambda world: emqx.StandInEMQX(world, fabric)
