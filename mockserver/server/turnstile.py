"""When many clients ask at once, no turn of the loop is filled with their requests.

A loop looks at its sockets once a turn. Were all requests of a turn handled in it, then whoever asks meanwhile would be
noticed when all that is done, and have its whole answer late by as much: a frame's delay counts from when the request
came. So a request waits here once a turn has had its share. It has been read by then and its time is
known, and the requests of others are read too.

Who is there already goes first: of those who only come, or have gone, one is let through each turn.
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
        self._coming: deque[Future[None]] = deque()
        self._leaving: deque[Future[None]] = deque()
        self._turning = False

    async def pass_through(self) -> None:
        """Return when this request of a session may be handled."""
        if self.full:
            await self._through(self._waiting)

    async def come_in(self) -> None:
        """Return when this client may come in: its handshake is to be handled."""
        if self.full or self._coming:
            await self._through(self._coming)

    async def go_out(self) -> None:
        """Return when the end of a client's connection may be handled: nobody waits for that."""
        if self.full or self._leaving:
            await self._through(self._leaving)

    @property
    def full(self) -> bool:
        """Whether a request of a session has to wait its turn."""
        return self._spent > SHARE or bool(self._waiting)

    def handled(self, seconds: float) -> None:
        """Count a request that took ``seconds``."""
        if seconds > LONG:
            self._spent += seconds
            self._start()

    async def _through(self, line: deque[Future[None]]) -> None:
        future: Future[None] = self._loop.create_future()
        line.append(future)
        self._start()
        await future

    def _start(self) -> None:
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._spent = 0.0
        self._turning = False
        for line, many in ((self._waiting, THROUGH), (self._coming, 1), (self._leaving, 1)):
            for _ in range(min(many, len(line))):
                future = line.popleft()
                if not future.done():
                    future.set_result(None)
        if self._waiting or self._coming or self._leaving:
            self._start()
