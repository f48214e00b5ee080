"""The list of a journal's entries. Frames that went out together become entries when somebody looks at them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from mockserver.core.burst import Burst, Fill, filled
from mockserver.core.entry import Entry
from mockserver.core.frames import Micros, Sender, Text


@dataclass(slots=True, eq=False)
class Packed:
    """The entries of one burst, until somebody looks at one."""

    begin: int
    session: int
    at: Micros
    frames: Burst


Single = tuple[int, Micros, str, Fill | None]
"""The entry of one text: who sent it (``who``), time, text and what is put into it. Nothing in it can be part of a
cycle, so the garbage collector forgets it at once. A server that plays for hours would else make it look at millions of
objects, and every session waits while it does."""
Item = Entry | Packed | Single
"""What stands in the list for an entry."""


def who(session: int, server: bool) -> int:
    """A session and a sender as one number."""
    return session << 1 | server


def sent_by(number: int) -> tuple[int, Sender]:
    """The session and sender that ``who`` was given."""
    return number >> 1, Sender.SERVER if number & 1 else Sender.CLIENT


class Entries(Sequence[Entry]):
    """The journal's list. Frames in bursts become entries when they are looked at: few tests look at all.

    Two threads that look at once make the same entry, so nobody has to wait.
    """

    __slots__ = ("items", "offset")

    def __init__(self, items: Iterable[Entry] = ()) -> None:
        self.items: list[Item] = list(items)
        self.offset = 0

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self.items))[index]]
        item = self.items[index]
        return item if isinstance(item, Entry) else made(self.items, range(len(self.items))[index], 0, item)

    def __iter__(self) -> Iterator[Entry]:
        return self.since(0)

    def since(self, index: int) -> Iterator[Entry]:
        """The entries from this index on; those that are added meanwhile too, as of a list."""
        return since(self.items, index, 0)

    def gone(self, sender: Sender | None = None, session: int | None = None) -> int:
        """How many frames are there no more: none, where nothing bounds the list."""
        return 0

    def grew(self, size: int) -> None:
        """Something was added that holds so many bytes."""

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Entries | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a sequence that compares by content, like list

    def __repr__(self) -> str:
        return repr(list(self))

    def clear(self) -> None:
        """Drop all entries."""
        self.items.clear()


def since(items: list[Item], index: int, offset: int) -> Iterator[Entry]:
    """The entries of a list whose first has the index ``offset``, from ``index`` on."""
    place = max(0, index - offset)
    while place < len(items):
        item = items[place]
        yield item if isinstance(item, Entry) else made(items, place, offset, item)
        place += 1


def made(items: list[Item], place: int, offset: int, item: Packed | Single) -> Entry:
    """The entry at this place, which is kept there."""
    if isinstance(item, Packed):
        session, sender, at, frame = item.session, Sender.SERVER, item.at, item.frames[place + offset - item.begin]
    else:
        number, at, text, fill = item
        session, sender = sent_by(number)
        frame = Text(filled(text, fill))
    entry = items[place] = Entry(place + offset, session, at, sender, frame)
    return entry
