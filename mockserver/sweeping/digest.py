"""A digest of what crossed the wire, equal for two runs that did the same: ids and times of day are masked."""

from __future__ import annotations

import hashlib
import re

from mockserver.core.entry import Entered
from mockserver.core.frames import (
    Binary,
    Close,
    Frame,
    Item,
    Lost,
    Note,
    Received,
    Send,
    Text,
)
from mockserver.faults.foresight import Foretold

_BINARY = "binary "
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


def words_of(journal: Entered) -> frozenset[str]:
    """All words of the frames that look minted."""
    found: set[str] = set()
    for entry in journal.frames():
        match entry.what:
            case Text(text):
                found.update(_WORD.findall(text))
            case Binary(payload):
                found.update(_WORD.findall(payload.decode("latin-1")))
    return frozenset(word for word in found if any(map(str.isdigit, word)))


def foretold_digest(told: Foretold, known: frozenset[str]) -> str:
    """Equal for two faults that put the same in the place of a journal's frames, at the same times.

    ``known``: the words of that journal, which are no ids of the fault's own.
    """
    masks = {word: word for word in known}
    total = hashlib.sha256()
    for session, at, item in told.out:
        if isinstance(item, Note):
            continue
        place = told.entries.get(id(item))
        shown = f"={place}" if place is not None else _item_shown(item, masks)
        total.update(f"{session} {at} {shown}\n".encode(errors="replace"))
    return total.hexdigest()[:16]


def _item_shown(item: Item, masks: dict[str, str]) -> str:
    if isinstance(item, Send | Received):
        return f"{item.peer} {type(item).__name__} {_shown(item.frame, masks)}"
    return repr(item)  # a close has more to it than its frame: how long the connection stays


def _shown(frame: Frame, masks: dict[str, str]) -> str:
    match frame:
        case Text(data):
            return _CLOCK.sub("0", _WORD.sub(lambda found: _masked(found[0], masks), data))
        case Binary(payload):
            return _BINARY + _shown(Text(payload.decode("latin-1")), masks)  # JSON in a binary frame has ids too
        case Close(code, reason):
            return f"close {code} {reason}"
        case Lost():
            return "lost"


def _masked(word: str, masks: dict[str, str]) -> str:
    if not any(map(str.isdigit, word)):
        return word
    return masks.setdefault(word, f'"id{len(masks)}"')
