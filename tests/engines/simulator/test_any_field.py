"""Any value in any field of what clients send: the session goes on or ends in the provider's words, and nothing raises.

Of the simulators without a published schema that could check for them: Ultravox, Phonic, Nova Sonic.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from mockserver import simulator
from mockserver.core.frames import Handshake
from tests.engines.simulator.caller import Caller
from tests.engines.simulator.nova_sonic.talk import Stream, spec
from tests.engines.simulator.phonic.talk import BASE, KEY
from tests.engines.simulator.ultravox.talk import MEDIUM, rest
from tests.engines.simulator.ultravox.talk import Talk as Ultravox
from tests.every import every

VALUES: tuple[Any, ...] = (None, True, -1, 10**30, "", "x", [[]], {}, {"a": [1]})
TOOL = {
    "type": "custom_websocket",
    "tool_schema": {
        "type": "function",
        "function": {"name": "weather", "description": "", "parameters": {"type": "object"}, "strict": True},
    },
    "tool_call_output_timeout_ms": 1_000,
    "forbid_speech_after_tool_call": False,
}
CITY = {"name": "city", "location": "PARAMETER_LOCATION_BODY", "schema": {"type": "string"}, "required": True}
CALL = {
    "systemPrompt": "Be brief.",
    "model": "ultravox-v0.7",
    "voice": "Mark",
    "temperature": 0.5,
    "languageHint": "en",
    "recordingEnabled": False,
    "metadata": {"a": "b"},
    "medium": MEDIUM,
    "initialOutputMedium": "MESSAGE_MEDIUM_VOICE",
    "initialMessages": [{"role": "MESSAGE_ROLE_USER", "text": "hi"}],
    "joinTimeout": "30s",
    "maxDuration": "60s",
    "timeExceededMessage": "time is up",
    "inactivityMessages": [{"duration": "8s", "message": "there?", "endBehavior": "END_BEHAVIOR_UNSPECIFIED"}],
    "firstSpeakerSettings": {"agent": {"text": "hello"}},
    "vadSettings": {"turnEndpointDelay": "0.4s", "frameActivationThreshold": 0.1},
    "selectedTools": [{"temporaryTool": {"modelToolName": "weather", "client": {}, "dynamicParameters": [CITY]}}],
}
MESSAGES: dict[str, list[dict[str, Any]]] = {
    "ultravox": [
        {"type": "ping", "timestamp": 1.5},
        {"type": "user_text_message", "text": "hi", "urgency": "immediate", "deferResponse": False},
        {"type": "forced_agent_message", "content": "hi", "uninterruptible": False, "urgency": "soon"},
        {"type": "set_output_medium", "medium": "text"},
        {"type": "client_tool_result", "invocationId": "a", "result": "b", "agentReaction": "speaks", "errorType": "c"},
        {"type": "hang_up", "message": "bye"},
    ],
    "phonic": [
        {"type": "audio_chunk", "audio": "AAAA", "iso_date_time": "2026-01-01T00:00:00Z"},
        {"type": "update_system_prompt", "system_prompt": "x"},
        {"type": "add_system_message", "system_message": "x"},
        {"type": "set_external_id", "external_id": "x"},
        {"type": "tool_call_output", "tool_call_id": "x", "output": "y"},
        {"type": "say", "text": "x", "interruptible": True},
        {"type": "generate_reply", "system_message": "x", "user_message": "y"},
        {"type": "mute"},
        {"type": "update_tools_subset", "tools": ["weather", TOOL]},
        {"type": "reset", "config": BASE},
    ],
}
CONFIG = {
    **BASE,
    "model": "merritt",
    "system_prompt": "{{a}}",
    "template_variables": {"a": "b"},
    "vad_threshold": 0.5,
    "vad_min_silence_duration_ms": 500,
    "min_words_to_interrupt": 0,
    "no_input_poke_sec": 8,
    "websocket_timeout_sec": 60,
    "multilingual_mode": "auto",
    "additional_languages": ["de"],
    "mcp_servers": ["a"],
    "external_id": "x",
    "tools": ["keypad_input", {"type": "built_in", "name": "keypad_input", "tool_config": {}}, TOOL],
}
AUDIO = {"mediaType": "audio/lpcm", "sampleRateHertz": 16_000, "sampleSizeBits": 16, "channelCount": 1}
PLAIN = {"textInputConfiguration": {"mediaType": "text/plain"}}
IDS = {"promptName": "p"}
SONIC: list[dict[str, Any]] = [
    {
        "sessionStart": {
            "inferenceConfiguration": {"maxTokens": 1_024, "topP": 0.9, "temperature": 0.7},
            "turnDetectionConfiguration": {"endpointingSensitivity": "HIGH"},
        }
    },
    {
        "promptStart": {
            **IDS,
            "textOutputConfiguration": {"mediaType": "text/plain"},
            "audioOutputConfiguration": {**AUDIO, "voiceId": "matthew", "encoding": "base64", "audioType": "SPEECH"},
            "toolConfiguration": {"tools": [spec("weather")], "toolChoice": {"auto": {}}},
        }
    },
    {"contentStart": {**IDS, "contentName": "s", "type": "TEXT", "role": "SYSTEM", "interactive": False, **PLAIN}},
    {"textInput": {**IDS, "contentName": "s", "content": "Be brief."}},
    {"contentEnd": {**IDS, "contentName": "s"}},
    {"contentStart": {**IDS, "contentName": "a", "type": "AUDIO", "role": "USER", "audioInputConfiguration": AUDIO}},
    {"audioInput": {**IDS, "contentName": "a", "content": "AAAA"}},
    {
        "contentStart": {
            **IDS,
            "contentName": "t",
            "type": "TOOL",
            "role": "TOOL",
            "toolResultInputConfiguration": {"toolUseId": "x", "type": "TEXT", **PLAIN},
        }
    },
]


def bent(body: Any) -> Iterator[Any]:
    """The body with each of the values in the place of each field and of each item, and without it."""
    for path in places(body):
        for value in VALUES:
            made = copy.deepcopy(body)
            inside = made
            for step in path[:-1]:
                inside = inside[step]
            inside[path[-1]] = value
            yield made


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for step, value in steps:
        yield (*path, step)
        yield from places(value, (*path, step))


@cache
def says(provider: str) -> Any:
    """One source for all cases: what one client sends is no other's business."""
    return simulator(provider, replier=lambda context: "yes", **MORE.get(provider, {}))  # type: ignore[call-overload]


MORE = {"nova_sonic": {"most_streams": None}}


def phonic() -> Caller:
    """Without a look at each event by the SDK's models, which takes most of the time."""
    return Caller(says("phonic"), Handshake("/v1/sts/ws", (), (KEY,)), check=lambda body: [])


def joined(body: Any) -> None:
    Ultravox(says("ultravox")).put(body)


def configured(body: Any) -> None:
    phonic().put(body)


def told(body: Any) -> None:
    talk = phonic()
    assert talk.put({"type": "config", **BASE})[-1]["type"] == "ready_to_start_conversation"
    talk.put(body)


@pytest.mark.parametrize(
    ("how", "bodies"),
    [(joined, MESSAGES["ultravox"]), (told, MESSAGES["phonic"]), (configured, [{"type": "config", **CONFIG}])],
    ids=["ultravox", "phonic", "phonic config"],
)
def test_a_message_with_any_value_in_any_field(how: Callable[[Any], None], bodies: list[Any]) -> None:
    every(bodies, how)  # the control: as they are
    every([one for body in bodies for one in bent(body)], how)


def test_a_call_with_any_value_in_any_field() -> None:
    source = says("ultravox")

    def asked(body: Any) -> None:
        reply = rest(source, "POST", "/api/calls", body)
        assert reply.status in (201, 400)
        assert json.loads(reply.body)

    assert rest(source, "POST", "/api/calls", CALL).status == 201, "the control"
    every(list(bent(CALL)), asked)


def test_a_stream_with_any_value_in_any_field() -> None:
    def sent(case: tuple[int, Any]) -> None:
        place, body = case
        stream = Stream(says("nova_sonic"), begin=False)
        for one in (*SONIC[:place], body):
            stream.put({"event": one})
        assert stream.failure is None or stream.closed == (1_000, "")

    plain = Stream(says("nova_sonic"), begin=False)
    for one in SONIC[:-1]:
        plain.put({"event": one})
    assert plain.failure is None, "the control"
    every([(place, one) for place, body in enumerate(SONIC) for one in bent(body)], sent)
