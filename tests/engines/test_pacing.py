from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.pacing import INSTANT, Pacing, pacing
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
def test_gaps(recorded: int) -> None:
    assert Pacing().gap(recorded) == recorded
    assert INSTANT.gap(recorded) == 0
    assert Pacing(cap=1_000).gap(recorded) == min(recorded, 1_000)
    assert abs(Pacing(2.0).gap(recorded) - recorded / 2) <= 0.5
