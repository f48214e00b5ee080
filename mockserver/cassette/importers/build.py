"""What every importer shares: frames into connections, a provider's name into a dialect, errors with their line.

What is imported otherwise than the file states it is told in one line, to whoever asked for it (``Tell``).
"""

from __future__ import annotations

from collections.abc import Callable

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Answer, Close, Frame, Handshake, Lost, Micros, Sender
from mockserver.dialects.base import Dialect, close_reason, shorten
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.registry import dialect_for, dialect_named
from mockserver.errors import CassetteDamaged

LARGEST = 1 << 29
"""Bytes that a file to import may have; all of it is text that is parsed whole."""

Tell = Callable[[str], None]


def untold(line: str) -> None:
    """For callers that do not want to be told: the line is dropped."""


def bad(name: str, line: int, what: str) -> CassetteDamaged:
    """The error for a file that is of the form, but for this line."""
    return CassetteDamaged(f"{name}, line {line}: cannot be imported: {what}")


def sendable(frame: Frame, tell: Tell) -> Frame:
    """A close as a close frame can be; any other frame as it is.

    1005, 1006 and 1015 are never sent: they say that there was no code, no close frame, no TLS (RFC 6455, 7.4.1). A
    reason needs a code before it, and has 123 bytes at most (5.5).
    """
    match frame:
        case Close(1005, reason):
            return sendable(Close(None, reason), tell)
        case Close(1006 | 1015 as code, reason):
            return Lost(reason or f"closed abnormally ({code})")
        case Close(None, reason) if reason:
            tell(f"a close frame without a code holds no reason: {shorten(reason, 40)!r} is left out")
            return Close(None, "")
        case Close(code, reason) if (cut := close_reason(reason)) != reason:
            size = len(reason.encode(errors="replace"))
            tell(f"the reason of close {code} is cut to the 123 bytes that a close frame can hold; it had {size}")
            return Close(code, cut)
    return frame


class Builder:
    """Puts a cassette together frame by frame."""

    def __init__(self, provider: str, *, name: str, origin: str, upstream: str = "", tell: Tell = untold) -> None:
        self._dialect: Dialect = dialect_named(provider)
        self._name, self._origin, self._upstream = name, origin, upstream
        self._tell = tell
        self._back: list[str] = []
        self._connections: list[tuple[Handshake, Answer, Micros, list[Record]]] = []
        self._timed: set[int] = set()

    def connect(
        self, handshake: Handshake | None = None, *, answer: Answer | None = None, opened_us: Micros = 0
    ) -> None:
        """A connection begins. Without a handshake, the one that the provider's clients make."""
        usual = self._dialect.socket_path
        shake = handshake or Handshake(path=usual, target=usual)
        self._connections.append((shake, answer or Answer(), opened_us, []))

    def frame(self, sender: Sender, frame: Frame, *, at_us: Micros | None = None) -> None:
        """One frame. Where its time is not known, or earlier than that of the one before, it is that one's."""
        if not self._connections:
            self.connect()
        records = self._connections[-1][3]
        if at_us is not None:
            self._timed.add(len(self._connections) - 1)
        before = records[-1].at if records else 0
        at = before if at_us is None else at_us
        if at < before:
            where = f"connection {len(self._connections) - 1}, frame {len(records)}"
            self._back.append(f"{where}: {at / 1000:.0f} ms after {before / 1000:.0f} ms")
            at = before
        records.append(Record(at, sender, sendable(frame, self._tell)))

    def cassette(self) -> Cassette:
        """The cassette. Where the file named no provider, the first handshake may show it."""
        if not any(records for *_, records in self._connections):
            raise CassetteDamaged(f"{self._name}: cannot be imported: there is no frame in it")
        if self._back:
            self._tell(
                f"the times of {len(self._back)} frame(s) go backwards (first {self._back[0]}); "
                "the order of the file is kept, and each counts as sent with the one before it"
            )
        spoken = self._dialect
        if spoken is GENERIC and self._connections:
            spoken = dialect_for(self._connections[0][0])
        return Cassette(
            Header(spoken.name, self._upstream or spoken.upstream or "", origin=self._origin),
            tuple(
                Connection(number, shake, answer, opened_us, tuple(records), number in self._timed)
                for number, (shake, answer, opened_us, records) in enumerate(self._connections)
            ),
        )
