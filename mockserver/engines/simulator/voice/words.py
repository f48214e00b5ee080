"""How a text is cut into deltas, and about how many tokens it has."""

from __future__ import annotations

import re

_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


def pieces(text: str) -> list[str]:
    """``text`` in deltas as recorded sessions show them: words with the space before them, punctuation apart."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """About how many tokens a text has."""
    return len(pieces(text))
