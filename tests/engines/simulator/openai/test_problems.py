"""What a client sends wrong, and the provider's words for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.engines.simulator.openai import problems
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage


@keeps("bad-json")
@pytest.mark.parametrize("data", ["{", "", "[1]", '"text"', "null", "{'a': 1}"])
def test_what_is_no_json_object_is_invalid_json(data: str) -> None:
    stage = Stage()
    stage.text(data)
    assert stage.error()["code"] == "invalid_json"
    assert stage.hangup is None
    assert stage.ask("still there")["status"] == "completed"


@keeps("binary")
def test_a_binary_frame_is_an_invalid_event() -> None:
    stage = Stage()
    stage.binary(json.dumps({"type": "response.create"}).encode())
    error = stage.error()
    assert error["code"] == "invalid_event"
    assert stage.hangup is None
    stage.wait(1_000)
    assert stage.of("response.created") == []


@keeps("unknown-type")
def test_an_unknown_type_is_an_invalid_value() -> None:
    stage = Stage()
    stage.send("response.make", event_id="e")
    assert stage.error()["code"] == "invalid_value"
    assert (stage.error()["param"], stage.error()["event_id"]) == ("type", "e")
    assert stage.error()["message"].startswith("Invalid value: 'response.make'. Supported values are: 'session.update'")


@keeps("unknown-type")
def test_the_betas_transcription_update_is_gone() -> None:
    stage = Stage()
    stage.send("transcription_session.update", session={})
    assert stage.error()["message"].startswith("Invalid value: 'transcription_session.update'")


@keeps("missing-type")
def test_a_missing_type_is_told() -> None:
    stage = Stage()
    stage.text('{"event_id": "e"}')
    assert (stage.error()["code"], stage.error()["event_id"]) == ("invalid_event", "e")


TEXT = {"type": "input_text", "text": "hello"}
BAD_AUDIO = {"type": "input_audio", "audio": "!!"}
SPOKEN = {"type": "message", "role": "user"}
CALL = {"type": "function_call", "name": "look", "arguments": "{}"}
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "response.create", "foo": 1}, "unknown_parameter", "foo"),
    ({"type": "response.create", "response": {"foo": 1}}, "unknown_parameter", "response.foo"),
    (
        {"type": "response.create", "response": {"modalities": ["text"]}},
        "unknown_parameter",
        "response.modalities",
    ),
    ({"type": "response.create", "response": []}, "invalid_type", "response"),
    (
        {"type": "response.create", "response": {"instructions": 7}},
        "invalid_type",
        "response.instructions",
    ),
    (
        {"type": "response.create", "response": {"metadata": {"a": 1}}},
        "invalid_type",
        "response.metadata.a",
    ),
    (
        {"type": "response.create", "response": {"metadata": {"k" * 65: "v"}}},
        "property_name_above_max_length",
        "response.metadata",
    ),
    (
        {"type": "response.create", "response": {"metadata": {"k": "v" * 513}}},
        "string_above_max_length",
        "response.metadata.k",
    ),
    (
        {"type": "response.create", "response": {"metadata": {str(n): "v" for n in range(17)}}},
        "object_above_max_properties",
        "response.metadata",
    ),
    (
        {"type": "conversation.item.create", "item": {**SPOKEN, "content": [TEXT, BAD_AUDIO]}},
        "invalid_value",
        "item.content[1].audio",
    ),
    (
        {"type": "response.create", "response": {"input": [{**SPOKEN, "content": [BAD_AUDIO]}]}},
        "invalid_value",
        "response.input[0].content[0].audio",
    ),
    ({"type": "input_audio_buffer.append", "audio": "!!"}, "invalid_value", "audio"),
    (
        {"type": "response.create", "response": {"input": [CALL, {**CALL, "call_id": "a b"}]}},
        "invalid_value",
        "response.input[1].call_id",
    ),
    (
        {
            "type": "response.create",
            "response": {"input": [CALL, {"type": "item_reference", "id": "item_none"}]},
        },
        "invalid_value",
        "response.input[1].id",
    ),
    (
        {"type": "response.create", "response": {"tools": [{"name": "f"}]}},
        "missing_required_parameter",
        "response.tools[0].type",
    ),
    (
        {"type": "response.create", "response": {"tool_choice": "maybe"}},
        "invalid_value",
        "response.tool_choice",
    ),
    ({"type": "response.create", "event_id": "x" * 513}, "string_above_max_length", "event_id"),
    ({"type": "session.update"}, "missing_required_parameter", "session"),
    (
        {"type": "session.update", "session": {"type": "realtime", "voice": "alloy"}},
        "unknown_parameter",
        "session.voice",
    ),
    ({"type": "session.update", "session": {"type": "dream"}}, "invalid_value", "session.type"),
    (
        {
            "type": "session.update",
            "session": {"type": "realtime", "audio": {"input": {"turn_detection": {}}}},
        },
        "missing_required_parameter",
        "session.audio.input.turn_detection.type",
    ),
    (
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}},
            },
        },
        "decimal_above_max_value",
        "session.audio.input.turn_detection.threshold",
    ),
    (
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 100}}},
            },
        },
        "integer_below_min_value",
        "session.audio.input.turn_detection.idle_timeout_ms",
    ),
    (
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "audio": {"input": {"turn_detection": {"type": "semantic_vad", "threshold": 0.5}}},
            },
        },
        "unknown_parameter",
        "session.audio.input.turn_detection.threshold",
    ),
    ({"type": "conversation.item.create"}, "missing_required_parameter", "item"),
    ({"type": "conversation.item.create", "item": {}}, "missing_required_parameter", "item.type"),
    (
        {"type": "conversation.item.create", "item": {"type": "thought"}},
        "invalid_value",
        "item.type",
    ),
    (
        {"type": "conversation.item.create", "item": {"type": "message", "content": []}},
        "missing_required_parameter",
        "item.role",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "tool", "content": []},
        },
        "invalid_value",
        "item.role",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text"}]},
        },
        "missing_required_parameter",
        "item.content[0].text",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "call_id": "a", "output": {}},
        },
        "invalid_type",
        "item.output",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "call_id": "c" * 33, "output": ""},
        },
        "string_above_max_length",
        "item.call_id",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "x"},
        "missing_required_parameter",
        "content_index",
    ),
    ({"type": "conversation.item.delete"}, "missing_required_parameter", "item_id"),
    ({"type": "conversation.item.retrieve", "item_id": None}, "invalid_type", "item_id"),
    ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    ({"type": "input_audio_buffer.append", "audio": 1}, "invalid_type", "audio"),
    ({"type": "response.cancel", "response_id": 1}, "invalid_type", "response_id"),
]


@keeps("unknown-field", "missing-field", "wrong-type")
@pytest.mark.parametrize(("body", "code", "param"), CASES, ids=[f"{case[1]}-{case[2]}" for case in CASES])
def test_an_event_that_is_wrong_is_refused_whole(body: dict[str, Any], code: str, param: str) -> None:
    stage = Stage(bad_audio_param="audio")
    event_id = body.get("event_id", "mine")
    came = stage.text(json.dumps({"event_id": "mine", **body}))
    assert [one["type"] for one in came] == ["error"]
    error = stage.error()
    assert (error["code"], error["param"], error["event_id"]) == (code, param, event_id)
    assert error["type"] == "invalid_request_error"
    assert stage.conversation == []
    assert stage.hangup is None


@keeps("output-buffer")
def test_the_output_buffer_is_not_for_websockets() -> None:
    stage = Stage()
    stage.send("output_audio_buffer.clear")
    error = stage.error()
    assert (error["code"], error["param"]) == ("invalid_value", "type")
    assert error["message"] == (
        "Invalid value: 'output_audio_buffer.clear'. Supported values are: 'session.update', 'session.close', "
        "'input_audio_buffer.append', 'session.input_audio_buffer.append', 'input_audio_buffer.commit', "
        "'input_audio_buffer.clear', 'conversation.item.create', 'conversation.item.truncate', "
        "'conversation.item.delete', 'conversation.item.retrieve', 'response.create', and 'response.cancel'."
    )  # openai.md#143


def test_lists_of_values_are_worded_as_the_provider_does() -> None:
    assert problems.quoted(["a"]) == "'a'"
    assert problems.quoted(["a", "b"]) == "'a' and 'b'"
    assert problems.quoted(["a", "b", "c"]) == "'a', 'b', and 'c'"
