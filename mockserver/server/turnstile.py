"""When many clients ask at once, no turn of the loop is filled with their requests.

A loop looks at its sockets once a turn. Were all requests of a turn handled in it, then whoever asks meanwhile would be
noticed when all that is done, and have its whole answer late by as much: a frame's delay counts from when the request
came. So a request waits here once a turn has had its share. It has been read by then and its time is
known, and the requests of others are read too.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections import deque

LONG = 50e-6
"""Seconds of work from which a request counts towards a turn's share. A frame of audio takes less."""
SHARE = 300e-6
"""Seconds of work after which a turn is full."""
THROUGH = 2
"""How many of the waiting requests are let through in a turn."""


class Turnstile:
    """Lets requests through, so many in a turn of the loop. One for each server."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._spent = 0.0
        self._waiting: deque[Future[None]] = deque()
        self._turning = False

    @property
    def full(self) -> bool:
        """Whether a request has to wait its turn."""
        return self._spent > SHARE or bool(self._waiting)

    async def through(self) -> None:
        """Return when this request may be handled."""
        future: Future[None] = self._loop.create_future()
        self._waiting.append(future)
        self._start()
        await future

    def handled(self, seconds: float) -> None:
        """Count a request that took ``seconds``."""
        if seconds > LONG:
            self._spent += seconds
            self._start()

    def _start(self) -> None:
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._spent = 0.0
        self._turning = False
        if self._waiting:
            for _ in range(min(THROUGH, len(self._waiting))):
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(None)
            self._start()
