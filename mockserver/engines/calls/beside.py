"""A second socket to a call: it is told the events of the call, and what it says the call hears (openai.md#133)."""

from __future__ import annotations

from collections.abc import Callable

from mockserver.core.frames import (
    Accept,
    Close,
    Effect,
    Event,
    Hangup,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Tell,
    Text,
    to_client,
)
from mockserver.core.machine import Untimed
from mockserver.dialects.base import Dialect
from mockserver.engines.base import Inspection
from mockserver.engines.calls.layer import ASIDE, CallLayer

TOLD = "told"
"""The word of ``Tell`` for what the call says: ``data["frame"]``."""


class Together:
    """A call, as those who are attached to it see it. ``say`` hands an event to the call's session, later."""

    def __init__(self, layer: CallLayer, say: Callable[[Tell], object]) -> None:
        self.layer = layer
        self.say = say


class Beside(Untimed):
    """The engine of such a socket. It begins without an event of its own."""

    def __init__(self, dialect: Dialect, call: Together) -> None:
        self._dialect = dialect
        self._call = call
        self._tell: Callable[[Tell], object] | None = None

    def listen(self, tell: Callable[[Tell], object]) -> None:
        """``tell`` hands an event to this engine's session, later."""
        self._tell = tell

    def feed(self, event: Event, now: Micros) -> list[Effect]:
        """An event of either side."""
        match event:
            case Opened(handshake):
                self._call.layer.hears.append(self._heard)
                return [Accept(self._dialect.subprotocol(handshake.subprotocols))]
            case Received(Peer.CLIENT, Text() as frame):
                self._call.say(Tell(ASIDE, {"frame": frame}))
            case Received(Peer.CLIENT, Close() | Lost()):
                self._leave()
            case Tell(word, data) if word == TOLD:
                frame = data["frame"]
                if isinstance(frame, Text):
                    return [to_client(frame)]
                self._leave()
                return [Hangup(code=1000)]
            case _:
                pass
        return []

    def inspect(self) -> Inspection:
        """That it is attached to a call."""
        return Inspection("sideband")

    def _heard(self, frame: Text | Close) -> None:
        if self._tell is not None:
            self._tell(Tell(TOLD, {"frame": frame}))

    def _leave(self) -> None:
        if self._heard in self._call.layer.hears:
            self._call.layer.hears.remove(self._heard)
