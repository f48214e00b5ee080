"""What the tones are: the symbols of a word, their waveforms and their times.

A word travels alone. It is cut into pieces of at most 63 UTF-8 bytes (one piece for nearly every
word), and a piece is

    40 ms silence | sync A | sync B | header | bytes ... | 3 bytes of checksum | 40 ms silence

in symbols of 20 ms. A sync symbol is one tone; every other symbol is one byte as two tones at once:
one of 16 low tones for its upper half, one of 16 high tones for its lower half. The header holds the
number of bytes and says whether the piece goes on from the one before it and whether another
follows. The checksum runs on from piece to piece, so pieces of two words never make a third.

All tones are multiples of 80 Hz from 400 to 3040 Hz: inside a telephone's band (300 to 3400 Hz, so
G.711 at 8 kHz carries them), and a whole number of cycles in the 12.5 ms that the listener looks at,
so that no tone leaks into another. The two tones together peak at 0.4 of full scale: a gain of +6 dB
does not clip, and the level is about that of a voice.

An ordinary word takes about 0.3 s. Silence between words stays under 100 ms, so that voice activity
detection (which waits for 200 ms of silence or more) hears one utterance.

What lives here: everything both sides share. What does not: finding words in audio (`listener`),
telephony (`g711`).
"""

from __future__ import annotations

import math
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import add

from mockserver.errors import UsageError

RATE = 24_000
LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000
SYMBOLS_PER_SECOND = 50
SYMBOL_MS = 1_000 // SYMBOLS_PER_SECOND

_SPACING_HZ = 80
SYNC_B_HZ = 1_680
LOW_HZ = tuple(range(400, 1_680, _SPACING_HZ))
HIGH_HZ = tuple(range(1_760, 3_040, _SPACING_HZ))
SYNC_A_HZ = 3_040

PIECE_BYTES = 63
MORE_FOLLOWS, GOES_ON = 0x80, 0x40
HEAD_SYMBOLS = 3
"""Sync A, sync B and the header."""
CHECK_BYTES = 3

_SILENCE, _SYNC_A, _SYNC_B = -1, 256, 257
_GAP_SYMBOLS = 2
_FULL_SCALE = 32_767
_TONE_PEAK, _SYNC_PEAK = 0.2, 0.28
_RAMP_SECONDS = 0.002
"""Each symbol swells and fades this long, so that its edges do not click across the whole band."""

Audio = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Word:
    """One word and its time in milliseconds from the start of the audio, without the silence around it."""

    text: str
    start_ms: int
    end_ms: int


def checked_rate(rate: int) -> int:
    """The rate itself; `UsageError` unless it is a whole number of hertz from 8000 to 48000."""
    if type(rate) is not int or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UsageError(f"speech: sample rate {rate!r}: expected an int from {LOWEST_RATE} to {HIGHEST_RATE} (Hz)")
    return rate


def raw_audio(pcm: Audio) -> bytes:
    """The bytes of an audio buffer of any item size; `UsageError` when it is no buffer."""
    if not isinstance(pcm, bytes | bytearray | memoryview):
        raise UsageError(f"speech: audio must be bytes, not {type(pcm).__name__}")
    return bytes(pcm)


def words(text: str) -> list[str]:
    """The words that `encode` speaks: the text split at (Unicode) white space, otherwise untouched."""
    if not isinstance(text, str):
        raise UsageError(f"speech: text must be a str, not {type(text).__name__}; audio goes to decode()")
    return text.split()


def encode(text: str, rate: int = RATE) -> bytes:
    """Speak a text: PCM16 little-endian mono at `rate` Hz. A text without words gives no audio (`b""`).

    Where 50 divides the rate, speech joins up: `encode("a b") == encode("a") + encode("b")`.
    """
    return b"".join(spoken(text, rate))


def spoken(text: str, rate: int = RATE) -> Iterator[bytes]:
    """The audio of `encode` in pieces of 20 ms, each made when it is asked for."""
    checked_rate(rate)
    at = 0
    for number, symbol in enumerate(_symbols(words(text)), 1):
        # Edges are rounded from the start each time: a rate that 50 does not divide must not drift.
        edge = number * rate // SYMBOLS_PER_SECOND
        yield _waveform(rate, edge - at, symbol)
        at = edge


def timings(text: str, rate: int = RATE) -> list[Word]:
    """The words of `encode(text, rate)` with their times, without making the audio.

    The times are the same at every rate.
    """
    checked_rate(rate)
    return list(timed(text))


def timed(text: str) -> Iterator[Word]:
    """The words of `timings`, each when it is asked for."""
    at = 0
    for word in words(text):
        start = at + _GAP_SYMBOLS
        at += _symbol_count(word)
        yield Word(word, start * SYMBOL_MS, (at - _GAP_SYMBOLS) * SYMBOL_MS)


def duration_ms(text: str, rate: int = RATE) -> int:
    """How long `encode(text, rate)` plays, in milliseconds, silence included."""
    checked_rate(rate)
    return sum(map(_symbol_count, words(text))) * SYMBOL_MS


def checksum(body: bytes, before: int) -> int:
    """The running checksum (CRC-32) over a piece's header and bytes.

    `before` is that of the piece it goes on from, 0 when it starts a word.
    """
    return zlib.crc32(body, before)


def check_bytes(running: int) -> bytes:
    """The part of the running checksum that is sent."""
    return (running & 0xFFFFFF).to_bytes(CHECK_BYTES, "big")


def samples(pcm: bytes) -> array[int]:
    """PCM16 little-endian bytes as numbers. An odd last byte is left out."""
    numbers = array("h", pcm[: len(pcm) & ~1])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def pcm_bytes(numbers: list[int]) -> bytes:
    """Numbers as PCM16 little-endian bytes."""
    packed = array("h", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _raw(word: str) -> bytes:
    # surrogatepass: JSON may carry half a surrogate pair, and a test double must not fall over it.
    return word.encode("utf-8", "surrogatepass")


def _symbol_count(word: str) -> int:
    size = len(_raw(word))
    pieces = -(-size // PIECE_BYTES)
    return size + pieces * (HEAD_SYMBOLS + CHECK_BYTES + 2 * _GAP_SYMBOLS)


def _symbols(said: Iterable[str]) -> Iterator[int]:
    gap = (_SILENCE,) * _GAP_SYMBOLS
    for word in said:
        raw = _raw(word)
        running = 0
        for first in range(0, len(raw), PIECE_BYTES):
            piece = raw[first : first + PIECE_BYTES]
            follows = MORE_FOLLOWS if first + PIECE_BYTES < len(raw) else 0
            body = bytes((len(piece) | follows | (GOES_ON if first else 0),)) + piece
            running = checksum(body, running)
            yield from (*gap, _SYNC_A, _SYNC_B, *body, *check_bytes(running), *gap)


@lru_cache(maxsize=4096)
def _waveform(rate: int, count: int, symbol: int) -> bytes:
    if symbol == _SILENCE:
        return bytes(2 * count)
    if symbol == _SYNC_A:
        return pcm_bytes(_tone(rate, count, SYNC_A_HZ, _SYNC_PEAK))
    if symbol == _SYNC_B:
        return pcm_bytes(_tone(rate, count, SYNC_B_HZ, _SYNC_PEAK))
    low = _tone(rate, count, LOW_HZ[symbol >> 4], _TONE_PEAK)
    high = _tone(rate, count, HIGH_HZ[symbol & 15], _TONE_PEAK)
    return pcm_bytes(list(map(add, low, high)))


@lru_cache(maxsize=1024)
def _tone(rate: int, count: int, hz: int, peak: float) -> list[int]:
    # Every tone is a multiple of 80 Hz, so each is the lowest one's wave read with longer steps.
    table, step = _lowest_tone(rate, peak), hz // _SPACING_HZ
    wave = [table[n % len(table)] for n in range(0, step * count, step)]
    for n, gain in enumerate(_ramp(rate)):
        wave[n] = round(wave[n] * gain)
        wave[count - 1 - n] = round(wave[count - 1 - n] * gain)
    return wave


@lru_cache(maxsize=32)
def _lowest_tone(rate: int, peak: float) -> list[int]:
    """A wave of 80 Hz, as long as it takes to come back to the same sample."""
    angle = 2 * math.pi * _SPACING_HZ / rate
    length = rate // math.gcd(rate, _SPACING_HZ)
    return [round(_FULL_SCALE * peak * math.sin(angle * n)) for n in range(length)]


@lru_cache(maxsize=16)
def _ramp(rate: int) -> list[float]:
    length = int(rate * _RAMP_SECONDS)
    return [0.5 - 0.5 * math.cos(math.pi * (n + 0.5) / length) for n in range(length)]
