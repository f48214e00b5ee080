"""Responses: order, one at a time, calls, settings of their own, usage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Failure, Scripted, ToolCall, simulator
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage, handshake

ARGUMENTS = "response.function_call_arguments"

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "d",
    "parameters": {"type": "object"},
}
LONG = "one two three four five six seven eight nine ten " * 3


@keeps("turn-order-text")
def test_the_events_of_a_text_turn_in_order() -> None:
    stage = Stage(replier=Scripted(["It is foggy."]))
    stage.ask("What is the weather?", output_modalities=["text"])
    stage.wait(100)
    assert stage.names()[1:] == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert "".join(body["delta"] for body in stage.of("response.output_text.delta")) == "It is foggy."


@keeps("turn-order-audio")
def test_three_transcript_deltas_come_before_the_first_audio() -> None:
    stage = Stage(replier=Scripted(["Hello there, how are you today?"]))
    stage.ask()
    kinds = [body["type"] for body in stage.events if body["type"].endswith(".delta")]
    assert kinds[:4] == ["response.output_audio_transcript.delta"] * 3 + ["response.output_audio.delta"]
    assert kinds[-1] == "response.output_audio.delta"
    assert speech.decode(stage.audio()) == "Hello there, how are you today?"


@keeps("part-types")
def test_a_part_is_audio_but_the_items_content_is_output_audio() -> None:
    stage = Stage(replier=Scripted(["hi"]))
    done = stage.ask()
    assert stage.last("response.content_part.added")["part"] == {"type": "audio", "transcript": ""}
    assert stage.last("response.content_part.done")["part"] == {"type": "audio", "transcript": "hi"}
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "hi"}]


@keeps("obfuscation")
def test_every_text_delta_is_padded_to_a_multiple_of_sixteen() -> None:
    stage = Stage(replier=Scripted([["Some words, long and short!", ToolCall("f", {"city": "Oslo"})]] * 2))
    stage.ask()
    stage.ask(output_modalities=["text"])
    deltas = [body for body in stage.events if body["type"].endswith(".delta")]
    assert len(deltas) > 20
    for body in deltas:
        if body["type"] == "response.output_audio.delta":
            assert "obfuscation" not in body
        else:
            assert (len(body["delta"]) + len(body["obfuscation"])) % 16 == 0


@keeps("id-shapes")
def test_ids_have_the_providers_shapes() -> None:
    stage = Stage(replier=Scripted([ToolCall("f")]))
    done = stage.ask()
    shapes = {
        stage.events[0]["event_id"]: ("event_", 21),
        done["id"]: ("resp_", 21),
        done["output"][0]["id"]: ("item_", 21),
        done["output"][0]["call_id"]: ("call_", 16),
        done["conversation_id"]: ("conv_", 21),
        stage.events[0]["session"]["id"]: ("sess_", 21),
    }
    for value, (prefix, length) in shapes.items():
        assert value.startswith(prefix)
        assert len(value) == len(prefix) + length
        assert value.removeprefix(prefix).isalnum()
    assert len({body["event_id"] for body in stage.events}) == len(stage.events)


@keeps("rate-limits")
def test_rate_limits_come_after_a_response_with_one_entry() -> None:
    stage = Stage(replier=Scripted(["hi"]))
    stage.ask()
    (limits,) = stage.wait(43)
    assert [entry["name"] for entry in limits["rate_limits"]] == ["tokens"]


@keeps("rate-limits")
def test_a_response_cancelled_before_output_gets_none() -> None:
    stage = Stage()
    stage.send("response.create")
    stage.until("response.created")
    stage.send("response.cancel")
    stage.wait(1_000)
    assert stage.of("rate_limits.updated") == []


@keeps("rate-limits", "usage")
@pytest.mark.parametrize("provider", ["openai", "azure_dated"])
@pytest.mark.parametrize("reply", [None, Failure()])
def test_nor_does_one_that_ends_without_output(provider: str, reply: Any) -> None:
    hands = handshake("gpt-realtime", deployment="gpt-realtime")
    stage = Stage(simulator(provider, replier=Scripted([reply, "hi"])), hands=hands, check=False)
    done = stage.ask("hello")
    assert done["output"] == []
    assert (done["usage"]["total_tokens"], done["usage"]["input_tokens"]) == (0, 0)
    stage.wait(1_000)
    assert stage.of("rate_limits.updated") == []
    # The control: the next one has output.
    assert stage.ask()["usage"]["total_tokens"] > 0
    stage.wait(1_000)
    assert len(stage.of("rate_limits.updated")) == 1


# --- one at a time --------------------------------------------------------------------------------------------------


@keeps("one-active")
def test_a_second_response_is_refused_in_the_providers_words() -> None:
    stage = Stage(replier=Scripted(["one", "two"]))
    stage.send("response.create")
    active = stage.until("response.created")["response"]["id"]
    stage.send("response.create", event_id="late", response={"metadata": {"n": "2"}})
    error = stage.error()
    assert error["code"] == "conversation_already_has_active_response"
    assert error["message"] == (
        f"Conversation already has an active response in progress: {active}. "
        "Wait until the response is finished before creating a new one."
    )
    assert error["event_id"] == "late"
    stage.until("response.done")
    stage.wait(5_000)
    assert len(stage.of("response.created")) == len(stage.of("response.done")) == 1


@keeps("one-active")
def test_it_is_active_from_the_request_and_the_error_names_no_event_where_none_was_named() -> None:
    stage = Stage(replier=Scripted(["one", "two"]))
    stage.send("response.create")
    stage.send("response.create")
    assert stage.error()["event_id"] is None
    assert stage.until("response.created")["response"]["id"] in stage.error()["message"]


@keeps("one-active")
def test_after_response_done_the_next_one_may_begin() -> None:
    stage = Stage(replier=Scripted(["one", "two"]))
    assert [stage.ask()["status"], stage.ask()["status"]] == ["completed", "completed"]
    assert stage.of("error") == []


# --- calls ----------------------------------------------------------------------------------------------------------


@keeps("call-events")
def test_a_call_is_announced_streamed_and_done() -> None:
    stage = Stage(replier=Scripted([ToolCall("get_weather", {"city": "London"})]))
    done = stage.ask("weather?", tools=[TOOL])
    assert stage.names()[3:] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    item = done["output"][0]
    arguments = stage.last("response.function_call_arguments.done")
    assert (arguments["name"], arguments["call_id"]) == ("get_weather", item["call_id"])
    assert json.loads(arguments["arguments"]) == {"city": "London"}
    assert stage.of("response.output_item.added")[0]["item"]["arguments"] == ""


@keeps("call-events")
def test_the_outputs_turn_sees_call_and_output() -> None:
    stage = Stage(replier=Scripted([ToolCall("get_weather", {"city": "London"}), "It is foggy."]))
    call = stage.ask("weather?")["output"][0]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "foggy"}
    added = stage.send("conversation.item.create", item=output)[0]
    assert added["previous_item_id"] == call["id"]
    stage.ask()
    kinds = [item.type for item in stage.contexts[1].items]
    assert kinds == ["message", "function_call", "function_call_output"]
    assert stage.contexts[1].items[2].output == "foggy"


@keeps("message-and-call")
def test_a_message_and_its_call_overlap() -> None:
    stage = Stage(replier=Scripted([["Let me see.", ToolCall("f"), ToolCall("g")]]))
    done = stage.ask()
    assert [item["type"] for item in done["output"]] == [
        "message",
        "function_call",
        "function_call",
    ]
    marks = [(body["type"], body.get("output_index")) for body in stage.events]
    assert marks.index(("response.output_item.added", 1)) < marks.index(("response.output_item.done", 0))
    assert marks.index(("response.output_item.done", 1)) < marks.index(("response.output_item.added", 2))
    assert len({item["call_id"] for item in done["output"][1:]}) == 2
    # The words are done when the arguments are, and are told first.
    firsts = {mark: marks.index(mark) for mark in reversed(marks)}
    arguments = [n for n, mark in enumerate(marks) if mark == (ARGUMENTS + ".delta", 1)]
    assert max(arguments) < firsts["response.output_audio_transcript.done", 0]
    assert firsts["response.output_item.done", 0] < firsts[ARGUMENTS + ".done", 1]


@keeps("phase")
@pytest.mark.parametrize("model", ["gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini-2026-09-01"])
def test_messages_of_the_second_generation_say_their_phase(model: str) -> None:
    replies = Scripted([["Let me see.", ToolCall("f")], ["Foggy."]])
    stage = Stage(replier=replies, hands=handshake(model))
    first, second = stage.ask(), stage.ask()
    assert [item.get("phase") for item in first["output"]] == ["commentary", None]
    assert [item.get("phase") for item in second["output"]] == ["final_answer"]
    told = ("response.output_item.added", "conversation.item.added", "conversation.item.done")
    for name in told:
        phases = [body["item"].get("phase") for body in stage.of(name)]
        assert phases == ["commentary", None, "final_answer"]


@keeps("phase")
@pytest.mark.parametrize("model", ["gpt-realtime", "gpt-realtime-2025-08-28"])
def test_messages_of_the_first_generation_have_no_phase(model: str) -> None:
    stage = Stage(replier=Scripted([["Let me see.", ToolCall("f")]]), hands=handshake(model))
    assert "phase" not in json.dumps([stage.ask(), *stage.events])


@keeps("tool-choice-none")
def test_tool_choice_none_leaves_calls_out() -> None:
    stage = Stage(replier=Scripted([["words", ToolCall("f")]]))
    done = stage.ask(tool_choice="none")
    assert [item["type"] for item in done["output"]] == ["message"]
    assert any("tool_choice" in note.text for note in stage.notes)


# --- settings of one response ---------------------------------------------------------------------------------------


@keeps("instructions-replace")
def test_instructions_of_a_response_replace_the_sessions_for_it_alone() -> None:
    stage = Stage()
    stage.update(instructions="Of the session.")
    stage.ask(instructions="Of the response.")
    stage.ask()
    assert [context.instructions for context in stage.contexts] == [
        "Of the response.",
        "Of the session.",
    ]


def test_a_response_shows_its_own_settings() -> None:
    stage = Stage(replier=Scripted(["hi"]))
    asked: dict[str, Any] = {
        "output_modalities": ["text"],
        "max_output_tokens": 77,
        "audio": {"output": {"voice": "marin", "format": {"type": "audio/pcmu"}}},
        "metadata": {"client_event_id": "x"},
    }
    done = stage.ask(**asked)
    for shown in (stage.last("response.created")["response"], done):
        assert {key: shown[key] for key in asked} == asked


@keeps("usage")
def test_usage_adds_up_and_caches_whole_blocks() -> None:
    stage = Stage(replier=Scripted(["hello there"] * 3))
    totals = []
    for _ in range(3):
        usage = stage.ask("a question")["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        for side in ("input", "output"):
            details = usage[f"{side}_token_details"]
            assert details["text_tokens"] + details["audio_tokens"] == usage[f"{side}_tokens"]
        cached = usage["input_token_details"]["cached_tokens"]
        assert cached % 64 == 0
        assert cached <= (totals[-1] if totals else 0)
        totals.append(usage["total_tokens"])
    assert usage["input_token_details"]["cached_tokens"] > 0
    assert usage["output_token_details"]["audio_tokens"] == -(-speech.duration_ms("hello there") // 50)


def test_a_replier_sees_an_item_as_it_is_now() -> None:
    """What it saw of an item before is remembered, and made anew where the item has changed."""
    contexts: list[Any] = []

    def replier(context: Any) -> str:
        contexts.append(context)
        return "one two three four five six"

    stage = Stage(replier=replier, pace="natural")
    item = stage.say("hello")
    stage.ask()
    kept = contexts[-1].items[0]
    stage.ask()
    assert contexts[-1].items[0] is kept
    answer = contexts[-1].items[1]
    assert answer.text == "one two three four five six"
    stage.send("conversation.item.truncate", item_id=answer.id, content_index=0, audio_end_ms=300)
    stage.ask()
    assert contexts[-1].items[1].text != answer.text
    stage.send("conversation.item.delete", item_id=item["id"])
    stage.ask()
    assert [one.id for one in contexts[-1].items][:1] == [answer.id]
