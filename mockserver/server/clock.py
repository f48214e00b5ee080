"""The server's clock: the event loop's time as integer microseconds, and the wall clock for engines that need a date.

Everything goes through ``loop.time()``, looked up each time, so a fake loop clock (``virtual``, looptime) moves the
whole server, also one that was started before it. The wall clock is read once, when the server starts; later dates are
that plus what the loop's clock has moved, a fake one included.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop

from mockserver.core.frames import SECOND, Micros


class Clock:
    """Microseconds since the server began."""

    __slots__ = ("_began", "_unix_us", "loop")

    def __init__(self, loop: AbstractEventLoop, *, unix_us: Micros | None = None) -> None:
        self.loop = loop
        self._began = loop.time()
        self._unix_us = round(time.time() * SECOND) if unix_us is None else unix_us

    def micros(self) -> Micros:
        """Microseconds since the server began."""
        return round((self.loop.time() - self._began) * SECOND)

    def micros_at(self, loop_time: float) -> Micros:
        """This clock's time at ``loop_time`` of the loop."""
        return round((loop_time - self._began) * SECOND)

    def unix_us(self) -> Micros:
        """The wall clock, in microseconds since 1970."""
        return self._unix_us + self.micros()

    def loop_time(self, at: Micros) -> float:
        """The loop's time at ``at``: what ``call_at`` takes."""
        return self._began + at / SECOND
