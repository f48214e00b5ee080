"""What the engine of every simulated socket shares: how events reach its methods, its clock, and its end.

A provider's engine derives from ``DeskEngine`` and says what it does with each event. Whatever it has to say goes to
its desk, and leaves with what ``feed`` and ``wake`` return.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from mockserver.core.frames import (
    Binary,
    Close,
    Effect,
    Event,
    Handshake,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Tell,
    Text,
    Told,
)
from mockserver.engines.base import Inspection
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.voice.listening import Ear

COMMAND = 1_024
"""A frame with less in it may be a command that ends the user's turn; most longer ones are audio."""

DeskT = TypeVar("DeskT", bound=Desk[Any])


class DeskEngine(ABC, Generic[DeskT]):
    """The machine of one socket. ``over``: it has ended, and says nothing any more.

    ``asking``: the questions to the replier. An engine that has a replier sets it; without questions no answer comes.
    """

    asking: Asking

    def __init__(self, desk: DeskT, ear: Ear | None = None) -> None:
        self.desk = desk
        desk.ear = ear
        self.over = False

    def ahead(self, event: Event) -> Callable[[], None] | None:
        """What is to be read of the user's audio before this event comes, which may end a turn."""
        ear = self.desk.ear
        if ear is None or type(event) is not Received:
            return None
        frame = event.frame
        if type(frame) is not Text and type(frame) is not Binary:  # for every frame
            return None
        return ear.ahead(over=len(frame.data) < COMMAND)

    def feed(self, event: Event, now: Micros) -> list[Effect]:
        """Something from the client, the shell or a fault. After the end nothing is said any more."""
        if self.over:
            return []
        self.desk.now = now
        if type(event) is Received and event.peer is Peer.CLIENT and type(event.frame) is Text:
            self._text(event.frame.data)  # nearly all, so it does not go through the match
        else:
            self._rare(event)
        return self.desk.taken()

    def _rare(self, event: Event) -> None:
        match event:
            case Opened(handshake):
                self._open(handshake)
            case Received(Peer.CLIENT, Binary(data)):
                self._binary(data)
            case Received(Peer.CLIENT, Close() | Lost() as end):
                self._left(end)
            case Tell("cancel", data):
                self._cancel(data)
            case Tell("respond", data):
                self._unasked(data)
            case Tell("input ended"):
                self._input_ended()
            case Told(token, value, failure):
                self.asking.told(token, value, failure)
            case _:
                pass

    def wake_at(self) -> Micros | None:
        """When the next thing is due."""
        return self.desk.plan.next_due()

    def wake(self, now: Micros) -> list[Effect]:
        """What is due, in order."""
        return self.desk.wake(now)

    # --- what a provider's engine says ---

    @abstractmethod
    def _open(self, handshake: Handshake) -> None:
        """The client is there: ``Accept`` or ``Refuse``."""

    @abstractmethod
    def _text(self, data: str) -> None:
        """A text frame came."""

    @abstractmethod
    def _binary(self, data: bytes) -> None:
        """A binary frame came."""

    def _left(self, end: Close | Lost) -> None:
        """The client has gone, with a close frame or without."""
        self._finish()

    def _cancel(self, data: Mapping[str, Any]) -> None:
        """A fault drops what the model is saying; ``data`` says which of it, in the dialect's words."""

    def _unasked(self, data: Mapping[str, Any]) -> None:
        """A fault wants a reply that nobody asked for; an engine that can do it says so in ``obeys``."""

    def _input_ended(self) -> None:
        """The client sends nothing more, and still listens: only a stream of HTTP/2 can say so."""

    def _finish(self) -> None:
        """The end. Nothing that is due comes any more."""
        self.over = True
        self.desk.clear()

    def let_go(self) -> None:
        """Come apart (``core.abilities.Separable``). A source that keeps its engines after their end overrides this."""
        for part in (*self._circles(), self.desk, self):  # the desk's plan refers to whatever was to come
            vars(part).clear()
        self.over = True

    def _circles(self) -> Iterable[object]:
        """Parts of this engine to which what they hold refers."""
        return ()

    @abstractmethod
    def inspect(self) -> Inspection:
        """What the engine holds, as plain values."""
