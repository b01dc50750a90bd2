"""/healthz and /readyz, also while somebody holds connections open."""

import asyncio
import urllib.error
import urllib.request
from http import HTTPStatus

import pytest

from emqx_autocluster.runtime import health

HALF = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
MANY = 1000


async def asked(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(ask)


async def test_alive_at_once_and_ready_when_all_is_listed() -> None:
    ready = asyncio.Event()
    async with health.serve("127.0.0.1", 0, ready) as port:
        assert await asked(port, "/healthz") == (200, "ok\n")
        status, text = await asked(port, "/readyz")
        assert (status, "not listed everything yet" in text) == (503, True)
        ready.set()
        assert await asked(port, "/readyz?verbose") == (200, "ok\n")


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("HEAD", "/healthz", 200, ""),
        ("GET", "/debug", 404, "/healthz, /readyz and /metrics are here\n"),
        ("POST", "/healthz", 405, "only GET and HEAD\n"),
    ],
)
async def test_there_is_nothing_else(method: str, path: str, status: int, text: str) -> None:
    async with health.serve("127.0.0.1", 0, asyncio.Event()) as port:
        assert await asked(port, path, method) == (status, text)


async def test_prometheus_is_answered() -> None:
    async with health.serve("127.0.0.1", 0, asyncio.Event()) as port:
        status, text = await asked(port, "/metrics")
        assert status == HTTPStatus.OK
        assert "\nemqx_autocluster_build_info{" in text
        assert await asked(port, "/metrics", "HEAD") == (HTTPStatus.OK, "")


async def test_connections_that_say_nothing_are_answered_by_nothing_and_keep_nobody_out() -> None:
    async with health.serve("127.0.0.1", 0, asyncio.Event()) as port:
        opened = []
        for number in range(MANY):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HALF if number % 2 else b"")
            opened.append((reader, writer))
            if number % 100 == 0:
                assert await asked(port, "/healthz") == (200, "ok\n")
        assert await asked(port, "/healthz") == (200, "ok\n")
        for reader, _ in opened[: MANY - 300]:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        for _, writer in opened:
            writer.close()


async def test_a_head_without_end_is_cut() -> None:
    async with health.serve("127.0.0.1", 0, asyncio.Event()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF + b"x: y\r\n" * 10_000)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


async def test_a_half_request_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_SECONDS", 0.05)
    async with health.serve("127.0.0.1", 0, asyncio.Event()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
