"""A client that asks a REST call for its socket is recorded and replayed. The socket is at another server."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from mockserver import MockServer, relay, replay
from mockserver.cassette.store import load
from mockserver.core.frames import Binary, Sender, Text
from mockserver.engines.base import Request
from mockserver.errors import UpstreamError
from mockserver.pytest_plugin.modes import Extending
from mockserver.server.compressed import MOST, plain
from mockserver.server.neighbours import reached
from mockserver.server.record import Recording
from mockserver.server.verify import verify
from tests.server.upstreams import plain_server, raw_server

KEY, TOKEN, COOKIE = "uv-key-of-the-client-1", "join-token-of-the-call-1", "cookie-of-the-client-1"
TURN = (
    {"type": "state", "state": "thinking"},
    {"type": "transcript", "role": "user", "medium": "voice", "text": "hi", "final": True, "ordinal": 0},
)


@dataclass
class Provider:
    """Two servers: the REST API, and the sockets whose addresses it gives out."""

    rest: str = ""
    sockets: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    joined: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def create(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append({name.lower(): value for name, value in request.headers.items()})
        number = len(self.asked)
        join = f"{self.sockets}/calls/c-{number}?token={TOKEN}-{number}&apiVersion=1"
        return web.json_response({"callId": f"c-{number}", "joinUrl": join}, status=201)

    async def join(self, request: web.BaseRequest) -> web.StreamResponse:
        self.joined.append((request.raw_path, dict(request.headers)))
        number = request.path.rpartition("-")[2]
        if request.query.get("token") != f"{TOKEN}-{number}":
            return web.Response(status=403)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_json({"type": "call_started", "callId": f"c-{number}"})
        async for message in ws:
            if message.type is WSMsgType.BINARY:
                for event in TURN:
                    await ws.send_json(event)
                await ws.send_bytes(number.encode() * 480)
        return ws


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    async with plain_server(made.create) as made.rest, plain_server(made.join) as origin:
        made.sockets = "ws" + origin.removeprefix("http")
        yield made


async def call(base_url: str, path: str = "/calls", **session: Any) -> tuple[dict[str, Any], list[Any]]:
    """One client: the REST call, then the socket at the address in its reply."""
    heard: list[Any] = []
    async with aiohttp.ClientSession(**session) as http:
        url = f"{base_url}{path}?enableGreetingPrompt=false"
        async with http.post(url, headers={"X-API-Key": KEY}, json={"systemPrompt": "x"}) as reply:
            told: dict[str, Any] = await reply.json()
        async with http.ws_connect(told["joinUrl"]) as ws:
            heard.append(await ws.receive_json())
            await ws.send_bytes(bytes(3200))
            heard += [await ws.receive_json() for _ in TURN]
            heard.append(await ws.receive_bytes())
    return told, heard


async def test_a_call_is_recorded_and_replayed_without_either_server(tmp_path: Path) -> None:
    file = tmp_path / "calls.cassette"
    async with (
        provider() as real,
        Recording(relay(f"{real.rest}/api", dialect="ultravox"), file) as recording,
    ):
        server = recording.server
        # Headers of the whole session, as a client may set them: they come with the socket too.
        own = {"X-API-Key": KEY, "Cookie": COOKIE}
        told, first = await call(server.base_url, headers=own)
        _, second = await call(server.base_url)
        assert told["joinUrl"] == f"ws://127.0.0.1:{server.port}/calls/c-1?token={TOKEN}-1&apiVersion=1"
    assert first == [{"type": "call_started", "callId": "c-1"}, *TURN, b"1" * 480]
    assert second == [{"type": "call_started", "callId": "c-2"}, *TURN, b"2" * 480]
    assert recording.failures == []
    assert recording.problems == []
    assert [one["x-api-key"] for one in real.asked] == [KEY, KEY]
    assert [path for path, _ in real.joined] == [
        f"/calls/c-{number}?token={TOKEN}-{number}&apiVersion=1" for number in (1, 2)
    ]
    assert KEY not in repr(real.joined)
    assert COOKIE not in repr(real.joined)

    cassette = load(file)
    written = file.read_bytes()
    for secret in (KEY, TOKEN, COOKIE):
        assert secret.encode() not in written
        assert secret not in repr(cassette)
    for number, (exchange, connection) in enumerate(zip(cassette.exchanges, cassette.connections, strict=True), 1):
        assert (exchange.method, exchange.path, exchange.status) == (
            "POST",
            "/api/calls?enableGreetingPrompt=false",
            201,
        )
        # As it came: the real address, without its token.
        kept = f"{real.sockets}/calls/c-{number}?token=REDACTED-param-{number}&apiVersion=1"
        assert json.loads(exchange.body) == {"callId": f"c-{number}", "joinUrl": kept}
        assert connection.handshake.path == f"/calls/c-{number}"
        assert connection.handshake.target == f"/calls/c-{number}?token=REDACTED-param-{number}&apiVersion=1"
        frames = [(one.sender, one.frame) for one in connection.records]
        assert (Sender.CLIENT, Binary(bytes(3200))) in frames
        assert (Sender.SERVER, Binary(str(number).encode() * 480)) in frames
        assert (Sender.SERVER, Text(json.dumps(TURN[0]))) in frames

    # Both servers are gone.
    async with MockServer(replay(file, pacing="instant")) as server:
        told, again = await call(server.base_url)
        assert told["joinUrl"].startswith(f"ws://127.0.0.1:{server.port}/calls/c-1?")
        assert again == first
        assert (await call(server.base_url))[1] == second


async def test_the_later_call_may_be_joined_first(tmp_path: Path) -> None:
    file = tmp_path / "calls.cassette"
    async with (
        provider() as real,
        Recording(relay(f"{real.rest}/api", dialect="ultravox"), file) as recording,
    ):
        await call(recording.server.base_url)
        await call(recording.server.base_url)
    async with MockServer(replay(file, allow_unplayed=True)) as server, aiohttp.ClientSession() as http:
        urls = []
        for _ in range(2):
            async with http.post(f"{server.base_url}/calls") as reply:
                urls.append((await reply.json())["joinUrl"])
        for number, url in ((2, urls[1]), (1, urls[0])):
            async with http.ws_connect(url) as ws:
                assert (await ws.receive_json())["callId"] == f"c-{number}"


async def test_a_cassette_that_is_added_to_plays_its_call_and_takes_a_new_one_to_the_provider(tmp_path: Path) -> None:
    file = tmp_path / "calls.cassette"
    async with provider() as real:
        upstream = f"{real.rest}/api"
        async with Recording(relay(upstream, dialect="ultravox"), file) as recording:
            _, first = await call(recording.server.base_url)
        mixed = Extending(replay(file, pacing="instant"), relay(upstream, dialect="ultravox"))
        async with MockServer(mixed) as server:
            assert (await call(server.base_url))[1] == first
            assert len(real.joined) == 1
            _, other = await call(server.base_url, "/agents/a/calls")
            assert other[0]["callId"] == "c-2"
            assert mixed.relayed == {1}


async def test_an_address_that_a_client_makes_up_is_dialled_nowhere() -> None:
    source = relay("http://127.0.0.1:9/api", dialect="ultravox")
    async with provider() as real, MockServer(source) as server, aiohttp.ClientSession() as http:
        target = f"/calls/c-1?token={TOKEN}-1"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(server.url + target)
        assert refused.value.status == 404
        # The control: the socket itself would have let the client in.
        async with http.ws_connect(real.sockets + target) as ws:
            assert (await ws.receive_json())["type"] == "call_started"
        assert [path for path, _ in real.joined] == [target]
    assert len(source.failures) == 1
    assert TOKEN not in str(source.failures[0])


async def test_a_reply_of_a_dialect_without_such_fields_passes_byte_for_byte() -> None:
    body = b'{ "joinUrl" : "wss://voice.example/1",\n "signed_url":"wss://voice.example/2" }'

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    async with (
        plain_server(handle) as origin,
        MockServer(relay(f"{origin}/v1", dialect="openai")) as server,
        aiohttp.ClientSession() as http,
        http.get(f"{server.base_url}/models") as reply,
    ):
        assert await reply.read() == body


async def test_a_relay_that_guards_its_key_lets_a_named_socket_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_KEY", KEY)
    async with provider() as real:
        source = relay(f"{real.rest}/api", dialect="ultravox", key_env="UV_KEY")
        async with MockServer(source, host="0.0.0.0", token="of-the-relay") as server, aiohttp.ClientSession() as http:
            async with http.post(f"{server.base_url}/calls") as reply:
                assert reply.status == 401
            async with http.post(f"{server.base_url}/calls", headers={"X-API-Key": "of-the-relay"}) as reply:
                url = (await reply.json())["joinUrl"]
            async with http.ws_connect(url) as ws:
                assert (await ws.receive_json())["callId"] == "c-1"
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{server.url}/calls/c-9")
            assert refused.value.status == 401
    assert [one["x-api-key"] for one in real.asked] == [KEY]
    assert KEY not in repr(real.joined)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("recorder:4000", "http://recorder:4000/api"),
        ("[::1]:4000", "http://[::1]:4000/api"),
        ("192.168.0.7", "http://192.168.0.7/api"),
        ("evil/path", "http://127.0.0.1:5/api"),
        ("user@evil", "http://127.0.0.1:5/api"),
        ("", "http://127.0.0.1:5/api"),
    ],
)
def test_a_client_gets_the_name_by_which_it_came(host: str, expected: str) -> None:
    request = Request("POST", "/api/calls", headers=(("Host", host),))
    assert reached("http://127.0.0.1:5/api", request) == expected
    assert reached("http://127.0.0.1:5", request) == expected.removesuffix("/api")
    assert reached("http://127.0.0.1:5/api", Request("POST", "/")) == "http://127.0.0.1:5/api"


# --- bodies that came packed, headers of odd bytes ---


@asynccontextmanager
async def replying(body: bytes, **headers: str) -> AsyncIterator[str]:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async with plain_server(answer) as origin:
        yield origin


async def test_a_packed_body_is_passed_on_as_it_came_and_recorded_readable(tmp_path: Path) -> None:
    secret = "ek_" + "abcdefgh1234" * 3
    packed = gzip.compress(json.dumps({"value": secret}).encode())
    file = tmp_path / "x.cassette"
    async with (
        replying(packed, Content_Encoding="gzip") as origin,
        Recording(relay(f"{origin}/v1"), file) as recording,
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(f"{recording.server.base_url}/models") as reply,
    ):
        assert reply.headers["Content-Encoding"] == "gzip"
        assert await reply.read() == packed
    [exchange] = load(file).exchanges
    assert json.loads(exchange.body)["value"].startswith("REDACTED-")
    assert not [value for name, value in exchange.headers if name.lower() == "content-encoding"]


async def test_a_socket_that_a_packed_reply_names_is_led_here_too(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"joinUrl":"wss://far.test/calls/c-1?token=t"}')
    async with (
        replying(packed, Content_Encoding="gzip") as origin,
        MockServer(relay(f"{origin}/api", dialect="ultravox")) as server,
        aiohttp.ClientSession() as http,
        http.post(f"{server.base_url}/calls") as reply,
    ):
        assert (await reply.json(content_type=None))["joinUrl"].startswith(f"ws://127.0.0.1:{server.port}/calls/c-1")


def test_what_cannot_be_unpacked_is_recorded_empty() -> None:
    for encoding, body in (("br", b"x"), ("gzip", b"no gzip"), ("gzip", gzip.compress(bytes(MOST + 1)))):
        assert plain((("Content-Encoding", encoding),), body) == ((), b"", False)
    assert plain((("Content-Encoding", "deflate"),), zlib.compress(b"x")) == ((), b"x", True)
    assert plain((("A", "b"),), b"x") == ((("A", "b"),), b"x", True)


async def test_a_header_with_a_byte_that_is_no_utf_8_stops_nothing(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
        await writer.drain()

    file = tmp_path / "x.cassette"
    async with (
        raw_server(serve) as upstream,
        Recording(relay(upstream), file) as recording,
        aiohttp.ClientSession() as http,
        http.get(f"{recording.server.base_url}/models") as reply,
    ):
        assert await reply.read() == b"[]"
        assert reply.headers["X-Name"] == "café"
    assert recording.problems == []
    assert load(file).exchanges[0].body == b"[]"


async def test_a_socket_that_a_call_named_is_verified_by_making_the_call_again(tmp_path: Path) -> None:
    file = tmp_path / "calls.cassette"
    async with provider() as real:
        async with Recording(relay(f"{real.rest}/api", dialect="ultravox"), file) as recording:
            await call(recording.server.base_url)
            await call(recording.server.base_url)
        reports = await verify(load(file), upstream=f"{real.rest}/api", wait_seconds=2)
        assert [(one.connection, one.drifts) for one in reports] == [(0, ()), (1, ())]
        # Two calls of the recording, two of its verification; each socket with the token of its own call.
        assert len(real.asked) == len(real.joined) == 4


async def test_a_call_that_names_no_socket_any_more_is_told(tmp_path: Path) -> None:
    file = tmp_path / "calls.cassette"
    async with provider() as real, Recording(relay(f"{real.rest}/api", dialect="ultravox"), file) as recording:
        await call(recording.server.base_url)
    async with replying(b"{}") as origin:
        with pytest.raises(
            UpstreamError, match=r"POST /api/calls\?enableGreetingPrompt=false was answered 200 and named no socket"
        ):
            await verify(load(file), upstream=f"{origin}/api", wait_seconds=1)
