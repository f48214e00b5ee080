"""Transcripts of the user's audio: deltas, segments, completed or failed, beside all that goes on (openai.md#89)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mockserver import speech
from mockserver.engines.simulator.openai.items import Item, Part
from mockserver.engines.simulator.openai.settings import SessionSettings
from mockserver.engines.simulator.openai.usage import INPUT_AUDIO_MS
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.voice.words import count, pieces

BY_DURATION = ("whisper-1", "gpt-realtime-whisper", "gpt-live-transcribe")
"""Models whose usage is a duration; the others' is tokens (openai.md#91)."""
STREAMING = "gpt-realtime-whisper"
"""Silence costs nothing: 5120 ms of it were 0 seconds (openai.md#93). Of other models this is unknown."""
DIARIZING = "gpt-4o-transcribe-diarize"
NAME = "conversation.item.input_audio_transcription."


def begin(wire: Wire, item: Item, part: Part, words: str | None, settings: SessionSettings) -> None:
    """Transcribe ``part`` of ``item``. ``words`` None: nobody can make it out, and transcription fails."""
    asked = settings.transcription or {}
    model = asked.get("model") or ""
    place = {"item_id": item.id, "content_index": item.content.index(part)}
    steps: list[Callable[[], None]] = []

    def step(name: str, **fields: Any) -> None:
        steps.append(lambda: wire.emit(NAME + name, **place, **fields))

    if words is None:
        told = f"Input transcription failed for item '{item.id}'."
        if wire.options.transcription_failure == "too many requests":
            told += " 429 Too Many Requests"
        # openai.md#207; the schema's example has other words (openai.md#95).
        step("failed", error={"type": "server_error", "code": None, "message": told, "param": None})
    else:
        if model == DIARIZING:
            for number, (text, start, end) in enumerate(_segments(part, words)):
                step("segment", text=text, id=f"seg_{number:04d}", speaker="A", start=start, end=end)
        for delta in _deltas(model, words):
            step("delta", **wire.obfuscated(delta), **_logprobs(settings, delta))
        steps.append(lambda: _complete(wire, part, place, words, model, settings))
    _run(wire, item, steps)


def interim(wire: Wire, item_id: str, words: str) -> None:
    """What is understood before the speaker has stopped, for a provider that tells it."""
    wire.emit(NAME + "interim", item_id=item_id, content_index=0, transcript=words)


def _run(wire: Wire, item: Item, steps: list[Callable[[], None]]) -> None:
    """One step after the other. They belong to the item: when it is deleted they stop."""
    for number, step in enumerate(steps, 1):
        wire.after(wire.options.pace.transcription_ms * number, item, step)


def _complete(wire: Wire, part: Part, place: dict[str, Any], words: str, model: str, settings: SessionSettings) -> None:
    part.text = words
    usage: dict[str, Any]
    if model in BY_DURATION:
        free = model == STREAMING and not words
        usage = {"type": "duration", "seconds": 0 if free else math.ceil(part.audio_ms / 1000)}
    else:
        audio, text = part.audio_ms // INPUT_AUDIO_MS, count(words)
        usage = {
            "type": "tokens",
            "total_tokens": audio + text,
            "input_tokens": audio,
            "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
            "output_tokens": text,
        }
    wire.emit(NAME + "completed", **place, transcript=words, usage=usage, **_logprobs(settings, words))


def _deltas(model: str, words: str) -> list[str]:
    if not words:
        return []
    if model == "whisper-1":
        return [words]  # whole, as in .completed (openai.md#94)
    # gpt-realtime-whisper begins with a space (openai.md#94).
    return pieces(" " + words if model == "gpt-realtime-whisper" else words)


def _segments(part: Part, words: str) -> list[tuple[str, float, float]]:
    heard = speech.heard(part.pcm, part.rate)
    if not words:
        return []
    start = heard[0].start_ms if heard else 0
    end = heard[-1].end_ms if heard else part.audio_ms
    return [(words, start / 1000, end / 1000)]


def _logprobs(settings: SessionSettings, text: str) -> dict[str, Any]:
    """Log probabilities, where the session includes them. Ours are certain: 0."""
    if "item.input_audio_transcription.logprobs" not in (settings.config.get("include") or ()):
        return {}
    return {
        "logprobs": [
            {"token": piece, "logprob": 0.0, "bytes": list(piece.encode(errors="replace"))} for piece in pieces(text)
        ]
    }
