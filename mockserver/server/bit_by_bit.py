"""What takes long and is nobody's session, done a bit at a time, or by a thread: sessions do not wait for it.

A journal of ten thousand entries may be a hundred megabytes, and to import what WebRTC needs takes 0.4 s.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from importlib import import_module
from time import sleep
from typing import Any, TypeVar

from mockserver.server.websocket.reading import Shift

T = TypeVar("T")
REST = 0.004
"""Seconds between two bits: what a session has to say goes through several turns of the loop, and of a recorder through
another process. A thread waits so long, for time that is virtual would be skipped.
"""
PIECE = 128 << 10
"""Bytes of an answer that are written at once."""


async def imported(name: str) -> None:
    """Import a module that is needed for the first time. ImportError where it cannot be."""
    module = sys.modules.get(name)
    if module is None or getattr(module.__spec__, "_initializing", False):
        await asyncio.to_thread(import_module, name)


async def breathing(items: Iterable[T]) -> AsyncIterator[T]:
    """The items; between them, where this has taken a while, others have their turns."""
    shift = Shift()
    for item in items:
        yield item
        if shift.over:
            await asyncio.to_thread(sleep, REST)
            shift.begin()


async def encoded(body: Any) -> tuple[bytes, ...]:
    """What ``json.dumps(body, ensure_ascii=False)`` gives, and the end of a line, in pieces.

    ``errors="replace"``: a header may hold bytes that are no UTF-8, kept as surrogates.
    """
    if not isinstance(body, dict):
        return (_bytes(body) + b"\n",)
    pieces: list[bytes] = []
    some = bytearray()
    for name, value in body.items():
        some += (b", " if pieces or some else b"{") + _bytes(name) + b": "
        if not isinstance(value, list):
            some += _bytes(value)
            continue
        some += b"["
        between = b""
        async for one in breathing(value):
            some += between + _bytes(one)
            between = b", "
            if len(some) > PIECE:
                pieces.append(bytes(some))
                some.clear()
        some += b"]"
    some += b"}\n" if body else b"{}\n"
    return (*pieces, bytes(some))


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")
