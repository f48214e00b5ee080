"""What every importer shares: frames into connections, a provider's name into a dialect, errors with their line.

What is imported otherwise than the file states it is told in one line, to whoever asked for it (``Tell``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Answer, Close, Frame, Handshake, Lost, Micros, Sender, Text
from mockserver.dialects.base import Dialect, close_reason, parse, shorten
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.registry import dialect_for, dialect_named, speakers
from mockserver.errors import CassetteDamaged, UsageError

LARGEST = 1 << 29
"""Bytes that a file to import may have; all of it is text that is parsed whole."""

LOOKED_AT = 2_000
"""So many frames of a connection are looked at to find out whose they are."""

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

    def __init__(
        self,
        provider: str | None,
        *,
        name: str,
        origin: str,
        upstream: str = "",
        hints: Sequence[str] = (),
        tell: Tell = untold,
    ) -> None:
        self._dialect: Dialect | None = None if provider is None else dialect_named(provider)
        self._hints = hints
        self._name, self._origin, self._upstream = name, origin, upstream
        self._tell = tell
        self._back: list[str] = []
        self._connections: list[tuple[Handshake | None, Answer, Micros, list[Record]]] = []
        self._timed: set[int] = set()
        self._since: Micros = 0  # when the running connection began, where the file goes on counting

    def connect(
        self, handshake: Handshake | None = None, *, answer: Answer | None = None, opened_us: Micros = 0
    ) -> None:
        """A connection begins. Without a handshake, the one that the provider's clients make."""
        where = f"the handshake of connection {len(self._connections)}"
        shake = handshake or Handshake()
        self._wired(where, shake.path, shake.target, *shake.subprotocols, *chain(*shake.query, *shake.headers))
        if answer is not None:
            self._wired(f"the answer to {where}", answer.subprotocol or "", *chain(*answer.headers))
        self._since = 0
        self._connections.append((handshake, answer or Answer(), opened_us, []))

    def frame(self, sender: Sender, frame: Frame, *, at_us: Micros | None = None) -> None:
        """One frame. Where its time is not known, or earlier than that of the one before, it is that one's.

        What is sent after a close is sent in another connection, of the same kind.
        """
        if not self._connections:
            self.connect()
        if self._is_over(sender, frame):
            self._again(at_us)
        records = self._connections[-1][3]
        if at_us is not None:
            at_us = max(at_us - self._since, 0)
        if at_us is not None:
            self._timed.add(len(self._connections) - 1)
        before = records[-1].at if records else 0
        at = before if at_us is None else at_us
        if at < before:
            where = f"connection {len(self._connections) - 1}, frame {len(records)}"
            self._back.append(f"{where}: {at / 1000:.0f} ms after {before / 1000:.0f} ms")
            at = before
        if isinstance(frame, Text | Close | Lost):
            text = frame.data if isinstance(frame, Text) else frame.reason
            self._wired(f"connection {len(self._connections) - 1}, frame {len(records)}", text)
        records.append(Record(at, sender, sendable(frame, self._tell)))

    def _is_over(self, sender: Sender, frame: Frame) -> bool:
        """Whether this frame cannot be one of the running connection: its sender has closed, or lost, that one."""
        if isinstance(frame, Close | Lost):
            return False
        ends = [one for one in self._connections[-1][3][-2:] if isinstance(one.frame, Close | Lost)]
        return bool(ends) and (sender is Sender.CLIENT or any(one.sender is sender for one in ends))

    def _again(self, at_us: Micros | None) -> None:
        number = len(self._connections)
        shake, answer, opened_us, records = self._connections[-1]
        self._tell(f"frame {len(records)} of connection {number - 1} comes after its close: connection {number} begins")
        # A file that says nothing of the new connection goes on counting, or begins to count anew.
        last = records[-1].at
        since = at_us if at_us is not None and at_us - self._since >= last else 0
        began = opened_us + (last if at_us is None or not since else at_us - self._since)
        self.connect(shake, answer=answer, opened_us=began)
        self._since = since

    def _wired(self, where: str, *texts: str) -> None:
        """CassetteDamaged for a text that no wire has carried: JSON can escape half a character, UTF-8 has none."""
        try:
            for text in texts:
                text.encode()
        except UnicodeEncodeError:
            what = "half a character (a lone surrogate), which is in no UTF-8"
            raise CassetteDamaged(f"{self._name}: cannot be imported: {where} holds {what}") from None

    def cassette(self) -> Cassette:
        """The cassette. Where the file named no provider, the first handshake may show it."""
        if not any(records for *_, records in self._connections):
            raise CassetteDamaged(f"{self._name}: cannot be imported: there is no frame in it")
        if self._back:
            self._tell(
                f"the times of {len(self._back)} frame(s) go backwards (first {self._back[0]}); "
                "the order of the file is kept, and each counts as sent with the one before it"
            )
        spoken = self._dialect or self._spoken()
        usual = Handshake(path=spoken.socket_path, target=spoken.socket_path)
        return Cassette(
            Header(
                spoken.name,
                _readable(self._upstream) or spoken.upstream or "",
                origin=_readable(self._origin),
            ),
            tuple(
                Connection(number, shake or usual, answer, opened_us, tuple(records), number in self._timed)
                for number, (shake, answer, opened_us, records) in enumerate(self._connections)
            ),
        )

    def _spoken(self) -> Dialect:
        """The dialect that a handshake shows, or the frames. UsageError where they may be of several."""
        shake = self._connections[0][0]
        by_shake = GENERIC if shake is None else dialect_for(shake)
        if by_shake is not GENERIC:
            return by_shake
        said = [
            (record.sender, body)
            for *_, records in self._connections
            for record in records[:LOOKED_AT]
            if isinstance(record.frame, Text) and isinstance(body := parse(record.frame.data), dict)
        ]
        found = speakers(said)
        hinted = [one for one in found if one.name in self._hints]
        if len(found) == 1 or hinted:
            return (hinted or found)[0]
        if found:
            names = " or ".join(one.name for one in found)
            raise UsageError(f"{self._name}: cannot tell whose session it is, {names}: say it with --provider NAME")
        return dialect_named(self._hints[0]) if self._hints else GENERIC


def _readable(text: str) -> str:
    """A remark of the file, as text that can be written."""
    return text.encode(errors="replace").decode()
