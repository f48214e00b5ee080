"""How a text is cut into deltas, and about how many tokens it has."""

from __future__ import annotations

import re
from functools import lru_cache

from mockserver import speech

SHORT = 2_000
"""Characters. Of many texts up to that length it is remembered how many tokens they have, of few that are longer."""
COUNTED = 200_000
"""Characters of a text that are counted: the rest of a longer one is taken for alike."""
_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


def pieces(text: str) -> list[str]:
    """``text`` in deltas as recorded sessions show them: words with the space before them, punctuation apart."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """About how many tokens a text has."""
    if len(text) <= SHORT:
        return _count(text)
    head = text[:COUNTED]
    return _count_long(head) * len(text) // len(head)


def _counted(text: str) -> int:
    return len(pieces(text))


# Each response counts the whole conversation before it.
_count, _count_long = lru_cache(4096)(_counted), lru_cache(16)(_counted)


def words_until(text: str, ms: float) -> str:
    """The part of a spoken text whose words were complete after ``ms`` of its audio, as it is written."""
    complete = sum(1 for word in speech.timings(text) if word.end_ms <= ms)
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    return text[: ends[complete - 1]] if complete else ""
