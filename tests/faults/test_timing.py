"""Delay, jitter, growing, stall, bandwidth, hold: what each does to a turn's timeline, beside the turn without it."""

from __future__ import annotations

import pytest

from mockserver import faults
from mockserver.errors import UsageError
from tests.faults.stage import Stage, turn

PLAIN = turn()


def test_control_a_turn_without_faults() -> None:
    assert PLAIN.names[:3] == ["session.created", "response.created", "response.output_item.added"]
    assert PLAIN.timeline[-1] == (370.0, "rate_limits.updated")
    assert PLAIN.notes == []


def test_a_late_frame_takes_the_rest_of_its_response_with_it() -> None:
    stage = turn("delay 11s on response.created")
    assert stage.names == PLAIN.names
    assert {at for at, name in stage.timeline if name != "session.created"} == {11_010.0}
    assert [note.data["event"] for note in stage.notes] == ["response.created"]


def test_what_belongs_to_no_response_is_not_held_up_by_one() -> None:
    stage = Stage("delay 11s on response.created").open().send("response.create")
    stage.send("response.cancel", at_ms=5_000).run(until_ms=20_000)  # the turn is over in the engine: an error
    assert (5_000.0, "error") in stage.timeline
    assert (11_000.0, "response.created") in stage.timeline


def test_holding_everything_makes_all_frames_wait() -> None:
    stage = Stage("delay 11s holding everything on response.created").open().send("response.create")
    stage.send("response.cancel", at_ms=5_000).run(until_ms=20_000)
    assert (11_000.0, "error") in stage.timeline
    assert stage.names.index("response.created") < stage.names.index("error")


def test_alone_lets_everything_overtake() -> None:
    stage = turn("delay 1s alone on response.created")
    assert stage.timeline[-1] == (1_010.0, "response.created")
    rest = [pair for pair in PLAIN.timeline if pair[1] != "response.created"]
    assert stage.timeline[:-1] == rest


def test_a_delayed_request_makes_the_whole_server_late() -> None:
    stage = turn("delay 11s on response.create")
    assert [at for at, name in stage.timeline if name.startswith("response")] == [
        at + 11_000 for at, name in PLAIN.timeline if name.startswith("response")
    ]
    assert stage.notes[0].data["sender"] == "client"


def test_jitter_is_bounded_and_never_reorders() -> None:
    stage = turn("delay 10ms jitter 50ms on response.output_audio.delta")
    assert stage.names == PLAIN.names
    late = [note.data["by_us"] for note in stage.notes]
    assert len(late) == 4
    assert all(10_000 <= by <= 60_000 for by in late)
    assert len(set(late)) > 1


def test_growing_starts_on_time_and_gets_worse() -> None:
    stage = turn(faults.growing("response.output_audio.delta", by=0.1, keep="none"))
    deltas = [at for at, name in stage.timeline if name == "response.output_audio.delta"]
    plain = [at for at, name in PLAIN.timeline if name == "response.output_audio.delta"]
    assert [late - at for late, at in zip(deltas, plain, strict=True)] == [0, 100, 200, 300]


def test_a_stall_ends_with_everything_at_once() -> None:
    stage = turn("stall for 5s on 2nd response.output_audio.delta")
    assert stage.names == PLAIN.names
    place = [i for i, name in enumerate(PLAIN.names) if name == "response.output_audio.delta"][1]
    assert stage.timeline[:place] == PLAIN.timeline[:place]
    assert {at for at, _ in stage.timeline[place:]} == {PLAIN.timeline[place][0] + 5_000}


def test_a_stall_for_ever_says_nothing_more_until_it_is_taken_away() -> None:
    stage = Stage().open()
    _, layer = stage.add("stall on response.created")
    stage.send("response.create").run(until_ms=600_000)
    assert stage.names == ["session.created"]
    stage.effects += stage.session.remove_layer(layer, stage.now)
    assert stage.names == PLAIN.names
    assert stage.timeline[-1][0] == 600_000


def test_bandwidth_takes_size_over_rate() -> None:
    stage = turn("bandwidth 32kB/s")
    assert stage.names == PLAIN.names
    free = 0.0
    for (came, _), (went, _), text in zip(PLAIN.timeline, stage.timeline, stage.texts, strict=True):
        free = max(came, free) + len(text) / 32
        assert went == pytest.approx(free, abs=0.05)  # each frame is rounded up to a microsecond


def test_hold_until_another_has_gone() -> None:
    stage = turn("hold until response.done on response.created")
    rest = [name for name in PLAIN.names if name != "response.created"]
    done = rest.index("response.done")
    assert stage.names == [*rest[: done + 1], "response.created", *rest[done + 1 :]]


def test_what_is_held_when_the_client_goes_is_not_sent_to_the_engine() -> None:
    from mockserver.core.frames import Close, Peer, Received

    stage = Stage("delay 5s on response.create").open().send("response.create")
    stage.session.feed(Received(Peer.CLIENT, Close(1000)), 1_000_000)
    stage.run(until_ms=60_000)
    assert stage.engine.active is None
    assert stage.names == ["session.created"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: faults.delay("x", seconds=-1), "seconds: expected seconds, 0 or more, got -1"),
        (lambda: faults.delay("x", seconds=0), "delay: expected a time above 0"),
        (
            lambda: faults.delay("x", seconds=1, keep="all"),
            "faults.delay: keep='all': expected one of 'response', 'stream', 'none'",
        ),
        (lambda: faults.stall("x", seconds=0), "seconds: expected more than 0; None stalls for ever"),
        (lambda: faults.bandwidth(bytes_per_second=0), "bandwidth: expected bytes a second above 0, got 0"),
        (lambda: faults.delay("x", seconds=1, before=True), "delay: acts on the frame itself; say 'on', not 'before'"),
    ],
)
def test_wrong_arguments_fail_at_construction(make, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert str(caught.value) == message
