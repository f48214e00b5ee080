"""Other websocket servers, doing what the bare aiohttp server of ``serve`` does: a flood of frames when asked for.

Each is measured where it is installed: ``pip install picows websockets``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib.util import find_spec
from typing import Any

from tests.bench import material

ROLES = {name: f"{name}-flood" for name in ("websockets", "picows")}


def installed() -> dict[str, str]:
    """The roles that can be measured here, by the name of their library."""
    return {name: role for name, role in ROLES.items() if find_spec(name) is not None}


def websockets_flood(*, count: int, size: int, **_: Any) -> AbstractAsyncContextManager[int]:
    """A loop of ``send``."""
    answer = material.answer(count, size, item=material.LIVE_ITEM, tag=material.LIVE_TAG)

    async def talk(ws: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):  # the client has all that it waits for and has left
            await ws.send(material.created())
            async for message in ws:
                if '"response.create"' in message:
                    for text in answer:
                        await ws.send(text)
                else:
                    await ws.send(material.added(material.LIVE_ITEM))
                    await ws.send(material.added(material.LIVE_ITEM, "done"))

    @asynccontextmanager
    async def serving() -> AsyncIterator[int]:
        from websockets.asyncio.server import serve

        async with serve(talk, "127.0.0.1", 0, compression=None, max_size=None) as server:
            yield next(iter(server.sockets)).getsockname()[1]

    return serving()


def picows_flood(*, count: int, size: int, **_: Any) -> AbstractAsyncContextManager[int]:
    """``send`` for each frame, from the listener that gets the request."""
    answer = [text.encode() for text in material.answer(count, size, item=material.LIVE_ITEM, tag=material.LIVE_TAG)]

    @asynccontextmanager
    async def serving() -> AsyncIterator[int]:
        import picows

        class Talk(picows.WSListener):  # type: ignore[misc, unused-ignore]
            def on_ws_connected(self, transport: Any) -> None:
                transport.send(picows.WSMsgType.TEXT, material.created().encode())

            def on_ws_frame(self, transport: Any, frame: Any) -> None:
                if frame.msg_type != picows.WSMsgType.TEXT:
                    transport.disconnect()
                elif b'"response.create"' in frame.get_payload_as_bytes():
                    for data in answer:
                        transport.send(picows.WSMsgType.TEXT, data)
                else:
                    for text in (material.added(material.LIVE_ITEM), material.added(material.LIVE_ITEM, "done")):
                        transport.send(picows.WSMsgType.TEXT, text.encode())

        server = await picows.ws_create_server(lambda request: Talk(), "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    return serving()
