"""Upstreams that refuse, hang or are something else: the client gets an answer, the recorder one clear line."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mockserver import MockServer, relay
from mockserver.core.frames import Answer, Sender
from mockserver.server.websocket.upstream import Dialler, OneEachTurn
from tests.server.upstreams import plain_server, raw_server, socket_server


async def refused(url: str, **options: Any) -> tuple[int, str, Any]:
    """What a client's handshake is answered with: status, body, headers."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        **options.pop("headers", {}),
    }
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(url.replace("ws", "http", 1), headers=upgrade, allow_redirects=False, **options) as answer,
    ):
        return answer.status, await answer.text(), answer.headers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_a_refusal_reaches_the_client_as_it_is(status: int) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        headers = {"Retry-After": "7", "X-Request-Id": "req_1", "Content-Type": "application/json"}
        return web.Response(status=status, headers=headers, body=b'{"error": {"code": "of the upstream"}}\n')

    async with plain_server(handle) as origin, MockServer(relay(f"{origin}/v1")) as server:
        got, body, headers = await refused(server.ws_url)
        assert (got, body) == (status, '{"error": {"code": "of the upstream"}}\n')
        assert (headers["Retry-After"], headers["X-Request-Id"]) == ("7", "req_1")
        [answer] = [entry.what for entry in server.journal if isinstance(entry.what, Answer)]
        assert (answer.status, answer.body) == (status, body.encode())
        assert [str(failure) for failure in server.source.failures] == [
            f"upstream {origin}/v1 refused the connection with HTTP {status}"
        ]


async def test_a_redirect_is_passed_on_and_not_followed() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=307, headers={"Location": f"{other}/v1/realtime"})

    async def elsewhere(request: web.BaseRequest) -> web.StreamResponse:
        seen.append("elsewhere")
        return web.Response(status=500)

    seen: list[str | None] = []
    async with (
        plain_server(elsewhere) as other,
        plain_server(handle) as origin,
        MockServer(relay(f"{origin}/v1")) as server,
    ):
        status, _, headers = await refused(server.ws_url, headers={"Authorization": "Bearer secret"})
        assert (status, headers["Location"]) == (307, f"{other}/v1/realtime")
    assert seen == ["Bearer secret"]


async def test_an_upstream_that_is_no_websocket() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<html>hello")

    async with (
        plain_server(handle) as origin,
        MockServer(relay(f"{origin}/v1?key=secret")) as server,
    ):
        status, body, _ = await refused(server.ws_url)
        assert status == 502
        message = f"ws://{origin[7:]} is not a websocket: it answered HTTP 200, not 101"
        assert body == f'{{"error": {{"message": "{message}"}}}}\n'


async def test_an_upstream_that_speaks_no_http() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example ESMTP\r\n")
        await writer.drain()

    async with raw_server(serve) as upstream, MockServer(relay(upstream)) as server:
        status, body, _ = await refused(server.ws_url)
        assert status == 502
        assert f"cannot reach {upstream.replace('http', 'ws').removesuffix('/v1')}: " in body
        assert "Traceback" not in body
        assert body.count("\n") == 1


async def test_an_upstream_with_a_wrong_answer_to_the_key() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: AAAA\r\n\r\n"
        )
        await writer.drain()

    async with raw_server(serve) as upstream, MockServer(relay(upstream)) as server:
        status, body, _ = await refused(server.ws_url)
        assert status == 502
        assert "is not a websocket: Invalid challenge response" in body


async def test_an_upstream_that_hangs() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with (
        raw_server(serve) as upstream,
        MockServer(relay(upstream), dial_timeout=0.05) as server,
    ):
        status, body, _ = await refused(server.ws_url)
        assert status == 504
        assert "did not answer the handshake within 0.05 s" in body
        assert len(server.source.failures) == 1


async def test_a_client_that_gives_up_while_the_upstream_hangs() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        left.set()

    asked, left = asyncio.Event(), asyncio.Event()
    async with raw_server(serve) as upstream, MockServer(relay(upstream)) as server:
        asking = asyncio.create_task(refused(server.ws_url))
        await asked.wait()
        asking.cancel()
        await left.wait()  # the relay gives up too, at once and not when its own time is over
        assert server.sessions[0].over


async def test_no_upstream_at_all() -> None:
    async with MockServer(relay("http://127.0.0.1:9/v1")) as server:
        status, body, _ = await refused(server.ws_url + "?key=sk-secret")
        assert status == 502
        assert "cannot reach ws://127.0.0.1:9: " in body
        assert "sk-secret" not in body


async def test_neighbours_are_forwarded_and_kept() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(
            (
                request.method,
                request.raw_path,
                await request.read(),
                request.headers.get("Authorization"),
            )
        )
        return web.Response(status=201, body=b"\x00made", headers={"X-Request-Id": "req_2"})

    seen: list[Any] = []
    async with plain_server(handle) as origin, MockServer(relay(f"{origin}/v1")) as server:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{server.base_url}/realtime/client_secrets?a=%20b",
                data=b"{}",
                headers={"Authorization": "Bearer k"},
            ) as answer,
        ):
            assert (answer.status, await answer.read()) == (201, b"\x00made")
            assert answer.headers["X-Request-Id"] == "req_2"
        assert seen == [("POST", "/v1/realtime/client_secrets?a=%20b", b"{}", "Bearer k")]
        [exchange] = server.exchanges
        assert (exchange.method, exchange.path) == ("POST", "/v1/realtime/client_secrets?a=%20b")
        assert (exchange.status, exchange.request, exchange.body) == (201, b"{}", b"\x00made")


async def test_a_neighbour_without_an_upstream() -> None:
    async with (
        MockServer(relay("http://127.0.0.1:9/v1")) as server,
        aiohttp.ClientSession() as session,
        session.get(f"{server.base_url}/models") as answer,
    ):
        assert answer.status == 502
        assert "cannot reach http://127.0.0.1:9" in (await answer.json())["error"]["message"]


async def test_an_injected_key_goes_to_the_upstream_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        seen.append(request)
        await ws.send_str("hello")
        await ws.close()

    seen: list[web.BaseRequest] = []
    monkeypatch.setenv("A_KEY", "sk-of-the-user")
    async with (
        socket_server(talk) as upstream,
        MockServer(relay(upstream, key_env="A_KEY")) as server,
    ):
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(server.ws_url, headers={"Authorization": "Bearer any"}) as ws,
        ):
            assert (await ws.receive()).data == "hello"
        assert seen[0].headers.getall("Authorization") == ["Bearer sk-of-the-user"]
        assert "sk-of-the-user" not in repr(server.journal.entries)
        assert "sk-of-the-user" not in repr(server.sessions[0].inspect())


async def test_a_client_close_while_the_upstream_stays_silent_ends_both() -> None:
    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        seen.append((await ws.receive()).data)
        done.set()

    seen: list[int] = []
    done = asyncio.Event()
    async with socket_server(talk) as upstream, MockServer(relay(upstream)) as server:
        async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as ws:
            await ws.close(code=4000)
        await done.wait()
        assert seen == [4000]
        assert [str(entry.sender) for entry in server.journal.frames()] == [Sender.CLIENT]


async def test_each_connection_begins_and_ends_in_a_turn_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both cost about a millisecond, and thousands may come and go at once."""
    waited: list[OneEachTurn] = []
    turn = OneEachTurn.turn

    async def counted(self: OneEachTurn) -> None:
        waited.append(self)
        await turn(self)

    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        await ws.send_str("hello")

    monkeypatch.setattr(OneEachTurn, "turn", counted)
    async with socket_server(talk) as upstream, MockServer(relay(upstream)) as server:
        dialler = server._way_out.dialler()
        async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as ws:
            assert (await ws.receive()).data == "hello"
            assert waited[:2] == [dialler.beginning, dialler.begun]
            await ws.receive()
        await server.drain(5)
        assert waited == [dialler.beginning, dialler.begun, dialler.ending]


def test_connections_are_begun_one_after_another_in_a_later_loop_too() -> None:
    """A server may be started again."""
    dialler, begun = Dialler(), []

    async def begin(number: int) -> None:
        await dialler.beginning.turn()
        begun.append(number)

    async def many() -> None:
        await asyncio.gather(*map(begin, range(3)))
        await dialler.close()

    for _ in range(2):
        asyncio.run(many())
    assert begun == [0, 1, 2] * 2
