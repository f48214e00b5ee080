"""Faults that touch the connection, seen by a real client on a real socket; each beside a server without the fault."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType

from mockserver import MockServer
from mockserver.core.frames import Handshake
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.base import HttpReply, Request, SessionContext
from mockserver.errors import ExpectationFailed, FaultNeverFired
from mockserver.faults import Fault
from tests.faults.stage import Provider

CREATE = {"type": "response.create"}
SOON = 0.2  # seconds in which something that comes would have come: it takes under one millisecond here
LONG = 10


class Staged:
    """The tests' provider, for a server."""

    dialect = OPENAI

    def open(self, handshake: Handshake, context: SessionContext) -> Provider:
        return Provider(context.seed)

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        return None

    def problems(self) -> list[ExpectationFailed]:
        return []


@asynccontextmanager
async def serving(*faults: Fault | str) -> AsyncIterator[MockServer]:
    async with asyncio.timeout(LONG * 2), MockServer(Staged(), faults=faults) as server:
        yield server


@asynccontextmanager
async def client(server: MockServer, **how: object) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as http, http.ws_connect(server.ws_url, **how) as ws:  # type: ignore[arg-type]
        yield ws


async def until(ws: aiohttp.ClientWebSocketResponse, name: str) -> None:
    while name not in (await ws.receive_json(timeout=LONG))["type"]:
        pass


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not true():  # noqa: ASYNC110 the server has no event for the end of one session
            await asyncio.sleep(0.001)


async def test_control_a_whole_turn_and_an_end_in_order() -> None:
    async with serving() as server, client(server, protocols=("realtime",)) as ws:
        await ws.send_json(CREATE)
        await until(ws, "rate_limits.updated")
        await ws.close()
        assert ws.close_code == 1000
        await eventually(lambda: server.sessions[0].over)


async def test_close_with_a_code_and_a_reason() -> None:
    async with serving('close 1011 "gone" after 2 response.output_audio.delta') as server, client(server) as ws:
        await ws.send_json(CREATE)
        await until(ws, "output_audio.delta")
        await until(ws, "output_audio.delta")
        message = await ws.receive(timeout=LONG)
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 1011, "gone")


async def test_reset() -> None:
    async with serving("reset on response.created") as server:
        reader, writer = await raw(server)
        await raw_open(server, reader, writer)
        writer.write(raw_text(b'{"type":"response.create"}'))
        with pytest.raises(ConnectionResetError):
            await reader.read()  # up to an end in order
        writer.close()


async def test_half_open() -> None:
    async with serving("half open on response.created") as server, client(server, autoping=False) as ws:
        await ws.send_json(CREATE)
        await until(ws, "response.created")
        await ws.ping()
        await ws.send_json(CREATE)
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=SOON)
        assert not server.sessions[0].over
        assert len(server.journal.sent_by_client("response.create").views) == 1


@pytest.mark.parametrize(("faults", "answered"), [((), True), (("no pong on session.created",), False)])
async def test_no_pong(faults: tuple[str, ...], answered: bool) -> None:
    async with serving(*faults) as server, client(server, autoping=False) as ws:
        await until(ws, "session.created")
        await ws.ping(b"there?")
        await ws.send_json({"type": "response.cancel"})  # an error comes back, behind the pong if there is one
        kinds = []
        while WSMsgType.TEXT not in kinds:
            kinds.append((await ws.receive(timeout=LONG)).type)
        assert (WSMsgType.PONG in kinds) is answered


@pytest.mark.parametrize(
    ("spec", "slow"), [("close 1000 on session.created", False), ("slow close 300ms on session.created", True)]
)
async def test_slow_close(spec: str, slow: bool) -> None:
    async with serving(spec) as server:
        reader, writer = await raw(server)
        await raw_open(server, reader, writer)
        received = b""
        while b"\x88\x02\x03\xe8" not in received:  # the close frame: FIN, opcode 8, two bytes, 1000
            received += await reader.read(65_536)
        loop = asyncio.get_running_loop()
        began = loop.time()
        writer.write(b"\x88\x82\x00\x00\x00\x00\x03\xe8")  # the client's own, masked with zeros
        assert await reader.read(65_536) == b""  # TCP has ended
        assert (loop.time() - began > 0.15) is slow
        writer.close()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_a_refused_handshake(status: int) -> None:
    spec = f"refuse {status} retry-after 2s for first 2 attempts"
    async with serving(spec) as server:
        for _ in range(2):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with client(server):
                    pass
            assert caught.value.status == status
            assert caught.value.headers is not None
            assert caught.value.headers["Retry-After"] == "2"
        async with client(server) as ws:
            await until(ws, "session.created")


async def test_a_late_handshake() -> None:
    async with serving("handshake delay 250ms for first attempt") as server:
        loop = asyncio.get_running_loop()
        took = []
        for _ in range(2):
            began = loop.time()
            async with client(server) as ws:
                took.append(loop.time() - began)
                await until(ws, "session.created")
        assert took[0] >= 0.25 > took[1]


async def test_a_handshake_that_is_never_answered() -> None:
    async with serving("handshake hang for first attempt") as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON), client(server):
                pass
        async with client(server) as ws:
            await until(ws, "session.created")


async def test_a_handshake_that_is_reset() -> None:
    async with serving("handshake reset for first attempt") as server:
        reader, writer = await raw(server)
        writer.write(raw_handshake(server))
        with pytest.raises(ConnectionResetError):  # aiohttp's client would try again by itself
            await reader.read()
        writer.close()
        async with client(server) as ws:
            await until(ws, "session.created")


async def test_a_redirect_is_an_answer() -> None:
    async with serving('redirect to "http://127.0.0.1:1/elsewhere"') as server:
        reader, writer = await raw(server)
        writer.write(raw_handshake(server))
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 307 ")
        assert "location: http://127.0.0.1:1/elsewhere" in head.lower()
        writer.close()


@pytest.mark.parametrize(("faults", "selected"), [((), "realtime"), (("wrong subprotocol graphql-ws",), "graphql-ws")])
async def test_the_wrong_subprotocol(faults: tuple[str, ...], selected: str) -> None:
    class Polite(Staged):
        def open(self, handshake: Handshake, context: SessionContext) -> Provider:
            from mockserver.core.frames import Accept, Opened

            provider = Provider(context.seed)
            feed = provider.feed
            provider.feed = lambda item, now: (  # type: ignore[method-assign]
                [Accept(OPENAI.subprotocol(handshake.subprotocols))] if isinstance(item, Opened) else feed(item, now)
            )
            return provider

    async with asyncio.timeout(LONG), MockServer(Polite(), faults=faults) as server:
        reader, writer = await raw(server)
        writer.write(raw_handshake(server, "Sec-WebSocket-Protocol: realtime\r\n"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert f"sec-websocket-protocol: {selected}\r\n" in head
        writer.close()


async def test_a_fault_that_never_fired_fails_the_test() -> None:
    with pytest.raises(FaultNeverFired, match=r"the server sent no response\.done"):
        async with serving("drop on response.done") as server, client(server) as ws:
            await until(ws, "session.created")
    async with serving("drop on response.done optional") as server, client(server) as ws:
        await until(ws, "session.created")
        assert server.problems() == []


async def test_set_and_taken_away_while_a_session_runs() -> None:
    async with serving() as server, client(server) as ws:
        await until(ws, "session.created")
        fault = server.add_fault("drop on response.output_audio.delta")
        await ws.send_json(CREATE)
        names = []
        while "rate_limits.updated" not in names:
            names.append((await ws.receive_json(timeout=LONG))["type"])
        assert "response.output_audio.delta" not in names
        server.remove_fault(fault)
        await ws.send_json(CREATE)
        await until(ws, "response.output_audio.delta")


# --- a client that does not hide what is on the wire ---


async def raw(server: MockServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port)


def raw_handshake(server: MockServer, more: str = "") -> bytes:
    return (
        f"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    ).encode()


async def raw_open(server: MockServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    writer.write(raw_handshake(server))
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")


def raw_text(data: bytes) -> bytes:
    """A masked text frame (with a mask of zeros) of fewer than 126 bytes."""
    return struct.pack("!BB4x", 0x81, 0x80 | len(data)) + data
