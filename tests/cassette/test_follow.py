"""A recorded client side goes out when the live server has sent as much, and with the live server's ids."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.cassette.follow import LONGEST_PAUSE, Follower
from mockserver.cassette.model import Record
from mockserver.core.frames import SECOND, Binary, Close, Sender, Text
from mockserver.dialects.registry import dialect_named

OPENAI = dialect_named("openai")
C, S = Sender.CLIENT, Sender.SERVER


def record(at: int, sender: Sender, event: dict[str, Any]) -> Record:
    return Record(at, sender, Text(json.dumps(event)))


def item(ident: str, previous: str | None = None) -> dict[str, Any]:
    return {
        "type": "conversation.item.added",
        "previous_item_id": previous,
        "item": {"id": ident, "type": "message"},
    }


TALK = [
    record(0, S, {"type": "session.created", "session": {"id": "sess_old"}}),
    record(10, C, {"type": "response.create"}),
    record(20, S, item("item_old")),
    record(30, S, {"type": "response.output_text.delta", "delta": "a", "item_id": "item_old"}),
    record(40, S, {"type": "response.output_text.delta", "delta": "b", "item_id": "item_old"}),
    record(50, S, {"type": "rate_limits.updated"}),
    record(
        9 * SECOND,
        C,
        {"type": "conversation.item.delete", "item_id": "item_old", "note": "item_older"},
    ),
]


def test_each_client_frame_waits_for_what_the_client_had_seen() -> None:
    follower = Follower(TALK, OPENAI)
    first, second = follower.steps
    assert follower.missing(first.after) == ["session.created"]
    follower.received(TALK[0].frame)
    assert follower.missing(first.after) == []
    assert follower.missing(second.after) == [
        "conversation.item.added",
        "response.output_text.delta",
    ]
    follower.received(Text(json.dumps(item("item_new"))))
    follower.received(
        Text(json.dumps({"type": "response.output_text.delta", "delta": "all at once"}))
    )
    assert follower.missing(second.after) == []  # one delta is enough, and rate limits float


def test_what_never_comes_is_waited_for_once() -> None:
    follower = Follower(TALK, OPENAI)
    follower.give_up(["session.created"])
    assert follower.missing(follower.steps[0].after) == []
    assert "session.created" not in follower.missing(follower.steps[1].after)


def test_ids_of_the_live_server_stand_in_what_is_sent() -> None:
    follower = Follower(TALK, OPENAI)
    follower.received(Text(json.dumps(item("item_new"))))
    sent = follower.translated(follower.steps[1].frame)
    assert isinstance(sent, Text)
    assert json.loads(sent.data) == {
        "type": "conversation.item.delete",
        "item_id": "item_new",
        "note": "item_older",
    }


@pytest.mark.parametrize(
    ("left_at", "recorded", "heard"),
    [
        (60_000, [], ["session.created", "close 1011"]),
        (400_000, [], ["session.created", "rate_limits.updated", "close 1011"]),
        (60_000, ["rate_limits.updated"], ["session.created", "rate_limits.updated", "close 1011"]),
    ],
    ids=["left at once", "stayed", "heard by luck"],
)
def test_what_a_client_that_left_at_once_could_not_hear_is_not_judged(
    left_at: int, recorded: list[str], heard: list[str]
) -> None:
    """The burst behind the last recorded event is heard by luck; a client that stayed would have heard it."""
    spoken = [record(50_000, S, {"type": name}) for name in ("session.created", *recorded)]
    follower = Follower([*spoken, Record(left_at, C, Close(1000))], OPENAI)
    live = [
        Text(json.dumps({"type": "session.created"})),
        Text(json.dumps({"type": "rate_limits.updated"})),
        Close(1011),
    ]
    for frame in live:
        follower.received(frame)
    assert [OPENAI.view(frame, S).name for frame in follower.heard] == heard


def test_without_an_id_to_change_the_frame_is_the_recorded_one() -> None:
    follower = Follower(TALK, OPENAI)
    assert follower.translated(follower.steps[0].frame) is follower.steps[0].frame
    assert follower.translated(Binary(b"item_old")) == Binary(b"item_old")


def test_pauses_are_the_recorded_ones_up_to_a_limit() -> None:
    first, second = Follower(TALK, OPENAI).steps
    assert (first.pause, second.pause) == (10, LONGEST_PAUSE)


def test_audio_is_paced_by_its_length_where_the_recording_has_no_times() -> None:
    audio = {
        "type": "input_audio_buffer.append",
        "audio": "A" * 6400,
    }  # 4800 bytes: 100 ms at 24 kHz
    (step,) = Follower([record(0, C, audio)], OPENAI, timed=False).steps
    assert (step.pause, step.waits) == (100_000, False)
