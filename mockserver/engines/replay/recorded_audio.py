"""The client's audio in a recording, as far as it has been read, and what waits for how much of it.

What the live microphone has told is in ``engines.replay.audio_progress``.
"""

from __future__ import annotations

from collections import deque

from mockserver.core.frames import Frame, Micros
from mockserver.core.view import View
from mockserver.engines.replay.audio_clock import AudioClock, audio_bytes
from mockserver.engines.replay.steps import Anchor, Chain


class RecordedAudio:
    """``last_at``: when the last of it was recorded, as it is played. ``exact``: whether the audio itself is kept, to
    be compared.
    """

    __slots__ = ("_exact", "_heard", "_heard_at", "clock", "last_at", "marks", "waits")

    def __init__(self, *, exact: bool) -> None:
        self.clock = AudioClock()
        self.last_at: Micros = 0
        self.waits: deque[tuple[Micros, Anchor]] = deque()  # what waits until so much was heard
        self.marks: deque[tuple[Micros, int]] = deque()  # how much there was at which record
        self._exact = bytearray() if exact else None
        self._heard: Micros = 0  # how much the live client has sent
        self._heard_at: Micros = 0

    def add(self, view: View, frame: Frame, *, place: int, at: Micros) -> None:
        """One more piece was read, from this place of the recording."""
        assert view.audio is not None
        self.last_at = at
        self.clock.take(view.audio)
        self.marks.append((self.clock.us, place))
        if self._exact is not None:
            self._exact += audio_bytes(view, frame)

    def after(self, anchor: Anchor) -> Anchor:
        """The anchor waits until as much was heard as has been read, beside what else it waits for."""
        us = self.clock.us
        anchor.words = f"{us / 1000:.0f} ms of client audio" + (f" and {anchor.words}" if anchor.words else "")
        if us <= self._heard:
            anchor.come(self._heard_at)
        else:
            self.waits.append((us, anchor))
        return anchor

    def part(self, begin: int, end: int) -> bytes:
        """Bytes of the audio itself, as far as it has been read."""
        return b"" if self._exact is None else bytes(self._exact[begin:end])

    def open(self, now: Micros) -> None:
        """The connection was accepted."""
        self._heard_at = now

    def heard(self, total: Micros, now: Micros) -> tuple[list[Chain], int]:
        """The client has sent ``total`` so far. Returns the chains that need wait no more, and the last record that
        this reaches (-1: no further one).
        """
        self._heard, self._heard_at = total, now
        freed: list[Chain] = []
        while self.waits and self.waits[0][0] <= total:
            freed += self.waits.popleft()[1].come(now)
        reached = -1
        while self.marks and self.marks[0][0] <= total:
            reached = self.marks.popleft()[1]
        return freed, reached
