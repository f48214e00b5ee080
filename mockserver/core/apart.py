"""Entries of a bounded journal that are never given up, notes and handshakes: the last as they are, older ones packed.

A session leaves some five of them, which would be 1.5 kB; packed they are a tenth of that.
"""

from __future__ import annotations

import marshal
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from mockserver.core.entry import Entry
from mockserver.core.frames import Answer, Handshake, Note, Sender

TOGETHER = 256
"""Entries that are packed at once: they are alike, and each says little."""
LEVEL = 1
"""Of zlib: others pack a tenth more in three times the time."""


class _Packed(NamedTuple):
    """So many entries, up to index ``last``. ``odd``: those that hold what cannot be packed."""

    last: int
    data: bytes
    odd: tuple[Entry, ...]


class Apart:
    """One thread adds entries, in the order of their indexes. Others may read."""

    __slots__ = ("_packed", "_state")

    def __init__(self) -> None:
        self._packed: list[_Packed] = []
        self._state: tuple[int, list[Entry]] = 0, []  # how many packs there are, and what follows them

    def append(self, entry: Entry) -> None:
        """One more."""
        _, recent = self._state
        recent.append(entry)
        if len(recent) >= 2 * TOGETHER:
            self._packed.append(_pack(recent[:TOGETHER]))
            self._state = len(self._packed), recent[TOGETHER:]

    def between(self, begin: int, end: int) -> Iterator[Entry]:
        """Those from this index on, up to another."""
        count, recent = self._state
        first = bisect_left(self._packed, begin, hi=count, key=_last)
        for pack in islice(self._packed, first, count):
            for entry in _unpacked(pack):
                if entry.index >= end:
                    return
                if entry.index >= begin:
                    yield entry
        yield from recent[bisect_left(recent, begin, key=_index) : bisect_left(recent, end, key=_index)]


def _pack(entries: list[Entry]) -> _Packed:
    rows: list[tuple[Any, ...]] = []
    odd: list[Entry] = []
    for entry in entries:
        row = (entry.index, entry.session, entry.at, _by(entry.sender), _plain(entry.what))
        try:
            marshal.dumps(row)
        except ValueError:  # a note may hold anything
            odd.append(entry)
        else:
            rows.append(row)
    return _Packed(entries[-1].index, zlib.compress(marshal.dumps(rows), LEVEL), tuple(odd))


def _unpacked(pack: _Packed) -> list[Entry]:
    rows = marshal.loads(zlib.decompress(pack.data))
    made = [Entry(index, session, at, _sender(by), _made(what)) for index, session, at, by, what in rows]
    return sorted([*made, *pack.odd], key=_index) if pack.odd else made


def _plain(what: Any) -> tuple[Any, ...]:
    match what:
        case Note(kind, text, data):
            return kind, text, dict(data)
        case Handshake():
            return what.path, what.query, what.headers, what.subprotocols, what.target
        case Answer():
            return what.status, what.headers, what.subprotocol, what.body
    raise TypeError(what)  # frames lie elsewhere


_KINDS = {3: Note, 5: Handshake, 4: Answer}
"""By how many values there are of each."""


def _made(values: tuple[Any, ...]) -> Note | Handshake | Answer:
    made: Note | Handshake | Answer = _KINDS[len(values)](*values)
    return made


def _by(sender: Sender | None) -> int:
    return -1 if sender is None else int(sender is Sender.SERVER)


def _sender(by: int) -> Sender | None:
    return None if by < 0 else Sender.SERVER if by else Sender.CLIENT


def _last(pack: _Packed) -> int:
    return pack.last


def _index(entry: Entry) -> int:
    return entry.index
