"""Reading one client: it lets the others have their turn where it works for long, and only there."""

from __future__ import annotations

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import WSMessage, WSMsgType

from mockserver.core.frames import Received, Text
from mockserver.server.turnstile import Turnstile
from mockserver.server.websocket import reading


class Line:
    """A socket and its TCP connection: messages with when their bytes came. Who waits for them, waits for a second."""

    frames = None

    def __init__(self, came: tuple[float, ...], clock: list[float]) -> None:
        self._coming = deque(came)
        self._clock = clock
        self.came = 0.0

    async def receive(self) -> WSMessage:
        if not self._coming:
            return WSMessage(WSMsgType.CLOSE, 1000, "")
        came = self._coming.popleft()
        if came > self.came:
            self._clock[0] += 1.0
        self.came = came
        return WSMessage(WSMsgType.TEXT, "{}", None)


@pytest.mark.parametrize(
    ("came", "work", "turns"),
    [
        ((1.0, 2.0, 3.0, 4.0), 0.0001, 0),  # each was waited for, and others had their turn meanwhile
        ((1.0, 1.0, 1.0, 1.0), 0.0001, 0),
        ((1.0, 1.0, 1.0, 1.0), 0.003, 2),  # in one read, and each takes long
        ((1.0, 1.0, 2.0, 2.0), 0.003, 2),
        ((1.0, 2.0, 3.0, 4.0), 0.003, 0),
        ((1.0, 2.0, 3.0, 4.0), 1.0, 4),
    ],
)
async def test_others_have_a_turn_where_what_came_together_takes_long(
    came: tuple[float, ...], work: float, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: list[float] = [0.0]
    slept: list[float] = []
    fed: list[float | None] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    def feed(event: Received, came: float | None = None) -> None:
        if isinstance(event.frame, Text):
            clock[0] += work
            fed.append(came)

    monkeypatch.setattr(reading, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(reading, "sleep", sleep)
    loop = asyncio.get_running_loop()
    outlet = SimpleNamespace(crowded=False, put=lambda frame: None)
    session = SimpleNamespace(over=False, wake_at=lambda: None)
    pump: Any = SimpleNamespace(
        session=session, loop=loop, reading=True, busy=False, upstream=None, outlet=outlet, feed=feed, at=round
    )
    line: Any = Line(came, clock)
    await reading.read(line, pump, line, Turnstile(loop))
    assert fed == list(came)
    assert len(slept) == turns


class Lines:
    """A turnstile of which every turn is full: in which line each waited."""

    full = True

    def __init__(self) -> None:
        self.waited: list[str] = []

    async def pass_through(self) -> None:
        self.waited.append("requests")

    async def go_out(self) -> None:
        self.waited.append("ends")

    def handled(self, seconds: float) -> None:
        """Nothing is counted."""


@pytest.mark.parametrize("end", [WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR])
async def test_the_end_of_a_connection_waits_in_a_line_of_its_own(end: WSMsgType) -> None:
    """In that of the requests, thousands that end at once would be before those of whoever is still there."""
    loop = asyncio.get_running_loop()
    outlet = SimpleNamespace(crowded=False, put=lambda frame: None)
    pump: Any = SimpleNamespace(
        session=SimpleNamespace(over=False, wake_at=lambda: None), loop=loop, reading=True, busy=False,
        upstream=None, outlet=outlet, feed=lambda event, **when: None, at=round,
    )  # fmt: skip
    line: Any = Line((1.0,), [0.0])
    messages = [WSMessage(WSMsgType.TEXT, "{}", None), WSMessage(end, 1000 if end is WSMsgType.CLOSE else None, "")]

    async def receive() -> WSMessage:
        line.came += 1.0
        return messages.pop(0)

    line.receive = receive
    turnstile: Any = Lines()
    await reading.read(line, pump, line, turnstile)
    assert turnstile.waited == ["requests", "ends"], "the control: a frame waits among the requests"


@pytest.mark.parametrize(
    ("kind", "due", "first"),
    [
        (WSMsgType.TEXT, 1, ["caught up", "fed"]),
        (WSMsgType.CLOSE, 1, ["caught up", "fed"]),
        (WSMsgType.TEXT, 2, ["fed"]),
        (WSMsgType.TEXT, None, ["fed"]),
        (WSMsgType.PING, 1, ["pinged"]),
    ],
)
async def test_what_was_due_before_a_frame_is_done_before_it(
    kind: WSMsgType, due: int | None, first: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame came at 1: what is due then is late, what is due at 2 is not, and a ping is not the session's."""
    done: list[str] = []

    async def caught_up(pump: Any, until: int) -> None:
        assert until == 1
        done.append("caught up")

    monkeypatch.setattr(reading, "caught_up", caught_up)
    loop = asyncio.get_running_loop()
    outlet = SimpleNamespace(crowded=False, put=lambda frame: None, pong=lambda payload: None)
    pump: Any = SimpleNamespace(
        session=SimpleNamespace(over=False, wake_at=lambda: due), loop=loop, reading=True, busy=False, ponging=True,
        upstream=None, outlet=outlet, feed=lambda event, **when: done.append("fed"), at=round,
        pinged=lambda text: done.append("pinged"),
    )  # fmt: skip
    line: Any = Line((1.0,), [0.0])
    messages = [WSMessage(kind, 1000 if kind is WSMsgType.CLOSE else "{}", ""), WSMessage(WSMsgType.CLOSED, None, None)]

    async def receive() -> WSMessage:
        line.came = 1.0
        return messages.pop(0)

    line.receive = receive
    await reading.read(line, pump, line, Turnstile(loop))
    assert done[: len(first)] == first
