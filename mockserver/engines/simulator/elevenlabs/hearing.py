"""What the user says: audio in, where a turn begins and ends in it, and its words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from mockserver.engines.simulator.elevenlabs import problems
from mockserver.engines.simulator.elevenlabs.wire import AgentDesk
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio

PREFIX_MS = 200
THRESHOLD = 0.5


class UserVoice:
    """``spoke``: called while the user speaks and has done so for long enough to interrupt. ``began``: called when
    speech begins. ``said``: called with the words of a turn that is over, and its length in ms."""

    def __init__(
        self,
        wire: AgentDesk,
        ear: Ear,
        sound: AudioFormat,
        *,
        began: Callable[[], None],
        spoke: Callable[[], None],
        said: Callable[[str, int], None],
    ) -> None:
        self.wire = wire
        self.ear = ear
        self.sound = sound
        self.began = began
        self.spoke = spoke
        self.said = said
        self._audio = self.ear.follow(InputAudio(sound.rate))
        self._since_ms = 0

    @property
    def position_ms(self) -> float:
        """All audio so far."""
        return self._audio.position_ms

    def append(self, chunk: str) -> None:
        """``user_audio_chunk``."""
        try:
            data = base64.b64decode(chunk, validate=True)
        except (binascii.Error, ValueError):
            raise problems.invalid("user_audio_chunk is no base64") from None
        pcm = self.sound.to_pcm(data)
        self._audio.append(pcm, self.sound.rate)
        silence = self.wire.options.turn_silence_ms
        level = THRESHOLD * self.wire.options.vad_full_scale
        for turn in self._audio.edges(pcm, level, PREFIX_MS, lambda silent_ms: silent_ms >= silence):
            if turn.edge == "start":
                self._since_ms = turn.at_ms
                self.began()
            else:
                self._over(turn.at_ms)
        score = 1.0 if self._audio.speaking else 0.0
        self.wire.emit("vad_score", "vad_score_event", vad_score=score)
        lasted = self._audio.position_ms - self._since_ms - PREFIX_MS
        if self._audio.speaking and lasted >= self.wire.options.interruption_ms:
            self.spoke()

    def _over(self, end_ms: int) -> None:
        pcm = self._audio.take(self._since_ms, end_ms)
        words = self.ear.hear(pcm, self.sound.rate)
        ms = round(self.sound.ms(pcm) if self.sound.encoding == "pcm" else len(pcm) / 2 * 1000 / self.sound.rate)
        if words:
            self.said(words, ms)
        else:
            self.wire.note("simulator", f"{ms} ms of sound without a word in it: no turn of the user's")
