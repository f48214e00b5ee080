"""Plans and timed machines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.machine import Plan, advance, earliest


class Echo:
    """Says each item again after ten microseconds and, then, once more after ten further."""

    def __init__(self) -> None:
        self.plan: Plan[tuple[str, int]] = Plan()

    def feed(self, item: str, now: int) -> list[str]:
        self.plan.add(now + 10, (item, 1))
        return [item]

    def wake_at(self) -> int | None:
        return self.plan.next_due()

    def wake(self, now: int) -> list[str]:
        out = []
        for item, left in self.plan.take(now):
            out.append(f"{item}@{now}")
            if left:
                self.plan.add(now + 10, (item, left - 1))
        return out


@given(st.lists(st.tuples(st.integers(0, 50), st.text())))
def test_a_plan_gives_things_by_time_and_then_in_the_order_added(things: list[tuple[int, str]]) -> None:
    plan: Plan[str] = Plan()
    for due, thing in things:
        plan.add(due, thing)
    wanted = [thing for _, thing in sorted(things, key=lambda pair: pair[0])]
    assert list(plan) == wanted
    taken = [thing for now in range(51) for thing in plan.take(now)]
    assert taken == wanted
    assert plan.next_due() is None


def test_a_place_that_was_asked_for_before_goes_before() -> None:
    plan: Plan[str] = Plan()
    plan.add(5, "first")
    place = plan.place()
    plan.add(5, "third")
    plan.add(5, "second", place)
    plan.add(5, "second, again", place)
    assert [plan.pop() for _ in range(4)] == ["first", "second", "second, again", "third"]
    assert plan.next_due() is None


def test_a_plan_keeps_its_order_when_some_are_dropped() -> None:
    plan: Plan[int] = Plan()
    for number in range(100):
        plan.add(number * 37 % 10, number)
    wanted = [number for number in plan if number % 3]
    plan.keep(lambda number: number % 3 != 0)
    assert [plan.pop() for _ in range(len(plan))] == wanted


def test_a_plan_keeps_only_what_is_wanted() -> None:
    plan: Plan[list[str]] = Plan()
    kept, gone = ["same"], ["same"]
    plan.add(1, kept)
    plan.add(2, gone)
    plan.keep(lambda thing: thing is not gone)
    assert [id(thing) for thing in plan] == [id(kept)]
    assert plan.clear() == [kept]
    assert len(plan) == 0


def test_earliest_knows_zero_from_none() -> None:
    assert earliest(None, 0, 5) == 0
    assert earliest(None, None) is None


@given(st.lists(st.integers(1, 100), max_size=20))
def test_advance_wakes_at_due_times_whatever_the_driver_does(ticks: list[int]) -> None:
    coarse, fine = Echo(), Echo()
    coarse.feed("a", 3)
    fine.feed("a", 3)
    end = 200
    often = [pair for now in [*sorted(ticks), end] for pair in advance(fine, now)]
    assert often == list(advance(coarse, end)) == [(13, "a@13"), (23, "a@23")]


def test_a_machine_that_never_moves_its_wake_up_is_an_error_and_not_a_hang() -> None:
    class Stuck(Echo):
        def wake_at(self) -> int | None:
            return 5

    with pytest.raises(RuntimeError, match="Stuck wants to be woken at 5 for ever"):
        list(advance(Stuck(), 6))
