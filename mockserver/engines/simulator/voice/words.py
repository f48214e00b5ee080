"""How a text is cut into deltas, and about how many tokens it has."""

from __future__ import annotations

import re

from mockserver import speech

_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


def pieces(text: str) -> list[str]:
    """``text`` in deltas as recorded sessions show them: words with the space before them, punctuation apart."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """About how many tokens a text has."""
    return len(pieces(text))


def words_until(text: str, ms: float) -> str:
    """The part of a spoken text whose words were complete after ``ms`` of its audio, as it is written."""
    complete = sum(1 for word in speech.timings(text) if word.end_ms <= ms)
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    return text[: ends[complete - 1]] if complete else ""
