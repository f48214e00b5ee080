"""What one session says to a recorder: the wire of whoever answers, with no fault between.

    client <-> faults <-> [here] engine <-> upstream

Behind a relay that is the upstream's wire: what was sent to it and what it sent, also after a fault has ended the
client's connection. In front of any other engine it is what reached the engine and what that said. A relay's own words
(it cannot reach the upstream, it refuses a foreign page) are nobody's recording, so nothing of them is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from mockserver.core.burst import Burst
from mockserver.core.entry import Entry, What
from mockserver.core.frames import (
    SECOND,
    Abort,
    Accept,
    Answer,
    Close,
    Dial,
    Dialled,
    Effect,
    Event,
    Frame,
    Handshake,
    Hangup,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Refuse,
    Send,
    Sender,
)
from mockserver.dialects.base import Dialect
from mockserver.dialects.ledger import Ledger

_tuple = tuple.__new__
QUIET: Micros = 1 * SECOND
"""Where the dialect does not say how a response ends: an upstream that was silent for so long has ended it."""


@runtime_checkable
class HearsMany(Protocol):
    """Who is told of text frames of the server that came together: at once, and not of each entry."""

    def texts(self, session: int, at: Micros, texts: Sequence[str]) -> None: ...


class Tap:
    """One session's. ``relays``: the engine passes on what an upstream says, and says nothing itself.

    ``over``: one side has ended the upstream's connection (or, without one, the engine's).
    """

    def __init__(self, session: int, dialect: Dialect, write: Callable[[Entry], None], *, relays: bool) -> None:
        self.over = False
        self._session, self._dialect, self._write = session, dialect, write
        self._peer = Peer.UPSTREAM if relays else Peer.CLIENT
        self._relays = relays
        many: object = write
        self._many = many if isinstance(many, HearsMany) else None
        self._place = 0
        self._handshake: Handshake | None = None
        self._asked = not relays  # the upstream is asked for
        self._shaken = False  # the handshake is written
        self._ledger = Ledger(dialect) if dialect.life.ends else None  # without ends there is nothing to account for
        self._spoke_at: Micros = 0

    # --- what passes ---

    def event(self, event: Event, now: Micros) -> None:
        """Something is on its way into the engine."""
        if type(event) is Received:  # nearly all
            if event.peer is self._peer:
                self._frame(Sender.SERVER if self._relays else Sender.CLIENT, event.frame, now)
            return
        match event:
            case Opened(handshake):
                self._handshake = handshake
                if not self._relays:
                    self._shake(now)
            case Dialled(answer, None) if self._handshake is not None and not self.over:
                self._shake(now)
                self._say(Sender.SERVER, answer, now)
                self.over = answer.status != 101
            case Dialled():
                self.over = True
            case _:
                pass

    def effect(self, effect: Effect, now: Micros) -> None:
        """Something came out of the engine."""
        if type(effect) is Send and effect.peer is not self._peer:
            return
        if isinstance(effect, Send | Hangup | Abort):
            if effect.peer is self._peer:
                self._frame(Sender.CLIENT if self._relays else Sender.SERVER, _frame(effect), now)
        elif isinstance(effect, Dial):
            self._asked = True  # what comes of it is told by ``Dialled``
        elif not self._relays:
            match effect:
                case Accept(subprotocol, headers):
                    self._say(Sender.SERVER, Answer(101, headers, subprotocol), now)
                case Refuse(status, headers, body):
                    self._say(Sender.SERVER, Answer(status, headers, None, body), now)
                    self.over = True
                case _:
                    pass

    def texts(self, burst: Burst, now: Micros) -> None:
        """Text frames of the upstream, which came together, on their way to the client."""
        if self._many is None or self.over or not (self._relays and self._shaken):
            for frame in burst:
                self.event(Received(Peer.UPSTREAM, frame), now)
            return
        texts = [text for text, _ in burst.pieces]
        self._many.texts(self._session, now, texts)
        self._place += len(texts)
        self._spoke_at = now
        if self._ledger is not None:
            self._ledger.see_texts(texts, now)

    def lost(self, now: Micros, why: str) -> None:
        """The connection ends without a word of either side."""
        if self._handshake is not None:
            self._frame(Sender.CLIENT, Lost(why), now)

    # --- what it has to say yet ---

    def settled_at(self, now: Micros) -> Micros | None:
        """When everything that was asked for is said; None where only a frame can tell."""
        if self.over:
            return now
        if not self._dialect.life.ends:
            return self._spoke_at + QUIET
        return now if self._ledger is None or self._ledger.settled else None

    # --- inside ---

    def _frame(self, sender: Sender, frame: Frame, now: Micros) -> None:
        if self.over or (self._handshake is not None and not (self._asked or self._shaken)):
            return
        self._shake(now)  # a client may leave before its handshake is answered: that is a connection too
        self.over = isinstance(frame, Close | Lost)
        self._say(sender, frame, now)
        if sender is Sender.SERVER and not self.over:
            self._spoke_at = now
        if self._ledger is not None:
            self._ledger.see(sender, frame, now)

    def _shake(self, now: Micros) -> None:
        if self._handshake is not None and not self._shaken:
            self._shaken = True
            self._say(Sender.CLIENT, self._handshake, now)

    def _say(self, sender: Sender, what: What, now: Micros) -> None:
        self._write(_tuple(Entry, (self._place, self._session, now, sender, what)))
        self._place += 1


def _frame(effect: Send | Hangup | Abort) -> Frame:
    match effect:
        case Send(_, frame):
            return frame
        case Hangup(_, code, reason):
            return Close(code, reason)
        case Abort():
            return Lost("reset")
