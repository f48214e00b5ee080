"""The benchmark measures what it says: the table, the turns of the rounds, and what each server is asked for."""

from __future__ import annotations

import json
from itertools import count
from math import isfinite
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.child import Child
from tests.bench.costs import chain, fixtures
from tests.bench.figures import Figure, interleave, middle, quantile, table
from tests.bench.limits import limits
from tests.bench.serving import flood, round_trips, through
from tests.bench.workers import carried


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


def test_two_runs_stand_side_by_side_and_a_noisy_machine_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Figure("a", 100.0, "us", 50.0, 2.0, "< 3", ok=True, rounds={"mock": [100.0, 101.0, 99.0, 100.0]})
    new = Figure("a", 80.0, "us", 50.0, 1.6, "< 3", ok=True, rounds={"mock": [80.0, 40.0, 120.0, 80.0]})
    head, line = report.compared([old.plain()], [new.plain(), Figure("b", 1.0, "x").plain()]).splitlines()
    assert head.split()[:3] == ["figure", "before", "now"]
    assert line.split() == ["a", "100", "80", "us", "-20", "%", "2", "1.6"]
    assert (report.noise_of(old), report.noise_of(new)) == ("2 %", "100 %")
    assert report.told_noise([1.0] * 8, [1.0] * 8)[1] is False
    assert report.told_noise([1.0] * 8, [1.5] * 8)[1] is True
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{report.MARKS[0]}\nold\n{report.MARKS[1]}\nafter\n")
    run = tmp_path / "bench.json"
    run.write_text(json.dumps({"machine": "m", "rounds": 3, "figures": [{**new.plain(), "noise": "100 %"}]}))
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr("sys.argv", ["report", str(run)])
    assert report.main() == 0
    text = page.read_text()
    assert "| a | 80 us | 50 | 1.6 | 100 % | < 3 met |" in text
    assert (text.startswith("before\n"), text.endswith("after\n"), "old" in text) == (True, True, False)
    assert report.main() == 0  # again, and it is the same
    assert page.read_text() == text


def test_the_limits_of_the_machine() -> None:
    assert all(figure.value > 0 for figure in limits(1, 200))


def test_sessions_are_counted_for_all_processes_of_a_server() -> None:
    assert carried(2, 20) > 1
