"""What holds for every provider: a session survives whatever a client does, and each response ends once.

And what pipecat sends is taken. It is too large to be installed for a test, so its frames are written down here, as
its models serialise them (pipecat-ai 1.14.0, pipecat/services/openai/realtime/events.py and .../xai/realtime/events.py,
``exclude_none``).
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import speech
from mockserver.core.machine import advance
from mockserver.engines.simulator import simulator
from mockserver.engines.simulator.openai.profiles import PROFILES
from tests.engines.simulator import strict
from tests.engines.simulator.stage import Stage, handshake
from tests.every import every

MODELS = {"xai": "grok-voice-latest"}
every_provider = pytest.mark.parametrize("provider", sorted(PROFILES))
AUDIO = base64.b64encode(speech.encode("hello you") + bytes(48 * 600)).decode()

TEXT = {"openai": "output_text", "azure": "output_text", "xai": "output_text"}


def stage_of(provider: str, **options: Any) -> Stage:
    hands = handshake(MODELS.get(provider, "gpt-4o-realtime-preview"), **options.pop("query", {}))
    return Stage(simulator(provider, **options), hands=hands, check=strict.knows(provider) or False)  # type: ignore[arg-type]


def message(provider: str, role: str, text: str) -> dict[str, Any]:
    kind = TEXT.get(provider, "text") if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def detection(provider: str, how: dict[str, Any] | None) -> dict[str, Any]:
    if provider in ("openai", "azure"):
        return {"type": "realtime", "audio": {"input": {"turn_detection": how}}}
    return {"turn_detection": how}


def act(stage: Stage, provider: str, what: tuple[str, int]) -> None:
    """One thing that a client may do. The number chooses among items and responses, and how long to wait."""
    name, number = what
    items = [item["id"] for item in stage.conversation] or ["none"]
    item_id = items[number % len(items)]
    created = [body["response"]["id"] for body in stage.of("response.created")] or ["none"]
    match name:
        case "wait":
            stage.wait(number * 7)
        case "say":
            role = "assistant" if number % 3 == 0 else "user"
            stage.send("conversation.item.create", item=message(provider, role, f"words {number}"))
        case "ask":
            outside = {"conversation": "none"} if number % 4 == 0 else {}
            stage.send("response.create", response={**outside, "metadata": {"n": str(number)}})
        case "cancel":
            wanted = {"response_id": created[number % len(created)]} if number % 2 else {}
            stage.send("response.cancel", **wanted)
        case "delete":
            stage.send("conversation.item.delete", item_id=item_id)
        case "retrieve":
            stage.send("conversation.item.retrieve", item_id=item_id)
        case "truncate":
            stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=number)
        case "speak":
            stage.send("input_audio_buffer.append", audio=AUDIO)
        case "commit":
            stage.send("input_audio_buffer.commit")
        case "clear":
            stage.send("input_audio_buffer.clear")
        case "detect":
            how = None if number % 2 else {"type": "server_vad", "silence_duration_ms": 200}
            stage.send("session.update", session=detection(provider, how))
        case "force":
            item = {**message("openai", "assistant", "as it is"), "type": "force_message"}
            stage.send("conversation.item.create", item={**item, "interruptible": number % 2 == 0})


NAMES = (
    *("wait", "say", "ask", "cancel", "delete", "retrieve", "truncate", "speak", "commit"),
    *("clear", "detect", "force"),
)
acts = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 400)), max_size=14)


@pytest.mark.long
@every_provider
@settings(max_examples=40, deadline=None)
@given(done=acts)
def test_a_session_survives_and_each_response_ends_once(provider: str, done: list[tuple[str, int]]) -> None:
    stage = stage_of(provider, deleted_item_id="kept")
    for what in done:
        act(stage, provider, what)
    stage.wait(120_000)
    begun = [body["response"]["id"] for body in stage.of("response.created")]
    ended = [body["response"]["id"] for body in stage.of("response.done")]
    assert sorted(begun) == sorted(ended)
    assert len(set(ended)) == len(ended)
    assert stage.engine.inspect().values["active_responses"] == []
    known = {item["id"] for item in stage.conversation}
    deleted = {body["item_id"] for body in stage.of("conversation.item.deleted")}
    added = "conversation.item.created"
    if provider in ("openai", "azure", "xai"):
        added = "conversation.item.added"
    assert {body["item"]["id"] for body in stage.of(added)} == known | deleted
    allowed = {"response_cancel_not_active", "conversation_already_has_active_response"}
    for body in stage.of("error"):
        error = body["error"]
        assert error["type"] == "invalid_request_error"
        assert error["code"] in allowed or error["code"], error


@pytest.mark.long
@every_provider
@settings(max_examples=15, deadline=None)
@given(done=acts, tick=st.integers(10, 900))
def test_how_late_the_driver_is_makes_no_difference(provider: str, done: list[tuple[str, int]], tick: int) -> None:
    """Tick invariance: waking at every due time or every ``tick`` ms sends the same frames in the same order."""

    def run(step: int) -> list[str]:
        stage = stage_of(provider)
        for what in done:
            act(stage, provider, what)
        sent = len(stage.effects)
        began, end = stage.at, stage.at + 20_000_000
        for until in (*range(began + step * 1_000, end, step * 1_000), end):
            stage.effects += [effect for _, effect in advance(stage.engine, until)]
        return [repr(effect) for effect in stage.effects[sent:]]

    assert run(tick) == run(20_000)


@every_provider
def test_an_intent_of_transcription_breaks_nothing(provider: str) -> None:
    stage = stage_of(provider, query={"intent": "transcription"})
    assert stage.names()[0] == "session.created"
    stage.send("session.update", session=detection(provider, None))
    assert stage.engine.inspect().values["session"]


# --- pipecat --------------------------------------------------------------------------------------------------------

PIPECAT_OPENAI = [
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": "Be brief.",
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24_000},
                    "transcription": {"model": "gpt-realtime-whisper"},
                    "noise_reduction": {"type": "near_field"},
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 500,
                    },
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"},
            },
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "description": "",
                    "parameters": {"type": "object"},
                }
            ],
            "tool_choice": "auto",
        },
    },
    # turn_detection of False becomes null, the one null that it sends.
    {
        "type": "session.update",
        "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
    },
    {
        "type": "conversation.item.create",
        "item": {
            "id": "0123456789abcdef0123456789abcdef",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hello"}],
        },
    },
    {"type": "conversation.item.retrieve", "item_id": "0123456789abcdef0123456789abcdef"},
    {"type": "response.create", "response": {"output_modalities": ["audio"]}},
]
PIPECAT_XAI = [
    {
        "type": "session.update",
        "session": {
            "instructions": "Be brief.",
            "voice": "eve",
            "turn_detection": {"type": "server_vad"},
            "audio": {
                "input": {"format": {"type": "audio/pcm", "rate": 16_000}},
                "output": {"format": {"type": "audio/pcm", "rate": 16_000}},
            },
            "reasoning": {"effort": "none"},
            "tools": [
                {"type": "web_search"},
                {"type": "file_search", "vector_store_ids": ["c"], "max_num_results": 10},
                {
                    "type": "function",
                    "name": "f",
                    "description": "",
                    "parameters": {"type": "object"},
                },
            ],
        },
    },
    *PIPECAT_OPENAI[2:4],
    {"type": "response.create", "response": {"modalities": ["text", "audio"]}},
]


@pytest.mark.parametrize(
    ("provider", "frames"),
    [("openai", PIPECAT_OPENAI), ("azure", PIPECAT_OPENAI), ("xai", PIPECAT_XAI)],
)
def test_what_pipecat_sends_is_taken(provider: str, frames: list[dict[str, Any]]) -> None:
    stage = stage_of(provider, pace="instant")
    for number, frame in enumerate(frames):
        stage.text(json.dumps({"event_id": f"pipecat-{number}", **frame}))
    assert stage.of("error") == []
    assert stage.last("response.done")["response"]["status"] == "completed"


def test_a_frame_that_it_would_not_send_is_refused() -> None:
    stage = stage_of("openai")
    stage.send("session.update", session={"type": "realtime", "turn_detection": None})
    assert stage.error()["param"] == "session.turn_detection"


WRONG = [
    {"turn_detection": []},
    {"turn_detection": {"type": []}},
    {"turn_detection": {"type": "server_vad", "threshold": []}},
    {"audio": []},
    {"audio": {"input": []}},
    {"audio": {"output": [1]}},
    {"audio": {"input": {"turn_detection": [1]}}},
    {"audio": {"input": {"transcription": [1]}}},
    {"audio": {"input": {"format": [1]}}},
    {"voice": []},
    {"input_audio_transcription": [1]},
    {"input_audio_format": []},
    {"input_audio_sampling_rate": []},
    {"tools": {}},
    {"tools": [[]]},
    {"modalities": [{}]},
    {"output_modalities": [[]]},
    {"max_response_output_tokens": []},
]


@every_provider
def test_a_setting_of_the_wrong_type_is_refused_or_not_a_setting_here(provider: str) -> None:
    """What another provider calls a setting may be a field that nobody knows here; it never upsets the session."""

    def check(session: dict[str, Any]) -> None:
        stage = stage_of(provider)
        typed = {"type": "realtime"} if provider in ("openai", "azure") else {}
        stage.send("session.update", session={**typed, **session})
        assert stage.names()[-1] in ("error", "session.updated")
        stage.send("input_audio_buffer.clear")
        assert "input_audio_buffer.cleared" in stage.names()

    assert every(WRONG, check) == 18
