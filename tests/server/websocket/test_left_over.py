"""Of a connection that has ended nothing refers to itself: to have it collected would stop every session."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from mockserver import MockServer, Scripted, relay, simulator
from mockserver.engines.base import Source
from tests.server.http2.caller import connected, turn

TRANSPORTS = ("asyncio.selector_events._SelectorSocketTransport", "asyncio.trsock.TransportSocket")


Talk = Callable[[MockServer], Awaitable[None]]
"""A session from its begin to its end."""


async def closed(server: MockServer) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as ws:
        await ws.receive()


async def lost(server: MockServer) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as ws:
        await ws.receive()
        ws._response.close()


async def streamed(server: MockServer) -> None:
    async with connected(server) as connection:
        await turn(connection, "hello")


async def no_request(server: MockServer) -> None:
    """Whatever is left of it keeps what came with it. It fits one read: of more, aiohttp keeps an error for each."""
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", server.port))
        await loop.sock_sendall(sock, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n")
        assert b" 400 " in await loop.sock_recv(sock, 100)


def ours(found: list[object]) -> Counter[str]:
    """What of a server is in it, that of the upstream included."""
    return Counter(
        f"{type(one).__module__}.{type(one).__qualname__}"
        for one in found
        if type(one).__module__.startswith(("mockserver", "aiohttp.web")) or "Transport" in type(one).__name__
    )


@pytest.mark.parametrize(
    ("provider", "talk", "relayed"),
    [
        *(("openai", talk, relayed) for talk in (closed, lost) for relayed in (False, True)),
        ("openai", no_request, False),
        ("nova_sonic", streamed, False),
    ],
)
async def test_nothing_of_it_is_left_for_the_collector(provider: str, talk: Talk, relayed: bool) -> None:
    async with AsyncExitStack() as stack:
        source = simulator(provider, pace="instant", replier=Scripted(["Yes."] * 3))
        served = [await stack.enter_async_context(served_for_long(source))]
        if relayed:
            served.append(await stack.enter_async_context(served_for_long(relay(served[0].ws_url))))
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                await talk(served[-1])
            for server in reversed(served):
                await server.drain(5)
            await asyncio.sleep(0)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            found = ours(gc.garbage)
            own = 3  # sockets of this test's client, which libraries leave to the collector
            assert {found.pop(name, own) for name in TRANSPORTS} == {own}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert not found


def served_for_long(source: Source) -> MockServer:
    """A server that keeps nothing of a session but what its journal has room for."""
    return MockServer(source, journal_limit=1000)
