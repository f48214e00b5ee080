from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.replay.pacing import INSTANT, Pacing, Tempo, pacing
from mockserver.errors import UsageError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("recorded", Pacing()),
        ("instant", INSTANT),
        (2, Pacing(2.0)),
        (0.5, Pacing(0.5)),
        ("2", Pacing(2.0)),
        ("2x", Pacing(2.0)),
        ("<=250ms", Pacing(cap=250_000)),
        ("<= 1.5 s", Pacing(cap=1_500_000)),
        ("<=0ms", Pacing(cap=0)),
        (Pacing(3.0), Pacing(3.0)),
    ],
)
def test_what_users_write(written: Any, meant: Pacing) -> None:
    assert pacing(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", "fast", "0", 0, -1, "nan", float("inf"), True, "<=250", ">=1s", None, "recorded "],
)
def test_what_is_no_pacing(written: Any) -> None:
    with pytest.raises(UsageError, match='expected "recorded"') as caught:
        pacing(written)
    assert repr(written) in str(caught.value)


@given(st.integers(0, 10**10))
def test_the_recordings_clock(recorded: int) -> None:
    assert Tempo(Pacing()).at(recorded) == recorded
    assert Tempo(INSTANT).at(recorded) == 0
    assert Tempo(Pacing(), timed=False).at(recorded) == 0
    assert Tempo(Pacing(cap=1_000)).at(recorded) == min(recorded, 1_000)
    assert abs(Tempo(Pacing(2.0)).at(recorded) - recorded / 2) <= 0.5


@given(st.lists(st.tuples(st.integers(0, 10_000), st.booleans()), max_size=30), st.integers(0, 5_000))
def test_a_cap_bounds_each_wait_between_two_events_and_keeps_their_order(
    gaps: list[tuple[int, bool]], cap: int
) -> None:
    tempo, recorded, shown, events = Tempo(Pacing(cap=cap)), 0, [0], [(0, 0)]
    for gap, event in gaps:
        recorded += gap
        shown.append(tempo.at(recorded, event=event))
        if event:
            events.append((recorded, shown[-1]))
    assert shown == sorted(shown)
    for (a, before), (b, after) in pairwise(events):
        assert after - before == min(b - a, cap)


def test_a_capped_wait_is_not_shortened_by_the_audio_that_comes_meanwhile() -> None:
    tempo = Tempo(Pacing(cap=250_000))
    assert tempo.at(1_000_000) == 250_000
    for at in range(1_020_000, 4_000_000, 20_000):
        assert tempo.at(at, event=False) <= 500_000
    assert tempo.at(4_000_000) == 500_000
