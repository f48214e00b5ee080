"""Turns of the model: their order by generation, what cuts them, tools, and what stays in the context."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Failure, McpCall, Pace, Reply, Scripted, Silence, ToolCall
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.gemini.stage import MODEL, RATE, VERTEX, WEATHER, Stage, handshake

FAST = Pace(audio_speed=1_000.0)
LONG = "one two three four five six seven eight nine ten"
V31, V38 = "gemini-3.1-flash-live-preview", "gemini-3.8-live"
CALL = ToolCall("get_weather", {"city": "Oslo"})


def with_tools(*replies: Any, behavior: str | None = None, model: str = MODEL, **settings: Any) -> Stage:
    """A session with one function."""
    declared = {"functionDeclarations": [{"name": "get_weather", **({"behavior": behavior} if behavior else {})}]}
    return Stage(setup={"tools": [declared]}, replier=Scripted(replies), model=model, **settings)


# --- the order of a turn --------------------------------------------------------------------------------------------


@keeps("gemini-order-25")
def test_a_turn_of_2_5() -> None:
    stage = Stage(replier=Scripted(["Hello there."]), pace=FAST)
    assert stage.ask("hi") == "Hello there."
    assert stage.names() == [
        "setupComplete",
        "modelTurn",  # the thought
        "outputTranscription",
        "modelTurn",
        "outputTranscription",
        "modelTurn",
        "generationComplete",
        "turnComplete+usageMetadata",
    ]
    (thought,) = [part for one in stage.of("modelTurn") for part in one["parts"] if "text" in part]
    assert thought["thought"] is True
    assert stage.said() == "Hello there."


@keeps("gemini-order-3")
@pytest.mark.parametrize(("model", "opening"), [(V31, ["serverContent"]), (V38, ["empty", "serverContent", "empty"])])
def test_a_turn_of_3_x_has_words_and_audio_in_one_message(model: str, opening: list[str]) -> None:
    stage = Stage(replier=Scripted(["Hello there."]), pace=FAST, model=model)
    start = stage.names().__len__()
    assert stage.ask("hi") == "Hello there."
    names = stage.names()[start:]
    assert names[: len(opening)] == opening
    assert names[len(opening)] == "modelTurn+outputTranscription"
    assert "outputTranscription" not in names
    assert stage.said() == "Hello there."
    assert all(("role" in one) is (model == V38) for one in stage.of("modelTurn"))


@keeps("gemini-text-answers")
def test_an_answer_in_text_comes_in_parts_and_waits_for_no_playback() -> None:
    setup = {"generationConfig": {"responseModalities": ["TEXT"]}}
    stage = Stage(model="gemini-live-2.5-flash-preview", setup=setup, replier=Scripted([LONG]))
    stage.write("hi")
    stage.until("generationComplete")
    at = stage.at
    stage.until("turnComplete")
    assert stage.at == at
    texts = [part["text"] for one in stage.of("modelTurn") for part in one["parts"]]
    assert "".join(texts) == LONG
    assert len(texts) > 1
    assert stage.audio() == b""


@keeps("gemini-playback")
def test_generation_outruns_playback_and_the_turn_waits_for_it() -> None:
    stage = Stage(replier=Scripted([LONG]), pace=FAST)
    stage.write("hi")
    stage.until("generationComplete")
    generated = stage.at
    stage.until("turnComplete")
    played_ms = (stage.at - generated) / 1_000
    audio_ms = len(stage.audio()) / 48
    assert audio_ms > 2_000
    assert played_ms == pytest.approx(audio_ms, rel=0.05)


def test_an_instant_turn_waits_for_nothing() -> None:
    stage = Stage(replier=Scripted([LONG]), pace="instant")
    stage.write("hi")
    assert stage.names()[-1] == "turnComplete+usageMetadata"
    assert stage.at == 0


@keeps("gemini-usage")
def test_what_a_turn_cost_stands_in_its_last_message() -> None:
    stage = Stage(pace="instant", replier=Scripted(["Hello there.", "Yes."]))
    stage.ask("hi")
    (first,) = stage.of("usageMetadata")
    assert first["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": 1}]
    assert [one["modality"] for one in first["responseTokensDetails"]] == ["AUDIO"]
    assert first["totalTokenCount"] == first["promptTokenCount"] + first["responseTokenCount"]
    assert first["thoughtsTokenCount"] > 0
    stage.ask("again")
    second = stage.of("usageMetadata")[1]
    assert [one["modality"] for one in second["promptTokensDetails"]] == ["TEXT", "AUDIO"]


@keeps("gemini-thoughts")
def test_when_the_model_thinks_aloud() -> None:
    def thoughts(**given: Any) -> int:
        stage = Stage(pace="instant", replier=Scripted(["Yes."]), **given)
        stage.ask("hi")
        return sum("thought" in part for one in stage.of("modelTurn") for part in one["parts"])

    tools = {"tools": [WEATHER]}
    asked = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    no_budget = {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}
    assert (thoughts(), thoughts(setup=tools), thoughts(thoughts="never")) == (1, 0, 0)
    assert (thoughts(setup=tools, thoughts="always"), thoughts(setup=no_budget)) == (1, 0)
    assert (thoughts(model=V31), thoughts(model=V31, setup=asked)) == (0, 1)


def test_a_model_may_say_nothing_or_be_silent() -> None:
    stage = Stage(replier=Scripted([None, Silence(500), Reply("No.", filtered=True)]), pace="instant")
    for _ in range(2):
        stage.ask("hi")
    assert stage.said() == ""
    assert len(stage.audio()) == 48 * 500
    stage.ask("hi")
    assert stage.messages[-1]["serverContent"]["turnCompleteReason"] == "RESPONSE_REJECTED"


@keeps("gemini-failures")
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Failure(), (1011, "Internal error occurred.")),
        (Failure("unavailable"), (1011, "The service is currently unavailable.")),
        (Failure("deadline"), (1011, "Deadline expired before operation could complete.")),
        (Failure("quota"), (1011, "You exceeded your current quota, please check your plan and billing details.")),
        (Failure("not_implemented"), (1008, "Operation is not implemented, or supported, or enabled.")),
    ],
)
def test_a_failure_ends_the_session(failure: Failure, told: tuple[int, str]) -> None:
    stage = Stage(replier=Scripted([failure]), pace="instant")
    stage.write("hi")
    assert stage.closed == told


def test_a_failure_may_be_a_reason_of_the_turn() -> None:
    stage = Stage(replier=Scripted([Failure("PROHIBITED_INPUT_CONTENT")]), pace="instant")
    stage.ask("hi")
    assert stage.messages[-1]["serverContent"]["turnCompleteReason"] == "PROHIBITED_INPUT_CONTENT"
    assert stage.closed is None


def test_a_replier_that_raises_ends_the_session_and_is_told_to_the_test() -> None:
    stage = Stage(replier=lambda context: 1 / 0, pace="instant")
    stage.write("hi")
    assert stage.closed == (1011, "Internal error occurred.")
    assert "ZeroDivisionError for turn 1" in str(stage.source.problems()[0])


def test_an_awaitable_replier_is_waited_for() -> None:
    async def later(context: Any) -> str:
        return "never awaited here"

    stage = Stage(replier=later, pace="instant")
    stage.write("hi")
    stage.asks[0].awaitable.close()  # type: ignore[attr-defined]
    assert stage.names() == ["setupComplete"]
    stage.told("There.")
    assert stage.said() == "There."


# --- barge-in -------------------------------------------------------------------------------------------------------


@keeps("gemini-barge-in-generating")
def test_speech_while_the_model_generates_cuts_the_turn() -> None:
    stage = Stage(replier=Scripted([LONG, "Yes."]), pace="realtime")
    stage.write("hi")
    stage.until("modelTurn")
    stage.wait(1_500)
    start = len(stage.all)
    stage.talk("stop please")
    names = stage.names(start)
    cut = names.index("interrupted")
    assert names[cut : cut + 2] == ["interrupted", "turnComplete+usageMetadata"]
    assert "generationComplete" not in names[: cut + 1]
    stage.until("generationComplete")
    kept = stage.inside["conversation"][1]["text"]
    assert LONG.startswith(kept.strip())
    assert kept != LONG
    assert stage.inside["contexts"][1].user == "stop please"


@keeps("gemini-barge-in-playing")
def test_speech_while_the_answer_is_played_cuts_it_too() -> None:
    stage = Stage(replier=Scripted([LONG, "Yes."]), pace=FAST)
    stage.write("hi")
    stage.until("generationComplete")
    start = len(stage.all)
    stage.talk("stop please")
    assert stage.names(start)[:2] == ["interrupted", "turnComplete+usageMetadata"]
    stage.until("turnComplete")


@keeps("gemini-no-interruption")
def test_no_interruption_lets_the_answer_end_and_answers_then() -> None:
    setup = {"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}}
    stage = Stage(replier=Scripted([LONG, "Yes."]), pace=FAST, setup=setup)
    stage.write("hi")
    stage.until("generationComplete")
    stage.talk("stop please")
    stage.wait(20_000)
    assert stage.of("interrupted") == []
    assert stage.said() == f"{LONG}Yes."
    texts = [one["text"] for one in stage.inside["conversation"]]
    assert texts == ["hi", LONG, "stop please", "Yes."]


@keeps("gemini-content-interrupts")
@pytest.mark.parametrize("complete", [True, False])
def test_client_content_always_interrupts(complete: bool) -> None:
    setup = {"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}}
    stage = Stage(replier=Scripted([LONG, "Yes."]), pace=FAST, setup=setup)
    stage.write("hi")
    stage.until("generationComplete")
    start = len(stage.all)
    stage.write("stop", complete=complete)
    assert stage.names(start)[:2] == ["interrupted", "turnComplete+usageMetadata"]
    stage.wait(10_000)
    assert len(stage.inside["contexts"]) == 1 + complete


@keeps("gemini-realtime-text")
@pytest.mark.parametrize(("model", "cuts"), [(MODEL, False), (V31, True), (V38, True)])
def test_realtime_text_cuts_3_x_and_waits_on_2_5(model: str, cuts: bool) -> None:
    stage = Stage(replier=Scripted([LONG, "Yes."]), pace=FAST, model=model)
    stage.send("realtimeInput", {"text": "hi"})
    stage.until("generationComplete")
    start = len(stage.all)
    stage.send("realtimeInput", {"text": "and now"})
    stage.wait(20_000)
    assert (stage.of("interrupted") == [True]) is cuts
    assert stage.names(start)[0] == ("interrupted" if cuts else "turnComplete+usageMetadata")
    assert stage.said().endswith("Yes.")
    assert stage.inside["contexts"][1].user == "and now"


def test_texts_that_wait_are_answered_together() -> None:
    stage = Stage(replier=Scripted([LONG, "Yes."]), pace=FAST)
    stage.send("realtimeInput", {"text": "hi"})
    stage.until("generationComplete")
    for text in ("one", "two"):
        stage.send("realtimeInput", {"text": text})
    stage.wait(20_000)
    assert [one["text"] for one in stage.inside["conversation"]] == ["hi", LONG, "one", "two", "Yes."]


# --- tools ----------------------------------------------------------------------------------------------------------


@keeps("gemini-tool-waits")
@pytest.mark.parametrize(("model", "prefix"), [(MODEL, "function-call-"), (V31, "fc_")])
def test_2_5_and_3_1_wait_for_the_result_without_ending_the_turn(model: str, prefix: str) -> None:
    stage = with_tools([CALL], "It is foggy.", model=model, pace="instant")
    stage.write("weather?")
    ((call,),) = [one["functionCalls"] for one in stage.of("toolCall")]
    assert call["id"].startswith(prefix)
    assert len(call["id"]) == len(prefix) + 19
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Oslo"})
    assert stage.of("turnComplete") == []
    assert stage.inside["open_calls"] == [call["id"]]
    stage.wait(60_000 if model == MODEL else 1_000)
    stage.answer("foggy")
    assert stage.said() == "It is foggy."
    assert stage.of("turnComplete") == [True]
    assert stage.inside["open_calls"] == []
    assert stage.context.endswith("get_weather\nfoggy") or "foggy" in stage.context


def test_all_of_several_calls_are_waited_for() -> None:
    stage = with_tools([CALL, ToolCall("get_weather", {"city": "Bergen"})], "Both are foggy.", pace="instant")
    stage.write("weather?")
    first, second = stage.of("toolCall")[0]["functionCalls"]
    stage.send("toolResponse", {"functionResponses": {"id": second["id"], "name": "f", "response": {"output": "b"}}})
    assert stage.said() == ""
    stage.send("toolResponse", {"functionResponses": [{"id": first["id"], "name": "f", "response": {"error": "a"}}]})
    assert stage.said() == "Both are foggy."
    assert [one["output"] for one in stage.inside["conversation"] if "output" in one] == ["b", "a"]


def test_words_come_before_the_call_that_the_model_waits_for() -> None:
    stage = with_tools(["Let me look.", CALL], "It is foggy.", pace="instant")
    stage.write("weather?")
    names = stage.names()
    assert names.index("toolCall") > names.index("outputTranscription")
    assert names[-1] == "toolCall"


@keeps("gemini-non-blocking")
def test_non_blocking_speech_goes_on_after_the_call() -> None:
    stage = with_tools(["Looking.", CALL], "It is foggy.", behavior="NON_BLOCKING", pace=FAST)
    stage.write("weather?")
    stage.until("turnComplete")
    names = stage.names()
    assert names.index("toolCall") < names.index("outputTranscription") < names.index("generationComplete")
    stage.answer("foggy")
    stage.until("turnComplete")
    assert stage.said() == "Looking.It is foggy."


@keeps("gemini-scheduling")
@pytest.mark.parametrize(
    ("scheduling", "cut", "answered"), [("INTERRUPT", True, True), ("WHEN_IDLE", False, True), ("SILENT", False, False)]
)
def test_the_scheduling_of_a_result(scheduling: str, cut: bool, answered: bool) -> None:
    stage = with_tools([LONG, CALL], "It is foggy.", behavior="NON_BLOCKING", pace=FAST)
    stage.write("weather?")
    stage.until("generationComplete")
    start = len(stage.all)
    stage.answer("foggy", scheduling=scheduling)
    stage.wait(20_000)
    assert ("interrupted" in stage.names(start)) is cut
    assert ("It is foggy." in stage.said()) is answered
    assert any(one.get("output") == "foggy" for one in stage.inside["conversation"])


@keeps("gemini-38-calls")
def test_3_8_ends_the_turn_with_the_call_unless_the_function_blocks() -> None:
    stage = with_tools([CALL], "It is foggy.", model=V38, pace="instant")
    stage.write("weather?")
    assert stage.of("turnComplete") == [True]
    stage.answer("foggy")
    assert stage.said() == "It is foggy."
    stage = with_tools([CALL], "It is foggy.", model=V38, behavior="BLOCKING", pace="instant")
    stage.write("weather?")
    assert stage.of("turnComplete") == []


@keeps("gemini-vertex-calls")
def test_a_half_cascade_model_on_vertex_ends_its_generation_with_the_call() -> None:
    hands = handshake(VERTEX)
    stage = with_tools([CALL], "It is foggy.", model="gemini-live-2.5-flash", hands=hands, pace="instant")
    stage.write("weather?")
    assert stage.names()[-3:] == ["toolCall", "generationComplete", "turnComplete+usageMetadata"]
    stage.answer("foggy")
    assert stage.said() == "It is foggy."


@keeps("gemini-cancellation")
def test_open_calls_are_cancelled_where_the_turn_is_cut() -> None:
    stage = with_tools([CALL], "Fine.", model=V31, pace="instant")
    stage.write("weather?")
    (call,) = stage.of("toolCall")[0]["functionCalls"]
    start = len(stage.all)
    stage.send("realtimeInput", {"text": "never mind"})
    assert stage.names(start)[:3] == ["toolCallCancellation", "interrupted", "turnComplete+usageMetadata"]
    assert stage.of("toolCallCancellation") == [{"ids": [call["id"]]}]
    assert stage.said() == "Fine."
    before = len(stage.all)
    stage.answer("foggy")  # too late: nothing is open
    assert len(stage.all) == before
    assert "foggy" not in stage.context


@keeps("gemini-tool-shapes")
@pytest.mark.parametrize(
    "response",
    [
        {"name": "get_weather", "response": {"output": "x"}},
        {"id": "", "name": "get_weather", "response": {}},
        {"id": "ID", "name": "get_weather"},
        {"id": "ID", "name": "get_weather", "response": "foggy"},
        {"id": "ID", "name": "get_weather", "response": ["foggy"]},
        {"id": "ID", "response": {}, "parts": [{"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}]},
    ],
)
def test_a_result_of_a_wrong_shape_ends_the_session(response: dict[str, Any]) -> None:
    stage = with_tools([CALL], "It is foggy.", pace="instant")
    stage.write("weather?")
    (call,) = stage.of("toolCall")[0]["functionCalls"]
    given = response | ({"id": call["id"]} if response.get("id") == "ID" else {})
    stage.send("toolResponse", {"functionResponses": [given]})
    assert stage.closed == (1007, "Request contains an invalid argument.")


def test_extended_thinking_takes_no_scheduling_and_tells_its_status() -> None:
    setup = {"tools": [WEATHER], "generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}
    model = "gemini-3.8-live-extended-thinking"
    stage = Stage(setup=setup, model=model, replier=Scripted([[CALL]], then=lambda context: "Done."), pace="instant")
    stage.write("weather?")
    assert stage.messages[-1]["serverContent"]["interactionStatus"] == "REQUIRES_ACTION"
    stage.answer("foggy")
    assert stage.messages[-1]["serverContent"]["interactionStatus"] == "IDLE"
    stage.answer("foggy", scheduling="SILENT")
    assert stage.closed == (1007, "Function response scheduling is not supported for this model")


@keeps("gemini-input-during-call")
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, (1008, "Operation is not implemented, or supported, or enabled.")),
        ({"input_during_call": "taken"}, None),
        ({"model": V31}, None),
    ],
)
def test_realtime_input_while_a_call_of_2_5_is_open(given: dict[str, Any], told: tuple[int, str] | None) -> None:
    stage = with_tools([CALL], "It is foggy.", pace="instant", **given)
    stage.write("weather?")
    stage.hear(bytes(2 * RATE // 10))
    assert stage.closed == told


@keeps("gemini-lost-call")
@pytest.mark.parametrize(("model", "names"), [(MODEL, []), (V31, []), (V38, ["turnComplete"])])
def test_a_result_for_a_call_that_nobody_knows(model: str, names: list[str]) -> None:
    stage = Stage(model=model)
    start = len(stage.all)
    stage.send("toolResponse", {"functionResponses": [{"id": "fc_1", "name": "f", "response": {"output": "x"}}]})
    assert stage.names(start) == names
    assert stage.inside["conversation"] == []


def test_a_result_may_come_in_parts() -> None:
    stage = with_tools([CALL], "One.", "Two.", behavior="NON_BLOCKING", pace="instant")
    stage.write("weather?")
    stage.answer("first", willContinue=True)
    assert stage.inside["open_calls"] != []
    stage.answer("second")
    assert stage.inside["open_calls"] == []
    assert stage.said() == "One.Two."


def test_arguments_that_are_no_object_are_a_malformed_call() -> None:
    stage = with_tools([ToolCall("get_weather", "[1]")], pace="instant")
    stage.write("weather?")
    assert stage.of("toolCall") == []
    assert stage.messages[-1]["serverContent"]["turnCompleteReason"] == "MALFORMED_FUNCTION_CALL"


def test_there_are_no_mcp_calls_here() -> None:
    stage = Stage(replier=Scripted([["Fine.", McpCall("docs", "search")]]), pace="instant")
    stage.ask("hi")
    assert any("no MCP calls" in note.text for note in stage.notes)


def test_speech_of_ours_is_read_both_ways() -> None:
    stage = Stage(pace="instant")
    stage.talk("good morning")
    assert speech.decode(stage.audio()) == "good morning"
