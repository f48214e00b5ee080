"""The messages of an answer, each made when it is asked for."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mockserver.engines.simulator.gemini.setup import Setup
from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.voice.captions import cues, written_at
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.engines.simulator.voice.words import pieces

VOICE = AudioFormat("pcm", 24_000)
MIME = "audio/pcm;rate=24000"


@dataclass(frozen=True, slots=True)
class Piece:
    """A message of a spoken or written answer, ``at`` ms after it began."""

    at: float
    words: str
    fields: dict[str, Any]
    audio_ms: int = 0


def parts(setup: Setup, *told: dict[str, Any]) -> dict[str, Any]:
    """A ``modelTurn``."""
    return {"parts": list(told)} | ({"role": "model"} if setup.model.role else {})


def spoken_pieces(text: str, silence_ms: int, setup: Setup, pace: Pace) -> Iterator[Piece]:
    """Audio and its transcript; some models send audio with the words that begin in it (gemini.md#23)."""
    words, at = "", 0.0
    for cue in cues(text, silence_ms, VOICE, pace, ahead=1):
        words, at = words + cue.caption, cue.at
        if cue.audio or not setup.model.joined:
            yield _piece(setup, at, words, cue.audio, cue.ms)
            words = ""
    if words:
        yield _piece(setup, at, words, b"", 0)


def _piece(setup: Setup, at: float, words: str, audio: bytes, ms: int) -> Piece:
    fields: dict[str, Any] = {}
    if audio:
        data = base64.b64encode(audio).decode()
        fields["modelTurn"] = parts(setup, {"inlineData": {"mimeType": MIME, "data": data}})
    if words and setup.transcribes_output:
        fields["outputTranscription"] = {"text": words}
    return Piece(at, words, fields, ms)


def written_pieces(text: str, setup: Setup, pace: Pace) -> Iterator[Piece]:
    """Text in two parts or more: the first is short (gemini.md#97)."""
    first, *rest = pieces(text) or [""]
    joined = ("".join(rest[place : place + 8]) for place in range(0, len(rest), 8))
    for number, part in enumerate([first, *joined]):
        yield Piece(written_at(number, pace.text_ms), part, {"modelTurn": parts(setup, {"text": part})})
