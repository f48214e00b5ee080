"""A digest of what crossed the wire, equal for two runs that did the same: ids and times of day are masked."""

from __future__ import annotations

import hashlib
import re

from mockserver.core.entry import Entered
from mockserver.core.frames import Binary, Close, Frame, Lost, Text

_WORD = re.compile(r'"[A-Za-z0-9_\-]{8,64}"')
"""A JSON string of one word. With a digit in it, it looks minted."""
_CLOCK = re.compile(r"(?<=[:,\[ ])1\d{9}(?:\.\d+)?(?=[,}\] ])")
"""Seconds since 1970."""


def digest(journal: Entered) -> str:
    """16 hexadecimal digits."""
    masks: dict[str, str] = {}
    total = hashlib.sha256()
    for entry in journal.frames():
        line = f"{entry.session} {entry.sender} {_shown(entry.what, masks)}\n"  # type: ignore[arg-type]
        total.update(line.encode(errors="replace"))
    return total.hexdigest()[:16]


def _shown(frame: Frame, masks: dict[str, str]) -> str:
    match frame:
        case Text(data):
            return _CLOCK.sub("0", _WORD.sub(lambda found: _masked(found[0], masks), data))
        case Binary(payload):
            return _shown(Text(payload.decode("latin-1")), masks)  # JSON in a binary frame has ids too
        case Close(code, reason):
            return f"close {code} {reason}"
        case Lost():
            return "lost"


def _masked(word: str, masks: dict[str, str]) -> str:
    if not any(map(str.isdigit, word)):
        return word
    return masks.setdefault(word, f'"id{len(masks)}"')
