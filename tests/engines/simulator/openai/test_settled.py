"""What public sources settle: words and limits of sessions and responses, each with its source."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mockserver import Recall, Scripted, simulator, speech
from mockserver.core.frames import Handshake
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.simulator import McpCall, Reply, ToolCall
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.oracle import sound
from tests.engines.simulator.stage import ELSEWHERE, KEY, Stage, handshake


def told(stage: Stage) -> tuple[str | None, str, str | None]:
    error = stage.error()
    return error["code"], error["message"], error["param"]


def secret(body: Any) -> tuple[int, dict[str, Any]]:
    """POST /v1/realtime/client_secrets."""
    source = simulator("openai")
    request = Request("POST", "/v1/realtime/client_secrets", (), (KEY,), json.dumps(body).encode())
    reply = source.neighbour(request, SessionContext(0, "0/0", source.dialect, unix_us=UNIX_US))
    assert reply is not None
    return reply.status, json.loads(reply.body)


@keeps("format-rate")
@pytest.mark.parametrize("side", ["input", "output"])
def test_pcm_has_to_say_its_rate(side: str) -> None:
    session = {"type": "realtime", "audio": {side: {"format": {"type": "audio/pcm"}}}}
    stage = Stage()
    stage.send("session.update", session=session)
    path = f"session.audio.{side}.format.rate"
    assert told(stage) == ("missing_required_parameter", f"Missing required parameter: '{path}'.", path)
    status, body = secret({"session": session})
    assert (status, body["error"]["param"]) == (400, path)  # openai.md#209
    wrong = {"type": "realtime", "audio": {side: {"format": {"type": "audio/pcm", "rate": 16000}}}}
    stage.send("session.update", session=wrong)
    assert told(stage) == (
        "integer_below_min_value",
        f"Invalid '{path}': integer below minimum value. Expected a value >= 24000, but got 16000 instead.",
        path,
    )  # openai.md#41


@keeps("undivided")
@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe"])
def test_some_models_transcribe_without_turn_detection_alone(model: str) -> None:
    heard: dict[str, Any] = {"transcription": {"model": model}}
    session = {"type": "transcription", "audio": {"input": heard}}
    path = "session.audio.input.turn_detection"
    wanted = ("invalid_value", "Turn detection is not supported for this transcription model.", path)
    stage = Stage(hands=handshake(None, intent="transcription"))
    stage.send("session.update", session=session)  # by default there is one
    assert told(stage) == wanted
    heard["turn_detection"] = {"type": "server_vad"}
    stage.send("session.update", session=session)
    assert told(stage) == wanted
    status, body = secret({"session": session})
    assert (status, body["error"]["param"]) == (400, path)  # openai.md#40
    heard["turn_detection"] = None
    assert stage.send("session.update", session=session)[0]["type"] == "session.updated"
    heard |= {"turn_detection": {"type": "server_vad"}, "transcription": {"model": "gpt-4o-transcribe"}}
    assert stage.send("session.update", session=session)[0]["type"] == "session.updated"
    # The control: a session with responses has both (openai.md#80, recorded).
    assert Stage().update(audio={"input": {"transcription": {"model": model}}})[0]["type"] == "session.updated"


@keeps("transcription-session")
def test_a_transcription_session_shows_four_fields_of_its_turn_detection() -> None:
    first = Stage(hands=handshake(None, intent="transcription")).events[0]
    assert first["session"]["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
    }  # openai.md#34


@keeps("newer-options")
@pytest.mark.parametrize("given", [{"reasoning": {"effort": "low"}}, {"parallel_tool_calls": True}])
@pytest.mark.parametrize("how", ["null", "named"])
def test_models_of_the_first_generation_lack_options(given: dict[str, Any], how: Any) -> None:
    (name,) = given
    stage = Stage(unsupported_option_param=how)
    stage.update(**given)
    param = f"session.{name}" if how == "named" else None
    assert told(stage) == ("invalid_value", "Unsupported option for this model.", param)  # openai.md#44
    stage.send("response.create", response=given)
    assert told(stage)[:2] == ("invalid_value", "Unsupported option for this model.")
    assert Stage(hands=handshake("gpt-realtime-2")).update(**given)[0]["type"] == "session.updated"
    assert stage.update(reasoning=None)[0]["type"] == "session.updated"  # livekit sends a null (clients.md#44)


@keeps("limits")
def test_limits_of_a_session() -> None:
    stage = Stage()
    stage.update(audio={"input": {"transcription": {"model": "whisper-1", "prompt": "x" * 1025}}})
    assert told(stage)[0] == "string_above_max_length"
    assert told(stage)[2] == "session.audio.input.transcription.prompt"
    function = {"type": "function", "name": "f", "parameters": {}}
    stage.update(tools=[function, {**function, "name": "g", "description": "x" * 1025}])
    words = "string too long. Expected a string with maximum length 1024, but got a string with length 1025 instead."
    path = "session.tools[1].description"
    assert told(stage) == ("string_above_max_length", f"Invalid '{path}': {words}", path)  # openai.md#42
    stage.update(tools=[{**function, "name": "a b"}])
    assert told(stage)[2] == "session.tools[0].name"
    assert told(stage)[1].startswith("Invalid 'session.tools[0].name'")
    stage.send("response.create", response={"tools": [{**function, "name": "a b"}]})
    assert told(stage)[2] == "response.tools[0].name"
    detection: dict[str, Any] = {"type": "server_vad", "threshold": 0.12345678901234567}
    stage.update(audio={"input": {"turn_detection": detection}})
    assert told(stage)[1].startswith(
        "Invalid 'session.audio.input.turn_detection.threshold': max decimal places exceeded"
    )  # openai.md#43
    detection["threshold"] = 0.1234567890123456
    assert stage.update(audio={"input": {"turn_detection": detection}})[0]["type"] == "session.updated"


@keeps("expiry-words")
@pytest.mark.parametrize(
    ("seconds", "words"), [(3600, "60 minutes"), (60, "1 minute"), (1, "1 second"), (90, "90 seconds")]
)
def test_the_end_of_a_session_is_in_words_that_a_person_writes(seconds: float, words: str) -> None:
    stage = Stage(max_session_s=seconds)
    stage.wait(seconds * 1_000 + 10)
    assert stage.error()["message"] == f"Your session hit the maximum duration of {words}."


@keeps("speech-start")
def test_speech_is_told_as_soon_as_the_service_tells_it() -> None:
    """Speech began at 1760 ms, and was told when no more than 1800 ms of audio were sent (openai.md#81)."""
    stage = Stage()
    pcm = b"".join(sound(number, (1760, 4056)) for number in range(20))
    stage.hear(pcm[: 2 * 24 * 1_800])
    (started,) = stage.of("input_audio_buffer.speech_started")
    assert started["audio_start_ms"] == 1460
    quiet = Stage()
    quiet.hear(pcm[: 2 * 24 * 1_776])  # half a frame of it could be a click
    assert quiet.of("input_audio_buffer.speech_started") == []


@keeps("several-messages")
@pytest.mark.parametrize("modality", ["audio", "text"])
def test_two_texts_are_two_messages_of_one_response(modality: str) -> None:
    stage = Stage(
        hands=handshake("gpt-realtime-2"),
        replier=Scripted([["let me check", "it is sunny"], ["a", ToolCall("f"), "b"]]),
    )
    stage.update(output_modalities=[modality])
    done = stage.ask("hello")
    words = [item["content"][0].get("transcript") or item["content"][0].get("text") for item in done["output"]]
    assert words == ["let me check", "it is sunny"]
    assert len({item["id"] for item in done["output"]}) == 2
    added = stage.of("response.output_item.added")
    assert [body["output_index"] for body in added] == [0, 1]
    names = stage.names()
    first_done = names.index("response.output_item.done")
    assert first_done < len(names) - 1 - names[::-1].index("response.output_item.added")  # one after the other
    if modality == "audio":
        for item in done["output"]:
            audio = [body for body in stage.of("response.output_audio.delta") if body["item_id"] == item["id"]]
            assert audio
    both = stage.ask()
    assert [item["type"] for item in both["output"]] == ["message", "message", "function_call"]
    assert [item.get("phase") for item in both["output"]] == ["commentary", "commentary", None]


@keeps("reasoning-tokens")
@pytest.mark.parametrize(("model", "shown"), [("gpt-realtime-2.1", True), ("gpt-realtime", False)])
def test_usage_of_the_second_generation_counts_reasoning(model: str, shown: bool) -> None:
    done = Stage(hands=handshake(model), replier=Recall()).ask("hello")
    assert ("reasoning_tokens" in done["usage"]["output_token_details"]) is shown  # openai.md#211


@keeps("mcp-call")
@pytest.mark.parametrize(("how", "kinds"), [("ends", ["mcp_call"]), ("goes on", ["mcp_call", "message"])])
def test_what_follows_a_call_of_a_remote_tool_is_told_two_ways(how: Any, kinds: list[str]) -> None:
    """openai.md#138."""
    stage = Stage(
        replier=Scripted([McpCall("docs", "search", output="found"), Reply("It is found.")]),
        mcp={"docs": [{"name": "search"}]},
        after_mcp_call=how,
    )
    stage.update(
        tools=[{"type": "mcp", "server_label": "docs", "server_url": "https://x", "require_approval": "never"}],
        output_modalities=["text"],
    )
    done = stage.ask("look")
    assert (done["status"], [item["type"] for item in done["output"]]) == ("completed", kinds)
    assert len(stage.contexts) == len(kinds)
    assert len(stage.of("response.done")) == 1
    if how == "goes on":
        assert stage.contexts[1].items[-1].output == "found"


@keeps("mcp-address")
@pytest.mark.parametrize(
    ("tools", "param"),
    [
        (
            [
                {"type": "mcp", "server_label": "a", "server_url": "https://x"},
                {"type": "mcp", "server_label": "a", "server_url": "https://y"},
            ],
            "session.tools[1].server_label",
        ),
        (
            [{"type": "mcp", "server_label": "a", "server_url": "https://x", "connector_id": "connector_gmail"}],
            "session.tools[0].connector_id",
        ),
        (
            [
                {
                    "type": "mcp",
                    "server_label": "a",
                    "server_url": "https://x",
                    "authorization": "k",
                    "headers": {"Authorization": "k"},
                }
            ],
            "session.tools[0].authorization",
        ),
    ],
)
def test_tools_that_clash_are_refused(tools: list[dict[str, Any]], param: str) -> None:
    """openai.md#136; the words are ours."""
    stage = Stage()
    stage.update(tools=tools)
    assert told(stage)[2] == param


@keeps("bad-json", "binary")
def test_what_is_no_event_has_known_words() -> None:
    stage = Stage()
    stage.text("{")
    assert told(stage) == ("invalid_json", "Invalid event: failed to parse JSON value.", None)
    stage.binary(b"x")
    assert told(stage) == (
        "invalid_event",
        "Expected a text WebSocket message; binary frames are not supported.",
        None,
    )


@keeps("modalities")
def test_both_modalities_are_refused_with_the_field() -> None:
    stage = Stage()
    stage.update(output_modalities=["audio", "text"])
    assert told(stage) == (
        "invalid_value",
        "Invalid modalities: ['audio', 'text']. Supported combinations are: ['text'] and ['audio'].",
        "session.output_modalities",
    )  # openai.md#39


@keeps("transcription-failed")
def test_a_failed_transcription_may_have_been_one_too_many() -> None:
    stage = Stage(transcripts=[None], transcription_failure="too many requests")
    stage.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    stage.hear(speech.babble(0, 800) + bytes(48 * 400))
    failed = stage.until("conversation.item.input_audio_transcription.failed")
    assert failed["error"]["message"].endswith("429 Too Many Requests")  # openai.md#207


@keeps("xai-reasoning")
def test_xai_shows_the_reasoning_that_it_was_asked_for() -> None:
    stage = Stage(simulator("xai"), hands=handshake("grok-voice-latest"), check=False)
    stage.send("session.update", session={"reasoning": {"effort": "low"}})
    assert stage.last("session.updated")["session"]["reasoning"] == {"effort": "low"}  # xai.md#48


def test_a_client_secret_without_a_session_opens_one_with_the_default_model() -> None:
    source = simulator("openai")
    request = Request("POST", "/v1/realtime/client_secrets", (), (KEY,), b"")
    reply = source.neighbour(request, SessionContext(0, "0/0", source.dialect, unix_us=UNIX_US))
    assert reply is not None
    key = ("Authorization", f"Bearer {json.loads(reply.body)['value']}")
    assert Stage(source, hands=Handshake(ELSEWHERE, (), (key,))).names() == ["session.created"]


@keeps("too-long")
def test_a_conversation_that_is_too_long_is_an_error_where_nothing_may_be_left_out() -> None:
    stage = Stage(context_tokens=60, instructions="", pace="instant")
    stage.update(truncation="disabled")
    stage.say("short")
    assert stage.send("response.create")[0]["type"] == "response.created"  # the control
    stage.say("one more word " * 20)
    came = stage.send("response.create", event_id="mine")
    assert [body["type"] for body in came] == ["error"]
    assert told(stage) == ("conversation_too_long", "Conversation is too long to create a Response.", None)
    assert came[0]["error"]["event_id"] == "mine"  # openai.md#71
    stage.update(truncation="auto")
    assert stage.send("response.create")[0]["type"] == "response.created"


@keeps("wrong-type")
def test_a_wrong_type_is_told_with_the_texts_or_objects_that_belong_there() -> None:
    stage = Stage()
    stage.update(audio={"input": {"noise_reduction": {"type": {}}}})
    path = "session.audio.input.noise_reduction.type"
    words = f"Invalid type for '{path}': expected one of 'near_field','far_field', but got an object instead."
    assert told(stage) == ("invalid_type", words, path)  # openai.md#148
    stage.update(tools="none")
    words = "Invalid type for 'session.tools': expected an array of objects, but got a string instead."
    assert told(stage) == ("invalid_type", words, "session.tools")
    stage.update(output_modalities="audio")  # the control: texts are no objects
    assert told(stage)[1].endswith("expected an array, but got a string instead.")


@keeps("error-uuid")
def test_what_is_sent_where_no_session_begins_has_a_uuid() -> None:
    uuid = re.compile(r"event_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    refused = Stage(hands=handshake("gpt-nope")).of("error")[0]
    assert uuid.fullmatch(refused["event_id"])  # openai.md#13
    assert not uuid.fullmatch(Stage().events[0]["event_id"])
