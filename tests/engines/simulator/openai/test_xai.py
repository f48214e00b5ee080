"""What is xAI's own. Captured turns are in ``test_captures.py``; turns by voice are in no capture."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Scripted, ToolCall, simulator
from tests.engines.simulator import caller
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage, handshake

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"
VAD = {"type": "server_vad", "silence_duration_ms": 200, "threshold": 0.5}


def xai(*, provider: str = "xai", **settings: Any) -> Stage:
    hands = handshake("grok-voice-latest" if provider == "xai" else "gpt-realtime")
    check = "openai" if provider == "openai" else False
    return Stage(simulator(provider, **settings), hands=hands, check=check)  # type: ignore[arg-type]


def force(stage: Stage, text: str, **fields: Any) -> list[dict[str, Any]]:
    content = [{"type": "output_text", "text": text}]
    item = {"type": "force_message", "role": "assistant", "content": content, **fields}
    return stage.send("conversation.item.create", item=item)


def heard(stage: Stage) -> str:
    return speech.decode(stage.audio())


@keeps("xai-first", "xai-ids")
def test_a_conversation_and_a_ping_come_after_the_session() -> None:
    stage = xai()
    assert stage.names() == ["session.created", "conversation.created", "ping"]
    session, conversation, ping = stage.events
    assert re.fullmatch("[0-9a-f]{32}", session["session"]["id"])
    assert UUID.fullmatch(conversation["conversation"]["id"])
    assert ping["timestamp"] == 1_785_000_000_000
    assert all(UUID.fullmatch(body["event_id"]) for body in stage.events)
    assert Stage().names() == ["session.created"]  # OpenAI's has neither


@keeps("xai-ping")
def test_a_ping_comes_every_ten_seconds_and_from_nobody_else() -> None:
    stage = xai()
    stage.wait(35_000)
    assert [at for at, body in stage.all if body["type"] == "ping"] == [0, 10_000, 20_000, 30_000]
    assert Stage().wait(35_000) == []


@keeps("xai-voice-turn")
def test_an_item_of_speech_is_announced_early_and_transcribed_before_the_answer() -> None:
    stage = xai(replier=Scripted(["yes"]))
    audio = {"input": {"transcription": {"model": "grok-transcribe"}}}
    stage.send("session.update", session={"turn_detection": VAD, "audio": audio})
    stage.talk("hello you")
    stage.wait(3_000)
    names = [name for name in stage.names() if name != "ping"]
    begin = names.index("input_audio_buffer.speech_started")
    ended = names.index("response.created")
    assert names[begin : begin + 6] == [
        "input_audio_buffer.speech_started",
        "conversation.item.added",
        "conversation.item.input_audio_transcription.updated",
        "conversation.item.input_audio_transcription.completed",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
    ]
    assert set(names[begin + 6 : ended]) == {"conversation.item.input_audio_transcription.completed"}
    assert not any("transcription" in name for name in names[ended:])
    item_id = stage.last("input_audio_buffer.committed")["item_id"]
    added = [body["item"] for body in stage.of("conversation.item.added")]
    assert [item["id"] for item in added] == [item["id"] for item in stage.conversation]
    assert (added[0]["id"], added[0]["status"]) == (item_id, "in_progress")
    assert added[0]["content"] == [{"type": "input_audio", "transcript": ""}]
    assert stage.of("conversation.item.added")[1]["previous_item_id"] == item_id


@keeps("xai-session")
def test_voice_and_turn_detection_stand_at_the_top_and_are_shown_as_given() -> None:
    stage = xai()
    first = stage.last("session.created")["session"]
    assert (first["voice"], first["turn_detection"]) == ("ara", {"type": None})
    (updated,) = stage.send("session.update", session={"voice": "Rex", "turn_detection": VAD})
    assert (updated["session"]["voice"], updated["session"]["turn_detection"]) == ("Rex", VAD)
    assert stage.engine.settings.turn_detection["prefix_padding_ms"] == 333  # type: ignore[index]
    # GA's places mean nothing here.
    audio = {"input": {"turn_detection": None}, "output": {"voice": "Eve"}}
    (updated,) = stage.send("session.update", session={"audio": audio})
    assert (updated["session"]["voice"], updated["session"]["turn_detection"]) == ("Rex", VAD)


@keeps("xai-unknown-fields")
def test_fields_of_ga_that_mean_nothing_to_it_are_taken() -> None:
    stage = xai()
    given = {"type": "realtime", "tracing": None, "output_modalities": ["audio"], "whatever": 1}
    stage.send("session.update", session=given)
    assert stage.of("error") == []
    stage.send("session.update", session={"turn_detection": {"type": "semantic_vad"}})
    assert stage.error()["param"] == "session.turn_detection.type"


@keeps("xai-previous", "xai-no-item-done")
def test_every_event_but_the_first_names_a_predecessor() -> None:
    stage = xai(replier=Scripted(["hello", ToolCall("look", {})]), pace="instant")
    stage.ask("hi")
    stage.ask("and now")
    lacking = {body["type"] for body in stage.events if "previous_item_id" not in body}
    assert lacking == {"session.created"}
    assert stage.of("conversation.item.done") == []
    added = [body["previous_item_id"] for body in stage.of("conversation.item.added")]
    items = [item["id"] for item in stage.conversation]
    assert added == [None, items[0], items[1], None]  # a call has none


@keeps("xai-usage")
def test_usage_stands_beside_the_response() -> None:
    stage = xai(replier=Scripted(["good morning"]), pace="instant")
    done = stage.ask("hi")
    assert (done["usage"], done["status_details"]) == ({}, "unimplemented")
    usage = stage.last("response.done")["usage"]
    seconds = len(stage.audio()) / 48_000
    assert usage["output_audio_seconds"] == pytest.approx(seconds, abs=0.01)
    assert usage["output_token_details"]["grok_tokens"] == 0


@keeps("xai-metadata")
def test_metadata_is_echoed_where_there_is_some() -> None:
    stage = xai(pace="instant")
    assert stage.ask("hi", metadata={"a": "b"})["metadata"] == {"a": "b"}
    assert "metadata" not in stage.ask("hi")


@keeps("xai-transcription")
def test_a_transcript_grows_and_is_sent_again_and_again() -> None:
    name = "conversation.item.input_audio_transcription."

    def told(transcription: dict[str, Any] | None) -> Stage:
        stage = xai(replier=Scripted(["yes"]))
        audio = {"input": {"transcription": transcription}} if transcription else {}
        stage.send("session.update", session={"turn_detection": VAD, "audio": audio})
        stage.talk("what shall I buy")
        stage.wait(3_000)
        return stage

    stage = told({"model": "grok-transcribe"})
    completed = [(body["transcript"], body["status"]) for body in stage.of(name + "completed")]
    assert completed == [  # three at most, and the whole once (xai.md#27)
        ("what shall", "in_progress"),
        ("what shall I", "in_progress"),
        ("what shall I buy", "completed"),
    ]
    order = [body for body in stage.names() if body.startswith((name, "input_audio_buffer.speech_stopped"))]
    assert order.index(name + "completed") < order.index("input_audio_buffer.speech_stopped")
    assert [body["transcript"] for body in stage.of(name + "updated")] == [
        words for words, status in completed if status == "in_progress"
    ]
    assert stage.of(name + "delta") == []
    without = told(None)  # nobody asked: it is transcribed all the same, but without .updated
    assert without.last(name + "completed")["transcript"] == "what shall I buy"
    assert without.of(name + "updated") == []


@keeps("xai-commit-answers")
@pytest.mark.parametrize(("provider", "answers"), [("xai", 1), ("openai", 0)])
def test_a_commit_is_answered_without_being_asked(provider: str, answers: int) -> None:
    stage = xai(provider=provider, pace="instant")
    if provider == "openai":
        stage.update(audio={"input": {"turn_detection": None}})
    else:
        stage.send("session.update", session={"turn_detection": None})
        assert "turn_detection" not in stage.last("session.updated")["session"]
    stage.talk("what shall I buy")
    assert stage.of("input_audio_buffer.committed") == []
    stage.send("input_audio_buffer.commit")
    stage.wait(2_000)
    assert len(stage.of("response.done")) == answers
    assert heard(stage) == ("what shall I buy" if answers else "")


@keeps("xai-create-response")
@pytest.mark.parametrize(("provider", "answers"), [("xai", 1), ("openai", 0)])
def test_create_response_false_is_shown_but_not_honoured(provider: str, answers: int) -> None:
    stage = xai(provider=provider)
    detection = {**VAD, "create_response": False}
    if provider == "xai":
        stage.send("session.update", session={"turn_detection": detection})
        shown = stage.last("session.updated")["session"]["turn_detection"]
        assert shown["create_response"] is False
    else:
        stage.update(audio={"input": {"turn_detection": detection}})
    stage.talk("hello")
    stage.wait(5_000)
    assert len(stage.of("response.done")) == answers


@keeps("xai-second-response")
@pytest.mark.parametrize(("provider", "statuses"), [("xai", 2), ("openai", 1)])
def test_a_second_response_cancels_the_first(provider: str, statuses: int) -> None:
    stage = xai(provider=provider, replier=Scripted([LONG, "second"]))
    stage.send("response.create")
    stage.wait(600)
    stage.send("response.create")
    stage.wait(20_000)
    ended = [body["response"]["status"] for body in stage.of("response.done")]
    assert ended == (["cancelled", "completed"] if statuses == 2 else ["completed"])
    assert len(stage.of("error")) == 2 - statuses


@keeps("xai-cancel-id")
def test_a_cancel_with_a_wrong_id_is_an_error_and_cancels_nothing() -> None:
    stage = xai(replier=Scripted([LONG]))
    stage.send("response.create")
    stage.wait(600)
    stage.send("response.cancel", response_id="another")
    assert stage.error()["code"] == "response_cancel_not_active"
    right = stage.last("response.created")["response"]["id"]
    stage.send("response.cancel", response_id=right)
    assert stage.last("response.done")["response"]["status"] == "cancelled"


@keeps("xai-speaks")
def test_text_alone_is_shown_but_it_speaks() -> None:
    stage = xai(pace="instant")
    stage.send("session.update", session={"modalities": ["text"]})
    assert stage.last("session.updated")["session"]["modalities"] == ["text"]
    stage.ask("hello there")
    assert heard(stage) == "hello there"
    assert stage.of("response.output_text.delta") == []


@keeps("xai-force-message")
def test_a_forced_message_is_spoken_as_it_is_and_the_model_is_not_asked() -> None:
    stage = xai(pace="instant")
    force(stage, "this call is recorded")
    names = [name for name in stage.names()[3:] if not name.endswith(".delta")]
    assert names == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_audio.done",
        "response.output_item.done",
        "response.done",
    ]
    assert heard(stage) == "this call is recorded"
    assert stage.contexts == []
    assert [item["role"] for item in stage.conversation] == ["assistant"]
    assert "metadata" not in stage.last("response.created")["response"]


def test_no_other_provider_knows_a_forced_message() -> None:
    stage = xai(provider="openai")
    force(stage, "this call is recorded")
    assert (stage.error()["code"], stage.error()["param"]) == ("invalid_value", "item.type")
    assert stage.of("response.created") == []


@keeps("xai-force-message")
@pytest.mark.parametrize("interruptible", [True, False])
def test_a_forced_message_may_be_made_safe_from_interruption(interruptible: bool) -> None:
    stage = xai(replier=Scripted(["yes"]))
    stage.send("session.update", session={"turn_detection": VAD})
    force(stage, LONG, interruptible=interruptible)
    stage.wait(500)
    stage.talk("stop")
    stage.wait(20_000)
    first = stage.of("response.done")[0]["response"]
    assert first["status"] == ("cancelled" if interruptible else "completed")
    assert len(stage.of("input_audio_buffer.speech_started")) == interruptible
    if not interruptible:
        stage.talk("and now")  # what is played has ended
        assert len(stage.of("input_audio_buffer.speech_started")) == 1


@keeps("xai-call-id")
def test_a_tools_output_needs_no_call_that_is_known() -> None:
    item = {"type": "function_call_output", "call_id": "shortened", "output": "fog"}
    stage = xai()
    stage.send("conversation.item.create", item=item)
    assert stage.of("error") == []
    assert stage.last("conversation.item.added")["item"]["role"] == "tool"
    other = Stage()
    other.send("conversation.item.create", item=item)
    assert other.error()["code"] == "invalid_tool_call_id"


@keeps("xai-deleted")
@pytest.mark.parametrize("how", ["kept", "empty"])
def test_a_deleted_item_may_have_no_name(how: str) -> None:
    stage = xai(deleted_item_id=how)
    item_id = stage.say("hello")["id"]
    stage.send("conversation.item.delete", item_id=item_id)
    assert stage.last("conversation.item.deleted")["item_id"] == (item_id if how == "kept" else "")


@keeps("xai-models")
def test_models_are_groks() -> None:
    source = simulator("xai")
    assert Stage(source, hands=handshake("gpt-realtime"), check=False).error()["code"] == "invalid_model"
    assert source.model == "grok-voice-latest"


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_it_hears_and_speaks_at_many_rates(rate: int) -> None:
    stage = xai(pace="instant")
    sound = {"format": {"type": "audio/pcm", "rate": rate}}
    stage.send(
        "session.update",
        session={"turn_detection": VAD, "audio": {"input": sound, "output": sound}},
    )
    stage.hear(speech.encode("can you hear me", rate) + bytes(2 * (rate * 600 // 1000)), rate=rate)
    assert speech.decode(stage.audio(), rate) == "can you hear me"
    assert stage.last("session.updated")["session"]["audio"]["input"]["format"]["rate"] == rate


def test_two_connections_share_nothing() -> None:
    source = simulator("xai", replier=Scripted(["one", "two"]), pace="instant")
    first, second = (Stage(source, hands=handshake("grok-voice-latest"), check=False, seed=f"0/{n}") for n in range(2))
    first.ask("hi")
    assert "latency" in first.of("response.output_audio.delta")[0]
    second.ask("hi")
    assert "latency" in second.of("response.output_audio.delta")[0]
    assert first.engine.desk.profile is not second.engine.desk.profile


@keeps("xai-no-item")
@pytest.mark.parametrize("what", ["delete", "retrieve", "truncate"])
def test_an_item_that_is_not_there(what: str) -> None:
    stage = xai()
    more = {"content_index": 0, "audio_end_ms": 5} if what == "truncate" else {}
    stage.send(f"conversation.item.{what}", item_id="nobody", **more)
    assert stage.error()["message"] == "Item not found"  # xai.md#32
    other = Stage()
    other.send(f"conversation.item.{what}", item_id="nobody", **more)
    assert other.error()["message"] != "Item not found"


@keeps("xai-resumption")
def test_a_conversation_is_taken_up_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    call = ToolCall("f", {"a": 1})
    source = simulator("xai", replier=Scripted([call, "one"], then=lambda context: context.words()), pace="instant")

    def connect(number: int, **query: str) -> Stage:
        hands = handshake("grok-voice-latest", **query)
        return Stage(source, hands=hands, check=False, seed=f"0/{number}")

    first = connect(0)
    first.say("my name is Ada")
    first.ask()
    conversation = first.of("conversation.created")[0]["conversation"]["id"]
    later = connect(1, conversation_id=conversation)
    assert [body["type"] for body in later.events] == [
        *("session.created", "conversation.created", "ping"),
        *["conversation.item.added"] * 2,
    ]
    assert later.events[1]["conversation"]["id"] == conversation
    said, called = (body["item"] for body in later.of("conversation.item.added"))
    assert said["id"] == first.conversation[0]["id"]
    assert (called["type"], called["name"], called["arguments"]) == ("function_call", "f", "")  # xai.md#17
    later.ask()
    assert "my name is Ada" in later.contexts[-1].words()
    # The controls: an id that nobody has, none, and one that is too old.
    assert [len(connect(2, **query).events) for query in ({"conversation_id": "x"}, {})] == [3, 3]
    monkeypatch.setattr(caller, "UNIX_US", caller.UNIX_US + 1_801_000_000)
    assert len(connect(3, conversation_id=conversation).events) == 3
