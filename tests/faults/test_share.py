from __future__ import annotations

from random import Random

from mockserver.faults.share import Share
from mockserver.faults.where import Where


def told(frames: int, **where: object) -> list[str]:
    share = Share(Where(events=("e",), **where), Random(1))  # type: ignore[arg-type]
    return [share.misses() for _ in range(frames)]


def test_the_nth_and_every_nth_of_those_that_fit() -> None:
    assert told(3, nth=2) == ["not number 2", "", "not number 2"]
    assert told(4, every=2) == ["not every 2", "", "not every 2", ""]
    assert told(2) == ["", ""]


def test_so_many_at_most() -> None:
    assert told(3, times=1) == ["", "after the 1 allowed", "after the 1 allowed"]
    assert told(3, times=1, nth=2) == ["not number 2", "", "not number 2"], "one that was let by uses up nothing"


def test_by_chance_some_are_spared_and_use_up_nothing() -> None:
    found = told(400, probability=0.25)
    assert set(found) == {"", "by chance not"}
    assert 60 < found.count("") < 140
    assert told(400, probability=0.25, times=3).count("") == 3


def test_a_moment_has_no_number() -> None:
    share = Share(Where(events=("e",), nth=2, times=1), Random(1))
    assert [share.spared(), share.spared()] == ["", "after the 1 allowed"]
