"""The simulated Nova Sonic: prompts, turns in blocks, tools, barge-in, timeouts and errors, in virtual time."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mockserver import Rules, Scripted, simulator, speech
from mockserver.core.frames import Accept, Handshake, Refuse, Tell
from mockserver.dialects.nova_sonic import INTERRUPTED
from mockserver.engines.simulator import Context, Failure, Pace, Reply, Silence, ToolCall
from mockserver.engines.simulator.nova_sonic.problems import FILTERED, INVALID, TOO_EARLY, TOO_LONG, TOO_MUCH, no_input
from mockserver.replies import Rule
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.nova_sonic.talk import KEY, Stream, path, spec
from tests.engines.simulator.test_known_sounds import voice

LONG = "The tide comes in twice a day. It leaves shells of every colour on the sand."
REFUSED = ("validationException", INVALID)
V1 = "amazon.nova-sonic-v1:0"


def source(*replies: Any, **settings: Any) -> Any:
    return simulator("nova_sonic", replier=Scripted(replies), **settings)


# --- the request ---


def refusal(stream: Stream) -> tuple[int, str]:
    (answer,) = [one for one in stream.effects if isinstance(one, Refuse)]
    kind = dict(answer.headers)["x-amzn-errortype"].partition(":")[0]
    assert json.loads(answer.body)["message"]
    return answer.status, kind


@keeps("ns-key")
def test_a_request_without_a_key_that_exists_gets_no_stream() -> None:
    assert refusal(Stream(begin=False, headers=())) == (400, "IncompleteSignature")
    assert refusal(Stream(begin=False, headers=(("authorization", "Bearer x"),))) == (400, "IncompleteSignature")
    for wrong in (
        KEY[1].replace("/bedrock/", "/execute-api/"),
        KEY[1].replace("/us-east-1/bedrock/aws4_request", ""),
        KEY[1].partition(", Signature=")[0],
        KEY[1].replace("SignedHeaders=host;x-amz-date, ", ""),
        KEY[1].replace("AWS4-HMAC-SHA256", "AWS4"),
    ):
        assert wrong != KEY[1]
        assert refusal(Stream(begin=False, headers=(("authorization", wrong),))) == (400, "IncompleteSignature")
    other = Stream(source(require_key="AKIDOTHER"), begin=False)
    assert refusal(other) == (403, "InvalidClientTokenId")
    assert isinstance(Stream(source(require_key="AKIDMOCK"), begin=False).effects[0], Accept)
    assert isinstance(Stream(source(require_key=False), begin=False, headers=()).effects[0], Accept)


@keeps("ns-model")
def test_a_model_that_does_not_exist_is_refused_with_the_services_words() -> None:
    assert refusal(Stream(begin=False, model="amazon.nova-lite-v1:0")) == (400, "ValidationException")
    for known in (V1, "amazon.nova-2-sonic-v1:0", "us.amazon.nova-2-sonic-v1:0", "amazon.nova-2-5-sonic"):
        assert isinstance(Stream(begin=False, model=known).effects[0], Accept)
    made = simulator("nova_sonic", models=["mine"])
    assert isinstance(Stream(made, begin=False, model="mine").effects[0], Accept)
    assert refusal(Stream(made, begin=False, model=V1)) == (400, "ValidationException")


def test_another_address_is_nobodys() -> None:
    made = source()
    engine = made.open(Handshake("/model/x/converse", (), (KEY,)), Stream(made, begin=False).engine.desk.context)  # type: ignore[attr-defined]
    assert engine is not None
    assert "no socket of the service is there" in str(made.problems()[0])


@keeps("ns-streams")
def test_an_account_has_so_many_streams_at_a_time() -> None:
    made = source(most_streams=2)
    first, _ = Stream(made), Stream(made)
    assert refusal(Stream(made, begin=False)) == (429, "ThrottlingException")
    first.end()
    assert isinstance(Stream(made, begin=False).effects[0], Accept)
    quota = source()
    assert all(isinstance(Stream(quota).effects[0], Accept) for _ in range(20))
    assert refusal(Stream(quota, begin=False)) == (429, "ThrottlingException")
    free = source(most_streams=None)
    assert all(isinstance(Stream(free).effects[0], Accept) for _ in range(25))  # the control


# --- the order of what a client says ---


AUDIO: tuple[Any, ...] = ("on", "audio", "contentStart", {"type": "AUDIO", "role": "USER"})
BENT: dict[str, list[tuple[Any, ...]]] = {
    "no session": [("say", "promptStart", {"promptName": "p"})],
    "no prompt": [("say", "sessionStart", {}), ("on", "a", "contentStart", {"type": "TEXT", "role": "SYSTEM"})],
    "session twice": [("say", "sessionStart", {})],
    "prompt twice": [("say", "promptStart", {"promptName": "q"})],
    "another prompt": [("say", "contentEnd", {"promptName": "q", "contentName": "a"})],
    "a name twice": [AUDIO, ("on", "audio", "contentEnd", {}), AUDIO],
    "a second SYSTEM": [("on", "a", "contentStart", {"type": "TEXT", "role": "SYSTEM"})],
    "a strange type": [("on", "a", "contentStart", {"type": "VIDEO", "role": "USER"})],
    "a strange role": [("on", "a", "contentStart", {"type": "TEXT", "role": "DRIVER"})],
    "a piece of the wrong kind": [AUDIO, ("on", "audio", "textInput", {"content": "hello"})],
    "a block that is not open": [("on", "a", "textInput", {"content": "hello"})],
    "two blocks of audio": [AUDIO, ("on", "more", "contentStart", {"type": "AUDIO", "role": "USER"})],
    "a strange rate": [
        ("on", "a", "contentStart", {**AUDIO[3], "audioInputConfiguration": {"sampleRateHertz": 11_025}})
    ],
    "another kind of audio": [
        ("on", "a", "contentStart", {**AUDIO[3], "audioInputConfiguration": {"mediaType": "audio/mp3"}})
    ],
    "two channels": [("on", "a", "contentStart", {**AUDIO[3], "audioInputConfiguration": {"channelCount": 2}})],
    "interactive as a text": [("on", "a", "contentStart", {**AUDIO[3], "interactive": "true"})],
    "sessionEnd before promptEnd": [AUDIO, ("on", "audio", "contentEnd", {}), ("say", "sessionEnd", {})],
    "sessionEnd at once": [("say", "sessionEnd", {})],
    "no base64": [AUDIO, ("on", "audio", "audioInput", {"content": "%%%"})],
    "an unknown event": [("say", "hello", {})],
    "two events in one": [("put", {"event": {"promptEnd": {"promptName": "p"}, "sessionEnd": {}}})],
    "no JSON": [("text", "{")],
    "bytes": [("binary", b"{}")],
    "a result of no call": [("answer", "t1", "{}")],
    "promptEnd in a block": [AUDIO, ("say", "promptEnd", {"promptName": "p"})],
}
"""Streams that are wrong in one way each: what is sent after the system text, or at once where that is the fault."""


@pytest.mark.parametrize("name", BENT)
@keeps("ns-order")
def test_what_is_out_of_order_ends_the_stream_and_the_journal_says_why(name: str) -> None:
    stream = Stream(source("yes"), audio=False, begin=name not in ("no session", "no prompt", "sessionEnd at once"))
    for how, *what in BENT[name]:
        assert stream.failure is None
        fields = what.pop() if isinstance(what[-1], dict) and how != "put" else {}
        getattr(stream, how)(*what, **fields)
        if how == "answer":
            break
    assert stream.failure == REFUSED
    assert stream.closed == (1000, "")
    assert any("the client's input is refused" in note.text for note in stream.notes)


def test_the_same_in_order_is_taken() -> None:
    stream = Stream(source("yes"), history=(("USER", "hi"), ("ASSISTANT", "hello")))
    stream.end()
    assert stream.failure is None


@keeps("ns-first-block")
def test_the_first_block_is_the_system_text() -> None:
    stream = Stream(begin=False)
    stream.say("sessionStart")
    stream.say("promptStart", promptName="p")
    stream.open_audio()
    assert stream.failure == REFUSED
    ignored = Stream(source("yes"), audio=False)
    ignored.open_audio(role="ASSISTANT")
    ignored.speak("good morning")
    assert (ignored.names("usageEvent"), ignored.failure) == ([], None)
    assert Stream(source("yes")).failure is None  # the control


@pytest.mark.parametrize(
    "field",
    [{"maxTokens": "many"}, {"maxTokens": 0}, {"maxTokens": 1.5}, {"topP": -1}, {"topP": 2}, {"temperature": True}],
)
def test_an_inference_that_cannot_be(field: dict[str, Any]) -> None:
    stream = Stream(begin=False)
    stream.say("sessionStart", inferenceConfiguration=field)
    assert stream.failure == REFUSED


@pytest.mark.parametrize(
    "prompt",
    [
        {"audioOutputConfiguration": {"sampleRateHertz": 44_100}},
        {"audioOutputConfiguration": []},
        {"audioOutputConfiguration": {"mediaType": "audio/opus"}},
        {"audioOutputConfiguration": {"sampleSizeBits": 8}},
        {"audioOutputConfiguration": {"voiceId": 7}},
        {"textOutputConfiguration": {"mediaType": "text/html"}},
        {"toolUseOutputConfiguration": {"mediaType": "text/plain"}},
        {"toolConfiguration": {"tools": [spec("a"), spec("a")]}},
        {"toolConfiguration": {"tools": {}}},
        {"toolConfiguration": {"tools": [1]}},
        {"toolConfiguration": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": "{"}}}]}},
        {"toolConfiguration": {"tools": [{"toolSpec": {"name": "", "inputSchema": {"json": "{}"}}}]}},
    ],
)
@keeps("ns-prompt")
def test_a_prompt_that_cannot_be(prompt: dict[str, Any]) -> None:
    stream = Stream(begin=False)
    stream.say("sessionStart")
    stream.say("promptStart", promptName="p", **prompt)
    assert stream.failure == REFUSED
    again = Stream(begin=False)
    again.say("sessionStart")
    again.say("promptStart", promptName="p", toolConfiguration={"tools": [spec("a")]})
    assert again.failure is None


# --- history ---


@keeps("ns-history")
def test_a_history_begins_with_the_user_and_alternates() -> None:
    assert Stream(source(), history=(("ASSISTANT", "hello"),)).failure == REFUSED
    twice = (("USER", "hi"), ("USER", "there"))
    assert Stream(source(), history=twice).failure == REFUSED
    assert Stream(source(history="any"), history=twice).failure is None
    assert Stream(source(history="any"), history=(("ASSISTANT", "hello"),)).failure == REFUSED


@keeps("ns-history-limits")
def test_a_history_has_its_limits() -> None:
    pairs = tuple(("USER" if place % 2 == 0 else "ASSISTANT", "x" * 51_000) for place in range(5))
    assert Stream(source(), history=pairs[:4]).failure is None
    assert Stream(source(), history=pairs).failure == ("validationException", TOO_MUCH)
    assert Stream(source(), history=(("USER", "x" * 51_300),)).failure == ("validationException", TOO_MUCH)
    short = tuple((role, "x") for role, _ in pairs)
    assert Stream(source(most_history=3), history=short).failure == REFUSED
    assert Stream(source(most_history=5), history=short).failure is None


@keeps("ns-history-seen")
def test_the_model_sees_the_history_and_loses_it_where_it_misbehaves() -> None:
    told = (("USER", "my name is Ann"), ("ASSISTANT", "good day Ann"))
    for misbehave, seen in (((), ["my name is Ann", "good day Ann", "who am I"]), ("history_lost", ["who am I"])):
        stream = Stream(source("yes", misbehave=misbehave), history=told)
        stream.speak("who am I")
        (context,) = stream.values["contexts"]
        assert [item.text for item in context.items] == seen
        assert context.instructions == "Be brief."


@keeps("ns-late-text")
def test_text_that_is_not_interactive_after_audio_has_begun() -> None:
    stream = Stream(source("yes"))
    stream.write("it is late")
    stream.wait(5_000)
    assert (stream.events, stream.failure) == ([], None)
    stream.speak("what time is it")
    assert [item.text for item in stream.values["contexts"][0].items] == ["it is late", "what time is it"]
    refused = Stream(source("yes", late_text="refused"))
    refused.write("it is late")
    assert refused.failure == REFUSED


@keeps("ns-audio-in-text")
def test_audio_within_a_block_of_text() -> None:
    early = ("validationException", TOO_EARLY)
    for first in ("text", "audio"):
        stream = Stream(source("yes"), audio=first == "audio")
        stream.on("t", "contentStart", type="TEXT", role="USER", interactive=True)
        if first == "text":
            stream.open_audio()
        else:
            stream.audio(bytes(1_024))
        assert stream.failure == early
    for history in (False, True):
        stream = Stream(source("yes"), audio=False)
        if history:
            stream.write("hello")
        stream.audio(bytes(1_024))  # its block has not begun
        assert stream.failure == early
    taken = Stream(source("yes", misbehave="audio_in_text_taken"))
    taken.on("t", "contentStart", type="TEXT", role="USER", interactive=True)
    taken.audio(bytes(1_024))
    assert taken.failure is None
    assert [note.kind for note in taken.notes] == ["misbehaviour"]


# --- a turn ---


@keeps("ns-turn")
def test_a_turn_is_told_in_blocks_that_do_not_overlap() -> None:
    stream = Stream(source(LONG, "yes"))
    stream.speak("what is the sea like")
    stream.wait(20_000)
    assert stream.shape() == [
        "USER TEXT FINAL PARTIAL_TURN",
        "ASSISTANT TEXT SPECULATIVE PARTIAL_TURN",
        "ASSISTANT AUDIO PARTIAL_TURN",
        "ASSISTANT TEXT SPECULATIVE PARTIAL_TURN",
        "ASSISTANT AUDIO END_TURN",
        "ASSISTANT TEXT FINAL PARTIAL_TURN",
        "ASSISTANT TEXT FINAL END_TURN",
    ]
    assert stream.words("USER") == ["what is the sea like"]
    assert " ".join(stream.words("ASSISTANT", "SPECULATIVE")) == " ".join(stream.words("ASSISTANT")) == LONG
    assert stream.heard() == LONG
    assert "completionStart" in stream.events[0]["event"]
    stream.speak("and the sky")
    stream.wait(3_000)
    assert len(stream.all("completionStart")) == 1
    assert len({one["completionId"] for name in ("contentStart", "contentEnd") for one in stream.all(name)}) == 1
    assert stream.words("ASSISTANT")[-1] == "yes"


@keeps("ns-completion-start")
def test_when_a_completion_begins() -> None:
    assert Stream(source()).events == []
    (told,) = Stream(source(completion_start="prompt")).events
    assert set(told["event"]["completionStart"]) == {"sessionId", "promptName", "completionId"}


@keeps("ns-usage")
def test_usage_adds_up() -> None:
    stream = Stream(source("yes", "no"))
    for text in ("one", "two"):
        stream.speak(text)
        stream.wait(3_000)
    events = stream.all("usageEvent")
    assert len(events) == 4
    for side in ("input", "output"):
        for kind in ("speechTokens", "textTokens"):
            assert (
                sum(one["details"]["delta"][side][kind] for one in events) == events[-1]["details"]["total"][side][kind]
            )
    last = events[-1]
    assert last["totalTokens"] == last["totalInputTokens"] + last["totalOutputTokens"] > 0


@keeps("ns-final-text")
def test_the_text_of_what_was_spoken_comes_when_it_was_played_or_sent() -> None:
    ends = {}
    for final in ("played", "sent"):
        stream = Stream(source("this is a sentence of some length", final_text=final), audio=False)
        stream.write("hello", interactive=True)
        stream.wait(20_000)
        (audio,) = [at for at, body in stream.timed if body["event"].get("contentEnd", {}).get("type") == "AUDIO"]
        ends[final] = stream.timed[-1][0] - audio
        assert stream.shape()[-1] == "ASSISTANT TEXT FINAL END_TURN"
    assert ends["sent"] == 0
    length = len(stream.pcm()) / 48
    assert ends["played"] == pytest.approx(length * 3 / 4, abs=1)  # sent at four times the speed at which it plays


def test_a_block_never_overlaps_another_however_slow_the_audio_is() -> None:
    pace = Pace(audio_speed=0.5, piece_ms=200)
    stream = Stream(source(LONG, pace=pace), audio=False)
    stream.write("hello", interactive=True)
    stream.wait(30_000)
    inside = ""
    for body in stream.events:
        ((name, told),) = body["event"].items()
        if name == "contentStart":
            assert inside == ""
            inside = told["contentId"]
        elif name == "contentEnd":
            assert inside == told["contentId"]
            inside = ""
        elif name != "usageEvent" and name != "completionStart":
            assert inside == told["contentId"]
    assert stream.heard() == LONG


@keeps("ns-rates")
@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_the_rate_of_the_audio_is_the_prompts(rate: int) -> None:
    stream = Stream(source("it is foggy"), prompt={"audioOutputConfiguration": {"sampleRateHertz": rate}}, audio=False)
    stream.write("hello", interactive=True)
    stream.wait(9_000)
    assert stream.heard(rate) == "it is foggy"
    told = [
        one["audioOutputConfiguration"]["sampleRateHertz"]
        for one in stream.all("contentStart")
        if one["type"] == "AUDIO"
    ]
    assert told == [rate]


@keeps("ns-pause")
@pytest.mark.parametrize(("told", "pause"), [("HIGH", 1_500), ("MEDIUM", 1_750), ("LOW", 2_000)])
def test_how_much_silence_ends_a_turn(told: str, pause: int) -> None:
    nested = {"turnDetectionConfiguration": {"endpointingSensitivity": told}}
    for stream in (
        Stream(source("yes"), session=nested),
        Stream(source("yes"), session={"endpointingSensitivity": told}),
        Stream(source("yes", sensitivity=told)),
    ):
        stream.audio(speech.encode("good morning", 16_000))
        stream.audio(bytes(32 * (pause - 100)))
        assert stream.events == []
        stream.audio(bytes(32 * 250))
        stream.wait(200)
        assert stream.words("USER") == ["good morning"]
    wrong = Stream(begin=False)
    wrong.say("sessionStart", turnDetectionConfiguration={"endpointingSensitivity": "SOME"})
    assert wrong.failure == REFUSED


@keeps("ns-noise")
def test_sound_without_a_word_is_no_turn() -> None:
    stream = Stream(source("yes"))
    stream.audio(b"\x00\x30\x00\xd0" * 3_200 + bytes(32 * 2_500))
    stream.wait(3_000)
    assert stream.events == []
    stream.speak("now")
    assert stream.words("USER") == ["now"]


def test_what_the_test_says_is_heard_in_audio_of_another_voice() -> None:
    stream = Stream(source("yes", transcripts=["hello from a real microphone"]))
    stream.audio(voice(1, rate=16_000) + bytes(32 * 2_500))
    assert stream.words("USER") == ["hello from a real microphone"]


@keeps("ns-text")
def test_interactive_text_is_answered_by_the_second_generation_alone() -> None:
    for model, said in (("amazon.nova-2-sonic-v1:0", ["it is foggy"]), (V1, [])):
        stream = Stream(source("it is foggy", "yes"), model=model)
        stream.write("what is the weather", interactive=True)
        stream.wait(9_000)
        assert stream.words("ASSISTANT") == said
        stream.speak("are you there")
        assert stream.words("USER") == ["are you there"]


def test_two_texts_at_once_are_answered_once_and_blocks_do_not_overlap() -> None:
    stream = Stream(source("yes", "no"), audio=False)
    for text in ("one", "two"):
        stream.write(text, interactive=True)
    stream.wait(5_000)
    assert stream.words("ASSISTANT") == ["yes"]
    (context,) = stream.values["contexts"]
    assert [item.text for item in context.items] == ["one", "two"]


def test_an_answer_waits_for_what_is_being_sent() -> None:
    stream = Stream(source(LONG, "yes", misbehave="interruption_ignored"), audio=False)
    stream.write("what is the sea like", interactive=True)
    stream.wait(500)
    stream.write("and the sky", interactive=True)
    stream.wait(30_000)
    assert " ".join(stream.words("ASSISTANT")) == f"{LONG} yes"
    assert stream.heard() == f"{LONG} yes"


def test_a_second_prompt_in_one_session() -> None:
    stream = Stream(source("yes", "no"))
    stream.speak("one")
    stream.wait(3_000)
    stream.on("audio", "contentEnd")
    stream.say("promptEnd", promptName="p")
    stream.say("promptStart", promptName="q")
    stream.say("contentStart", promptName="q", contentName="x", type="TEXT", role="USER", interactive=True)
    stream.say("textInput", promptName="q", contentName="x", content="two")
    stream.say("contentEnd", promptName="q", contentName="x")
    stream.wait(3_000)
    assert (stream.words("ASSISTANT"), stream.failure) == (["yes", "no"], None)
    assert [one["promptName"] for one in stream.all("completionStart")] == ["p", "q"]


# --- tools ---


def rules() -> Any:
    return Rules([Rule("it is foggy", output="fog"), Rule(ToolCall("weather", {"city": "Oslo"}), tool="weather")])


def tool_stream(**settings: Any) -> Stream:
    stream = Stream(
        simulator("nova_sonic", replier=rules(), **settings),
        prompt={"toolConfiguration": {"tools": [spec("weather")]}},
    )
    stream.speak("what is the weather")
    stream.wait(1_000)
    return stream


@keeps("ns-tools")
def test_a_tool_round() -> None:
    stream = tool_stream()
    (call,) = stream.all("toolUse")
    assert (call["toolName"], json.loads(call["content"])) == ("weather", {"city": "Oslo"})
    assert stream.shape()[-1] == "TOOL TOOL TOOL_USE"
    stream.wait(5_000)
    assert stream.words("ASSISTANT") == []
    stream.answer(call["toolUseId"], '{"sky": "fog"}')
    stream.wait(5_000)
    assert stream.words("ASSISTANT") == ["it is foggy"]


@keeps("ns-arguments")
def test_arguments_are_at_times_encoded_twice() -> None:
    (call,) = tool_stream(arguments_encoded="twice").all("toolUse")
    assert json.loads(json.loads(call["content"])) == {"city": "Oslo"}
    (plain,) = tool_stream().all("toolUse")
    assert json.loads(plain["content"]) == {"city": "Oslo"}


def test_two_calls_are_answered_when_both_results_are_there() -> None:
    calls = ["Let me look.", ToolCall("a"), ToolCall("b")]
    stream = Stream(source(calls, "done"), prompt={"toolConfiguration": {"tools": [spec("a"), spec("b")]}})
    stream.speak("go")
    stream.wait(4_000)
    kinds = [one for one in stream.shape() if not one.startswith("USER")]
    assert kinds[:4] == [
        "ASSISTANT TEXT SPECULATIVE PARTIAL_TURN",
        "ASSISTANT AUDIO PARTIAL_TURN",
        "TOOL TOOL TOOL_USE",
        "TOOL TOOL TOOL_USE",
    ]
    first, second = [call["toolUseId"] for call in stream.all("toolUse")]
    stream.answer(second, "{}")
    stream.wait(4_000)
    assert stream.words("ASSISTANT") == ["Let me look."]
    stream.answer(first, "[1]")
    stream.wait(4_000)
    assert stream.words("ASSISTANT") == ["Let me look.", "done"]
    stream.answer(first, "{}")
    assert stream.failure == REFUSED


@keeps("ns-tool-error")
def test_a_result_that_is_no_json() -> None:
    told = ("validationException", "Tool Response parsing error")
    stream = tool_stream()
    stream.answer(stream.all("toolUse")[0]["toolUseId"], "foggy")
    assert (stream.failure, stream.closed) == (told, (1000, ""))
    goes_on = tool_stream(tool_error="goes_on")
    ident = goes_on.all("toolUse")[0]["toolUseId"]
    goes_on.answer(ident, "foggy")
    assert (goes_on.failure, goes_on.closed) == (told, None)
    goes_on.answer(ident, '"fog"')
    goes_on.wait(5_000)
    assert goes_on.words("ASSISTANT") == ["it is foggy"]


def test_a_result_that_is_lost_does_not_reach_the_model() -> None:
    outputs = {}
    for misbehave in ((), "tool_result_lost"):
        stream = tool_stream(misbehave=misbehave)
        stream.answer(stream.all("toolUse")[0]["toolUseId"], '"fog"')
        stream.wait(1_000)
        outputs[misbehave] = [item.output for item in stream.values["contexts"][-1].items if item.output]
    assert outputs == {(): ['"fog"'], "tool_result_lost": []}


# --- barge-in ---


def cut(ms: int = 2_500, **settings: Any) -> Stream:
    """Somebody speaks so many milliseconds into a long reply."""
    stream = Stream(source(LONG, "yes", **settings))
    stream.speak("what is the sea like")
    stream.audio(bytes(32 * ms))
    stream.speak("stop please")
    stream.wait(9_000)
    return stream


@keeps("ns-barge-in")
def test_the_user_cuts_in_on_what_is_being_played() -> None:
    stream = cut()
    assert ("ASSISTANT", "FINAL", INTERRUPTED, "INTERRUPTED") in stream.texts()
    place = stream.words("ASSISTANT").index(INTERRUPTED)
    spoken = " ".join(stream.words("ASSISTANT")[:place])
    assert LONG.startswith(spoken)
    assert 0 < len(spoken) < len(LONG)
    assert [item["text"] for item in stream.values["conversation"]][1:-2] == stream.words("ASSISTANT")[:place]
    assert stream.words("ASSISTANT")[place + 1 :] == ["yes"]
    assert stream.words("USER") == ["what is the sea like", "stop please"]
    # The audio came faster than it plays, so its block had ended (nova_sonic.md#37).
    assert [one for one in stream.shape() if "AUDIO" in one][1] == "ASSISTANT AUDIO END_TURN"


def test_a_reply_that_is_not_cut_is_said_whole() -> None:
    stream = cut(ms=12_000)
    assert INTERRUPTED not in stream.words("ASSISTANT")
    assert " ".join(stream.words("ASSISTANT")) == f"{LONG} yes"


@keeps("ns-cut-audio")
def test_how_the_block_of_audio_ends_that_was_cut() -> None:
    for told in ("END_TURN", "PARTIAL_TURN"):
        stream = cut(1_000, pace="realtime", cut_audio=told)
        kinds = [one for one in stream.shape() if one.startswith("ASSISTANT")]
        assert kinds[1] == f"ASSISTANT AUDIO {told}"
        assert LONG.startswith(heard := str(speech.decode(stream.pcm()[: 48 * 900], 24_000)))
        assert heard


@keeps("ns-cut-text")
def test_whether_the_words_before_an_interruption_are_told() -> None:
    for told, count in (("spoken", 1), ("nothing", 0)):
        stream = cut(1_500, pace="realtime", cut_text=told)
        words = stream.words("ASSISTANT")
        assert words.index(INTERRUPTED) == count
        assert any(
            LONG.startswith(item["text"]) for item in stream.values["conversation"] if item["role"] == "assistant"
        )


def test_a_server_that_ignores_an_interruption_or_begins_its_reply_over() -> None:
    ignored = cut(misbehave="interruption_ignored")
    assert INTERRUPTED not in ignored.words("ASSISTANT")
    over = cut(misbehave="reply_begun_over")
    assert over.words("ASSISTANT", "SPECULATIVE").count(LONG.partition(". ")[0] + ".") == 2
    assert cut().words("ASSISTANT", "SPECULATIVE").count(LONG.partition(". ")[0] + ".") == 1


def test_a_fault_that_ends_the_reply_is_heard_of() -> None:
    stream = Stream(source(LONG, "yes"))
    stream.speak("what is the sea like")
    stream.wait(1_500)
    assert stream.values["speaking"]
    stream.feed(Tell("cancel", {}))
    before = len(stream.events)
    stream.wait(20_000)
    assert len(stream.events) == before
    assert not stream.values["speaking"]
    stream.speak("go on")
    stream.wait(3_000)
    assert stream.words("ASSISTANT")[-1] == "yes"


# --- the end ---


@keeps("ns-end")
def test_a_client_ends_prompt_and_session() -> None:
    stream = Stream(source("yes"))
    stream.speak("hello")
    stream.wait(3_000)
    stream.end()
    assert [next(iter(body["event"])) for body in stream.events][-1] == "completionEnd"
    assert stream.all("completionEnd")[0]["stopReason"] == "END_TURN"
    assert stream.closed == (1000, "")
    silent = Stream(source())
    silent.end()
    assert (silent.events, silent.closed) == ([], (1000, ""))


@keeps("ns-prompt-end")
def test_a_prompt_that_ends_within_a_reply() -> None:
    for told, whole in (("cuts", False), ("finishes", True)):
        stream = Stream(source(LONG, prompt_end=told))
        stream.speak("what is the sea like")
        stream.wait(800)
        stream.on("audio", "contentEnd")
        stream.say("promptEnd", promptName="p")
        stream.wait(20_000)
        assert (stream.heard() == LONG) is whole
        assert next(iter(stream.events[-1]["event"])) == "completionEnd"
        assert stream.hangup is None


@keeps("ns-v1-prompt-end")
def test_the_first_generation_takes_no_prompt_without_audio() -> None:
    stream = Stream(model=V1, audio=False)
    stream.say("promptEnd", promptName="p")
    assert stream.failure == REFUSED
    for fine in (Stream(model=V1), Stream()):
        fine.end()
        assert fine.failure is None


@keeps("ns-half-close")
def test_a_client_that_ends_its_input_without_a_word_hears_the_rest() -> None:
    stream = Stream(source(LONG), audio=False)
    stream.write("what is the sea like", interactive=True)
    stream.wait(500)
    stream.feed(Tell("input ended"))
    assert stream.hangup is None
    stream.wait(20_000)
    assert (stream.heard(), stream.closed) == (LONG, (1000, ""))
    idle = Stream(source())
    idle.feed(Tell("input ended"))
    assert idle.closed == (1000, "")


@keeps("ns-silence")
@pytest.mark.parametrize("seconds", [55, 295])
def test_a_stream_without_input_is_ended(seconds: int) -> None:
    stream = Stream(source("yes", silence_timeout_s=seconds, max_session_s=1_000))
    stream.audio(bytes(1_024))
    stream.wait(seconds * 1_000 - 100)
    assert stream.failure is None
    stream.audio(bytes(1_024))
    stream.wait(seconds * 1_000 - 100)
    assert stream.failure is None
    stream.wait(200)
    assert stream.failure == ("validationException", no_input(seconds))


@keeps("ns-8-minutes")
def test_a_stream_lasts_eight_minutes() -> None:
    stream = Stream(source(silence_timeout_s=10_000))
    stream.wait(479_999)
    assert stream.failure is None
    stream.wait(2)
    assert stream.failure == ("modelTimeoutException", TOO_LONG)
    assert stream.closed == (1000, "")


@keeps("ns-failure")
def test_a_model_that_fails_ends_the_stream() -> None:
    for reply, told in (
        (Failure(message="no luck"), ("modelStreamErrorException", "no luck")),
        (Reply("a word", filtered=True), ("validationException", FILTERED)),
    ):
        stream = Stream(source(reply))
        stream.speak("hello")
        stream.wait(2_000)
        assert (stream.failure, stream.closed) == (told, (1000, ""))


def test_a_model_that_says_nothing_or_is_silent() -> None:
    stream = Stream(source(None, Reply(silence=Silence(400)), "yes"))
    for text in ("one", "two", "three"):
        stream.speak(text)
        stream.wait(3_000)
    assert stream.words("ASSISTANT") == ["yes"]
    assert [one for one in stream.shape() if "AUDIO" in one] == ["ASSISTANT AUDIO END_TURN"] * 2


async def later(context: Context) -> str:
    return "yes"


def test_a_replier_that_is_awaited() -> None:
    stream = Stream(simulator("nova_sonic", replier=later))
    stream.speak("hello")
    stream.wait(1_000)
    assert stream.words("ASSISTANT") == []
    for ask in stream.asks:
        ask.awaitable.close()  # type: ignore[attr-defined]
    stream.told("it is foggy")
    stream.wait(3_000)
    assert stream.words("ASSISTANT") == ["it is foggy"]


def test_how_late_the_driver_is_changes_nothing() -> None:
    seen = []
    for step in (1, 7, 1_000):
        stream = Stream(source(LONG), audio=False)
        stream.write("hello", interactive=True)
        for _ in range(0, 14_000, step):
            stream.wait(step)
        seen.append([one for one in stream.timed if one[0] <= 13_500])
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][-1][1]["event"]["contentEnd"]["stopReason"] == "END_TURN"


def test_the_same_stream_twice_is_the_same_to_the_byte() -> None:
    first, second = cut(), cut()
    assert first.timed == second.timed
    assert base64.b64encode(first.pcm()) == base64.b64encode(second.pcm())
    assert path() == first.source.sockets[0]
