"""A client's audio where the client does not say when an utterance ends: a microphone that stays open.

Which samples are heard is the client's; how much silence stands between them, how long it goes on behind the last turn
and how it is cut is the clock's. So of such a stretch its sound is compared, in order and without its silence. Where
one recording has more than the other, that must have come behind all that the service took a turn from. What the
service says of places in the audio (``Dialect.positions``) is read as: behind so much sound.

Silence is what a muted or synthetic microphone sends: samples of zero. Noise of a room is sound.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from mockserver.cassette.audio import audio_of, digest
from mockserver.cassette.model import Record
from mockserver.core.frames import MILLISECOND, SECOND, Micros, Sender
from mockserver.core.view import Audio, Kind, View
from mockserver.dialects.base import Dialect, SampleFormat

_ZEROS = re.compile(rb"\0{2,}")
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_LAW_SILENCE = b"\x7f\xff\x55\xd5"
"""The codes next to zero of both laws of G.711."""
ON_ITS_WAY: Micros = 200 * MILLISECOND
"""Audio recorded so shortly before the service took its turn may have come too late to be part of it."""
PLACE_SLACK_MS = 200
"""A service looks at the audio in windows of its own, so that it may place one turn so differently."""


@dataclass(frozen=True, slots=True)
class OpenMicrophone:
    """One stretch. ``sound`` without silence (all of it where it is nothing else); so many bytes of it at least the
    service ``took`` turns from.
    """

    sound: bytes
    took: int

    def covers(self, other: OpenMicrophone) -> bool:
        """Whether the two hold the same, as far as anything came of it."""
        shorter, longer = sorted((self.sound, other.sound), key=len)
        return len(shorter) >= max(self.took, other.took) and longer.startswith(shorter)


def format_of(audio: Audio, current: SampleFormat) -> SampleFormat:
    """What the frame itself says of its format, else the session's. Width 0: no samples (Opus)."""
    if audio.encoding not in (None, "pcm", "ulaw", "alaw"):
        return SampleFormat(audio.rate or current.rate, 0)
    width = current.width if audio.encoding is None else 2 if audio.encoding == "pcm" else 1
    return SampleFormat(audio.rate or current.rate, width)


def sounding(data: bytes, width: int) -> bytes:
    """The samples that are not zero."""
    if width == 1:
        return data.translate(None, _LAW_SILENCE)
    if width != 2:
        return data
    parts: list[bytes] = []
    done = 0
    for found in _ZEROS.finditer(data):
        begin, end = found.start() + (found.start() & 1), found.end() & ~1
        if begin < end:
            parts.append(data[done:begin])
            done = end
    parts.append(data[done:])
    return b"".join(parts)


def stretch(pieces: Sequence[tuple[Record, View]], current: SampleFormat, before: int) -> tuple[OpenMicrophone, float]:
    """What of a stretch is heard, and how many milliseconds of it. The service reacted behind ``before`` pieces."""
    if any(any(record.digests) for record, _ in pieces):
        return _digested(pieces, current, before)
    form = SampleFormat(current.rate, 0) if pieces[0][1].audio is None else format_of(pieces[0][1].audio, current)
    datas = [audio_of(record, view) for record, view in pieces]
    whole, width = b"".join(datas), max(form.width, 1)
    late = form.rate * width * ON_ITS_WAY // SECOND
    sure = max(0, sum(map(len, datas[:before])) - late) // 2 * 2
    took = sounding(whole[:sure], form.width)
    sound = took + sounding(whole[sure:], form.width)
    if not sound:
        return OpenMicrophone(whole, sure), 0  # nothing but silence: how long it was is all there is
    return OpenMicrophone(sound, len(took)), len(sound) * 1_000 / (form.rate * width)


def _digested(
    pieces: Sequence[tuple[Record, View]], current: SampleFormat, before: int
) -> tuple[OpenMicrophone, float]:
    """Where only digests are left: the pieces that are not silent as a whole."""
    parts: list[bytes] = []
    took, heard = 0, 0
    for number, (record, view) in enumerate(pieces):
        if number < before:
            took = len(parts)  # of the last piece before the service reacted, nobody can say how much counted
        if view.audio is not None and any(one and one != digest(bytes(view.audio.size)) for one in record.digests):
            parts.append("".join(record.digests).encode())
            form = format_of(view.audio, current)
            heard += form.micros(view.audio.size) if form.width else 0
    return OpenMicrophone(b"".join(parts), sum(map(len, parts[:took]))), heard / MILLISECOND


class SoundMap:
    """How much sound stands before each moment of a connection's client audio."""

    def __init__(self, records: Sequence[Record], dialect: Dialect) -> None:
        self._ends: list[Micros] = []  # of each piece
        self._sound: list[Micros] = []  # up to its end
        self._pieces: list[tuple[bytes, SampleFormat]] = []
        at: Micros = 0
        heard: Micros = 0
        form = SampleFormat()
        for record in records:
            if record.sender is not Sender.CLIENT:
                continue
            view = dialect.view(record.frame, record.sender)
            form = dialect.audio_format(view, form)
            if view.kind is not Kind.AUDIO or view.audio is None:
                continue
            mine, data = format_of(view.audio, form), audio_of(record, view)
            if not mine.width:
                continue
            at += mine.micros(len(data))
            heard += mine.micros(len(sounding(data, mine.width)))
            self._ends.append(at)
            self._sound.append(heard)
            self._pieces.append((data, mine))

    def sound_before(self, at_ms: int) -> float:
        """Milliseconds of sound before a moment."""
        at = at_ms * MILLISECOND
        place = bisect_right(self._ends, at)
        if place == len(self._ends):
            return self._sound[-1] / MILLISECOND if self._sound else 0
        begun = self._ends[place - 1] if place else 0
        data, form = self._pieces[place]
        size = (at - begun) * form.rate // SECOND * form.width
        inside = form.micros(len(sounding(data[:size], form.width)))
        return ((self._sound[place - 1] if place else 0) + inside) / MILLISECOND


def placed(name: str, body: Any, dialect: Dialect) -> Mapping[str, int]:
    """The fields of a server event that name a moment of the client's audio, by their paths, in milliseconds."""
    if not isinstance(body, dict) or not dialect.positions:
        return {}
    found: dict[str, int] = {}
    for pattern in dialect.positions:
        event, _, path = pattern.rpartition(":")
        if not fnmatchcase(name, event):
            continue
        value: Any = body
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        told = _SECONDS.fullmatch(value) if isinstance(value, str) else None
        if told is not None:
            found[path] = round(float(told[1]) * 1_000)
        elif isinstance(value, int) and not isinstance(value, bool):
            found[path] = max(value, 0)
    return found
