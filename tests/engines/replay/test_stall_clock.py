from __future__ import annotations

from mockserver.engines.replay.stall_clock import StallClock


def test_silence_of_both_sides_becomes_a_stall_once() -> None:
    clock = StallClock(500)
    assert clock.due() == 500
    clock.client_spoke(100)
    clock.server_spoke(200)
    assert (clock.due(), clock.lasted) == (700, None)
    assert clock.stalls(700) == clock.lasted == 500
    assert clock.due() is None
    clock.server_spoke(800)
    assert clock.lasted == 500, "what is told of a stall is how long it was"
    clock.client_spoke(900)
    assert (clock.due(), clock.lasted) == (1_400, None)


def test_without_a_limit_no_silence_is_a_stall() -> None:
    assert StallClock(0).due() is None
