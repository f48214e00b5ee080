"""The setup and what the service refuses, with its close codes and literal reasons."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import Binary, Text
from mockserver.engines.simulator import simulator
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.gemini.stage import MODEL, VERTEX, Stage, handshake, studio

INVALID = (1007, "Request contains an invalid argument.")
HALF = "gemini-live-2.5-flash-preview"
EXTENDED = "gemini-3.8-live-extended-thinking"
AFFECTIVE = {"generationConfig": {"enableAffectiveDialog": True}}
HIGH = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}


def closed(setup: dict[str, Any] | None = None, *, path: str | None = None, model: str = MODEL, **settings: Any) -> Any:
    """How the service ended a session at its setup; None where it took it."""
    stage = Stage(setup=setup, hands=handshake(path), model=model, **settings)
    if stage.closed is None:
        assert stage.messages[0] == {"setupComplete": {}}
    else:
        assert stage.messages == []
    return stage.closed


@keeps("gemini-setup-first")
def test_the_first_frame_must_be_a_setup_and_is_answered_first() -> None:
    stage = Stage(setup=False)
    assert stage.messages == []
    stage.send("setup", {"model": f"models/{MODEL}"})
    assert stage.messages == [{"setupComplete": {}}]
    for wrong in ("clientContent", "realtimeInput", "toolResponse"):
        stage = Stage(setup=False)
        stage.send(wrong, {})
        assert (stage.messages, stage.closed) == ([], INVALID)


@keeps("gemini-setup-once")
def test_a_second_setup_ends_the_session() -> None:
    stage = Stage()
    stage.send("setup", {"model": f"models/{MODEL}"})
    assert stage.closed == INVALID
    assert stage.send("clientContent", {}) == []


@keeps("gemini-array-length")
def test_an_array_has_so_many_elements_at_most() -> None:
    for most, end in ((4, None), (3, INVALID)):
        stage = Stage(max_array=most)
        stage.send("clientContent", {"turns": [{"role": "user", "parts": [{"text": "a"}] * 4}]})
        assert stage.closed == end


@keeps("gemini-frames")
def test_messages_are_pretty_printed_and_come_in_binary_or_text() -> None:
    assert Stage().frames == [Binary(b'{\n  "setupComplete": {}\n}\n')]
    assert Stage(frames="text").frames == [Text('{\n  "setupComplete": {}\n}\n')]


def test_a_client_may_send_binary_frames() -> None:
    stage = Stage(setup=False)
    stage.binary(json.dumps({"setup": {"model": f"models/{MODEL}"}}).encode())
    assert stage.messages == [{"setupComplete": {}}]


@keeps("gemini-spelling")
def test_both_spellings_of_a_name_are_read_at_every_depth() -> None:
    stage = Stage(setup=False, pace="instant")
    setup = {
        "model": f"models/{MODEL}",
        "generation_config": {"response_modalities": ["audio"], "speechConfig": {"voice_config": {}}},
        "output_audio_transcription": {},
        "realtime_input_config": {"automaticActivityDetection": {"disabled": True, "prefix_padding_ms": "20"}},
    }
    stage.send("setup", setup)
    stage.send("client_content", {"turns": [{"parts": [{"text": "hello"}], "role": "user"}], "turn_complete": True})
    assert stage.said() == "hello"
    assert stage.inside["session"]["realtimeInputConfig"]["automaticActivityDetection"] == {
        "disabled": True,
        "prefixPaddingMs": 20,
    }


def test_one_value_stands_for_a_list_of_one() -> None:
    stage = Stage(pace="instant")
    stage.send("clientContent", {"turns": {"role": "user", "parts": {"text": "hello"}}, "turnComplete": True})
    assert stage.said() == "hello"


@keeps("gemini-unknown-field")
@pytest.mark.parametrize(
    ("setup", "path", "reason"),
    [
        ({"proactivity": {"proactiveAudio": True}}, None, "\"proactivity\" at 'setup'"),
        ({"proactivity": {"proactiveAudio": True}}, studio("v1alpha"), None),
        ({"proactivity": {"proactiveAudio": True}}, studio("v1"), "\"proactivity\" at 'setup'"),
        ({"colour": "blue"}, None, "\"colour\" at 'setup'"),
        (
            {"generationConfig": {"inputAudioTranscription": {}}},
            None,
            "\"inputAudioTranscription\" at 'setup.generation_config'",
        ),
        (
            {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "$schema": "x"}}]}]},
            None,
            "\"$schema\" at 'setup.tools[0].function_declarations[0].parameters'",
        ),
    ],
)
def test_an_unknown_field_is_named_with_its_place(setup: dict[str, Any], path: str | None, reason: str | None) -> None:
    wanted = (
        None
        if reason is None
        else (1007, f"Invalid JSON payload received. Unknown name {reason}: Cannot find field."[:123])
    )
    model = "gemini-2.5-flash-native-audio-latest"
    assert closed(setup, path=path, model=model) == wanted


ONE_SERVICE: list[tuple[str, Any, bool]] = [
    ("setup", {"sessionResumption": {"transparent": True}}, True),
    ("setup", {"explicitVadSignal": True}, True),
    ("setup", {"tools": [{"enterpriseWebSearch": {}}]}, True),
    ("setup", {"tools": [{"fileSearch": {}}]}, False),
    ("setup", {"labels": {}}, False),
    ("realtimeInput", {"audioStreamEnd": True}, False),
    ("toolResponse", {"functionResponses": [{"id": "x", "response": {}, "willContinue": True}]}, False),
]


@keeps("gemini-one-service")
@pytest.mark.parametrize(("name", "body", "vertex"), ONE_SERVICE)
def test_a_field_of_one_service_is_unknown_to_the_other(name: str, body: dict[str, Any], vertex: bool) -> None:
    for there in (True, False):
        hands = handshake(VERTEX) if there else handshake()
        model = "gemini-live-2.5-flash-native-audio" if there else MODEL
        stage = Stage(hands=hands, model=model, setup=body if name == "setup" else {})
        if name != "setup":
            stage.send(name, body)
        if there is vertex:
            assert stage.closed is None
        else:
            assert stage.closed is not None
            assert (stage.closed[0], "Unknown name" in stage.closed[1]) == (1007, True)


def test_an_unknown_field_at_the_top_has_no_place() -> None:
    stage = Stage()
    stage.text('{"colour": {}}')
    assert stage.closed == (1007, 'Invalid JSON payload received. Unknown name "colour": Cannot find field.')


@keeps("gemini-one-message")
def test_a_message_has_exactly_one_of_its_parts() -> None:
    stage = Stage()
    stage.text('{"clientContent": {}, "realtimeInput": {}}')
    assert stage.closed is not None
    assert stage.closed[0] == 1007
    assert "oneof" in stage.closed[1]
    for empty in ("{}", '{"clientContent": null}'):
        stage = Stage()
        stage.text(empty)
        assert stage.closed == INVALID


@keeps("gemini-json-values")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "Invalid JSON payload received. Unexpected token."),
        ("[1]", "Invalid JSON payload received. Unexpected token."),
        (
            '{"setup": 5}',
            "Invalid value at 'setup' (type.googleapis.com/google.ai.generativelanguage.v1beta.BidiGene",
        ),
        ('{"setup": {"model": 5}}', "Invalid value at 'setup.model' (TYPE_STRING), 5"),
        (
            '{"setup": {"generationConfig": {"responseModalities": ["LOUD"]}}}',
            "Invalid value at 'setup.generation_config.response_modalities[0]' (type.googleapis.com/google.ai",
        ),
        (
            '{"setup": {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": "x"}}}}',
            "Invalid value at 'setup.realtime_input_config.automatic_activity_detection.disabled' (TYPE_BOOL), \"x\"",
        ),
        (
            '{"setup": {"systemInstruction": [{}]}}',
            "Invalid JSON payload received. Unknown name \"systemInstruction\" at 'setup': Proto field is not",
        ),
        (
            '{"setup": {"labels": 5}}',
            "Invalid value at 'setup.labels' (type.googleapis.com/google.protobuf.Struct), 5",
        ),
    ],
)
def test_a_value_of_another_type_is_told_with_its_place_and_type(text: str, reason: str) -> None:
    stage = Stage(setup=False)
    stage.text(text)
    assert stage.closed is not None
    assert stage.closed[0] == 1007
    assert stage.closed[1].startswith(reason[:100])


def test_audio_that_is_no_base64_ends_the_session() -> None:
    stage = Stage()
    stage.send("realtimeInput", {"audio": {"data": "???", "mimeType": "audio/pcm"}})
    assert stage.closed == (
        1007,
        "Invalid value at 'realtime_input.audio.data' (TYPE_BYTES), Base64 decoding failed for \"???\"",
    )


# --- models ---------------------------------------------------------------------------------------------------------


@keeps("gemini-models")
def test_an_unknown_model_is_refused_by_its_name() -> None:
    code, reason = closed(model="gemini-9")
    assert (code, len(reason.encode())) == (1008, 123)
    assert reason.startswith(
        "models/gemini-9 is not found for API version v1beta, or is not supported for bidiGenerateC"
    )
    bare = Stage(setup=False)
    bare.send("setup", {"model": MODEL})
    assert bare.closed is not None
    assert bare.closed[1].startswith(f"{MODEL} is not found for API version v1beta")
    code, reason = closed(path=VERTEX, model="gemini-9")
    assert code == 1008
    assert reason.startswith("Publisher Model `projects/p/locations/l/publishers/google/models/gemini-9` was not found")
    assert closed(model="gemini-live-2.5-flash") is not None, "Vertex alone has this one"
    assert closed(path=VERTEX, model="gemini-live-2.5-flash") is None
    assert closed(model="mine", models=["mine"]) is None
    assert closed(model=MODEL, models=["mine"]) is not None


def test_a_setup_needs_a_model() -> None:
    stage = Stage(setup=False)
    stage.send("setup", {})
    assert stage.closed == INVALID


@keeps("gemini-model-refusals")
@pytest.mark.parametrize(
    ("model", "setup", "path", "told"),
    [
        (MODEL, {"generationConfig": {"responseModalities": ["TEXT"]}}, None,
         (1007, "The requested combination of response modalities (TEXT) is not supported by the model")),
        (HALF, {"generationConfig": {"responseModalities": ["TEXT"]}}, None, None),
        (HALF, {"generationConfig": {"responseModalities": ["TEXT", "AUDIO"]}}, None,
         (1007, "The requested combination of response modalities (TEXT, AUDIO) is not supported by the model")),
        ("gemini-robotics-er-2-streaming-preview", {"generationConfig": {"responseModalities": ["AUDIO"]}}, None,
         (1007, "The requested combination of response modalities (AUDIO) is not supported by the model")),
        ("gemini-robotics-er-2-streaming-preview", {}, None, None),
        ("gemini-3.1-flash-live-preview", AFFECTIVE, studio("v1alpha"), INVALID),
        (MODEL, AFFECTIVE, studio("v1alpha"), None),
        (EXTENDED, {}, None, (1007, "Thinking level must be specified for this model")),
        (EXTENDED, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}}, None,
         (1007, "Thinking level MINIMAL is not supported for this model")),
        (EXTENDED, HIGH, None, None),
        ("gemini-3.8-live", HIGH, None, (1007, "Thinking level is not supported for this model")),
        ("gemini-live-2.5-flash", HIGH, VERTEX, (1007, "thinking_level is not supported by this model")),
        (EXTENDED, {**HIGH, "tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}]}, None,
         (1007, "BLOCKING function calls are not supported for this model")),
        ("gemini-3.8-live", {"tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}]}, None, None),
        (MODEL, {"tools": [{"codeExecution": {}}]}, None,
         (1007, "Code Execution tool is not supported for this model")),
        (HALF, {"tools": [{"codeExecution": {}}]}, None, None),
        (MODEL, {"tools": [{"googleSearch": {}}]}, None, None),
    ],
)  # fmt: skip
def test_each_model_refuses_what_it_does_not_take(
    model: str, setup: dict[str, Any], path: str | None, told: tuple[int, str] | None
) -> None:
    assert closed(setup, model=model, path=path) == told


@keeps("gemini-affective-late")
def test_3_8_refuses_affective_dialog_at_the_first_send() -> None:
    stage = Stage(
        model="gemini-3.8-live",
        hands=handshake(studio("v1alpha")),
        setup={"generationConfig": {"enableAffectiveDialog": True}},
    )
    assert stage.closed is None
    stage.send("realtimeInput", {"text": "hello"})
    assert stage.closed == INVALID


# --- history and contents -------------------------------------------------------------------------------------------


@keeps("gemini-history")
def test_announced_history_is_not_answered() -> None:
    stage = Stage(setup={"historyConfig": {"initialHistoryInClientContent": True}}, pace="instant")
    stage.write("My name is Alice.", complete=False)
    stage.write("My colour is teal.", complete=True)
    stage.wait(10_000)
    assert stage.names() == ["setupComplete"]
    stage.write("Who am I?")
    assert stage.said() == "My name is Alice. | My colour is teal. | Who am I?"


def test_without_the_announcement_it_is() -> None:
    """The control."""
    stage = Stage(pace="instant")
    stage.write("My name is Alice.", complete=False)
    assert stage.names() == ["setupComplete"]
    stage.write("My colour is teal.", complete=True)
    assert stage.said() == "My name is Alice. | My colour is teal."


@pytest.mark.parametrize(("text", "answered"), [(" ", "You said My name is Alice."), ("hm", "You said hm")])
def test_a_blank_text_asks_for_an_answer_to_what_stands_before_it(text: str, answered: str) -> None:
    """gemini.md#102; other words are answered themselves."""
    seeded = {"historyConfig": {"initialHistoryInClientContent": True}}
    model = "gemini-3.8-live"
    stage = Stage(model=model, setup=seeded, pace="instant", replier=lambda context: f"You said {context.user}")
    stage.write("My name is Alice.", complete=True)
    stage.send("realtimeInput", {"text": text})
    assert stage.said() == answered


@keeps("gemini-seeded")
@pytest.mark.parametrize(
    ("part", "model", "told"),
    [
        ({"functionCall": {"name": "f", "args": {}}}, MODEL, INVALID),
        ({"functionResponse": {"name": "f", "response": {}}}, MODEL, INVALID),
        ({"functionCall": {"name": "f", "args": {}}}, "gemini-3.8-live", None),
        ({"inlineData": {"data": "AAAA", "mimeType": "audio/pcm"}}, MODEL, (1007, "Precondition check failed")),
        ({"inlineData": {"data": "AAAA", "mimeType": "audio/pcm;rate=24000"}}, "gemini-3.1-flash-live-preview",
         (1008, "Operation is not implemented, or supported, or enabled.")),
        ({"inlineData": {"data": "AAAA", "mimeType": "audio/pcm;rate=16000"}}, "gemini-3.1-flash-live-preview", None),
        ({"inlineData": {"data": "AAAA", "mimeType": "image/png"}}, MODEL, None),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_in_its_history(
    part: dict[str, Any], model: str, told: tuple[int, str] | None
) -> None:
    stage = Stage(model=model)
    stage.send("clientContent", {"turns": [{"role": "user", "parts": [part]}]})
    assert stage.closed == told


@keeps("gemini-roles")
def test_roles_of_contents() -> None:
    stage = Stage(pace="instant")
    stage.write("hello", role=None)
    assert stage.said() == "hello"
    stage = Stage(model="gemini-3.1-flash-live-preview")
    stage.write("hello", role=None)
    assert stage.closed == INVALID
    stage = Stage()
    stage.write("Be brief.", role="system")
    assert stage.closed == INVALID
    stage = Stage(hands=handshake(VERTEX), model="gemini-live-2.5-flash-native-audio", pace="instant")
    stage.write("Be brief.", role="system", complete=False)
    stage.write("hello")
    assert stage.inside["contexts"][0].instructions == "Be brief."


@keeps("gemini-content-on-3")
def test_contents_to_3_1_are_taken_or_refused() -> None:
    model = "gemini-3.1-flash-live-preview"
    stage = Stage(model=model, pace="instant")
    stage.write("hello")
    assert stage.said() == "hello"
    stage = Stage(model=model, content_on_3="refused")
    stage.write("hello")
    assert stage.closed == INVALID
    seeded = {"historyConfig": {"initialHistoryInClientContent": True}}
    stage = Stage(model=model, content_on_3="refused", setup=seeded)
    stage.write("hello")
    assert stage.closed is None


def test_the_context_may_be_changed_in_between() -> None:
    stage = Stage(pace="instant", setup={"systemInstruction": {"parts": [{"text": "Be brief."}]}})
    stage.ask("one")
    stage.send("contextUpdate", {"systemInstruction": {"parts": [{"text": "Be long."}]}})
    tools = [{"functionDeclarations": [{"name": "f"}]}]
    stage.send("contextUpdate", {"tools": {"tools": tools}})
    stage.ask("two")
    first, second = stage.inside["contexts"]
    assert (first.instructions, first.tools) == ("Be brief.", ())
    assert (second.instructions, [tool["name"] for tool in second.tools]) == ("Be long.", ["f"])


@keeps("gemini-context-limit")
def test_a_context_that_is_too_long_ends_the_session() -> None:
    stage = Stage(max_context_tokens=50)
    stage.write("word " * 60, complete=False)
    assert stage.closed == INVALID
    stage = Stage(max_context_tokens=50, overflow_code=1011)
    stage.write("word " * 60, complete=False)
    assert stage.closed is not None
    assert stage.closed[0] == 1011
    stage = Stage(hands=handshake(VERTEX), model="gemini-live-2.5-flash", max_context_tokens=50)
    stage.write("word " * 60, complete=False)
    assert stage.closed == (1000, "The operation was cancelled.")


@keeps("gemini-compression")
def test_compression_forgets_the_oldest_turns() -> None:
    compression = {"contextWindowCompression": {"triggerTokens": "60", "slidingWindow": {"targetTokens": 20}}}
    stage = Stage(setup=compression, max_context_tokens=80, pace="instant")
    for number in range(12):
        stage.write(f"fact number {number} " * 2, complete=False)
    assert stage.closed is None
    texts = [one["text"] for one in stage.inside["conversation"]]
    assert not any("number 0" in text for text in texts)
    assert "number 11" in texts[-1]


def test_a_wrong_setting_fails_where_it_is_written() -> None:
    from mockserver.errors import UsageError

    with pytest.raises(UsageError, match="unknown setting 'mcp'"):
        simulator("gemini", mcp={})
    with pytest.raises(UsageError, match="model='gemini-9'"):
        simulator("gemini", model="gemini-9")
    with pytest.raises(UsageError, match="after_go_away"):
        simulator("gemini", after_go_away="x")  # type: ignore[arg-type]


def test_a_number_too_large_for_a_float_is_refused() -> None:
    code, reason = Stage(setup={"generationConfig": {"temperature": 10**400}}).closed or (0, "")
    assert (code, "TYPE_FLOAT" in reason) == (1007, True)
