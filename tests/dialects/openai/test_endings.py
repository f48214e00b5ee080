"""Open responses and tails: at every cut of a turn the tail closes exactly what is open, in the provider's names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import Sender, Text
from mockserver.core.ids import Ids, rng
from mockserver.dialects.base import parse
from mockserver.dialects.life import Outcome
from mockserver.dialects.openai.lens import OPENAI
from mockserver.dialects.openai.replies import RealtimeReplies
from tests.shared import captures

SERVER = Sender.SERVER


def ids() -> Ids:
    return Ids(rng("test"))


def event(name: str, **fields: Any) -> Text:
    return Text(json.dumps({"type": name, "event_id": "event_1", **fields}))


def feed(*frames: Text) -> RealtimeReplies:
    turns = RealtimeReplies(OPENAI)
    for frame in frames:
        turns.see(SERVER, frame)
    return turns


CANCELLED = Outcome("cancelled", "turn_detected")
CUT = Outcome("incomplete", "max_output_tokens")


def bodies(tail: list[Text]) -> list[dict[str, Any]]:
    return [json.loads(frame.data) for frame in tail]


CREATED = event(
    "response.created",
    response={
        "id": "resp_1",
        "status": "in_progress",
        "output": [],
        "output_modalities": ["audio"],
        "metadata": {"a": "b"},
    },
)
ITEM = {"id": "item_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
AT = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
ADDED = event("response.output_item.added", response_id="resp_1", output_index=0, item=ITEM)
IN_CONVERSATION = event("conversation.item.added", previous_item_id="item_0", item=ITEM)
PART = event("response.content_part.added", part={"type": "audio", "transcript": ""}, **AT)
WORD = event("response.output_audio_transcript.delta", delta="Hi", **AT)
SOUND = event("response.output_audio.delta", delta="AAAA", **AT)
SOUND_DONE = event("response.output_audio.done", **AT)
TURN = (CREATED, ADDED, IN_CONVERSATION, PART, WORD, SOUND, SOUND_DONE)
CLOSED = ["response.content_part.done", "conversation.item.done", "response.output_item.done", "response.done"]
TRANSCRIPT = "response.output_audio_transcript.done"


@pytest.mark.parametrize(
    ("cut", "names"),
    [
        (1, ["response.done"]),
        (2, ["response.output_item.done", "response.done"]),
        (3, ["conversation.item.done", "response.output_item.done", "response.done"]),
        # A part that is audio has both ends, also before its first delta and before its first sound (openai.md#113).
        (4, ["response.output_audio.done", TRANSCRIPT, *CLOSED]),
        (5, ["response.output_audio.done", TRANSCRIPT, *CLOSED]),
        (6, ["response.output_audio.done", TRANSCRIPT, *CLOSED]),
        (7, [TRANSCRIPT, *CLOSED]),
    ],
)
def test_the_tail_closes_what_is_open(cut: int, names: list[str]) -> None:
    turns = feed(*TURN[:cut])
    assert list(turns.open) == ["resp_1"]
    tail = bodies(turns.end("resp_1", CANCELLED, ids()))
    assert [body["type"] for body in tail] == names
    assert list(turns.open) == []
    assert len({body["event_id"] for body in tail}) == len(tail)


def test_what_the_tail_says() -> None:
    tail = bodies(feed(*TURN[:6]).end("resp_1", Outcome("cancelled", "client_cancelled"), ids()))
    by_name = {body["type"]: body for body in tail}
    item = {**ITEM, "status": "incomplete", "content": [{"type": "output_audio", "transcript": "Hi"}]}
    assert by_name[TRANSCRIPT]["transcript"] == "Hi"
    assert {key: by_name[TRANSCRIPT][key] for key in AT} == AT
    assert by_name["response.content_part.done"]["part"] == {"type": "audio", "transcript": "Hi"}
    assert by_name["response.output_item.done"]["item"] == item
    assert by_name["conversation.item.done"]["item"] == item
    response = by_name["response.done"]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert response["output"] == [item]
    assert response["metadata"] == {"a": "b"}


def test_beta_names_in_beta_sessions() -> None:
    created = event("response.created", response={"id": "resp_1", "status": "in_progress", "modalities": ["audio"]})
    made = event("conversation.item.created", previous_item_id=None, item=ITEM)
    tail = bodies(
        feed(created, ADDED, made, PART, event("response.audio.delta", delta="AAAA", **AT)).end(
            "resp_1", CANCELLED, ids()
        )
    )
    assert [body["type"] for body in tail] == [
        "response.audio.done",
        "response.audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    assert tail[1]["transcript"] == ""
    assert tail[-1]["response"]["output"][0]["content"] == [{"type": "audio", "transcript": ""}]


def test_a_text_part_is_ended_before_its_first_delta_too() -> None:
    part = event("response.content_part.added", part={"type": "text", "text": ""}, **AT)
    tail = bodies(feed(CREATED, ADDED, part).end("resp_1", CANCELLED, ids()))
    assert [body["type"] for body in tail][:2] == ["response.output_text.done", "response.content_part.done"]
    assert tail[0]["text"] == ""


def test_a_transcript_alone_makes_an_audio_part() -> None:
    """Where the part was not announced: the transcript has begun, no sound has been seen yet."""
    tail = bodies(feed(CREATED, ADDED, WORD).end("resp_1", CANCELLED, ids()))
    assert [body["type"] for body in tail][:3] == [
        "response.output_audio.done",
        TRANSCRIPT,
        "response.content_part.done",
    ]


def test_text() -> None:
    part = event("response.content_part.added", part={"type": "text", "text": ""}, **AT)
    tail = bodies(
        feed(CREATED, ADDED, part, event("response.output_text.delta", delta="Hi", **AT)).end("resp_1", CUT, ids())
    )
    assert [body["type"] for body in tail] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    assert tail[0]["text"] == "Hi"
    assert tail[2]["item"]["content"] == [{"type": "output_text", "text": "Hi"}]
    assert tail[-1]["response"]["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}


def test_a_function_call_that_was_being_made() -> None:
    call = {
        "id": "item_2",
        "type": "function_call",
        "status": "in_progress",
        "name": "f",
        "call_id": "call_1",
        "arguments": "",
    }
    delta = {"response_id": "resp_1", "item_id": "item_2", "output_index": 1, "call_id": "call_1"}
    turns = feed(
        *TURN,
        event("response.output_item.added", response_id="resp_1", output_index=1, item=call),
        event("response.function_call_arguments.delta", delta='{"a', **delta),
    )
    tail = bodies(
        turns.end("resp_1", Outcome("failed", error={"type": "server_error", "code": None, "message": "m"}), ids())
    )
    done = [body for body in tail if body["type"] == "response.function_call_arguments.done"]
    assert [(body["name"], body["call_id"], body["arguments"]) for body in done] == [("f", "call_1", '{"a')]
    assert tail[-1]["response"]["output"][1] == {**call, "status": "incomplete", "arguments": '{"a'}
    assert tail[-1]["response"]["status_details"]["error"]["message"] == "m"


def test_a_finished_item_stays_as_it_is() -> None:
    whole = {**ITEM, "status": "completed", "content": [{"type": "output_audio", "transcript": "Hi"}]}
    turns = feed(*TURN, event("response.output_item.done", response_id="resp_1", output_index=0, item=whole))
    tail = bodies(turns.end("resp_1", CANCELLED, ids()))
    assert [body["type"] for body in tail] == ["response.done"]
    assert tail[0]["response"]["output"] == [whole]


def test_two_responses_at_once_do_not_mix() -> None:
    other = [Text(frame.data.replace("resp_1", "resp_2").replace("item_1", "item_2")) for frame in TURN[:6]]
    turns = feed(
        *(frame for pair in zip(TURN[:6], other, strict=True) for frame in pair),
        event("response.done", response={"id": "resp_1", "status": "completed"}),
    )
    assert list(turns.open) == ["resp_2"]
    assert turns.open["resp_2"].said == "Hi"
    assert turns.open["resp_2"].audio_bytes == 3
    tail = bodies(turns.end("resp_2", CANCELLED, ids()))
    assert "resp_1" not in json.dumps(tail)
    assert "item_1" not in json.dumps(tail)


def test_xai_says_no_item_done_and_mints_uuids() -> None:
    created = Text(CREATED.data.replace("event_1", "ca8d934a-7408-4b74-9a9e-7069029e7d05"))
    tail = bodies(feed(created, *TURN[1:]).end("resp_1", CANCELLED, ids()))
    assert "conversation.item.done" not in [body["type"] for body in tail]
    assert all(len(body["event_id"]) == 36 for body in tail)


def test_an_item_out_of_the_conversation_is_not_done_in_it() -> None:
    frames = [frame for frame in TURN if frame is not IN_CONVERSATION]
    tail = bodies(feed(*frames).end("resp_1", CANCELLED, ids()))
    assert "conversation.item.done" not in [body["type"] for body in tail]


def test_the_previous_item_is_null_behind_the_first_one() -> None:
    """conversation.item.done names no predecessor that is the first item (openai.md#61)."""
    user = {"id": "item_0", "type": "message", "role": "user", "status": "completed"}
    first = event("conversation.item.added", previous_item_id=None, item=user)
    done = event("conversation.item.done", previous_item_id=None, item=user)
    tail = bodies(feed(first, done, *TURN).end("resp_1", CANCELLED, ids()))
    assert [b["previous_item_id"] for b in tail if b["type"] == "conversation.item.done"] == [None]
    zero = event("conversation.item.added", previous_item_id=None, item={**user, "id": "item_z"})
    zero_done = event("conversation.item.done", previous_item_id=None, item={**user, "id": "item_z"})
    tail = bodies(feed(zero, zero_done, first, done, *TURN).end("resp_1", CANCELLED, ids()))
    assert [b["previous_item_id"] for b in tail if b["type"] == "conversation.item.done"] == ["item_0"]


def test_what_is_not_open_cannot_be_ended() -> None:
    turns = feed(CREATED, event("response.done", response={"id": "resp_1"}))
    with pytest.raises(KeyError):
        turns.end("resp_1", CANCELLED, ids())


def test_frames_need_a_lens_and_views_do_not() -> None:
    with pytest.raises(TypeError, match="without a lens"):
        RealtimeReplies().see(SERVER, CREATED)
    turns = RealtimeReplies()
    turns.see(SERVER, OPENAI.view(CREATED, SERVER))
    turns.see(Sender.CLIENT, OPENAI.view(TURN[1], SERVER))
    assert turns.open["resp_1"].outputs == {}


# --- where real captures are at hand ---

# Where the audio went over WebRTC there are no deltas that could say that audio is open.
FAMILY = [
    path
    for path in captures("*.jsonl")
    if path.name.startswith(("openai", "azure", "xai")) and "webrtc" not in path.name
]


@pytest.mark.parametrize("path", FAMILY, ids=[path.stem for path in FAMILY])
def test_the_tail_is_the_end_that_the_provider_sent(path: Any) -> None:
    """Cut a real response before its end: the completed tail has the events that really came, with the same fields."""
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    frames = [
        Text(line.get("text") or json.dumps(line["json"]))
        for line in lines
        if line["from"] == "server" and ("json" in line or "text" in line)
    ]
    names = [parse(frame.data)["type"] for frame in frames]
    compared = 0
    for place, name in enumerate(names):
        if not name.startswith("response.") or not name.endswith(".delta") or names[place + 1] == name:
            continue
        end = names.index("response.done", place)
        rest = frames[place + 1 : end + 1]
        if any(names[place + 1 + i].endswith((".delta", ".added")) for i in range(len(rest))):
            continue
        turns = feed(*frames[: place + 1])
        if not turns.open:
            continue
        [response] = turns.open
        tail = bodies(turns.end(response, Outcome("completed"), ids()))
        real = [
            body
            for body in map(parse, (frame.data for frame in rest))
            if body["type"].startswith(("response.", "conversation."))
        ]
        assert sorted(body["type"] for body in tail) == sorted(body["type"] for body in real)
        if path.name.startswith("xai"):
            continue  # adds fields of its own to every event (xai.md#18, xai.md#23)
        assert [body["type"] for body in tail] == [body["type"] for body in real]
        for mine, theirs in zip(tail, real, strict=True):
            if mine["type"] != "response.done":
                assert set(mine) == set(theirs), mine["type"]
        compared += 1
    assert compared or path.name.startswith("xai")
