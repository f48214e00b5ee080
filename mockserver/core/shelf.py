"""Where the older entries of a journal lie that must not grow in memory: frames as bytes, in blocks.

The journal knows only this shape. What keeps the blocks (a file, in the shell) may give up the oldest.
"""

from __future__ import annotations

import marshal
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple, Protocol

from mockserver.core.frames import Binary, Close, Frame, Lost, Micros, Text

Kept = str | bytes | tuple[int | None, str] | tuple[str]
"""What is kept of a frame: of a text and of bytes themselves, of a close its code and reason, of a loss its reason."""
Row = tuple[int, Micros, Kept, None] | None
"""Who sent it (``core.entries.who``), when, what is kept of it; None where the entry lies elsewhere. A ``Single`` into
which nothing is put is a row as it is."""


class BlockShelf(Protocol):
    """Keeps blocks, numbered from 0 in the order in which they came."""

    def put(self, data: bytes) -> None:
        """Keep one more block. Where there is no room, the oldest go; that may be this one."""
        ...

    def get(self, number: int) -> bytes | None:
        """A block, or None where it is gone."""
        ...

    @property
    def oldest(self) -> int:
        """The number of the oldest block that is there; that of the next one where none is.

        It says that a block is gone before the block is.
        """
        ...


class Block(NamedTuple):
    """What is remembered of a block: its number, its last entry's index + 1, how many frames were put by up to its end,
    and how many it has of whom (as ``counted`` says it; there may be tens of thousands of blocks)."""

    number: int
    end: int
    total: int
    counts: array[int]

    def whose(self) -> Iterator[tuple[int, int]]:
        """Who (``core.entries.who``) has how many frames in it."""
        return zip(self.counts[::2], self.counts[1::2], strict=True)


def packed(begin: int, rows: list[Any]) -> bytes:
    """The rows (``Row``) of the entries from this index on, as bytes."""
    return marshal.dumps((begin, rows))


def unpacked(data: bytes) -> tuple[int, list[Row]]:
    """What ``packed`` was given."""
    begin, rows = marshal.loads(data)
    return begin, rows


def kept(frame: Frame) -> Kept:
    """A frame as plain values."""
    match frame:
        case Text(data):
            return data
        case Binary(payload):
            return bytes(payload)
        case Close(code, reason):
            return code, reason
        case Lost(reason):
            return (reason,)


def frame_of(what: Kept) -> Frame:
    """The frame that ``kept`` was given."""
    if isinstance(what, str):
        return Text(what)
    if isinstance(what, bytes):
        return Binary(what)
    return Close(*what) if len(what) == 2 else Lost(*what)


def counted(rows: Iterable[Row]) -> array[int]:
    """How many frames there are of whom: numbers of ``who``, each followed by its count."""
    counts = Counter([row[0] for row in rows if row is not None])
    return array("I", chain.from_iterable(counts.items()))
