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
    session = SimpleNamespace(over=False)
    pump: Any = SimpleNamespace(
        session=session, loop=loop, reading=True, busy=False, upstream=None, outlet=outlet, feed=feed
    )
    line: Any = Line(came, clock)
    await reading.read(line, pump, line, Turnstile(loop))
    assert fed == list(came)
    assert len(slept) == turns
