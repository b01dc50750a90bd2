"""What can break in the middle of a rollout, so that a new member does not join: how it begins, and how it ends."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import Conflict
from emqx_autocluster.clients.kube import Kube
from sandbox.kubelet.control import Control


class Breakage(StrEnum):
    NAMES = "names"
    """The cluster's DNS answers no pod."""
    API = "api"
    """The API server answers no pod."""
    RIGHTS = "rights"
    """The RoleBinding that lets the pods read the Endpoints is deleted."""
    PORT = "port"
    """The new member's port for the cluster is closed, in both directions."""
    UNREADY = "unready"
    """The new member runs, and is never Ready."""
    HALF = "half"
    """The new member loses the one that it joins, with its applications stopped."""
    HANGS = "hangs"
    """The new member hangs in its join: all list it, and it serves nothing."""


_OF_ALL = {Breakage.NAMES: {"dns": "away"}, Breakage.API: {"api": "away"}}
_OF_ONE = {
    Breakage.PORT: {"blocked_ports": "4370"},
    Breakage.UNREADY: {"readiness": "fail"},
    Breakage.HALF: {"join": "fail"},
    Breakage.HANGS: {"join": "hang"},
}


_SLOW_BOOT = "8"


@dataclass(slots=True)
class Broken:
    """One breakage of one workload."""

    breakage: Breakage
    control: Control
    kube: Kube
    namespace: str
    pod: str
    """The new one that it is about."""
    _lost: list[dict[str, Any]] = field(default_factory=list)

    @staticmethod
    async def prepare(breakage: Breakage, control: Control, namespace: str) -> None:
        """Before the new pod is made: with its own breakage from its first moment, else slow enough to meet it."""
        await control.next_pod(namespace, **_OF_ONE.get(breakage, {"boot_seconds": _SLOW_BOOT}))

    async def begin(self) -> None:
        await self._switch(on=True)
        if self.breakage is Breakage.RIGHTS:
            for body in await self.kube.list(paths.rolebindings(self.namespace)):
                await self.kube.delete(paths.rolebindings(self.namespace, body["metadata"]["name"]))
                self._lost.append(body)

    async def end(self) -> None:
        """What the operator has not given back meanwhile a person gives back."""
        await self._switch(on=False)
        for body in self._lost:
            metadata = {key: body["metadata"][key] for key in ("name", "namespace")}
            known = {key: body[key] for key in ("roleRef", "subjects")}
            again = {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
            }
            try:
                await self.kube.create(paths.rolebindings(self.namespace), again | known)
            except Conflict:
                continue

    async def _switch(self, *, on: bool) -> None:
        if self.breakage in _OF_ALL:
            await self.control.namespace(self.namespace, **_set(_OF_ALL[self.breakage], on=on))
        if self.breakage in _OF_ONE:
            await self.control.pod(self.namespace, self.pod, **_set(_OF_ONE[self.breakage], on=on))


def _set(switches: dict[str, str], *, on: bool) -> dict[str, str]:
    return switches if on else dict.fromkeys(switches, "")
