"""No-op, drop, duplicate, reorder, replay stale."""

from __future__ import annotations

from collections import Counter

import pytest

from mockserver.errors import UsageError
from mockserver.faults import duplicate, parse, reorder
from tests.faults.stage import Stage, turn

PLAIN = turn()
TWO = turn(second_at_ms=1_000)


def test_noop_changes_nothing_and_says_what_it_met() -> None:
    stage = turn("noop on response.*")
    assert stage.timeline == PLAIN.timeline
    assert stage.texts == PLAIN.texts
    assert [note.data["event"] for note in stage.notes] == [n for n in PLAIN.names if n.startswith("response.")]
    assert stage.armed[0].fired == len(stage.notes)


def test_drop_loses_the_frame_and_nothing_else() -> None:
    stage = turn("drop on response.done")
    assert stage.timeline == [pair for pair in PLAIN.timeline if pair[1] != "response.done"]


def test_drop_on_the_way_in() -> None:
    stage = turn("drop on response.create")
    assert stage.names == ["session.created"]
    assert len(list(stage.journal.frames())) == 2  # the client's frame is in the journal all the same


def test_drop_only_some_is_repeatable_from_the_seed() -> None:
    spec = "drop on response.output_audio*.delta with probability 50%"
    first, again, other = turn(spec), turn(spec), turn(spec, seed=1)
    assert first.timeline == again.timeline
    assert 0 < len(first.notes) < 8
    assert [note.data["event"] for note in first.notes] != [note.data["event"] for note in other.notes] or (
        first.timeline != other.timeline
    )


def test_a_seed_of_its_own_outlives_the_sessions() -> None:
    spec = "drop on response.output_audio*.delta with probability 50% with seed 7"
    assert turn(spec, seed=1).timeline == turn(spec, seed=2).timeline
    assert turn(spec).timeline != turn(spec.replace("seed 7", "seed 8")).timeline


def test_duplicates_are_the_same_bytes_at_the_same_time() -> None:
    stage = turn("duplicate 2 times on response.done")
    place = stage.names.index("response.done")
    assert stage.names[place : place + 3] == ["response.done"] * 3
    assert len(set(stage.texts[place : place + 3])) == 1
    assert len({at for at, _ in stage.timeline[place : place + 3]}) == 1


def test_reorder_changes_places_with_the_next() -> None:
    stage = turn("reorder on 2nd response.output_audio.delta")
    place = [i for i, name in enumerate(PLAIN.names) if name == "response.output_audio.delta"][1]
    swapped = [*PLAIN.texts[:place], PLAIN.texts[place + 1], PLAIN.texts[place], *PLAIN.texts[place + 2 :]]
    assert stage.texts == swapped
    assert stage.armed[0].fired == 1


def test_reorder_by_three() -> None:
    stage = turn("reorder by 3 on response.created")
    names = list(PLAIN.names)
    names.insert(4, names.pop(1))
    assert stage.names == names


def test_reorder_of_the_last_frame_waits_in_vain() -> None:
    stage = turn("reorder on rate_limits.updated")
    assert stage.names == PLAIN.names
    assert stage.timeline[-1][0] == 1_370.0
    assert stage.armed[0].fired == 0


def test_a_stale_event_is_of_an_earlier_response() -> None:
    stage = turn("replay stale response.output_audio.delta", second_at_ms=1_000)
    assert Counter(stage.texts).most_common(1)[0][1] == 2
    place = next(i for i, text in enumerate(stage.texts) if stage.texts.index(text) != i)
    assert stage.names[place - 1] == "response.created"
    plain = Counter(TWO.names)
    assert Counter(stage.names) - plain == Counter({"response.output_audio.delta": 1})


def test_nothing_is_stale_in_the_first_response() -> None:
    stage = turn("replay stale response.output_audio.delta")
    assert stage.timeline == PLAIN.timeline
    assert stage.armed[0].never_fired() is not None


def test_a_frame_that_is_held_comes_out_when_the_fault_is_taken_away() -> None:
    stage = Stage().open()
    _, layer = stage.add("reorder waiting 60s on response.created")
    stage.send("response.create")
    assert stage.names == ["session.created"]
    stage.effects += stage.session.remove_layer(layer, stage.now)
    stage.run(until_ms=1_000)
    assert stage.names == PLAIN.names


@pytest.mark.parametrize(
    "make", [lambda: duplicate("x", copies=0), lambda: reorder("x", by=0), lambda: parse("duplicate 0 times on x")]
)
def test_wrong_arguments(make) -> None:
    with pytest.raises(UsageError, match="expected 1"):
        make()
