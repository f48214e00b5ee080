"""Alarms: one timer of the loop wakes every session of a server."""

from __future__ import annotations

import asyncio
from typing import Any

from mockserver.server.alarms import FEW, TOGETHER, Alarm, Alarms
from mockserver.server.clock import Clock
from mockserver.server.virtual import virtual_time


class Sleeper:
    """Writes down when it is woken and written; ``again`` sets another alarm each time."""

    def __init__(self, name: str, said: list[str], alarms: Alarms, *, again: int = 0, broken: bool = False) -> None:
        self.alarm: Alarm | None = None
        self.name, self.said, self.alarms = name, said, alarms
        self.again, self.broken = again, broken

    def woken(self, now: int) -> None:
        self.said.append(f"{self.name} {now}")
        if self.broken:
            raise RuntimeError(f"{self.name} is broken")

    def written(self) -> None:
        self.said.append(f"{self.name} written")
        if self.again:
            self.alarms.set(self, self.alarms.clock.micros() + self.again)


def made() -> Alarms:
    return Alarms(Clock(asyncio.get_running_loop()))


async def test_each_at_its_time_and_those_for_one_time_in_the_order_of_setting() -> None:
    said: list[str] = []
    with virtual_time():
        alarms = made()
        for name, due in (("late", 30_000), ("first", 10_000), ("second", 10_000)):
            alarms.set(Sleeper(name, said, alarms), due)
        await asyncio.sleep(0.02)
        assert said == ["first 10000", "second 10000", "first written", "second written"]
        await asyncio.sleep(0.02)
    assert said[4:] == ["late 30000", "late written"]


async def test_an_earlier_alarm_takes_the_place_of_a_later_one_and_not_the_other_way_round() -> None:
    said: list[str] = []
    with virtual_time():
        alarms = made()
        one = Sleeper("one", said, alarms)
        alarms.set(one, 50_000)
        alarms.set(one, 20_000)
        alarms.set(one, 90_000)
        assert one.alarm is not None
        assert one.alarm[0] == 20_000
        await asyncio.sleep(0.2)
    assert said == ["one 20000", "one written"]


async def test_who_is_dropped_is_not_woken_and_keeps_no_timer() -> None:
    said: list[str] = []
    with virtual_time():
        alarms = made()
        one, two = Sleeper("one", said, alarms), Sleeper("two", said, alarms)
        alarms.set(one, 10_000)
        alarms.set(two, 20_000)
        alarms.drop(one)
        alarms.drop(one)
        await asyncio.sleep(0.015)
        assert said == []
        alarms.drop(two)
        assert alarms._timer is None
        assert alarms._heap == []
        await asyncio.sleep(0.1)
    assert said == []


async def test_alarms_that_nobody_wants_do_not_pile_up() -> None:
    """A session whose stall is far away answers a request: each time an alarm is left lying, for an hour or less."""
    with virtual_time():
        alarms = made()
        one = Sleeper("one", [], alarms)
        for number in range(1_000):
            alarms.set(one, 3_600_000_000 - number)
        assert len(alarms._heap) <= 2 * FEW + 2
        alarms.drop(one)


async def test_who_sets_an_alarm_while_it_rings_is_woken_again() -> None:
    said: list[str] = []
    with virtual_time():
        alarms = made()
        one = Sleeper("one", said, alarms, again=10_000)
        alarms.set(one, 5_000)
        await asyncio.sleep(0.03)
        alarms.drop(one)
    assert said[::2] == ["one 5000", "one 15000", "one 25000"]


async def test_an_alarm_for_now_leaves_the_loop_its_turn() -> None:
    """Instant replay wants to be woken again at once; sockets must be heard in between."""
    said: list[str] = []
    alarms = made()
    one = Sleeper("one", said, alarms)
    one.written = lambda: alarms.set(one, 0)  # type: ignore[method-assign]
    alarms.set(one, 0)
    turns = 0
    while len(said) < 10:
        await asyncio.sleep(0)
        turns += 1
    alarms.drop(one)
    assert turns >= 9


async def test_one_that_breaks_wakes_the_others_and_is_told_of() -> None:
    said: list[str] = []
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    try:
        with virtual_time():
            alarms = made()
            names = ["bad", *(f"good{number}" for number in range(TOGETHER + 3))]
            for name in names:
                alarms.set(Sleeper(name, said, alarms, broken=name == "bad"), 10_000)
            await asyncio.sleep(0.02)
    finally:
        loop.set_exception_handler(None)
    assert [line for line in said if line.endswith(" 10000")] == [f"{name} 10000" for name in names]
    assert [str(context["exception"]) for context in told] == ["bad is broken"]


async def test_a_few_are_woken_before_they_are_written_and_all_are_not() -> None:
    said: list[str] = []
    with virtual_time():
        alarms = made()
        for number in range(TOGETHER + 1):
            alarms.set(Sleeper(str(number), said, alarms), 10_000)
        await asyncio.sleep(0.02)
    assert said.index("0 written") == TOGETHER
    assert said.index(f"{TOGETHER} 10000") == 2 * TOGETHER


async def test_an_alarm_for_the_time_of_one_that_was_given_up_is_counted_once() -> None:
    said: list[str] = []
    with virtual_time():
        alarms = made()
        one = Sleeper("one", said, alarms)
        for _ in range(3):
            alarms.set(one, 50_000)
            alarms.set(one, 10_000)
            await asyncio.sleep(0.011)
            said.clear()
        alarms.set(one, 50_000)
        await asyncio.sleep(0.1)
        assert said == ["one 50000", "one written"]
        alarms.set(one, 900_000)
        alarms.drop(one)
        assert alarms._heap == []
        assert alarms._timer is None
