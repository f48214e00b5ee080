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
    follower.received(Text(json.dumps({"type": "response.output_text.delta", "delta": "all at once"})))
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
    assert step.pause == 100_000


def spoken(at_ms: int, ms: int = 100) -> Record:
    """A piece of the microphone: pcm at 24 kHz."""
    audio = "AAAA" * (ms * 16)
    return record(at_ms * 1000, C, {"type": "input_audio_buffer.append", "audio": audio})


def told(at_ms: int, name: str) -> Record:
    return record(at_ms * 1000, S, {"type": name, "response": {"id": "resp_1"}})


def waits(*records: Record, timed: bool = True) -> list[tuple[list[str], int]]:
    """For each recorded client frame what it waits for, and its pause in milliseconds."""
    steps = Follower(records, OPENAI, timed=timed).steps
    return [(list(step.after) if step.waits else [], step.pause // 1000) for step in steps]


CREATED, DONE = "response.created", "response.done"


def test_an_utterance_waits_for_what_the_client_had_heard_when_it_began() -> None:
    asked = record(0, C, {"type": "response.create"})
    found = waits(asked, told(20, CREATED), told(800, DONE), spoken(820), spoken(920))
    assert found == [([], 0), ([CREATED, DONE], 20), ([], 100)]


def test_an_utterance_under_way_goes_on_at_its_own_pace_whatever_the_server_says() -> None:
    found = waits(spoken(0), told(90, CREATED), spoken(100), told(150, DONE), spoken(200), spoken(700))
    assert found == [([], 0), ([], 100), ([], 100), ([CREATED, DONE], 500)]


def test_a_barge_in_stays_one() -> None:
    """What began while a response was on its way waits for its begin, and not for its end."""
    asked = record(0, C, {"type": "response.create"})
    found = waits(asked, told(20, CREATED), spoken(500), spoken(600), told(650, DONE), spoken(700))
    assert found == [([], 0), ([CREATED], 480), ([], 100), ([], 100)]


def test_the_end_of_an_utterance_is_one_whatever_the_clock_says() -> None:
    commit = record(110_000, C, {"type": "input_audio_buffer.commit"})
    found = waits(spoken(0), commit, told(150, CREATED), told(160, DONE), spoken(170))
    assert found[-1] == ([CREATED, DONE], 10)


def test_audio_from_a_store_comes_faster_than_it_plays_and_waits_for_what_was_heard() -> None:
    stored = [spoken(0, 1000), spoken(1, 1000)]
    assert waits(*stored, told(5, DONE), spoken(6, 1000))[-1] == ([DONE], 1)
    assert waits(spoken(0, 1000), told(5, DONE), spoken(1000))[-1] == ([], 1000)  # a microphone


def test_without_times_audio_waits_for_all_that_was_recorded_before_it() -> None:
    found = waits(spoken(0), told(0, CREATED), spoken(0), told(0, DONE), spoken(0), timed=False)
    assert found == [([], 100), ([CREATED], 100), ([CREATED, DONE], 100)]


def test_the_turns_of_a_gemini_session_are_counted_and_its_pieces_are_not() -> None:
    gemini = dialect_named("gemini")
    said = {"serverContent": {"modelTurn": {"parts": [{"text": "a"}]}}}
    over = {"serverContent": {"turnComplete": True}}
    asked = {"clientContent": {"turns": []}}
    talk = [record(0, side, body) for side, body in ((S, said), (S, over), (S, said), (S, over), (C, asked))]
    (step,) = Follower(talk, gemini).steps
    assert dict(step.after) == {"serverContent.modelTurn": 1, "serverContent.turnComplete": 2}


def ended(name: str, response: str = "resp_1", ident: str = "event_1") -> Text:
    return Text(json.dumps({"type": name, "event_id": ident, "response": {"id": response}}))


ITEM, LIMITS = "response.output_item.done", "rate_limits.updated"


@pytest.mark.parametrize(
    ("recorded", "live", "heard"),
    [
        (
            [ended(CREATED), ended(DONE), ended(LIMITS)],
            [ended(CREATED), ended(DONE), ended(DONE, ident="event_2"), ended(LIMITS)],
            [CREATED, DONE, DONE, LIMITS],
        ),
        # the rest of the burst, which the recorded client did not stay for: one thing said for the first time
        ([ended(CREATED)], [ended(CREATED), ended(DONE)], [CREATED]),
        # ... and one that is said twice
        ([ended(CREATED)], [ended(CREATED), ended(DONE), ended(DONE)], [CREATED, DONE]),
        # another response's end is no double
        (
            [ended(CREATED), ended(DONE)],
            [ended(CREATED), ended(DONE), ended(DONE, "resp_2")],
            [CREATED, DONE],
        ),
        # a server that was recorded saying it twice may go on so
        (
            [ended(CREATED), ended(DONE), ended(DONE)],
            [ended(CREATED), ended(DONE), ended(DONE), ended(DONE)],
            [CREATED, DONE, DONE],
        ),
    ],
    ids=["doubled", "rest of the burst", "rest doubled", "another response", "recorded so"],
)
def test_what_is_said_twice_is_no_rest_of_a_burst(recorded: list[Text], live: list[Text], heard: list[str]) -> None:
    records = [Record(50_000, S, frame) for frame in recorded]
    follower = Follower([*records, Record(60_000, C, Close(1000))], OPENAI)
    for frame in live:
        follower.received(frame)
    assert [OPENAI.view(frame, S).name for frame in follower.heard] == heard
