"""Seeded randomness and provider-shaped ids.

A part's randomness depends on the session's seed and the part's name only.
"""

from __future__ import annotations

import random
from functools import lru_cache
from string import ascii_letters, digits

BASE62 = digits + ascii_letters


def rng(seed: object, *names: object) -> random.Random:
    """A generator for one part. The same seed and names give the same numbers, whatever else runs."""
    return random.Random("/".join(str(part) for part in (seed, *names)))


@lru_cache(maxsize=16)
def _table(alphabet: str) -> bytes:
    """Every byte as a character of the alphabet."""
    return (alphabet.encode() * 256)[:256]


def letters(source: random.Random, length: int, alphabet: str) -> str:
    """Random characters of an ASCII alphabet. All at once: one draw a character takes ten times as long."""
    return source.randbytes(length).translate(_table(alphabet)).decode()


class Ids:
    """Mints ids. Repeatable from the seed, never twice the same."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._given: set[str] = set()

    def mint(self, prefix: str, length: int = 21, alphabet: str = BASE62) -> str:
        """``prefix`` and ``length`` characters (OpenAI: 21 of base62, 16 behind ``call_``; openai.md#50)."""
        while True:
            made = prefix + letters(self._random, length, alphabet)
            if made not in self._given:
                self._given.add(made)
                return made

    def uuid(self) -> str:
        """A version 4 UUID, as xAI uses for all its ids."""
        bits = self._random.getrandbits(128)
        text = f"{bits & ~(0xF << 76) & ~(3 << 62) | 4 << 76 | 2 << 62:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
