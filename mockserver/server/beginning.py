"""How a session begins: its log, its engine, and what stands around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mockserver.cassette.tap import Tap
from mockserver.core.entry import Entry, SessionLog
from mockserver.core.frames import Handshake
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.dialects.base import Dialect
from mockserver.engines.base import Engine, ProcessPlace, Relaying, SessionContext, Source, Staging
from mockserver.server.clock import Clock
from mockserver.server.webrtc.placing import Placed


class Surrounding(Protocol):
    """What puts faults around a session."""

    def surround(self, session: Session, dialect: Dialect) -> None: ...


class Beginning:
    """One connection that comes: to a socket or, with ``call``, over WebRTC. ``beside``: makes the engine of a socket
    that wants to be attached to a call. ``log`` is there also where the source then fails to make an engine."""

    def __init__(
        self,
        source: Source,
        handshake: Handshake,
        dialect: Dialect,
        journal: Journal,
        clock: Clock,
        call: Placed | None = None,
        beside: Callable[[Handshake], Engine | None] = lambda handshake: None,
    ) -> None:
        self._source, self._handshake, self._dialect = source, handshake, dialect
        self._call, self._beside = call, beside
        self._journal, self._clock = journal, clock
        scenario, seed = source.entered(handshake) if isinstance(source, Staging) else ("", None)
        self.log: SessionLog = journal.open(dialect, began_us=clock.micros(), scenario=scenario, seed=seed)

    def session(
        self, *, base_url: str, faults: Surrounding, taps: list[Callable[[Entry], None]], place: ProcessPlace
    ) -> Session:
        """The session. Whatever the source raises goes on."""
        log, source = self.log, self._source
        call = self._call
        terms, unix_us = None if call is None else call.terms, self._clock.unix_us()
        context = SessionContext(log.number, log.seed, log.lens, log.began_us, unix_us, base_url, place, terms)
        beside = None if call is not None else self._beside(self._handshake)
        engine = beside or source.open(self._handshake, context)
        session = Session(engine, journal=self._journal, log=log)
        if call is not None:
            call.surround(session, self._dialect, source)
        faults.surround(session, self._dialect)
        if isinstance(source, Staging):
            source.surround(session, self._dialect)
        if taps:
            told_to = taps[0] if len(taps) == 1 else _telling(taps)
            session.tap = Tap(log.number, self._dialect, told_to, relays=isinstance(engine, Relaying))
        return session


def _telling(taps: list[Callable[[Entry], None]]) -> Callable[[Entry], None]:
    def tell(entry: Entry) -> None:
        for tap in taps:
            tap(entry)

    return tell
