"""Settings: the defaults, session.update all or nothing, expiry."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.engines.simulator import Scripted
from mockserver.engines.simulator.openai.profile import DEFAULT_INSTRUCTIONS
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage, handshake


@keeps("session-first")
def test_session_created_comes_first_and_alone() -> None:
    stage = Stage()
    stage.wait(1_000)
    assert stage.names() == ["session.created"]


@keeps("session-defaults")
@pytest.mark.parametrize(
    ("model", "silence", "voice"),
    [
        ("gpt-realtime", 200, "alloy"),
        ("gpt-realtime-2025-08-28", 200, "alloy"),  # a date, not a second generation
        ("gpt-realtime-2", 500, "marin"),
        ("gpt-realtime-2.1", 500, "marin"),
        ("gpt-realtime-2.1-mini", 500, "marin"),
    ],
)
def test_the_defaults_are_those_of_the_model(model: str, silence: int, voice: str) -> None:
    session = Stage(hands=handshake(model)).last("session.created")["session"]
    assert session["audio"]["output"]["voice"] == voice
    assert session["model"] == model
    assert session["output_modalities"] == ["audio"]
    assert session["instructions"] == DEFAULT_INSTRUCTIONS
    assert session["max_output_tokens"] == "inf"
    assert session["audio"]["input"]["transcription"] is None
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": silence,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


@keeps("session-expires-at")
def test_expires_at_is_an_hour_away() -> None:
    assert Stage().last("session.created")["session"]["expires_at"] == UNIX_US // 1_000_000 + 3_600


@keeps("session-expiry")
def test_after_sixty_minutes_the_session_ends_without_warning() -> None:
    stage = Stage()
    assert stage.wait(3_599_999) == []
    assert stage.hangup is None
    (error,) = stage.wait(1)
    text = "Your session hit the maximum duration of 60 minutes."
    assert (error["error"]["code"], error["error"]["message"]) == ("session_expired", text)
    assert stage.hangup is not None
    assert (stage.hangup.code, stage.hangup.reason) == (1001, text)
    assert stage.send("response.create") == []


@keeps("update-merges")
def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    stage = Stage()
    before = stage.last("session.created")["session"]
    (updated,) = stage.update(instructions="Be brief.", audio={"output": {"speed": 1.2}})
    assert updated["type"] == "session.updated"
    expected = before | {"instructions": "Be brief."}
    expected["audio"]["output"]["speed"] = 1.2
    assert updated["session"] == expected


@keeps("update-merges")
def test_turn_detection_of_the_same_type_is_merged_and_of_another_type_begins_anew() -> None:
    stage = Stage()

    def detection(**given: Any) -> Any:
        (updated,) = stage.update(audio={"input": {"turn_detection": given or None}})
        return updated["session"]["audio"]["input"]["turn_detection"]

    assert detection(type="server_vad", threshold=0.9)["silence_duration_ms"] == 200
    assert detection(type="server_vad", silence_duration_ms=700)["threshold"] == 0.9
    assert detection(type="semantic_vad") == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }
    assert detection() is None
    assert detection(type="server_vad")["threshold"] == 0.5


@keeps("transcription-nulls")
def test_what_transcription_leaves_out_is_null() -> None:
    (updated,) = Stage().update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    shown = updated["session"]["audio"]["input"]["transcription"]
    assert shown == {"model": "whisper-1", "language": None, "prompt": None}


@keeps("empty-instructions")
def test_empty_instructions_bring_the_default_ones_back() -> None:
    stage = Stage()
    stage.update(instructions="Be brief.")
    (updated,) = stage.update(instructions="")
    assert updated["session"]["instructions"] == DEFAULT_INSTRUCTIONS


@keeps("update-type")
def test_an_update_must_name_its_type() -> None:
    stage = Stage()
    stage.send("session.update", event_id="mine", session={"instructions": "x"})
    assert stage.error() == {
        "type": "invalid_request_error",
        "code": "missing_required_parameter",
        "message": "Missing required parameter: 'session.type'.",
        "param": "session.type",
        "event_id": "mine",
    }


@keeps("update-all-or-nothing")
def test_a_refused_update_changes_nothing() -> None:
    stage = Stage()
    before = stage.engine.inspect().values["session"]
    stage.update(instructions="New.", audio={"output": {"voice": "nobody"}})
    assert stage.error()["code"] == "invalid_value"
    stage.update(instructions="New.", output_modalities=["text", "audio"])
    stage.update(instructions="New.", colour="blue")
    assert stage.error()["param"] == "session.colour"
    assert stage.engine.inspect().values["session"] == before
    assert stage.of("session.updated") == []


@keeps("update-model-ignored")
def test_a_model_in_an_update_is_ignored_silently() -> None:
    (updated,) = Stage().update(model="gpt-audio-1.5")
    assert updated["type"] == "session.updated"
    assert updated["session"]["model"] == "gpt-realtime"


@keeps("voice-fixed")
def test_the_voice_is_fixed_once_the_model_has_spoken() -> None:
    stage = Stage(replier=Scripted(["hello there"]))
    assert stage.update(audio={"output": {"voice": "marin"}})[0]["type"] == "session.updated"
    stage.ask()
    stage.update(audio={"output": {"voice": "cedar"}})
    assert stage.error()["code"] == "cannot_update_voice"
    assert stage.update(audio={"output": {"voice": "marin"}})[0]["type"] == "session.updated"


@keeps("voice-fixed")
def test_text_alone_does_not_fix_the_voice() -> None:
    stage = Stage(replier=Scripted(["hello there"]))
    stage.ask(output_modalities=["text"])
    assert stage.update(audio={"output": {"voice": "cedar"}})[0]["type"] == "session.updated"


@keeps("modalities")
@pytest.mark.parametrize("given", [["text", "audio"], [], ["audio", "text"]])
def test_one_modality_at_a_time(given: list[str]) -> None:
    stage = Stage()
    stage.update(output_modalities=given)
    assert stage.error()["code"] == "invalid_value"
    stage.send("response.create", response={"output_modalities": given})
    assert len(stage.of("error")) == 2
    stage.wait(1_000)
    assert stage.of("response.created") == []


@keeps("transcription-session")
def test_a_transcription_session_transcribes_and_never_responds() -> None:
    stage = Stage(hands=handshake(None, intent="transcription"))
    session = stage.last("session.created")["session"]
    assert session["type"] == "transcription"
    assert "model" not in session
    given = {
        "type": "transcription",
        "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
    }
    assert stage.send("session.update", session=given)[0]["type"] == "session.updated"
    stage.talk("good morning")
    stage.wait(3_000)
    done = stage.last("conversation.item.input_audio_transcription.completed")
    assert done["transcript"] == "good morning"
    assert stage.of("response.created") == []
    assert stage.of("rate_limits.updated") == []
    stage.send("response.create")
    assert stage.error()["type"] == "invalid_request_error"


@keeps("session-kind")
def test_a_session_cannot_change_its_kind() -> None:
    stage = Stage()
    stage.send("session.update", session={"type": "transcription"})
    assert stage.error()["message"] == ("Passing a transcription session update to a realtime session is not allowed.")
    other = Stage(hands=handshake(None, intent="transcription"))
    other.update(instructions="x")
    assert (other.error()["code"], other.error()["param"]) == ("invalid_parameter", "")
