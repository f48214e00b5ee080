"""A client cannot tell the relay from the server behind it: byte for byte, close for close."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from yarl import URL

from mockserver import MockServer, relay
from mockserver.cassette.store import load
from mockserver.core.frames import Binary, Close, Lost, Sender, Text
from mockserver.server.record import Recording
from mockserver.server.websocket import app as app_module
from mockserver.server.websocket import upstream as upstream_module
from tests.server.upstreams import raw_server, reset, socket_server, until

SIZES = (0, 1, 125, 126, 127, 65_535, 65_536, 1_000_003, 8 * 1024 * 1024)
CODES = (*range(1000, 1004), *range(1007, 1015), 3000, 3456, 3999, 4000, 4321, 4999)


@asynccontextmanager
async def connected(
    server: MockServer, path: str = "", **options: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    options = {"max_msg_size": 0, "autoclose": False, **options}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(URL(server.ws_url + path, encoded=True), **options) as ws,
    ):
        yield ws


def payloads(seed: str) -> list[str | bytes]:
    source = random.Random(seed)
    made: list[str | bytes] = []
    for size in SIZES:
        made.append(source.randbytes(size))
        # Code points of one to four bytes in UTF-8, U+0000 and U+FFFF included, surrogates not.
        edges = (0, 0x41, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF)
        points = [source.choice(edges) for _ in range(min(size, 999))]
        text = "".join(map(chr, points))
        made.append(text * (size // max(1, len(text))) if text else "")
    return made


async def echo(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await ws.send_bytes(message.data)
        else:
            await ws.send_frame(b"" if not message.data else struct.pack("!H", message.data), WSMsgType.CLOSE)
            return


@pytest.mark.parametrize("client_compress", [0, 15], ids=["plain client", "deflating client"])
@pytest.mark.parametrize("upstream_compress", [False, True], ids=["plain upstream", "deflating upstream"])
async def test_every_message_goes_both_ways_unchanged(client_compress: int, upstream_compress: bool) -> None:
    sent = payloads(f"{client_compress}{upstream_compress}")
    async with (
        socket_server(echo, compress=upstream_compress) as upstream,
        MockServer(relay(upstream)) as server,
        connected(server, compress=client_compress) as ws,
    ):
        got: list[str | bytes] = []
        for payload in sent:
            await (ws.send_str(payload) if isinstance(payload, str) else ws.send_bytes(payload))
            got.append((await ws.receive()).data)
        assert got == sent
        for sender in Sender:
            seen = [entry.what.data for entry in server.journal.frames(sender) if isinstance(entry.what, Text | Binary)]
            assert seen == sent


async def test_a_burst_keeps_its_order_and_loses_nothing() -> None:
    # Nothing waits for an answer here, so back-pressure works on every socket in both directions at once.
    sent = [random.Random(n).randbytes(n % 40_000) for n in range(600)]

    async def burst(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        async def receive() -> None:
            got.extend([(await ws.receive()).data for _ in sent])

        reading = asyncio.create_task(receive())
        for payload in sent:
            await ws.send_bytes(payload)
        await reading
        await ws.close()

    got: list[bytes] = []
    async with (
        socket_server(burst, compress=False) as upstream,
        MockServer(relay(upstream)) as server,
        connected(server) as ws,
    ):

        async def send() -> None:
            for payload in sent:
                await ws.send_bytes(payload)

        sending = asyncio.create_task(send())
        back = [(await ws.receive()).data for _ in sent]
        await sending
        last = await ws.receive()
    assert last.type is WSMsgType.CLOSE
    assert back == sent
    assert got == sent


@pytest.mark.parametrize("code", CODES)
async def test_a_close_of_the_upstream_reaches_the_client(code: int) -> None:
    async def close(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        await ws.send_frame(struct.pack("!H", code) + f"reason {code} ü".encode(), WSMsgType.CLOSE)
        echoed.append((await ws.receive()).data)

    echoed: list[int] = []
    async with socket_server(close) as upstream, MockServer(relay(upstream)) as server:
        async with connected(server) as ws:
            last = await ws.receive()
        assert (last.type, last.data, last.extra) == (WSMsgType.CLOSE, code, f"reason {code} ü")
        assert [entry.what for entry in server.journal.frames()] == [Close(code, f"reason {code} ü")]
    assert echoed == [code]


@pytest.mark.parametrize("code", CODES)
async def test_a_close_of_the_client_reaches_the_upstream(code: int) -> None:
    async def listen(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        message = await ws.receive()
        heard.set_result((message.type, message.data, message.extra))
        await ws.close(code=message.data)

    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    async with socket_server(listen) as upstream, MockServer(relay(upstream)) as server:
        async with connected(server) as ws:
            await ws.send_frame(struct.pack("!H", code) + f"reason {code} ü".encode(), WSMsgType.CLOSE)
            assert await heard == (WSMsgType.CLOSE, code, f"reason {code} ü")
            last = await ws.receive()
            assert (last.type, last.data) == (WSMsgType.CLOSE, code)
        assert [entry.what for entry in server.journal.frames()] == [Close(code, f"reason {code} ü")]


@pytest.mark.parametrize("side", ["client", "upstream"])
async def test_a_close_without_a_code_stays_without_one(side: str) -> None:
    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        if side == "upstream":
            await ws.send_frame(b"", WSMsgType.CLOSE)
        message = await ws.receive()
        heard.set_result((message.type, message.data))
        if side == "client":
            await ws.send_frame(b"", WSMsgType.CLOSE)

    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    async with socket_server(talk) as upstream, MockServer(relay(upstream)) as server:
        async with connected(server) as ws:
            if side == "client":
                await ws.send_frame(b"", WSMsgType.CLOSE)
            last = await ws.receive()
            assert (last.type, last.data) == (WSMsgType.CLOSE, 0)  # aiohttp's word for "no code"
            assert await heard == (WSMsgType.CLOSE, 0)
        assert [entry.what for entry in server.journal.frames()] == [Close(None, "")]


async def test_an_upstream_that_resets_resets_the_client() -> None:
    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        await ws.send_str("before")
        await ws.receive()
        reset(request.transport)

    async with socket_server(talk) as upstream, MockServer(relay(upstream)) as server:
        async with connected(server) as ws:
            assert (await ws.receive()).data == "before"
            await ws.send_str("now")
            last = await ws.receive()
        # No close frame came: an application sees 1006 or an error.
        assert last.type in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert isinstance([entry.what for entry in server.journal.frames()][-1], Lost)


async def test_a_client_that_resets_resets_the_upstream() -> None:
    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        assert (await ws.receive()).data == "hello"
        await ws.send_str("welcome")
        last.set_result((await ws.receive()).type)

    last: asyncio.Future[WSMsgType] = asyncio.get_running_loop().create_future()
    async with socket_server(talk) as upstream, MockServer(relay(upstream)) as server:
        async with aiohttp.ClientSession() as session:
            ws = await session.ws_connect(server.ws_url)
            await ws.send_str("hello")
            await ws.receive()
            reset(ws._response.connection.transport)  # type: ignore[union-attr]
            assert await last in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert isinstance([entry.what for entry in server.journal.frames()][-1], Lost)


async def test_path_query_headers_and_subprotocol_arrive_as_sent() -> None:
    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        seen.set_result(request)
        await ws.close()

    seen: asyncio.Future[web.BaseRequest] = asyncio.get_running_loop().create_future()
    offered = ["openai-insecure-api-key.x", "realtime", "openai-beta.realtime-v1"]
    async with (
        socket_server(talk, protocols=["realtime"]) as upstream,
        MockServer(relay(upstream)) as server,
    ):
        headers = {
            "Authorization": "Bearer a-key",
            "X-Twice": "1",
            "User-Agent": "agent/1",
            "Origin": "http://page.example",
        }
        async with connected(server, "?model=gpt%2Frealtime&x=%20a+b&x=", headers=headers, protocols=offered) as ws:
            assert ws.protocol == "realtime"
            request = await seen
    assert request.raw_path == "/v1/realtime?model=gpt%2Frealtime&x=%20a+b&x="
    for name, value in headers.items():
        assert request.headers.getall(name) == [value]
    assert request.headers["Host"] == upstream.removeprefix("http://").removesuffix("/v1")
    assert request.headers["Sec-WebSocket-Protocol"].replace(" ", "").split(",") == offered
    assert len(request.headers.getall("Sec-WebSocket-Key")) == 1


async def test_response_headers_of_the_upstream_reach_the_client() -> None:
    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        await ws.close()

    class Marked(web.WebSocketResponse):
        pass

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        ws = Marked()
        ws.headers["x-request-id"] = "req_1"
        ws.headers.add("Set-Cookie", "a=1")
        ws.headers.add("Set-Cookie", "b=2")
        await ws.prepare(request)
        await talk(ws, request)
        return ws

    from tests.server.upstreams import plain_server

    async with (
        plain_server(handle) as origin,
        MockServer(relay(f"{origin}/v1")) as server,
        connected(server) as ws,
    ):
        headers = ws._response.headers
        assert headers["x-request-id"] == "req_1"
        assert headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert len(headers.getall("Sec-WebSocket-Accept")) == 1
        assert len(headers.getall("Server")) == 1


async def test_pings_are_answered_on_both_sides_and_noted() -> None:
    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        await ws.ping(b"are you there")
        answered.set_result((await ws.receive()).data)
        await ws.receive()

    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    async with (
        socket_server(talk, autoping=False) as upstream,
        MockServer(relay(upstream)) as server,
    ):
        async with connected(server, autoping=False) as ws:
            assert await answered == b"are you there"
            await ws.ping(b"and you")
            pong = await ws.receive()
            assert (pong.type, pong.data) == (WSMsgType.PONG, b"and you")
        noted = [note.text for note in server.journal.notes("ping")]
        assert noted == ["ping from the upstream", "ping from the client"]


# --- proxies of the environment: test_proxies.py says which ---


@pytest.mark.parametrize(("scheme", "port"), [("wss", 443), ("ws", 80)])
async def test_a_socket_is_dialled_through_the_proxy(scheme: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy hears CONNECT and the upstream's name; it refuses, and that is told in one line."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with raw_server(serve) as proxy:
        for name in ("ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.removesuffix("/v1").replace("//", "//user:word@"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        source = relay(f"{scheme}://service.test/v1", dialect="openai")
        async with MockServer(source) as server, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="502"):
                await session.ws_connect(server.ws_url)
    assert heard[0].startswith(b"CONNECT service.test:%d HTTP/1.1\r\n" % port)
    assert b"\r\nProxy-Authorization: Basic dXNlcjp3b3Jk\r\n" in heard[0]
    [failure] = source.failures
    assert str(failure).startswith(f"cannot reach {scheme}://service.test through the proxy http://127.0.0.1:")
    assert "\n" not in str(failure)


async def test_what_crosses_a_tunnel_is_what_the_client_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        asked.append((str(request.rel_url), request.headers.get("Proxy-Authorization")))
        await ws.send_str("hello")

    async with socket_server(talk) as url:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            there, back = await asyncio.open_connection("127.0.0.1", URL(url).port)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back.write(await reader.readuntil(b"\r\n\r\n"))
            writer.write(await there.readuntil(b"hello"))
            await writer.drain()
            back.close()

        async with raw_server(serve) as proxy:
            for name in ("HTTP_PROXY", "http_proxy"):
                monkeypatch.setenv(name, proxy.removesuffix("/v1").replace("//", "//user:word@"))
            target = URL(url).with_host("service.test")
            async with MockServer(relay(str(target))) as server, aiohttp.ClientSession() as session:
                ws = await session.ws_connect(server.ws_url)
                assert (await ws.receive()).data == "hello"
    [(path, login)] = asked
    assert path.startswith("/")  # not the proxy's form of a request
    assert login is None


async def test_no_login_of_the_machine_is_added(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What crosses is the client's: ~/.netrc is not."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    heard: list[Any] = []

    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        heard.append(request.headers.get("Authorization"))

    async with socket_server(talk) as url, MockServer(relay(url)) as server, aiohttp.ClientSession() as session:
        ws = await session.ws_connect(server.ws_url)
        await ws.receive()
    assert heard == [None]


async def test_a_message_over_the_limit_ends_with_1009_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_module, "MAX_MESSAGE", 10_000)

    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        await ws.send_str("x" * 20_000)
        closes.append((await ws.receive()).data)

    closes: list[Any] = []
    async with socket_server(talk) as url:
        source = relay(url)
        async with MockServer(source) as server, aiohttp.ClientSession() as session:
            ws = await session.ws_connect(server.ws_url)
            assert (await ws.receive()).type is WSMsgType.CLOSE
            assert ws.close_code == 1009
    assert closes == [1009]
    [failure] = source.failures
    assert str(failure).endswith("a message over the limit of 64 MiB; the connection was closed (1009)")


async def test_a_client_over_the_limit_is_told_1009_and_so_is_the_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "MAX_MESSAGE", 10_000)
    heard: list[Any] = []

    async def talk(ws: web.WebSocketResponse, request: web.BaseRequest) -> None:
        while (message := await ws.receive()).type is WSMsgType.TEXT:
            heard.append(len(message.data))
        heard.append(message.type)

    async with socket_server(talk) as url:
        source = relay(url)
        async with MockServer(source) as server, aiohttp.ClientSession() as session:
            ws = await session.ws_connect(server.ws_url)
            await ws.send_str("x" * 9_000)  # the control: that much goes through
            await ws.send_str("x" * 20_000)
            while (await ws.receive()).type is not WSMsgType.CLOSE:
                pass
            assert ws.close_code == 1009
            await until(lambda: len(heard) == 2)
    assert heard[0] == 9_000
    assert heard[1] in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)


REFUSAL = b'{"error":{"message":"no more sessions for you"}}'


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + REFUSAL,
        b"HTTP/1.0 429 Too Many Requests\r\nContent-Type: application/json\r\n\r\n" + REFUSAL,
        b"HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n30\r\n" + REFUSAL + b"\r\n0\r\n\r\n",
    ],
    ids=["until the end", "of HTTP 1.0", "in chunks"],
)
async def test_a_refusal_whose_length_is_not_told_is_passed_on_and_kept_whole(answer: bytes, tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    path = tmp_path / "x.cassette"
    async with raw_server(serve) as url, Recording(relay(url, dialect="openai"), path) as recording:
        told = await handshake_answer(recording.server)
    assert told[0] == 429
    assert told[1] == REFUSAL
    [line] = load(path).connections
    assert (line.answer.status, line.answer.body) == (429, REFUSAL)


@pytest.mark.parametrize(
    "answer", [b"what do you want?\r\n\r\n", b"HTTP/1.1 yes\r\n\r\n", b"\x00\xff\x16\x03\r\n\r\n", b""]
)
async def test_what_is_no_http_is_one_line_and_a_502(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with raw_server(serve) as url:
        source = relay(url, dialect="openai")
        async with MockServer(source) as server:
            status, _ = await handshake_answer(server)
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{server.base_url}/models?key=AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6") as plain,
            ):
                assert plain.status == 502
    assert status == 502
    assert len(source.failures) == 2
    for failure in source.failures:
        assert "\n" not in str(failure)
        assert "\x00" not in str(failure)
        assert "AIza" not in str(failure)


async def handshake_answer(server: MockServer) -> tuple[int, bytes]:
    """Status and body of what a websocket's handshake is answered with."""
    headers = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    async with (
        aiohttp.ClientSession() as session,
        session.get(server.ws_url.replace("ws://", "http://"), headers=headers) as reply,
    ):
        return reply.status, await reply.read()
