"""Names, kinds and audio of each provider's frames."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mockserver.core.frames import Binary, Close, Frame, Hangup, Sender, Text, frame_to_client
from mockserver.core.view import Audio, Kind
from mockserver.dialects.base import SampleFormat, base64_size
from mockserver.dialects.problems import Problem
from mockserver.dialects.registry import dialect_named

C, S = Sender.CLIENT, Sender.SERVER
DATA = base64.b64encode(b"\1\2\3\4").decode()
PCM16K = {"data": DATA, "mimeType": "audio/pcm;rate=16000"}
SNAKE = {"data": DATA, "mime_type": "audio/pcm;rate=16000"}


def frame(what: Any) -> Frame:
    return Binary(what) if isinstance(what, bytes) else Text(json.dumps(what))


@pytest.mark.parametrize(
    ("dialect", "sender", "what", "kind", "name", "audio"),
    [
        (
            "openai",
            C,
            {"type": "input_audio_buffer.append", "audio": DATA},
            Kind.AUDIO,
            "input_audio_buffer.append",
            Audio(4, path=("audio",)),
        ),
        (
            "openai",
            S,
            {"type": "response.output_audio.delta", "delta": DATA},
            Kind.EVENT,
            "response.output_audio.delta",
            Audio(4, path=("delta",)),
        ),
        (
            "azure_dated",
            S,
            {"type": "response.audio.delta", "delta": DATA},
            Kind.EVENT,
            "response.audio.delta",
            Audio(4, path=("delta",)),
        ),
        (
            "openai",
            S,
            {"type": "response.output_text.delta", "delta": "hi"},
            Kind.EVENT,
            "response.output_text.delta",
            None,
        ),
        ("xai", S, {"type": "ping", "event_id": "x"}, Kind.KEEPALIVE, "ping", None),
        ("gemini", C, {"setup": {}}, Kind.EVENT, "setup", None),
        ("gemini", C, {"client_content": {}}, Kind.EVENT, "clientContent", None),
        (
            "gemini",
            C,
            {"realtimeInput": {"audio": PCM16K}},
            Kind.AUDIO,
            "realtimeInput.audio",
            Audio(4, 16_000, "pcm", ("realtimeInput", "audio", "data")),
        ),
        (
            "gemini",
            C,
            {"realtime_input": {"audio": SNAKE}},
            Kind.AUDIO,
            "realtimeInput.audio",
            Audio(4, 16_000, "pcm", ("realtime_input", "audio", "data")),
        ),
        (
            "gemini",
            C,
            {"realtime_input": {"media_chunks": [SNAKE]}},
            Kind.AUDIO,
            "realtimeInput.audio",
            Audio(4, 16_000, "pcm", ("realtime_input", "media_chunks", 0, "data")),
        ),
        (
            "gemini",
            C,
            {"realtimeInput": {"video": {"data": DATA, "mimeType": "image/png"}}},
            Kind.EVENT,
            "realtimeInput.video",
            None,
        ),
        (
            "gemini",
            C,
            {"realtimeInput": {"mediaChunks": [{"data": DATA, "mimeType": "image/png"}]}},
            Kind.EVENT,
            "realtimeInput.video",
            None,
        ),
        (
            "gemini",
            C,
            {"realtimeInput": {"activityEnd": {}}},
            Kind.EVENT,
            "realtimeInput.activityEnd",
            None,
        ),
        (
            "gemini",
            S,
            {"serverContent": {"turnComplete": True}, "usageMetadata": {}},
            Kind.EVENT,
            "serverContent.turnComplete",
            None,
        ),
        (
            "gemini",
            S,
            {"serverContent": {"interrupted": True, "turnComplete": True}},
            Kind.EVENT,
            "serverContent.interrupted",
            None,
        ),
        (
            "gemini",
            S,
            {
                "serverContent": {
                    "modelTurn": {
                        "parts": [
                            {"text": "x"},
                            {"inlineData": {"data": DATA, "mimeType": "audio/pcm;rate=24000"}},
                        ]
                    }
                }
            },
            Kind.EVENT,
            "serverContent.modelTurn",
            Audio(4, 24_000, "pcm", ("serverContent", "modelTurn", "parts", 1, "inlineData", "data")),
        ),
        ("gemini", S, b'{\n  "setupComplete": {}\n}\n', Kind.EVENT, "setupComplete", None),
        ("gemini", S, b"\x00\x01", Kind.OPAQUE, "binary", None),
        (
            "gpt_live",
            C,
            {"type": "session.input_audio.append", "audio": DATA},
            Kind.AUDIO,
            "session.input_audio.append",
            Audio(4, path=("audio",)),
        ),
        (
            "gpt_live",
            S,
            {"type": "session.output_audio.delta", "delta": DATA},
            Kind.EVENT,
            "session.output_audio.delta",
            Audio(4, path=("delta",)),
        ),
        ("ultravox", C, b"\1\2", Kind.AUDIO, "audio", Audio(2, 16_000, "pcm")),
        ("ultravox", S, b"\1\2", Kind.AUDIO, "audio", Audio(2, 24_000, "pcm")),
        ("ultravox", C, {"type": "ping"}, Kind.KEEPALIVE, "ping", None),
        (
            "phonic",
            C,
            {"type": "audio_chunk", "audio": DATA},
            Kind.AUDIO,
            "audio_chunk",
            Audio(4, path=("audio",)),
        ),
        (
            "phonic",
            S,
            {"type": "audio_chunk", "audio": DATA, "text": "x"},
            Kind.EVENT,
            "audio_chunk",
            Audio(4, path=("audio",)),
        ),
        (
            "elevenlabs",
            C,
            {"user_audio_chunk": DATA},
            Kind.AUDIO,
            "user_audio_chunk",
            Audio(4, 16_000, "pcm", ("user_audio_chunk",)),
        ),
        (
            "elevenlabs",
            S,
            {"audio_event": {"audio_base_64": DATA, "event_id": 3}, "type": "audio"},
            Kind.EVENT,
            "audio",
            Audio(4, path=("audio_event", "audio_base_64")),
        ),
        ("elevenlabs", C, {"type": "pong", "event_id": 3}, Kind.KEEPALIVE, "pong", None),
        ("elevenlabs", C, {"user_audio_chunk": 7}, Kind.EVENT, "json", None),
        ("personaplex", S, b"\x00", Kind.EVENT, "handshake", None),
        ("personaplex", S, b"\x02hi", Kind.EVENT, "text", None),
        ("personaplex", C, b"\x01OggS", Kind.AUDIO, "audio", Audio(4, 48_000, "opus")),
        ("generic", C, b"\x01", Kind.OPAQUE, "binary", None),
        ("generic", C, {"type": "x"}, Kind.EVENT, "x", None),
    ],
)
def test_views(dialect: str, sender: Sender, what: Any, kind: Kind, name: str, audio: Audio | None) -> None:
    view = dialect_named(dialect).view(frame(what), sender)
    assert (view.kind, view.name, view.audio) == (kind, name, audio)


@pytest.mark.parametrize(
    ("dialect", "body", "wanted"),
    [
        (
            "openai",
            {
                "type": "session.update",
                "session": {"audio": {"input": {"format": {"type": "audio/pcmu"}}}},
            },
            SampleFormat(8_000, 1),
        ),
        (
            "openai",
            {
                "type": "session.update",
                "session": {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}},
            },
            SampleFormat(24_000, 2),
        ),
        (
            "openai",
            {"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}},
            SampleFormat(1, 1),
        ),
        (
            "azure_dated",
            {"type": "session.update", "session": {"input_audio_format": "g711_alaw"}},
            SampleFormat(8_000, 1),
        ),
        (
            "azure_voice_live",
            {
                "type": "session.update",
                "session": {"input_audio_format": "pcm16", "input_audio_sampling_rate": 16000},
            },
            SampleFormat(16_000, 2),
        ),
        ("openai", {"type": "response.create"}, SampleFormat(1, 1)),
        ("phonic", {"type": "config", "input_format": "pcm_44100"}, SampleFormat(44_100, 2)),
        ("phonic", {"type": "config", "input_format": "mulaw_8000"}, SampleFormat(8_000, 1)),
        (
            "gpt_live",
            {"type": "session.start", "session": {"audio": {"format": {"type": "audio/pcma"}}}},
            SampleFormat(8_000, 1),
        ),
        # What is no rate is that of the default.
        ("gpt_live", {"type": "session.start", "session": {"audio": {"format": {"rate": "x"}}}}, SampleFormat()),
        ("phonic", {"type": "config", "input_format": "pcm_0"}, SampleFormat(1, 1)),
        ("phonic", {"type": "config", "input_format": "pcm_" + "9" * 5_000}, SampleFormat(1, 1)),
    ],
)
def test_input_formats(dialect: str, body: Any, wanted: SampleFormat) -> None:
    spoken = dialect_named(dialect)
    assert spoken.audio_format(spoken.view(frame(body), C), SampleFormat(1, 1)) == wanted


def test_the_peeked_name_is_the_views_name_whatever_stands_first() -> None:
    openai = dialect_named("openai")
    for text in (
        '{"type":"a.b"}',
        ' {"event_id":"x", "type" : "a.b"}',
        '{"item":{"type":"message"},"type":"a.b"}',
        '{"session":{"type":"realtime"},"type":"a.b"}',
        '{"event_id":"\\"","type":"a.b"}',
    ):
        assert openai.peek(Text(text), S) == openai.view(Text(text), S).name == "a.b"


@pytest.mark.parametrize("size", range(8))
def test_base64_size(size: int) -> None:
    assert base64_size(base64.b64encode(bytes(size)).decode()) == size


def test_openai_closes_with_the_code_of_the_problem() -> None:
    openai = dialect_named("openai")
    for kind, code in (("invalid_api_key", 3000), ("model_not_found", 4000), ("anything", 1011)):
        told = [frame_to_client(one) for one in openai.refusal(Problem(kind, "no", event_id="e"))]
        assert json.loads(told[0].data)["error"] == {  # type: ignore[union-attr]
            "type": "invalid_request_error",
            "code": kind,
            "message": "no",
            "param": None,
            "event_id": "e",
        }
        assert told[1] == Close(code, f"invalid_request_error.{kind}")
    expired = openai.refusal(Problem("session_expired", "60 minutes."))[-1]
    assert expired == Hangup(code=1001, reason="60 minutes.")


def test_gemini_says_it_with_a_close_alone() -> None:
    gemini = dialect_named("gemini")
    assert gemini.refusal(Problem("x", "no")) == [Hangup(code=1007, reason="no")]
    assert gemini.refusal(Problem("x", "no", type="server_error")) == [Hangup(code=1011, reason="no")]


def test_gpt_live_names_the_clients_event_its_own_way() -> None:
    told = [frame_to_client(one) for one in dialect_named("gpt_live").refusal(Problem("x", "no", event_id="e"))]
    assert json.loads(told[0].data)["error"]["client_event_id"] == "e"  # type: ignore[union-attr]


def test_ultravox_answers_an_added_ping() -> None:
    ultravox = dialect_named("ultravox")
    (pong,) = ultravox.added(ultravox.view(frame({"type": "ping", "timestamp": 5}), C))
    assert json.loads(frame_to_client(pong).data) == {"type": "pong", "timestamp": 5}  # type: ignore[union-attr]
