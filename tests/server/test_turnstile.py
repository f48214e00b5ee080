"""Many requests at once: each turn of the loop has its share of them, and none is late for having waited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from mockserver.core.frames import Peer, Received, Text
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.core.view import PlainLens
from mockserver.server.alarms import Alarms
from mockserver.server.clock import Clock
from mockserver.server.pump import Pump
from mockserver.server.turnstile import LONG, SHARE, THROUGH, Turnstile


async def test_a_turn_is_full_once_it_has_had_its_share_and_the_next_is_not() -> None:
    turnstile = Turnstile(asyncio.get_running_loop())
    assert not turnstile.full
    turnstile.handled(SHARE / 2)
    assert not turnstile.full
    turnstile.handled(SHARE)
    assert turnstile.full
    await asyncio.sleep(0)
    assert not turnstile.full


async def test_short_work_fills_no_turn() -> None:
    turnstile = Turnstile(asyncio.get_running_loop())
    for _ in range(1_000):
        turnstile.handled(LONG)
    assert not turnstile.full


async def test_those_who_wait_go_in_order_a_few_a_turn_and_the_loop_has_its_turns_between() -> None:
    turnstile = Turnstile(asyncio.get_running_loop())
    turnstile.handled(2 * SHARE)
    told: list[str] = []

    async def one(name: int) -> None:
        await turnstile.pass_through()
        told.append(str(name))
        turnstile.handled(SHARE)

    waiting = [asyncio.create_task(one(name)) for name in range(5 * THROUGH)]
    turns = 0
    while not all(task.done() for task in waiting):
        before = len(told)
        await asyncio.sleep(0)
        assert len(told) - before <= THROUGH
        turns += 1
    assert told == [str(name) for name in range(5 * THROUGH)]
    assert turns >= 5
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not turnstile.full


@pytest.mark.parametrize("line", [Turnstile.come_in, Turnstile.go_out])
async def test_who_is_there_goes_before_those_who_only_come_or_have_gone(
    line: Callable[[Turnstile], Coroutine[Any, Any, None]],
) -> None:
    """A server to which many clients come at once, or which many leave, goes on answering those it has."""
    turnstile = Turnstile(asyncio.get_running_loop())
    await line(turnstile)  # alone it goes at once
    turnstile.handled(2 * SHARE)
    told: list[str] = []

    async def one(name: str, wait: Awaitable[None]) -> None:
        await wait
        told.append(name)
        turnstile.handled(2 * SHARE)

    tasks = [asyncio.create_task(one(f"other {number}", line(turnstile))) for number in range(100)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(one("there", turnstile.pass_through())))
    await tasks[-1]
    assert len(told) <= 4  # one a turn, in order, and who was there did not wait for the hundred
    assert told[: told.index("there")] == [f"other {number}" for number in range(told.index("there"))]
    await asyncio.gather(*tasks)
    assert [name for name in told if name != "there"] == [f"other {number}" for number in range(100)]


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    turnstile = Turnstile(asyncio.get_running_loop())

    async def one() -> None:
        turnstile.handled(2 * SHARE)
        await turnstile.pass_through()

    gone, stays = (asyncio.create_task(one()) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone, stays], timeout=5)
    assert gone.cancelled()
    assert stays.done()


class Heard:
    """An engine that writes down when it heard something."""

    def __init__(self) -> None:
        self.at: list[int] = []

    def feed(self, item: Any, now: int) -> list[Any]:
        self.at.append(now)
        return []

    def wake_at(self) -> None:
        return None

    def wake(self, now: int) -> list[Any]:
        return []


async def test_a_frame_that_waited_is_answered_as_of_when_it_came_and_time_never_goes_back() -> None:
    loop = asyncio.get_running_loop()
    now = loop.time()
    faked = SimpleNamespace(time=lambda: now, create_future=loop.create_future)
    clock = Clock(faked)  # type: ignore[arg-type]
    engine, journal = Heard(), Journal()
    session = Session(engine, journal=journal, log=journal.open(PlainLens(), began_us=0))
    pump = Pump(session, Alarms(clock), failed=lambda pump, error: None)
    frame = Received(Peer.CLIENT, Text("hello"))
    now += 1.0
    pump.feed(frame, came=now - 0.04)
    pump.feed(frame, came=now - 0.05)
    pump.feed(frame)
    pump.feed(frame, came=now - 0.01)
    assert engine.at == [960_000, 960_000, 1_000_000, 1_000_000]
    assert [entry.at for entry in journal if entry.sender is not None] == engine.at
