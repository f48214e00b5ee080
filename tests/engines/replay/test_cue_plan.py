from __future__ import annotations

from mockserver.engines.replay.cue_plan import CuePlan
from mockserver.engines.replay.steps import Chain
from tests.engines.replay.parts import cue, planned


def test_what_is_due_together_goes_in_recorded_order() -> None:
    plan = CuePlan()
    late, first, second = (planned(cue(index, chain=Chain(str(index)))) for index in (9, 1, 2))
    plan.add(50, second)
    plan.add(70, first)
    plan.add(90, late)
    assert plan.due() == 50
    assert not plan.ripens(49)
    assert plan.ripens(70)
    assert [one[3] for one in (plan.take(), plan.take()) if one] == [first, second]
    assert plan.take() is None
    assert plan.due() == 90


def test_what_was_played_or_dropped_meanwhile_is_passed_over() -> None:
    plan = CuePlan()
    played, dropped, moved, stays = (planned(cue(index, chain=Chain(str(index)))) for index in range(4))
    for one in (played, dropped, moved, stays):
        plan.add(10, one)
    played.chain.cues.clear()
    dropped.dropped = True
    moved.index = 7  # of a run: its next frame is another record
    assert plan.ripens(10)
    one = plan.take()
    assert one is not None
    assert one[3] is stays
    assert plan.take() is None


def test_what_is_prompt_is_not_overtaken() -> None:
    plan = CuePlan()
    answer = planned(cue(3))
    plan.add(80, answer, prompt=True)
    assert plan.not_before(2) is None
    assert plan.not_before(4) == 80
    assert plan.lets(2, 10)
    assert not plan.lets(4, 10)
    answer.chain.cues.clear()
    assert plan.lets(4, 10), "it was played"


def test_nothing_goes_before_what_is_ready_or_due() -> None:
    plan = CuePlan()
    plan.add(10, planned(cue(3)))
    assert plan.lets(9, 5)
    assert not plan.lets(1, 10), "it became due just now, and has not been looked at"
    plan.ripens(10)
    assert plan.lets(1, 10)
    assert not plan.lets(9, 10)


def test_what_was_held_back_is_ready_again() -> None:
    plan = CuePlan()
    plan.add(10, planned(cue(3)))
    plan.ripens(10)
    one = plan.take()
    assert one is not None
    plan.back([one])
    assert plan.take() == one
