"""One journal for everything that crosses the wire: what a test asserts on, and what a cassette is made from.

An entry is written where a frame meets the client's wire: a client frame before any fault has seen it, a server frame
after the last fault. Notes say what happened in between. Entries are values and are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Unpack, overload

from mockserver.core.burst import Burst, Fill, filled
from mockserver.core.entry import Entry, SessionLog, What
from mockserver.core.expect import Chosen, Selection, select, timeline
from mockserver.core.frames import Answer, Handshake, Micros, Note, Sender, Text
from mockserver.core.view import Lens, Memo, View

_tuple = tuple.__new__
Sink = Callable[[Entry], None]
Hide = Callable[[Handshake | Answer], Handshake | Answer]


@dataclass(slots=True, eq=False)
class _Block:
    """The entries of one burst, until somebody looks at one."""

    begin: int
    session: int
    at: Micros
    frames: Burst


_Single = tuple[int, Micros, str, Fill | None]
"""The entry of a burst of one: session, time, text and what is put into it. Nothing in it can be part of a cycle, so
the garbage collector forgets it at once. A server that plays for hours would else make it look at millions of objects,
and every session waits while it does."""


class Entries(Sequence[Entry]):
    """The journal's list. Frames in bursts become entries when they are looked at: few tests look at all.

    Two threads that look at once make the same entry, so nobody has to wait.
    """

    __slots__ = ("items",)

    def __init__(self, items: Iterable[Entry] = ()) -> None:
        self.items: list[Entry | _Block | _Single] = list(items)

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
        return item if isinstance(item, Entry) else self._made(range(len(self.items))[index], item)

    def __iter__(self) -> Iterator[Entry]:
        for place, item in enumerate(self.items):  # sees what is added meanwhile, as a list does
            yield item if isinstance(item, Entry) else self._made(place, item)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Entries | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a sequence that compares by content, like list

    def __repr__(self) -> str:
        return repr(list(self))

    def clear(self) -> None:
        """Drop all entries."""
        self.items.clear()

    def _made(self, place: int, item: _Block | _Single) -> Entry:
        if isinstance(item, _Block):
            session, at, frame = item.session, item.at, item.frames[place - item.begin]
        else:
            session, at, text, fill = item
            frame = Text(filled(text, fill))
        entry = self.items[place] = Entry(place, session, at, Sender.SERVER, frame)
        return entry


class Journal:
    """Entries of every session of one server, in the order in which they happened.

    ``hide`` takes the secrets out of a handshake or an answer that is to be shown to a person.

    A sink is called with each entry before the session goes on: a recorder writes the frame to disk there. What a sink
    raises goes to the shell, which ends the session; the entry stays.
    """

    def __init__(self, *, seed: object = 0, hide: Hide | None = None) -> None:
        self.seed = seed
        self._hide = hide
        self.entries = Entries()
        self.sessions: list[SessionLog] = []
        self._sinks: list[Sink] = []

    @property
    def watched(self) -> bool:
        """Whether anybody is told of each entry."""
        return bool(self._sinks)

    def listen(self, sink: Sink) -> Callable[[], None]:
        """Call ``sink`` with every entry from now on; returns the function that ends it."""
        self._sinks.append(sink)
        return lambda: self._sinks.remove(sink)

    def open(self, lens: Lens, *, began_us: Micros = 0) -> SessionLog:
        """A new session. Its first entry notes the seed: the journal alone repeats a run."""
        number = len(self.sessions)
        log = SessionLog(number, began_us, Memo(lens), f"{self.seed}/{number}")
        self.sessions.append(log)
        self.note(log, 0, Note("session", f"session {number} begins", {"seed": log.seed, "dialect": lens.name}))
        return log

    def write(self, log: SessionLog, at: Micros, sender: Sender | None, what: What) -> Entry:
        """Write one entry and tell the sinks."""
        entries = self.entries.items
        entry = _tuple(Entry, (len(entries), log.number, at, sender, what))
        entries.append(entry)
        for sink in self._sinks:
            sink(entry)
        return entry

    def burst(self, log: SessionLog, at: Micros, frames: Burst) -> None:
        """Write frames that the server sends together. Only where the journal is not ``watched``."""
        items = self.entries.items
        pieces = frames.pieces
        if len(pieces) == 1:
            items.append((log.number, at, *pieces[0]))
        else:
            items.extend(repeat(_Block(len(items), log.number, at, frames), len(pieces)))

    def shown(self, what: Handshake | Answer) -> Handshake | Answer:
        """A handshake or its answer as it may be printed: clients and services carry keys, tokens and cookies there."""
        return what if self._hide is None else self._hide(what)

    def note(self, log: SessionLog, at: Micros, note: Note) -> Entry:
        """Write a note."""
        return self.write(log, at, None, note)

    def view(self, entry: Entry) -> View | None:
        """The entry's frame through its session's lens; None where the entry holds no frame."""
        if entry.sender is None or isinstance(entry.what, Handshake | Answer | Note):
            return None
        return self.sessions[entry.session].lens.view(entry.what, entry.sender)

    def frames(self, sender: Sender | None = None, *, session: int | None = None) -> Iterator[Entry]:
        """The entries that hold frames."""
        for entry in self.entries:
            if entry.sender is None or isinstance(entry.what, Handshake | Answer | Note):
                continue
            if sender in (None, entry.sender) and session in (None, entry.session):
                yield entry

    def notes(self, kind: str | None = None, *, session: int | None = None) -> Iterator[Note]:
        """The notes, of one kind where asked."""
        for entry in self.entries:
            if isinstance(entry.what, Note) and session in (None, entry.session) and kind in (None, entry.what.kind):
                yield entry.what

    # --- assertions (core.expect) ---

    def sent_by_client(self, name: str = "*", **chosen: Unpack[Chosen]) -> Selection:
        """The client's frames of this event name (glob).

        Keywords: ``where``, ``session``, ``response``, ``item``, ``metadata`` (``core.expect.Chosen``).
        """
        return select(self, Sender.CLIENT, name, **chosen)

    def sent_by_server(self, name: str = "*", **chosen: Unpack[Chosen]) -> Selection:
        """What the client was sent, after every fault. The same keywords."""
        return select(self, Sender.SERVER, name, **chosen)

    def timeline(self) -> str:
        """The whole journal as lines for a person."""
        return timeline(self)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)
