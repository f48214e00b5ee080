"""The sessions of one server: those that run, and all that there have been."""

from __future__ import annotations

import asyncio

from mockserver.core.debts import Debt
from mockserver.server.pump import Pump
from mockserver.server.sessions import Past, SessionHandle


class SessionBook:
    """``all``: every session so far, in order. ``bounded``: whether those that are over give up their engines."""

    def __init__(self, *, bounded: bool) -> None:
        self.all: list[SessionHandle] = []
        self.running: dict[Pump, SessionHandle] = {}
        self._past = Past(bounded)
        self._fewer: asyncio.Event | None = None

    def began(self, pump: Pump, handle: SessionHandle) -> None:
        """One more connection has a session."""
        self.running[pump] = handle
        self.all.append(handle)

    def ended(self, pump: Pump) -> None:
        """A connection has ended."""
        handle = self.running.pop(pump, None)
        if handle is not None:
            self._past.ended(handle)
        if self._fewer is not None:
            self._fewer.set()

    async def none_left(self) -> None:
        """Return when no session runs any more."""
        self._fewer = asyncio.Event()
        while self.running:
            self._fewer.clear()
            await self._fewer.wait()

    def owed(self) -> list[Debt]:
        """What connected clients are owed."""
        return [debt for handle in self.running.values() for debt in handle.owes()]

    def end_all(self, why: str) -> None:
        """End those that run, now."""
        for pump in list(self.running):
            pump.note("server", why)
            pump.end()

    def abort_all(self) -> None:
        """End the connections without a word."""
        for pump in self.running:
            if pump.transport is not None:
                pump.transport.abort()
