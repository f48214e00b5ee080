"""How a text is cut into deltas, and about how many tokens it has."""

from __future__ import annotations

import re
from functools import lru_cache

from mockserver import speech

REMEMBERED = 2_000
"""Characters of a text up to which it is remembered how many tokens it has."""
_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


def pieces(text: str) -> list[str]:
    """``text`` in deltas as recorded sessions show them: words with the space before them, punctuation apart."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """About how many tokens a text has."""
    return len(pieces(text)) if len(text) > REMEMBERED else _count(text)


@lru_cache(4096)
def _count(text: str) -> int:
    # Each response counts the whole conversation before it.
    return len(pieces(text))


def words_until(text: str, ms: float) -> str:
    """The part of a spoken text whose words were complete after ``ms`` of its audio, as it is written."""
    complete = sum(1 for word in speech.timings(text) if word.end_ms <= ms)
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    return text[: ends[complete - 1]] if complete else ""
