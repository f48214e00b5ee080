"""Whether a fault can fire in a session that is known from an ordinary run, without running the client again.

The frames of the run's journal go through the fault's own layer, at their own times. What comes out is thrown away;
only whether the fault fired counts, so the answer is the fault's own and no second opinion.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Whether a fault would fire. ``at``: microseconds since its session began; ``session`` from 0; else ``why``."""

    fires: bool
    session: int = 0
    at: Micros = 0
    why: str = ""


def foresee(fault: Fault, journal: Entered, dialect: Dialect) -> Foreseen:
    """Where a fault would fire first in what the journal holds, or why it would not.

    The journal is one of a run without faults. A fault of probability below 1 rolls the dice of another session here.
    """
    armed = fault.arm("foresight")
    scratch = Journal()
    layers: dict[int, FaultLayer] = {}
    try:
        for entry in journal.entries:
            item = _item(entry)
            if item is None:
                continue
            while len(scratch.sessions) <= entry.session:
                layers[len(layers)] = armed.layer(scratch.open(dialect), dialect)
            layer = layers[entry.session]
            for due, _ in advance(cast("Machine[object, Item]", layer), entry.at):
                if armed.fired:
                    return Foreseen(True, entry.session, due)
            list(layer.feed(item, entry.at))
            if armed.fired:
                return Foreseen(True, entry.session, entry.at)
    except UsageError as error:
        return Foreseen(False, why=str(error))
    return Foreseen(False, why=armed.why_not)


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
