from __future__ import annotations

from mockserver.engines.replay.client_steps import WINDOW, ClientSteps
from mockserver.engines.replay.steps import Anchor
from tests.engines.replay.parts import step, waiting


def steps(*optional: bool) -> ClientSteps:
    made = ClientSteps()
    made.open(5)
    for number, one in enumerate(optional):
        made.add(step(number, optional=one))
    return made


def test_an_anchor_comes_with_the_last_of_its_steps_and_frees_what_waits() -> None:
    made = steps(False, False)
    anchor = made.after((0, 1))
    assert made.after((0, 1)) is anchor
    assert (anchor.base, anchor.words) == (1_000_000, "client frame 0 (ask) and client frame 1 (ask)")
    chain = waiting(anchor)
    assert made.done(made.read[1], 70) == []
    assert anchor.time is None
    assert made.done(made.read[0], 80) == [chain]
    assert (anchor.time, anchor.waiting) == (80, [])


def test_an_anchor_on_steps_that_are_done_has_their_time() -> None:
    made = steps(False, False)
    made.done(made.read[0], 70)
    made.done(made.read[1], 60)
    assert made.after((0, 1)).time == 70


def test_what_waits_for_all_before_it_waits_for_the_required_ones_in_any_order() -> None:
    made = steps(False, True, False)
    anchor = made.after_all()
    assert anchor is not None
    assert made.after_all() is anchor
    chain = waiting(anchor)
    assert made.done(made.read[2], 70) == []
    assert made.done(made.read[0], 80) == [chain]
    assert anchor.time == 80


def test_where_all_required_ones_are_done_nothing_is_waited_for() -> None:
    made = steps(True)
    assert ClientSteps().after_all() is None
    assert made.wait_for_all(Anchor(0, 1)).time == 5, "when the connection was accepted"
    made.add(step(1))
    made.done(made.read[1], 90)
    assert made.wait_for_all(Anchor(0, 1)).time == 90


def test_an_optional_step_that_is_passed_over_frees_only_what_must_end() -> None:
    made = steps(True, True, False)
    ends, goes_on = made.after((0,)), made.after((1,))
    closing, _ = waiting(ends, closing=True), waiting(goes_on)
    assert made.done(made.read[2], 70) == [closing]
    assert (ends.time, goes_on.time) == (70, None)
    assert [one.state for one in made.read] == ["left", "left", "done"]
    assert goes_on.left


def test_a_step_far_back_may_come_no_more() -> None:
    made = steps(*[True] * 100, False)
    assert made.oldest() == 100 - WINDOW
    made.done(made.read[100], 70)
    assert made.oldest() == 101 - WINDOW
    assert made.read[0].state == "pending", "too far back to be told as left out"
    assert made.read[99].state == "left"
