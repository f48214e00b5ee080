"""One journal for everything that crosses the wire: what a test asserts on, and what a cassette is made from.

An entry is written where a frame meets the client's wire: a client frame before any fault has seen it, a server frame
after the last fault. Notes say what happened in between. Entries are values and are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Unpack

from mockserver.core import json_text
from mockserver.core.burst import Burst
from mockserver.core.entries import Entries, Packed
from mockserver.core.entry import Entry, SessionLog, What
from mockserver.core.expect import Chosen, Selection, select, timeline, told_gone
from mockserver.core.frames import Answer, Binary, Handshake, Micros, Note, Sender, Text
from mockserver.core.view import Lens, Memo, View
from mockserver.errors import ExpectationFailed

_tuple = tuple.__new__
Sink = Callable[[Entry], None]
Hide = Callable[[Handshake | Answer], Handshake | Answer]


class Journal:
    """Entries of every session of one server, in the order in which they happened.

    ``hide`` takes the secrets out of a handshake or an answer that is to be shown to a person. ``entries``: where they
    lie; a bounded list (``core.bounded``) keeps the last of them in memory, and those before it elsewhere.

    A sink is called with each entry before the session goes on: a recorder writes the frame to disk there. What a sink
    raises goes to the shell, which ends the session; the entry stays.
    """

    def __init__(self, *, seed: object = 0, hide: Hide | None = None, entries: Entries | None = None) -> None:
        self.seed = seed
        self._hide = hide
        self.entries = Entries() if entries is None else entries
        self._bounded = type(self.entries) is not Entries
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

    def open(self, lens: Lens, *, began_us: Micros = 0, scenario: str = "", seed: str | None = None) -> SessionLog:
        """A new session. Its first entry notes the seed: the journal alone repeats a run."""
        number = len(self.sessions)
        log = SessionLog(number, began_us, Memo(lens), f"{self.seed}/{number}" if seed is None else seed, scenario)
        self.sessions.append(log)
        named = {"scenario": scenario} if scenario else {}
        self.note(
            log, 0, Note("session", f"session {number} begins", {"seed": log.seed, "dialect": lens.name, **named})
        )
        return log

    def write(self, log: SessionLog, at: Micros, sender: Sender | None, what: What) -> None:
        """Write one entry and tell the sinks."""
        entries, sinks = self.entries, self._sinks
        items = entries.items
        index, size = entries.offset + len(items), 0
        log.entries += 1
        if type(what) is Text and sender is not None:
            items.append((log.number << 1 | (sender is Sender.SERVER), at, what.data, None))
            size = len(what.data)
        else:
            items.append(_tuple(Entry, (index, log.number, at, sender, what)))
            if isinstance(what, Text | Binary):
                size = len(what.data)
        if self._bounded:
            entries.grew(size)
            if sender is Sender.CLIENT:
                log.received += size
        if sinks:
            entry = _tuple(Entry, (index, log.number, at, sender, what))
            for sink in sinks:
                sink(entry)

    def burst(self, log: SessionLog, at: Micros, frames: Burst) -> None:
        """Write frames that the server sends together. Only where the journal is not ``watched``."""
        entries = self.entries
        items = entries.items
        pieces = frames.pieces
        log.entries += len(pieces)
        if len(pieces) == 1:
            text, fill = pieces[0]
            items.append((log.number << 1 | 1, at, text, fill))
            if self._bounded:
                entries.grew(len(text))
            return
        begin = entries.offset + len(items)
        items.extend(repeat(Packed(begin, log.number, at, frames), len(pieces)))
        if self._bounded:
            entries.grew(sum([len(text) for text, _ in pieces]))

    def shown(self, what: Handshake | Answer) -> Handshake | Answer:
        """A handshake or its answer as it may be printed: clients and services carry keys, tokens and cookies there."""
        return what if self._hide is None else self._hide(what)

    def note(self, log: SessionLog, at: Micros, note: Note) -> None:
        """Write a note."""
        self.write(log, at, None, note)

    def view(self, entry: Entry) -> View | None:
        """The entry's frame through its session's lens; None where the entry holds no frame."""
        if entry.sender is None or isinstance(entry.what, Handshake | Answer | Note):
            return None
        json_text.forget()
        view = self.sessions[entry.session].lens.view(entry.what, entry.sender)
        json_text.forget()  # a test may change what it gets, and the frame says what it said all the same
        return view

    def gone(self, sender: Sender | None = None, *, session: int | None = None) -> int:
        """How many frames are there no more, because the journal is bounded."""
        return self.entries.gone(sender, session)

    def frames(self, sender: Sender | None = None, *, session: int | None = None) -> Iterator[Entry]:
        """The entries that hold frames. ExpectationFailed where some are gone: what is asked of all cannot be told."""
        gone = self.gone(sender, session=session)
        if gone:
            raise ExpectationFailed(f"cannot tell: {told_gone(gone)}")
        yield from self.present(sender, session=session)

    def present(self, sender: Sender | None = None, *, session: int | None = None) -> Iterator[Entry]:
        """The same for those that are there."""
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
