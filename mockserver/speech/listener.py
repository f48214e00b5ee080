"""Finding words in audio: sync, symbols, checksum, times.

The listener works at 8 to 16 kHz: a higher rate is brought down by adding up neighbouring samples,
which is filter enough because no tone is above 3.1 kHz. It looks at 12.5 ms at a time, a window in
which every tone of `tones` has a whole number of cycles:

1. search, in steps of 5 ms, for a window that is mostly sync A;
2. find where A turns into B (where their levels cross): the word's start to a fraction of a
   millisecond;
3. read one window in the middle of each symbol; give up at the first that is not two clear tones;
4. at the end compare the checksum. If anything is wrong, search on right behind the sync, so that a
   splice costs one word.

Every decision depends on positions counted from the start of the stream and on a fixed stretch of
audio, never on what one `feed` brought: any chunking gives the same words.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from functools import lru_cache
from itertools import repeat
from operator import add, mul, sub

from mockserver.speech.roughly import SURELY, RoughTone, passed, rough_levels, rough_tone
from mockserver.speech.tones import (
    CHECK_BYTES,
    GOES_ON,
    HEAD_SYMBOLS,
    HIGH_HZ,
    LOW_HZ,
    MORE_FOLLOWS,
    PIECE_BYTES,
    RATE,
    SYMBOLS_PER_SECOND,
    SYNC_A_HZ,
    SYNC_B_HZ,
    Audio,
    Word,
    check_bytes,
    checked_rate,
    checksum,
    raw_audio,
    samples,
)

_WORKING_RATE = 8_000
_WINDOW_SECONDS = 0.0125
_HOP_SECONDS = 0.005
_SCAN_SECONDS = 0.0025
_SCANS = 13
"""How far behind a window that is mostly A its end can be, in scan steps: 30 ms."""
_SLACK_SECONDS = 0.001
"""A word counts as whole if no more than this is missing at an end (resamplers round lengths)."""
_SYNC_SHARE = 0.5
_BYTE_SHARE = 0.4
"""The part of a window's energy that must be in the tones; lower would only waste time on noise."""
_FAINTEST = 30.0
"""Peak (of 32768) under which a window is taken for silence: 40 dB under what `encode` gives."""
_KEPT = 8_192
_PIECE = 1 << 16
"""Bytes of a long buffer that are listened to at once: an hour of samples would take a gigabyte."""

_Wave = tuple[float, ...]
_Tone = tuple[_Wave, _Wave]


class _Book:
    """What depends on the rate alone: window sizes, and a folded reference of each tone."""

    def __init__(self, rate: int) -> None:
        self.step = rate // _WORKING_RATE
        self.rate = rate / self.step
        self.symbol = self.rate / SYMBOLS_PER_SECOND
        self.window = 2 * round(self.rate * _WINDOW_SECONDS / 2)
        self.hop = round(self.rate * _HOP_SECONDS)
        self.scan = round(self.rate * _SCAN_SECONDS)
        self.slack = self.rate * _SLACK_SECONDS
        self.a, self.b = self._tone(SYNC_A_HZ), self._tone(SYNC_B_HZ)
        self.low = tuple(map(self._tone, LOW_HZ))
        self.high = tuple(map(self._tone, HIGH_HZ))
        # The same for a quick look: A over a whole window, the others over a folded one.
        even, odd = self.a
        self.rough_a = rough_tone(even + even[::-1], odd + tuple(-value for value in odd[::-1]))
        self.rough_low = tuple(rough_tone(*tone) for tone in self.low)
        self.rough_high = tuple(rough_tone(*tone) for tone in self.high)

    def _tone(self, hz: int) -> _Tone:
        # Sines and cosines about the middle are odd and even, so half a window of each is enough (see _fold). The
        # mean is taken out of the cosine: a direct current then counts for nothing at any rate.
        half = self.window // 2
        angles = [2 * math.pi * hz / self.rate * (n - half + 0.5) for n in range(half)]
        even = [math.cos(angle) for angle in angles]
        mean = sum(even) / half
        return tuple(value - mean for value in even), tuple(map(math.sin, angles))


_book = lru_cache(maxsize=16)(_Book)


class Listener:
    """Hears a stream: feed it PCM16 little-endian mono in chunks of any size, even or odd, and it returns words.

    A word is returned as soon as its end has been heard. Times count from the start of the stream.
    """

    def __init__(self, rate: int = RATE) -> None:
        self._book = _book(checked_rate(rate))
        self._rest = b""
        self._heard: list[float] = []
        # Positions count working samples from the start of the stream; _base is that of _heard[0].
        self._base = 0
        self._at = 0  # where the search goes on
        self._piece: _Heard | None = None
        # Of a word whose last piece is still to come:
        self._word_start: float | None = None
        self._word = b""
        self._checksum = 0

    def feed(self, pcm: Audio) -> list[Word]:
        """Take the next chunk; return the words that it completed, oldest first."""
        self._take(self._rest + raw_audio(pcm))
        found: list[Word] = []
        while self._read(found) if self._piece else self._search():
            pass
        done = min(self._at - self._base, len(self._heard))
        if done > _KEPT:
            del self._heard[:done]
            self._base += done
        return found

    def _take(self, data: bytes) -> None:
        step = self._book.step
        used = len(data) - len(data) % (2 * step)
        self._rest = data[used:]
        self._heard.extend(_summed(data[:used], step))

    def _window(self, position: int) -> list[float]:
        first = position - self._base
        return self._heard[first : first + self._book.window]

    def _silent(self, block: list[float]) -> bool:
        return max(block) - min(block) < 2 * _FAINTEST * self._book.step

    def _search(self) -> bool:
        """Go on to the next sync; False when more audio is needed to decide."""
        book = self._book
        last = self._base + len(self._heard) - (_SCANS * book.scan + book.window)
        while self._at <= last:
            # What is surely no sync is passed over; most of all sound is none.
            self._at += book.hop * passed(
                self._heard, range(self._at - self._base, last - self._base + 1, book.hop), book.rough_a, _SYNC_SHARE
            )
            if self._at > last:
                break
            block = self._window(self._at)
            if self._silent(block) or _share(block, _level(_fold(block), book.a)) < _SYNC_SHARE:
                self._at += book.hop
                continue
            edge = self._sync_edge(self._at)
            if edge is None:
                # No end of A within 30 ms: a sync that matters starts 10 ms from here at the earliest.
                self._at += 2 * book.hop
                continue
            start = edge - book.symbol
            if start >= -book.slack:
                self._piece = _Heard(start)
                self._at = round(edge + book.symbol)
                return True
            self._at += book.hop
        return False

    def _sync_edge(self, position: int) -> float | None:
        """Where sync A turns into sync B, looking from `position` on; None where it does not."""
        book = self._book
        blocks = [self._window(position + n * book.scan) for n in range(_SCANS + 1)]
        folds = list(map(_fold, blocks))
        a = [math.sqrt(_level(fold, book.a)) for fold in folds]
        b = [math.sqrt(_level(fold, book.b)) for fold in folds]
        a_full, b_full = max(a), max(b)
        # Levels against their own full level: a line or a resampler need not pass both tones alike.
        if _share(blocks[b.index(b_full)], b_full**2) < _SYNC_SHARE:
            return None
        ahead = [now_b / b_full - now_a / a_full for now_a, now_b in zip(a, b, strict=True)]
        for n in range(1, len(ahead)):
            if ahead[n - 1] < 0 <= ahead[n]:
                crossing = n - ahead[n] / (ahead[n] - ahead[n - 1])
                return position + crossing * book.scan + book.window / 2
        return None

    def _read(self, found: list[Word]) -> bool:
        """Read the next symbol of the piece; False when it has not been heard yet."""
        piece, book = self._piece, self._book
        assert piece is not None
        end = self._base + len(self._heard)
        if piece.complete:
            stop = piece.start + piece.symbols * book.symbol
            if stop - book.slack > end:
                return False
            self._piece = None
            if self._accept(piece, stop, found):
                self._at = round(stop)
            return True
        middle = piece.start + (len(piece.read) + HEAD_SYMBOLS - 0.5) * book.symbol
        position = round(middle - book.window / 2)
        if position + book.window > end:
            return False
        value = self._byte(self._window(position))
        if value is None or (not piece.read and not value & PIECE_BYTES):
            self._piece = None
        else:
            piece.read.append(value)
        return True

    def _byte(self, block: list[float]) -> int | None:
        """The byte that a window carries; None when it is not two tones."""
        if self._silent(block):
            return None
        fold, book = _fold(block), self._book
        low, low_full = _loudest(fold, book.low, book.rough_low)
        high, high_full = _loudest(fold, book.high, book.rough_high)
        if _share(block, low_full + high_full) < _BYTE_SHARE:
            return None
        return low << 4 | high

    def _accept(self, piece: _Heard, stop: float, found: list[Word]) -> bool:
        """Check a piece; when it ends a word, add the word to `found`."""
        body, sent = bytes(piece.read[:-CHECK_BYTES]), bytes(piece.read[-CHECK_BYTES:])
        goes_on = bool(body[0] & GOES_ON)
        if goes_on and self._word_start is None:
            return False
        running = checksum(body, self._checksum if goes_on else 0)
        if check_bytes(running) != sent:
            return False
        start = self._word_start if goes_on and self._word_start is not None else piece.start
        raw = (self._word if goes_on else b"") + body[1:]
        if body[0] & MORE_FOLLOWS:
            self._word_start, self._word, self._checksum = start, raw, running
            return True
        self._word_start, self._word = None, b""
        text = raw.decode("utf-8", "surrogatepass") if _is_utf8(raw) else ""
        if text.split() != [text]:
            return False  # a checksum met by chance: words are never empty and hold no white space
        found.append(Word(text, self._ms(start), self._ms(stop)))
        return True

    def _ms(self, position: float) -> int:
        return max(0, round(position * 1_000 / self._book.rate))


class _Heard:
    """A piece being read: where its sync A began (in working samples) and the bytes so far, header first."""

    __slots__ = ("read", "start")

    def __init__(self, start: float) -> None:
        self.start = start
        self.read = bytearray()

    @property
    def symbols(self) -> int:
        """Its whole length in symbols, known once the header is read."""
        return HEAD_SYMBOLS + (self.read[0] & PIECE_BYTES) + CHECK_BYTES

    @property
    def complete(self) -> bool:
        return bool(self.read) and len(self.read) + HEAD_SYMBOLS - 1 == self.symbols


def heard(pcm: Audio | Iterable[Audio], rate: int = RATE) -> list[Word]:
    """The whole words in audio (one buffer or chunks of any size), with their times, oldest first."""
    listener = Listener(rate)
    if isinstance(pcm, bytes | bytearray | memoryview):
        raw = raw_audio(pcm)
        pcm = (raw[at : at + _PIECE] for at in range(0, len(raw), _PIECE))
    return [word for chunk in pcm for word in listener.feed(chunk)]


def decode(pcm: Audio | Iterable[Audio], rate: int = RATE) -> str:
    """The whole words in audio as text, one space between them; `""` when there are none."""
    return " ".join(word.text for word in heard(pcm, rate))


def heard_until(pcm: Audio | Iterable[Audio], ms: float, rate: int = RATE) -> str:
    """What a listener had heard when the audio was cut off after `ms` milliseconds: only words complete by then."""
    return " ".join(word.text for word in heard(pcm, rate) if word.end_ms <= ms)


def _fold(block: list[float]) -> tuple[list[float], list[float]]:
    """The even and the odd part of a window about its middle, twice each. It halves the work per tone."""
    half = len(block) // 2
    back = block[: half - 1 : -1]
    return list(map(add, block, back)), list(map(sub, block, back))


def _level(fold: tuple[list[float], list[float]], tone: _Tone) -> float:
    """The energy of one tone in a window, on the scale of `_share`."""
    return float(sum(map(mul, fold[0], tone[0])) ** 2 + sum(map(mul, fold[1], tone[1])) ** 2)


def _share(block: list[float], level: float) -> float:
    """The part (0 to 1) that a level has in a window's energy, direct current aside."""
    energy = sum(map(mul, block, block)) - sum(block) ** 2 / len(block)
    return 2 * level / (energy * len(block)) if energy > 0 else 0.0


_UNSIGNED = bytes(high ^ 0x80 for high in range(256))


def _summed(data: bytes, step: int) -> Iterable[float]:
    """The sums of each `step` samples.

    They are added as two long numbers are, whose digits are the samples: that is much faster than one by one.
    """
    if step == 1:
        return map(float, samples(data))
    width, total = 2 * step, 0
    digits = bytearray(len(data) // width * 4)
    for first in range(0, width, 2):
        digits[0::4] = data[first::width]
        digits[1::4] = data[first + 1 :: width].translate(_UNSIGNED)
        total += int.from_bytes(digits, "little")
    sums = memoryview(total.to_bytes(len(digits), sys.byteorder)).cast("I")
    return map(sub, sums if sys.byteorder == "little" else sums[::-1], repeat(32_768.0 * step))


def _loudest(
    fold: tuple[list[float], list[float]], tones: tuple[_Tone, ...], roughly: tuple[RoughTone, ...]
) -> tuple[int, float]:
    """The first of the loudest tones in a window, and its energy."""
    levels = rough_levels(*fold, roughly)
    least = max(levels) * SURELY
    near = [number for number, level in enumerate(levels) if level >= least]
    exact = [_level(fold, tones[number]) for number in near]
    full = max(exact)
    return near[exact.index(full)], full


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
