"""The input audio buffer: append, commit, clear, turn detection, transcription."""

from __future__ import annotations

from collections.abc import Callable

from mockserver.engines.simulator.openai import problems, transcription
from mockserver.engines.simulator.openai.conversation import Conversation
from mockserver.engines.simulator.openai.items import Item, Part
from mockserver.engines.simulator.openai.settings import SessionSettings
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.voice.activity import FRAME_MS, Detector, Turn
from mockserver.engines.simulator.voice.listening import Ear, rate_of, received

LEAST_MS = 100
"""A commit needs that much (openai.md#77)."""
MOST_BYTES = 15 * 1024 * 1024
"""Of one append (openai.md#73)."""
KEPT_MS = 30_000
"""Audio before speech that is kept while turn detection waits: more than any prefix padding that makes sense."""
SEMANTIC_MS = {"low": 8_000, "medium": 4_000, "high": 2_000, "auto": 4_000}
"""How long semantic VAD waits at most (openai.md#85)."""
SEMANTIC_PREFIX_MS = 300
SEMANTIC_THRESHOLD = 0.5
IDLE_MESSAGE = (
    "No user speech was detected for a while. Please review the recorded audio: If the user was speaking, "
    "respond naturally. If not, follow up on their last message to keep the conversation going or ask if "
    "they're still there."
)
"""What the model is told at an idle timeout, in an item that the client sees (openai.md#87)."""
HESITATIONS = frozenset(
    (
        *("a", "an", "and", "as", "at", "because", "but", "er", "erm", "for", "from", "in", "is"),
        *("of", "on", "or", "so", "the", "to", "uh", "uhm", "um", "with"),
    )
)
"""Words that nobody ends a turn with. The provider's own judge is a model; its example is a trailing "uhhm"
(openai.md#85)."""


class AudioIn:
    """``spoke``: called when speech begins. ``turn_over``: called when turn detection has committed a turn."""

    def __init__(
        self,
        wire: Wire,
        settings: SessionSettings,
        conversation: Conversation,
        ear: Ear,
        *,
        spoke: Callable[[], None],
        turn_over: Callable[[], None],
    ) -> None:
        self.wire = wire
        self.settings = settings
        self.conversation = conversation
        self.ear = ear
        self.spoke = spoke
        self.turn_over = turn_over
        self.pending_item: str | None = None
        self.fresh_ms = 0.0  # since the last commit or clear; what a commit is measured by
        self._rate = rate_of(settings.input_format)
        self._pcm = bytearray()
        self._start_ms = 0.0  # where _pcm begins, in ms of audio since the session began
        self._speech_ms = 0
        self._detector = Detector(self._rate)
        self._judgement: str | None = None

    @property
    def position_ms(self) -> float:
        """All audio written so far."""
        return self._start_ms + len(self._pcm) / (2 * self._rate) * 1000

    # --- the client's events ---

    def append(self, audio: str) -> None:
        """input_audio_buffer.append. Nothing confirms it (openai.md#73)."""
        data = received(audio, "audio")
        if len(data) > MOST_BYTES:
            raise problems.too_long(audio, MOST_BYTES, "audio")
        pcm, rate = self.ear.decode(data, self.settings.input_format)
        if rate != self._rate:
            # Unknown what the provider does with audio of the old format; ours begins a new buffer.
            self._start_ms, self._rate = self.position_ms, rate
            self._pcm.clear()
            self._detector = Detector(rate, round(self._start_ms))
        self._pcm += pcm
        self.fresh_ms += len(pcm) / (2 * rate) * 1000
        detection = self.settings.turn_detection
        if detection is None:
            self._detector = Detector(rate, round(self.position_ms))  # it begins where turn detection is turned on
            return
        semantic = detection["type"] == "semantic_vad"
        threshold = SEMANTIC_THRESHOLD if semantic else detection["threshold"]
        prefix = SEMANTIC_PREFIX_MS if semantic else detection["prefix_padding_ms"]
        level = threshold * self.wire.options.vad_full_scale
        for turn in self._detector.feed(pcm, level, prefix, self._ended):
            self._edge(turn)
        if not self._detector.speaking:
            self._forget(KEPT_MS)

    def commit(self) -> None:
        """input_audio_buffer.commit by the client. No response follows by itself (openai.md#75)."""
        if self.fresh_ms < LEAST_MS:
            raise problems.buffer_too_small(self.fresh_ms)
        item_id = self.pending_item or self.wire.mint("item")
        self._detector.rest()
        start = self._speech_ms if self.pending_item else max(0.0, self.position_ms - self.fresh_ms)
        self._commit(item_id, start, self.position_ms)

    def clear(self) -> None:
        """input_audio_buffer.clear."""
        self._drop_all()
        self._detector.rest()
        self.pending_item = None
        self.wire.emit("input_audio_buffer.cleared")

    def time_out(self, since_ms: float) -> None:
        """The idle timeout: a system message says so to the model, and an empty turn of the user's is committed.

        Its times are whole frames of the detector (openai.md#87).
        """
        item_id = self.wire.mint("item")
        start, end = (int(ms // FRAME_MS) * FRAME_MS for ms in (since_ms, self.position_ms))
        self.wire.emit("input_audio_buffer.timeout_triggered", audio_start_ms=start, audio_end_ms=end, item_id=item_id)
        message = Part("input_text", IDLE_MESSAGE)
        said = Item(self.wire.mint("item"), "message", "audio", role="system", content=[message])
        self.conversation.insert(said)
        self.conversation.announce(said)
        self.conversation.finish(said)
        self._commit(item_id, start, end)

    # --- turn detection ---

    def _ended(self, silent_ms: int) -> bool:
        detection = self.settings.turn_detection
        if detection is None:
            return False
        if detection["type"] == "server_vad":
            return silent_ms >= int(detection["silence_duration_ms"])
        if silent_ms >= SEMANTIC_MS[detection["eagerness"]]:
            return True
        pause = self.wire.options.semantic_pause_ms
        if silent_ms <= FRAME_MS:
            self._judgement = None  # a new pause
        if silent_ms < pause:
            return False
        if self._judgement is None:  # once per pause: more silence makes a sentence no more finished
            words = self.ear.read(self._cut(self._speech_ms, self._detector.at_ms), self._rate)
            self._judgement = "unread" if not words else "unfinished" if trails_off(words) else "finished"
        return self._judgement == "finished" or (self._judgement == "unread" and silent_ms >= 2 * pause)

    def _edge(self, turn: Turn) -> None:
        if turn.edge == "start":
            self._speech_ms, self._judgement = turn.at_ms, None
            self.pending_item = self.wire.mint("item")
            self.wire.emit("input_audio_buffer.speech_started", audio_start_ms=turn.at_ms, item_id=self.pending_item)
            self.spoke()
            return
        item_id = self.pending_item or self.wire.mint("item")
        self.wire.emit("input_audio_buffer.speech_stopped", audio_end_ms=turn.at_ms, item_id=item_id)
        self._commit(item_id, self._speech_ms, turn.at_ms)
        self.turn_over()

    # --- the buffer ---

    def _commit(self, item_id: str, start_ms: float, end_ms: float) -> None:
        pcm = self._cut(start_ms, end_ms)
        self.pending_item = None
        self._forget(max(0.0, self.position_ms - end_ms))
        self.fresh_ms = max(0.0, self.position_ms - end_ms)
        self.wire.emit("input_audio_buffer.committed", previous_item_id=self.conversation.last_id, item_id=item_id)
        part = Part("input_audio", None, audio_ms=len(pcm) // 2 * 1000 // self._rate, pcm=pcm, rate=self._rate)
        words = self.ear.hear(pcm, self._rate)
        part.heard = words or ""
        item = Item(item_id, "message", "audio", role="user", content=[part])
        self.conversation.insert(item)
        self.conversation.announce(item)
        self.conversation.finish(item)
        if self.settings.transcription is not None:
            transcription.begin(self.wire, item, part, words, self.settings)

    def _cut(self, start_ms: float, end_ms: float) -> bytes:
        return bytes(self._pcm[self._byte(start_ms) : self._byte(end_ms)])

    def _byte(self, ms: float) -> int:
        return max(0, 2 * round((ms - self._start_ms) * self._rate / 1000))

    def _forget(self, keep_ms: float) -> None:
        """Drop audio before the last ``keep_ms``, but never what the prefix padding may still want."""
        spare = len(self._pcm) - self._byte(self._start_ms + max(keep_ms, 2_000))
        if spare > 0:
            del self._pcm[:spare]
            self._start_ms += spare / (2 * self._rate) * 1000

    def _drop_all(self) -> None:
        self._start_ms = self.position_ms
        self._pcm.clear()
        self.fresh_ms = 0.0


def trails_off(words: str) -> bool:
    """Whether a sentence sounds unfinished: it ends in a comma, a dash, an ellipsis, or a word of hesitation."""
    last = words.rsplit(maxsplit=1)[-1].lower()
    return last.endswith((",", "-", "–", "...", "…")) or last.strip(".") in HESITATIONS  # noqa: RUF001
