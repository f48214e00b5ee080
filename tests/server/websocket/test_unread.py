"""Clients that ask and do not read fill no memory, are held back, and end with a reason. Who reads late is served."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from itertools import count

import pytest

from mockserver import MockServer, simulator
from mockserver.core.entry import Entry
from mockserver.core.frames import Lost, Note
from mockserver.server.websocket import outlet
from tests.bench.wire import masked, request

ITEM = json.dumps(
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x" * 4000}]},
    }
)


def connected(port: int) -> socket.socket:
    """A client whose receive buffer is small."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.settimeout(10)
    sock.connect(("127.0.0.1", port))
    sock.sendall(request(port))
    got = b""
    while b"session.created" not in got:
        got += sock.recv(4096)
    return sock


def sent(sock: socket.socket, data: bytes, times: int, *, seconds: float, patience: float = 0.5) -> int:
    """How often this could be sent before the server took no more for so long."""
    sock.settimeout(patience)
    end = time.monotonic() + seconds
    for number in range(times):
        try:
            sock.sendall(data)
        except (TimeoutError, ConnectionError):
            return number
        if time.monotonic() > end:
            return number
    return times


def heard(server: MockServer, what: Callable[[Entry], bool], times: int = 1) -> threading.Event:
    """Is set when the journal has got so many of these."""
    done, left = threading.Event(), count(times - 1, -1)

    def look(entry: Entry) -> None:
        if what(entry) and next(left) == 0:
            done.set()

    server.call(lambda: server.journal.listen(look))
    return done


def waiting(server: MockServer) -> int:
    """Bytes that wait for the server's only client, on the most that it may hold."""
    return max((pump.outlet._backlog.size for pump in server._book.running), default=0)


def test_a_client_that_asks_and_does_not_read_is_held_back_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "CROWDED", 200_000)
    monkeypatch.setattr("mockserver.server.websocket.reading.UNREAD_SECONDS", 0.5)
    with MockServer(simulator("openai", pace="instant")).in_thread() as server:
        sock = connected(server.port)
        ended = heard(server, lambda entry: isinstance(entry.what, Lost))
        times = sent(sock, masked(ITEM), 50_000, seconds=20)
        assert times < 50_000, "nobody held it back"
        assert ended.wait(10)
        [why] = [entry.what.reason for entry in server.journal if isinstance(entry.what, Lost)]
        assert "the client does not read" in why
        assert waiting(server) < 2_000_000
        sock.close()


def test_who_reads_late_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: held back, then read from, and nothing is missing."""
    monkeypatch.setattr(outlet, "CROWDED", 200_000)
    with MockServer(simulator("openai", pace="instant")).in_thread() as server:
        sock = connected(server.port)
        times = sent(sock, masked(ITEM), 300, seconds=20)
        sock.settimeout(10)
        got = b""
        while got.count(b'"conversation.item.done"') < times:
            got += sock.recv(1 << 16)
        assert not server.sessions[0].over
        sock.close()


def test_unread_pings_fill_neither_memory_nor_the_journal() -> None:
    with MockServer(simulator("openai", pace="instant")).in_thread() as server:
        sock = connected(server.port)
        many = masked(b"p" * 100, opcode=9) * 1000
        noted = heard(server, lambda entry: isinstance(entry.what, Note) and entry.what.kind == "ping", times=64)
        times = sent(sock, many, 100, seconds=50, patience=20)
        assert noted.wait(10)
        [pump] = server._book.running
        assert pump.transport is not None
        assert pump.transport.get_write_buffer_size() < 200_000
        assert times == 100, "pings are read, and only the last is answered"
        assert len(list(server.journal.notes("ping"))) < 100
        got = b""
        while b"\x8a\x64" not in got:  # the pong of 100 bytes
            got = got[-1:] + sock.recv(1 << 16)
        sock.close()
