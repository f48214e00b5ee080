"""Close, slow close, reset, no pong, half open: what the shell is asked to do, and when."""

from __future__ import annotations

import pytest

from mockserver import faults
from mockserver.core.frames import Abort, Close, Freeze, Hangup, Peer, Received
from mockserver.errors import UsageError
from tests.faults.stage import Stage, turn

PLAIN = turn()


def test_control_the_session_stays_open() -> None:
    assert not PLAIN.session.over
    assert PLAIN.ends == []


def test_close_after_three_deltas() -> None:
    stage = turn('close 1011 "gone" after 3 response.output_audio.delta')
    assert stage.ends == [Hangup(code=1011, reason="gone")]
    third = [i for i, name in enumerate(PLAIN.names) if name == "response.output_audio.delta"][2]
    assert stage.names == [*PLAIN.names[: third + 1], "close 1011"]
    assert stage.session.over


def test_on_and_before() -> None:
    assert turn("close 1000 on response.created").names == ["session.created", "response.created", "close 1000"]
    assert turn("close 1000 before response.created").names == ["session.created", "close 1000"]


def test_at_a_time_whether_frames_come_or_not() -> None:
    stage = turn("close 1001 after 30s")
    assert stage.timeline[-1] == (30_000.0, "close 1001")
    since = turn("close 1001 after 100ms since response.created")
    assert since.timeline[-1] == (110.0, "close 1001")


def test_after_frames() -> None:
    assert len(turn("close 1001 after 5 frames").names) == 6


def test_a_fault_set_while_the_session_runs_counts_from_then() -> None:
    stage = Stage().open().run(until_ms=60_000)
    stage.add("close 1001 after 1s")
    stage.run(until_ms=70_000)
    assert stage.timeline[-1] == (61_000.0, "close 1001")


def test_a_slow_close_lingers() -> None:
    stage = turn("slow close 5s code 1012 on response.done")
    assert stage.ends == [Hangup(code=1012, reason="", linger_us=5_000_000)]


def test_a_reset_sends_no_close_frame() -> None:
    stage = turn("reset on 2nd response.output_audio.delta")
    assert stage.ends == [Abort()]
    assert stage.names[-1] == "lost"


def test_no_pong_and_everything_else_goes_on() -> None:
    stage = turn("no pong on session.created")
    assert [effect for effect in stage.effects if isinstance(effect, Freeze)] == [Freeze(pong=False, reading=True)]
    assert stage.timeline == PLAIN.timeline


def test_half_open_is_silence_in_both_directions() -> None:
    stage = turn("half open on response.created", second_at_ms=1_000)
    assert [effect for effect in stage.effects if isinstance(effect, Freeze)] == [Freeze(pong=False, reading=False)]
    assert stage.names == ["session.created", "response.created"]
    assert not stage.session.over


def test_the_engine_still_learns_that_the_client_has_gone() -> None:
    stage = Stage("half open on session.created")
    heard = []
    feed = stage.engine.feed
    stage.engine.feed = lambda item, now: (heard.append(item), feed(item, now))[1]
    stage.open().send("response.create")
    gone = Received(Peer.CLIENT, Close(1000))
    stage.session.feed(gone, stage.now)
    assert heard[-1] == gone
    assert len(heard) == 2  # Opened and the end; not the request


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: faults.close("x", code=1006), "1006 cannot stand in a close frame"),
        (lambda: faults.close("x", code=999), "999 cannot stand in a close frame"),
        (lambda: faults.close("x", reason="ä" * 62), "a reason has at most 123 bytes of UTF-8, this one has 124"),
        (faults.close, "close: needs a moment; add 'on EVENT', 'before EVENT' or 'after ...'"),
        (lambda: faults.slow_close("x", seconds=0), "slow close: expected a time above 0"),
    ],
)
def test_wrong_arguments(make, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert message in str(caught.value)
