"""The volumes of one pod: files of ConfigMaps, Secrets and tokens, and dicts where a program keeps its data."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from .api import Json
from .environment import Kind, PodFields
from .sources import Sources

Files = dict[str, bytes]
Data = dict[str, object]
_ROTATE_AFTER = 0.8
"""Share of a token's life after which a kubelet fetches the next one."""

_ROTATE_AT_LATEST = timedelta(hours=24)


class MountError(Exception):
    """A volume cannot be mounted yet; the pod stays in ContainerCreating."""


class PodVolumes:
    def __init__(self, pod: Json, fields: PodFields, sources: Sources, kept: dict[str, Data]) -> None:
        """`kept` holds the data of claims and host paths, which outlive the pod."""
        self._pod = pod
        self._fields = fields
        self._sources = sources
        self._kept = kept
        self._files: dict[str, Files] = {}
        self._data: dict[str, Data] = {}
        self.rotate_at: datetime | None = None

    async def mount(self) -> None:
        """Mount all volumes; raises MountError or ApiError, and may then be called again."""
        for volume in self._pod["spec"].get("volumes") or ():
            content = await self._content(volume)
            if content is not None:
                self._files[volume["name"]] = content
            else:
                self._data[volume["name"]] = await self._directory(volume)

    async def rotate(self) -> None:
        """Fetch the tokens again."""
        self.rotate_at = None
        for volume in self._pod["spec"].get("volumes") or ():
            if "projected" in volume:
                self._files[volume["name"]] = await self._projected(volume["projected"])

    def files(self, container: Json) -> Files:
        """Give path -> content for what is mounted into the container."""
        found: Files = {}
        for mount in container.get("volumeMounts") or ():
            content = self._files.get(mount["name"])
            if content is None:
                continue
            sub, base = mount.get("subPath"), PurePosixPath(mount["mountPath"])
            if sub in content:
                found[str(base)] = content[sub]
            else:
                found |= {str(base / name): data for name, data in content.items()}
        return found

    def directories(self, container: Json) -> dict[str, object]:
        """Give mount path -> the volume's dict; a subPath is a dict within it."""
        found: dict[str, object] = {}
        for mount in container.get("volumeMounts") or ():
            data = self._data.get(mount["name"])
            if data is not None:
                sub = mount.get("subPath")
                found[mount["mountPath"]] = data.setdefault(f"subPath:{sub}", {}) if sub else data
        return found

    async def _content(self, volume: Json) -> Files | None:
        """Give the files of a volume that has some, None for one that holds data."""
        if "projected" in volume:
            return await self._projected(volume["projected"])
        if "downwardAPI" in volume:
            return self._downward(volume["downwardAPI"])
        if "configMap" in volume:
            return await self._items("configmap", volume["configMap"]["name"], volume["configMap"])
        if "secret" in volume:
            return await self._items("secret", volume["secret"]["secretName"], volume["secret"])
        return None

    async def _projected(self, projected: Json) -> Files:
        files: Files = {}
        for source in projected.get("sources") or ():
            if "serviceAccountToken" in source:
                files[source["serviceAccountToken"]["path"]] = await self._token(
                    source["serviceAccountToken"]
                )
            elif "downwardAPI" in source:
                files |= self._downward(source["downwardAPI"])
            elif "configMap" in source:
                files |= await self._items("configmap", source["configMap"]["name"], source["configMap"])
            elif "secret" in source:
                files |= await self._items("secret", source["secret"]["name"], source["secret"])
        return files

    async def _token(self, projection: Json) -> bytes:
        now = datetime.now(UTC)
        token = await self._sources.token(self._pod, projection)
        due = now + min((token.expires - now) * _ROTATE_AFTER, _ROTATE_AT_LATEST)
        self.rotate_at = min(due, self.rotate_at or due)
        return token.value

    async def _items(self, kind: Kind, name: str, reference: Json) -> Files:
        data = await self._sources.data(kind, self._pod["metadata"]["namespace"], name)
        if data is None:
            if reference.get("optional"):
                return {}
            raise MountError(f'{kind} "{name}" not found')
        items = reference.get("items")
        if not items:
            return dict(data)
        return {item["path"]: data[item["key"]] for item in items if item["key"] in data}

    def _downward(self, source: Json) -> Files:
        return {
            item["path"]: self._fields.field(item["fieldRef"]["fieldPath"]).encode()
            for item in source.get("items") or ()
            if "fieldRef" in item
        }

    async def _directory(self, volume: Json) -> Data:
        for claim in _claims(self._pod, volume):
            found = await self._sources.claim(self._pod["metadata"]["namespace"], claim)
            if found is None or found.get("status", {}).get("phase") != "Bound":
                raise MountError(f'persistentvolumeclaim "{claim}" is not bound')
            return self._kept.setdefault(found["metadata"]["uid"], {})
        if "hostPath" in volume:
            key = f"{self._pod['spec']['nodeName']}:{volume['hostPath']['path']}"
            return self._kept.setdefault(key, {})
        return self._data.get(volume["name"], {})


def _claims(pod: Json, volume: Json) -> Iterator[str]:
    if "persistentVolumeClaim" in volume:
        yield volume["persistentVolumeClaim"]["claimName"]
    if "ephemeral" in volume:
        yield f"{pod['metadata']['name']}-{volume['name']}"
