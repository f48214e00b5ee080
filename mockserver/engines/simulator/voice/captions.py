"""When which piece of a spoken message is sent: its audio in equal pieces, its transcript running ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mockserver import speech
from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.engines.simulator.voice.words import pieces


@dataclass(frozen=True, slots=True)
class SpeechCue:
    """One delta, ``at`` ms after the message began: a piece of transcript, or of audio (``ms`` long)."""

    at: float
    caption: str = ""
    audio: bytes = b""
    ms: int = 0


def cues(
    text: str, silence_ms: int, sound: AudioFormat, pace: Pace, *, ahead: int = 0, lead: float = 0.0
) -> list[SpeechCue]:
    """The deltas of a message in order. ``silence_ms`` of silence follows the words.

    ``ahead``: so many pieces of transcript come before the first audio. ``lead``: the others run ahead of their audio
    by that share of its time (0 is with it, 1 is all at once).
    """
    audio = sound.spoken(text) + sound.silence(silence_ms)
    bytes_per_ms = sound.bytes_per_ms
    size = pace.piece_ms * bytes_per_ms
    made = [SpeechCue(ms, caption=piece) for ms, piece in _captions(text, ahead, lead)]
    for place in range(0, len(audio), size):
        piece = audio[place : place + size]
        made.append(SpeechCue(place / bytes_per_ms, audio=piece, ms=len(piece) // bytes_per_ms))
    # At the same time the transcript comes first, or the audio.
    made.sort(key=lambda cue: (cue.at, bool(cue.caption) != bool(ahead)))
    speed = pace.audio_speed
    return [SpeechCue(0.0 if speed is None else cue.at / speed, cue.caption, cue.audio, cue.ms) for cue in made]


def _captions(text: str, ahead: int, lead: float) -> Iterator[tuple[float, str]]:
    """The transcript's deltas, each with the time in the audio at which it is sent."""
    words = iter(speech.timings(text))
    start, word = 0.0, next(words, None)
    for number, piece in enumerate(pieces(text)):
        if word is not None and piece.strip() and word.text.startswith(piece.strip()):
            start, word = word.start_ms * (1 - lead), next(words, None)
        yield (0.0 if number < ahead else start), piece
