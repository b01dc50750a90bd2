"""The client of the kubelet's switches, for tests and the demo."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp


class Control:
    """Sets switches over HTTP: `async with Control(url) as control`."""

    def __init__(self, url: str) -> None:
        """`url` is `control` of sandbox.json."""
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(self._url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def pod(self, namespace: str, pod: str, **switches: str) -> None:
        """Set switches of one pod; others stay, and an empty value switches one off."""
        await self._send("PUT", f"/switches/pod/{namespace}/{pod}", switches)

    async def namespace(self, namespace: str, **switches: str) -> None:
        """Set what holds for all pods of a namespace, also for future ones."""
        await self._send("PUT", f"/switches/namespace/{namespace}", switches)

    async def next_pod(self, namespace: str, **switches: str) -> None:
        """Set switches of the pod that is made next there."""
        await self._send("PUT", f"/switches/next/{namespace}", switches)

    async def reset(self, namespace: str, pod: str | None = None) -> None:
        """Drop the switches of a pod, or a namespace's defaults."""
        path = f"pod/{namespace}/{pod}" if pod else f"namespace/{namespace}"
        await self._send("DELETE", f"/switches/{path}", None)

    async def partition(self, namespace: str, groups: Sequence[Sequence[str]]) -> None:
        """Cut the network between groups of pods; a pod in no group reaches all."""
        await self._send("PUT", "/partition", {"namespace": namespace, "groups": groups})

    async def heal(self, namespace: str) -> None:
        """End a namespace's partition."""
        await self._send("DELETE", f"/partition/{namespace}", None)

    async def addresses(self, targets: dict[str, str]) -> None:
        """Set where "ip:port" leads: refuse, blackhole, apiserver or apiserver-tls."""
        await self._send("PUT", "/addresses", targets)

    async def lose_power(self, node: str) -> None:
        """A node ends with all that runs on it, and nobody is told."""
        await self._send("POST", f"/nodes/{node}/power-loss", None)

    async def pods(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """What the kubelet runs."""
        path = f"/pods/{namespace}" if namespace else "/pods"
        answer: list[dict[str, Any]] = await self._send("GET", path, None)
        return answer

    async def run(self, namespace: str, pod: str, container: str, argv: Sequence[str]) -> str:
        """What a command prints in a container; nothing where none runs. Cheap: not by the API server's exec."""
        path = f"/run/{namespace}/{pod}/{container}"
        return str((await self._send("POST", path, list(argv)))["stdout"])

    async def _send(self, method: str, path: str, body: object) -> Any:
        if self._session is None:
            raise RuntimeError("use it as `async with Control(url) as control`")
        async with self._session.request(method, path, json=body) as answer:
            if answer.status >= 400:
                raise ValueError(f"{method} {path}: {await answer.text()}")
            return await answer.json() if method in {"GET", "POST"} else None
