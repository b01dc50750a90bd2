"""Binds PersistentVolumeClaims: creates a volume for each pending one, since the sandbox has no storage driver.

Apart from the nodes, since a node's rights do not let it create volumes.
"""

import asyncio
import logging
from pathlib import Path

from .api import UNREACHABLE, ApiClient, ApiError, Json
from .backoff import Backoff
from .volumes import Data
from .watch import Listed, follow

logger = logging.getLogger(__name__)

_CONFLICT = 409
_NOT_FOUND = 404
_VOLUMES = "/api/v1/persistentvolumes"


class Provisioner:
    def __init__(self, client: ApiClient, folder: Path, kept: dict[str, Data]) -> None:
        """`folder` is only a name in the volumes' hostPath; the data is in `kept`, by the claim's uid."""
        self._client = client
        self._folder = folder
        self._kept = kept

    async def watch(self) -> None:
        """Follow all claims for ever."""
        async for event in follow(self._client, "/api/v1/persistentvolumeclaims"):
            if isinstance(event, Listed):
                for claim in event.items:
                    await self._see(claim)
            elif event.kind == "DELETED":
                await self._remove(event.item)
            else:
                await self._see(event.item)

    async def _see(self, claim: Json) -> None:
        pending = (claim.get("status") or {}).get("phase", "Pending") == "Pending"
        if pending and not claim["spec"].get("volumeName") and not claim["metadata"].get("deletionTimestamp"):
            await self._insist("POST", _VOLUMES, _volume(claim, self._folder))

    async def _remove(self, claim: Json) -> None:
        uid = claim["metadata"]["uid"]
        self._kept.pop(uid, None)
        await self._insist("DELETE", f"{_VOLUMES}/pvc-{uid}", None)

    async def _insist(self, method: str, path: str, body: Json | None) -> None:
        """Send until the API server has taken it; that it is done already is as good."""
        backoff = Backoff(0.2, 5)
        while True:
            try:
                if method == "DELETE":
                    await self._client.delete(path)
                else:
                    await self._client.create(path, body or {})
            except ApiError as error:
                if error.status not in (_CONFLICT, _NOT_FOUND):
                    logger.warning("%s %s: %s", method, path, error)
            except UNREACHABLE as error:
                logger.warning("%s %s: %s", method, path, error or type(error).__name__)
                await asyncio.sleep(backoff.next())
                continue
            return


def _volume(claim: Json, folder: Path) -> Json:
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "hostPath": {"path": str(folder / name)},
            # the data is no file of this machine: nobody but this module has anything to delete
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": spec.get("storageClassName") or "",
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
    }
