"""What cannot be changed any more: the voice, the speed while the model speaks, tracing. And limits of metadata."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mockserver import speech
from mockserver.core.frames import Handshake
from mockserver.engines.simulator import Scripted, simulator
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import KEY, Stage, handshake

WORDS = "one two three four"


def spoken(voice: str) -> dict[str, Any]:
    return {"audio": {"output": {"voice": voice}}}


def dated() -> Stage:
    query = (("deployment", "gpt-realtime"), ("api-version", "2025-04-01-preview"))
    hands = Handshake("/openai/realtime", query, (KEY,))
    source = simulator("azure_dated", replier=Scripted([WORDS] * 4))
    return Stage(source, hands=hands, check=False)


# --- the voice ------------------------------------------------------------------------------------------------------


@keeps("voice-fixed")
@pytest.mark.parametrize("conversation", ["auto", "none"])
def test_a_response_cannot_have_another_voice_once_the_model_has_spoken(conversation: str) -> None:
    stage = Stage(replier=Scripted([WORDS] * 3))
    stage.ask()
    asked = {**spoken("ash"), "conversation": conversation}
    came = stage.send("response.create", event_id="mine", response=asked)
    assert [body["type"] for body in came] == ["error"]
    assert (stage.error()["code"], stage.error()["event_id"]) == ("cannot_update_voice", "mine")
    stage.wait(5_000)
    assert len(stage.of("response.created")) == 1
    # The controls: the voice that it has spoken with, and none.
    assert stage.ask(**spoken("alloy"))["status"] == "completed"
    assert stage.ask()["audio"]["output"]["voice"] == "alloy"


@keeps("voice-fixed")
def test_the_first_response_with_audio_may_choose_and_then_its_voice_stays() -> None:
    stage = Stage(replier=Scripted([WORDS] * 4))
    text = {"output_modalities": ["text"], **spoken("cedar")}
    assert stage.ask(**text)["status"] == "completed"
    assert stage.ask(**spoken("ash"))["audio"]["output"]["voice"] == "ash"
    assert stage.ask()["audio"]["output"]["voice"] == "ash"
    stage.send("response.create", response=spoken("alloy"))
    assert stage.error()["code"] == "cannot_update_voice"
    (updated,) = stage.update(**spoken("ash"))
    assert updated["session"]["audio"]["output"]["voice"] == "ash"


@keeps("voice-fixed")
def test_the_voice_is_fixed_from_the_first_audio_on() -> None:
    stage = Stage(replier=Scripted([WORDS] * 2))
    beside = {"conversation": "none", **spoken("ash")}
    stage.send("response.create")
    stage.until("response.created")
    assert stage.send("response.create", response={**beside, "output_modalities": ["text"]}) == []
    stage.until("response.output_audio.delta")
    (error,) = stage.send("response.create", response=beside)
    assert error["error"]["code"] == "cannot_update_voice"


@keeps("voice-fixed")
def test_the_betas_voice_is_fixed_too() -> None:
    stage = dated()
    stage.send("response.create", response={"voice": "ash"})
    stage.until("response.done")
    stage.send("response.create", response={"voice": "coral"})
    assert stage.error()["code"] == "cannot_update_voice"
    stage.send("response.create", response={"voice": "ash"})
    assert stage.until("response.done")["response"]["status"] == "completed"


# --- the speed ------------------------------------------------------------------------------------------------------


@keeps("speed-between-turns")
def test_the_speed_cannot_change_while_a_response_is_in_progress() -> None:
    stage = Stage(replier=Scripted([WORDS] * 2))
    faster = {"audio": {"output": {"speed": 1.3}}}
    same = {"audio": {"output": {"speed": 1.0}}}
    stage.send("response.create")
    (error,) = stage.send("session.update", event_id="e", session={"type": "realtime", **faster})
    assert (error["error"]["code"], error["error"]["event_id"]) == ("cannot_update_speed", "e")
    stage.until("response.output_audio.delta")
    stage.update(instructions="Be brief.", **faster)
    session = stage.engine.inspect().values["session"]
    assert session["audio"]["output"]["speed"] == 1.0
    assert session["instructions"] != "Be brief."
    # The controls: other settings, the same speed, and after the response.
    assert stage.update(instructions="Be brief.", **same)[0]["type"] == "session.updated"
    stage.until("response.done")
    (updated,) = stage.update(**faster)
    assert updated["session"]["audio"]["output"]["speed"] == 1.3


@keeps("speed-between-turns")
def test_nor_in_the_beta() -> None:
    stage = dated()
    stage.send("response.create")
    stage.until("response.created")
    stage.send("session.update", session={"speed": 1.3})
    assert stage.error()["code"] == "cannot_update_speed"
    stage.until("response.done")
    stage.send("session.update", session={"speed": 1.3})
    assert len(stage.of("session.updated")) == 1


# --- tracing --------------------------------------------------------------------------------------------------------


@keeps("tracing-fixed")
@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("auto", {"workflow_name": "b"}),
        ({"workflow_name": "a"}, {"workflow_name": "b"}),
        ({"workflow_name": "a"}, {"workflow_name": "a", "group_id": "g"}),
        ({"workflow_name": "a"}, "auto"),
    ],
)
def test_tracing_cannot_be_changed_once_it_is_on(first: Any, other: Any) -> None:
    stage = Stage()
    assert stage.update(tracing=None)[0]["session"]["tracing"] is None
    assert stage.update(tracing=first)[0]["session"]["tracing"] == first
    stage.update(instructions="New.", tracing=other)
    assert stage.error()["code"] == "cannot_update_tracing"
    session = stage.engine.inspect().values["session"]
    assert session["tracing"] == first
    assert session["instructions"] != "New."
    # The controls: the same again, as openai-agents sends it, and an update without it.
    again = {"group_id": None, "metadata": None, **first} if isinstance(first, dict) else first
    assert stage.update(tracing=again)[0]["type"] == "session.updated"
    assert stage.update(instructions="New.")[0]["type"] == "session.updated"
    # Null turns it off, and not into another.
    assert stage.update(tracing=None)[0]["session"]["tracing"] is None
    stage.update(tracing=other)
    assert len(stage.of("error")) == 2
    assert stage.update(tracing=first)[0]["session"]["tracing"] == first


@keeps("tracing-fixed")
def test_tracing_that_a_session_begins_with_is_fixed_too() -> None:
    stage = Stage(session={"tracing": "auto"})
    stage.update(tracing={"workflow_name": "a"})
    assert stage.error()["code"] == "cannot_update_tracing"
    assert stage.update(tracing="auto")[0]["type"] == "session.updated"


# --- metadata -------------------------------------------------------------------------------------------------------


@keeps("metadata-limits")
def test_metadata_up_to_the_limits_is_taken() -> None:
    most = {f"{number:064}": "v" * 512 for number in range(16)}
    assert Stage().ask(metadata=most)["metadata"] == most
    # A trace's has no limits in the schema.
    own = {"k" * 65: "v" * 513}
    (updated,) = Stage().update(tracing={"metadata": own})
    assert updated["session"]["tracing"]["metadata"] == own


LONG_NAME = (
    "Invalid property name in 'response.metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, "
    "but got a string with length 65 instead."
)
LONG_VALUE = (
    "Invalid 'response.metadata.k': string too long. Expected a string with maximum length 512, but got a string with "
    "length 513 instead."
)


@keeps("metadata-limits")
@pytest.mark.parametrize(("given", "message"), [({"k" * 65: "v"}, LONG_NAME), ({"k": "v" * 513}, LONG_VALUE)])
@pytest.mark.parametrize("provider", ["openai", "azure_dated", "xai"])
def test_metadata_past_a_limit_is_refused(provider: str, given: dict[str, str], message: str) -> None:
    hands = handshake("grok-voice-latest" if provider == "xai" else "gpt-realtime")
    stage = Stage(simulator(provider), hands=hands, check=False)
    for response in ({"metadata": given}, {"metadata": given, "conversation": "none"}):
        stage.send("response.create", response=response)
        assert stage.error()["message"] == message
    stage.wait(1_000)
    assert stage.of("response.created") == []


# --- input of a response --------------------------------------------------------------------------------------------


@keeps("oob-input")
def test_the_model_hears_the_audio_of_a_responses_own_input() -> None:
    stage = Stage()
    audio = base64.b64encode(speech.encode("good morning")).decode()
    part = {"type": "input_audio", "audio": audio}
    item = {"type": "message", "role": "user", "content": [part]}
    done = stage.ask(conversation="none", input=[item])
    assert stage.contexts[0].words() == "good morning"
    assert speech.decode(stage.audio()) == "good morning"
    assert done["usage"]["input_token_details"]["audio_tokens"] > 0
    assert stage.conversation == []


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"audio": "x"}, "response.audio"),
        ({"audio": {"output": 1}}, "response.audio.output"),
        ({"audio": {"output": {"format": "pcm"}}}, "response.audio.output.format"),
        ({"output_modalities": "audio"}, "response.output_modalities"),
        ({"tools": "x"}, "response.tools"),
        ({"tool_choice": 5}, "response.tool_choice"),
        ({"max_output_tokens": []}, "response.max_output_tokens"),
    ],
)
def test_what_xai_heeds_of_a_response_has_the_right_type(given: dict[str, Any], param: str) -> None:
    stage = Stage(simulator("xai"), hands=handshake("grok-voice-latest"), check=False)
    stage.send("response.create", response=given)
    assert (stage.error()["code"], stage.error()["param"]) == ("invalid_type", param)
    stage.send("response.create", response={"colour": "blue", "audio": {"output": {"x": 1}}})
    assert stage.until("response.done")["response"]["status"] == "completed"
