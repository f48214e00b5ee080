"""What is due later at the desk of a session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mockserver.core.view import Memo
from mockserver.dialects.generic import GENERIC
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.options import SimulatorOptions

MS = 1_000


@pytest.fixture
def desk() -> Desk[Any]:
    return Desk(SessionContext(0, "seed", Memo(GENERIC)), SimulatorOptions())


def counted(done: list[Any], times: tuple[float, ...]) -> Iterator[float]:
    for number, at in enumerate(times):
        yield at
        done.append(number)


def wake(desk: Desk[Any], until_ms: int) -> None:
    while (due := desk.wake_at()) is not None and due <= until_ms * MS:
        desk.wake(due)
    desk.now = until_ms * MS


def test_a_step_is_made_when_it_is_due(desk: Desk[Any]) -> None:
    done: list[Any] = []
    desk.now = 5 * MS
    desk.play("owner", counted(done, (0, 0, 10, 10, 30)))
    assert done == [0, 1]
    wake(desk, 14)
    assert done == [0, 1]
    wake(desk, 15)
    assert done == [0, 1, 2, 3]
    assert desk.wake_at() == 35 * MS
    wake(desk, 1_000)
    assert done == [0, 1, 2, 3, 4]
    assert desk.wake_at() is None


def test_what_has_a_begin_never_begins_at_once(desk: Desk[Any]) -> None:
    done: list[Any] = []
    desk.play("owner", counted(done, (0, 10)), begin=desk.now)
    assert done == []
    wake(desk, 0)
    assert done == [0]
    wake(desk, 10)
    assert done == [0, 1]


@pytest.mark.parametrize("owner", ["owner", "another"])
def test_a_drop_between_two_steps_is_the_end(desk: Desk[Any], owner: str) -> None:
    done: list[Any] = []
    desk.play("owner", counted(done, (0, 10, 20)))
    desk.drop(owner)
    wake(desk, 100)
    assert done == ([0] if owner == "owner" else [0, 1, 2])


@pytest.mark.parametrize("end", ["drop", "clear", "nothing"])
def test_what_a_step_does_may_be_its_end(desk: Desk[Any], end: str) -> None:
    done: list[Any] = []

    def steps(at: float) -> Iterator[float]:
        yield 0
        done.append("first")
        {"drop": lambda: desk.drop("owner"), "clear": desk.clear, "nothing": lambda: None}[end]()
        yield at
        done.append("second")

    desk.play("owner", steps(0))
    desk.play("owner", steps(10))
    wake(desk, 100)
    wanted = ["first", "second", "first", "second"] if end == "nothing" else ["first", "first"]
    assert done == wanted


@pytest.mark.parametrize("planned", [True, False])
def test_at_one_time_it_comes_where_it_was_planned(desk: Desk[Any], planned: bool) -> None:
    done: list[Any] = []
    desk.at(20 * MS, "other", lambda: done.append("before"))
    desk.play("owner", counted(done, (10, 20, 20)), planned=planned)
    desk.at(20 * MS, "other", lambda: done.append("behind"))

    def late() -> None:
        desk.at(20 * MS, "other", lambda: done.append("last"))

    desk.at(10 * MS, "other", late)
    wake(desk, 100)
    whole = [0, "before", 1, 2, "behind", "last"]
    assert done == (whole if planned else [0, "before", "behind", 1, 2, "last"])


def test_tasks_of_one_time_run_in_their_order_and_may_drop_the_next(desk: Desk[Any]) -> None:
    done: list[Any] = []

    def first() -> None:
        done.append(1)
        desk.drop("b")
        desk.at(MS, "c", lambda: done.append(4))

    desk.at(MS, "a", first)
    desk.at(MS, "b", lambda: done.append(2))
    desk.at(MS, "a", lambda: done.append(3))
    wake(desk, 1)
    assert done == [1, 3, 4]
