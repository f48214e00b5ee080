"""The newest frames of a live session, as a report may show them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mockserver.core.burst import Burst, Fill, filled
from mockserver.core.frames import Effect, Frame, Micros, Send, Sender, Text

SHOWN = 60
"""How many of the newest frames a report shows."""
Played = tuple[Micros, str, Fill | None]
"""A line that was played in a burst: time, text, and what is put into it. (A plain tuple, as in the journal: the
garbage collector forgets it.)"""


class DepartureLine(NamedTuple):
    """One frame of the live session, for reports."""

    at: Micros
    sender: Sender
    frame: Frame


class LiveLines:
    """``hide`` takes the client's secrets out of a frame."""

    __slots__ = ("_hide", "_lines")

    def __init__(self, hide: Callable[[Frame], Frame] | None) -> None:
        self._hide = hide
        self._lines: deque[DepartureLine | Played] = deque(maxlen=SHOWN)

    def client(self, frame: Frame, now: Micros) -> None:
        """The client sent this."""
        self._lines.append(DepartureLine(now, Sender.CLIENT, frame))

    def played(self, out: Sequence[Effect | Burst], now: Micros) -> None:
        """This went out to the client."""
        for effect in out[-SHOWN:]:
            if isinstance(effect, Burst):
                self._lines.extend([(now, *piece) for piece in effect.pieces[-SHOWN:]])
            elif isinstance(effect, Send):
                self._lines.append(DepartureLine(now, Sender.SERVER, effect.frame))

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def whole(self) -> bool:
        """Whether nothing has been forgotten yet."""
        return len(self._lines) < SHOWN

    def told(self) -> tuple[DepartureLine, ...]:
        """All of them, without the client's secrets."""
        told: list[DepartureLine] = []
        for line in self._lines:
            if not isinstance(line, DepartureLine):
                at, text, fill = line
                told.append(DepartureLine(at, Sender.SERVER, Text(filled(text, fill))))
            elif self._hide is not None and line.sender is Sender.CLIENT:
                told.append(line._replace(frame=self._hide(line.frame)))
            else:
                told.append(line)
        return tuple(told)
