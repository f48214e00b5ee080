"""When which piece of a spoken message is sent: its audio in equal pieces, its transcript running ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import chain

from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.engines.simulator.voice.words import each_piece
from mockserver.speech.tones import timed

AT_ONCE, BURST, BURST_MS = 128, 64, 20
"""So many deltas at once, and then so many each 20 ms."""


@dataclass(frozen=True, slots=True)
class SpeechCue:
    """One delta, ``at`` ms after the message began: a piece of transcript, or of audio (``ms`` long)."""

    at: float
    caption: str = ""
    audio: bytes = b""
    ms: int = 0


def cues(
    text: str,
    silence_ms: int,
    sound: AudioFormat,
    pace: Pace,
    *,
    ahead: int = 0,
    lead: float = 0.0,
    before: int = 0,
) -> Iterator[SpeechCue]:
    """The deltas of a message in order, each made when it is asked for. ``silence_ms`` of silence follows the words.

    ``ahead``: so many pieces of transcript come before the first audio. ``lead``: the others run ahead of their audio
    by that share of its time (0 is with it, 1 is all at once). ``before``: so many deltas of the reply went before.
    """
    captions = (SpeechCue(ms, caption=piece) for ms, piece in _captions(text, ahead, lead))
    # At the same time the transcript comes first, or the audio.
    made = merge(
        captions, _sounds(text, silence_ms, sound, pace), key=lambda cue: (cue.at, bool(cue.caption) != bool(ahead))
    )
    for number, cue in enumerate(made, before):
        at = in_bursts(number) if pace.audio_speed is None else cue.at / pace.audio_speed
        yield SpeechCue(at, cue.caption, cue.audio, cue.ms)


def in_bursts(number: int) -> float:
    """When a delta of a message that is "all at once" is sent, in ms: the first at once, many as others of the server
    can be served between.
    """
    return 0.0 if number < AT_ONCE else (number - AT_ONCE) // BURST * BURST_MS + BURST_MS


def written_at(number: int, step_ms: float) -> float:
    """When a piece of a written text is sent, in ms after the first (whose ``number`` is 0)."""
    return number * step_ms or in_bursts(number)


def _sounds(text: str, silence_ms: int, sound: AudioFormat, pace: Pace) -> Iterator[SpeechCue]:
    """The audio in equal pieces; the last may be shorter."""
    size, place, made = pace.piece_ms * sound.bytes_per_ms, 0, b""
    for more in chain(sound.spoken(text), [sound.silence(silence_ms), b""]):
        made += more
        whole = len(made) if not more else len(made) - len(made) % size
        for at in range(0, whole, size):
            piece = made[at : at + size]
            yield SpeechCue(place / sound.bytes_per_ms, audio=piece, ms=len(piece) // sound.bytes_per_ms)
            place += len(piece)
        made = made[whole:]


def _captions(text: str, ahead: int, lead: float) -> Iterator[tuple[float, str]]:
    """The transcript's deltas, each with the time in the audio at which it is sent.

    All pieces of a word come at its beginning; those of one that has hundreds come in bursts.
    """
    words = timed(text)
    at, start, word = 0.0, 0.0, next(words, None)
    since = 0  # the first piece with this start
    for number, piece in enumerate(each_piece(text)):
        if word is not None and piece.strip() and word.text.startswith(piece.strip()):
            before, start, word = start, word.start_ms * (1 - lead), next(words, None)
            if start != before:
                since = number
        at = max(at, start + in_bursts(number - since))
        yield (0.0 if number < ahead else at), piece
