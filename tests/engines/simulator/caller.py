"""A client of any simulated provider, without sockets or a clock: sends frames at a time, keeps what came back.

``check`` looks at each server event (strict types) and returns what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Literal

from mockserver.core.abilities import Foreseeing
from mockserver.core.frames import (
    MILLISECOND,
    Accept,
    Ask,
    Binary,
    Effect,
    Event,
    Handshake,
    Hangup,
    Lost,
    Micros,
    Note,
    Opened,
    Peer,
    Received,
    Refuse,
    Send,
    Tell,
    Text,
    Told,
)
from mockserver.core.machine import advance
from mockserver.engines.base import SessionContext

UNIX_US = 1_785_000_000_000_000


class Caller:
    """One connection to a source. ``now`` is in milliseconds."""

    def __init__(
        self,
        source: Any,
        hands: Handshake,
        *,
        check: Callable[[dict[str, Any]], list[str]],
        seed: str = "0/0",
        number: int = 0,
        later_us: int = 0,
        open: bool = True,
    ) -> None:
        self.source = source
        self.check = check
        self.session = SessionContext(number, seed, source.dialect, unix_us=UNIX_US + later_us)
        self.engine: Any = source.open(hands, self.session)
        self.at: Micros = 0
        self.timed: list[tuple[float, dict[str, Any]]] = []
        self.effects: list[Effect] = []
        self.asks: list[Ask] = []
        self._read = 0
        self._looked = 0  # so many effects are no hangup
        self.ahead: Literal["never", "by turns"] = "by turns" if isinstance(self.engine, Foreseeing) else "never"
        self.foreseen = 0
        """So often there was something to be made out ahead."""
        if open:
            self.feed(Opened(hands))

    # --- time and input ---

    @property
    def now(self) -> float:
        """The time, in milliseconds."""
        return self.at / MILLISECOND

    def feed(self, event: Event) -> list[dict[str, Any]]:
        """Something happens now; returns the server events that come of it at once."""
        before = len(self.timed)
        if self.ahead != "never" and (work := self.engine.ahead(event)):
            self.foreseen += 1
            if self.foreseen % 2:  # a server's thread does it; whether it was done, no test can tell
                work()
        self._take(self.engine.feed(event, self.at))
        return [body for _, body in self.timed[before:]]

    def put(self, body: Any) -> list[dict[str, Any]]:
        """A JSON text frame now."""
        return self.text(json.dumps(body))

    def text(self, data: str) -> list[dict[str, Any]]:
        """A text frame now."""
        return self.feed(Received(Peer.CLIENT, Text(data)))

    def binary(self, data: bytes) -> list[dict[str, Any]]:
        """A binary frame now."""
        return self.feed(Received(Peer.CLIENT, Binary(data)))

    def leave(self) -> None:
        """The client is gone."""
        self.feed(Received(Peer.CLIENT, Lost("gone")))

    def wait(self, ms: float) -> list[dict[str, Any]]:
        """Let time pass; returns what came."""
        before = len(self.timed)
        until = self.at + round(ms * MILLISECOND)
        for due, effect in advance(self.engine, until):
            self.at = due
            self._take([effect])
        self.at = until
        return [body for _, body in self.timed[before:]]

    def until(self, name: str, *, within: float = 60_000) -> dict[str, Any]:
        """Let time pass until a new event of this name has come, and no further than its instant."""
        end = self.at + round(within * MILLISECOND)
        while True:
            for place in range(self._read, len(self.timed)):
                if name in self.names_in(self.timed[place][1]):
                    self._read = place + 1
                    return self.timed[place][1]
            due = self.engine.wake_at()
            if due is None or due > end:
                raise AssertionError(f"no {name} within {within} ms; came: {self.names()}, {self.closed}")
            self.step()

    def step(self) -> None:
        """On to the next instant at which something is due."""
        due = self.engine.wake_at()
        assert due is not None, "nothing is due"
        self.at = max(self.at, due)
        self._take(self.engine.wake(self.at))

    def tell(self, word: str, **data: Any) -> list[dict[str, Any]]:
        """A word of a fault."""
        return self.feed(Tell(word, data))

    def told(self, value: Any = None, failure: BaseException | None = None) -> list[dict[str, Any]]:
        """The awaitable that the engine asked for last has come to an end."""
        return self.feed(Told(self.asks[-1].token, value, failure))

    # --- what came ---

    def _take(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            self.effects.append(effect)
            match effect:
                case Send(Peer.CLIENT, Text(data)):
                    self._came(data)
                case Ask():
                    self.asks.append(effect)
                case Accept() | Hangup() | Refuse() | Note():
                    pass
                case _:
                    raise AssertionError(f"unexpected effect {effect}")

    def _came(self, data: str) -> None:
        body = json.loads(data)
        assert self.check(body) == [], body
        self.timed.append((self.now, body))

    def names_in(self, body: dict[str, Any]) -> list[str]:
        """The names by which an event is known; most providers' have one."""
        return [name_of(body)]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All server events so far."""
        return [body for _, body in self.timed]

    def names(self, *without: str) -> list[str]:
        """Their names, runs of one name once, some left out."""
        found: list[str] = []
        for name in map(name_of, self.events):
            if name not in without and (not found or found[-1] != name):
                found.append(name)
        return found

    def of(self, name: str) -> list[dict[str, Any]]:
        """All events of this name."""
        return [body for body in self.events if name_of(body) == name]

    def time_of(self, name: str) -> float:
        """When the first event of this name came, in ms."""
        return next(at for at, body in self.timed if name_of(body) == name)

    @property
    def hangup(self) -> Hangup | None:
        """How the server ended the session, if it did."""
        for place in range(self._looked, len(self.effects)):
            effect = self.effects[place]
            if isinstance(effect, Hangup):
                return effect
            self._looked = place + 1
        return None

    @property
    def closed(self) -> tuple[int | None, str] | None:
        """Its code and reason."""
        return None if self.hangup is None else (self.hangup.code, self.hangup.reason)

    @property
    def notes(self) -> list[Note]:
        """The lines for the journal."""
        return [effect for effect in self.effects if isinstance(effect, Note)]

    @property
    def values(self) -> dict[str, Any]:
        """What the engine shows of itself."""
        found: dict[str, Any] = self.engine.inspect().values  # type: ignore[attr-defined]
        return found


def name_of(body: dict[str, Any]) -> str:
    """An event's type."""
    return str(body.get("type"))
