"""The input audio buffer: append, commit, clear, turn detection, transcription."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mockserver.engines.simulator.openai import problems, transcription
from mockserver.engines.simulator.openai.audio_formats import audio_format, received
from mockserver.engines.simulator.openai.conversation import Conversation
from mockserver.engines.simulator.openai.items import Item, Part
from mockserver.engines.simulator.openai.settings import SessionSettings
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.voice.activity import FRAME_MS, Turn
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio

LEAST_MS = 100
"""A commit needs that much (openai.md#77)."""
MOST_BYTES = 15 * 1024 * 1024
"""Of one append (openai.md#73)."""
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
        self._audio = self.ear.follow(InputAudio(audio_format(settings.input_format).rate))
        self._speech_ms = 0
        self._judgement: str | None = None
        self._config: Mapping[str, Any] = {}
        self._sound = audio_format(settings.input_format)
        self._watch: tuple[float, int] | None = None

    @property
    def position_ms(self) -> float:
        """All audio written so far."""
        return self._audio.position_ms

    @property
    def fresh_ms(self) -> float:
        """Audio since the last commit or clear, by which a commit is measured."""
        return self._audio.fresh_ms

    # --- the client's events ---

    def append(self, audio: str) -> None:
        """input_audio_buffer.append. Nothing confirms it (openai.md#73)."""
        data = received(audio, "audio", self.wire.options.bad_audio_param)
        if len(data) > MOST_BYTES:
            raise problems.too_long(audio, MOST_BYTES, "audio")
        self.take(data)

    def take(self, data: bytes) -> None:
        """The audio of an append, in the format of the session."""
        config = self.settings.config
        if config is not self._config:  # another one, whenever something in it changes
            self._config, self._sound, self._watch = config, audio_format(self.settings.input_format), self._detection()
        pcm = self._sound.to_pcm(data)
        self._audio.append(pcm, self._sound.rate)
        if self._watch is None:
            self._audio.unwatched()
            return
        level, prefix_ms = self._watch
        for turn in self._audio.edges(pcm, level, prefix_ms, self._ended):
            self._edge(turn)

    def _detection(self) -> tuple[float, int] | None:
        """From which level on a sound is voice, and the padding before it; None where nobody detects turns."""
        detection = self.settings.turn_detection
        if detection is None:
            return None
        semantic = detection["type"] == "semantic_vad"
        threshold = SEMANTIC_THRESHOLD if semantic else detection["threshold"]
        prefix_ms = SEMANTIC_PREFIX_MS if semantic else detection["prefix_padding_ms"]
        return threshold * self.wire.options.vad_full_scale, prefix_ms

    def commit(self) -> None:
        """input_audio_buffer.commit by the client. No response follows by itself (openai.md#75)."""
        if self.fresh_ms < LEAST_MS:
            raise problems.buffer_too_small(self.fresh_ms)
        item_id = self.pending_item or self.wire.mint("item")
        self._audio.rest()
        start = self._speech_ms if self.pending_item else max(0.0, self.position_ms - self.fresh_ms)
        self._commit(item_id, start, self.position_ms)

    def clear(self) -> None:
        """input_audio_buffer.clear."""
        self._audio.clear()
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
            words = self.ear.read(self._audio.cut(self._speech_ms, self._audio.looked_at_ms), self._audio.rate)
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
        words: str | None = ""
        if self.wire.profile.interim_transcripts:
            words = self.ear.hear(self._audio.cut(self._speech_ms, turn.at_ms), self._audio.rate)
            transcription.interim(self.wire, item_id, words or "")
        self.wire.emit("input_audio_buffer.speech_stopped", audio_end_ms=turn.at_ms, item_id=item_id)
        self._commit(item_id, self._speech_ms, turn.at_ms, heard=words)
        self.turn_over()

    # --- the buffer ---

    def _commit(self, item_id: str, start_ms: float, end_ms: float, heard: str | None = "") -> None:
        """``heard``: what is understood already; None where nobody can make it out."""
        pcm, rate = self._audio.take(start_ms, end_ms), self._audio.rate
        self.pending_item = None
        self.wire.emit("input_audio_buffer.committed", previous_item_id=self.conversation.last_id, item_id=item_id)
        part = Part("input_audio", None, audio_ms=len(pcm) // 2 * 1000 // rate, pcm=pcm, rate=rate)
        words = self.ear.hear(pcm, rate) if heard == "" else heard
        part.heard = words or ""
        item = Item(item_id, "message", "audio", role="user", content=[part])
        self.conversation.insert(item)
        self.conversation.announce(item)
        self.conversation.finish(item)
        if self.settings.transcription is not None:
            transcription.begin(self.wire, item, part, words, self.settings)


def trails_off(words: str) -> bool:
    """Whether a sentence sounds unfinished: it ends in a comma, a dash, an ellipsis, or a word of hesitation."""
    last = words.rsplit(maxsplit=1)[-1].lower()
    return last.endswith((",", "-", "–", "...", "…")) or last.strip(".") in HESITATIONS  # noqa: RUF001
