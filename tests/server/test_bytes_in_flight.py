import selectors
import socket
import sys
import time

import pytest

from mockserver.server import bytes_in_flight as wire
from mockserver.server.bytes_in_flight import ESTABLISHED, LISTEN, SYN_SENT, BytesInFlight, End, Late, Sockets, Way

CLIENT, SERVER, DOOR = ("127.0.0.1", 50_000), ("127.0.0.1", 8_000), ("0.0.0.0", 8_000)
NONE: set[Way] = set()


def pair(sent: int, received: int, *, read: bool = True) -> list[End]:
    return [
        End(ESTABLISHED, CLIENT, SERVER, sent, 7),
        End(ESTABLISHED, SERVER, CLIENT, 7, received, read),
    ]


def late(*there: End) -> tuple[set[Way], set[Way], set[Way]]:
    return sets(BytesInFlight(None).late(there))


def sets(found: Late) -> tuple[set[Way], set[Way], set[Way]]:
    return set(found.sure), set(found.maybe), set(found.foreign)


def test_nothing_is_late_where_all_that_was_sent_has_been_received() -> None:
    assert late(*pair(100, 100)) == (NONE, NONE, NONE)


def test_bytes_that_were_sent_and_not_received_must_come() -> None:
    assert late(*pair(100, 99)) == ({(CLIENT, SERVER)}, NONE, NONE)


def test_bytes_that_nobody_reads_are_not_waited_for() -> None:
    assert late(*pair(100, 99, read=False)) == (NONE, NONE, NONE)


def test_a_fin_counts_as_a_byte_received_and_is_none() -> None:
    assert late(*pair(100, 101)) == (NONE, NONE, NONE)


def test_a_connection_that_is_not_accepted_yet_may_be_late() -> None:
    dialled = End(ESTABLISHED, CLIENT, SERVER, 0, 0)
    assert late(dialled, End(LISTEN, DOOR, None)) == (NONE, {(CLIENT, SERVER)}, NONE)


def test_a_connection_with_somebody_else_is_foreign() -> None:
    assert late(End(ESTABLISHED, CLIENT, SERVER, 0, 0)) == (NONE, NONE, {(CLIENT, SERVER)})
    accepted = End(ESTABLISHED, SERVER, CLIENT, 0, 0)
    assert late(accepted, End(LISTEN, DOOR, None)) == (NONE, NONE, {(SERVER, CLIENT)})


def test_a_connection_attempt_is_late() -> None:
    assert late(End(SYN_SENT, CLIENT, None)) == ({(CLIENT, None)}, NONE, NONE)
    abroad = ("192.0.2.1", 50_000)
    assert late(End(SYN_SENT, abroad, None)) == (NONE, {(abroad, None)}, NONE)


def test_the_end_of_a_connection_may_be_late_until_it_has_come() -> None:
    asked = BytesInFlight(None)
    assert sets(asked.late(pair(1, 1))) == (NONE, NONE, NONE)
    left = End(ESTABLISHED, CLIENT, SERVER, 1, 7)
    assert sets(asked.late([left])) == (NONE, {(CLIENT, SERVER)}, NONE)
    close_wait = 8
    assert sets(asked.late([End(close_wait, CLIENT, SERVER, 1, 8)])) == (NONE, NONE, NONE)


@pytest.mark.parametrize(
    ("there", "seconds"),
    [(pair(100, 99), 0.08), ([End(SYN_SENT, ("192.0.2.1", 50_000), None)], 0.02)],
)
def test_what_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch, there: list[End], seconds: float) -> None:
    monkeypatch.setattr(wire, "SURE_S", 0.08)
    monkeypatch.setattr(wire, "MAYBE_S", 0.02)
    monkeypatch.setattr(wire, "Sockets", lambda _: there)
    asked = BytesInFlight(None, exact=True)
    began = time.monotonic()
    looks = sum(1 for _ in asked.under_way())
    assert looks > 1
    assert seconds <= time.monotonic() - began < seconds + 1
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
        asked, sockets = BytesInFlight(selector), Sockets(selector)
        assert sets(asked.late(sockets)) == (
            NONE,
            {(client.getsockname(), client.getpeername())},
            NONE,
        )
        server, _ = door.accept()
        with server:
            selector.register(server, selectors.EVENT_READ)
            client.sendall(b"x" * 1_000)
            while not any(key.fd == server.fileno() for key, _ in selector.select(1)):
                pass
            found = list(sockets)
            assert len(found) == 3  # the socket pair is not TCP
            assert [end.sent for end in found if end.local == client.getsockname()] == [1_000]
            assert [end.received for end in found if end.peer == client.getsockname()] == [1_000]
            assert sets(asked.late(found)) == (NONE, NONE, NONE)
