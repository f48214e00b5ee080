"""The simulated Ultravox call: made over REST, joined, spoken in, and ended in every way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver import Rules, Scripted, simulator, speech
from mockserver.core.frames import Accept, Refuse
from mockserver.engines.simulator import Context, Reply, Silence, ToolCall
from mockserver.replies import Rule
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.ultravox.talk import MEDIUM, Talk, made, rest

LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"
CITY = {
    "name": "city",
    "location": "PARAMETER_LOCATION_BODY",
    "schema": {"type": "string"},
    "required": True,
}
TOOLS = [{"temporaryTool": {"modelToolName": "weather", "client": {}, "dynamicParameters": [CITY]}}]


def source(*replies: Any, **settings: Any) -> Any:
    return simulator("ultravox", replier=Scripted(replies), **{"first_speaker": "user", **settings})


# --- making a call ---


@keeps("uv-call")
def test_a_call_is_made_and_says_where_its_socket_is() -> None:
    body = made(source(), systemPrompt="Be brief.", maxDuration="60s")
    assert body["joinUrl"] == f"ws://127.0.0.1:1/calls/{body['callId']}/server_web_socket"
    assert (body["systemPrompt"], body["ended"], body["endReason"]) == ("Be brief.", None, None)


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        ({"medium": {}}, "medium"),
        ({"medium": {"webRtc": {}}}, "medium"),
        ({"medium": {"serverWebSocket": {"outputSampleRate": 8_000}}}, "medium.serverWebSocket.inputSampleRate"),
        ({"medium": {"serverWebSocket": {"inputSampleRate": "x"}}}, "medium.serverWebSocket.inputSampleRate"),
        ({"medium": {"serverWebSocket": {"inputSampleRate": 11}}}, "medium.serverWebSocket.inputSampleRate"),
        (
            {"medium": {"serverWebSocket": {"inputSampleRate": 8_000, "clientBufferSizeMs": -1}}},
            "medium.serverWebSocket.clientBufferSizeMs",
        ),
        ({"medium": MEDIUM, "joinTimeout": 30}, "joinTimeout"),
        ({"medium": MEDIUM, "maxDuration": "1h"}, "maxDuration"),
        ({"medium": MEDIUM, "systemPrompt": 1}, "systemPrompt"),
        ({"medium": MEDIUM, "selectedTools": [{}]}, "selectedTools[0]"),
        (
            {"medium": MEDIUM, "inactivityMessages": [{"duration": "3s", "endBehavior": "x"}]},
            "inactivityMessages[0].endBehavior",
        ),
        ({"medium": {**MEDIUM, "webRtc": {}}}, "medium"),
        ({"medium": MEDIUM, "model": 1}, "model"),
        ({"medium": MEDIUM, "voice": ["Mark"]}, "voice"),
        ({"medium": MEDIUM, "voice": "Mark", "externalVoice": {}}, "externalVoice"),
        ({"medium": MEDIUM, "temperature": 1.5}, "temperature"),
        ({"medium": MEDIUM, "temperature": "0"}, "temperature"),
        ({"medium": MEDIUM, "recordingEnabled": "yes"}, "recordingEnabled"),
        ({"medium": MEDIUM, "metadata": {"a": 1}}, "metadata"),
        ({"medium": MEDIUM, "initialOutputMedium": "text"}, "initialOutputMedium"),
        ({"medium": MEDIUM, "initialMessages": ["hi"]}, "initialMessages[0]"),
        ({"medium": MEDIUM, "initialMessages": [{"role": "user", "text": "hi"}]}, "initialMessages[0].role"),
        ({"medium": MEDIUM, "initialMessages": [{"role": "MESSAGE_ROLE_USER", "text": 1}]}, "initialMessages[0].text"),
        ({"medium": MEDIUM, "firstSpeaker": "agent"}, "firstSpeaker"),
        ({"medium": MEDIUM, "firstSpeakerSettings": {}}, "firstSpeakerSettings"),
        ({"medium": MEDIUM, "firstSpeakerSettings": {"user": {}, "agent": {}}}, "firstSpeakerSettings"),
        (
            {"medium": MEDIUM, "firstSpeaker": "FIRST_SPEAKER_USER", "firstSpeakerSettings": {"agent": {}}},
            "firstSpeaker",
        ),
        ({"medium": MEDIUM, "vadSettings": {"minimumTurnDuration": 1}}, "minimumTurnDuration"),
        ({"medium": MEDIUM, "vadSettings": {"frameActivationThreshold": 2}}, "frameActivationThreshold"),
    ],
)
@keeps("uv-definition")
def test_a_wrong_definition_is_refused_with_its_place(definition: dict[str, Any], field: str) -> None:
    reply = rest(source(), "POST", "/api/calls", definition)
    assert reply.status == 400
    assert [*json.loads(reply.body)] == [field]


def test_a_definition_with_everything_is_taken() -> None:
    """The control of those that are refused."""
    body = made(
        source(),
        model="ultravox-v0.7",
        voice="Mark",
        temperature=0.4,
        recordingEnabled=False,
        metadata={"a": "b"},
        initialOutputMedium="MESSAGE_MEDIUM_VOICE",
        initialMessages=[{"role": "MESSAGE_ROLE_USER", "text": "hi"}, {"role": "MESSAGE_ROLE_TOOL_CALL"}],
        firstSpeaker="FIRST_SPEAKER_AGENT",
        firstSpeakerSettings={"agent": {"text": "hello", "uninterruptible": True}},
        vadSettings={"minimumTurnDuration": "0s", "frameActivationThreshold": 0.1},
    )
    assert body["voice"] == "Mark"


@keeps("uv-prior-call")
def test_a_call_goes_on_from_another() -> None:
    seen: list[Context] = []

    def replier(context: Context) -> str:
        seen.append(context)
        return "yes"

    one = simulator("ultravox", replier=replier)
    before = made(one, systemPrompt="Be brief.", firstSpeakerSettings={"user": {}}, temperature=0.5)
    talk = Talk(one, call=before)
    talk.write("my name is Ann")
    talk.wait(5_000)
    talk.put({"type": "hang_up"})
    after = made(one, query=[("priorCallId", before["callId"])], systemPrompt="Be long.")
    assert (after["systemPrompt"], after["temperature"]) == ("Be long.", 0.5)
    again = Talk(one, call=after)
    again.write("who am I")
    again.wait(5_000)
    assert [item.text for item in seen[-1].items] == ["my name is Ann", "yes", "who am I"]
    body = {"medium": MEDIUM, "initialMessages": [{"role": "MESSAGE_ROLE_USER", "text": "hi"}]}
    for query, sent, field in (
        ("none", {"medium": MEDIUM}, "priorCallId"),
        (before["callId"], body, "initialMessages"),
    ):
        reply = rest(one, "POST", "/api/calls", sent, query=[("priorCallId", query)])
        assert (reply.status, [*json.loads(reply.body)]) == (400, [field])


def test_the_replier_is_told_what_the_call_says() -> None:
    seen: list[Context] = []

    def replier(context: Context) -> str:
        seen.append(context)
        return "yes"

    one = simulator("ultravox", replier=replier)
    city = {"name": "city", "location": "PARAMETER_LOCATION_BODY", "schema": {"type": "string"}, "required": True}
    day = {"name": "day", "location": "PARAMETER_LOCATION_BODY", "schema": {"type": "integer"}}
    own = {"modelToolName": "weather", "description": "Of a city.", "client": {}, "dynamicParameters": [city, day]}
    call = made(
        one,
        systemPrompt="Be brief.",
        firstSpeakerSettings={"user": {}},
        selectedTools=[{"temporaryTool": own}],
        initialMessages=[
            {"role": "MESSAGE_ROLE_USER", "text": "my name is Ann"},
            {"role": "MESSAGE_ROLE_TOOL_CALL", "text": "none of either side"},
            {"role": "MESSAGE_ROLE_AGENT", "text": "hello Ann"},
        ],
    )
    talk = Talk(one, call=call)
    talk.write("who am I")
    talk.wait(5_000)
    (context,) = seen
    assert (context.instructions, context.own_instructions) == ("Be brief.", True)
    said = [("user", "my name is Ann"), ("assistant", "hello Ann"), ("user", "who am I")]
    assert [(item.role, item.text) for item in context.items] == said
    (tool,) = context.tools
    properties = {"city": {"type": "string"}, "day": {"type": "integer"}}
    assert tool == {
        "type": "function",
        "name": "weather",
        "description": "Of a city.",
        "parameters": {"type": "object", "properties": properties, "required": ["city"]},
    }


@keeps("uv-key")
def test_the_rest_call_needs_a_key_and_the_socket_has_none() -> None:
    from mockserver.core.view import Memo
    from mockserver.engines.base import Request, SessionContext

    one = source()
    context = SessionContext(0, "s", Memo(one.dialect), base_url="http://x/api")
    for headers in ((), (("X-API-Key", " "),), (("Authorization", "Bearer x"),)):
        reply = one.neighbour(Request("POST", "/api/calls", (), headers, b"{}"), context)
        assert reply is not None
        assert reply.status in (401, 403)
    picky = source(require_key="good.key")
    assert rest(picky, "POST", "/api/calls", {"medium": MEDIUM}).status == 403
    assert isinstance(Talk(one, call=made(one)).effects[0], Accept)


@pytest.mark.parametrize(("refused", "kind"), [("not_found", Refuse), ("closed", Accept)])
@keeps("uv-join")
def test_a_join_address_is_used_once_and_in_time(refused: Any, kind: type) -> None:
    one = source("hi", refused_join=refused)
    body = made(one)
    assert isinstance(Talk(one, call=body).effects[0], Accept)
    assert isinstance(Talk(one, call=body).effects[0], kind)
    late = made(one, joinTimeout="0.5s")
    one.calls[late["callId"]].made -= 1
    assert isinstance(Talk(one, call=late).effects[0], kind)
    shown = json.loads(rest(one, "GET", f"/api/calls/{late['callId']}", at_s=1e10).body)
    assert shown["endReason"] == "unjoined"
    again = source("hi", second_join="replaces")
    body = made(again)
    first, second = (Talk(again, call=body) for _ in range(2))
    assert isinstance(second.effects[0], Accept)
    first.wait(200)
    second.wait(200)
    assert (first.closed, second.closed) == ((1000, ""), None)
    assert again.calls[body["callId"]].ended is None, "the call goes on with the second"


def test_another_path_is_no_call() -> None:
    one = source()
    astray = Talk(one, call={"joinUrl": "ws://x/calls/none/server_web_socket"})
    assert isinstance(astray.effects[-1], Refuse)
    assert one.problems()


# --- turns ---


@keeps("uv-turn")
def test_a_spoken_turn_is_understood_and_answered_aloud() -> None:
    talk = Talk(source("it is foggy"), call=None)
    talk.speak("what is the weather")
    talk.wait(10_000)
    assert talk.finals("user") == ["what is the weather"]
    assert talk.finals("agent") == ["it is foggy"]
    assert talk.heard() == "it is foggy"
    assert talk.states() == ["idle", "listening", "thinking", "speaking", "listening"]
    deltas = [body["delta"] for body in talk.of("transcript") if "delta" in body]
    assert "".join(deltas) == "it is foggy"
    assert [body["ordinal"] for body in talk.of("transcript")][:1] == [0]
    assert {body["ordinal"] for body in talk.of("transcript") if body["role"] == "agent"} == {1}


@keeps("uv-buffer")
def test_audio_comes_no_further_ahead_than_the_client_can_hold() -> None:
    for buffer_ms, soon in ((60, False), (30_000, True)):
        one = source(LONG)
        socket = {"serverWebSocket": {**MEDIUM["serverWebSocket"], "clientBufferSizeMs": buffer_ms}}
        talk = Talk(one, call=made(one, medium=socket))
        talk.write("go on")
        talk.wait(60_000)
        begun, ended = talk.pcm[0][0], talk.pcm[-1][0]
        lasts = sum(len(data) for _, data in talk.pcm) / 48 * 1000
        assert (ended - begun < lasts / 4) is soon
        assert talk.states()[-1] == "listening"


@keeps("uv-vad")
def test_the_call_says_what_is_a_turn_and_what_interrupts() -> None:
    def turns(**vad: Any) -> list[str]:
        one = source("yes")
        talk = Talk(one, call=made(one, vadSettings=vad, firstSpeakerSettings={"user": {}}))
        talk.speak("good morning")
        talk.wait(500)
        return talk.finals("user")

    def cut(duration: str) -> bool:
        one = source(LONG)
        vad = {"minimumInterruptionDuration": duration}
        talk = Talk(one, call=made(one, vadSettings=vad, firstSpeakerSettings={"user": {}}))
        talk.write("go on")
        talk.wait(2_000)
        talk.speak("wait a moment", silence_ms=0)
        return bool(talk.of("playback_clear_buffer"))

    assert turns() == turns(frameActivationThreshold=1) == turns(minimumTurnDuration="0.2s") == ["good morning"]
    assert turns(turnEndpointDelay="2s") == []
    assert turns(minimumTurnDuration="9s") == []
    assert [cut("0.09s"), cut("60s")] == [True, False]
    for scale, threshold, heard in ((0.02, 1, ["hello"]), (1.5, 1, []), (1.5, 0.1, ["hello"])):
        one = source("yes", vad_full_scale=scale)
        vad = {"frameActivationThreshold": threshold}
        talk = Talk(one, call=made(one, vadSettings=vad, firstSpeakerSettings={"user": {}}))
        talk.speak("hello")
        talk.wait(500)
        assert talk.finals("user") == heard


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_the_call_says_the_rate_of_what_is_heard(rate: int) -> None:
    one = source("yes")
    medium = {"serverWebSocket": {**MEDIUM["serverWebSocket"], "inputSampleRate": rate}}
    talk = Talk(one, call=made(one, medium=medium, firstSpeakerSettings={"user": {}}))
    talk.binary(speech.encode("good morning", rate) + bytes(2 * rate))
    talk.wait(5_000)
    assert talk.finals("user") == ["good morning"]


@keeps("uv-noise")
def test_silence_and_noise_are_no_turn() -> None:
    talk = Talk(source("never"))
    talk.binary(b"\x10\x27\xf0\xd8" * 16_000)
    talk.wait(5_000)
    talk.binary(bytes(64_000))
    talk.wait(5_000)
    assert talk.finals("user") == []
    assert talk.heard() == ""


@keeps("uv-first-speaker")
def test_the_agent_speaks_first_unless_told_not_to() -> None:
    one = source("good morning", "later", first_speaker="agent")
    greeting = Talk(one, call=made(one))
    greeting.wait(10_000)
    assert greeting.heard() == "good morning"
    quiet = Talk(one, call=made(one, query=[("enableGreetingPrompt", "false")]))
    quiet.wait(10_000)
    assert quiet.heard() == ""
    fixed = Talk(one, call=made(one, firstSpeakerSettings={"agent": {"text": "fixed words"}}))
    fixed.wait(10_000)
    assert fixed.heard() == "fixed words"
    user = Talk(one, call=made(one, firstSpeakerSettings={"user": {}}))
    user.wait(10_000)
    assert user.heard() == ""


@keeps("uv-text")
def test_what_is_written_is_answered_deferred_or_kept_for_later() -> None:
    seen: list[Context] = []

    def replier(context: Context) -> str:
        seen.append(context)
        return f"you said {context.user}"

    talk = Talk(simulator("ultravox", replier=replier, first_speaker="user"))
    talk.write("one", deferResponse=True)
    talk.write("two", urgency="later")
    talk.wait(5_000)
    assert talk.heard() == ""
    talk.write("three")
    talk.wait(10_000)
    assert talk.heard() == "you said three"
    assert [item.text for item in seen[0].items] == ["one", "two", "three"]


def test_only_an_urgent_text_interrupts() -> None:
    for urgency, cut in ((None, False), ("soon", False), ("later", False), ("immediate", True)):
        talk = Talk(source(LONG, "yes"))
        talk.write("go on")
        talk.wait(2_000)
        talk.write("and then", **({} if urgency is None else {"urgency": urgency}))
        talk.wait(60_000)
        assert bool(talk.of("playback_clear_buffer")) is cut
        assert (talk.finals("agent")[0] == LONG) is not cut
        assert (talk.finals("agent")[1:] == ["yes"]) is (urgency != "later")


@pytest.mark.parametrize(
    "message",
    [
        {"type": "ping"},
        {"type": "ping", "timestamp": "now"},
        {"type": "user_text_message", "text": 1},
        {"type": "user_text_message", "text": "hi", "urgency": "now"},
        {"type": "forced_agent_message"},
        {"type": "forced_agent_message", "content": "hi", "urgency": "now"},
        {"type": "forced_agent_message", "content": "hi", "uninterruptible": "yes"},
        {"type": "set_output_medium", "medium": "video"},
        {"type": "client_tool_result", "result": "1"},
        {"type": "client_tool_result", "invocationId": "a", "result": {"sky": "fog"}},
        {"type": "client_tool_result", "invocationId": "a", "result": "1", "agentReaction": "sings"},
        {"type": "hang_up", "message": 1},
    ],
)
@keeps("uv-messages")
def test_a_message_with_a_field_of_another_type(message: dict[str, Any]) -> None:
    mild, strict = Talk(source()), Talk(source(unknown_message="close"))
    assert mild.put(message) == []
    assert mild.closed is None
    assert any("ignored" in note.text for note in mild.notes)
    strict.put(message)
    assert strict.closed == (1000, "")


@keeps("uv-medium")
def test_the_text_medium_sends_no_audio() -> None:
    talk = Talk(source("in writing", "aloud"))
    talk.put({"type": "set_output_medium", "medium": "text"})
    talk.write("hello")
    talk.wait(5_000)
    assert (talk.finals("agent"), talk.pcm) == (["in writing"], [])
    talk.put({"type": "set_output_medium", "medium": "voice"})
    talk.write("hello")
    talk.wait(10_000)
    assert talk.heard() == "aloud"


@pytest.mark.parametrize(("medium", "aloud"), [("TEXT", False), ("VOICE", True), ("UNSPECIFIED", True)])
def test_the_call_says_in_which_medium_it_begins(medium: str, aloud: bool) -> None:
    one = source("hello")
    talk = Talk(one, call=made(one, initialOutputMedium=f"MESSAGE_MEDIUM_{medium}", firstSpeakerSettings={"user": {}}))
    talk.write("hi")
    talk.wait(5_000)
    assert (talk.finals("agent"), bool(talk.pcm)) == (["hello"], aloud)


def test_no_call_is_longer_than_the_service_lets_any_be() -> None:
    for most_s, closed in ((2, (1000, "")), (20, None)):
        one = source(max_session_s=most_s)
        talk = Talk(one, call=made(one, maxDuration="60s", firstSpeakerSettings={"user": {}}))
        talk.wait(3_000)
        assert talk.closed == closed


@keeps("uv-forced")
def test_a_forced_message_is_spoken_as_it_is_and_is_not_asked() -> None:
    talk = Talk(source())
    talk.put({"type": "forced_agent_message", "content": "this call is recorded", "uninterruptible": True})
    talk.wait(200)
    talk.speak("stop")
    assert not talk.of("playback_clear_buffer")
    talk.wait(10_000)
    assert talk.heard() == "this call is recorded"


# --- barge-in ---


@pytest.mark.parametrize("switch", [None, "interruption_ignored", "buffer_kept"])
@keeps("uv-barge-in")
def test_speech_cuts_the_agent_off_and_only_what_was_heard_is_kept(switch: str | None) -> None:
    talk = Talk(source(LONG, "yes", misbehave=switch or ()))
    talk.write("tell me of the sea")
    talk.wait(3_000)
    talk.speak("wait a moment")
    talk.wait(60_000)
    first = talk.finals("agent")[0]
    if switch == "interruption_ignored":
        assert first == LONG
        return
    assert LONG.startswith(first)
    assert 0 < len(first) < len(LONG)
    assert bool(talk.of("playback_clear_buffer")) is (switch is None)
    assert talk.heard().endswith("yes")
    kept = [item["text"] for item in talk.values["conversation"] if item["role"] == "assistant"]
    assert kept == [first, "yes"]


@keeps("uv-interrupt-by-text")
def test_an_urgent_deferred_empty_text_only_interrupts() -> None:
    talk = Talk(source(LONG))
    talk.write("go")
    talk.wait(2_000)
    talk.write("", urgency="immediate", deferResponse=True)
    sent = len(talk.pcm)
    talk.wait(10_000)
    assert len(talk.pcm) == sent
    assert talk.of("playback_clear_buffer")
    assert talk.states()[-1] == "listening"


# --- tools ---


def weather(*, reaction: str = "speaks", misbehave: Any = ()) -> Talk:
    rules = Rules(
        [
            Rule("it is foggy", output="fog"),
            Rule("nothing came", output=""),
            Rule(ToolCall("weather", {"city": "Oslo"}), tool="weather"),
        ]
    )
    one = simulator("ultravox", replier=rules, first_speaker="user", misbehave=misbehave)
    talk = Talk(one, call=made(one, selectedTools=TOOLS, firstSpeakerSettings={"user": {}}))
    talk.write("what is the weather")
    call = talk.until("client_tool_invocation")
    assert (call["toolName"], call["parameters"]) == ("weather", {"city": "Oslo"})
    talk.put(
        {"type": "client_tool_result", "invocationId": call["invocationId"], "result": "fog", "agentReaction": reaction}
    )
    talk.wait(20_000)
    return talk


@keeps("uv-tools")
def test_a_tool_round() -> None:
    assert weather().heard() == "it is foggy"
    assert weather(reaction="listens").heard() == ""
    assert weather(misbehave="tool_result_lost").heard() != "it is foggy"


def test_a_result_for_no_call_is_told_in_the_journal() -> None:
    talk = Talk(source("x"))
    talk.put({"type": "client_tool_result", "invocationId": "none", "result": "1"})
    talk.wait(5_000)
    assert any("no open invocation" in note.text for note in talk.notes)
    assert talk.heard() == ""


# --- the end ---


@keeps("uv-end")
def test_every_way_to_end_a_call_has_its_reason() -> None:
    def ended(talk: Talk, one: Any) -> Any:
        (call,) = one.calls.values()
        return call.reason

    one = source()
    talk = Talk(one)
    talk.put({"type": "hang_up"})
    assert (ended(talk, one), talk.closed) == ("hangup", (1000, ""))
    one = source(LONG)
    talk = Talk(one)
    talk.write("go on")
    talk.wait(1_000)
    talk.put({"type": "hang_up", "message": "good bye"})
    talk.wait(5_000)
    assert (ended(talk, one), talk.closed) == ("hangup", (1000, ""))
    assert talk.finals("agent")[-1] == "good bye"
    one = source()
    talk = Talk(one)
    talk.leave()
    assert ended(talk, one) == "connection_error"
    one = source(["good bye", ToolCall("hangUp")])
    talk = Talk(one)
    talk.write("bye")
    talk.wait(20_000)
    assert (ended(talk, one), talk.heard(), talk.closed) == ("agent_hangup", "good bye", (1000, ""))
    one = source(max_session_s=5)
    talk = Talk(one)
    talk.wait(5_001)
    assert (ended(talk, one), talk.closed) == ("timeout", (1000, ""))


def test_a_call_that_is_too_long_ends_with_its_words() -> None:
    one = source()
    talk = Talk(one, call=made(one, maxDuration="5s", timeExceededMessage="time is up"))
    talk.wait(4_900)
    assert talk.closed is None
    talk.wait(10_000)
    assert talk.heard() == "time is up"
    assert talk.closed == (1000, "")


@keeps("uv-inactivity")
def test_a_user_who_says_nothing_is_asked_and_then_left() -> None:
    messages = [
        {"duration": "8s", "message": "are you there"},
        {"duration": "8s", "message": "good bye", "endBehavior": "END_BEHAVIOR_HANG_UP_SOFT"},
    ]
    one = source("yes")
    talk = Talk(one, call=made(one, inactivityMessages=messages))
    talk.wait(40_000)
    assert talk.heard() == "are you there good bye"
    assert talk.closed is not None
    one = source("yes")
    there = Talk(one, call=made(one, inactivityMessages=messages))
    there.wait(12_000)
    there.write("I am here")  # the control: it begins anew
    there.wait(12_000)
    assert there.closed is None


@keeps("uv-ping")
def test_pings_and_unknown_messages() -> None:
    talk = Talk(source())
    assert talk.put({"type": "ping", "timestamp": 12.5}) == [{"type": "pong", "timestamp": 12.5}]
    assert talk.put({"type": "what"}) == []
    assert talk.text("[") == []
    strict = Talk(source(unknown_message="close", close_code=4000))
    strict.put({"type": "what"})
    assert strict.closed == (4000, "")


@keeps("uv-failure")
def test_a_reply_that_fails_or_is_silent() -> None:
    from mockserver.replies import Failure

    talk = Talk(source(Failure(), Silence(500), Reply(None)))
    for _ in range(3):
        talk.write("x")
        talk.wait(5_000)
    assert talk.states()[-1] == "listening"
    assert speech.decode(b"".join(data for _, data in talk.pcm), 24_000) == ""
    assert talk.pcm
