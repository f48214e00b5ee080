"""What a replayed connection is told by the source it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mockserver.cassette.model import Connection
from mockserver.core.frames import Frame, Micros
from mockserver.engines.replay.pacing import Pacing


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What a user may set of a replay, beside the rules."""

    pace: Pacing = Pacing()
    stall_after: Micros = 5_000_000  # silence on both sides before a note says what is waited for
    on_stall: Literal["note", "close"] = "note"
    patience: Micros = 5_000_000  # how late an optional frame may come before its response ends
    redact: Callable[[Frame], Frame] | None = None


class Booking(Protocol):
    """Which recorded connection a live one plays: the source decides."""

    def claim(self) -> Connection | str:
        """The handshake has reached the engine: what it plays, or why there is nothing for it."""
        ...

    def others(self) -> Sequence[Connection] | None:
        """The recorded ones that it may be in place of its own, which the recorded client gave up before anything came
        of it. None where its own is none of these.
        """
        ...

    def move(self, connection: Connection) -> None:
        """It plays this one, and its own did not come."""
        ...

    def back(self, absent: Connection) -> None:
        """Its client gave it up: it was the recorded one that was given up, and what it played is free again."""
        ...
