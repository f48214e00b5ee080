"""Where the older entries of a journal lie that must not grow in memory: frames as bytes, in blocks.

The journal knows only this shape. What keeps the blocks (a file, in the shell) may give up the oldest.
"""

from __future__ import annotations

import marshal
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mockserver.core.frames import Binary, Close, Frame, Lost, Micros, Sender, Text

Row = tuple[int, int, Micros, int, int, Any, Any]
"""Index, session, time, whether the server sent it, what it is, and its one or two values."""


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
        """The number of the oldest block that is there; that of the next one where none is."""
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """What is remembered of a block: its number, its last entry's index, and how many frames it has of whom."""

    number: int
    end: int
    counts: Counter[tuple[int, Sender]]


def packed(rows: Sequence[Row]) -> bytes:
    """Rows as bytes."""
    return marshal.dumps(list(rows))


def unpacked(data: bytes) -> list[Row]:
    """The rows that ``packed`` was given."""
    rows: list[Row] = marshal.loads(data)
    return rows


def row(index: int, session: int, at: Micros, sender: Sender, frame: Frame) -> Row:
    """A frame as plain values."""
    server = int(sender is Sender.SERVER)
    match frame:
        case Text(data):
            return index, session, at, server, 0, data, None
        case Binary(payload):
            return index, session, at, server, 1, bytes(payload), None
        case Close(code, reason):
            return index, session, at, server, 2, code, reason
        case Lost(reason):
            return index, session, at, server, 3, reason, None


def frame_of(kind: int, first: Any, second: Any) -> Frame:
    """The frame that ``row`` was given."""
    if kind == 0:
        return Text(first)
    if kind == 1:
        return Binary(first)
    return Close(first, second) if kind == 2 else Lost(first)


def counted(rows: Iterable[Row]) -> Counter[tuple[int, Sender]]:
    """How many frames there are of each session and sender."""
    return Counter((one[1], Sender.SERVER if one[3] else Sender.CLIENT) for one in rows)
