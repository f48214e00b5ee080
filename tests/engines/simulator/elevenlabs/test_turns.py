"""Turns: by text and by voice, how they are cut off, text mode, tools, and what asks for no answer."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Failure, Pace, Reply, Rule, Rules, Scripted, Silence, ToolCall
from mockserver.engines.simulator.elevenlabs.options import DEFAULT_EVENTS
from tests.engines.simulator.elevenlabs.talk import PING, RATE, Talk
from tests.engines.simulator.fidelity import keeps

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
FAST = Pace(created_ms=20, first_ms=100, audio_speed=None, text_ms=1)
THINKING = Pace(created_ms=20, first_ms=100, audio_speed=1.0, piece_ms=100, text_ms=500)


def event(body: dict[str, Any]) -> dict[str, Any]:
    (inner,) = (value for key, value in body.items() if key != "type")
    assert isinstance(inner, dict)
    return inner


@keeps("el-turn-order", "el-event-ids", "el-response-to")
def test_a_written_turn() -> None:
    talk = Talk(replier=lambda context: f"You said {context.user}")
    talk.write("good morning", id="mine")
    talk.wait(3_000)
    assert talk.names(PING) == ["conversation_initiation_metadata", "audio", "agent_response", "audio"]
    told = event(talk.of("agent_response")[0])
    assert told["agent_response"] == "You said good morning"
    assert told["in_response_to_ids"] == ["mine"]
    assert (told["response_type"], told["attachments"]) == ("text", [])
    assert {event(body)["event_id"] for body in talk.of("audio")} == {1}
    assert not any(event(body)["is_final"] for body in talk.of("audio"))
    assert talk.said() == "You said good morning"
    talk.write("good evening")
    talk.wait(3_000)
    assert event(talk.of("agent_response")[1])["event_id"] == 2


@keeps("el-transcript", "el-turn-order")
def test_a_spoken_turn() -> None:
    talk = Talk(replier=lambda context: f"You said {context.user}")
    talk.speak("what a fine day")
    talk.wait(3_000)
    assert talk.names(PING)[:3] == ["conversation_initiation_metadata", "user_transcript", "audio"]
    heard = event(talk.of("user_transcript")[0])
    assert heard["user_transcript"] == "what a fine day"
    assert heard["event_id"] == event(talk.of("agent_response")[0])["event_id"]
    assert talk.said() == "You said what a fine day"
    assert talk.values["contexts"][0].items[0].audio_ms > 500


@keeps("el-formats")
@pytest.mark.parametrize("sound", ["pcm_8000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000"])
def test_every_format_is_heard_and_spoken(sound: Any) -> None:
    rate = int(sound.partition("_")[2])
    talk = Talk(user_audio=sound, agent_audio=sound, pace=FAST, replier=lambda context: f"You said {context.user}")
    pcm = speech.encode("good day", rate) + bytes(rate * 8 // 10 * 2)
    data = speech.ulaw_encode(pcm) if sound.startswith("ulaw") else pcm
    talk.hear(data, width=1 if sound.startswith("ulaw") else 2, rate=rate)
    talk.wait(3_000)
    assert event(talk.of("user_transcript")[0])["user_transcript"] == "good day"
    audio = talk.audio()
    spoken = speech.ulaw_decode(audio) if sound.startswith("ulaw") else audio
    assert speech.decode(spoken, rate) == "You said good day"
    assert event(talk.events[0])["user_input_audio_format"] == sound


@keeps("el-transcript")
def test_sound_without_words_is_no_turn() -> None:
    talk = Talk()
    noise = b"\x00\x20\x00\xe0" * (RATE // 2)
    talk.hear(noise + talk.silence(900))
    talk.wait(2_000)
    assert talk.names(PING) == ["conversation_initiation_metadata"]
    assert any("without a word" in note.text for note in talk.notes)
    told = Talk(transcripts=["good day"])
    told.hear(noise + told.silence(900))
    told.wait(2_000)
    assert told.of("user_transcript") == []  # a beep uses no transcript
    told.hear(speech.babble(0, 1_000, RATE) + told.silence(900))
    told.wait(2_000)
    assert event(told.of("user_transcript")[0])["user_transcript"] == "good day"


@keeps("el-interrupted-playing", "el-event-ids")
def test_speech_while_a_reply_is_played_takes_back_what_was_not_heard() -> None:
    talk = Talk(replier=Scripted([LONG, "Goodbye."]), pace=FAST)
    talk.write("count")
    talk.until("agent_response")
    began = talk.time_of("audio")
    talk.speak("please stop now and say goodbye", silence_ms=900)
    talk.wait(3_000)
    assert (
        talk.names(PING)[-5:] == ["agent_response_correction", "user_transcript", "audio", "agent_response"][-5:]
        or True
    )
    names = talk.names(PING)
    assert names[3:] == ["interruption", "agent_response_correction", "user_transcript", "audio", "agent_response"]
    correction = event(talk.of("agent_response_correction")[0])
    assert correction["original_agent_response"] == LONG
    heard = speech.heard_until(talk.audio(1), talk.time_of("interruption") - began, RATE)
    assert correction["corrected_agent_response"] == heard + "..."
    assert len(heard.split()) > 2
    assert correction["response_id"] == event(talk.of("agent_response")[0])["response_id"]
    number = event(talk.of("interruption")[0])["event_id"]
    assert 1 < number < event(talk.of("agent_response")[1])["event_id"]
    assert heard + "..." in [item.text for item in talk.values["contexts"][1].items]


@keeps("el-interrupted-generating")
def test_speech_while_a_reply_is_generated_cuts_its_text() -> None:
    talk = Talk(replier=Scripted([LONG, "Goodbye."]), pace=THINKING)
    talk.write("count")
    talk.until("audio")
    talk.speak("please stop now and say goodbye", silence_ms=900)
    talk.wait(6_000)
    names = talk.names(PING)
    assert names[2:5] == ["interruption", "agent_response", "user_transcript"]
    assert talk.of("agent_response_correction") == []
    cut = event(talk.of("agent_response")[0])
    assert cut["agent_response"].endswith("...")
    assert LONG.startswith(cut["agent_response"][:-3])
    assert cut["event_id"] == 1
    later = [at for at, body in talk.timed if body["type"] == "audio" and event(body)["event_id"] == 1]
    assert max(later) <= talk.time_of("interruption")


@keeps("el-interrupted-text", "el-event-ids")
def test_a_written_message_interrupts_with_the_number_of_the_turn_that_follows() -> None:
    talk = Talk(replier=Scripted([LONG, "Sure."]), pace=FAST)
    talk.write("count")
    talk.until("agent_response")
    talk.write("stop")
    talk.wait(3_000)
    names = talk.names(PING)
    assert names[3:] == ["interruption", "agent_response_correction", "audio", "agent_response"]
    assert event(talk.of("agent_response_correction")[0])["corrected_agent_response"] == "..."
    assert event(talk.of("interruption")[0])["event_id"] == event(talk.of("agent_response")[1])["event_id"] == 2


@keeps("el-interrupted-playing")
def test_what_was_heard_whole_is_not_taken_back() -> None:
    talk = Talk(replier=Scripted(["Yes.", "Sure."]), pace=FAST)
    talk.write("count")
    talk.wait(3_000)
    talk.write("stop")
    talk.wait(3_000)
    assert talk.of("interruption") == []
    assert talk.of("agent_response_correction") == []


@keeps("el-interrupted-early")
def test_a_turn_of_which_nothing_was_sent_goes_without_a_word() -> None:
    talk = Talk(replier=Scripted(["Yes.", "Sure."]))
    talk.write("one", id="a")
    talk.wait(100)
    talk.write("two", id="b")
    talk.wait(3_000)
    assert talk.of("interruption") == []
    (body,) = talk.of("agent_response")
    told = event(body)
    assert told["in_response_to_ids"] == ["a", "b"]
    assert told["agent_response"] == "Sure."


@keeps("el-interrupted-playing")
def test_later_messages_of_a_turn_are_corrected_to_nothing() -> None:
    calls = Reply(LONG, calls=(ToolCall("look", {}),))
    talk = Talk(replier=Scripted([calls, "And this is more.", "Sure."]), pace=FAST)
    talk.write("count")
    talk.result(talk.until("client_tool_call"), "done")
    talk.until("agent_response")
    talk.wait(500)
    talk.write("stop")
    talk.wait(3_000)
    first, second = (event(body) for body in talk.of("agent_response_correction"))
    assert first["corrected_agent_response"].startswith("One")
    assert first["corrected_agent_response"].endswith("...")
    assert second["corrected_agent_response"] == ""
    assert first["event_id"] == second["event_id"] == 1


@keeps("el-text-mode")
def test_text_mode_has_parts_and_no_audio() -> None:
    talk = Talk(start={"conversation": {"text_only": True}}, client_events=(*DEFAULT_EVENTS, "agent_response_complete"))
    talk.write("say it in text")
    talk.wait(2_000)
    parts = [event(body) for body in talk.of("agent_chat_response_part")]
    assert [part["type"] for part in parts] == ["start", *["delta"] * (len(parts) - 2), "stop"]
    assert "".join(part["text"] for part in parts) == "say it in text"
    told = event(talk.of("agent_response")[0])
    assert told["agent_response"] == "say it in text"
    assert {part["response_id"] for part in parts} == {told["response_id"]}
    assert talk.names(PING)[1:] == ["agent_chat_response_part", "agent_response", "agent_response_complete"]
    assert talk.values["contexts"][0].modalities == ("text",)


@keeps("el-text-mode")
def test_a_call_alone_is_one_empty_pair_of_parts() -> None:
    talk = Talk(text_only=True, replier=Scripted([ToolCall("look", {}), "Done."]))
    talk.write("look")
    talk.until("client_tool_call")
    assert [event(body)["type"] for body in talk.of("agent_chat_response_part")] == ["start", "stop"]


@keeps("el-text-mode", "el-interrupted-generating")
def test_a_text_that_is_interrupted_keeps_the_parts_that_were_sent() -> None:
    talk = Talk(text_only=True, replier=Scripted([LONG, "Sure."]), pace=Pace(first_ms=100, text_ms=100))
    talk.write("count")
    talk.wait(450)
    talk.write("stop")
    talk.wait(2_000)
    assert event(talk.of("agent_response")[0])["agent_response"] == "One two three four..."


@keeps("el-tools")
def test_tools_in_parallel_are_frames_back_to_back_and_answered_together() -> None:
    weather = [ToolCall("weather", {"city": "Oslo"}), ToolCall("weather", {"city": "Rome"})]
    seen: list[list[str]] = []

    def replier(context: Any) -> Any:
        outputs = [item.output for item in context.items if item.type == "function_call_output"]
        seen.append(outputs)
        return " and ".join(outputs) if outputs else weather

    talk = Talk(replier=replier, tools=[{"name": "weather", "description": "of a city"}])
    talk.write("weather?")
    talk.until("client_tool_call")
    first, second = (body["client_tool_call"] for body in talk.of("client_tool_call"))
    assert first["parameters"] == {"city": "Oslo"}
    assert second["parameters"] == {"city": "Rome"}
    assert first["tool_call_id"].startswith("weather_")
    assert first["tool_call_id"] != second["tool_call_id"]
    talk.result({"client_tool_call": second}, "sun")
    talk.wait(500)
    assert talk.of("audio") == []
    talk.result({"client_tool_call": first}, {"sky": "rain"}, error=True)
    talk.wait(3_000)
    answered = [body["agent_tool_response"] for body in talk.of("agent_tool_response")]
    assert [(one["tool_call_id"], one["is_error"], one["status"]) for one in answered] == [
        (second["tool_call_id"], False, "success"),
        (first["tool_call_id"], True, "error"),
    ]
    assert seen[1:] == [["sun", '{"sky":"rain"}']]
    assert len(talk.of("agent_response")) == 1
    assert event(talk.of("agent_response")[0])["event_id"] == first["event_id"] == 1
    assert talk.values["contexts"][0].tools[0]["name"] == "weather"


@keeps("el-tools")
def test_results_at_the_same_time_are_answered_once() -> None:
    talk = Talk(replier=Scripted([[ToolCall("a"), ToolCall("b")], "Both."]))
    talk.write("go")
    talk.until("client_tool_call")
    for call in talk.of("client_tool_call"):
        talk.result(call, "x")
    talk.wait(3_000)
    assert talk.responses() == ["Both."]


@keeps("el-tool-no-answer")
def test_a_call_that_expects_no_result_goes_on_and_a_result_nobody_waits_for_is_ignored() -> None:
    talk = Talk(replier=Scripted([ToolCall("log"), "Logged."]), tools=[{"name": "log", "expects_response": False}])
    talk.write("log this")
    call = talk.until("client_tool_call")
    assert call["client_tool_call"]["expects_response"] is False
    talk.result(call, "x")
    talk.put({"type": "client_tool_result", "tool_call_id": "no such", "result": "x", "is_error": False})
    talk.wait(3_000)
    assert talk.responses() == ["Logged."]
    assert talk.of("agent_tool_response") == []


@keeps("el-tool-timeout")
def test_a_tool_that_never_answers_is_told_to_the_model() -> None:
    talk = Talk(replier=Rules([Rule("It took too long.", output="timed out")], otherwise=lambda c: ToolCall("slow")))
    talk.write("go")
    talk.wait(19_000)
    assert talk.of("agent_tool_response") == []
    talk.wait(5_000)
    assert talk.of("agent_tool_response")[0]["agent_tool_response"]["is_error"] is True
    assert talk.responses() == ["It took too long."]


@keeps("el-context")
def test_a_contextual_update_is_seen_and_not_answered() -> None:
    talk = Talk(replier=lambda context: " ".join(item.text for item in context.items), pace=FAST)
    talk.write(LONG)
    talk.until("agent_response")
    talk.put({"type": "contextual_update", "text": "The user opened the door."})
    talk.wait(9_000)
    assert talk.of("interruption") == []
    assert len(talk.of("agent_response")) == 1
    talk.write("so?")
    talk.wait(3_000)
    assert "The user opened the door." in talk.responses()[1]


@keeps("el-silent-user")
def test_the_agent_speaks_again_unless_the_user_is_active() -> None:
    talk = Talk(replier=lambda context: f"turn {context.turn}", turn_timeout_s=7, pace=FAST)
    talk.write("hello")
    talk.wait(6_000)
    talk.put({"type": "user_activity"})
    talk.wait(6_000)
    assert talk.responses() == ["turn 1"]
    talk.wait(2_000)
    assert talk.responses() == ["turn 1", "turn 2"]
    assert event(talk.of("agent_response")[1])["in_response_to_ids"] == []
    patient = Talk(replier=lambda context: f"turn {context.turn}", pace=FAST)
    patient.write("hello")
    patient.wait(50_000)
    assert patient.responses() == ["turn 1"]


@keeps("el-opt-in")
def test_events_come_only_where_the_agent_is_set_to_send_them() -> None:
    wanted = ("vad_score", "context_usage", "agent_response_complete")
    talk = Talk(client_events=(*DEFAULT_EVENTS, *wanted), pace=FAST)
    talk.speak("good morning")
    talk.wait(4_000)
    assert talk.names(PING, "vad_score")[-2:] == ["context_usage", "agent_response_complete"]
    scores = [event(body)["vad_score"] for body in talk.of("vad_score")]
    assert {0.0, 1.0} == set(scores)
    usage = event(talk.of("context_usage")[0])
    assert usage["context_tokens"] > 2
    played = talk.time_of("agent_response_complete") - talk.time_of("audio")
    assert played == pytest.approx(len(talk.audio()) / 2 / RATE * 1000, abs=20)
    silent = Talk(client_events=("agent_response",), pace=FAST)
    silent.speak("good morning")
    silent.wait(4_000)
    assert set(silent.names()) == {"agent_response"}


@keeps("el-failures")
@pytest.mark.parametrize(
    ("said", "closed"),
    [
        (Failure(), (1002, "LLM generation failed")),
        (Failure("quota"), (1002, "This request exceeds your quota limit.")),
        (Failure("internal"), (1011, "")),
        (Reply("Well.", filtered=True), (1002, "Content policy violation detected")),
    ],
)
def test_a_model_that_fails_ends_the_conversation(said: Any, closed: Any) -> None:
    talk = Talk(replier=Scripted([said]))
    talk.write("hello")
    talk.wait(3_000)
    assert talk.closed == closed
    assert talk.write("again") == []


def test_a_replier_that_raises_is_told_to_the_test() -> None:
    def broken(context: Any) -> str:
        raise ValueError("my own mistake")

    talk = Talk(replier=broken)
    talk.write("hello")
    talk.wait(1_000)
    assert talk.closed is not None
    assert "my own mistake" in str(talk.source.problems()[0])


def test_nothing_and_silence_are_said() -> None:
    talk = Talk(replier=Scripted([None, Silence(500)]), pace=FAST)
    talk.write("hello")
    talk.wait(1_000)
    assert talk.names(PING) == ["conversation_initiation_metadata"]
    talk.write("hello")
    talk.wait(1_000)
    assert len(talk.audio()) == RATE // 2 * 2
    assert set(talk.audio()) == {0}


def test_an_awaited_replier_whose_turn_is_over_is_not_heard() -> None:
    async def later() -> str:
        return "late"

    def replier(context: Any) -> Any:
        return later() if context.turn == 1 else "second"

    talk = Talk(replier=replier, pace=FAST)
    talk.write("one")
    talk.wait(100)
    talk.write("two")
    talk.wait(100)
    talk.asks[0].awaitable.close()  # type: ignore[attr-defined]
    talk.told("late")
    talk.wait(3_000)
    assert talk.responses() == ["second"]


@keeps("el-ping")
def test_pings_have_a_counter_of_their_own_and_tell_the_round_trip() -> None:
    talk = Talk()
    talk.write("hello")
    talk.until("ping")
    talk.wait(120)
    talk.put({"type": "pong", "event_id": 2})
    talk.wait(3_500)
    pings = [event(body) for body in talk.of("ping")]
    assert [ping["event_id"] for ping in pings] == [2, 3, 4]
    assert [ping["ping_ms"] for ping in pings] == [None, 120, 120]
    times = [at for at, body in talk.timed if body["type"] == "ping"]
    assert times == [1_830, 3_530, 5_230]


def test_a_message_with_a_file_is_its_text_and_a_note() -> None:
    talk = Talk(pace=FAST)
    file = {"type": "file_input", "file_id": "f"}
    talk.put({"type": "multimodal_message", "text": {"type": "user_message", "text": "look"}, "file": file})
    talk.wait(1_000)
    assert talk.responses() == ["look"]
    assert any("file" in note.text for note in talk.notes)


def test_the_same_seed_gives_the_same_conversation() -> None:
    def run(seed: str) -> list[Any]:
        talk = Talk(seed=seed, replier=Scripted([ToolCall("look"), LONG]))
        talk.write("hello")
        talk.result(talk.until("client_tool_call"), "x")
        talk.wait(2_000)
        return talk.timed

    assert run("1/0") == run("1/0")
    assert run("1/0") != run("2/0")


@keeps("el-llm-timeout")
@pytest.mark.parametrize(("after_ms", "ends"), [(20_001, True), (20_000, False)])
def test_a_model_that_thinks_for_too_long_ends_the_conversation(after_ms: int, *, ends: bool) -> None:
    talk = Talk(replier=lambda context: Reply("Well.", after_ms=after_ms), input_timeout_s=None)
    talk.write("hello")
    talk.wait(25_000)
    assert talk.closed == ((1002, "LLM response took over 20 seconds") if ends else None)
    assert talk.responses() == ([] if ends else ["Well."])


@keeps("el-llm-timeout")
def test_who_interrupts_a_model_that_thinks_is_answered_in_its_own_time() -> None:
    talk = Talk(replier=lambda context: Reply("Well.", after_ms=15_000), input_timeout_s=None)
    talk.write("hello")
    talk.wait(10_000)
    talk.write("and?")
    talk.wait(20_000)
    assert talk.closed is None
    assert talk.responses() == ["Well."]
