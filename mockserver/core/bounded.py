"""Entries of a journal that does not grow: the last are in memory, older ones on a shelf that may give up the oldest.

What is gone is counted by session and sender, so that a check that would have needed it can say so. Notes, handshakes
and answers stay in memory: they are few, and explain the rest.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import overload

from mockserver.core.entries import Entries, Packed, Single, made, since
from mockserver.core.entry import Entry
from mockserver.core.expect import told_gone
from mockserver.core.frames import Answer, Handshake, Note, Sender
from mockserver.core.shelf import Block, BlockShelf, Row, counted, frame_of, packed, row, unpacked
from mockserver.errors import ExpectationFailed

BLOCK = 1 << 20
"""Bytes of frames from which on a block is whole."""
Tail = list[Entry | Packed | Single]


class BoundedEntries(Entries):
    """At most ``most`` entries, with ``most_bytes`` in their frames, are in memory; half of them leave together.

    One thread writes. Others may read: what they see is put together anew each time, and swapped in at once.
    """

    __slots__ = ("_apart", "_gone", "_gone_end", "_most", "_most_bytes", "_number", "_shelf", "_size", "_state")

    def __init__(self, shelf: BlockShelf, *, most: int, most_bytes: int) -> None:
        super().__init__()
        self._shelf, self._most, self._most_bytes = shelf, most, most_bytes
        self._apart: list[Entry] = []
        self._gone: Counter[tuple[int, Sender]] = Counter()
        self._number = self._size = self._gone_end = 0
        self._state: tuple[tuple[Block, ...], int, Tail] = ((), 0, self.items)

    def __len__(self) -> int:
        _, offset, items = self._state
        return offset + len(items)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        wanted = range(len(self))[index]
        if isinstance(wanted, range):
            if not wanted:
                return []
            low, high = min(wanted), max(wanted)
            there = {entry.index: entry for entry in islice(self.since(low), high - low + 1)}
            return [there[one] if one in there else self[one] for one in wanted]
        found = next(self.since(wanted), None)
        if found is None or found.index != wanted:
            raise ExpectationFailed(f"entry {wanted} cannot be told: {told_gone(1)}")
        return found

    def since(self, index: int) -> Iterator[Entry]:
        """The entries from this index on. In the place of those that are gone stands one note."""
        blocks, offset, items = self._state
        if index < offset:
            first = bisect_left(self._apart, index, key=_index)
            apart = self._apart[first : bisect_left(self._apart, offset, key=_index)]
            stored = self._stored(blocks[bisect_right(blocks, index, key=_end) :], index)
            yield from merge(apart, stored, key=_index)
        yield from since(items, index, offset)

    def gone(self, sender: Sender | None = None, session: int | None = None) -> int:
        """How many frames are there no more."""
        return sum(
            count for (number, who), count in self._gone.items() if sender in (None, who) and session in (None, number)
        )

    def clear(self) -> None:
        """Drop all entries."""
        self.items, self.offset, self._size = [], 0, 0
        self._apart, self._gone = [], Counter()
        self._state = ((), 0, self.items)

    def grew(self, size: int) -> None:
        """Something was added. Where that is too much, the older half leaves memory."""
        self._size += size
        if len(self.items) > self._most or self._size > self._most_bytes:
            self._spill()

    # --- inside ---

    def _spill(self) -> None:
        items, offset = self.items, self.offset
        keep, size, place = self._most // 2, 0, len(items)
        entries: list[Entry] = []
        for at, item in enumerate(items):
            entries.append(item if isinstance(item, Entry) else made(items, at, offset, item))
        while place > 0 and len(items) - place < keep:
            more = _bytes(entries[place - 1])
            if size + more > self._most_bytes // 2:
                break
            size, place = size + more, place - 1
        rows: list[Row] = []
        blocks = list(self._state[0])
        held = 0
        for entry in entries[:place]:
            if entry.sender is None or isinstance(entry.what, Handshake | Answer | Note):
                self._apart.append(entry)
                continue
            rows.append(row(entry.index, entry.session, entry.at, entry.sender, entry.what))
            held += _bytes(entry)
            if held > BLOCK:
                blocks.append(self._put(rows))
                rows, held = [], 0
        if rows:
            blocks.append(self._put(rows))
        self.items, self.offset, self._size = items[place:], offset + place, size
        while blocks and blocks[0].number < self._shelf.oldest:
            given_up = blocks.pop(0)
            self._gone = self._gone + given_up.counts  # another one: somebody may be reading it
            self._gone_end = given_up.end
        self._state = (tuple(blocks), self.offset, self.items)

    def _put(self, rows: list[Row]) -> Block:
        self._shelf.put(packed(rows))
        block = Block(self._number, rows[-1][0] + 1, counted(rows))
        self._number += 1
        return block

    def _stored(self, blocks: tuple[Block, ...], index: int) -> Iterator[Entry]:
        lost, end = self._gone.total(), self._gone_end
        told = index >= end
        for block in blocks:
            data = self._shelf.get(block.number)
            if data is None:  # given up since
                lost, end, told = lost + block.counts.total(), block.end, False
                continue
            if not told:
                yield _note(lost, end)
                told = True
            for at, session, time, server, kind, first, second in unpacked(data):
                if at >= index:
                    sender = Sender.SERVER if server else Sender.CLIENT
                    yield Entry(at, session, time, sender, frame_of(kind, first, second))
        if not told:
            yield _note(lost, end)


def _note(lost: int, end: int) -> Entry:
    """What stands in the place of frames that are gone, up to the index ``end``."""
    return Entry(end - 1, 0, 0, None, Note("journal", told_gone(lost), {"gone": lost}))


def _bytes(entry: Entry) -> int:
    data = getattr(entry.what, "data", None)
    return len(data) if isinstance(data, str | bytes) else 0


def _index(entry: Entry) -> int:
    return entry.index


def _end(block: Block) -> int:
    return block.end
