"""Of a connection that has ended nothing refers to itself: to have it collected would stop every session."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from mockserver import MockServer, relay, simulator
from mockserver.engines.base import Source

TRANSPORTS = ("asyncio.selector_events._SelectorSocketTransport", "asyncio.trsock.TransportSocket")


async def closed(ws: aiohttp.ClientWebSocketResponse) -> None:
    await ws.close()


async def lost(ws: aiohttp.ClientWebSocketResponse) -> None:
    ws._response.close()


def ours(found: list[object]) -> Counter[str]:
    """What of a server is in it, that of the upstream included."""
    return Counter(
        f"{type(one).__module__}.{type(one).__qualname__}"
        for one in found
        if type(one).__module__.startswith(("mockserver", "aiohttp.web")) or "Transport" in type(one).__name__
    )


@pytest.mark.parametrize("end", [closed, lost])
@pytest.mark.parametrize("relayed", [False, True], ids=["simulated", "relayed"])
async def test_nothing_of_it_is_left_for_the_collector(relayed: bool, end: Callable[..., Awaitable[None]]) -> None:
    async with AsyncExitStack() as stack:
        served = [await stack.enter_async_context(served_for_long(simulator("openai", pace="instant")))]
        if relayed:
            served.append(await stack.enter_async_context(served_for_long(relay(served[0].ws_url))))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                async with session.ws_connect(served[-1].ws_url) as ws:
                    await ws.receive()
                    await end(ws)
            del ws
            for server in reversed(served):
                await server.drain(5)
            await asyncio.sleep(0)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            found = ours(gc.garbage)
            own = 3  # sockets of this test's client, which aiohttp leaves to the collector
            assert {found.pop(name, own) for name in TRANSPORTS} == {own}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert not found


def served_for_long(source: Source) -> MockServer:
    """A server that keeps nothing of a session but what its journal has room for."""
    return MockServer(source, journal_limit=1000)
