"""A session that is behind catches up over some turns of the loop."""

from __future__ import annotations

import asyncio
from typing import Any

from mockserver.server.catching_up import TURN_SECONDS, catch_up, caught_up, is_behind


class Behind:
    """A session with a task each millisecond, which takes ``seconds`` of a clock."""

    def __init__(self, tasks: int, seconds: float) -> None:
        self.tasks = [1_000 * number for number in range(1, tasks + 1)]
        self.seconds = seconds
        self.time = 0.0
        self.over = False
        self.due: int | None = None
        self.woken: list[int] = []

    def clock(self) -> float:
        return self.time

    def wake_at(self) -> int | None:
        return self.tasks[0] if self.tasks else None

    def wake(self, now: int) -> None:
        self.woken.append(now)
        while self.tasks and self.tasks[0] <= now:
            del self.tasks[0]
            self.time += self.seconds
        self.due = self.wake_at()


def turns(session: Any, now: int) -> list[int]:
    """How many tasks each turn of the loop does."""
    done = []
    while (due := session.wake_at()) is not None and due <= now:
        before = len(session.tasks)
        catch_up(session, now, session.clock)
        done.append(before - len(session.tasks))
        assert session.due == session.wake_at()
    return done


def test_what_takes_long_is_done_over_some_turns() -> None:
    assert turns(Behind(10, TURN_SECONDS * 0.4), 9_000) == [3, 3, 3]


def test_what_takes_no_time_is_done_at_once_each_at_its_own() -> None:
    session = Behind(10, 0.0)
    assert turns(session, 9_500) == [9]
    assert session.woken == [1_000 * number for number in range(1, 10)]
    assert session.due == 10_000


def test_an_alarm_that_was_early_wakes_all_the_same() -> None:
    session = Behind(1, 0.0)
    catch_up(session, 500, session.clock)  # type: ignore[arg-type]
    assert (session.woken, session.due) == ([500], 1_000)


def test_a_session_that_is_over_is_left() -> None:
    session: Any = Behind(5, 0.0)
    session.over = True
    catch_up(session, 5_000, session.clock)
    assert session.woken == [1_000]


class Pump:
    """A pump of such a session."""

    def __init__(self, session: Behind) -> None:
        self.session: Any = session
        self.held = False
        self.handed_over = 0

    def hold(self, held: bool) -> None:
        self.held = held

    def catch_up(self, until: int) -> None:
        catch_up(self.session, until, self.session.clock)

    def written(self) -> None:
        self.handed_over += 1


async def test_what_came_while_a_session_is_behind_waits_and_others_have_their_turns() -> None:
    pump = Pump(Behind(10, TURN_SECONDS * 0.4))
    seen: list[int] = []

    async def other() -> None:
        while pump.session.tasks:
            seen.append(len(pump.session.tasks))
            await asyncio.sleep(0)

    others = asyncio.create_task(other())
    await caught_up(pump, 9_000)
    assert not is_behind(pump.session, 9_000)
    assert pump.session.tasks == [10_000], "what is due later stays for later"
    assert pump.handed_over == 3
    assert not pump.held
    assert len(seen) == 2, "a turn after each share but the last"
    others.cancel()


async def test_nothing_waits_where_one_turn_is_enough() -> None:
    pump = Pump(Behind(3, 0.0))
    asyncio.get_running_loop().call_soon(lambda: pump.session.woken.append(-1))
    await caught_up(pump, 3_000)
    assert pump.session.woken == [1_000, 2_000, 3_000], "no other had a turn"


async def test_a_session_that_has_ended_catches_up_with_nothing() -> None:
    pump = Pump(Behind(3, 0.0))
    pump.session.over = True
    await caught_up(pump, 3_000)
    assert pump.session.woken == []
