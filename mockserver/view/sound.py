"""The audio of one side of a session: where each piece was heard, how loud it was, and all of it as a WAV file.

A model sends its audio faster than it can be heard. So a piece begins when it came, or when the one before it has
ended; what was not heard yet when a reply was cut off is taken back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mockserver import speech
from mockserver.core.frames import Micros

PEAK_MS = 20
"""A waveform holds one peak for so much audio."""
TOGETHER = 64
"""Peaks that are computed together."""
DECODERS = {"ulaw": speech.ulaw_decode, "alaw": speech.alaw_decode}
RATES = range(4_000, 96_001)
"""Rates that are believed; a session may claim any."""


@dataclass(slots=True)
class Clip:
    """A run of audio without a gap. ``at``: when it was heard; ``offset`` and ``size`` in samples of the track."""

    at: Micros
    offset: int
    size: int
    reply: str | None


class Track:
    """One side's audio, PCM16 of one rate. Audio of another rate, after the first, is left out and counted.

    ``most``: so many samples are kept, and what comes after them is left out too (``full``).
    """

    def __init__(self, most: int | None = None) -> None:
        self.rate = 0
        self.full = False
        self._most = most
        self.pcm = bytearray()
        self.clips: list[Clip] = []
        self.unread = 0  # pieces in an encoding that is not read, or of another rate

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(self.pcm) // 2

    def add(self, at: Micros, data: bytes, rate: int, encoding: str, reply: str | None) -> None:
        """A piece that came at ``at``."""
        if encoding not in ("pcm", *DECODERS) or rate not in RATES or self.rate not in (0, rate):
            self.unread += 1
            return
        self.rate = rate
        decode = DECODERS.get(encoding)
        pcm = data[: len(data) // 2 * 2] if decode is None else decode(data)
        size = len(pcm) // 2
        if not size or self.full:
            return
        if self._most is not None and self.samples + size > self._most:
            self.full = True
            self.pcm.clear()
            self.clips.clear()
            return
        last = self.clips[-1] if self.clips else None
        end = 0 if last is None else self.end(last)
        if last is not None and at <= end + 1_000 and last.reply == reply:
            last.size += size
        else:
            self.clips.append(Clip(max(at, end), self.samples, size, reply))
        self.pcm += pcm

    def end(self, clip: Clip) -> Micros:
        """When a clip was heard to its end."""
        return clip.at + clip.size * 1_000_000 // self.rate

    def cut(self, at: Micros, reply: str | None) -> None:
        """The reply was cut off: what was still to be heard of it is taken back."""
        for clip in reversed(self.clips):
            if self.end(clip) <= at:
                return
            if reply in (None, clip.reply):
                clip.size = max(0, (at - clip.at) * self.rate // 1_000_000)

    def heard(self) -> Iterator[Clip]:
        """The clips of which something was heard."""
        return (clip for clip in self.clips if clip.size)

    def peaks(self) -> bytes:
        """How loud each ``PEAK_MS`` of the track is, 0 to 255."""
        if not self.rate:
            return b""
        size = 2 * max(1, self.rate * PEAK_MS // 1000)
        some = size * TOGETHER
        return b"".join(_peaks(bytes(self.pcm[place : place + some]), size) for place in range(0, len(self.pcm), some))

    def words(self) -> Iterator[tuple[Micros, Micros, str]]:
        """The words of our own speech in what was heard: begin, end, text."""
        for clip in self.heard():
            if self.rate not in range(8_000, 48_001):
                return
            pcm = self.pcm[2 * clip.offset : 2 * (clip.offset + clip.size)]
            for word in speech.heard(pcm, self.rate):
                yield clip.at + word.start_ms * 1_000, clip.at + word.end_ms * 1_000, word.text

    def wav(self) -> bytes:
        """All of it, clip after clip without the gaps, as a WAV file (RIFF, PCM16, one channel)."""
        pcm = b"".join(bytes(self.pcm[2 * one.offset : 2 * (one.offset + one.size)]) for one in self.heard())
        rate = self.rate or 24_000
        return b"RIFF" + struct.pack("<I", 36 + len(pcm)) + b"WAVEfmt " + _form(rate, len(pcm)) + pcm


_NEGATIVE = bytes(255 if high & 0x80 else 0 for high in range(256))
_BELOW = [bytes(range(loud)) for loud in range(256)]


def _peaks(pcm: bytes, size: int) -> bytes:
    """The peaks of so many bytes each.

    ``loud`` is a byte for each sample: ``sample >> 7``, of a negative one ``~sample >> 7``. It is made for all of them
    at once, as of one long number.
    """
    signs = int.from_bytes(pcm[1::2].translate(_NEGATIVE), "little")
    moved = (int.from_bytes(pcm, "little") << 1).to_bytes(len(pcm) + 1, "little")
    loud = (int.from_bytes(moved[1::2], "little") ^ signs).to_bytes(len(pcm) // 2, "little")
    return bytes(
        _peak(loud[place // 2 : (place + size) // 2], pcm[place : place + size]) for place in range(0, len(pcm), size)
    )


def _peak(loud: bytes, pcm: bytes) -> int:
    """The largest ``abs(sample) >> 7`` of a piece, at most 255."""
    peak = 0
    for bit in (128, 64, 32, 16):
        if louder := loud.translate(None, _BELOW[peak | bit]):
            peak, loud = peak | bit, louder
    peak += 15
    while peak not in loud:
        peak -= 1
    # Of a negative sample, ~sample >> 7 is one less than -sample >> 7 where that is a multiple of 128.
    edge = struct.pack("<h", -128 * (peak + 1))
    place = pcm.find(edge)
    while place & 1 and place > 0:
        place = pcm.find(edge, place + 1)
    return min(255, peak + (place >= 0))


def _form(rate: int, size: int) -> bytes:
    return struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) + b"data" + struct.pack("<I", size)
