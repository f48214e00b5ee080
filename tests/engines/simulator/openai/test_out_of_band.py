"""Responses beside the conversation, and the two requests of livekit/agents#5569."""

from __future__ import annotations

from typing import Any

from mockserver import speech
from mockserver.engines.simulator import Scripted
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage

WORDS = "Please hold the line"


def assistant(text: str) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text}],
    }


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


@keeps("oob-outside")
def test_nothing_of_it_enters_the_conversation() -> None:
    stage = Stage(replier=Scripted(["beside", "in it"]))
    stage.say("hello")
    before = stage.conversation
    done = stage.ask(conversation="none", metadata={"topic": "x"})
    assert done["status"] == "completed"
    assert done["conversation_id"] is None
    assert done["metadata"] == stage.last("response.created")["response"]["metadata"] == {"topic": "x"}
    assert stage.conversation == before
    stage.ask()
    assert "beside" not in stage.contexts[1].words()


@keeps("oob-outside")
def test_a_response_in_the_conversation_does_enter_it() -> None:
    stage = Stage(replier=Scripted(["in it", "again"]))
    stage.say("hello")
    assert stage.ask(conversation="auto")["conversation_id"] is not None
    stage.ask()
    assert "in it" in stage.contexts[1].words()


@keeps("oob-unannounced")
def test_its_items_are_not_announced_as_the_conversations() -> None:
    for announced in (False, True):
        stage = Stage(replier=Scripted(["beside"]), announce_out_of_band=announced)
        stage.ask(conversation="none")
        assert bool(stage.of("conversation.item.added")) is announced
        assert bool(stage.of("conversation.item.done")) is announced
        assert len(stage.of("response.output_item.added")) == 1


@keeps("oob-parallel")
def test_any_number_run_beside_the_default_response() -> None:
    stage = Stage(replier=lambda context: f"reply number {context.turn}")
    stage.send("response.create")
    for number in range(3):
        stage.send("response.create", response={"conversation": "none", "metadata": {"n": str(number)}})
    stage.wait(20_000)
    done = [body["response"] for body in stage.of("response.done")]
    assert [one["status"] for one in done] == ["completed"] * 4
    assert len({one["id"] for one in done}) == 4
    assert stage.of("error") == []
    for one in done:
        spoken = speech.decode(stage.audio(one["id"]))
        assert spoken == one["output"][0]["content"][0]["transcript"]


@keeps("oob-input")
def test_input_replaces_the_context_and_an_empty_one_clears_it() -> None:
    stage = Stage(replier=lambda context: "fine")
    stage.say("from the conversation")
    for given in ([user("from the input")], [], None):
        asked: dict[str, Any] = {"conversation": "none"}
        stage.ask(**asked if given is None else {**asked, "input": given})
    seen = [[item.text for item in context.items] for context in stage.contexts]
    assert seen == [["from the input"], [], ["from the conversation"]]


@keeps("oob-input")
def test_input_may_refer_to_items_of_the_conversation() -> None:
    stage = Stage(replier=lambda context: "fine")
    first = stage.say("one")["id"]
    stage.say("two")
    stage.ask(conversation="none", input=[{"type": "item_reference", "id": first}, user("three")])
    assert [item.text for item in stage.contexts[0].items] == ["one", "three"]
    stage.send("response.create", response={"input": [{"type": "item_reference", "id": "nobody"}]})
    assert stage.error()["type"] == "invalid_request_error"


@keeps("oob-barge-in")
def test_speech_does_not_interrupt_it() -> None:
    stage = Stage(replier=lambda context: "a rather long answer that takes its time " * 3)
    stage.send("response.create", response={"conversation": "none"})
    beside = stage.until("response.created")["response"]["id"]
    stage.until("response.output_audio.delta")
    stage.talk("wait")
    stage.wait(30_000)
    status = {body["response"]["id"]: body["response"]["status"] for body in stage.of("response.done")}
    assert status[beside] == "completed"


@keeps("conversation-values")
def test_a_conversation_is_auto_or_none() -> None:
    stage = Stage()
    stage.send("response.create", response={"conversation": "conv_other"})
    assert stage.error()["param"] == "response.conversation"


# --- livekit/agents#5569 --------------------------------------------------------------------------------------------


@keeps("input-is-context")
def test_an_assistant_message_as_input_is_not_spoken() -> None:
    stage = Stage()
    done = stage.ask(conversation="none", input=[assistant(WORDS)])
    spoken = speech.decode(stage.audio())
    assert done["status"] == "completed"
    assert spoken
    assert not set(spoken.lower().split()) & set(WORDS.lower().split())
    assert [item.text for item in stage.contexts[0].items] == [WORDS]


@keeps("input-is-context")
def test_the_same_words_as_instructions_are_spoken() -> None:
    stage = Stage()
    stage.ask(conversation="none", input=[], instructions=WORDS)
    assert speech.decode(stage.audio()) == WORDS


@keeps("input-is-context")
def test_nor_is_one_that_is_created_in_the_conversation_just_before() -> None:
    stage = Stage()
    stage.say("good morning")
    stage.send("conversation.item.create", item=assistant(WORDS))
    stage.ask()
    assert speech.decode(stage.audio()) == "good morning"


@keeps("input-is-context")
def test_but_as_history_it_is_part_of_what_the_model_can_tell() -> None:
    stage = Stage()
    stage.send("conversation.item.create", item=assistant(WORDS))
    stage.say("what did you say")
    stage.ask()
    assert WORDS in speech.decode(stage.audio())


def test_words_that_were_said_beside_the_conversation_are_not_heard_again() -> None:
    stage = Stage()
    stage.say("hello")
    stage.ask(conversation="none", input=[], instructions=WORDS)
    later = stage.ask("and now")
    assert speech.decode(stage.audio(later["id"])) == "hello | and now"
