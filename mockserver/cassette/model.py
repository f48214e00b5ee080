"""What a cassette holds, in memory. Files are ``cassette.store``'s, bytes are ``cassette.codec``'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.frames import Answer, Frame, Handshake, Micros, Sender

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One frame. ``at`` is in microseconds since its connection was opened.

    ``digests`` is only filled where the audio policy is "digest": the SHA-256 of what was there before zeros took its
    place, one for each base64 text of the frame ("" where that was no audio), or one for a binary frame.
    """

    at: Micros
    sender: Sender
    frame: Frame
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """One client connection. ``opened_us``: when it was opened, in microseconds since the recording began.

    ``timed`` is False where the source kept only the order (an imported capture): then ``at`` means nothing.
    """

    number: int
    handshake: Handshake
    answer: Answer = Answer()
    opened_us: Micros = 0
    records: Sequence[Record] = ()
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Exchange:
    """One plain HTTP request to a neighbour of the socket, with its reply (redacted like everything else).

    ``path``: with the query, where it had one.
    """

    method: str
    path: str
    request: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    at: Micros = 0


@dataclass(frozen=True, slots=True)
class Header:
    """The first object of a cassette.

    ``ended``: "clean", or how the recording ended instead ("killed" where nobody could say, "cut" where a damaged file
    was read up to the damage). ``redaction`` counts what was taken out, by kind. ``origin`` says what made
    the file (a command line without secrets, or the import's source). ``faults`` are those that disturbed the client
    while it was made; nothing of them is in the recording.
    """

    dialect: str
    upstream: str = ""
    recorded_on: str = ""  # ISO date, UTC
    package: str = ""
    audio: str = "keep"
    ended: str = "clean"
    origin: str = ""
    redaction: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)  # the match rules it was recorded with
    faults: tuple[str, ...] = ()
    unsafe: str = ""  # "yes" where it holds a secret that could not be taken out: then nothing replays it
    version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Cassette:
    """A redacted recording of one or more connections."""

    header: Header
    connections: tuple[Connection, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    path: str = ""
