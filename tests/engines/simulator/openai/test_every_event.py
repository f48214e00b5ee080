"""Every client event is handled, and every server event of the websocket transport is produced."""

from __future__ import annotations

from typing import get_args

import pytest

from mockserver import speech
from mockserver.engines.simulator import McpCall, Scripted, ToolCall
from mockserver.engines.simulator.openai.schema import CLIENT_EVENTS
from tests.engines.simulator import strict
from tests.engines.simulator.openai.test_mcp import TOOLS, tool
from tests.engines.simulator.stage import Stage

NOT_HERE = {
    "conversation.created": "never sent by OpenAI: 0 of 25 sessions (openai.md#20)",
    "conversation.item.created": "the beta's name of conversation.item.added",
    "output_audio_buffer.started": "WebRTC and SIP only",
    "output_audio_buffer.stopped": "WebRTC and SIP only",
    "output_audio_buffer.cleared": "WebRTC and SIP only",
    "input_audio_buffer.dtmf_event_received": "SIP only",
}
VOICE = speech.babble(0, 800) + bytes(48 * 400)


def grand_tour() -> Stage:
    """One session that makes the server say everything that it can say."""
    calls = [
        McpCall("docs", "search", output="found"),
        McpCall("docs", "search", error="not found"),
    ]
    replies = ["some words", "in text", [*calls, ToolCall("f", {"a": 1})]]
    stage = Stage(replier=Scripted(replies, then=lambda context: "yes"), mcp=TOOLS, transcripts=[None])
    stage.send("response.create", unknown=True)
    tools = [tool(require_approval="never"), tool("other")]
    detection = {"type": "server_vad", "idle_timeout_ms": 5_000}
    transcription = {"model": "gpt-4o-transcribe-diarize"}
    stage.update(tools=tools, audio={"input": {"turn_detection": detection, "transcription": transcription}})
    stage.talk("hello there")
    stage.wait(3_000)
    stage.ask(output_modalities=["text"])
    stage.ask()
    stage.hear(VOICE)
    stage.until("conversation.item.input_audio_transcription.failed")
    stage.until("input_audio_buffer.timeout_triggered")
    stage.send("input_audio_buffer.clear")
    said = next(item["id"] for item in stage.conversation if item.get("role") == "assistant")
    stage.send("conversation.item.retrieve", item_id=said)
    stage.send("conversation.item.truncate", item_id=said, content_index=0, audio_end_ms=100)
    stage.send("conversation.item.delete", item_id=said)
    stage.wait(10_000)
    return stage


def test_every_server_event_of_the_transport_is_produced() -> None:
    seen = {body["type"] for body in grand_tour().events}
    assert seen == set(strict.models()) - set(NOT_HERE)


def test_every_client_event_is_handled() -> None:
    from openai.types.realtime.realtime_client_event import RealtimeClientEvent

    union = get_args(RealtimeClientEvent)[0]
    names = {name for model in get_args(union) for name in get_args(model.model_fields["type"].annotation)}
    assert names - {"output_audio_buffer.clear"} == set(CLIENT_EVENTS)  # of WebRTC and SIP (openai.md#144)


@pytest.mark.parametrize("name", sorted(CLIENT_EVENTS))
def test_no_client_event_is_an_unknown_type(name: str) -> None:
    stage = Stage()
    stage.send(name)
    if stage.of("error"):
        assert stage.error()["param"] != "type"
    else:
        assert len(stage.events) > 1 or stage.engine.wake_at() is not None


def test_strict_validation_sees_what_is_missing_unknown_or_null() -> None:
    (added, _) = Stage().send(
        "conversation.item.create",
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
    )
    assert strict.faults(added) == []
    assert strict.faults({**added, "colour": "blue"}) == ["conversation.item.added colour: unknown field"]
    nested = {**added, "item": {**added["item"], "colour": "blue"}}
    assert strict.faults(nested) == ["conversation.item.added item.colour: unknown field"]
    assert strict.faults({key: value for key, value in added.items() if key != "item"}) != []
    assert strict.faults({**added, "event_id": None}) != []
    assert strict.faults({"type": "made.up"}) == ["made.up: no such event"]
