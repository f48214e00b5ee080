"""Voice activity in a stream of PCM16, in frames of 32 ms (openai.md#81).

The provider's detector is a model; ours looks at the level of a frame. Its rules are the provider's: a start
is dated back by the prefix padding, an end is where the silence has lasted long enough
(openai.md#81, openai.md#83).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mockserver import speech

FRAME_MS = 32
CLICK_MS = FRAME_MS // 2
"""Voice in both halves of one frame is speech; what is shorter is a click."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Where speech began or ended, in milliseconds of audio since the session began."""

    edge: Literal["start", "stop"]
    at_ms: int


class Detector:
    """``level``: the rms from which a frame is voice. ``ended``: whether so much silence (ms) ends the turn."""

    def __init__(self, rate: int, position_ms: int = 0) -> None:
        self.rate = rate
        self.speaking = False
        self._at_ms = position_ms
        self._rest = b""
        self.silent_ms = 0

    def feed(self, pcm: bytes, level: float, prefix_ms: int, ended: Callable[[int], bool]) -> Iterator[Turn]:
        """Take audio; yields each edge as it is found. ``ended`` may look at the audio up to the frame at hand."""
        size = 2 * (self.rate * FRAME_MS // 1000)
        data = self._rest + pcm
        used = len(data) // size * size
        self._rest = data[used:]
        for place in range(0, used, size):
            frame = data[place : place + size]
            self._at_ms += FRAME_MS
            if not self.speaking:
                half = 2 * (self.rate * CLICK_MS // 1000)
                if speech.reaches(frame[:half], level) and speech.reaches(frame[half:], level):
                    self.speaking, self.silent_ms = True, 0
                    yield Turn("start", max(0, self._at_ms - FRAME_MS - prefix_ms))
                continue
            voice = speech.reaches(frame, level)
            self.silent_ms = 0 if voice else self.silent_ms + FRAME_MS
            if self.silent_ms and ended(self.silent_ms):
                self.rest()
                yield Turn("stop", self._at_ms)

    @property
    def at_ms(self) -> int:
        """How far whole frames have been looked at."""
        return self._at_ms

    def rest(self) -> None:
        """Back to silence: after a stop, a manual commit or a clear."""
        self.speaking, self.silent_ms = False, 0
