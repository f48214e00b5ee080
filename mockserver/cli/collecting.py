"""When Python's collector comes to a command that serves: not while somebody waits.

A collection stops every session for a microsecond an object, and a session has 300 objects: of thousands that begin at
once, or of which each refers to itself when it is over, it would be hundreds of milliseconds. So sessions leave nothing
behind that refers to itself (tests/server/websocket/test_left_over.py), and what else there may be, of a replier of the
user's for example, is collected while nobody is connected, or when it is very much.

For the commands only: in a test's own process the collector is the user's.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import Iterator, Sequence
from typing import Protocol

SWITCH_SECONDS = 0.0005
"""So long a thread that looks at a large frame keeps the interpreter, each time that sessions want it."""
LOOK_SECONDS = 5.0
MOST = 4_000_000
"""Objects that may be new since the last collection, however many sessions run: a gigabyte, about."""


class Served(Protocol):
    """A server: how many sessions run, and all that there have been."""

    @property
    def running(self) -> int: ...

    @property
    def sessions(self) -> Sequence[object]: ...


@contextlib.contextmanager
def steady(server: Served) -> Iterator[None]:
    """No collection while sessions run, and none of what was set up already."""
    gc.collect()
    gc.freeze()
    gc.disable()
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    looking = asyncio.get_running_loop().create_task(collect(server))
    try:
        yield
    finally:
        looking.cancel()
        sys.setswitchinterval(before)
        gc.enable()
        gc.unfreeze()


async def collect(server: Served) -> None:
    """Collect where sessions have ended and none runs, or where there is very much that is new."""
    seen = 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        begun = len(server.sessions)
        if (begun > seen and not server.running) or gc.get_count()[0] > MOST:
            gc.collect()
            seen = begun


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """While much is made of which nothing refers to itself: the collector would look at all of it again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
