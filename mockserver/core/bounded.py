"""Entries of a journal that does not grow: the last are in memory, older ones on a shelf that may give up the oldest.

What is gone is counted by session and sender, so that a check that would have needed it can say so. Notes, handshakes
and answers stay: they are few, and explain the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple, overload

from mockserver.core.apart import Apart
from mockserver.core.burst import filled
from mockserver.core.entries import Entries, Item, Packed, sent_by, since, who
from mockserver.core.entry import Entry
from mockserver.core.expect import told_gone
from mockserver.core.frames import Answer, Handshake, Note, Sender
from mockserver.core.shelf import Block, BlockShelf, Row, counted, frame_of, kept, packed, unpacked
from mockserver.errors import ExpectationFailed

BLOCK = 96 << 10
"""Bytes of frames from which on a block is whole. A larger piece of memory is given back to the system each time."""


PART = 128
"""Entries that leave memory together. More of them would hold every session up for longer."""
PART_BYTES = 1 << 20
"""The same in bytes of their frames."""


class _Part(NamedTuple):
    """Entries in memory that came one after the other. ``size``: bytes in their frames."""

    begin: int
    items: list[Item]
    size: int


class _State(NamedTuple):
    """What a reader sees, in order: blocks (so many, and what is ``lost`` before them), parts, and ``items``."""

    blocks: list[Block]
    there: int
    parts: tuple[_Part, ...]
    offset: int
    items: list[Item]
    lost: int
    lost_end: int


class BoundedEntries(Entries):
    """At most ``most`` entries, with ``most_bytes`` in their frames, are in memory; of more, the oldest part leaves.

    One thread writes. Others may read: what they see is put together anew each time, and swapped in at once.
    """

    __slots__ = (
        *("_apart", "_gone", "_held", "_held_bytes", "_number", "_part", "_part_bytes", "_room", "_room_bytes"),
        *("_shelf", "_size", "_state", "_total"),
    )

    def __init__(self, shelf: BlockShelf, *, most: int, most_bytes: int) -> None:
        super().__init__()
        self._shelf = shelf
        self._part, self._part_bytes = min(PART, most // 3), min(PART_BYTES, most_bytes // 8)
        self._room, self._room_bytes = most - self._part, most_bytes - self._part_bytes
        self._number = 0
        self.clear()

    def __len__(self) -> int:
        state = self._state
        return state.offset + len(state.items)

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
        state = self._state
        begin = state.parts[0].begin if state.parts else state.offset
        if index < begin:
            yield from merge(self._apart.between(index, begin), self._stored(state, index), key=_index)
        for part in state.parts:
            yield from since(part.items, index, part.begin)
        yield from since(state.items, index, state.offset)

    def gone(self, sender: Sender | None = None, session: int | None = None) -> int:
        """How many frames are there no more."""
        state, oldest = self._state, self._shelf.oldest
        counts = list(self._gone.items())
        for block in islice(state.blocks, state.there):
            if block.number >= oldest:
                break
            counts += block.whose()  # the shelf has given it up, and the writer has not come to say so
        found = 0
        for number, count in counts:
            of, by = sent_by(number)
            if sender in (None, by) and session in (None, of):
                found += count
        return found

    def clear(self) -> None:
        """Drop all entries."""
        self.items, self.offset = [], 0
        self._size = self._held = self._held_bytes = self._total = 0
        self._apart = Apart()
        self._gone: Counter[int] = Counter()
        self._state = _State([], 0, (), 0, self.items, 0, 0)

    def grew(self, size: int) -> None:
        """Something was added. A whole part is put to the others; where they are too many, the oldest leave memory."""
        self._size += size
        if len(self.items) >= self._part or self._size > self._part_bytes:
            self._close_part()

    # --- inside ---

    def _close_part(self) -> None:
        blocks, there, parts, _, _, lost, lost_end = self._state
        parts = (*parts, _Part(self.offset, self.items, self._size))
        self._held, self._held_bytes = self._held + len(self.items), self._held_bytes + self._size
        leave, before = 0, self._number
        while self._held > self._room or self._held_bytes > self._room_bytes:
            part = parts[leave]
            self._put(part, blocks)
            self._held, self._held_bytes, leave = self._held - len(part.items), self._held_bytes - part.size, leave + 1
        there += self._number - before
        oldest, given_up = self._shelf.oldest, 0
        while given_up < there and blocks[given_up].number < oldest:
            for number, count in blocks[given_up].whose():
                self._gone[number] += count
            _, lost_end, lost, _ = blocks[given_up]
            given_up += 1
        if given_up:
            blocks, there = blocks[given_up:], there - given_up  # another list: somebody may be reading that one
        self.offset, self.items, self._size = self.offset + len(self.items), [], 0
        self._state = _State(blocks, there, parts[leave:], self.offset, self.items, lost, lost_end)

    def _put(self, part: _Part, blocks: list[Block]) -> None:
        """Put the frames on the shelf, and the rest apart."""
        begin, items, size = part
        rows: list[Any] = [
            item if type(item) is tuple and item[3] is None else self._row(item, at)
            for at, item in enumerate(items, begin)
        ]
        step = max(1, len(rows) * BLOCK // max(1, size))
        for place in range(0, len(rows), step):
            some = rows[place : place + step]
            counts = counted(some)
            if not counts:
                continue
            self._shelf.put(packed(begin + place, some))
            self._total += sum(counts[1::2])
            blocks.append(Block(self._number, begin + place + len(some), self._total, counts))
            self._number += 1

    def _row(self, item: Item, at: int) -> Row:
        """What goes on the shelf for an entry; None where it does not."""
        if isinstance(item, Entry):
            what, sender = item.what, item.sender
            if sender is None or isinstance(what, Handshake | Answer | Note):
                self._apart.append(item)
                return None
            return who(item.session, sender is Sender.SERVER), item.at, kept(what), None
        if isinstance(item, Packed):
            return who(item.session, True), item.at, item.frames[at - item.begin].data, None
        number, time, text, fill = item
        return number, time, filled(text, fill), None

    def _stored(self, state: _State, index: int) -> Iterator[Entry]:
        blocks, lost, end = state.blocks, state.lost, state.lost_end
        told = index >= end
        for place in range(bisect_right(blocks, index, hi=state.there, key=_end), state.there):
            block = blocks[place]
            data = self._shelf.get(block.number)
            if data is None:  # given up since
                lost, end, told = block.total, block.end, False
                continue
            if not told:
                yield _note(lost, end)
                told = True
            begin, rows = unpacked(data)
            skipped = max(0, index - begin)
            for at, row in enumerate(rows[skipped:], begin + skipped):
                if row is not None:
                    number, time, what, _ = row
                    session, sender = sent_by(number)
                    yield Entry(at, session, time, sender, frame_of(what))
        if not told:
            yield _note(lost, end)


def _note(lost: int, end: int) -> Entry:
    """What stands in the place of frames that are gone, up to the index ``end``."""
    return Entry(end - 1, 0, 0, None, Note("journal", told_gone(lost), {"gone": lost}))


def _index(entry: Entry) -> int:
    return entry.index


def _end(block: Block) -> int:
    return block.end
