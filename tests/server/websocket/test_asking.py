"""What is taken of requests, and kept: one copy of what all clients say."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from mockserver import MockServer, simulator
from mockserver.core.frames import Handshake
from mockserver.server.websocket.asking import COMMON, MAX_PARAMETERS, pairs, read_handshake, too_much


def handshake(target: str, value: str) -> Handshake:
    raw = ((b"Authorization", b"Bearer " + value.encode()), (b"User-Agent", f"client {len(value)}".encode()))
    request: Any = SimpleNamespace(raw_path=target[:1] + target[1:], raw_headers=raw)
    return read_handshake(request)


@pytest.mark.parametrize(("size", "shared"), [(20, True), (COMMON + 1, False)])
def test_a_journal_of_many_sessions_has_common_headers_and_addresses_once(size: int, shared: bool) -> None:
    """Long ones are one client's: to remember them would be memory that strangers fill."""
    target = "/v1/realtime?model=" + "m" * size
    one, other = handshake(target, "k" * size), handshake(target, "k" * size)
    assert one == other
    assert one.query == (("model", "m" * size),)
    assert (one.query is other.query, one.headers[0] is other.headers[0]) == (shared, shared)


def test_headers_stay_in_their_order_and_bytes_that_are_no_text_are_read_all_the_same() -> None:
    raw = ((b"B", b"\xff"), (b"A", "\u00e9".encode()), (b"B", b"2"))
    assert pairs(raw) == (("B", "\u00ff"), ("A", "\u00e9"), ("B", "2"))


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/v1/realtime?" + "a=b&" * MAX_PARAMETERS, (), 414),
        ("/v1/realtime?" + "a=b&" * (MAX_PARAMETERS - 1), ((b"Cookie", b"c" * 20_000),), None),
        ("/", ((b"Cookie", b"c" * 40_000), (b"X-Token", b"t" * 40_000)), 431),
    ],
)
def test_a_head_that_is_too_much_to_be_kept_is_refused(
    target: str, headers: tuple[tuple[bytes, bytes], ...], status: int | None
) -> None:
    refusal = too_much(target, headers)
    assert (None if refusal is None else refusal.status) == status


async def test_a_body_that_cannot_be_read_is_answered_or_dropped_and_no_traceback_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    head = b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n"
    async with MockServer(simulator("openai")) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head + b"Content-Encoding: gzip\r\n\r\nabcd")
        assert b" 400 " in await reader.readline()
        assert b"Content-Encoding" in await reader.read(2_000)
        writer.close()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head + b"\r\nab")
        await writer.drain()
        writer.transport.abort()
    assert [record.getMessage() for record in caplog.records] == []


async def test_a_websocket_whose_headers_are_no_utf_8_is_answered() -> None:
    head = b"GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Thing: \xff\xfe\r\n"
    head += b"Authorization: Bearer a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    async with MockServer(simulator("openai")) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        assert b" 101 " in await reader.readline()
        writer.close()
        handshake = server.sessions[0].log.handshake
    assert handshake is not None
    assert ("X-Thing", "\u00ff\u00fe") in handshake.headers
