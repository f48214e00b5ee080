"""One HTTP/2 connection, without sockets: how much of what came is read in a turn, and what is left at its end."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from mockserver.server.http2.connection import Http2Connection
from mockserver.server.http2.leaving import PREFACE

SETTINGS = b"\0\0\0\x04\0\0\0\0\0"
ACK = b"\0\0\0\x04\x01\0\0\0\0"
HEADERS = b"\0\0\0\x01\0\0\0\0\x01"
CONTINUATION = b"\0\x10\0\x09\0\0\0\0\x01" + b"x" * 4096


class Loop:
    """Turns that are taken by hand."""

    def __init__(self) -> None:
        self.soon: deque[Callable[[], None]] = deque()
        self.call_soon = self.soon.append

    def time(self) -> float:
        return 0.0


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.reading = True
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def connected() -> tuple[Http2Connection, Wire, Loop]:
    host: Any = None
    loop: Any = Loop()
    wire = Wire()
    made = Http2Connection(host, loop, lambda connection: None)
    made.connection_made(wire)
    return made, wire, loop


def turned(loop: Loop) -> int:
    """So many turns, until nothing is left to do."""
    turns = 0
    while loop.soon:
        loop.soon.popleft()()
        turns += 1
    return turns


def test_others_have_their_turn_in_a_flood_of_short_frames() -> None:
    connection, wire, loop = connected()
    connection.data_received(PREFACE + SETTINGS * 2_000)
    assert not wire.reading, "nothing more is read meanwhile"
    early = wire.written.count(ACK)
    assert 0 < early < 2_000
    assert turned(loop) > 1
    assert wire.reading
    assert wire.written.count(ACK) == 2_000, "none is lost"


def test_a_few_frames_are_read_at_once() -> None:
    connection, wire, loop = connected()
    connection.data_received(PREFACE + SETTINGS)
    assert (wire.reading, len(loop.soon), wire.written.count(ACK)) == (True, 0, 1)


def test_what_a_client_sent_is_freed_at_the_end_of_its_connection() -> None:
    connection, wire, loop = connected()
    inner = weakref.ref(connection._h2)
    gc.disable()
    try:
        connection.data_received(PREFACE + SETTINGS + HEADERS + CONTINUATION * 100)  # more than HTTP/2 allows
        turned(loop)
        assert wire.closed
        connection.connection_lost(None)
        connection.flush()  # a stream may still say something
        del connection
        assert inner() is None
    finally:
        gc.enable()
