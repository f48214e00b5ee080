"""What is thrown at the server: valid messages bent a little, and noise."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from hypothesis import strategies as st

from mockserver.core.frames import Binary, Close, Frame, Lost, Text

AUDIO = base64.b64encode(bytes(range(256)) * 20).decode()
MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}

OPENAI_EVENTS: list[dict[str, Any]] = [
    {
        "type": "session.update",
        "event_id": "e1",
        "session": {
            "type": "realtime",
            "instructions": "Be brief.",
            "output_modalities": ["audio"],
            "tool_choice": "auto",
            "max_output_tokens": 100,
            "tracing": None,
            "prompt": None,
            "truncation": "auto",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {"model": "whisper-1"},
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 200,
                        "create_response": True,
                        "interrupt_response": True,
                        "idle_timeout_ms": 6000,
                    },
                },
                "output": {"format": {"type": "audio/pcmu"}, "voice": "alloy", "speed": 1.0},
            },
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object", "properties": {"x": {"type": "string"}}},
                }
            ],
        },
    },
    {
        "type": "session.update",
        "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
    },
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}},
        },
    },
    {"type": "input_audio_buffer.append", "audio": AUDIO},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    {
        "type": "conversation.item.create",
        "previous_item_id": None,
        "item": {**MESSAGE, "id": "item_1"},
    },
    {
        "type": "conversation.item.create",
        "previous_item_id": "root",
        "item": {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "hi"}],
        },
    },
    {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_audio", "audio": AUDIO, "transcript": None}],
        },
    },
    {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}],
        },
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_1"},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "call_1", "output": "42"},
    },
    {"type": "conversation.item.retrieve", "item_id": "item_1"},
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 0,
        "audio_end_ms": 100,
    },
    {"type": "response.create"},
    {
        "type": "response.create",
        "event_id": "e2",
        "response": {
            "conversation": "none",
            "metadata": {"k": "v"},
            "output_modalities": ["text"],
            "instructions": "Now.",
            "input": [MESSAGE, {"type": "item_reference", "id": "item_1"}],
            "max_output_tokens": "inf",
            "tools": [],
            "tool_choice": "none",
            "audio": {"output": {"format": {"type": "audio/pcma"}, "voice": "ash"}},
        },
    },
    {"type": "response.cancel"},
    {"type": "response.cancel", "response_id": "resp_1"},
]

OTHER_EVENTS: list[dict[str, Any]] = [
    {"setup": {"model": "models/x", "generationConfig": {"responseModalities": ["AUDIO"]}}},
    {
        "clientContent": {
            "turns": [{"role": "user", "parts": [{"text": "hi"}]}],
            "turnComplete": True,
        }
    },
    {"realtimeInput": {"audio": {"data": AUDIO, "mimeType": "audio/pcm;rate=16000"}}},
    {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"x": 1}}]}},
    {"session": {"modalities": ["text"], "voice": "alloy"}, "type": "session.update"},
    {"type": "session.start", "session": {"model": "gpt-live"}},
    {"type": "config", "project": "main", "input_format": "pcm_44100"},
    {"type": "audio_chunk", "audio": AUDIO},
    {"type": "user_text_message", "text": "hi"},
    {"type": "set_output_medium", "medium": "voice"},
]

EVERY = OPENAI_EVENTS + OTHER_EVENTS

SERVER_EVENTS: list[dict[str, Any]] = [
    {
        "type": "session.created",
        "event_id": "event_1",
        "session": {"id": "sess_1", "type": "realtime"},
    },
    {
        "type": "response.created",
        "event_id": "event_2",
        "response": {
            "id": "resp_1",
            "status": "in_progress",
            "output": [],
            "metadata": {"a": "b"},
            "conversation_id": "conv_1",
        },
    },
    {
        "type": "response.output_item.added",
        "response_id": "resp_1",
        "output_index": 0,
        "item": {
            "id": "item_1",
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        },
    },
    {
        "type": "response.content_part.added",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "part": {"type": "audio", "transcript": ""},
    },
    {
        "type": "response.output_audio.delta",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "delta": AUDIO,
    },
    {
        "type": "response.output_text.delta",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "word",
        "obfuscation": "abc",
    },
    {
        "type": "response.function_call_arguments.done",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "call_id": "call_1",
        "name": "f",
        "arguments": "{}",
    },
    {
        "type": "response.done",
        "response": {
            "id": "resp_1",
            "status": "completed",
            "output": [],
            "usage": {"total_tokens": 1},
        },
    },
    {
        "type": "rate_limits.updated",
        "rate_limits": [{"name": "tokens", "limit": 1, "remaining": 0, "reset_seconds": 0.1}],
    },
    {
        "type": "error",
        "error": {"type": "invalid_request_error", "code": "x", "message": "m", "event_id": "e1"},
    },
    {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": AUDIO}}]}}},
    {"setupComplete": {}},
]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.sampled_from(
        [
            10**18,
            -(10**18),
            2**63,
            10**400,
            1e308,
            -0.0,
            0.1,
            float("nan"),
            float("inf"),
            float("-inf"),
        ]
    ),
    st.sampled_from(
        [
            "",
            " ",
            "inf",
            "root",
            "none",
            "auto",
            "item_1",
            "resp_1",
            "\ud800",
            "\x00",
            "😀" * 3,
            "a" * 5000,
            "../..",
            "{}",
            "[" * 200,
            "AAA",
            "====",
            AUDIO,
            "Infinity",
            "null",
            "💥\u2028\r\n",
        ]
    ),
    st.text(max_size=20),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["type", "id", "audio", "item", "format", "", "content"]),
                st.text(max_size=8),
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


def places(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a JSON value."""
    found = [path] if path else []
    if isinstance(body, dict):
        for key in body:
            found += places(body[key], (*path, key))
    elif isinstance(body, list):
        for number, value in enumerate(body):
            found += places(value, (*path, number))
    return found


@st.composite
def bent(draw: st.DrawFn, events: list[dict[str, Any]]) -> Any:
    """A valid event with up to three things wrong."""
    body: Any = copy.deepcopy(draw(st.sampled_from(events)))
    for _ in range(draw(st.integers(0, 3))):
        found = places(body)
        if not found:
            break
        path = draw(st.sampled_from(found))
        holder = body
        for step in path[:-1]:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "delete", "add", "rename", "wrap"])):
            case "replace":
                holder[path[-1]] = draw(VALUES)
            case "delete":
                del holder[path[-1]]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from(["extra", "event_id", "id", "type", "response", "session"]))] = draw(VALUES)
            case "rename" if isinstance(holder, dict):
                holder[draw(st.text(max_size=6))] = holder.pop(path[-1])
            case "wrap":
                holder[path[-1]] = [holder[path[-1]]]
    return body


def deep(depth: int) -> str:
    """JSON that is nested deeper than a parser's stack."""
    return '{"type":"session.update","session":' + '{"a":' * depth + "1" + "}" * depth + "}"


@st.composite
def texts(draw: st.DrawFn, events: list[dict[str, Any]]) -> str:
    """The text of a frame: a bent event, then perhaps damaged as text; or no event at all."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(
            st.one_of(
                st.text(max_size=40),
                st.sampled_from(
                    [
                        "",
                        "null",
                        "[]",
                        "{}",
                        "1",
                        '"x"',
                        "{",
                        deep(10),
                        deep(3_000),
                        deep(200_000),
                        "[" * 100_000,
                        '{"type":1}',
                        '{"type":null}',
                        '{"type":"response.create","type":"nothing"}',
                        "\ufeff{}",
                        '{"a":' + "1" * 5000 + "}",
                        "NaN",
                        '{"type":"\\ud800"}',
                    ]
                ),
            )
        )
    text = json.dumps(draw(bent(events)), ensure_ascii=draw(st.booleans()))
    if kind == 1:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.one_of(st.just(""), st.text(max_size=4))) + text[draw(st.integers(at, len(text))) :]
    elif kind == 2:
        text = text[: draw(st.integers(0, len(text)))]
    # A lone surrogate cannot cross a wire as it is, only as an escape.
    return text.encode("utf-8", "replace").decode()


def frames(events: list[dict[str, Any]]) -> st.SearchStrategy[Frame]:
    """A frame from a peer; a close or a loss ends it, so they are rare."""
    return st.one_of(
        texts(events).map(Text),
        texts(events).map(Text),
        texts(events).map(Text),
        texts(events).map(Text),
        st.binary(max_size=300).map(Binary),
        texts(events).map(lambda text: Binary(text.encode())),
        st.builds(Close, st.sampled_from([None, 1000, 1001, 1011, 3000, 4999]), st.text(max_size=20)),
        st.just(Lost("gone")),
    )
