"""A paused session: nothing is lost, nothing overtakes, and a client that has gone is not waited for."""

from __future__ import annotations

from mockserver.core.frames import Close, Note, Peer, Received, Send, Text
from mockserver.core.pause import PausedLayer


def test_everything_is_kept_and_comes_in_its_order() -> None:
    hold = PausedLayer()
    items = [Send(Peer.CLIENT, Text("1")), Received(Peer.CLIENT, Text("2")), Send(Peer.CLIENT, Text("3"))]
    assert [list(hold.feed(item, at)) for at, item in enumerate(items)] == [[], [], []]
    assert hold.wake_at() is None
    assert list(hold.wake(10**9)) == []
    assert list(hold.release(99)) == items
    assert list(hold.release(99)) == []


def test_notes_and_a_clients_end_go_through() -> None:
    hold = PausedLayer()
    for item in (Note("x", "y"), Received(Peer.CLIENT, Close(1000))):
        assert list(hold.feed(item, 0)) == [item]
    assert list(hold.release(0)) == []
