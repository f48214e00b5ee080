import selectors
import socket
import sys
import time

import pytest

from mockserver.server import wire
from mockserver.server.wire import ESTABLISHED, HOLD_S, LISTEN, SYN_SENT, End, Wire, ends

CLIENT, SERVER, DOOR = ("127.0.0.1", 50_000), ("127.0.0.1", 8_000), ("0.0.0.0", 8_000)
NOTHING: set[object] = set()


def pair(sent: int, received: int) -> list[End]:
    return [
        End(ESTABLISHED, CLIENT, SERVER, sent, 7),
        End(ESTABLISHED, SERVER, CLIENT, 7, received),
    ]


def test_nothing_is_late_where_all_that_was_sent_has_been_received() -> None:
    assert Wire(None).late(pair(100, 100)) == NOTHING


def test_bytes_that_were_sent_and_not_received_are_late() -> None:
    assert Wire(None).late(pair(100, 99)) == {(CLIENT, SERVER)}


def test_a_fin_counts_as_a_byte_received_and_is_none() -> None:
    assert Wire(None).late(pair(100, 101)) == NOTHING


def test_a_connection_that_is_not_accepted_yet_is_late() -> None:
    dialled = End(ESTABLISHED, CLIENT, SERVER, 0, 0)
    assert Wire(None).late([dialled, End(LISTEN, DOOR, None)]) == {(CLIENT, SERVER)}
    assert (
        Wire(None).late([dialled]) == NOTHING
    )  # the other end is in another process: nothing is known


def test_a_connection_attempt_is_late() -> None:
    assert Wire(None).late([End(SYN_SENT, CLIENT, None)]) == {(CLIENT, None)}


def test_the_end_of_a_connection_is_late_until_it_has_come() -> None:
    asked = Wire(None)
    assert asked.late(pair(1, 1)) == NOTHING
    left = End(ESTABLISHED, CLIENT, SERVER, 1, 7)
    assert asked.late([left]) == {(CLIENT, SERVER)}
    close_wait = 8
    assert asked.late([End(close_wait, CLIENT, SERVER, 1, 8)]) == NOTHING


def test_what_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "ends", lambda _: iter(pair(100, 99)))
    asked = Wire(None, exact=True)
    began = time.monotonic()
    looks = sum(1 for _ in asked.under_way())
    assert looks > 1
    assert HOLD_S <= time.monotonic() - began < HOLD_S + 1
    assert not list(asked.under_way())


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO with byte counts is Linux")
def test_the_kernel_tells_of_real_sockets() -> None:
    one, other = socket.socketpair()
    with (
        one,
        other,
        selectors.DefaultSelector() as selector,
        socket.create_server(("127.0.0.1", 0)) as door,
        socket.create_connection(door.getsockname()) as client,
    ):
        for each in (door, client, other):
            selector.register(each, selectors.EVENT_READ)
        asked = Wire(selector)
        assert asked.late(ends(selector)) == {(client.getsockname(), client.getpeername())}
        server, _ = door.accept()
        with server:
            selector.register(server, selectors.EVENT_READ)
            client.sendall(b"x" * 1_000)
            while not any(key.fd == server.fileno() for key, _ in selector.select(1)):
                pass
            found = list(ends(selector))
            assert len(found) == 3  # the socket pair is not TCP
            assert [end.sent for end in found if end.local == client.getsockname()] == [1_000]
            assert [end.received for end in found if end.peer == client.getsockname()] == [1_000]
            assert asked.late(found) == NOTHING
