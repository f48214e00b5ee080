"""How a text is cut into deltas, and about how many tokens it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, takewhile

from mockserver.speech.tones import Word, timed

REMEMBERED = 4_096
"""Of so many texts it is remembered how many tokens they have."""
SHORT = 2_000
"""Characters. A text up to that length is remembered whole, of a longer one only its hash, which Python keys anew in
each process."""
COUNTED = 200_000
"""Characters of a text that are counted: the rest of a longer one is taken for alike."""
_PIECE = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")


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
    known = (hash(text), len(text))
    found = _long.get(known)
    if found is None:
        if len(_long) >= REMEMBERED:
            _long.clear()
        head = text[:COUNTED]
        found = _long[known] = len(pieces(head)) * len(text) // len(head)
    return found


# Each response counts the whole conversation before it.
@lru_cache(REMEMBERED)
def _count(text: str) -> int:
    return len(pieces(text))


_long: dict[tuple[int, int], int] = {}


def words_until(text: str, ms: float) -> str:
    """The part of a spoken text whose words were complete after ``ms`` of its audio, as it is written."""
    complete = sum(1 for _ in complete_until(text, ms))
    found = next(islice(re.finditer(r"\S+", text), complete - 1, None), None) if complete else None
    return text[: found.end()] if found else ""


def complete_until(text: str, ms: float) -> Iterator[Word]:
    """The words that were complete after ``ms``; what comes behind them is not looked at."""
    return takewhile(lambda word: word.end_ms <= ms, timed(text))
