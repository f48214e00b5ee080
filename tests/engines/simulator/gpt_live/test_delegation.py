"""Work that is handed on: to a Responses backend with its rounds of tool calls, and to the application."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.engines.simulator import Failure, Reply, Rule, Rules, Scripted, ToolCall
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.gpt_live.talk import RESPONSES, Talk

CALL = ["response.created", "response.in_progress", "response.output_item.added"]
CALL += ["response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done"]
CALLED = [*CALL, "response.completed"]
MESSAGE = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
MESSAGE += ["response.output_text.delta", "response.output_text.done", "response.content_part.done"]
MESSAGE += ["response.output_item.done", "response.completed"]
WEATHER = ToolCall("weather", {"city": "Oslo"})


def delegating(*said: Any, **settings: Any) -> Talk:
    return Talk(start={"delegation": RESPONSES}, replier=Scripted(said), **settings)


@keeps("gl-delegation", "gl-function-round")
def test_a_tool_round() -> None:
    talk = delegating([WEATHER], "It rains in Oslo.")
    talk.speak("what is the weather", silence_ms=2_000)
    assert talk.stream_names() == CALLED
    (created,) = talk.of("session.delegation.created")
    delegation = created["delegation"]
    first = talk.stream()[0]["response"]
    assert (delegation["target"], delegation["type"], delegation["response_id"]) == (
        "responses",
        "delegation",
        first["id"],
    )
    assert created["offset_ms"] > 500
    assert first["previous_response_id"].startswith("resp_")
    assert talk.said() == "Let me check."
    (call,) = talk.calls()
    assert (call["name"], call["arguments"]) == ("weather", '{"city": "Oslo"}')
    talk.answer(call["call_id"], "rain")
    talk.listen(300)
    assert talk.stream_names() == CALLED
    talk.put({"type": "response.create"})
    talk.listen(5_000)
    assert talk.stream_names() == [*CALLED, *MESSAGE]
    responses = [event["response"] for event in talk.stream() if event["type"] == "response.created"]
    assert responses[1]["previous_response_id"] == first["id"]
    assert {body["delegation_id"] for body in talk.of("response.event")} == {delegation["id"]}
    assert talk.said() == "Let me check. It rains in Oslo."
    assert talk.values["contexts"][1].items[-1].output == "rain"
    assert talk.values["delegation"] is None


@keeps("gl-function-round")
def test_who_asks_for_more_before_the_response_is_completed_waits_for_that() -> None:
    talk = delegating([WEATHER], "It rains.")
    talk.speak("what is the weather", silence_ms=300)
    while not talk.calls():
        talk.listen(20)
    assert talk.stream_names() == CALL
    talk.answer(talk.calls()[0]["call_id"], "rain")
    talk.put({"type": "response.create"})
    assert talk.stream_names() == CALL
    talk.put({"type": "response.create"})
    assert talk.error()["code"] == "conversation_already_has_active_response"
    talk.listen(4_000)
    assert talk.stream_names() == [*CALLED, *MESSAGE]


@keeps("gl-stream")
def test_deltas_are_padded_and_counted() -> None:
    talk = delegating([WEATHER])
    talk.speak("what is the weather", silence_ms=2_000)
    deltas = [event for event in talk.stream() if event["type"].endswith(".delta")]
    assert len(deltas) > 3
    assert {(len(event["delta"]) + len(event["obfuscation"])) % 16 for event in deltas} == {0}
    assert [event["sequence_number"] for event in talk.stream()] == list(range(len(talk.stream())))


@keeps("gl-function-round")
def test_parallel_calls_want_all_their_outputs_first() -> None:
    talk = delegating([WEATHER, ToolCall("time")], "Both.")
    talk.speak("what is the weather", silence_ms=2_000)
    one, two = (call["call_id"] for call in talk.calls())
    talk.answer(two, "noon")
    talk.put({"type": "response.create"})
    assert one in talk.error()["message"]
    talk.answer(one, "rain")
    talk.put({"type": "response.create"})
    talk.listen(4_000)
    assert talk.said().endswith("Both.")
    indexes = [event["output_index"] for event in talk.stream() if event["type"] == "response.output_item.added"]
    assert indexes == [0, 1, 0]


@keeps("gl-function-round")
def test_an_answer_may_call_again() -> None:
    talk = delegating([WEATHER], [ToolCall("time")], "Done.")
    talk.speak("what is the weather", silence_ms=2_000)
    for number in range(2):
        talk.answer(talk.calls()[number]["call_id"], "x")
        talk.put({"type": "response.create"})
        talk.listen(1_500)
    talk.listen(3_000)
    assert talk.stream_names().count("response.completed") == 3
    assert talk.said().endswith("Done.")


@keeps("gl-function-round")
def test_an_output_that_no_call_waits_for_is_refused() -> None:
    talk = delegating([WEATHER])
    talk.answer("call_none", "x")
    assert "call_none" in talk.error()["message"]


@keeps("gl-image")
def test_a_message_for_the_backend_opens_a_delegation_when_it_is_asked() -> None:
    talk = delegating("It shows a kiwi.", acknowledgement="")
    talk.listen(1_000)
    content = [
        {"type": "input_image", "image_url": "data:image/jpeg;base64,AAAA"},
        {"type": "input_text", "text": "What?"},
    ]
    item = {"type": "message", "role": "user", "content": content}
    assert talk.put({"type": "response.item.create", "item": item}) == []
    talk.listen(500)
    assert talk.stream() == []
    talk.put({"type": "response.create"})
    talk.listen(4_000)
    assert talk.stream_names() == MESSAGE
    assert len(talk.of("session.delegation.created")) == 1
    assert talk.said() == "It shows a kiwi."
    assert talk.values["contexts"][0].user == "an image of 27 characters What?"


def part(**fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [fields]}


PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
ITEMS: list[tuple[dict[str, Any], str | None]] = [
    (part(type="input_text", text="hello"), None),
    (part(**PICTURE), None),
    (part(type="input_file", file_id="file_1"), None),
    ({"role": "developer", "content": "Be brief."}, None),
    ({"type": "item_reference", "id": "item_1"}, None),
    ({}, "item.role"),
    ({"type": "picture"}, "item.type"),
    ({"type": "message", "role": "robot", "content": "x"}, "item.role"),
    ({"type": "message", "role": "user", "content": 5}, "item.content"),
    (part(type="input_text"), "item.content[0].text"),
    (part(type="input_sound", text="x"), "item.content[0].type"),
    (part(type="input_image"), "item.content[0].image_url"),
    (part(**PICTURE, detail="huge"), "item.content[0].detail"),
    (part(type="input_text", text="x", colour="blue"), "item.content[0].colour"),
    ({"type": "function_call_output", "call_id": "call_1"}, "item.output"),
    ({"type": "function_call_output", "output": "x"}, "item.call_id"),
]


@keeps("gl-items")
@pytest.mark.parametrize(("item", "param"), ITEMS, ids=[f"{n} {param}" for n, (_, param) in enumerate(ITEMS)])
def test_what_the_backend_takes(item: dict[str, Any], param: str | None) -> None:
    talk = delegating("fine")
    talk.put({"type": "response.item.create", "item": item, "event_id": "mine"})
    if param is None:
        assert talk.of("error") == []
    else:
        assert (talk.error()["param"], talk.error()["client_event_id"]) == (param, "mine")
        assert talk.values["conversation"] == []


@keeps("gl-delegation-busy")
def test_a_second_request_while_the_backend_writes_is_refused() -> None:
    talk = delegating("It shows a kiwi.")
    talk.put({"type": "response.create"})
    talk.put({"type": "response.create"})
    assert talk.error()["code"] == "conversation_already_has_active_response"


@keeps("gl-client-delegation")
def test_the_application_is_told_that_there_is_work_and_answers_by_commentary() -> None:
    rules = [Rule([ToolCall("weather", {"city": "Oslo"})], user="weather"), Rule("It will rain.", output="rain")]
    talk = Talk(replier=Rules(rules))
    talk.speak("what is the weather", silence_ms=2_000)
    (created,) = talk.of("session.delegation.created")
    assert created["delegation"]["target"] == "client"
    assert "response_id" not in created["delegation"]
    assert talk.said() == "Let me check."
    ident = created["delegation"]["id"]
    talk.append("thinking", "Asking the weather service.", ident)
    talk.append("commentary", "There is rain in Oslo.", ident)
    talk.listen(4_000)
    assert talk.said() == "Let me check. It will rain."
    talk.append("commentary", "x", "item_none")
    assert talk.error()["param"] == "delegation_id"


@keeps("gl-client-delegation")
@pytest.mark.parametrize("body", [{"type": "response.item.create", "item": {}}, {"type": "response.create"}])
def test_what_needs_a_backend_is_refused_without_one(body: dict[str, Any]) -> None:
    talk = Talk()
    talk.put(body)
    assert talk.error()["message"] == f"{body['type']} requires Responses delegation."
    assert talk.error()["type"] == "invalid_request_error"


@keeps("gl-client-delegation")
def test_a_delegation_of_the_backends_cannot_be_named() -> None:
    talk = delegating([WEATHER])
    talk.append("commentary", "x", "item_any")
    assert talk.error()["param"] == "delegation_id"


@keeps("gl-handoff-failure")
def test_a_handoff_that_fails_is_told_without_its_delegation() -> None:
    talk = delegating([WEATHER], Failure())
    talk.speak("what is the weather", silence_ms=2_000)
    talk.answer(talk.calls()[0]["call_id"], "x")
    talk.put({"type": "response.create"})
    talk.listen(2_000)
    error = talk.of("error")[-1]
    assert error["error"]["message"].startswith("Responses handoff incomplete.")
    assert "delegation_id" not in error
    assert talk.hangup is None


def unfinished(reply: Any, **backend: Any) -> Talk:
    """A backend that was asked for this, and what came of it."""
    responses = {**RESPONSES["responses"], **backend.pop("responses", {})}
    talk = Talk(
        start={"delegation": {**RESPONSES, "responses": responses}}, replier=Scripted([reply, "fine"]), **backend
    )
    talk.put({"type": "response.create"})
    talk.listen(4_000)
    return talk


CUT = [*MESSAGE[:-1], "response.incomplete"]
UNFINISHED: list[tuple[Any, dict[str, Any], str, dict[str, Any]]] = [
    (Failure("rate_limit_exceeded", message="Slow down."), {}, "failed",
     {"error": {"code": "rate_limit_exceeded", "message": "Slow down."}}),
    (Reply("one two three", filtered=True), {}, "incomplete", {"incomplete_details": {"reason": "content_filter"}}),
    ("one two three", {"max_output_tokens": 2}, "incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}),
]  # fmt: skip


@keeps("gl-handoff-failure")
@pytest.mark.parametrize(("reply", "limits", "status", "told"), UNFINISHED, ids=["fails", "is filtered", "is too long"])
def test_a_delegated_response_that_does_not_finish(
    reply: Any, limits: dict[str, Any], status: str, told: dict[str, Any]
) -> None:
    talk = unfinished(reply, responses=limits, delegation_failure="response")
    last = talk.stream()[-1]
    assert talk.stream_names() == ([*MESSAGE[:2], "response.failed"] if status == "failed" else CUT)
    assert {key: last["response"][key] for key in told} == told
    assert (last["response"]["status"], last["sequence_number"]) == (status, len(talk.stream()) - 1)
    assert talk.of("error") == []
    assert talk.said() == "Let me check."
    # The other form, and the session goes on in both.
    other = unfinished(reply, responses=limits)
    assert other.stream_names() == ([*MESSAGE[:2]] if status == "failed" else CUT[:-1])
    assert other.error()["message"].startswith("Responses handoff incomplete.")
    for each in (talk, other):
        each.put({"type": "response.create"})
        each.listen(4_000)
        assert each.said() == "Let me check. Let me check. fine"


def test_a_delegated_response_within_its_limit_is_whole() -> None:
    """The control."""
    talk = unfinished("one two three", responses={"max_output_tokens": 3}, delegation_failure="response")
    assert talk.stream_names() == MESSAGE
    assert talk.said() == "Let me check. one two three"


@keeps("gl-handoff-failure")
def test_the_calls_of_a_response_that_failed_are_gone() -> None:
    talk = unfinished(Reply(calls=(WEATHER,), failure=Failure()), delegation_failure="response")
    assert talk.stream_names()[-1] == "response.failed"
    talk.answer("call_any", "rain")
    assert talk.error()["message"].startswith("No tool call found")


@keeps("gl-update")
def test_an_update_changes_the_backend_and_not_its_kind() -> None:
    talk = delegating("fine")
    tools = [{"type": "function", "name": "look", "parameters": {}}]
    (updated,) = talk.put(
        {"type": "session.update", "session": {"delegation": {"type": "responses", "responses": {"tools": tools}}}}
    )
    backend = updated["session"]["delegation"]["responses"]
    assert (backend["tools"], backend["model"]) == (tools, "gpt-5.6-sol")
    talk.put({"type": "session.update", "session": {"delegation": {"type": "client"}}})
    assert talk.error()["param"] == "session.delegation.type"
    talk.put({"type": "session.update", "session": {"instructions": "x"}})
    assert talk.error()["code"] == "unknown_parameter"
    talk.speak("hello", silence_ms=2_000)
    assert talk.values["contexts"][0].tools == tuple(tools)


def test_a_replier_that_raises_is_told_to_the_test() -> None:
    def broken(context: Any) -> str:
        raise ValueError("my own mistake")

    talk = Talk(replier=broken)
    talk.speak("hello", silence_ms=1_000)
    assert talk.of("error")
    assert "my own mistake" in str(talk.source.problems()[0])


def test_the_same_seed_gives_the_same_session() -> None:
    def run(seed: str) -> list[Any]:
        talk = Talk(start={"delegation": RESPONSES}, replier=Scripted([[WEATHER]]), seed=seed)
        talk.speak("what is the weather", silence_ms=2_000)
        return talk.timed

    assert run("1/0") == run("1/0")
    assert run("1/0") != run("2/0")
