"""How a text is cut into deltas, and about how many tokens it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, takewhile

from mockserver.speech.tones import Word, timed

SHORT = 2_000
"""Characters. Of many texts up to that length it is remembered how many tokens they have, of few that are longer."""
COUNTED = 200_000
"""Characters of a text that are counted: the rest of a longer one is taken for alike."""
_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


def pieces(text: str) -> list[str]:
    """``text`` in deltas as recorded sessions show them: words with the space before them, punctuation apart."""
    return _PIECE.findall(text)


def each_piece(text: str) -> Iterator[str]:
    """The same, each when it is asked for."""
    return (found[0] for found in _PIECE.finditer(text))


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
    complete = sum(1 for _ in complete_until(text, ms))
    found = next(islice(re.finditer(r"\S+", text), complete - 1, None), None) if complete else None
    return text[: found.end()] if found else ""


def complete_until(text: str, ms: float) -> Iterator[Word]:
    """The words that were complete after ``ms``; what comes behind them is not looked at."""
    return takewhile(lambda word: word.end_ms <= ms, timed(text))
