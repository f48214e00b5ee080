"""The user's voice: where a turn begins and ends, what is in it, and whether it interrupts."""

from __future__ import annotations

from collections.abc import Callable

from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.phonic.assistant import Assistant
from mockserver.engines.simulator.phonic.options import PhonicOptions
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio


class ListeningLine:
    """``spoke``: the user has begun to speak. ``said``: with the words and milliseconds of a turn, None for no turn."""

    def __init__(
        self,
        desk: Desk[PhonicOptions],
        ear: Ear,
        assistant: Assistant,
        *,
        spoke: Callable[[], None],
        said: Callable[[str | None, int], None],
    ) -> None:
        self.desk = desk
        self.ear = ear
        self.assistant = assistant
        self.spoke = spoke
        self.said = said
        self.muted = False
        self._audio = self.ear.follow(InputAudio(24_000))
        self._since_ms: float | None = None  # where the turn at hand begins, with what lies before the voice
        self._told = False  # user_started_speaking was sent for it

    @property
    def position_ms(self) -> float:
        """All audio that was listened to."""
        return self._audio.position_ms

    def begin(self) -> None:
        """A config has come. Push-to-talk begins muted: unknown, but nobody has pushed yet."""
        self.muted = self.assistant.config.push_to_talk
        self._audio = self.ear.follow(InputAudio(self.assistant.config.input.rate))
        self._since_ms, self._told = None, False

    def mute(self) -> None:
        """The client's audio is not listened to from here; what was said until now is a turn."""
        self.muted = True
        if self._since_ms is not None:
            self._audio.rest()
            self._ended(self._audio.position_ms)

    def unmute(self) -> None:
        """It is listened to again."""
        self.muted = False

    def append(self, data: bytes) -> None:
        """Audio of the client's."""
        if self.muted:
            return
        config = self.assistant.config
        pcm = config.input.to_pcm(data)
        self._audio.append(pcm, config.input.rate)
        level = config.threshold * self.desk.options.vad_full_scale
        # A push-to-talk turn ends where the client mutes.
        lasts = float("inf") if config.push_to_talk else config.silence_ms
        for edge in self._audio.edges(pcm, level, round(config.prefix_ms), lambda silent: silent >= lasts):
            if edge.edge == "start":
                self._since_ms, self._told = edge.at_ms, False
            else:
                self._ended(edge.at_ms)
        if self._since_ms is not None and not self._told:
            lasted = self._audio.position_ms - self._since_ms - config.prefix_ms
            if lasted >= config.speech_ms:
                self._began()

    def _began(self) -> None:
        self._told = True
        self.spoke()
        cuts = self.assistant.config.min_words <= 0
        if cuts and self.desk.options.interrupted_first:
            self.assistant.interrupt(thinking=False)
        self.desk.send({"type": "user_started_speaking"})
        if cuts and not self.desk.options.interrupted_first:
            self.assistant.interrupt(thinking=False)

    def _ended(self, end_ms: float) -> None:
        since, told = self._since_ms, self._told
        self._since_ms, self._told = None, False
        assert since is not None
        pcm = self._audio.take(since, end_ms)
        if not told:
            return
        rate = self.assistant.config.input.rate
        words = self.ear.hear(pcm, rate) or ""
        ms = len(pcm) // 2 * 1000 // rate
        first = self.desk.options.input_text_first

        if not first:
            self.desk.send({"type": "user_finished_speaking"})

        def transcribed() -> None:
            few = self.assistant.would_interrupt() and len(words.split()) < self.assistant.config.min_words
            if words and not few:
                self.desk.send({"type": "input_text", "text": words, "language": self.assistant.config.language})
            elif few or self.desk.options.noise == "input_cancelled":
                self.desk.send({"type": "input_cancelled"})
            if first:
                self.desk.send({"type": "user_finished_speaking"})
            if words and not few:
                self.assistant.interrupt()
                self.said(words, ms)
            else:
                self.said(None, ms)

        self.desk.after(self.desk.options.pace.transcription_ms, self, transcribed)
