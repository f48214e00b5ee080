from __future__ import annotations

from mockserver.core.view import Kind
from mockserver.engines.replay.cue_plan import ReadyCue
from mockserver.engines.replay.late_client import PATIENCE, TRIES, LateClient
from mockserver.engines.replay.steps import Step
from tests.engines.replay.parts import cue, step

HELD: ReadyCue = (40, 0, 0, cue(40))


def test_the_limit_is_the_first_step_that_has_not_come() -> None:
    steps: list[Step] = []
    late = LateClient(steps, 99)
    assert (late.limit(), late.began()) == (99, 0)
    steps += [step(1), step(2, kind=Kind.KEEPALIVE), step(3), step(4, kind=Kind.CLOSE)]
    assert (late.limit(), late.began()) == (10, 10)
    steps[0].state = "done"
    assert late.limit() == 30, "nothing waits for a keepalive"
    steps[2].state = "left"
    assert late.limit() == 99, "nor for a close"


def test_what_is_held_back_waits_a_moment_for_the_client() -> None:
    late = LateClient([step(1)], 99)
    assert late.due() is None
    late.hold(HELD, 1_000)
    late.hold(HELD, 2_000)
    assert late.due() == 1_000 + PATIENCE
    assert late.give_back(3_000) == [HELD, HELD]
    assert late.due() is None
    assert late.limit() == 10, "something came in time, so it is waited for again"


def test_a_wait_in_vain_ends_until_the_client_follows_again() -> None:
    late = LateClient([step(1)], 99)
    late.hold(HELD, 0)
    assert late.give_back(PATIENCE) == [HELD]
    assert late.limit() == 99
    late.followed()
    assert late.limit() == 10


def test_a_client_that_goes_another_way_is_slowed_down_no_more() -> None:
    late = LateClient([step(1)], 99)
    for _ in range(TRIES):
        late.followed()
        assert late.limit() == 10
        late.hold(HELD, 0)
        late.give_back(PATIENCE)
    late.followed()
    assert late.limit() == 99
