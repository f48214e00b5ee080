"""What the model says aloud: texts in turn, laid out on the timeline, as audio and as captions."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from mockserver import speech
from mockserver.core.frames import Micros
from mockserver.engines.simulator.gpt_live.timeline import FRAME_MS, STEP_MS
from mockserver.engines.simulator.gpt_live.wire import LiveDesk
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.speech.tones import spoken

_WORD = re.compile(r"\s*\S+")


class Sound:
    """PCM16 that is made as far as it is asked for. ``size``: bytes of all of it."""

    def __init__(self, text: str, silence_ms: int, rate: int) -> None:
        silence = 2 * (rate * silence_ms // 1000)
        self.size = 2 * (rate * speech.duration_ms(text) // 1000) + silence
        self._made: Iterator[bytes] = chain(spoken(text, rate), [bytes(silence)])
        self._held = bytearray()
        self._first = 0  # where in the whole what is held begins

    def take(self, first: int, size: int) -> bytes:
        """So many bytes from there on, fewer at its end. What is before them is not asked for again."""
        while self._first + len(self._held) < first + size and (more := next(self._made, None)) is not None:
            self._held += more
        del self._held[: first - self._first]
        self._first = first
        return bytes(self._held[:size])


@dataclass(slots=True, eq=False)
class Speaking:
    """A text on its way. ``captions``: its words with the space before them, and when each begins."""

    text: str
    sound: Sound
    captions: deque[tuple[float, str]]
    not_before: Micros = 0
    said: str = ""
    done_ms: int = 0

    @property
    def begun(self) -> bool:
        """Whether some of it was taken."""
        return self.done_ms > 0


def layout(text: str, silence_ms: int, rate: int, not_before: Micros) -> Speaking:
    """A text, and silence behind it, as it will be said."""
    words = [found[0] for found in _WORD.finditer(text.rstrip())]
    timed = zip(speech.timings(text), words, strict=True)
    return Speaking(
        text, Sound(text, silence_ms, rate), deque((word.start_ms, piece) for word, piece in timed), not_before
    )


class Voice:
    """``spoken``: called with what was said of a text when it is over or cut off."""

    def __init__(self, wire: LiveDesk, sound: AudioFormat, *, spoken: Callable[[str], None]) -> None:
        self.wire = wire
        self.sound = sound
        self.spoken = spoken
        self._queue: deque[Speaking] = deque()
        self._frames: dict[int, bytes] = {}  # PCM16 by the frame's beginning on the timeline

    @property
    def speaking(self) -> bool:
        """Whether a text has begun and is not over."""
        return bool(self._queue) and self._queue[0].begun

    @property
    def pending(self) -> bool:
        """Whether there is anything to say."""
        return bool(self._queue)

    def say(self, text: str, silence_ms: int = 0, after_us: Micros = 0) -> None:
        """Say a text once those before it are said, and not before ``after_us`` from now."""
        made = layout(text, silence_ms, self.sound.rate, self.wire.now + after_us)
        if made.sound.size:
            self._queue.append(made)

    def stop(self) -> None:
        """Cut off what is being said, and forget what was to be said after it."""
        if self.speaking:
            self.spoken(self._queue[0].said)
        self._queue.clear()

    def step(self, start_ms: int) -> None:
        """One step of the model's: the captions of what is said in it, and its audio for the frames to come."""
        if not self._queue or self._queue[0].not_before > self.wire.now:
            return
        now = self._queue[0]
        rate = self.sound.rate
        end = now.done_ms + STEP_MS
        words = ""
        while now.captions and now.captions[0][0] < end:
            words += now.captions.popleft()[1]
        now.said += words
        if words:
            self.wire.emit("session.output_transcript.delta", start_ms=start_ms, end_ms=start_ms + STEP_MS, delta=words)
        for place in range(0, STEP_MS, FRAME_MS):
            first = (now.done_ms + place) * rate // 1000 * 2
            piece = now.sound.take(first, rate * FRAME_MS // 1000 * 2)
            if piece:
                self._frames[start_ms + place] = piece
        now.done_ms = end
        if end * rate // 1000 * 2 >= now.sound.size:
            self._queue.popleft()
            self.spoken(now.text)

    def frame(self, start_ms: int) -> None:
        """A frame of output: speech, or silence (gpt_live.md#20)."""
        size = self.sound.rate * FRAME_MS // 1000 * 2
        pcm = self._frames.pop(start_ms, b"").ljust(size, b"\0")
        self.wire.audio(self.sound.from_pcm(pcm), pcm, start_ms)
