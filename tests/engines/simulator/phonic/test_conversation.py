"""The simulated Phonic conversation: configured, spoken in, interrupted, reset, lost and taken up again."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mockserver import Rules, Scripted, simulator, speech
from mockserver.core.frames import Accept, Binary, Close, Peer, Received, Refuse
from mockserver.engines.simulator import Context, Failure, Reply, ToolCall
from mockserver.engines.simulator.resumable import MOST_CHARACTERS
from mockserver.replies import Rule
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.phonic.talk import BASE, KEY, Talk

LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"
AHEAD = {"stream_ahead_of_real_time": True}


def source(*replies: Any, **settings: Any) -> Any:
    return simulator("phonic", replier=Scripted(replies), **settings)


def tool(name: str = "weather", **more: Any) -> dict[str, Any]:
    function = {"name": name, "description": "", "parameters": {"type": "object", "properties": {}}, "strict": True}
    return {"type": "custom_websocket", "tool_schema": {"type": "function", "function": function}, **more}


def bent(field: str, value: Any) -> dict[str, Any]:
    """A tool with one field of its function set."""
    made = tool()
    made["tool_schema"]["function"][field] = value
    return made


# --- begin ---


@keeps("ph-key")
def test_a_bad_key_is_refused_at_the_upgrade() -> None:
    for headers in ((), (("Authorization", "ph_any"),), (("Authorization", "Bearer "),)):
        assert isinstance(Talk(config=None, headers=headers).effects[0], Refuse)
    assert isinstance(Talk(source(require_key="ph_good"), config=None).effects[0], Refuse)
    assert isinstance(Talk(source(require_key="ph_any"), config=None).effects[0], Accept)


@keeps("ph-begin")
def test_the_client_speaks_first_and_is_told_when_the_conversation_can_start() -> None:
    talk = Talk(source(), config=None)
    assert talk.events == []
    talk.put({"type": "config", **BASE})
    assert talk.names() == ["conversation_created", "ready_to_start_conversation"]
    early = Talk(source(created="on_connect"), config=None)
    assert early.names() == ["conversation_created"]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"input_format": "pcm_11025"}, "input_format"),
        ({"output_format": ["pcm_8000"]}, "output_format"),
        ({"system_prompt": 1}, "system_prompt"),
        ({"push_to_talk": "yes"}, "push_to_talk"),
        ({"vad_threshold": -1}, "vad_threshold"),
        ({"no_input_poke_sec": "9"}, "no_input_poke_sec"),
        ({"tools": {}}, "tools"),
        ({"tools": [{}]}, "tools[0]"),
        ({"tools": [tool(), tool()]}, "tools[1]"),
        ({"template_variables": {"a": 1}}, "template_variables"),
        ({"model": "another"}, "model"),
        ({"default_language": 1}, "default_language"),
        ({"external_id": 1}, "external_id"),
        ({"audio_speed": "fast"}, "audio_speed"),
        ({"enable_redaction": 1}, "enable_redaction"),
        ({"multilingual_mode": "both"}, "multilingual_mode"),
        ({"intelligence_level": ["high"]}, "intelligence_level"),
        ({"mcp_servers": "one"}, "mcp_servers"),
        ({"mcp_servers": ["one", "one"]}, "mcp_servers"),
        ({"boosted_keywords": [1]}, "boosted_keywords"),
        (
            {"multilingual_mode": "auto", "additional_languages": ["de", "fr", "it"]},
            "additional_languages",
        ),
        ({"tools": [1]}, "tools[0]"),
        ({"tools": [{"type": "built_in", "name": "keypad_input"}]}, "tools[0]"),
        ({"tools": [{**tool(), "type": "webhook"}]}, "tools[0]"),
        ({"tools": [tool(tool_call_output_timeout_ms="2 s")]}, "tools[0]"),
        ({"tools": [tool(forbid_speech_after_tool_call="yes")]}, "tools[0]"),
        ({"tools": [bent("strict", False)]}, "tools[0]"),
        ({"tools": [bent("description", None)]}, "tools[0]"),
        ({"tools": [bent("parameters", "{}")]}, "tools[0]"),
    ],
)
@keeps("ph-config")
def test_a_config_that_cannot_be_is_an_error_with_its_field(config: dict[str, Any], field: str) -> None:
    talk = Talk(source(), config=config)
    assert [*talk.events[-1]["param_errors"]] == [field]
    assert not talk.of("ready_to_start_conversation")
    talk.put({"type": "config", **BASE})  # the control
    assert talk.of("ready_to_start_conversation")


@keeps("ph-welcome")
def test_the_welcome_message_is_said_or_generated() -> None:
    talk = Talk(source(), config={"welcome_message": "hello {{name}} {{other}}", "template_variables": {"name": "Ann"}})
    talk.wait(10_000)
    assert talk.written() == "hello Ann {{other}}"
    generated = Talk(source("good day"), config={"welcome_message": "hello", "generate_welcome_message": True})
    generated.wait(10_000)
    assert generated.heard() == "good day"
    firm = Talk(source("no"), config={"welcome_message": LONG, "is_welcome_message_interruptible": False})
    firm.speak("stop it now")
    firm.wait(500)
    assert not firm.of("interrupted_response")


# --- turns ---


@pytest.mark.parametrize("first", [False, True])
@keeps("ph-turn")
def test_a_spoken_turn_is_understood_and_answered_aloud(first: bool) -> None:
    talk = Talk(source("it is foggy.", chunk_ms=100, input_text_first=first))
    talk.speak("what is the weather")
    talk.wait(10_000)
    user = ["user_finished_speaking", "input_text"]
    assert talk.names() == [
        "conversation_created",
        "ready_to_start_conversation",
        "user_started_speaking",
        *(user[::-1] if first else user),
        "assistant_started_speaking",
        "audio_chunk",
        "assistant_finished_speaking",
    ]
    assert [body["text"] for body in talk.of("input_text")] == ["what is the weather"]
    assert (talk.heard(), talk.written()) == ("it is foggy.", "it is foggy.")
    chunks = talk.of("audio_chunk")
    assert ["timings" in body for body in chunks] == [True, *[False] * (len(chunks) - 1)]
    assert len(base64.b64decode(chunks[0]["audio"])) == 4_800


def test_every_format_of_audio() -> None:
    for name, rate in (("pcm_44100", 44_100), ("pcm_24000", 24_000), ("pcm_16000", 16_000), ("pcm_8000", 8_000)):
        talk = Talk(source("fog"), config={"output_format": name})
        talk.put({"type": "generate_reply"})
        talk.wait(5_000)
        assert speech.decode(talk.pcm(), rate) == "fog", name
    talk = Talk(source("fog"), config={"output_format": "mulaw_8000"})
    talk.put({"type": "generate_reply"})
    talk.wait(5_000)
    assert speech.decode(speech.ulaw_decode(talk.pcm()), 8_000) == "fog"


@keeps("ph-pace")
def test_audio_is_paced_to_real_time_unless_asked_for_ahead() -> None:
    for ahead, finished, quick in ((False, "sent", False), (True, "sent", True), (True, "played", False)):
        talk = Talk(source(LONG, finished=finished), config={"stream_ahead_of_real_time": ahead})
        talk.put({"type": "generate_reply"})
        talk.until("assistant_finished_speaking")
        lasted = talk.time_of("assistant_finished_speaking") - talk.time_of("assistant_started_speaking")
        audio = len(talk.pcm()) / 48
        assert (lasted < audio / 2) is quick
        assert quick or abs(lasted - audio) < 50


@keeps("ph-chunk")
def test_a_chunk_of_more_than_40_ms_is_an_error_and_is_not_heard() -> None:
    pcm = speech.encode("what is it", 16_000) + bytes(32 * 800)
    for ms, switch, understood in ((40, (), True), (41, (), False), (41, "long_chunk_taken", True)):
        talk = Talk(source("fog", misbehave=switch))
        talk.audio(pcm, ms)
        talk.wait(2_000)
        assert bool(talk.of("error")) is (ms == 41 and not switch)
        assert bool(talk.of("input_text")) is understood
    talk = Talk(source())
    talk.put({"type": "audio_chunk", "audio": "!"})
    talk.put({"type": "audio_chunk"})
    assert [[*body["param_errors"]] for body in talk.of("error")] == [["audio"], ["audio"]]


@keeps("ph-date")
def test_the_first_chunk_may_have_to_say_when_it_was() -> None:
    silence = base64.b64encode(bytes(640)).decode()
    assert not Talk(source()).put({"type": "audio_chunk", "audio": silence})
    talk = Talk(source(iso_date_time="required"))
    assert [body["type"] for body in talk.put({"type": "audio_chunk", "audio": silence})] == ["error"]
    dated = {"type": "audio_chunk", "audio": silence, "iso_date_time": "2026-01-01T00:00:00Z"}
    assert not talk.put(dated)
    assert not talk.put({"type": "audio_chunk", "audio": silence})


@pytest.mark.parametrize("noise", ["input_cancelled", "nothing"])
@keeps("ph-noise")
def test_sound_without_a_word_is_no_turn(noise: Any) -> None:
    talk = Talk(source("never", noise=noise))
    talk.audio(b"\x10\x27\xf0\xd8" * 8_000 + bytes(32_000))
    talk.wait(5_000)
    assert not talk.of("input_text")
    assert bool(talk.of("input_cancelled")) is (noise == "input_cancelled")
    assert talk.heard() == ""


def test_what_is_shorter_than_speech_is_not_told() -> None:
    talk = Talk(source(), config={"vad_min_speech_duration_ms": 5_000})
    talk.speak("oh")
    assert not talk.of("user_started_speaking")
    louder = Talk(source(vad_full_scale=1.0), config={"vad_threshold": 1.0})
    louder.speak("oh")
    assert not louder.of("user_started_speaking")


@keeps("ph-mute")
def test_push_to_talk_listens_between_unmute_and_mute() -> None:
    talk = Talk(source("fog"), config={"push_to_talk": True})
    talk.speak("not this")
    assert not talk.of("user_started_speaking")
    talk.put({"type": "unmute"})
    talk.speak("but this")
    talk.speak("and that", silence_ms=0)
    assert not talk.of("user_finished_speaking")
    talk.put({"type": "mute"})
    talk.wait(5_000)
    assert [body["text"] for body in talk.of("input_text")] == ["but this and that"]
    open_mic = Talk(source("fog"))
    open_mic.put({"type": "mute"})
    open_mic.speak("not this")
    assert not open_mic.of("user_started_speaking")


# --- barge-in ---


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("finished", [False, True])
@keeps("ph-barge-in")
def test_speech_cuts_the_assistant_off_and_only_what_was_heard_is_kept(first: bool, finished: bool) -> None:
    talk = Talk(source(LONG, "yes", interrupted_first=first, finished_after_interruption=finished))
    talk.put({"type": "generate_reply"})
    talk.wait(3_000)
    talk.speak("wait a moment")
    talk.wait(20_000)
    (cut,) = talk.of("interrupted_response")
    assert LONG.startswith(cut["text"])
    assert 0 < len(cut["text"]) < len(LONG)
    assert talk.said("assistant") == [cut["text"], "yes"]
    names = talk.names()
    places = names.index("interrupted_response"), names.index("user_started_speaking")
    assert (places[0] < places[1]) is first
    assert len(talk.of("assistant_finished_speaking")) == (2 if finished else 1)


def test_an_interruption_that_is_ignored() -> None:
    talk = Talk(source(LONG, "yes", misbehave="interruption_ignored"))
    talk.put({"type": "generate_reply"})
    talk.wait(3_000)
    talk.speak("stop", silence_ms=600)
    assert not talk.of("interrupted_response")


@keeps("ph-min-words")
def test_a_few_words_do_not_interrupt_where_more_are_asked_for() -> None:
    for config, settings in (({"min_words_to_interrupt": 3}, {}), ({}, {"min_words": 3})):
        talk = Talk(source(LONG, "yes", **settings), config=config)
        talk.put({"type": "generate_reply"})
        talk.wait(1_000)
        talk.speak("oh yes", silence_ms=700)
        assert talk.of("input_cancelled")
        assert not talk.of("interrupted_response")
        talk.speak("wait a moment please", silence_ms=700)
        assert talk.of("interrupted_response")


def test_what_was_about_to_be_said_is_not_said_once_the_user_goes_on() -> None:
    talk = Talk(simulator("phonic", replier=lambda context: Reply(f"you said {context.user}", after_ms=3_000)))
    talk.speak("one")
    talk.speak("two")
    talk.wait(20_000)
    assert talk.said("assistant") == ["you said two"]


# --- what the client asks for ---


@keeps("ph-requests")
def test_say_and_generate_reply() -> None:
    for how, names in (("interrupt", 1), ("queue", 0)):
        talk = Talk(source("foggy", LONG, request_while_speaking=how))
        talk.put({"type": "say", "text": LONG})
        talk.wait(1_000)
        talk.put({"type": "generate_reply", "user_message": "what now"})
        talk.wait(30_000)
        assert len(talk.of("interrupted_response")) == names
        assert talk.said("assistant")[-1] == "foggy"
        assert talk.said("user") == ["what now"]
    firm = Talk(source("no"))
    firm.put({"type": "say", "text": LONG, "interruptible": False})
    firm.speak("stop it now")
    firm.wait(200)
    assert not firm.of("interrupted_response")
    assert [body["type"] for body in firm.put({"type": "say"})] == ["error"]
    assert [body["type"] for body in firm.put({"type": "say", "text": "a", "interruptible": "no"})] == ["error"]
    assert [body["type"] for body in firm.put({"type": "generate_reply", "user_message": 1})] == ["error"]


@pytest.mark.parametrize("kept", [True, False])
@keeps("ph-reply-messages")
def test_the_messages_of_a_reply_are_seen_and_may_stay(kept: bool) -> None:
    seen: list[Context] = []

    def replier(context: Context) -> str:
        seen.append(context)
        return "yes"

    talk = Talk(simulator("phonic", replier=replier, reply_messages_kept=kept), config={"system_prompt": "Be brief."})
    talk.put({"type": "generate_reply", "system_message": "greet", "user_message": "hello"})
    talk.wait(5_000)
    talk.put({"type": "update_system_prompt", "system_prompt": "Be long."})
    talk.put({"type": "add_system_message", "system_message": "it rains"})
    talk.put({"type": "generate_reply"})
    talk.wait(5_000)
    assert [item.text for item in seen[0].items] == ["greet", "hello"]
    assert (seen[0].instructions, seen[0].user) == ("Be brief.", "hello")
    assert [item.text for item in seen[1].items] == [*(["greet", "hello"] if kept else []), "yes", "it rains"]
    assert seen[1].instructions == "Be long."


@keeps("ph-external-id")
def test_an_external_id_set_first_goes_before_the_config() -> None:
    talk = Talk(source(), config=None)
    talk.put({"type": "set_external_id", "external_id": " a "})
    talk.put({"type": "config", **BASE, "external_id": "b"})
    assert talk.values["external_id"] == "a"
    assert [body["type"] for body in talk.put({"type": "set_external_id", "external_id": " "})] == ["error"]
    assert Talk(source(), config={"external_id": "b"}).values["external_id"] == "b"


# --- tools ---


def weather(*, tools: list[Any] | None = None, output: Any = "fog", first: str = "", **settings: Any) -> Talk:
    call = ToolCall("weather", {"city": "Oslo"})
    rules = Rules(
        [
            Rule("it is foggy", output="fog"),
            Rule("nothing came", output=""),
            Rule([first, call] if first else call, tool="weather"),
        ]
    )
    talk = Talk(simulator("phonic", replier=rules, **settings), config={"tools": tools or [tool()], **AHEAD})
    talk.put({"type": "generate_reply"})
    told = talk.until("tool_call")
    assert (told["tool_name"], told["parameters"]) == ("weather", {"city": "Oslo"})
    if output is not None:
        talk.wait(100)
        talk.put({"type": "tool_call_output", "tool_call_id": told["tool_call_id"], "output": output})
        talk.wait(20_000)
    return talk


@keeps("ph-tools")
def test_a_tool_round() -> None:
    talk = weather()
    (processed,) = talk.of("tool_call_output_processed")
    assert (processed["output"], processed["tool"]["name"], processed["timed_out"]) == ("fog", "weather", False)
    assert talk.said("assistant") == ["it is foggy"]
    assert weather(output={"sky": "fog"}).said("assistant") == ["it is foggy"]
    assert weather(misbehave="tool_output_lost").said("assistant") == ["nothing came"]
    assert weather(tools=[tool(forbid_speech_after_tool_call=True)]).said("assistant") == []
    unknown = Talk(source()).put({"type": "tool_call_output", "tool_call_id": "none", "output": 1})
    assert [body["type"] for body in unknown] == ["error"]
    open_call = weather(output=None)
    (told,) = open_call.of("tool_call")
    (wrong,) = open_call.put({"type": "tool_call_output", "tool_call_id": told["tool_call_id"]})
    assert [*wrong["param_errors"]] == ["output"]
    assert open_call.values["open_tool_calls"] == [told["tool_call_id"]]


@pytest.mark.parametrize("after", [False, True])
@keeps("ph-tool-order")
def test_a_call_stands_before_or_behind_the_end_of_what_is_said_before_it(after: bool) -> None:
    names = weather(first="let me look", tool_call_after=after).names()
    places = names.index("tool_call"), names.index("assistant_finished_speaking")
    assert (places[0] > places[1]) is after


@keeps("ph-tool-timeout")
def test_a_tool_that_takes_too_long() -> None:
    for tools, settings in (([tool(tool_call_output_timeout_ms=2_000)], {}), ([tool()], {"tool_timeout_ms": 2_000})):
        talk = weather(tools=tools, output=None, **settings)
        talk.wait(1_900)
        assert not talk.of("tool_call_output_processed")
        talk.wait(10_000)
        assert talk.of("tool_call_output_processed")[0]["timed_out"] is True
        assert talk.said("assistant") == ["nothing came"]


@keeps("ph-tool-interrupted")
def test_speech_interrupts_a_tool_call() -> None:
    talk = weather(output=None)
    (call,) = talk.of("tool_call")
    talk.speak("never mind")
    assert talk.of("tool_call_interrupted") == [
        {"type": "tool_call_interrupted", "tool_call_id": call["tool_call_id"], "tool_name": "weather"}
    ]
    late = talk.put({"type": "tool_call_output", "tool_call_id": call["tool_call_id"], "output": "fog"})
    assert [body["type"] for body in late] == ["error"]


@keeps("ph-subset")
def test_the_tools_can_be_changed() -> None:
    seen: list[Context] = []

    def replier(context: Context) -> str:
        seen.append(context)
        return "yes"

    talk = Talk(simulator("phonic", replier=replier), config={"tools": [tool("one"), tool("two"), "keypad_input"]})
    for tools in ([], ["two"], [tool("three")]):
        talk.put({"type": "generate_reply"})
        talk.wait(5_000)
        talk.put({"type": "update_tools_subset", "tools": tools})
    talk.put({"type": "generate_reply"})
    talk.wait(5_000)
    assert [[one["name"] for one in context.tools] for context in seen] == [["one", "two"], [], [], ["three"]]
    assert [body["type"] for body in talk.put({"type": "update_tools_subset"})] == ["error"]


@keeps("ph-built-in")
def test_the_services_own_tools() -> None:
    names = ["keypad_input", "choose_not_to_respond", "natural_conversation_ending"]
    replies = [
        ToolCall("keypad_input", {"digits": "12#"}),
        ToolCall("choose_not_to_respond"),
        None,
        ["good bye", ToolCall("natural_conversation_ending")],
    ]
    talk = Talk(
        source(*replies), config={"tools": [*names[:2], {"type": "built_in", "name": names[2], "tool_config": {}}]}
    )
    for _ in replies:
        talk.put({"type": "generate_reply"})
        talk.wait(5_000)
    assert [body["digits"] for body in talk.of("dtmf")] == ["12#"]
    assert len(talk.of("assistant_chose_not_to_respond")) == 2
    assert not talk.of("tool_call")
    assert (talk.heard(), talk.events[-1]["type"]) == ("good bye", "assistant_ended_conversation")
    assert talk.closed == (1000, "")


# --- silence, errors, the end ---


@keeps("ph-no-input")
def test_a_user_who_says_nothing_is_asked_and_then_left() -> None:
    quiet = {"no_input_poke_sec": 8, "no_input_poke_text": "are you there", "no_input_end_conversation_sec": 20}
    talk = Talk(source("yes"), config=quiet)
    talk.wait(15_000)
    assert talk.heard() == "are you there"
    talk.wait(10_000)
    assert talk.events[-1]["type"] == "assistant_ended_conversation"
    assert talk.closed is not None
    there = Talk(source("yes"), config=quiet)
    there.wait(12_000)
    there.speak("I am here")  # the control: it begins anew
    there.wait(7_000)
    assert there.closed is None
    made = Talk(source("hello again"), config={**quiet, "generate_no_input_poke_text": True})
    made.wait(15_000)
    assert made.heard() == "hello again"


@keeps("ph-timeout")
def test_a_client_that_sends_nothing_is_closed_out() -> None:
    for counts, lives in (("client", False), ("both", True)):
        talk = Talk(source(timeout_counts=counts, close_code=4000), config={"websocket_timeout_sec": 5})
        talk.wait(4_000)
        talk.put({"type": "say", "text": LONG})
        talk.wait(6_000)
        assert (talk.closed is None) is lives
        talk.wait(30_000)
        assert talk.closed == (4000, "")
    assert Talk(source(max_session_s=1)).wait(2_000) == []


@pytest.mark.parametrize("after", ["stay", "close"])
@keeps("ph-errors")
def test_errors_and_what_comes_of_them(after: Any) -> None:
    talk = Talk(source("yes", after_error=after, error_code="bad_request"))
    talk.put({"type": "what"})
    assert talk.of("error")[0]["error"]["code"] == "bad_request"
    assert (talk.closed is None) is (after == "stay")
    assert Talk(source()).text("[")[0]["error"]["code"] is None
    assert Talk(source(), config=None).put({"type": "mute"})[0]["type"] == "error"
    assert Talk(source()).put({"type": "config", **BASE})[0]["type"] == "error"
    assert Talk(source()).feed(Received(Peer.CLIENT, Binary(b"x")))[0]["type"] == "error"
    mild = Talk(source(unknown_message_error=False))
    assert mild.put({"type": "what"}) == []
    assert any("what" in note.text for note in mild.notes)


@keeps("ph-failure")
def test_a_model_that_fails_is_an_error() -> None:
    talk = Talk(source(Failure(message="down"), "up"))
    for _ in range(2):
        talk.put({"type": "generate_reply"})
        talk.wait(5_000)
    assert [body["error"]["message"] for body in talk.of("error")] == ["down"]
    assert talk.heard() == "up"


# --- reset and reconnection ---


@pytest.mark.parametrize(("ready", "welcomes"), [(False, False), (True, True)])
@keeps("ph-reset")
def test_a_reset_begins_anew_on_the_same_socket(ready: bool, welcomes: bool) -> None:
    talk = Talk(source(LONG, reset_ready=ready, reset_welcomes=welcomes))
    talk.put({"type": "generate_reply", "user_message": "go"})
    talk.wait(2_000)
    sent = len(talk.pcm())
    talk.put({"type": "reset", "config": {**BASE, "system_prompt": "New.", "welcome_message": "hello"}})
    assert [len(talk.of("ready_to_start_conversation")), len(talk.of("conversation_created"))] == [1 + ready, 1]
    talk.wait(20_000)
    assert talk.said("user") == []
    assert talk.said("assistant") == (["hello"] if welcomes else [])
    assert (len(talk.pcm()) > sent) is welcomes
    assert talk.put({"type": "reset"})[0]["type"] == "error"
    assert talk.put({"type": "reset", "config": {"tools": 1}})[0]["type"] == "error"
    kept = Talk(source(misbehave="reset_forgets_nothing"))
    kept.put({"type": "add_system_message", "system_message": "old"})
    kept.put({"type": "reset", "config": BASE})
    assert kept.said("system") == ["old"]


def again(one: Any, lost: Any, **more: Any) -> Talk:
    talk = Talk(one)
    talk.put({"type": "add_system_message", "system_message": "it rains"})
    ident = talk.of("conversation_created")[0]["conversation_id"]
    if lost is None:
        talk.leave()
    else:
        talk.feed(Received(Peer.CLIENT, Close(*lost)))
    return Talk(one, config=None, query=(("reconnect_conv_id", more.get("ident", ident)),))


@keeps("ph-reconnect")
def test_a_lost_conversation_is_taken_up_again() -> None:
    for lost in (None, (1012, ""), (1001, "restarting")):
        talk = again(source("yes"), lost)
        assert talk.names() == ["conversation_reconnected"]
        assert talk.said("system") == ["it rains"]
        talk.speak("hello")
        talk.wait(5_000)
        assert talk.heard() == "yes"
    for code in (4800, 4801):
        for lost in ((1000, ""), (1001, ""), (4000, "")):
            assert again(source(reconnect_code=code), lost).closed == (code, "")
        assert again(source(reconnect_code=code), None, ident="none").closed == (code, "")


def test_a_conversation_has_one_socket() -> None:
    one = source(LONG, "yes")
    first = Talk(one)
    first.put({"type": "generate_reply"})
    first.wait(1_000)
    ident = first.of("conversation_created")[0]["conversation_id"]
    second = Talk(one, config=None, query=(("reconnect_conv_id", ident),))
    sent = len(first.pcm())
    first.wait(1_000)
    assert (first.closed, len(first.pcm())) == ((1000, ""), sent)
    second.put({"type": "generate_reply"})
    second.wait(5_000)
    assert (second.heard(), second.closed) == ("yes", None)


@keeps("ph-grace")
def test_a_conversation_is_lost_for_good_after_its_grace() -> None:
    for grace, alive in ((30.0, True), (1.0, False)):
        one = source("yes", grace_s=grace)
        talk = Talk(one)
        talk.leave()
        (kept,) = one.talks.values()
        kept.lost_at -= 5_000_000
        back = Talk(one, config=None, query=(("reconnect_conv_id", kept.id),), headers=(KEY,))
        assert (back.closed is None) is alive


def test_what_lost_conversations_said_has_a_limit_which_the_oldest_pays_for() -> None:
    one = source("yes", grace_s=10_000.0)
    lost = []
    for number in range(3):
        talk = Talk(one, seed=f"0/{number}")
        talk.put({"type": "add_system_message", "system_message": "x" * (MOST_CHARACTERS * 2 // 5)})
        lost.append(talk.of("conversation_created")[0]["conversation_id"])
        talk.leave()
    back = [Talk(one, config=None, query=(("reconnect_conv_id", ident),), headers=(KEY,)) for ident in lost]
    assert [one.closed is None for one in back] == [False, True, True]


def test_of_a_conversation_that_has_ended_nothing_is_kept() -> None:
    one = source("yes")
    Talk(one).feed(Received(Peer.CLIENT, Close(1000, "")))
    assert not one.talks
