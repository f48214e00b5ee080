"""When Python's collector comes to a command that serves: not while somebody waits.

A collection stops every session for a microsecond an object, and a session has 300 objects: of thousands that begin at
once, or of which each refers to itself when it is over, it would be hundreds of milliseconds. So sessions on websockets
and on HTTP/2 leave nothing of this project's behind that refers to itself (tests/server/websocket/test_left_over.py).
What else there may be, of a library or of a user's replier, is collected while nobody is connected, or when it is much.

For the commands only: in a test's own process the collector is the user's.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from mockserver.server.memory import give_back

SWITCH_SECONDS = 0.0005
"""So long a thread that looks at a large frame keeps the interpreter, each time that sessions want it."""
LOOK_SECONDS = 1.0
FEW, MOST = 20_000, 1_000_000
"""Objects that may be new since the last collection: while nobody is connected, and however many sessions run. To look
at a million takes a second, about.
"""
GROWN = 64 << 20
"""Bytes by which the process may have grown since then, where a look at what is new takes milliseconds: of a request
that is no HTTP aiohttp leaves few objects, and they hold half a megabyte.
"""


class Served(Protocol):
    """A server: how many sessions run."""

    @property
    def running(self) -> int: ...


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
    """Collect where there is enough that is new. What stays then is not looked at again."""
    held = resident()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        new = gc.get_count()[0]
        if new > (MOST if server.running else FEW) or (new <= FEW and resident() - held > GROWN):
            gc.collect()
            gc.freeze()
            give_back()
            held = resident()


def resident() -> int:
    """Bytes of memory that the process holds; 0 where the system does not tell (proc(5))."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0


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
