"""Which client frames may come in either order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import Sender, Text
from mockserver.dialects.registry import dialect_named


def item(name: str = "", before: str | None = None, **fields: Any) -> dict[str, Any]:
    place = {} if before is None else {"previous_item_id": before}
    return {
        "type": "conversation.item.create",
        **place,
        "item": {"type": "message", **({"id": name} if name else {}), **fields},
    }


def output(call: str) -> dict[str, Any]:
    return item(type="function_call_output", call_id=call)


def settings(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", "model": "m", **fields}}


ASK: dict[str, Any] = {"type": "response.create"}
ASIDE = {"type": "response.create", "response": {"conversation": "none", "input": []}}
ASIDE_WITH_CONTEXT = {"type": "response.create", "response": {"conversation": "none"}}
COMMIT = {"type": "input_audio_buffer.commit"}
RETRIEVE = {"type": "conversation.item.retrieve", "item_id": "a"}


def delete(name: str) -> dict[str, Any]:
    return {"type": "conversation.item.delete", "item_id": name}


def call(name: str) -> dict[str, Any]:
    return {"toolResponse": {"functionResponses": [{"id": name, "response": {}}]}}


@pytest.mark.parametrize(
    ("dialect", "one", "two", "free"),
    [
        ("openai", item(), ASK, False),
        ("openai", item(), item(), False),
        ("openai", item("a", "root"), item("b", "a"), False),
        ("openai", item("a", "root"), item("b", "x"), True),
        ("openai", item("a", "root"), item("b", "root"), False),
        ("openai", output("1"), output("2"), True),
        ("openai", output("1"), output("1"), False),
        ("openai", output("1"), ASK, False),
        ("openai", ASK, ASK, False),
        ("openai", ASK, ASIDE, True),
        ("openai", ASIDE, ASIDE, True),
        ("openai", item(), ASIDE, True),
        ("openai", item(), ASIDE_WITH_CONTEXT, False),
        ("openai", COMMIT, ASK, False),
        ("openai", COMMIT, item(), False),
        ("openai", settings(instructions="x"), ASK, False),
        ("openai", settings(instructions="x"), ASIDE, False),
        ("openai", settings(tracing="auto"), ASK, True),
        ("openai", settings(audio={"input": {}}), ASK, True),
        ("openai", settings(audio={"output": {}}), ASK, False),
        ("openai", settings(audio={"input": {}}), COMMIT, False),
        ("openai", settings(tracing="auto"), COMMIT, True),
        ("openai", settings(instructions="x"), item(), True),
        ("openai", settings(instructions="x"), settings(instructions="y"), False),
        ("openai", settings(instructions="x"), settings(tracing="auto"), True),
        ("openai", RETRIEVE, ASK, True),
        ("openai", delete("a"), delete("b"), True),
        ("openai", delete("a"), item("a"), False),
        ("openai", delete("a"), item("b"), True),
        ("openai", delete("a"), ASK, False),
        ("gemini", call("1"), call("2"), True),
        ("gemini", call("1"), call("1"), False),
        ("gemini", call("1"), {"realtime_input": {"text": "x"}}, True),
        ("gemini", call("1"), {"clientContent": {}}, False),
        ("gemini", {"setup": {}}, {"clientContent": {}}, False),
        (
            "ultravox",
            {"type": "client_tool_result", "invocationId": "1"},
            {"type": "client_tool_result", "invocationId": "2"},
            True,
        ),
        (
            "elevenlabs",
            {"type": "client_tool_result", "tool_call_id": "1"},
            {"type": "client_tool_result", "tool_call_id": "2"},
            True,
        ),
        (
            "phonic",
            {"type": "tool_call_output", "tool_call_id": "1"},
            {"type": "tool_call_output", "tool_call_id": "1"},
            False,
        ),
        ("generic", {"type": "a"}, {"type": "b"}, False),
    ],
)
def test_order_matters_where_an_answer_depends_on_it(dialect: str, one: Any, two: Any, free: bool) -> None:
    spoken = dialect_named(dialect)
    first, second = (spoken.view(Text(json.dumps(body)), Sender.CLIENT) for body in (one, two))
    assert spoken.independent(first, second) is free
    assert spoken.independent(second, first) is free
