"""Whether a fault can fire in a session that is known from an ordinary run, without running the client again.

The frames of the run's journal go through the fault's own layer, at their own times. So the answer is the fault's own
and no second opinion; and what comes out tells two faults apart that have different names, or shows that they are one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from mockserver.core.entry import Entered, Entry
from mockserver.core.frames import (
    Abort,
    Binary,
    Close,
    Handshake,
    Hangup,
    Item,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Sender,
    Text,
    to_client,
)
from mockserver.core.journal import Journal
from mockserver.core.machine import Machine, advance
from mockserver.dialects.base import Dialect
from mockserver.errors import UsageError
from mockserver.faults.base import Fault
from mockserver.faults.layer import FaultLayer

MOST_AFTER = 10_000
"""So often a fault is woken after the journal's end."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Whether a fault would fire. ``at``: microseconds since its session began; ``session`` from 0; else ``why``."""

    fires: bool
    session: int = 0
    at: Micros = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Foretold:
    """All that would come out of a fault. ``out``: session from 0, microseconds since that began, and the item;
    ``entries``: the journal's entry of each item that went through as it is, by ``id`` of the item.

    ``passes``: whether the fault lets everything go by that it does not aim at; ``fires``: whether it does anything.
    """

    out: tuple[tuple[int, Micros, Item], ...]
    entries: Mapping[int, int]
    passes: bool
    fires: bool


def foresee(fault: Fault, journal: Entered, dialect: Dialect) -> Foreseen:
    """Where a fault would fire first in what the journal holds, or why it would not.

    The journal is one of a run without faults. A fault of probability below 1 rolls the dice of another session here.
    """
    through = _Through(fault, journal, dialect)
    try:
        for session, at, _ in through.items():
            if through.armed.fired:
                return Foreseen(True, session, at)
    except UsageError as error:
        return Foreseen(False, why=str(error))
    return Foreseen(False, why=through.armed.why_not)


def foretell(fault: Fault, journal: Entered, dialect: Dialect) -> Foretold:
    """What would come out in place of what the journal holds. UsageError where the provider cannot do such a thing."""
    through = _Through(fault, journal, dialect)
    out = tuple((session, at, item) for session, at, item in through.items() if item is not None)
    return Foretold(out, through.entries, through.passes, through.armed.fired > 0)


class _Through:
    """A journal's frames on their way through one fault."""

    def __init__(self, fault: Fault, journal: Entered, dialect: Dialect) -> None:
        self.armed = fault.arm("foresight")
        self.entries: dict[int, int] = {}
        self._journal, self._dialect = journal, dialect
        self._layers: list[FaultLayer] = []
        self._fed: list[Item] = []  # kept, so that no other item gets the id of one

    def items(self) -> Iterator[tuple[int, Micros, Item | None]]:
        """What comes out: session, time, item; None after each item that went in, so that nobody has to wait."""
        scratch = Journal()
        for place, entry in enumerate(self._journal.entries):
            item = _item(entry)
            if item is None:
                continue
            while len(scratch.sessions) <= entry.session:
                log = scratch.open(self._dialect)
                log.obeys = self._journal.sessions[log.number].obeys
                self._layers.append(self.armed.layer(log, self._dialect))
            layer = self._layers[entry.session]
            for due, woken in advance(cast("Machine[object, Item]", layer), entry.at):
                yield entry.session, due, woken
            self.entries[id(item)] = place
            self._fed.append(item)
            for out in layer.feed(item, entry.at):
                yield entry.session, entry.at, out
            yield entry.session, entry.at, None
        for session, layer in enumerate(self._layers):
            yield from self._rest(session, layer)

    def _rest(self, session: int, layer: FaultLayer) -> Iterator[tuple[int, Micros, Item | None]]:
        """What is still to come when the journal is over."""
        for _ in range(MOST_AFTER):
            due = layer.wake_at()
            if due is None:
                return
            for out in layer.wake(due):
                yield session, due, out
            yield session, due, None

    @property
    def passes(self) -> bool:
        """Whether each layer lets everything by that is not meant."""
        return all(layer.passes for layer in self._layers)


def _item(entry: Entry) -> Item | None:
    """An entry as it passed the faults; None for notes and answers to handshakes."""
    match entry.sender, entry.what:
        case Sender.CLIENT, Handshake() as handshake:
            return Opened(handshake)
        case Sender.CLIENT, (Text() | Binary() | Close() | Lost()) as frame:
            return Received(Peer.CLIENT, frame)
        case Sender.SERVER, Close(code, reason):
            return Hangup(code=code, reason=reason)
        case Sender.SERVER, Lost():
            return Abort()
        case Sender.SERVER, (Text() | Binary()) as frame:
            return to_client(frame)
        case _:
            return None
