"""Circles of references that libraries leave behind when a connection has ended, opened.

What refers to itself is freed by the collector alone. A collection stops every session, and one that frees what
thousands of connections have left takes a second.
"""

from __future__ import annotations

import asyncio

from aiohttp import web


def untraced(error: BaseException | None) -> None:
    """Forget where an error, and those behind it, came about.

    A websocket of aiohttp keeps the error that ended it, that keeps the frames in which it was raised, and one of those
    is the websocket's.
    """
    while error is not None:
        error.__traceback__ = None
        behind, error.__context__ = error.__context__, None
        error = behind


async def opened_up(ws: web.WebSocketResponse, transport: asyncio.BaseTransport | None) -> None:
    """The same for a server's websocket whose connection has ended."""
    if ws.prepared and (transport is None or transport.is_closing()):
        await ws.close()  # writes nothing; else aiohttp does it later, and keeps the error that comes of it
    untraced(ws.exception())


def unhooked(transport: object, *names: str) -> None:
    """Forget how a transport was read, or written, that never is again: asyncio's keeps methods of its own for that."""
    for name in names:
        if name in getattr(transport, "__dict__", ()):
            setattr(transport, name, None)
