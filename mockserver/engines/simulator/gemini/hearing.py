"""What the client streams: audio with activity detection or activity marks, images, and its transcription."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mockserver.engines.simulator.gemini import problems
from mockserver.engines.simulator.gemini.conversation import ContextItem, heard
from mockserver.engines.simulator.gemini.setup import Setup
from mockserver.engines.simulator.gemini.wire import GeminiWire, duration
from mockserver.engines.simulator.voice.activity import Turn as Edge
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio
from mockserver.engines.simulator.voice.words import pieces

RATE = 16_000
_RATE = re.compile(r"rate=([0-9]{1,9})")
THRESHOLDS = {"START_SENSITIVITY_HIGH": 0.5, "START_SENSITIVITY_LOW": 0.8}
"""Unknown: the service's detector is a model. Ours compares a level (``vad_full_scale``)."""
LOW_END = 2
"""Unknown: by how much END_SENSITIVITY_LOW waits longer."""
EXPLICIT = "Explicit activity control is not supported when automatic activity detection is enabled."


class Microphone:
    """``spoke``: speech began. ``turn_over``: with what was said. ``filmed``: an image came."""

    def __init__(
        self,
        wire: GeminiWire,
        setup: Setup,
        ear: Ear,
        *,
        spoke: Callable[[], None],
        turn_over: Callable[[ContextItem], None],
        filmed: Callable[[], None],
    ) -> None:
        self.wire = wire
        self.setup = setup
        self.ear = ear
        self._spoke, self._turn_over, self._filmed = spoke, turn_over, filmed
        self._audio = self.ear.follow(InputAudio(RATE))
        self._start_ms: float | None = None  # where the activity began that goes on
        self._uncommitted_ms: float | None = None  # where speech began that has not lasted long enough yet
        self._pause = (0, 0)  # the newest: where, and how long it is
        self._taken_ms = 0.0  # where the last turn ended
        self._images = 0

    @property
    def position_ms(self) -> float:
        """All audio so far."""
        return self._audio.position_ms

    @property
    def active(self) -> bool:
        """Whether the user speaks, or is marked as active."""
        return self._start_ms is not None

    def taken_images(self) -> int:
        """How many images came since the last turn; they belong to the one that begins now."""
        images, self._images = self._images, 0
        return images

    # --- the client's input ---

    def blob(self, blob: Mapping[str, Any]) -> None:
        """``audio``, ``video`` or one of ``mediaChunks``."""
        kind = str(blob.get("mimeType", ""))
        data = blob.get("data", b"")
        if kind.startswith("image/"):
            self._images += 1
            self._filmed()
        elif kind.startswith("audio/pcm"):
            found = _RATE.search(kind)
            rate = int(found[1]) if found else RATE
            if not 8_000 <= rate <= 48_000:
                raise problems.invalid()
            self._hear(data[: len(data) // 2 * 2], rate)
        else:
            raise problems.invalid()

    def _hear(self, pcm: bytes, rate: int) -> None:
        self._audio.append(pcm, rate)
        if self.setup.manual:
            self._audio.unwatched()
            if self._start_ms is None:
                self._audio.forget(0)
            return
        detection = self.setup.detection
        threshold = THRESHOLDS.get(detection.get("startOfSpeechSensitivity", ""), 0.5)
        level = threshold * self.wire.options.vad_full_scale
        for edge in self._audio.edges(pcm, level, self.wire.options.prefix_ms, self._ended):
            self._edge(edge)
        looked_at, silent = self._audio.looked_at_ms, self._pause
        self._commit(looked_at - (silent[1] if silent[0] == looked_at else 0))

    @property
    def _silence_ms(self) -> int:
        """How much silence ends a turn."""
        asked = self.setup.detection.get("silenceDurationMs")
        if asked is not None:
            return max(1, int(asked))
        low = self.setup.detection.get("endOfSpeechSensitivity") == "END_SENSITIVITY_LOW"
        return self.wire.options.silence_ms * (LOW_END if low else 1)

    def _ended(self, silent_ms: int) -> bool:
        self._pause = (self._audio.looked_at_ms, silent_ms)
        return silent_ms >= self._silence_ms

    def _edge(self, edge: Edge) -> None:
        if edge.edge == "start":
            self._uncommitted_ms = edge.at_ms
            return
        self._commit(edge.at_ms - self._silence_ms)
        self._uncommitted_ms = None
        if self._start_ms is not None:
            self._end(edge.at_ms)

    def _commit(self, until_ms: float) -> None:
        """Speech has begun once it has lasted for ``prefixPaddingMs`` (gemini.md#101)."""
        start = self._uncommitted_ms
        if start is None:
            return
        voiced_ms = until_ms - start - self.wire.options.prefix_ms
        if voiced_ms >= self.setup.detection.get("prefixPaddingMs", 0):
            self._uncommitted_ms = None
            self._begin(start)

    def stream_end(self) -> None:
        """``audioStreamEnd``: what has been said so far is all (gemini.md#20)."""
        if not self.setup.manual and self._start_ms is not None:
            self._audio.rest()
            self._uncommitted_ms = None
            self._end(self.position_ms)

    def activity_start(self) -> None:
        """The client marks the beginning itself."""
        self._marked()
        if self._start_ms is None:
            self._begin(self.position_ms)

    def activity_end(self) -> None:
        """The client marks the end."""
        self._marked()
        if self._start_ms is not None:
            self._end(self.position_ms)

    def _marked(self) -> None:
        if not self.setup.manual:
            raise problems.Closing(1007, EXPLICIT)

    # --- turns ---

    def _begin(self, at_ms: float) -> None:
        self._start_ms = at_ms
        self._tell("ACTIVITY_START", at_ms)
        self._spoke()

    def _end(self, at_ms: float) -> None:
        start = self._taken_ms if self.setup.all_input else (self._start_ms or 0.0)
        pcm, rate = self._audio.take(start, at_ms), self._audio.rate
        self._start_ms, self._taken_ms = None, at_ms
        words = self.ear.hear(pcm, rate) if pcm else ""
        entry = heard(len(pcm) // 2 * 1_000 // rate, words, self.taken_images())
        steps = self._transcription(words or "")
        pace = self.wire.options.pace.transcription_ms
        for place, text in enumerate(steps, 1):
            self.wire.after(pace * place, self, partial(self.wire.content, inputTranscription={"text": text}))

        def over() -> None:
            self._tell("ACTIVITY_END", at_ms)
            self._turn_over(entry)

        self.wire.after(pace * len(steps), self, over)

    def _transcription(self, words: str) -> list[str]:
        """3.x in one piece (gemini.md#31), 2.5 in pieces with a leading blank (gemini.md#22)."""
        if not words or not self.setup.transcribes_input:
            return []
        return [words] if self.setup.model.whole_transcript else pieces(" " + words)

    def _tell(self, what: str, at_ms: float) -> None:
        if self.setup.manual or self.setup.model.activity == "none":
            return
        told = {"type": what, "audioOffset": duration(at_ms)}
        if self.setup.model.activity == "beside":
            self.wire.say(serverContent={}, voiceActivity=told)
        else:
            self.wire.say(voiceActivity=told)
