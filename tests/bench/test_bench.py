"""The benchmark measures what it says: the table, the turns of the rounds, and what each server is asked for."""

from __future__ import annotations

from itertools import count
from math import isfinite

from tests.bench.child import Child
from tests.bench.costs import chain, fixtures
from tests.bench.figures import Figure, interleave, middle, quantile, table
from tests.bench.serving import flood, round_trips, through


def test_the_sides_take_turns() -> None:
    clock = count()
    got = interleave(3, bare=lambda: next(clock), mock=lambda: next(clock))
    assert got == {"bare": [0, 3, 4], "mock": [1, 2, 5]}


def test_the_table_says_what_was_missed() -> None:
    text = table(
        [
            Figure("a", 1234.5, "x", 2.0, 617.25, "< 3", ok=False),
            Figure("b", 0.12345, "y", target="> 0", ok=True),
        ]
    )
    _, _, first, second = text.splitlines()
    assert first.split() == ["a", "1,234", "x", "2", "617", "<", "3", "MISSED"]
    assert second.split() == ["b", "0.123", "y", ">", "0", "ok"]


def test_medians_and_quantiles() -> None:
    assert middle([3, 1, 2]) == 2
    assert quantile(list(range(100)), 0.99) == 99


def test_a_flood_is_whole_and_rewritten_on_both_sides() -> None:
    """``check`` counts the frames and looks for a recorded id in them."""
    for role in ("bare-flood", "replay-instant"):
        with Child(role, count=300, size=600) as child:
            assert flood(child, 300, check=True)["fps"] > 0


def test_what_goes_through_a_recorder_comes_back() -> None:
    with Child("bare-echo", count=200, size=600) as upstream:
        for role in ("bare-relay", "record"):
            with Child(role, upstream=f"ws://127.0.0.1:{upstream.port}", quiet=True) as child:
                assert round_trips(child, 20)["p50"] > 0
                assert through(child, 200) > 0


def test_figures_in_one_process() -> None:
    figures = [*chain(1, 1_000), *fixtures(3)]
    assert [figure.unit for figure in figures] == ["us/frame", "ms", "ms"]
    assert all(isfinite(figure.value) for figure in figures)  # how fast is no matter of a test
