"""The time of one session: microseconds since it began, on the loop's clock; and the wait that ends it."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable

from mockserver.core.frames import Micros
from mockserver.server.clock import Clock


class SessionClock:
    """It never goes back. ``began_us``: when the session began, on the server's clock. ``held``: nothing is woken."""

    __slots__ = ("_clock", "_latest", "began_us", "held")

    def __init__(self, clock: Clock, began_us: Micros) -> None:
        self._clock = clock
        self.began_us = began_us
        self.held = False
        self._latest: Micros = 0

    @property
    def loop(self) -> AbstractEventLoop:
        """The loop whose clock this is."""
        return self._clock.loop

    def now(self) -> Micros:
        """What it shows now."""
        return self.server_at(self._clock.micros())

    def loop_at(self, seconds: float) -> Micros:
        """What it showed a moment ago, by the loop's clock."""
        now = self._clock.micros_at(seconds) - self.began_us
        if now > self._latest:
            self._latest = now
        return self._latest

    def server_at(self, micros: Micros) -> Micros:
        """What it shows when the server's clock shows so much."""
        now = micros - self.began_us
        if now > self._latest:
            self._latest = now
        return self._latest


class Farewell:
    """What is waited for after the server's last frame: the client's close, but not for ever.

    ``linger_us``: how long, where a fault wants it longer or shorter than usual.
    """

    __slots__ = ("_clock", "_timer", "linger_us")

    def __init__(self, clock: SessionClock) -> None:
        self._clock = clock
        self._timer: TimerHandle | None = None
        self.linger_us: Micros = 0

    def wait(self, usual: float, then: Callable[[], None]) -> None:
        """The last frame was written: so many seconds, or those of a fault."""
        seconds = self.linger_us / 1_000_000 if self.linger_us else usual
        self._timer = self._clock.loop.call_later(seconds, then)

    def cancel(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
