"""Items: create, retrieve, delete, truncate, and the predecessors that captures show."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Scripted, ToolCall
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage, handshake


def message(text: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}


def ids(stage: Stage) -> list[str]:
    return [item["id"] for item in stage.conversation]


@keeps("item-echo")
@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_a_created_item_is_added_and_done_in_full(role: str) -> None:
    stage = Stage()
    added, done = stage.send("conversation.item.create", item=message("hello", role))
    assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
    assert added["item"] == done["item"] == stage.conversation[0]
    assert added["item"]["status"] == "completed"
    assert added["item"]["id"].startswith("item_")


@keeps("item-id")
def test_a_client_may_choose_the_id() -> None:
    stage = Stage()
    assert stage.send("conversation.item.create", item=message("hello", id="mine"))[0]["item"]["id"] == "mine"


@keeps("item-id")
def test_an_id_longer_than_32_characters_is_refused() -> None:
    stage = Stage()
    stage.send("conversation.item.create", item=message("hello", id="x" * 33))
    assert stage.error()["code"] == "string_above_max_length"
    assert stage.error()["param"] == "item.id"
    assert stage.conversation == []


@keeps("item-duplicate")
def test_an_id_is_used_once() -> None:
    stage = Stage()
    stage.send("conversation.item.create", item=message("one", id="a"))
    stage.send("conversation.item.create", event_id="e1", item=message("two", id="a"))
    assert (stage.error()["code"], stage.error()["event_id"]) == (
        "item_create_duplicate_item_id",
        "e1",
    )
    assert len(stage.conversation) == 1
    stage.send("conversation.item.delete", item_id="a")
    stage.send("conversation.item.create", item=message("two", id="a"))
    assert len(stage.conversation) == 1


@keeps("item-position")
def test_items_go_where_the_client_says() -> None:
    stage = Stage()
    for name, after in (("b", None), ("a", "root"), ("d", "b"), ("c", "b"), ("e", None)):
        (added, _) = stage.send("conversation.item.create", previous_item_id=after, item=message(name, id=name))
        place = ids(stage).index(name)
        assert added["previous_item_id"] == (ids(stage)[place - 1] if place else None)
    assert ids(stage) == ["a", "b", "c", "d", "e"]


@keeps("item-position")
def test_an_unknown_predecessor_is_an_error_and_nothing_is_added() -> None:
    stage = Stage()
    stage.send("conversation.item.create", previous_item_id="nobody", item=message("x"))
    error = stage.error()
    assert (error["code"], error["param"]) == ("item_create_invalid_previous_item_id", None)
    assert error["message"] == "Error adding item: the previous item with id 'nobody' does not exist."
    assert stage.conversation == []
    stage.send("conversation.item.create", previous_item_id="", item=message("x"))  # as left out (openai.md#56)
    assert len(stage.conversation) == 1


@keeps("content-per-role")
def test_content_of_the_wrong_type_for_a_role_is_refused_in_the_captured_words() -> None:
    stage = Stage()
    wrong = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}]}
    stage.send("conversation.item.create", item=wrong)
    assert stage.error() == {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": "Invalid value: 'text'. Value must be 'output_text'.",
        "param": "item.content[0].type",
        "event_id": None,
    }


@keeps("content-per-role")
@pytest.mark.parametrize(
    ("role", "kind"),
    [
        ("assistant", "input_audio"),
        ("assistant", "input_text"),
        ("system", "input_audio"),
        ("user", "output_text"),
    ],
)
def test_no_role_takes_the_content_of_another(role: str, kind: str) -> None:
    stage = Stage()
    stage.send(
        "conversation.item.create",
        item={"type": "message", "role": role, "content": [{"type": kind}]},
    )
    assert stage.error()["param"] == "item.content[0].type"
    assert stage.conversation == []


def test_a_user_may_send_audio_and_images_in_an_item() -> None:
    stage = Stage()
    audio = base64.b64encode(speech.encode("good morning")).decode()
    content = [
        {"type": "input_audio", "audio": audio},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
    ]
    added = stage.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})[0]
    assert added["item"]["content"][0] == {"type": "input_audio", "transcript": None}
    assert added["item"]["content"][1] == content[1]
    stage.ask()
    assert stage.contexts[0].user == "good morning"


@keeps("call-id")
def test_a_tool_output_needs_its_call() -> None:
    stage = Stage()
    output = {"type": "function_call_output", "call_id": "call_x", "output": "1"}
    stage.send("conversation.item.create", item=output)
    assert stage.error()["code"] == "invalid_tool_call_id"
    assert stage.error()["message"] == "Tool call ID 'call_x' not found in conversation."
    call = {"type": "function_call", "call_id": "call_x", "name": "f", "arguments": "{}"}
    stage.send("conversation.item.create", item=call)
    added = stage.send("conversation.item.create", item=output)[0]
    assert "status" not in added["item"]
    assert [item["type"] for item in stage.conversation] == [
        "function_call",
        "function_call_output",
    ]


@keeps("call-id")
def test_a_call_id_has_plain_characters() -> None:
    stage = Stage()
    call = {"type": "function_call", "call_id": "call/x", "name": "f", "arguments": "{}"}
    stage.send("conversation.item.create", item=call)
    assert stage.error()["param"] == "item.call_id"


@keeps("done-predecessor")
def test_done_of_a_models_item_forgets_a_predecessor_that_is_the_first_item() -> None:
    stage = Stage(replier=Scripted(["one", "two"]))
    stage.ask("hello")
    first, reply = ids(stage)
    assert stage.last("conversation.item.added")["previous_item_id"] == first
    assert stage.last("conversation.item.done")["previous_item_id"] is None
    stage.ask("again")
    assert stage.last("conversation.item.done")["previous_item_id"] == ids(stage)[2]
    assert reply == ids(stage)[1]


@keeps("done-predecessor")
def test_done_of_a_clients_item_has_its_predecessor() -> None:
    stage = Stage()
    first = stage.say("one")["id"]
    stage.say("two")
    assert [body["previous_item_id"] for body in stage.of("conversation.item.done")] == [
        None,
        first,
    ]


@keeps("retrieve")
def test_retrieve_shows_an_item_with_its_audio() -> None:
    stage = Stage(replier=Scripted(["good morning everyone"]))
    stage.ask()
    item_id = ids(stage)[0]
    (got,) = stage.send("conversation.item.retrieve", item_id=item_id)
    assert got["type"] == "conversation.item.retrieved"
    part = got["item"]["content"][0]
    assert part["transcript"] == "good morning everyone"
    assert base64.b64decode(part["audio"]) == stage.audio()
    assert "audio" not in stage.conversation[0]["content"][0]


@keeps("retrieve", "delete", "truncate-which")
@pytest.mark.parametrize("verb", ["retrieve", "delete", "truncate"])
def test_what_is_not_there_is_an_error(verb: str) -> None:
    stage = Stage()
    more = {"content_index": 0, "audio_end_ms": 10} if verb == "truncate" else {}
    stage.send(f"conversation.item.{verb}", event_id="e9", item_id="nobody", **more)
    words = {
        "retrieve": "Error retrieving item: the item with id 'nobody' does not exist.",
        "delete": "Error deleting item: the item with id 'nobody' does not exist.",
        "truncate": "Item with item_id not found: nobody",
    }
    code = "invalid_value" if verb == "truncate" else f"item_{verb}_invalid_item_id"
    error = stage.error()
    assert (error["code"], error["message"], error["param"]) == (code, words[verb], None)
    assert error["event_id"] == "e9"


@keeps("array-length")
def test_an_array_has_so_many_elements_at_most() -> None:
    parts = [{"type": "input_text", "text": ""}] * 4
    for most, told in ((4, None), (3, "item.content")):
        stage = Stage(max_array=most)
        stage.send("conversation.item.create", item={"type": "message", "role": "user", "content": parts})
        assert len(stage.conversation) == (told is None)
        if told is not None:
            assert (stage.error()["code"], stage.error()["param"]) == ("array_above_max_length", told)
    assert stage.error()["message"] == (
        "Invalid 'item.content': array too long. Expected an array with maximum length 3, "
        "but got an array with length 4 instead."
    )


@keeps("array-length")
def test_the_outermost_array_that_is_too_long_is_told() -> None:
    stage = Stage(max_array=2)
    deep = {"type": "object", "enum": [1, 2, 3], "properties": {"a": {"enum": [1, 2, 3, 4]}}}
    stage.update(tools=[{"type": "function", "name": "f", "parameters": deep}])
    assert stage.error()["param"] == "session.tools[0].parameters.enum"


@keeps("truncate-which")
@pytest.mark.parametrize("code", ["invalid_value", "item_truncate_invalid_item_id"])
def test_the_code_of_a_truncate_of_nothing_is_told_two_ways(code: Any) -> None:
    stage = Stage(unknown_truncate_code=code)
    stage.send("conversation.item.truncate", item_id="nobody", content_index=0, audio_end_ms=10)
    assert stage.error()["code"] == code  # openai.md#70


@keeps("error-event-id")
@pytest.mark.parametrize(("how", "told"), [("echoed", "e9"), ("not by the conversation", None)])
def test_the_event_id_of_an_error_is_told_two_ways(how: Any, told: str | None) -> None:
    """What the check of an event raises has it either way; what the conversation raises is the setting's."""
    stage = Stage(error_event_id=how)
    stage.send("conversation.item.delete", event_id="e9", item_id="nobody")
    assert stage.error()["event_id"] == told  # openai.md#150
    for name, fields in (
        ("conversation.item.delete", {}),
        ("session.update", {"session": {}}),
        ("response.cancel", {}),
    ):
        stage.send(name, event_id="e8", **fields)
        assert stage.error()["event_id"] == "e8"


@keeps("assistant-audio")
def test_audio_of_the_assistant_needs_its_words() -> None:
    stage = Stage()
    content = [{"type": "output_audio", "transcript": "hello"}]
    stage.send("conversation.item.create", item={"type": "message", "role": "assistant", "content": content})
    error = stage.error()
    assert (error["code"], error["param"]) == ("missing_required_parameter", "item.content[0].text")
    assert error["message"] == "Missing required parameter: 'item.content[0].text'."
    assert stage.conversation == []


@keeps("item-duplicate")
@pytest.mark.parametrize(
    ("model", "ids"), [("gpt-realtime-1.5", ["a", "b", "a"]), ("gpt-4o-realtime-preview", ["a", "b"])]
)
def test_an_id_that_is_used_already_is_taken_by_older_models(model: str, ids: list[str]) -> None:
    stage = Stage(hands=handshake(model))
    for item_id in ("a", "b"):
        stage.send("conversation.item.create", item={**message("x"), "id": item_id})
    came = stage.send("conversation.item.create", item={**message("again"), "id": "a"})
    assert [body["type"] for body in came] == ["conversation.item.added", "conversation.item.done"]
    assert [item["id"] for item in stage.conversation] == ids
    assert came[0]["previous_item_id"] == ("a" if model == "gpt-realtime-1.5" else None)  # openai.md#59


@keeps("mcp-items")
@pytest.mark.parametrize("kind", ["mcp_list_tools", "mcp_call", "mcp_approval_request"])
def test_items_of_remote_tools_can_be_made_or_are_refused(kind: str) -> None:
    """The package's types allow them; what the service does is unknown (openai.md#208), so it is a setting."""
    given: dict[str, Any] = {"type": kind, "server_label": "docs"}
    given |= {"tools": []} if kind == "mcp_list_tools" else {"name": "search", "arguments": "{}"}
    stage = Stage()
    (added, done) = stage.send("conversation.item.create", item=given)
    assert (added["item"]["type"], done["item"]["server_label"]) == (kind, "docs")
    refusing = Stage(mcp_items="refused")
    refusing.send("conversation.item.create", item=given)
    assert (refusing.error()["param"], refusing.conversation) == ("item.type", [])


@keeps("delete")
def test_a_deleted_item_is_gone_from_the_context() -> None:
    stage = Stage()
    secret = stage.say("the secret")["id"]
    stage.say("hello")
    (deleted,) = stage.send("conversation.item.delete", item_id=secret)
    assert deleted == {
        "type": "conversation.item.deleted",
        "event_id": deleted["event_id"],
        "item_id": secret,
    }
    stage.ask()
    assert "secret" not in stage.contexts[0].words()
    assert "hello" in stage.contexts[0].words()


def spoken(text: str) -> tuple[Stage, str]:
    stage = Stage(replier=Scripted([text], then=lambda context: "next"))
    stage.ask()
    return stage, ids(stage)[0]


@keeps("truncate-cuts")
def test_truncation_cuts_the_transcript_to_the_words_that_were_complete() -> None:
    text = "alpha beta, gamma delta"
    stage, item_id = spoken(text)
    beta = speech.timings(text)[1]
    (cut,) = stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=beta.end_ms)
    assert cut["type"] == "conversation.item.truncated"
    assert stage.conversation[0]["content"][0]["transcript"] == "alpha beta,"
    stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=beta.end_ms - 1)
    assert stage.conversation[0]["content"][0]["transcript"] == "alpha"
    stage.ask("go on")
    assert "gamma" not in stage.contexts[1].words()
    assert "alpha" in stage.contexts[1].words()
    (got,) = stage.send("conversation.item.retrieve", item_id=item_id)
    assert len(base64.b64decode(got["item"]["content"][0]["audio"])) == 48 * (beta.end_ms - 1)


@keeps("truncate-cuts")
def test_the_transcript_may_be_deleted_whole_instead() -> None:
    stage = Stage(replier=Scripted(["alpha beta gamma", "next"]), truncated_transcript="deleted")
    stage.ask()
    item_id = ids(stage)[0]
    stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=400)
    assert stage.conversation[0]["content"][0]["transcript"] is None
    stage.ask("go on")
    assert "alpha" in stage.contexts[1].words()
    assert "gamma" not in stage.contexts[1].words()


@keeps("truncate-bounds")
def test_truncation_past_the_end_is_refused_in_the_providers_words() -> None:
    text = "alpha beta"
    stage, item_id = spoken(text)
    length = speech.duration_ms(text)
    past = {"item_id": item_id, "content_index": 0, "audio_end_ms": length + 85}
    stage.send("conversation.item.truncate", **past)
    assert stage.error()["code"] == "invalid_value"
    assert stage.error()["message"] == f"Audio content of {length}ms is already shorter than {length + 85}ms"
    assert stage.error()["param"] is None
    assert stage.send("conversation.item.truncate", **past | {"audio_end_ms": length})[0]["type"] != "error"


@keeps("truncate-bounds")
@pytest.mark.parametrize(("ms", "code"), [(-1, "integer_below_min_value"), (10.5, "invalid_type")])
def test_truncation_wants_a_whole_number_from_zero(ms: float, code: str) -> None:
    stage, item_id = spoken("alpha beta")
    stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=ms)
    assert (stage.error()["code"], stage.error()["param"]) == (code, "audio_end_ms")


@keeps("truncate-which")
def test_only_the_models_audio_can_be_truncated() -> None:
    stage = Stage(replier=Scripted(["text", ToolCall("f")]))
    stage.say("hello")
    stage.ask(output_modalities=["text"])
    stage.ask()
    for item_id in ids(stage):
        stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)
        assert stage.error()["message"] == "Only model output audio messages can be truncated"
        assert stage.error()["code"] == "unsupported_content_type"
    assert len(stage.of("error")) == 3
    assert stage.of("conversation.item.truncated") == []


VOICE = base64.b64encode(speech.babble(0, 800)).decode()


def sound(*audio: str, **fields: Any) -> dict[str, Any]:
    parts = [{"type": "input_audio", "audio": one} for one in audio]
    return {"type": "message", "role": "user", "content": parts, **fields}


@pytest.mark.parametrize(
    "refused",
    [
        ("conversation.item.create", {"previous_item_id": "nobody", "item": sound(VOICE)}),
        ("conversation.item.create", {"item": sound(VOICE, "no base64!")}),
        ("conversation.item.create", {"item": sound(VOICE, id="taken")}),
        ("response.create", {"response": {"input": [sound(VOICE), sound("no base64!")]}}),
        (
            "response.create",
            {"response": {"input": [sound(VOICE), {"type": "item_reference", "id": "nobody"}]}},
        ),
    ],
)
def test_what_is_refused_uses_up_no_transcript(refused: tuple[str, dict[str, Any]]) -> None:
    stage = Stage(transcripts=["first", "second"])
    stage.send("conversation.item.create", item=message("", id="taken"))
    name, fields = refused
    assert [event["type"] for event in stage.send(name, **fields)] == ["error"]
    stage.send("conversation.item.create", item=sound(VOICE, VOICE))
    stage.send("response.create")
    stage.until("response.done")
    assert stage.contexts[0].user.split() == ["first", "second"]


def test_a_new_item_is_not_looked_for_among_all_the_others() -> None:
    """With thousands of them each new one took longer than the one before."""
    walks = 0

    class Walked(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            nonlocal walks
            walks += 1
            return super().__iter__()

    stage = Stage()
    stage.say("one")
    stage.engine.conversation.items = Walked(stage.engine.conversation.items)
    stage.say("two")
    assert walks == 0
    second = stage.values["conversation"][1]["id"]
    assert walks == 1
    stage.send("conversation.item.delete", item_id=second)
    assert walks == 2, "the control"
    content = [{"type": "input_text", "text": "again"}]
    stage.send("conversation.item.create", item={"id": second, "type": "message", "role": "user", "content": content})
    assert [item["content"][0]["text"] for item in stage.values["conversation"]] == ["one", "again"]
