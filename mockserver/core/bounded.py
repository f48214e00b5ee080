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
from typing import NamedTuple, overload

from mockserver.core.burst import filled
from mockserver.core.entries import Entries, Packed, Single, since
from mockserver.core.entry import Entry
from mockserver.core.expect import told_gone
from mockserver.core.frames import Answer, Handshake, Note, Sender, Text
from mockserver.core.shelf import Block, BlockShelf, Kept, Row, counted, frame_of, kept, packed, sent_by, unpacked
from mockserver.errors import ExpectationFailed

BLOCK = 96 << 10
"""Bytes of frames from which on a block is whole. A larger piece of memory is given back to the system each time."""


class _State(NamedTuple):
    """What a reader sees: blocks, those up to ``there`` of which lie before ``items``, and what is gone before them."""

    blocks: list[Block]
    there: int
    offset: int
    items: list[Entry | Packed | Single]
    lost: int
    lost_end: int


class BoundedEntries(Entries):
    """At most ``most`` entries, with ``most_bytes`` in their frames, are in memory.

    They lie there in two parts: what has been there since the last time that some left, and what came after. When the
    second has a third of the room, the first leaves, and the second takes its place. So a frame is looked at once.

    One thread writes. Others may read: what they see is put together anew each time, and swapped in at once.
    """

    __slots__ = ("_apart", "_gone", "_most", "_most_bytes", "_number", "_old", "_shelf", "_size", "_state", "_total")

    def __init__(self, shelf: BlockShelf, *, most: int, most_bytes: int) -> None:
        super().__init__()
        self._shelf, self._most, self._most_bytes = shelf, most // 3, most_bytes // 3
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
        offset = state.offset
        if index < offset:
            first = bisect_left(self._apart, index, key=_index)
            apart = self._apart[first : bisect_left(self._apart, offset, key=_index)]
            yield from merge(apart, self._stored(state, index), key=_index)
        yield from since(state.items, index, offset)

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
        self._size = self._old = self._total = 0
        self._apart: list[Entry] = []
        self._gone: Counter[int] = Counter()
        self._state = _State([], 0, 0, self.items, 0, 0)

    def grew(self, size: int) -> None:
        """Something was added. Where that is too much, what was there before leaves memory."""
        self._size += size
        if self._size > self._most_bytes or len(self.items) - self._old > self._most:
            self._spill()

    # --- inside ---

    def _spill(self) -> None:
        items, offset, place = self.items, self.offset, self._old
        if self._size > 2 * self._most_bytes or len(items) - place > 2 * self._most:
            place = len(items)  # what came at once is too much by itself
        blocks, there, _, _, lost, lost_end = self._state
        before = self._number
        self._put(items[:place], offset, blocks)
        self.items, self.offset = items[place:], offset + place
        self._old, self._size = len(self.items), 0
        there += self._number - before
        oldest, given_up = self._shelf.oldest, 0
        while given_up < there and blocks[given_up].number < oldest:
            for number, count in blocks[given_up].whose():
                self._gone[number] += count
            _, lost_end, lost, _ = blocks[given_up]
            given_up += 1
        if given_up:
            blocks, there = blocks[given_up:], there - given_up  # another list: somebody may be reading that one
        self._state = _State(blocks, there, self.offset, self.items, lost, lost_end)

    def _put(self, items: list[Entry | Packed | Single], offset: int, blocks: list[Block]) -> None:
        """Put the frames on the shelf, and the rest apart."""
        rows: list[Row] = []
        held = 0
        data: Kept
        for at, item in enumerate(items, offset):
            if isinstance(item, Entry):
                _, session, time, sender, what = item
                if type(what) is Text:
                    data = what.data
                elif sender is None or isinstance(what, Handshake | Answer | Note):
                    self._apart.append(item)
                    continue
                else:
                    data = kept(what)
                rows.append((at, session, time, sender is Sender.SERVER, data))
            elif isinstance(item, Packed):
                data = item.frames[at - item.begin].data
                rows.append((at, item.session, item.at, True, data))
            else:
                session, time, text, fill = item
                data = text if fill is None else filled(text, fill)
                rows.append((at, session, time, True, data))
            held += len(data)
            if held > BLOCK:
                self._put_block(rows, blocks)
                rows, held = [], 0
        if rows:
            self._put_block(rows, blocks)

    def _put_block(self, rows: list[Row], blocks: list[Block]) -> None:
        self._shelf.put(packed(rows))
        self._total += len(rows)
        blocks.append(Block(self._number, rows[-1][0] + 1, self._total, counted(rows)))
        self._number += 1

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
            for at, session, time, server, what in unpacked(data):
                if at >= index:
                    yield Entry(at, session, time, Sender.SERVER if server else Sender.CLIENT, frame_of(what))
        if not told:
            yield _note(lost, end)


def _note(lost: int, end: int) -> Entry:
    """What stands in the place of frames that are gone, up to the index ``end``."""
    return Entry(end - 1, 0, 0, None, Note("journal", told_gone(lost), {"gone": lost}))


def _index(entry: Entry) -> int:
    return entry.index


def _end(block: Block) -> int:
    return block.end
