"""Who has the cluster's data: a dashboard user that is made on one member, which hands it on to whom joins.

So who has it, and serves, is of the one island that a rollout must not end.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from sandbox.kubelet.control import Control

Object = dict[str, Any]
DATA = "kept-through-it-all"
ADD = ("emqx_ctl", "admins", "add", DATA, "public")
_ALL = ("emqx", "eval", "mnesia:dirty_all_keys(emqx_admin).")
_CONTAINER = "emqx"
_LOOK = 1.0


@dataclass(slots=True)
class Holders:
    """Asked every second in all members, so not by exec through the API server, which would be busy with it alone."""

    control: Control
    namespace: str
    fewest: int = 99
    """How many members with the data served at a time, at least, since it was watched."""
    least: str = ""
    """What was seen then."""

    async def watch(self) -> None:
        """For ever. A member that cannot be asked, since it joins, does not count."""
        while True:
            having = await self.having()
            if sum(having.values()) < self.fewest:
                self.fewest = sum(having.values())
                self.least = ", ".join(
                    f"{name} {'has' if has else 'lacks'} it" for name, has in having.items()
                )
            await asyncio.sleep(_LOOK)

    async def having(self) -> dict[str, bool]:
        """Of those that serve, by name."""
        names = [pod["pod"] for pod in await self.control.pods(self.namespace) if _serves(pod)]
        found = await asyncio.gather(*map(self.has, names))
        return dict(zip(names, found, strict=True))

    async def on_all(self, count: int) -> bool:
        return list((await self.having()).values()) == [True] * count

    async def has(self, pod: str) -> bool:
        return DATA in await self.run(pod, _ALL)

    async def run(self, pod: str, argv: tuple[str, ...]) -> str:
        """What it printed; nothing where it could not be asked."""
        return await self.control.run(self.namespace, pod, _CONTAINER, argv)


def _serves(pod: Object) -> bool:
    """One that is going still serves, until its EMQX has ended."""
    return any(container["ready"] for container in pod["containers"])
