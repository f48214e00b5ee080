"""What the user says: words as they are heard, each on the timeline, and where a turn is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mockserver import speech
from mockserver.engines.simulator.gpt_live.timeline import STEP_MS
from mockserver.engines.simulator.gpt_live.wire import LiveDesk
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio

PREFIX_MS = 100
THRESHOLD = 0.5


class LiveEar:
    """``said``: called with a turn's words and its length in ms. ``spoke``: while the user speaks long enough."""

    def __init__(
        self,
        wire: LiveDesk,
        ear: Ear,
        rate: int,
        *,
        said: Callable[[str, int], None],
        spoke: Callable[[], None],
    ) -> None:
        self.wire = wire
        self.ear = ear
        self.rate = rate
        self.said = said
        self.spoke = spoke
        self._audio = InputAudio(rate)
        self._listener = speech.Listener(rate)
        self._words: deque[tuple[float, str]] = deque()  # the end of each word, and the word
        self._of_turn: list[tuple[float, str]] = []
        self._turns: deque[tuple[float, str, int]] = deque()  # the end of a turn's last word, its words, its ms
        self._since_ms = 0
        self._begun = False

    @property
    def position_ms(self) -> float:
        """All audio so far."""
        return self._audio.position_ms

    def append(self, pcm: bytes) -> None:
        """More audio, as the model hears it."""
        for word in self._listener.feed(pcm):
            self._words.append((word.end_ms, word.text))
            self._of_turn.append(self._words[-1])
        self._audio.append(pcm, self.rate)
        silence = self.wire.options.turn_silence_ms
        level = THRESHOLD * self.wire.options.vad_full_scale
        for turn in self._audio.edges(pcm, level, PREFIX_MS, lambda silent_ms: silent_ms >= silence):
            if turn.edge == "start":
                self._since_ms = turn.at_ms
            else:
                self._over(turn.at_ms)
        lasted = self._audio.position_ms - self._since_ms - PREFIX_MS
        if self._audio.speaking and lasted >= self.wire.options.interruption_ms:
            self.spoke()

    def _over(self, end_ms: int) -> None:
        pcm = self._audio.take(self._since_ms, end_ms)
        ms = len(pcm) // 2 * 1000 // self.rate
        timed, self._of_turn = self._of_turn, []
        if not timed:
            timed = self._spread(self.ear.make_out(pcm, self.rate) or "", end_ms)
            self._words += timed
        if timed:
            self._turns.append((timed[-1][0], " ".join(word for _, word in timed), ms))
        else:
            self.wire.note("simulator", f"{ms} ms of sound without a word in it: no turn of the user's")

    def _spread(self, text: str, end_ms: int) -> list[tuple[float, str]]:
        """Words of audio that is not ours: known only now, laid out evenly over the time in which they were said."""
        words = text.split()
        silence = self.wire.options.turn_silence_ms
        begin, end = self._since_ms + PREFIX_MS, max(self._since_ms + PREFIX_MS, end_ms - silence)
        return [(begin + (end - begin) * number / len(words), word) for number, word in enumerate(words, 1)]

    def step(self, start_ms: int) -> None:
        """The words whose end the model has come to, one delta a step of the timeline (gpt_live.md#16); a turn is over
        when its last word was told."""
        found: dict[int, str] = {}
        while self._words and self._words[0][0] < start_ms + STEP_MS:
            end, word = self._words.popleft()
            step = int(end // STEP_MS) * STEP_MS
            found[step] = found.get(step, "") + (" " if self._begun else "") + word
            self._begun = True
        for step, delta in found.items():
            self.wire.emit("session.input_transcript.delta", start_ms=step, end_ms=step + STEP_MS, delta=delta)
        while self._turns and self._turns[0][0] < start_ms + STEP_MS:
            _, words, ms = self._turns.popleft()
            self.said(words, ms)
