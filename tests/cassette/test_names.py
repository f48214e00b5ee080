"""A cassette's name stays in its folder and can be stored on any system."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette.names import LONGEST, from_test, steps
from mockserver.errors import UsageError


def test_names_that_are_fine() -> None:
    assert steps("weather") == ("weather.cassette",)
    assert steps("demo/weather.cassette") == ("demo", "weather.cassette")
    assert steps("test_x[a-1]/größe 2") == ("test_x[a-1]", "größe 2.cassette")


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "..", "../x", "a/../../x", "/etc/passwd", "~/x", "a//b", "./x", "x\0y", "x\ny", "a\\b", "C:x",
        "x?", "con", "CON.txt", "aux", "com1", "lpt9.x", "nul/x", "x /y", "x./y", "a" * 300, "a/" + "b" * 250,
    ],
)  # fmt: skip
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected something like") as caught:
        steps(name)
    assert "\n" not in str(caught.value)


@given(st.text(min_size=1, max_size=400))
def test_any_test_name_becomes_a_safe_name(name: str) -> None:
    safe = from_test(name)
    assert len(steps(safe)) == 1
    assert len(steps(safe)[0].encode()) <= LONGEST


@given(st.text(max_size=60))
def test_any_name_stays_inside_or_is_refused(name: str) -> None:
    try:
        parts = steps(name)
    except UsageError:
        return
    assert parts
    assert not any(part in ("", ".", "..") or set(part) & set("/\\\0:") for part in parts)
