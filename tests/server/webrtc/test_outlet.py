"""The one writer of a call, with a channel that is a list: order, the wait for the channel, bounds, the end."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.core.frames import Close, Lost, Text
from mockserver.dialects.openai.calls import RealtimeCalls
from mockserver.server.webrtc import outlet as outlets
from mockserver.server.webrtc.outlet import ChannelOutlet


class Channel:
    """A data channel whose client reads nothing."""

    readyState = "open"  # noqa: N815

    def __init__(self) -> None:
        self.sent: list[str] = []

    def on(self, name: str, hears: object) -> None:
        """Nobody is told."""

    @property
    def bufferedAmount(self) -> int:  # noqa: N802 - the name is WebRTC's
        return sum(map(len, self.sent))

    def send(self, data: str) -> None:
        self.sent.append(data)


class Line:
    """The call, as its writer ends it."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def close(self) -> None:
        self.ends.append("close")

    def abort(self) -> None:
        self.ends.append("abort")


class Written:
    """An outlet with all that is around it."""

    def __init__(self) -> None:
        self.ended: list[Close | Lost] = []
        self.outlet = ChannelOutlet(self.ended.append, calls=RealtimeCalls(), sound=lambda: (24_000, "pcm"))
        self.channel: Any = Channel()
        self.outlet.line = self.line = Line()

    def put(self, *words: str) -> None:
        for word in words:
            self.outlet.put(Text(word))
        self.outlet.flush()


def test_events_wait_for_the_channel_in_their_order_and_the_end_behind_them() -> None:
    written = Written()
    written.put("a", "b")
    written.outlet.put(Close(1000))
    assert (written.outlet.held, written.ended, written.line.ends) == (3, [], [])
    written.outlet.open(written.channel)
    assert written.channel.sent == ["a", "b"]
    assert (written.ended, written.line.ends) == ([Close(1000)], ["close"])
    written.put("late")
    assert written.channel.sent == ["a", "b"]


@pytest.mark.parametrize("opens", [True, False])
def test_a_client_that_does_not_read_is_ended_and_sent_no_more(monkeypatch: pytest.MonkeyPatch, opens: bool) -> None:
    monkeypatch.setattr(outlets, "CROWDED", 5)
    monkeypatch.setattr(outlets, "MOST", 10)
    written = Written()
    if opens:
        written.outlet.open(written.channel)
    written.put("12345")
    assert not written.outlet.crowded
    written.put("67890")
    assert written.outlet.crowded
    assert (written.ended, written.line.ends) == ([], [])  # the negative control: as much as may wait
    written.put("x", "y", "z")
    (end,) = written.ended
    assert "does not read" in str(end)
    assert written.line.ends == ["abort"]
    assert written.channel.sent == (["12345", "67890", "x"] if opens else [])
    assert written.outlet.shut
