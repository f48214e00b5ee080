"""A cassette as bytes: a msgpack stream, one object after another, so that a file cut anywhere reads up to the cut.

    {"mockserver-cassette": 1, "header": {...}}          always first, always with these bytes at its start
    [OPEN, connection, opened_us, timed, handshake]      then, in the order in which it happened
    [ANSWER, connection, at, status, headers, subprotocol, body]
    [EXCHANGE, 0, at, method, path, request, status, headers, body]
    [frame kind, connection, at, ...]                    the kind says who sent it: even the client, odd the server
    [STOP, 0, 0, ended, faults]                          in an unfinished file alone: how the recording ended
    [CHECK, 0, 0, crc32]                                 about every MiB: of all bytes before this object
    [GIVEN, connection, number, frame]                   in an unfinished recording only: frame number of it again,
    whole:
                                                         what was taken out of it first, in doubt, is no secret
    [END, 0, 0, crc32, {kind: count}]                    the last, with what was redacted; a file without it was cut

Base64 inside a text frame is kept as bytes where encoding gives the same text again: [PARTS, connection, at, text,
bytes, text, ...]. A digest stands there as the extension type 1: eight bytes of length, 32 of SHA-256.

This module writes; ``cassette.reader`` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zlib import crc32

import msgpack

from mockserver.cassette import audio
from mockserver.cassette.model import Cassette, Exchange, Header, Record
from mockserver.core.frames import Answer, Binary, Close, Handshake, Lost, Micros, Sender, Text

MAGIC = "mockserver-cassette"
PREFIX = b"\x82" + bytes([0xA0 | len(MAGIC)]) + MAGIC.encode()
"""How every cassette begins: a map of two keys, the first of them MAGIC."""

OPEN, ANSWER, EXCHANGE, CHECK, END, GIVEN, STOP = range(1, 8)
TEXT, PARTS, BINARY, CLOSE, LOST = 16, 18, 20, 22, 24
SENDERS = (Sender.CLIENT, Sender.SERVER)
FRAME_KINDS = range(TEXT, LOST + 2)
CHECK_EVERY = 1 << 20
DIGEST = 1
RECORDING = "recording"
"""What the header of an unfinished file says about how it ended."""

pack: Callable[[Any], bytes] = msgpack.Packer(use_bin_type=True, autoreset=True).pack


class Writer:
    """Encodes a cassette object by object into ``write``, each call one whole object. Keeps the running check sum."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._crc = 0
        self._since_check = 0
        self.kept: list[bytes] = []
        """Objects that ``commit`` writes."""
        self.writing: list[bytes] = []
        """Those that it wrote last, or was writing as that failed."""

    def put(self, item: Any) -> None:
        """One object."""
        self.kept.append(pack(item))
        self.commit()

    def commit(self) -> None:
        """Write what was kept, in one go. What fails to be written is kept no longer."""
        kept, self.kept = self.kept, []
        while kept:
            self.writing = kept
            data = kept[0] if len(kept) == 1 else b"".join(kept)
            self._write(data)
            self._crc = crc32(data, self._crc)
            self._since_check += len(data)
            kept = []
            if self._since_check >= CHECK_EVERY:
                self._since_check = 0
                kept = [pack([CHECK, 0, 0, self._crc])]

    def header(self, header: Header) -> None:
        """The first object."""
        stated: dict[str, Any] = {
            "dialect": header.dialect,
            "upstream": header.upstream,
            "recorded_on": header.recorded_on,
            "package": header.package,
            "audio": header.audio,
            "ended": header.ended,
            "origin": header.origin,
            "rules": dict(header.rules),
        }
        if header.faults:
            # One text, a line each: a version that does not know the key reads past it.
            stated["faults"] = "\n".join(header.faults)
        if header.unsafe:
            stated["unsafe"] = header.unsafe
        self.put({MAGIC: header.version, "header": stated})

    def opened(self, number: int, opened_us: Micros, handshake: Handshake, *, timed: bool = True) -> None:
        """A connection begins."""
        shake = handshake
        self.put(
            [OPEN, number, opened_us, timed, [shake.path, shake.query, shake.headers, shake.subprotocols, shake.target]]
        )

    def answer(self, number: int, at: Micros, answer: Answer) -> None:
        """The handshake was answered."""
        self.put([ANSWER, number, at, answer.status, answer.headers, answer.subprotocol, answer.body])

    def record(self, number: int, record: Record) -> None:
        """One frame."""
        self.put(packed(number, record))

    def keep(self, number: int, record: Record) -> None:
        """One frame, for the next ``commit``."""
        self.kept.append(pack(packed(number, record)))

    def keep_text(self, number: int, at: Micros, sender: Sender, data: str) -> None:
        """The same for a text frame with its base64 left as it is: no more work than a session that waits for it can
        spare.
        """
        self.kept.append(pack([TEXT if sender is Sender.CLIENT else TEXT + 1, number, at, data]))

    def given(self, number: int, place: int, record: Record) -> None:
        """A frame that was written before, again."""
        self.put([GIVEN, number, place, packed(number, record)])

    def exchange(self, one: Exchange) -> None:
        """One HTTP request with its reply."""
        self.put([EXCHANGE, 0, one.at, one.method, one.path, one.request, one.status, one.headers, one.body])

    def stopped(self, ended: str, faults: Sequence[str]) -> None:
        """The last object of a recording that is left to be finished: what its header could not say yet."""
        self.put([STOP, 0, 0, ended, "\n".join(faults)])

    def end(self, report: Mapping[str, int]) -> None:
        """The last object, with the report of what was taken out: it is known only now."""
        self.put([END, 0, 0, self._crc, dict(report)])


def whole(objects: Sequence[bytes], size: int) -> tuple[int, int]:
    """Of objects of which ``size`` bytes were written: the bytes of those that are whole, and how many frames are
    not.
    """
    kept = lost = 0
    for one in objects:
        if kept + len(one) > size:
            size = 0
            lost += one[1] in FRAME_KINDS or one[0] == 0xDC  # so long a list is a frame in many parts
        else:
            kept += len(one)
    return kept, lost


def packed(number: int, record: Record) -> list[Any]:
    """A frame as the list that is written."""
    side = 0 if record.sender is Sender.CLIENT else 1
    match record.frame:
        case Text(data):
            parts: list[Any] = audio.split(data)
            if len(parts) == 1:
                return [TEXT + side, number, record.at, data]
            for place, hashed in enumerate(record.digests):
                if hashed and 2 * place + 1 < len(parts):
                    parts[2 * place + 1] = _digest(len(parts[2 * place + 1]), hashed)
            return [PARTS + side, number, record.at, *parts]
        case Binary(raw):
            return [BINARY + side, number, record.at, _digest(len(raw), record.digests[0]) if record.digests else raw]
        case Close(code, reason):
            return [CLOSE + side, number, record.at, code, reason]
        case Lost(reason):
            return [LOST + side, number, record.at, reason]


def _digest(size: int, hashed: str) -> Any:
    return msgpack.ExtType(DIGEST, size.to_bytes(8, "big") + bytes.fromhex(hashed))


def encode(cassette: Cassette) -> bytes:
    """A whole cassette."""
    out = bytearray()
    writer = Writer(out.extend)
    write(cassette, writer)
    return bytes(out)


def write(cassette: Cassette, writer: Writer, report: Callable[[], Mapping[str, int]] | None = None) -> None:
    """A whole cassette, object by object. ``report`` is asked at the end; without one the header's counts stay."""
    writer.header(cassette.header)
    for connection in cassette.connections:
        writer.opened(connection.number, connection.opened_us, connection.handshake, timed=connection.timed)
        writer.answer(connection.number, 0, connection.answer)
        for record in connection.records:
            writer.record(connection.number, record)
    for one in cassette.exchanges:
        writer.exchange(one)
    writer.end(report() if report is not None else cassette.header.redaction)
