"""What a journal holds: entries and what is known of each session. The journal itself is ``core.journal``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mockserver.core.frames import Answer, Frame, Handshake, Micros, Note, Sender
from mockserver.core.view import Lens, View

What = Handshake | Answer | Frame | Note


class Entry(NamedTuple):
    """One line of the journal.

    ``at``: microseconds since its session began. ``sender``: None for a note. ``what``: the handshake (client),
    the answer to it (server), a frame, or a note. One is made for every frame, and a tuple is made four times as
    fast as a frozen dataclass.
    """

    index: int  # type: ignore[assignment]  # the method that tuples have is not missed
    session: int
    at: Micros
    sender: Sender | None
    what: What


@dataclass(slots=True)
class SessionLog:
    """What the journal knows of one session (one client connection)."""

    number: int
    began_us: Micros
    lens: Lens
    seed: str
    scenario: str = ""
    """The scenario that it is in, where its server has several."""
    handshake: Handshake | None = None
    ended: bool = False
    entries: int = 0
    """How many entries it has."""
    received: int = 0
    """How much its client sent, in characters and bytes of frames, where the journal is bounded."""
    obeys: frozenset[str] = frozenset()
    """Words of ``Tell`` that the session's engine acts on, where a fault does another thing with one that does not."""


class Entered(Protocol):
    """What assertions and timelines read of a journal."""

    @property
    def entries(self) -> Sequence[Entry]:
        """Everything, in order."""
        ...

    @property
    def sessions(self) -> Sequence[SessionLog]:
        """The sessions by number."""
        ...

    def view(self, entry: Entry) -> View | None:
        """The entry's frame through its session's lens; None where the entry holds no frame."""
        ...

    def shown(self, what: Handshake | Answer) -> Handshake | Answer:
        """The same without the secrets in it."""
        ...

    def gone(self, sender: Sender | None = None, *, session: int | None = None) -> int:
        """How many frames are there no more."""
        ...

    def present(self, sender: Sender | None = None, *, session: int | None = None) -> Iterator[Entry]:
        """The entries that hold frames, as far as they are there."""
        ...

    def frames(self, sender: Sender | None = None, *, session: int | None = None) -> Iterator[Entry]:
        """The entries that hold frames."""
        ...
