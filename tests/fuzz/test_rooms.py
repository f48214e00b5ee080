"""Bent frames into every simulated provider with a wire of its own: nothing raises, and what goes out can be sent."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import simulator
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Answer, Binary, Frame, Handshake, Opened, Peer, Received, Sender, Text
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.dialects.registry import DIALECTS
from mockserver.engines.simulator.agree import agree
from mockserver.engines.simulator.providers import HOMES
from mockserver.errors import MockServerError
from tests.fuzz.inputs import AUDIO, EVERY, SERVER_EVENTS, frames
from tests.fuzz.test_engines import context, sendable

KEY = (("Authorization", "Bearer any"), ("X-API-Key", "any"))
PART = {"text": "what is the weather"}
TOOL = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}
GENERATION = {"responseModalities": ["AUDIO"], "temperature": 0.5, "speechConfig": {"languageCode": "en-US"}}
SETUP = {
    "setup": {
        "model": "models/gemini-2.5-flash-native-audio-preview-12-2025",
        "generationConfig": GENERATION,
        "systemInstruction": {"parts": [PART]},
        "tools": [{"functionDeclarations": [TOOL]}],
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": False, "silenceDurationMs": 500}},
        "sessionResumption": {"handle": None},
        "contextWindowCompression": {"slidingWindow": {"targetTokens": 100}, "triggerTokens": 1000},
        "historyConfig": {"initialHistoryInClientContent": True},
    }
}
RESPONSES = {"type": "responses", "responses": {"model": "gpt-5.6-sol", "instructions": "", "tools": [TOOL]}}
MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
ROOMS: dict[str, tuple[str, list[Any], list[dict[str, Any]]]] = {
    "gemini": (
        DIALECTS["gemini"].socket_path,
        [SETUP],
        [
            {"clientContent": {"turns": [{"role": "user", "parts": [PART]}], "turnComplete": True}},
            {"client_content": {"turns": [{"role": "model", "parts": [PART]}], "turn_complete": False}},
            {"realtimeInput": {"audio": {"data": AUDIO, "mimeType": "audio/pcm;rate=16000"}}},
            {"realtimeInput": {"mediaChunks": [{"data": AUDIO, "mimeType": "audio/pcm"}]}},
            {"realtimeInput": {"video": {"data": "AAAA", "mimeType": "image/jpeg"}}},
            {"realtimeInput": {"text": "hello"}},
            *({"realtimeInput": {name: {}}} for name in ("activityStart", "activityEnd")),
            {"realtimeInput": {"audioStreamEnd": True}},
            {
                "toolResponse": {
                    "functionResponses": [{"id": "1", "name": "f", "response": {"x": 1}, "scheduling": "IDLE"}]
                }
            },
        ],
    ),
    "gpt_live": (
        "/v1/live/sessions",
        [{"type": "session.start", "session": {"model": "gpt-live-1", "delegation": RESPONSES, "input": [MESSAGE]}}],
        [
            {
                "type": "session.update",
                "event_id": "e",
                "session": {"instructions": "Be brief.", "delegation": RESPONSES},
            },
            {"type": "session.input_audio.append", "audio": AUDIO},
            *({"type": f"session.input_audio.{name}"} for name in ("mute", "unmute")),
            *({"type": f"session.{name}.append", "text": "now"} for name in ("instructions", "thinking", "commentary")),
            {"type": "response.item.create", "item": MESSAGE},
            {"type": "response.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "1"}},
            {"type": "response.create", "response": {"previous_response_id": "resp_1"}},
            {"type": "session.close"},
        ],
    ),
    "elevenlabs": (
        "/v1/convai/conversation?agent_id=agent_1",
        [
            {
                "type": "conversation_initiation_client_data",
                "conversation_config_override": {"agent": {"first_message": "Hi", "prompt": {"prompt": "x"}}},
                "dynamic_variables": {"name": "Ann"},
                "custom_llm_extra_body": {"a": 1},
            }
        ],
        [
            {"user_audio_chunk": AUDIO},
            {"type": "user_message", "text": "hello"},
            {"type": "user_activity"},
            {"type": "contextual_update", "text": "it rains", "contextual_update_id": "c"},
            {"type": "pong", "event_id": 1},
            {"type": "feedback", "event_id": 1, "score": "like"},
            {"type": "client_tool_result", "tool_call_id": "t", "result": "1", "is_error": False},
            {"type": "mcp_tool_approval_result", "tool_call_id": "t", "is_approved": True},
            {"type": "multimodal_message", "text": {"type": "user_message", "text": "hi"}, "file": {"file_id": "f"}},
        ],
    ),
    "phonic": (
        "/v1/sts/ws",
        [
            {
                "type": "config",
                "agent": "a",
                "project": "main",
                "input_format": "pcm_16000",
                "output_format": "pcm_24000",
                "system_prompt": "Be brief.",
                "welcome_message": "Hi",
                "tools": [{"type": "custom_websocket", "tool_schema": {"type": "function", "function": TOOL}}],
                "no_input_poke_sec": 30,
                "template_variables": {"x": "y"},
            }
        ],
        [
            {"type": "audio_chunk", "audio": AUDIO},
            {"type": "update_system_prompt", "system_prompt": "x"},
            {"type": "add_system_message", "system_message": "x"},
            {"type": "set_external_id", "external_id": "x"},
            {"type": "tool_call_output", "tool_call_id": "t", "output": {"x": 1}},
            {"type": "say", "text": "hello", "interruptible": True},
            {"type": "generate_reply", "system_message": "x"},
            *({"type": name} for name in ("mute", "unmute", "reset")),
            {"type": "update_tools_subset", "tools": ["f"]},
        ],
    ),
    "ultravox": (
        "/calls/mock",
        [],
        [
            {"type": "ping", "timestamp": 1.5},
            {"type": "user_text_message", "text": "hello", "urgency": "soon", "deferResponse": False},
            {"type": "forced_agent_message", "content": {"medium": "text", "text": "x"}, "uninterruptible": False},
            {"type": "set_output_medium", "medium": "text"},
            {"type": "client_tool_result", "invocationId": "i", "result": "1", "responseType": "tool-response"},
            {"type": "hang_up", "message": "bye"},
        ],
    ),
    "personaplex": ("/api/chat?voice_prompt=NATF2.pt&text_prompt=x", [], [{"type": "hello"}]),
}
SYSTEM = {"promptName": "p", "contentName": "s"}
SPOKEN = {"promptName": "p", "contentName": "a"}
ASKED = {"promptName": "p", "contentName": "t"}
RESULT = {"promptName": "p", "contentName": "r"}
OFFERED = {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": '{"type":"object"}'}}}
HEARD = {"mediaType": "audio/lpcm", "sampleRateHertz": 16000, "sampleSizeBits": 16, "channelCount": 1}
ROOMS["nova_sonic"] = (
    "/model/amazon.nova-2-sonic-v1:0/invoke-with-bidirectional-stream",
    [
        {"event": {name: fields}}
        for name, fields in (
            ("sessionStart", {"inferenceConfiguration": {"maxTokens": 1024, "topP": 0.9, "temperature": 0.7}}),
            ("promptStart", {"promptName": "p", "toolConfiguration": {"tools": [OFFERED]}}),
            ("contentStart", {**SYSTEM, "type": "TEXT", "role": "SYSTEM", "interactive": False}),
            ("textInput", {**SYSTEM, "content": "Be brief."}),
            ("contentEnd", SYSTEM),
            ("contentStart", {**SPOKEN, "type": "AUDIO", "role": "USER", "audioInputConfiguration": HEARD}),
        )
    ],
    [
        {"event": {name: fields}}
        for name, fields in (
            ("audioInput", {**SPOKEN, "content": AUDIO}),
            ("contentStart", {**ASKED, "type": "TEXT", "role": "USER", "interactive": True}),
            ("textInput", {**ASKED, "content": "what is the weather"}),
            ("contentEnd", ASKED),
            ("contentStart", {**RESULT, "type": "TOOL", "toolResultInputConfiguration": {"toolUseId": "u"}}),
            ("toolResult", {**RESULT, "content": "{}"}),
            ("contentEnd", RESULT),
            ("contentEnd", SPOKEN),
            ("promptEnd", {"promptName": "p"}),
            ("sessionEnd", {}),
        )
    ],
)
PAGE = b"OggS\x00\x02" + bytes(8) + b"\x01\x00\x00\x00" + bytes(8) + b"\x01\x13OpusHead\x01\x01\x38\x01\xc0\x5d\x00\x00"
RAW = st.one_of(
    st.sampled_from([b"\x01" + PAGE, b"\x01OggS", b"\x02hello", b"\x02\xff", b"\x00", b"\x03\x00", b"\x04{}", b"\x05"]),
    st.binary(max_size=300),
    st.sampled_from([bytes(640), base64.b64decode(AUDIO), bytes(641), b""]),
).map(Binary)


def test_every_simulated_provider_is_here_or_with_the_family() -> None:
    assert set(ROOMS) == {name for name, home in HOMES.items() if home != "openai"}


def handshake(target: str) -> Handshake:
    path, _, query = target.partition("?")
    pairs = tuple(tuple(pair.split("=")) for pair in query.split("&") if pair)
    return Handshake(path, pairs, KEY, (), target)  # type: ignore[arg-type]


@given(st.data(), st.booleans())
@pytest.mark.parametrize("name", ROOMS)
def test_a_simulated_provider_bears_any_frame(name: str, data: st.DataObject, sound: bool) -> None:
    target, opening, events = ROOMS[name]
    spoken = st.one_of(frames([*opening, *events]), RAW)
    steps = data.draw(st.lists(st.tuples(st.integers(0, 400_000), spoken), min_size=1, max_size=12))
    if sound:
        steps = [(0, Text(json.dumps(one))) for one in opening] + steps
    source = simulator(name)
    journal = Journal()
    log, known = context(source.dialect, journal)
    shake = handshake(target)
    session = Session(source.open(shake, known), journal=journal, log=log)
    live(session, shake, steps)
    assert all(str(problem) for problem in source.problems())


def live(session: Session, shake: Handshake, steps: list[tuple[int, Frame]]) -> None:
    """The session through the steps, waking when it is due, and half a minute after them."""
    now = 0
    sendable(session.feed(Opened(shake), now), json_only=False)
    for wait, frame in [*steps, (30_000_000, None)]:
        for _ in range(3_000):
            due = session.wake_at()
            if session.over or due is None or due > now + wait:
                break
            sendable(session.wake(due), json_only=False)
        if session.over or frame is None:
            return
        now += wait
        sendable(session.feed(Received(Peer.CLIENT, frame), now), json_only=False)


@given(st.data())
@pytest.mark.parametrize("name", [*ROOMS, *(name for name, home in HOMES.items() if home == "openai")])
def test_any_cassette_is_compared_or_refused_in_words(name: str, data: st.DataObject) -> None:
    target, opening, events = ROOMS.get(name, ("/v1/realtime?model=gpt-realtime", [], EVERY))
    told = st.one_of(frames([*opening, *events, *SERVER_EVENTS]), RAW)
    said = data.draw(st.lists(st.tuples(st.sampled_from(Sender), told), max_size=10))
    records = tuple(Record(number * 1_000, sender, frame) for number, (sender, frame) in enumerate(said))
    status = data.draw(st.sampled_from([101, 101, 101, 401]))
    cassette = Cassette(Header(name), (Connection(0, handshake(target), Answer(status), 0, records),))
    with suppress(MockServerError):
        assert all(str(one) for one in agree(cassette))
