"""The user's voice: where a turn begins and ends, and what is in it."""

from __future__ import annotations

from collections.abc import Callable

from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.nova_sonic.options import NovaSonicOptions
from mockserver.engines.simulator.nova_sonic.prompt import Prompt
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio

PREFIX_MS = 200
"""Audio before the voice that is part of a turn. How much the service takes is unknown."""


class SpeechInput:
    """``spoke``: the user has begun to speak. ``said``: the words and milliseconds of a turn; "" where it has none."""

    def __init__(
        self,
        desk: Desk[NovaSonicOptions],
        prompt: Prompt,
        ear: Ear,
        *,
        spoke: Callable[[], None],
        said: Callable[[str, int], None],
    ) -> None:
        self.desk = desk
        self.prompt = prompt
        self.ear = ear
        self.spoke = spoke
        self.said = said
        self._audio = self.ear.follow(InputAudio(16_000))
        self._since_ms: float | None = None

    @property
    def position_ms(self) -> float:
        """All audio so far."""
        return self._audio.position_ms

    def append(self, data: bytes) -> None:
        """PCM16 of the client's."""
        rate = self.prompt.input_rate
        pcm = data[: len(data) // 2 * 2]
        self._audio.append(pcm, rate)
        level = 0.5 * self.desk.options.vad_full_scale
        pause = self.prompt.pause_ms
        for edge in self._audio.edges(pcm, level, PREFIX_MS, lambda silent: silent >= pause):
            if edge.edge == "start":
                self._since_ms = edge.at_ms
                self.spoke()
            else:
                self._ended(edge.at_ms)

    def rest(self) -> None:
        """The client's block of audio has ended, and with it what is being said."""
        if self._since_ms is not None:
            self._audio.rest()
            self._ended(self._audio.position_ms)

    def _ended(self, end_ms: float) -> None:
        assert self._since_ms is not None
        pcm = self._audio.take(self._since_ms, end_ms)
        self._since_ms = None
        words = self.ear.hear(pcm, self.prompt.input_rate) or ""
        ms = len(pcm) // 2 * 1000 // self.prompt.input_rate
        self.desk.after(self.desk.options.pace.transcription_ms, self, lambda: self.said(words, ms))
