"""What the model says: Recall, Scripted, async repliers, and what a replier may return."""

from __future__ import annotations

import asyncio
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from mockserver import speech
from mockserver.core.frames import Close, Peer, Received
from mockserver.engines.simulator import (
    Context,
    Failure,
    Recall,
    Reply,
    Scripted,
    Seen,
    Silence,
    ToolCall,
)
from mockserver.engines.simulator.replies.recall import ALREADY_SAID, LONGEST, NOTHING_SEEN
from mockserver.engines.simulator.replies.reply import as_reply
from mockserver.errors import UsageError
from tests.engines.simulator.stage import Stage

TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 1},
            "unit": {"enum": ["C", "F"]},
        },
        "required": ["city", "days", "unit"],
    },
}


def item(role: str, text: str, origin: str = "client") -> Seen:
    return Seen("id", "message", role, text, origin=origin)


def test_recall_says_everything_in_order_and_each_thing_once() -> None:
    context = Context(
        instructions="Be brief.",
        own_instructions=True,
        items=(
            item("system", "A rule."),
            item("user", "hello"),
            item("assistant", "Be brief. | A rule. | hello", "response"),
            Seen("c", "function_call", name="f", arguments="{}"),
            Seen("o", "function_call_output", output="42"),
            item("user", "hello"),
            item("user", "goodbye"),
        ),
    )
    assert Recall()(context) == "Be brief. | A rule. | hello | f {} | 42 | goodbye"


def test_recall_has_an_end() -> None:
    """A megabyte from the client is no megabyte of speech; what fits is said whole, and what came last is said."""
    just = ("word " * (LONGEST // 5)).strip()
    assert Recall()(Context(items=(item("user", just),))) == just
    long = Recall()(Context(items=(item("user", "first"), item("user", "y" * 1_000_000), item("user", "last"))))
    assert isinstance(long, str)
    assert len(long) == LONGEST
    assert long.startswith("yyy")
    assert long.endswith("yyy | last")


def test_recall_stays_silent_about_the_models_default_instructions() -> None:
    assert Recall()(Context(instructions="Default.", items=(item("user", "hi"),))) == "hi"


def test_recall_can_keep_a_long_prompt_to_itself() -> None:
    session = Context(instructions="A long prompt.", own_instructions=True, items=(item("user", "hi"),))
    response = Context(instructions="Say this.", own_instructions=True, instructed=True)
    assert [Recall(instructions="own")(one) for one in (session, response)] == ["hi", "Say this."]
    assert [Recall(instructions="none")(one) for one in (session, response)] == ["hi", NOTHING_SEEN]
    with pytest.raises(UsageError, match="some"):
        Recall(instructions="some")  # type: ignore[arg-type]


def test_recall_holds_back_only_what_a_client_put_at_the_end() -> None:
    tail = (item("assistant", "put here"), item("assistant", "and here"))
    assert Recall()(Context(items=(item("user", "hi"), *tail))) == "hi"
    assert Recall()(Context(items=tail)) == ALREADY_SAID
    assert Recall()(Context(items=(*tail, item("user", "hi")))) == "put here | and here | hi"
    leaked = item("assistant", "leaked", "response")
    assert Recall()(Context(items=(item("user", "hi"), leaked))) == "hi | leaked"
    assert Recall()(Context()) == NOTHING_SEEN


def test_recall_tells_of_audio_that_it_cannot_make_out() -> None:
    heard = Seen("a", "message", "user", "", origin="audio", audio_ms=1_200)
    assert Recall()(Context(items=(heard,))) == "1200 ms of audio"


def test_a_reply_of_recall_grows_with_the_conversation_and_no_faster() -> None:
    stage = Stage(pace="instant")
    for number in range(12):
        stage.ask(f"word{number}", output_modalities=["text"])
    text = stage.last("response.output_text.done")["text"]
    assert text == " | ".join(f"word{number}" for number in range(12))


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "get_weather"}])
def test_recall_calls_where_a_call_is_demanded(choice: Any) -> None:
    other = {"type": "function", "name": "other", "parameters": {}}
    tools = (TOOL, other) if choice == "required" else (other, TOOL)
    said = Recall()(Context(tools=tools, tool_choice=choice, user="Oslo"))
    assert said == ToolCall("get_weather", {"city": "Oslo", "days": 1, "unit": "C"})
    assert Recall()(Context(tools=tools, items=(item("user", "Oslo"),))) == "Oslo"


def test_a_call_of_recall_has_an_end_too() -> None:
    said = Recall()(Context(tools=(TOOL,), tool_choice="required", user="Oslo " * LONGEST))
    assert isinstance(said, ToolCall)
    assert len(said.object["city"]) == LONGEST


def test_scripted_goes_on_with_another_replier() -> None:
    stage = Stage(replier=Scripted(["first"], then=Recall()))
    stage.ask("hello", output_modalities=["text"])
    stage.ask(output_modalities=["text"])
    assert [body["text"] for body in stage.of("response.output_text.done")] == [
        "first",
        "hello | first",
    ]


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("text", Reply("text")),
        (None, Reply()),
        (ToolCall("f"), Reply(calls=(ToolCall("f"),))),
        (["a", ToolCall("f"), "b", ToolCall("g")], Reply("a b", (ToolCall("f"), ToolCall("g")), texts=("a", "b"))),
        (Silence(5), Reply(silence=Silence(5))),
        (Failure("x"), Reply(failure=Failure("x"))),
        (Reply("x"), Reply("x")),
    ],
)
def test_what_a_replier_may_return(said: Any, reply: Reply) -> None:
    assert as_reply(said) == reply


@pytest.mark.parametrize("said", [7, {"text": "x"}, ["a", 7], b"x"])
def test_what_it_may_not_return(said: Any) -> None:
    with pytest.raises(UsageError, match="replier returned"):
        as_reply(said)


def test_a_context_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Context().turn = 2  # type: ignore[misc]


def test_a_context_tells_turn_metadata_tools_and_words() -> None:
    stage = Stage(replier=lambda context: "fine")
    stage.ask("one")
    stage.talk("two words")
    stage.wait(5_000)
    stage.ask(tools=[TOOL], metadata={"a": "b"}, output_modalities=["text"])
    last = stage.contexts[2]
    assert (last.turn, last.user, last.modalities) == (3, "two words", ("text",))
    assert (last.metadata, last.tools[0]["name"]) == ({"a": "b"}, "get_weather")
    assert [one.origin for one in last.items] == ["client", "response", "audio", "response"]


async def slowly(context: Context) -> str:
    await asyncio.sleep(0)
    return f"after thinking about {context.user}"


def test_an_async_replier_is_awaited_by_the_shell_while_the_session_goes_on() -> None:
    stage = Stage(replier=slowly)
    stage.say("this")
    stage.send("response.create")
    stage.until("response.created")
    assert stage.wait(10_000) == []
    stage.send("conversation.item.create", item={"type": "message", "role": "user", "content": []})
    stage.told(asyncio.run(slowly(stage.contexts[0])))
    stage.until("response.done")
    assert speech.decode(stage.audio()) == "after thinking about this"
    stage.asks[0].awaitable.close()  # type: ignore[attr-defined]


def test_what_comes_after_a_cancel_is_not_said() -> None:
    stage = Stage(replier=slowly)
    stage.send("response.create")
    stage.until("response.created")
    stage.send("response.cancel")
    assert stage.told("too late") == []
    assert stage.wait(10_000) == []
    stage.asks[0].awaitable.close()  # type: ignore[attr-defined]


def test_an_async_replier_that_raises_fails_the_response() -> None:
    stage = Stage(replier=slowly)
    stage.send("response.create")
    stage.until("response.created")
    stage.told(failure=RuntimeError("no model here"))
    assert stage.until("response.done")["response"]["status"] == "failed"
    assert "no model here" in str(stage.source.problems()[0])
    stage.asks[0].awaitable.close()  # type: ignore[attr-defined]


def test_what_comes_after_the_end_of_the_session_is_not_said() -> None:
    stage = Stage(replier=slowly)
    stage.send("response.create")
    stage.until("response.created")
    stage.feed(Received(Peer.CLIENT, Close(1000)))
    assert stage.told("too late") == []
    assert stage.wait(10_000_000) == []
    assert stage.hangup is None
    stage.asks[0].awaitable.close()  # type: ignore[attr-defined]
