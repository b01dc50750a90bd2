"""Credentials, chunks and deadlines against a server in this process; all else is proved on a real API server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.certificate import certificate_hosts
from emqx_autocluster.clients.connection import Login
from emqx_autocluster.clients.errors import APIError, TooLarge, Unavailable
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube, PatchType
from emqx_autocluster.clients.payload import template_annotations
from emqx_autocluster.observation import Unobserved

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def login_to(host: str, tokens: list[str]) -> Login:
    """Each log-in takes the next token."""

    async def login(configuration: Configuration) -> None:
        configuration.host = host
        configuration.api_key["BearerToken"] = f"Bearer {tokens.pop(0)}"

    return login


@asynccontextmanager
async def kube_with(handler: Handler, tokens: str = "a", deadline: float = 5.0) -> AsyncIterator[Kube]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(application) as server:
        login = login_to(str(server.make_url("")), tokens.split())
        async with Kube(login, in_cluster=False, deadline=deadline) as kube:
            yield kube


async def test_a_rejected_token_is_read_again_once() -> None:
    seen = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.headers["Authorization"], await request.text()))
        ok = request.headers["Authorization"] == "Bearer new"
        return web.json_response({"kind": "Pod"}, status=200 if ok else 401)

    async with kube_with(handler, "old new") as kube:
        assert await kube.create("/x", {"a": 1}) == {"kind": "Pod"}
    assert seen == [("Bearer old", '{"a": 1}'), ("Bearer new", '{"a": 1}')]


async def test_a_fence_is_asked_before_each_change_and_before_no_look() -> None:
    asked = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        return web.json_response({"kind": "Pod"})

    async def fence() -> None:
        raise Unavailable(0, "NotLeading", "another one leads")

    async with kube_with(handler) as kube:
        fenced = kube.fenced(fence)
        assert await fenced.get("/x") == {"kind": "Pod"}
        for change in (
            fenced.create("/x", {}),
            fenced.patch("/x", {}, PatchType.MERGE),
            fenced.replace("/x", {}),
            fenced.delete("/x"),
        ):
            with pytest.raises(Unavailable, match="another one leads"):
                await change
        assert await kube.create("/x", {}) == {"kind": "Pod"}
    assert asked == ["GET", "POST"]


@pytest.mark.parametrize(("behind", "counts"), [(timedelta(hours=1), True), (timedelta(seconds=2), False)])
async def test_the_time_is_the_api_servers_where_the_clocks_differ(
    behind: timedelta,
    counts: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        date = format_datetime(datetime.now(UTC) - behind, usegmt=True)
        return web.json_response({"kind": "Pod"}, headers={"Date": date})

    async with kube_with(handler) as kube:
        await kube.get("/x")
        now = datetime.now(UTC)
        assert abs(now - (behind if counts else timedelta(0)) - kube.now()) < timedelta(seconds=1.5)


async def test_a_token_that_stays_rejected_is_an_error() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"reason": "Unauthorized", "message": "Unauthorized"}, status=401)

    async with kube_with(handler, "a b c") as kube:
        with pytest.raises(APIError, match="Unauthorized") as caught:
            await kube.get("/x")
        assert caught.value.status == 401


async def test_a_session_for_another_library_has_the_same_fresh_credentials() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if request.headers["Authorization"] == "Bearer new" else 401)

    async with (
        kube_with(handler, "old new") as kube,
        kube.open_session() as session,
        session.get(kube.host + "/x") as response,
    ):
        assert response.status == 200


async def test_long_lists_come_in_chunks() -> None:
    queries = []

    async def handler(request: web.Request) -> web.StreamResponse:
        queries.append(dict(request.query))
        if "continue" in request.query:
            return web.json_response({"metadata": {}, "items": [{"n": 3}]})
        return web.json_response({"metadata": {"continue": "t/+="}, "items": [{"n": 1}, {"n": 2}]})

    async with kube_with(handler) as kube:
        assert await kube.list("/x", label_selector="a in (b,c)", limit=2) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert queries == [
        {"limit": "2", "labelSelector": "a in (b,c)"},
        {"limit": "2", "labelSelector": "a in (b,c)", "continue": "t/+="},
    ]


async def test_an_empty_list_may_be_null() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"metadata": None, "items": None})

    async with kube_with(handler) as kube:
        assert await kube.list("/x") == []


@pytest.mark.parametrize("patch_type", PatchType)
async def test_patches_name_their_type_and_manager(patch_type: PatchType) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "type": request.content_type,
                "manager": request.query["fieldManager"],
                "body": await request.json(),
            }
        )

    body = [{"op": "test"}] if patch_type is PatchType.JSON else {"spec": None}
    async with kube_with(handler) as kube:
        answer = await kube.patch("/x", body, patch_type)
    assert answer == {"type": patch_type, "manager": "emqx-autocluster", "body": body}


async def test_what_is_no_name_is_a_fact_not_read_and_no_request() -> None:
    requests = []

    async def handler(request: web.Request) -> web.StreamResponse:
        requests.append(request.raw_path)
        return web.json_response({})

    async with kube_with(handler) as kube:
        found = await fact(kube.get(paths.services("iot", "web:80/proxy/x")))
    assert found == Unobserved('"web:80/proxy/x" is no name that an object of Kubernetes can have')
    assert requests == []


async def test_a_mute_server_is_unavailable_at_the_deadline() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with kube_with(handler, deadline=0.2) as kube:
        with pytest.raises(Unavailable) as caught:
            await kube.get("/x")
    assert (caught.value.status, caught.value.reason) == (0, "Timeout")


async def test_nobody_listens(unused_tcp_port: int) -> None:
    async with Kube(login_to(f"http://127.0.0.1:{unused_tcp_port}", ["a"]), in_cluster=False) as kube:
        with pytest.raises(Unavailable, match="NoAnswer"):
            await kube.get("/x")


@pytest.mark.parametrize("body", ["<html>", "[]"])
async def test_an_answer_from_something_else(body: str) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body)

    async with kube_with(handler) as kube:
        with pytest.raises(Unavailable, match="NotJSON"):
            await kube.get("/x")


async def test_a_redirect_is_not_followed() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.path == "/x"
        raise web.HTTPFound("/login")

    async with kube_with(handler) as kube:
        with pytest.raises(APIError) as caught:
            await kube.get("/x")
        assert caught.value.status == 302


@pytest.mark.parametrize("text", [None, "{}", "clusters: [", json.dumps({"current-context": "x"})])
async def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Unavailable, match="NoCredentials"):
        async with Kube.from_kubeconfig(path):
            pass


async def test_outside_a_cluster_there_is_no_service_account() -> None:
    with pytest.raises(Unavailable, match="NoCredentials"):
        async with Kube.from_service_account():
            pass


async def test_a_certificate_is_not_seen_over_http() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response()

    async with kube_with(handler) as kube:
        assert isinstance(await certificate_hosts(kube), Unobserved)


@pytest.mark.parametrize(("exempt", "proxied"), [("", True), ("127.0.0.1", False)])
async def test_the_environments_proxy_is_taken_unless_the_server_is_exempt(
    monkeypatch: pytest.MonkeyPatch, exempt: str, *, proxied: bool
) -> None:
    asked = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(str(request.url))
        return web.json_response({"kind": "Pod"})

    async with kube_with(handler) as proxy:
        monkeypatch.setenv("http_proxy", proxy.host)
        monkeypatch.setenv("no_proxy", exempt)
        async with Kube(login_to("http://127.0.0.1:1", ["a"]), in_cluster=False) as kube:
            assert kube.proxied is proxied
            if proxied:
                assert await kube.get("/x") == {"kind": "Pod"}
    assert asked == (["http://127.0.0.1:1/x"] if proxied else [])


def pages_of(*sizes: int) -> tuple[Handler, list[tuple[int, int]]]:
    """A server with items of these sizes, and what it was asked for: (where a page begins, how many)."""
    asked = list[tuple[int, int]]()

    async def handler(request: web.Request) -> web.StreamResponse:
        begin, limit = int(request.query.get("continue", "0")), int(request.query["limit"])
        asked.append((begin, limit))
        end = begin + limit
        items = [{"n": n, "managedFields": [{}], "text": "x" * size} for n, size in enumerate(sizes)]
        more = {"continue": str(end)} if end < len(sizes) else {}
        return web.json_response({"items": items[begin:end], "metadata": more})

    return handler, asked


MIB = 1024 * 1024


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones() -> None:
    handler, asked = pages_of(*[MIB] * 5)
    async with kube_with(handler) as kube:
        found = await kube.select("/x", lambda item: (item["n"], len(item["text"]), "managedFields" in item))
    assert found == [(n, MIB, False) for n in range(5)]
    assert asked == [(0, 250), (0, 31), (0, 3), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]


async def test_nothing_is_kept_but_what_is_wanted() -> None:
    handler, _ = pages_of(1, 2, 3)
    async with kube_with(handler) as kube:
        assert await kube.select("/x", lambda item: item["n"] or None, limit=2) == [1, 2]


@pytest.mark.parametrize(
    ("sizes", "most", "said"),
    [
        pytest.param((1, 4 * MIB), None, "answer has more than", id="one of them is too large"),
        pytest.param((1, 1, 1), 2, "more than 2 of pods", id="there are too many"),
    ],
)
async def test_what_is_beyond_all_measure_is_not_judged(
    sizes: tuple[int, ...], most: int | None, said: str
) -> None:
    handler, _ = pages_of(*sizes)
    async with kube_with(handler) as kube:
        with pytest.raises(TooLarge, match=f"not judged: .*{said}"):
            await kube.select("/api/v1/pods", lambda item: item["n"] + 1, most=most)


async def test_large_answers_are_read_one_after_the_other() -> None:
    handler, _ = pages_of(MIB)
    async with kube_with(handler) as kube:
        room = kube._payloads._room  # whether others wait is seen nowhere else
        held = await asyncio.gather(*(kube.select("/x", lambda _: room.locked()) for _ in range(5)))
        assert held == [[True]] * 5
        assert not room.locked()


async def test_of_some_collections_a_library_gets_the_metadata_alone() -> None:
    accepted = dict[str, str]()

    async def handler(request: web.Request) -> web.StreamResponse:
        accepted[request.path_qs] = request.headers.get("Accept", "")
        fields = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {".": {}, "f:a/b": {}}}}}}
        metadata = {"managedFields": [{"fieldsV1": fields}, {"fieldsV1": {"f:spec": {"f:replicas": {}}}}]}
        return web.json_response({"items": [{"metadata": metadata}] if "none" not in request.query else None})

    async with kube_with(handler) as kube, kube.open_session(["/apis/x"]) as session:
        for path in ("/apis/x?limit=1", "/apis/x?watch=true", "/apis/y"):
            async with session.get(kube.host + path) as response:
                (item,) = (await response.json())["items"]
        async with session.get(f"{kube.host}/apis/x?none=") as response:
            assert (await response.json())["items"] == []
    assert accepted["/apis/x?limit=1"] == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    assert accepted["/apis/x?watch=true"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    assert "PartialObjectMetadata" not in accepted["/apis/y"]
    assert template_annotations(item["metadata"]) == {".", "a/b"}
    assert template_annotations({}) == frozenset()
