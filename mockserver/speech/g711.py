"""G.711: the mu-law and A-law of telephony (the standard library's audioop is gone since Python 3.13).

PCM here is 16 bits little-endian. The laws are those of ITU-T G.711 as audioop and the field's other
software have them, bit for bit: mu-law on the upper 14 bits with a bias of 33 and all bits inverted,
A-law on the upper 13 bits with every second bit inverted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from mockserver.speech.tones import Audio, raw_audio, samples


def ulaw_encode(pcm: Audio) -> bytes:
    """PCM16 to mu-law, one byte a sample."""
    return bytes(map(_encode_table(_ulaw_code, 2).__getitem__, samples(raw_audio(pcm))))


def ulaw_decode(data: Audio) -> bytes:
    """Mu-law to PCM16."""
    return _decode(raw_audio(data), _ulaw_value)


def alaw_encode(pcm: Audio) -> bytes:
    """PCM16 to A-law, one byte a sample."""
    return bytes(map(_encode_table(_alaw_code, 3).__getitem__, samples(raw_audio(pcm))))


def alaw_decode(data: Audio) -> bytes:
    """A-law to PCM16."""
    return _decode(raw_audio(data), _alaw_value)


def _decode(data: bytes, value: Callable[[int], int]) -> bytes:
    low, high = _decode_tables(value)
    pcm = bytearray(2 * len(data))
    pcm[0::2] = data.translate(low)
    pcm[1::2] = data.translate(high)
    return bytes(pcm)


@cache
def _decode_tables(value: Callable[[int], int]) -> tuple[bytes, bytes]:
    values = [value(code) & 0xFFFF for code in range(256)]
    return bytes(v & 0xFF for v in values), bytes(v >> 8 for v in values)


@cache
def _encode_table(code: Callable[[int], int], dropped_bits: int) -> bytes:
    # Samples index it directly: 0..32767 from the front, -32768..-1 from the back, as Python's negative indices do.
    repeat = 1 << dropped_bits
    count = 0x8000 >> dropped_bits
    return b"".join(bytes((code(n),)) * repeat for n in (*range(count), *range(-count, 0)))


def _ulaw_code(sample: int) -> int:
    sign, size = (0x7F, -sample) if sample < 0 else (0xFF, sample)
    size = min(size, 8158) + 33
    segment = size.bit_length() - 6
    return sign ^ (segment << 4 | (size >> (segment + 1)) & 0x0F)


def _ulaw_value(code: int) -> int:
    code = ~code
    size = ((((code & 0x0F) << 3) + 132) << (code >> 4 & 7)) - 132
    return -size if code & 0x80 else size


def _alaw_code(sample: int) -> int:
    sign, size = (0x55, -sample - 1) if sample < 0 else (0xD5, sample)
    segment = max(size.bit_length() - 5, 0)
    return sign ^ (segment << 4 | (size >> max(segment, 1)) & 0x0F)


def _alaw_value(code: int) -> int:
    code ^= 0x55
    segment = code >> 4 & 7
    size = ((code & 0x0F) << 4) + 8
    if segment:
        size = (size + 256) << (segment - 1)
    return size if code & 0x80 else -size
