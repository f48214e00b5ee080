"""Frames and cassettes to measure with: made, never copied from a real session."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Answer, Handshake, Sender, Text

RECORDED_ITEM = "msg_recordedrecordedreco"
LIVE_ITEM = "msg_livelivelivelivelive"
RECORDED_TAG = "realtime_recorded_0123456789"
LIVE_TAG = "realtime_live_9876543210_abc"
ID = "AbCdEfGhIjKlMnOpQrStU"
LAST = b'"last_frame_of_the_run"}'


def dump(body: Any) -> str:
    """As OpenAI writes: compact."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def delta(size: int, number: int, item: str = RECORDED_ITEM) -> str:
    """A delta of about ``size`` bytes whose item id was minted by the client, so replay has to rewrite it."""
    if size < 600:
        body = {
            "type": "response.output_audio_transcript.delta",
            "event_id": f"event_{number:015d}",
            "response_id": f"resp_{ID}",
            "item_id": item,
            "output_index": 0,
            "delta": "",
        }
        body["delta"] = (" word" * size)[: size - len(dump(body))]
        return dump(body)
    body = {
        "type": "response.output_audio.delta",
        "event_id": f"event_{number:021d}",
        "response_id": f"resp_{ID}",
        "item_id": item,
        "output_index": 0,
        "content_index": 0,
        "delta": "",
    }
    room = (size - len(dump(body))) // 4 * 3
    body["delta"] = base64.b64encode(random.Random(number % 16).randbytes(room)).decode()
    return dump(body)


def ask(item: str, tag: str) -> tuple[str, str]:
    """What the client sends: an item with an id of its own, and a request for a response with a tag of its own."""
    return (
        dump(
            {
                "type": "conversation.item.create",
                "event_id": "event_client_1",
                "item": {
                    "id": item,
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Tell me something."}],
                },
            }
        ),
        dump(
            {
                "type": "response.create",
                "event_id": "event_client_2",
                "response": {"metadata": {"client_event_id": tag}},
            }
        ),
    )


def created() -> str:
    """The first frame of a session."""
    return dump(
        {
            "type": "session.created",
            "event_id": f"event_{ID}",
            "session": {
                "type": "realtime",
                "id": f"sess_{ID}",
                "object": "realtime.session",
                "model": "gpt-realtime",
            },
        }
    )


def added(item: str, kind: str = "added") -> str:
    """The item is in the conversation."""
    return dump(
        {
            "type": f"conversation.item.{kind}",
            "event_id": f"event_{ID}",
            "previous_item_id": None,
            "item": {
                "id": item,
                "type": "message",
                "status": "completed",
                "role": "user",
                "content": [{"type": "input_text", "text": "Tell me something."}],
            },
        }
    )


def response(kind: str, tag: str, last: bool = False) -> str:
    """response.created or response.done."""
    body: dict[str, Any] = {
        "type": f"response.{kind}",
        "event_id": f"event_{ID}",
        "response": {
            "object": "realtime.response",
            "id": f"resp_{ID}",
            "conversation_id": f"conv_{ID}",
            "status": "completed" if kind == "done" else "in_progress",
            "output": [],
            "metadata": {"client_event_id": tag},
        },
    }
    if last:
        body["zz"] = LAST.decode()[1:-2]
    return dump(body)


def answer(count: int, size: int, *, item: str = RECORDED_ITEM, tag: str = RECORDED_TAG) -> list[str]:
    """The server's side of one response: created, ``count`` deltas, done."""
    return [
        response("created", tag),
        *(delta(size, number, item) for number in range(count)),
        response("done", tag, last=True),
    ]


def cassette(count: int, size: int, *, gap_us: int = 0, lead_us: int = 20_000, times: int = 1) -> Cassette:
    """A connection: an item, a request, and its answer of ``count`` deltas, ``gap_us`` apart. ``times`` over."""
    create, request = ask(RECORDED_ITEM, RECORDED_TAG)
    records = [
        Record(1_000, Sender.SERVER, Text(created())),
        Record(2_000, Sender.CLIENT, Text(create)),
        Record(3_000, Sender.SERVER, Text(added(RECORDED_ITEM))),
        Record(3_100, Sender.SERVER, Text(added(RECORDED_ITEM, "done"))),
        Record(10_000, Sender.CLIENT, Text(request)),
        Record(10_000, Sender.SERVER, Text(response("created", RECORDED_TAG))),
    ]
    at = 10_000 + lead_us
    for number in range(count):
        records.append(Record(at, Sender.SERVER, Text(delta(size, number))))
        at += gap_us
    records.append(Record(at, Sender.SERVER, Text(response("done", RECORDED_TAG, last=True))))
    handshake = Handshake("/v1/realtime", (("model", "gpt-realtime"),), (), (), "/v1/realtime?model=gpt-realtime")
    shared = tuple(records)
    return Cassette(
        Header("openai"),
        tuple(Connection(number, handshake, Answer(101), 0, shared) for number in range(times)),
    )


def append(milliseconds: int = 20) -> str:
    """A client's audio frame."""
    pcm = random.Random(milliseconds).randbytes(48 * milliseconds)
    return dump({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})
