"""Voice Live with a cascade of models, and what sessions recorded later show."""

from __future__ import annotations

from typing import Any

from mockserver import Scripted, simulator
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage, handshake

TRANSCRIPTION = "conversation.item.input_audio_transcription."


def live(model: str = "gpt-4.1", **settings: Any) -> Stage:
    return Stage(simulator("azure_voice_live", **settings), hands=handshake(model), check=False)


@keeps("live-newer")
def test_sessions_recorded_later_show_more() -> None:
    newer = live("gpt-realtime").events[0]["session"]
    older = live("gpt-realtime", voice_live_fields="older").events[0]["session"]
    assert set(newer) - set(older) == {"greeting", "handoff"}
    assert (newer["output_audio_format"], older["output_audio_format"]) == ("pcm16", None)
    assert "end_of_utterance_detection" in older["turn_detection"]
    assert "end_of_utterance_detection" not in newer["turn_detection"]


@keeps("live-cascade")
def test_a_cascade_begins_with_a_voice_and_a_transcription_of_azures_own() -> None:
    session = live().events[0]["session"]
    assert session["voice"]["name"] == "en-US-AvaNeural"
    assert (session["voice"]["type"], session["voice"]["pitch"]) == ("azure-standard", None)
    assert session["input_audio_transcription"]["model"] == "azure-speech"
    assert session["temperature"] == 0.8
    assert "reasoning_effort" not in session
    assert "reasoning_effort" in live("gpt-5").events[0]["session"]
    assert live("gpt-realtime").events[0]["session"]["voice"] == {"name": "alloy", "type": "openai"}  # the control


@keeps("live-cascade")
def test_a_cascade_tells_the_transcript_before_its_item() -> None:
    stage = live(replier=Scripted(["yes"]))
    stage.talk("good morning", silence_ms=800)
    stage.until("response.done")
    names = stage.names()
    begin = names.index("input_audio_buffer.committed")
    assert names[begin + 1 : begin + 4] == [
        TRANSCRIPTION + "completed",
        "conversation.item.created",
        "response.created",
    ]
    assert stage.of("conversation.item.done") == []
    assert stage.of("conversation.item.created")[0]["item"]["content"][0]["transcript"] == "good morning"
    assert stage.of("response.output_item.added")[0]["item"]["status"] == "incomplete"
    assert stage.last("response.done")["response"]["conversation_id"] == ""


@keeps("live-output-text")
def test_an_assistants_output_text_is_taken_and_shown_as_text() -> None:
    stage = live("gpt-realtime")
    content = [{"type": "output_text", "text": "hello"}]
    stage.send("conversation.item.create", item={"type": "message", "role": "assistant", "content": content})
    assert stage.last("conversation.item.created")["item"]["content"] == [{"type": "text", "text": "hello"}]
    stage.send(
        "conversation.item.create",
        item={"type": "message", "role": "assistant", "content": [{"type": "input_text", "text": "x"}]},
    )
    assert stage.error()["param"] == "item.content[0].type"
