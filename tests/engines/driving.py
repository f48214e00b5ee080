"""A client for the pure tests of replay: cassettes from dialogues, and a driver that keeps the
clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import (
    Abort,
    Accept,
    Binary,
    Close,
    Effect,
    Frame,
    Handshake,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Refuse,
    Sender,
    Text,
    frame_to_client,
)
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.engines.base import SessionContext
from mockserver.engines.replay.source import Replay

C, S = Sender.CLIENT, Sender.SERVER


def frame(what: Any) -> Frame:
    """A frame as it stands; a dict or list as JSON text; text and bytes as they are."""
    if isinstance(what, Text | Binary | Close | Lost):
        return what
    if isinstance(what, bytes):
        return Binary(what)
    return Text(what if isinstance(what, str) else json.dumps(what))


def recording(
    *lines: tuple[Sender, Any] | tuple[int, Sender, Any],
    dialect: str = "openai",
    every: int = 100,
    timed: bool = True,
) -> Cassette:
    """A cassette of one connection. Lines are (sender, frame), ``every`` ms apart, or (ms,
    sender, frame).
    """
    records = []
    for place, line in enumerate(lines, 1):
        at, sender, what = line if len(line) == 3 else (place * every, *line)
        records.append(Record(at * 1_000, sender, frame(what)))
    return Cassette(
        Header(dialect),
        (Connection(0, Handshake(), records=tuple(records), timed=timed),),
        path="x.cassette",
    )


class Live:
    """A live session against a source."""

    def __init__(
        self,
        source: Replay,
        handshake: Handshake | None = None,
        *,
        number: int = 0,
        began: Micros = 0,
    ) -> None:
        self.journal = Journal()
        log = self.journal.open(source.dialect)
        log.number = number
        context = SessionContext(number, f"seed/{number}", log.lens)
        handshake = handshake or Handshake()
        log.number = 0
        self.session = Session(source.open(handshake, context), journal=self.journal, log=log)
        self.now: Micros = began
        self.got: list[tuple[Micros, Frame]] = []
        self.effects: list[Effect] = []
        self._take(self.session.feed(Opened(handshake), began))
        self.wait(0)

    @property
    def accepted(self) -> bool:
        return any(isinstance(effect, Accept) for effect in self.effects)

    @property
    def refused(self) -> Refuse | None:
        return next((effect for effect in self.effects if isinstance(effect, Refuse)), None)

    def send(self, what: Any) -> None:
        """The client sends a frame now."""
        self._take(self.session.feed(Received(Peer.CLIENT, frame(what)), self.now))
        self.wait(0)

    def wait(self, ms: float) -> None:
        """Let time pass."""
        end = self.now + round(ms * 1_000)
        while (due := self.session.wake_at()) is not None and due <= end:
            self.now = max(due, self.now)
            self._take(self.session.wake(self.now))
        self.now = end

    def frames(self) -> list[Frame]:
        """What came so far."""
        return [one for _, one in self.got]

    def bodies(self) -> list[Any]:
        """What came so far, as JSON; closes as they are."""
        return [json.loads(one.data) if isinstance(one, Text) else one for one in self.frames()]

    def names(self) -> list[str]:
        """Event types of what came so far."""
        return [body.get("type", "?") if isinstance(body, dict) else "close" for body in self.bodies()]

    def _take(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            self.effects.append(effect)
            sent = Lost() if isinstance(effect, Abort) else frame_to_client(effect)
            if sent is not None:
                self.got.append((self.now, sent))


def play(
    live: Live,
    records: Sequence[Record],
    change: Callable[[Frame], Iterable[Frame]] = lambda one: (one,),
    slower: float = 1.0,
) -> None:
    """Send a recording's client side: each frame once what was recorded before it has come, at
    its recorded distance.
    """
    last_at = 0
    wanted = 0
    for record in records:
        if record.sender is S:
            wanted += 1
            last_at = record.at
            continue
        for _ in range(100_000):
            if len(live.got) >= wanted or live.session.wake_at() is None:
                break
            live.wait((live.session.wake_at() - live.now) / 1_000)  # type: ignore[operator]
        live.wait((record.at - last_at) * slower / 1_000)
        last_at = record.at
        for one in change(record.frame):
            live.send(one)
    live.wait(60_000)


def with_records(cassette: Cassette, records: Iterable[Record]) -> Cassette:
    """The same cassette with other records in its only connection."""
    return replace(cassette, connections=(replace(cassette.connections[0], records=tuple(records)),))
