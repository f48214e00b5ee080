"""A call without sockets and without a clock: the caller, a small gateway between, and what answers behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any

from mockserver.cassette.model import Cassette
from mockserver.core.frames import Accept, Close, Frame, Hangup, Lost, Opened, Peer, Received, Refuse, Send, Sender
from mockserver.core.journal import Journal
from mockserver.dialects.base import Dialect
from mockserver.engines.base import SessionContext, Source
from mockserver.load.caller import Caller, CallerRole, CallOptions
from mockserver.load.outcome import CallReport

UNIX_US = 1_795_000_000_000_000
Passing = Iterable[tuple[int, Frame]]
"""What comes out of a gateway for one frame: after so many microseconds, which frame."""


class Gateway:
    """Passes everything on at once. The bad ones are below."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.count = 0

    def name(self, frame: Frame) -> str:
        return self.dialect.view(frame, Sender.SERVER).name

    def down(self, frame: Frame) -> Passing:
        """A frame of the service's."""
        return [(0, frame)]


def played(
    cassette: Cassette,
    source: Source,
    gateway: Callable[[Dialect], Gateway] = Gateway,
    *,
    options: CallOptions | None = None,
    seed: object = 0,
    sent: list[Frame] | None = None,
) -> CallReport:
    """One call of the cassette's first connection."""
    return _Booth(cassette, source, gateway(source.dialect), options, seed, sent).run()


class _Booth:
    def __init__(
        self,
        cassette: Cassette,
        source: Source,
        gateway: Gateway,
        options: CallOptions | None,
        seed: object,
        sent: list[Frame] | None,
    ) -> None:
        recorded = cassette.connections[0]
        self.caller = Caller(CallerRole(cassette, recorded), options=options, seed=seed)
        log = Journal(seed=seed).open(source.dialect)
        context = SessionContext(log.number, log.seed, log.lens, unix_us=UNIX_US, base_url="http://127.0.0.1:1/v1")
        self.shake = recorded.handshake
        self.engine = source.open(self.shake, context)
        self.gateway = gateway
        self.sent = [] if sent is None else sent
        self.now = 0
        self.coming: list[tuple[int, int, Frame]] = []
        self.count = 0
        self.ended = False

    def run(self) -> CallReport:
        self.answered(self.engine.feed(Opened(self.shake), 0))
        while not self.caller.over:
            times = [at for at in (self.caller.wake_at(), self.engine.wake_at()) if at is not None]
            times += [self.coming[0][0]] if self.coming else []
            assert times, "nobody waits for anything"
            self.now = max(self.now, min(times))
            assert self.now < 3_600_000_000, "an hour for one call"
            due = self.engine.wake_at()
            if due is not None and due <= self.now:
                self.answered(self.engine.wake(self.now))
            while self.coming and self.coming[0][0] <= self.now and not self.caller.over:
                self.said(self.caller.feed(heappop(self.coming)[2], self.now))
            due = self.caller.wake_at()
            if due is not None and due <= self.now:
                self.said(self.caller.wake(self.now))
        return self.caller.report

    def said(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self.sent.append(frame)
            self.answered(self.engine.feed(Received(Peer.CLIENT, frame), self.now))

    def answered(self, effects: Iterable[Any]) -> None:
        for effect in effects:
            match effect:
                case Accept():
                    self.said(self.caller.opened(self.now))
                case Refuse(status, _, _):
                    self.caller.refused(status, self.now)
                case Send(Peer.CLIENT, frame):
                    self.passes(frame)
                case Hangup(Peer.CLIENT, code, reason, _):
                    self.passes(Close(code, reason))

    def passes(self, frame: Frame) -> None:
        if self.ended:
            return
        self.ended = isinstance(frame, Close | Lost)
        out = [(0, frame)] if self.ended else self.gateway.down(frame)
        for later, one in out:
            self.count += 1
            heappush(self.coming, (self.now + later, self.count, one))
