"""What every importer shares: frames into connections, a provider's name into a dialect, errors with their line."""

from __future__ import annotations

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Answer, Frame, Handshake, Micros, Sender
from mockserver.dialects.base import Dialect
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.registry import dialect_for, dialect_named
from mockserver.errors import CassetteDamaged, UsageError

LARGEST = 1 << 29
"""Bytes that a file to import may have; all of it is text that is parsed whole."""


def bad(name: str, line: int, what: str) -> CassetteDamaged:
    """The error for a file that is of the form, but for this line."""
    return CassetteDamaged(f"{name}, line {line}: cannot be imported: {what}")


def dialect(provider: str) -> Dialect:
    """The dialect of a provider's name, or the generic one."""
    try:
        return dialect_named(provider)
    except UsageError:
        return GENERIC


class Builder:
    """Puts a cassette together frame by frame."""

    def __init__(self, provider: str, *, origin: str, upstream: str = "") -> None:
        self.provider = provider
        self._origin, self._upstream = origin, upstream
        self._connections: list[tuple[Handshake, Answer, Micros, list[Record]]] = []
        self._timed: set[int] = set()

    def connect(
        self, handshake: Handshake | None = None, *, answer: Answer | None = None, opened_us: Micros = 0
    ) -> None:
        """A connection begins. Without a handshake, the one that the provider's clients make."""
        usual = dialect(self.provider).socket_path
        shake = handshake or Handshake(path=usual, target=usual)
        self._connections.append((shake, answer or Answer(), opened_us, []))

    def frame(self, sender: Sender, frame: Frame, *, at_us: Micros | None = None) -> None:
        """One frame. Where its time is not known, it is that of the one before."""
        if not self._connections:
            self.connect()
        records = self._connections[-1][3]
        if at_us is not None:
            self._timed.add(len(self._connections) - 1)
        records.append(Record(at_us if at_us is not None else records[-1].at if records else 0, sender, frame))

    def cassette(self) -> Cassette:
        """The cassette. Where the file named no provider, the first handshake may show it."""
        spoken = dialect(self.provider)
        if spoken is GENERIC and self._connections:
            spoken = dialect_for(self._connections[0][0])
        return Cassette(
            Header(spoken.name, self._upstream or spoken.upstream or "", origin=self._origin),
            tuple(
                Connection(number, shake, answer, opened_us, tuple(records), number in self._timed)
                for number, (shake, answer, opened_us, records) in enumerate(self._connections)
            ),
        )
