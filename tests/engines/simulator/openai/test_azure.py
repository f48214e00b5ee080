"""What is Azure's own: v1, the dated versions, Voice Live. Captured turns are in ``test_captures.py``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver import speech
from mockserver.core.frames import Accept, Handshake, Refuse
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.simulator import Failure, Recall, Scripted, ToolCall, simulator
from mockserver.engines.simulator.openai.cousins.voice_live import VOICE_FIELDS
from tests.engines.simulator import strict
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage, handshake


def stage_of(provider: str, *, headers: tuple[tuple[str, str], ...] = (), **settings: Any) -> Stage:
    """A connection to one of the three."""
    hands = handshake("gpt-4o-realtime-preview")
    if provider == "azure_dated":
        hands = handshake(None, **{"deployment": "gpt-4o-realtime-preview", "api-version": "2025-04-01-preview"})
    hands = Handshake(hands.path, hands.query, (*hands.headers, *headers))
    source = simulator(provider, **settings)
    return Stage(source, hands=hands, check=strict.knows(provider) or False)


def named(stage: Stage, name: str) -> dict[str, Any]:
    (body,) = stage.of(name)
    return body


# --- v1 -------------------------------------------------------------------------------------------------------------


@keeps("azure-parts-twice", "azure-no-rate-limits")
def test_v1_is_ga_with_the_part_twice_and_no_rate_limits() -> None:
    stage = stage_of("azure", pace="instant")
    stage.ask("hello")
    part = named(stage, "response.content_part.done")
    assert part["content"] == part["part"]
    assert stage.of("rate_limits.updated") == []
    assert stage.of("conversation.item.done") != []


@keeps("azure-handshake")
@pytest.mark.parametrize("provider", ["azure", "azure_dated", "azure_voice_live"])
def test_a_bad_key_and_an_unknown_deployment_are_told_at_the_handshake(provider: str) -> None:
    def answer(**settings: Any) -> Any:
        stage = stage_of(provider, **settings)
        return next(e for e in stage.effects if isinstance(e, Accept | Refuse))

    refused = answer(require_key="another")
    assert refused.status == 401
    assert json.loads(refused.body)["error"]["message"].startswith("Access denied")
    assert answer(models=["another"]).status == 404
    assert isinstance(answer(require_key="test-key", models=["gpt-4o-realtime-preview"]), Accept)


# --- dated ----------------------------------------------------------------------------------------------------------


@keeps("dated-shape")
def test_the_dated_versions_speak_the_beta() -> None:
    replier = Scripted(["Hello there", ToolCall("look", {"at": "it"})])
    stage = stage_of("azure_dated", replier=replier)
    session = named(stage, "session.created")["session"]
    assert session["model"] == "gpt-4o-realtime-preview"
    assert (session["voice"], session["input_audio_format"]) == ("alloy", "pcm16")
    assert "audio" not in session
    stage.ask("hi")
    stage.ask("again", modalities=["text"])
    names = set(stage.names())
    assert "conversation.item.created" in names
    assert not names & {"conversation.item.added", "conversation.item.done"}
    assert not any(name.startswith("response.output_audio") for name in names)
    assert {"response.audio.delta", "response.audio_transcript.done"} <= names
    first = stage.of("response.audio_transcript.delta")[0]
    assert "obfuscation" not in first
    (item,) = stage.of("response.done")[0]["response"]["output"]
    assert (item["object"], item["content"][0]["type"]) == ("realtime.item", "audio")
    assert "name" not in named(stage, "response.function_call_arguments.done")


@keeps("dated-shape")
def test_the_flat_session_goes_in_and_comes_out() -> None:
    stage = stage_of("azure_dated", pace="instant")
    given = {
        "modalities": ["text"],
        "instructions": "Be brief.",
        "voice": "echo",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_alaw",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 400},
        "temperature": 0.7,
        "max_response_output_tokens": 200,
        "tool_choice": "none",
    }
    (updated,) = stage.send("session.update", session=given)
    shown = updated["session"]
    assert {name: shown[name] for name in given if name != "turn_detection"} == {
        name: value for name, value in given.items() if name != "turn_detection"
    }
    assert shown["turn_detection"]["silence_duration_ms"] == 400
    assert shown["turn_detection"]["threshold"] == 0.5
    done = stage.ask("hello")
    assert (done["temperature"], done["output_audio_format"]) == (0.7, "g711_alaw")


@keeps("dated-shape")
@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "realtime"}, "unknown_parameter", "session.type"),
        ({"output_modalities": ["text"]}, "unknown_parameter", "session.output_modalities"),
        ({"voice": "nobody"}, "invalid_value", "session.voice"),
        ({"input_audio_format": "mp3"}, "invalid_value", "session.input_audio_format"),
        ({"temperature": 2}, "decimal_above_max_value", "session.temperature"),
        ({"modalities": ["audio"]}, "invalid_value", "session.modalities"),
        ({"tracing": "auto"}, "unknown_parameter", "session.tracing"),
    ],
)
def test_what_the_beta_does_not_know_is_refused_in_its_own_terms(
    session: dict[str, Any], code: str, param: str | None
) -> None:
    stage = stage_of("azure_dated")
    before = stage.engine.inspect().values["session"]
    stage.send("session.update", session=session)
    assert (stage.error()["code"], stage.error()["param"]) == (code, param)
    assert stage.engine.inspect().values["session"] == before


@keeps("dated-text-content")
def test_an_assistants_text_is_text_and_nothing_else() -> None:
    stage = stage_of("azure_dated")

    def say(kind: str) -> None:
        content = [{"type": kind, "text": "hello"}]
        item = {"type": "message", "role": "assistant", "content": content}
        stage.send("conversation.item.create", item=item)

    say("output_text")
    assert stage.error()["param"] == "item.content[0].type"
    say("text")
    assert stage.last("conversation.item.created")["item"]["content"] == [{"type": "text", "text": "hello"}]
    assert stage.contexts == []


@keeps("dated-rate-limits-before")
def test_rate_limits_come_before_the_output_and_not_at_all_where_there_is_none() -> None:
    stage = stage_of("azure_dated", replier=Scripted(["Hello", "never"]))
    stage.ask("hi")
    names = stage.names()
    created = names.index("response.created")
    assert names[created + 1 : created + 3] == ["rate_limits.updated", "response.output_item.added"]
    assert [row["name"] for row in named(stage, "rate_limits.updated")["rate_limits"]] == [
        "requests",
        "tokens",
    ]
    stage.send("response.create")
    stage.until("response.created")
    stage.send("response.cancel")
    stage.wait(2_000)
    assert len(stage.of("rate_limits.updated")) == 1


@keeps("dated-beta-header")
def test_the_beta_header_is_taken_by_azure_and_refused_by_openai() -> None:
    header = ("OpenAI-Beta", "realtime=v1")
    assert named(stage_of("azure_dated", headers=(header,)), "session.created")
    hands = Handshake("/v1/realtime", (("model", "gpt-realtime"),), (header, ("api-key", "x")))
    assert Stage(simulator("openai"), hands=hands).error()["code"] == "beta_api_shape_disabled"


def test_a_dated_response_takes_input_voice_and_a_token_limit_in_the_betas_terms() -> None:
    stage = stage_of("azure_dated", replier=Recall(), pace="instant")
    content = [{"type": "text", "text": "I am Ada"}]
    said = {"type": "message", "role": "assistant", "content": content}
    asked = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "who are you"}],
    }
    done = stage.ask(
        None,
        conversation="none",
        input=[said, asked],
        voice="echo",
        output_audio_format="pcm16",
        max_response_output_tokens=500,
    )
    assert (done["voice"], done["max_output_tokens"], done["conversation_id"]) == (
        "echo",
        500,
        None,
    )
    transcript = done["output"][0]["content"][0]["transcript"]
    assert transcript == "I am Ada | who are you"


# --- Voice Live -----------------------------------------------------------------------------------------------------


@keeps("live-session")
def test_voice_live_has_a_session_of_its_own() -> None:
    stage = stage_of("azure_voice_live", voice_live_fields="older", pace="instant")
    session = named(stage, "session.created")["session"]
    assert session["voice"] == {"name": "alloy", "type": "openai"}
    assert session["output_audio_format"] is None
    avatar = {"character": "lisa", "style": "casual"}
    voice = {"name": "en-US-AvaNeural", "type": "azure-standard"}
    stage.send("session.update", session={"voice": voice, "avatar": avatar})
    session = stage.last("session.updated")["session"]
    assert session["avatar"] == avatar
    assert session["voice"] == {**VOICE_FIELDS, **voice}
    done = stage.ask("hello")
    assert done["voice"] == {**VOICE_FIELDS, **voice}
    assert done["usage"]["output_token_details"]["reasoning_tokens"] == 0
    assert stage.of("rate_limits.updated") == []
    assert all(len(body["event_id"]) == len("event_") + 22 for body in stage.events)


@keeps("live-voice-turn")
def test_only_the_users_speech_is_told_as_done() -> None:
    stage = stage_of("azure_voice_live", pace="instant")
    stage.send("session.update", session={"input_audio_transcription": {"model": "whisper-1"}})
    stage.talk("good morning", silence_ms=800)
    stage.ask("and you")
    (done,) = stage.of("conversation.item.done")
    assert done["item"]["id"] == stage.last("input_audio_buffer.committed")["item_id"]
    assert done["item"]["object"] == "realtime.item"
    (completed,) = stage.of("conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "good morning"
    assert "usage" not in completed


@keeps("live-vad-defaults")
def test_an_update_fills_in_other_values_than_the_session_began_with() -> None:
    stage = stage_of("azure_voice_live")

    def silence() -> tuple[int, int]:
        shown = stage.engine.inspect().values["session"]["turn_detection"]
        return shown["prefix_padding_ms"], shown["silence_duration_ms"]

    assert silence() == (300, 200)
    stage.send("session.update", session={"turn_detection": {"type": "server_vad"}})
    assert silence() == (400, 500)


@keeps("live-detectors")
def test_a_semantic_detector_of_azures_goes_by_the_silence_it_is_set_to() -> None:
    stage = stage_of("azure_voice_live", pace="instant")
    detection = {"type": "azure_semantic_vad", "silence_duration_ms": 300}
    stage.send("session.update", session={"turn_detection": detection})
    assert stage.last("session.updated")["session"]["turn_detection"]["type"] == "azure_semantic_vad"
    stage.talk("good morning", silence_ms=250)
    assert stage.of("input_audio_buffer.speech_stopped") == []
    stage.hear(bytes(48 * 200))
    assert stage.last("response.done")["response"]["output"][0]["content"][0]["transcript"] == ("good morning")


def test_voice_live_hears_16_khz() -> None:
    stage = stage_of("azure_voice_live", pace="instant")
    stage.send(
        "session.update",
        session={"input_audio_format": "pcm16", "input_audio_sampling_rate": 16_000},
    )
    assert stage.last("session.updated")["session"]["input_audio_sampling_rate"] == 16_000
    pcm = speech.encode("can you hear me", 16_000) + bytes(32 * 800)
    stage.hear(pcm, rate=16_000)
    transcript = stage.last("response.done")["response"]["output"][0]["content"][0]["transcript"]
    assert transcript == "can you hear me"


@keeps("azure-rate-limit")
@pytest.mark.parametrize("provider", ["azure", "azure_dated"])
def test_a_rate_limit_has_a_code_of_its_own(provider: str) -> None:
    def failed(of: str) -> dict[str, Any]:
        stage = stage_of(of, replier=Scripted([Failure("inference_rate_limit_exceeded")]))
        stage.send("response.create")
        details: dict[str, Any] = stage.until("response.done")["response"]["status_details"]
        return details["error"]

    assert failed(provider)["message"].startswith("The rate limit of this deployment is exceeded")  # azure.md#52
    assert failed(provider)["type"] == "invalid_request_error"
    assert failed("azure_voice_live")["message"] == "The response failed: inference_rate_limit_exceeded."  # the control


@keeps("azure-calls")
def test_a_call_over_webrtc_needs_a_short_lived_key() -> None:
    def asked(of: str, key: str) -> tuple[int, Any] | None:
        source = simulator(of)
        context = SessionContext(0, "0/0", source.dialect, unix_us=UNIX_US)
        path = source.dialect.socket_path + "/calls"
        reply = source.neighbour(Request("POST", path, (), (("Authorization", f"Bearer {key}"),), b""), context)
        return None if reply is None else (reply.status, json.loads(reply.body))

    told = asked("azure", "the-resources-key")
    assert told is not None
    assert (told[0], told[1]["error"]["message"]) == (401, "This operation requires ephemeral tokens")  # azure.md#9
    assert asked("openai", "any") is None  # the control: calls are not simulated (404)
