"""How a session begins and ends, the clock, what is appended, muting, limits and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mockserver import speech
from mockserver.core.frames import Accept
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.simulator import Failure, Reply, Scripted, simulator
from mockserver.errors import UsageError
from tests.engines.simulator.caller import UNIX_US, Caller
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.gpt_live.talk import AUDIO, KEY, RATE, RESPONSES, Talk, handshake


def words(count: int) -> str:
    """A text of so many words."""
    return " ".join(["word"] * count)


def seeds(count: int, text: str) -> list[dict[str, Any]]:
    """So many messages of history."""
    return [{"role": "user", "content": [{"text": text}]}] * count


# --- begin ---


@keeps("gl-first")
def test_a_socket_that_says_nothing_is_told_nothing() -> None:
    talk = Talk(start=None)
    assert talk.effects == [Accept(None)]
    assert talk.wait(100_000) == []


@keeps("gl-started")
def test_the_session_is_shown_with_its_defaults() -> None:
    talk = Talk(start={"instructions": "Be kind.", "delegation": RESPONSES})
    session = talk.of("session.started")[0]["session"]
    assert session["id"].startswith("live_u")
    assert session["audio"] == {"output": {"voice": "marin"}, "format": {"type": "audio/pcm", "rate": 24_000}}
    assert session["delegation"]["responses"] == {
        "model": "gpt-5.6-sol",
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
    }
    assert (session["status"], session["input"], session["instructions"]) == ("active", [], "Be kind.")
    assert session["expires_at"] == UNIX_US // 1_000_000 + 7_200
    assert Talk().of("session.started")[0]["session"]["delegation"] == {"type": "client"}


@keeps("gl-history")
def test_history_is_known_to_the_model_and_shown() -> None:
    history = [
        {"role": "user", "content": [{"type": "input_text", "text": "My favourite colour is orange."}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Good to know!"}]},
    ]
    talk = Talk(start={"input": history}, replier=lambda context: " and ".join(item.text for item in context.items))
    assert talk.of("session.started")[0]["session"]["input"] == history
    talk.speak("which colour", silence_ms=6_000)
    assert talk.said() == "My favourite colour is orange. and Good to know! and which colour"


@keeps("gl-key")
def test_a_bad_key_is_told_after_the_upgrade() -> None:
    talk = Talk(hands=handshake(key=False), start=None)
    assert isinstance(talk.effects[0], Accept)
    assert talk.error()["message"] == "Missing bearer or basic authentication in header"
    assert talk.closed == (3000, "invalid_request_error")
    wrong = Talk(require_key="sk-other", start=None)
    assert wrong.error()["code"] == "invalid_api_key"
    assert wrong.closed == (3000, "invalid_request_error.invalid_api_key")
    assert Talk(hands=handshake(key=False), require_key=False).names() == ["session.started"]
    azure = type(handshake())(path="/openai/v1/live/sessions", headers=(("api-key", "k"),))
    assert Talk(hands=azure).names() == ["session.started"]


def backed(**backend: Any) -> dict[str, Any]:
    return {"delegation": {"type": "responses", "responses": {"model": "gpt-5.6-sol", **backend}}}


@keeps("gl-refused-start")
@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"colour": 1}, "unknown_parameter", "session.colour"),
        ({"model": "gpt-realtime"}, "model_not_found", "session.model"),
        ({"audio": {"output": {"voice": "nova"}}}, "forbidden", "session.audio.output.voice"),
        ({"audio": {"format": {"type": "audio/pcm", "rate": 8_000}}}, "invalid_value", "session.audio.format.rate"),
        ({"audio": {"format": {"type": "audio/mp3", "rate": 8_000}}}, "invalid_value", "session.audio.format.type"),
        ({"delegation": {"type": "responses"}}, "missing_required_parameter", "session.delegation.responses"),
        (
            {"delegation": {"type": "responses", "responses": {}}},
            "missing_required_parameter",
            "session.delegation.responses.model",
        ),
        (backed(temperature=1), "unknown_parameter", "session.delegation.responses.temperature"),
        (backed(max_output_tokens=0), "integer_below_min_value", "session.delegation.responses.max_output_tokens"),
        (backed(reasoning={"effort": "all"}), "invalid_value", "session.delegation.responses.reasoning.effort"),
        (
            backed(tools=[{"type": "function"}]),
            "missing_required_parameter",
            "session.delegation.responses.tools[0].name",
        ),
        (
            backed(tools=[{"type": "hammer", "name": "x"}]),
            "invalid_value",
            "session.delegation.responses.tools[0].type",
        ),
        ({"audio": {"output": {"voice": "robot"}}}, "invalid_value", "session.audio.output.voice"),
        ({"audio": {"output": {"voice": {}}}}, "missing_required_parameter", "session.audio.output.voice.id"),
        ({"instructions": words(16_385)}, "string_above_max_length", "session.instructions"),
        ({"input": seeds(129, "x")}, "array_above_max_length", "session.input"),
        (
            {"input": seeds(20, words(422))},
            "string_above_max_length",
            "session.input",
        ),
        ({"input": [{"role": "user", "content": []}]}, "invalid_value", "session.input[0].content"),
        ({"input": [{"role": "system", "content": []}]}, "invalid_value", "session.input[0].role"),
    ],
)
def test_what_a_session_cannot_be_started_with(session: dict[str, Any], code: str, param: str) -> None:
    talk = Talk(start=None)
    talk.put({"type": "session.start", "event_id": "mine", "session": {"model": "gpt-live-1", **session}})
    error = talk.error()
    assert (error["code"], error["param"], error["client_event_id"]) == (code, param, "mine")
    assert talk.names() == ["error"]
    talk.begin()
    assert talk.names() == ["error", "session.started"]


@keeps("gl-refused-start")
def test_what_just_fits_is_taken() -> None:
    for session in (
        {"input": seeds(128, "x")},
        {"input": seeds(20, words(401))},
        {"instructions": words(16_384), "model": "gpt-live-1.1"},
        {"delegation": None},
        {"audio": {"output": {"voice": {"id": "voice_1"}}}},
        {"audio": {"output": {"voice": "willow"}}},
        backed(max_output_tokens=1, reasoning={"effort": "low"}, tools=[{"type": "web_search"}], service_tier="flex"),
    ):
        assert Talk(start=session).names() == ["session.started"]


# --- the clock ---


@keeps("gl-clock")
def test_frames_come_while_input_flows_and_stop_with_it() -> None:
    talk = Talk()
    talk.wait(5_000)
    assert talk.of(AUDIO) == []
    talk.listen(3_000)
    count = len(talk.of(AUDIO))
    assert count == pytest.approx(24, abs=1)
    talk.wait(10_000)
    assert len(talk.of(AUDIO)) <= count + 1
    talk.listen(1_000)
    assert len(talk.of(AUDIO)) == pytest.approx(count + 10, abs=2)
    assert {len(body["delta"]) for body in talk.of(AUDIO)} == {6_400}
    assert "event_id" not in talk.of(AUDIO)[0]


@keeps("gl-clock")
@pytest.mark.parametrize("chunk_ms", [20, 50, 100, 240])
def test_chunks_may_be_of_any_size(chunk_ms: int) -> None:
    talk = Talk(replier=lambda context: f"You said {context.user}")
    talk.hear(speech.encode("good day") + bytes(48 * 4_000), chunk_ms=chunk_ms)
    assert talk.said() == "You said good day"


@keeps("gl-clock")
def test_a_burst_is_answered_in_real_time_while_the_transcripts_run_ahead() -> None:
    talk = Talk(replier=lambda context: f"You said {context.user}")
    talk.burst(speech.encode("good day") + bytes(48 * 12_000))
    talk.wait(4_000)
    times = [at for at, body in talk.timed if body["type"] == AUDIO]
    assert len(times) == pytest.approx(37, abs=2)
    last = talk.of("session.output_transcript.delta")[-1]
    came = next(at for at, body in talk.timed if body is last)
    assert last["end_ms"] > came - talk.time_of("session.started")


@keeps("gl-clock")
@pytest.mark.parametrize(("kind", "rate"), [("audio/pcm", 16_000), ("audio/pcmu", 8_000), ("audio/pcma", 8_000)])
def test_every_format_is_heard_and_spoken(kind: str, rate: int) -> None:
    talk = Talk(
        start={"audio": {"format": {"type": kind, "rate": rate}}}, replier=lambda context: f"You said {context.user}"
    )
    pcm = speech.encode("good day", rate) + bytes(rate * 4 * 2)
    encode = {"audio/pcm": bytes, "audio/pcmu": speech.ulaw_encode, "audio/pcma": speech.alaw_encode}[kind]
    decode = {"audio/pcm": bytes, "audio/pcmu": speech.ulaw_decode, "audio/pcma": speech.alaw_decode}[kind]
    size = rate // 10 * 2
    for place in range(0, len(pcm), size):
        talk.burst(encode(pcm[place : place + size]))
        talk.wait(100)
    assert talk.heard() == "good day"
    assert speech.decode(decode(talk.audio()), rate) == "You said good day"


@keeps("gl-transcripts")
def test_transcripts_have_their_times_on_the_timeline() -> None:
    talk = Talk(replier=lambda context: f"You said {context.user}")
    talk.listen(1_000)
    talk.speak("what a fine day", silence_ms=4_000)
    heard, said = talk.of("session.input_transcript.delta"), talk.of("session.output_transcript.delta")
    assert (talk.heard(), talk.captions()) == ("what a fine day", "You said what a fine day")
    assert heard[0]["start_ms"] >= 1_000
    assert said[0]["start_ms"] >= heard[-1]["end_ms"]
    frames = [at for at, body in talk.timed if body["type"] == AUDIO]
    voiced = [place for place, body in enumerate(talk.of(AUDIO)) if set(body["delta"]) != {"A"}]
    assert said[0]["start_ms"] <= voiced[0] * 100 <= said[0]["end_ms"]
    assert frames[voiced[0]] > next(at for at, body in talk.timed if body is said[0])


@keeps("gl-transcripts")
def test_foreign_audio_has_the_words_that_the_test_gives_it() -> None:
    noise = b"\x00\x20\x00\xe0" * (RATE // 2)
    talk = Talk(transcripts=["what a day"], replier=lambda context: context.user)
    talk.hear(noise)
    talk.listen(4_000)
    assert talk.heard() == ""  # a beep uses no transcript
    talk.hear(speech.babble(0, 1_000, RATE))
    talk.listen(4_000)
    assert talk.heard() == talk.said() == "what a day"
    silent = Talk(replier=lambda context: "never")
    silent.hear(noise)
    silent.listen(2_000)
    assert silent.names() == ["session.started", AUDIO]


@keeps("gl-overlap")
def test_the_model_stops_when_the_user_speaks() -> None:
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"

    def run(**settings: Any) -> Talk:
        talk = Talk(replier=Scripted([long, "sure"]), **settings)
        talk.speak("count", silence_ms=2_000)
        talk.speak("stop it now please", silence_ms=9_000)
        return talk

    stopped = run()
    assert "sixteen" not in stopped.said()
    assert stopped.said().startswith("one two")
    assert stopped.said().endswith("sure")
    (cut,) = [item["text"] for item in stopped.values["conversation"] if item.get("text", "").startswith("one")]
    assert cut.split() == long.split()[: len(cut.split())]
    assert 1 < len(cut.split()) < 16
    assert long in run(overlap="talk_on").said()


# --- context ---


@keeps("gl-append-acks")
@pytest.mark.parametrize("kind", ["instructions", "thinking", "commentary"])
def test_appends_are_acknowledged_on_the_timeline_only_while_audio_flows(kind: str) -> None:
    talk = Talk(replier=lambda context: "fine")
    talk.append(kind, "The door is open.", event_id="mine")
    talk.wait(5_000)
    assert talk.of(f"session.{kind}.appended") == []
    talk.listen(3_000)
    (ack,) = talk.of(f"session.{kind}.appended")
    assert (ack["start_ms"], ack["end_ms"], ack["client_event_id"]) == (600, 800, "mine")
    assert "content" not in ack


@keeps("gl-commentary")
def test_commentary_is_spoken_and_silent_context_is_not() -> None:
    talk = Talk(replier=lambda context: " ".join(item.text for item in context.items))
    talk.listen(500)
    talk.append("thinking", "The package is late.")
    talk.append("instructions", "Be short.")
    talk.listen(2_000)
    assert talk.said() == ""
    talk.append("commentary", "It arrives on Friday.")
    talk.listen(5_000)
    assert talk.said() == "The package is late. Be short. It arrives on Friday."


@keeps("gl-append-limit")
def test_an_append_may_have_500_tokens() -> None:
    talk = Talk()
    assert talk.append("thinking", words(500)) == []
    talk.append("thinking", words(501), event_id="mine")
    assert talk.error()["client_event_id"] == "mine"
    assert talk.error()["param"] == "content"


@keeps("gl-mute")
def test_a_muted_microphone_is_not_heard_and_the_clock_goes_on() -> None:
    talk = Talk(replier=lambda context: f"You said {context.user}")
    (muted,) = talk.put({"type": "session.input_audio.mute", "event_id": "m"})
    assert (muted["type"], muted["client_event_id"]) == ("session.input_audio.muted", "m")
    talk.speak("good day", silence_ms=2_000)
    assert talk.heard() == ""
    assert len(talk.of(AUDIO)) > 15
    talk.put({"type": "session.input_audio.unmute"})
    talk.speak("good day", silence_ms=4_000)
    assert talk.said() == "You said good day"


@keeps("gl-usage")
def test_usage_is_told_every_15_seconds_and_counts_audio() -> None:
    talk = Talk()
    talk.listen(10_000)
    talk.wait(30_000)
    usage = talk.of("session.usage.updated")
    assert [body["usage"]["seconds"] for body in usage] == [10.0, 10.0]
    assert 0 < usage[0]["context_window"]["usage_ratio"] < 1


# --- wrong ---


@keeps("gl-errors")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("nonsense", "invalid_json"),
        ("[]", "invalid_json"),
        ("{}", "missing_required_parameter"),
        ('{"type": "response.cancel"}', "invalid_value"),
        ('{"type": "session.close", "why": 1}', "unknown_parameter"),
        ('{"type": "session.thinking.append", "content": "x"}', "missing_required_parameter"),
        ('{"type": "session.input_audio.append", "audio": "*"}', "invalid_value"),
        ('{"type": "session.start", "session": {"model": "gpt-live-1"}}', None),
        ('{"type": "decision.create"}', None),
        ('{"type": "session.output_audio.fixture.play"}', None),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(data: str, code: str | None) -> None:
    talk = Talk()
    talk.text(data)
    assert talk.error()["code"] == code
    assert talk.hangup is None


@keeps("gl-errors")
def test_an_unknown_type_lists_the_known_ones_and_binary_is_refused() -> None:
    talk = Talk()
    talk.put({"type": "response.cancel"})
    assert "session.commentary.append" in talk.error()["message"]
    talk.binary(b"x")
    assert len(talk.of("error")) == 2


@keeps("gl-errors")
def test_before_the_start_nothing_else_is_taken() -> None:
    talk = Talk(start=None)
    talk.burst(bytes(4_800))
    talk.put({"type": "response.create"})
    assert [body["error"]["param"] for body in talk.of("error")] == ["type", "type"]


# --- the end ---


@keeps("gl-closed")
def test_a_close_is_answered_with_the_session_and_its_usage() -> None:
    talk = Talk()
    talk.listen(2_050)
    talk.put({"type": "session.close", "event_id": "bye"})
    at, frames = talk.now, len(talk.of(AUDIO))
    talk.listen(2_000)
    closed = talk.of("session.closed")[0]
    assert (closed["reason"], closed["usage"], closed["client_event_id"]) == (
        "close_requested",
        {"seconds": 3.0},
        "bye",
    )
    assert closed["session"]["status"] == "active"
    assert talk.time_of("session.closed") - at == 640
    assert len(talk.of(AUDIO)) <= frames + 2
    assert talk.closed == (1000, "")
    assert talk.put({"type": "session.close"}) == []


@keeps("gl-expiry")
def test_two_hours_are_the_most() -> None:
    talk = Talk()
    talk.wait(7_190_000)
    assert talk.hangup is None
    talk.wait(20_000)
    assert talk.of("session.closed")[0]["reason"] == "expired"
    assert talk.closed == (1000, "")
    assert Talk(max_session_s=60, close_code=1001).wait(61_000)[-1]["type"] == "session.closed"


@keeps("gl-content")
def test_a_reply_that_is_filtered_ends_the_session() -> None:
    talk = Talk(replier=Scripted([Reply("Well.", filtered=True)]))
    talk.speak("hello", silence_ms=3_000)
    assert talk.of("session.closed")[0]["reason"] == "content"


@keeps("gl-failures")
def test_a_model_that_fails_is_told_and_the_session_goes_on() -> None:
    talk = Talk(replier=Scripted([Failure("credit_balance_exhausted", "insufficient_quota"), "Fine."]))
    talk.speak("hello", silence_ms=1_000)
    assert talk.error()["code"] == "credit_balance_exhausted"
    talk.speak("again", silence_ms=3_000)
    assert talk.said() == "Fine."


# --- sidebands, forks, calls ---


def started(source: Any, number: int = 0, **session: Any) -> tuple[Talk, str]:
    talk = Talk(source, start=session, number=number)
    return talk, talk.of("session.started")[0]["session"]["id"]


def together(ms: int, *talks: Caller) -> None:
    """Time passes for several connections at once, which share a clock."""
    for _ in range(ms // 20):
        for talk in talks:
            talk.wait(20)


@keeps("gl-sideband")
def test_a_sideband_hears_both_sides_and_is_told_the_events() -> None:
    source = simulator("gpt_live", replier=lambda context: f"You said {context.user}")
    talk, ident = started(source)
    sideband = Talk(source, hands=handshake(f"/v1/live/sessions/{ident}/attach"), start=None, number=1)
    assert sideband.names() == ["session.started"]
    pcm = speech.encode("good day") + bytes(48 * 4_000)
    for place in range(0, len(pcm), 4_800):
        talk.burst(pcm[place : place + 4_800])
        together(100, talk, sideband)
    together(500, talk, sideband)
    mirrored = b"".join(base64.b64decode(body["audio"]) for body in sideband.of("session.input_audio.append"))
    assert speech.decode(mirrored) == "good day"
    assert sideband.said() == "You said good day"
    assert sideband.captions() == talk.captions() == "You said good day"
    frames = sideband.of(AUDIO)
    assert [(body["end_ms"] - body["start_ms"]) for body in frames] == [200] * len(frames)
    assert [body["start_ms"] for body in frames] == [200 * number for number in range(len(frames))]
    ids = [body["event_id"] for body in talk.of("session.output_transcript.delta")]
    assert ids == [body["event_id"] for body in sideband.of("session.output_transcript.delta")]


@keeps("gl-sideband")
def test_a_sideband_commands_and_hears_of_the_end() -> None:
    source = simulator("gpt_live", replier=lambda context: f"They say {context.user}")
    talk, ident = started(source)
    sideband = Talk(source, hands=handshake(f"/v1/live/sessions/{ident}/attach"), start=None, number=1)
    sideband.append("commentary", "It is Friday.")
    for _ in range(50):
        talk.burst(bytes(4_800))
        together(100, talk, sideband)
    assert talk.said() == "They say It is Friday."
    assert sideband.of("session.commentary.appended")
    sideband.put({"type": "session.input_audio.append", "audio": ""})
    assert sideband.error()["code"] == "invalid_value"
    sideband.put({"type": "session.close"})
    together(2_000, talk, sideband)
    assert talk.of("session.closed")
    assert sideband.of("session.closed")[0]["reason"] == "close_requested"
    assert sideband.closed == (1000, "")


@keeps("gl-sideband")
@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"type": "session.thinking.append", "content": 5, "delegation_id": None}, "content"),
        ({"type": "response.create"}, "requires Responses delegation"),
        ({"type": "session.update", "session": {"model": "x"}}, "model"),
        ({"type": "transport.dtmf.send", "digits": "1"}, "requires a SIP session"),
    ],
)
def test_what_is_wrong_with_a_sidebands_command_is_told_to_the_sideband(body: dict[str, Any], says: str) -> None:
    source = simulator("gpt_live")
    talk, ident = started(source)
    sideband = Talk(source, hands=handshake(f"/v1/live/sessions/{ident}/attach"), start=None, number=1)
    sideband.put({**body, "event_id": "mine"})
    for _ in range(5):
        together(100, talk, sideband)
    assert says in sideband.error()["message"]
    assert sideband.of("error")[-1]["client_event_id"] == "mine"
    assert talk.of("error") == []


@keeps("gl-sideband")
def test_a_late_sideband_is_told_the_last_seconds_again() -> None:
    source = simulator("gpt_live", replier=lambda context: "fine", attach_replay_s=3)
    talk, ident = started(source)
    talk.speak("good day", silence_ms=2_000)
    late = Talk(source, hands=handshake(f"/v1/live/sessions/{ident}/attach"), start=None, number=1)
    late.at = talk.at
    late.engine.desk.context = SessionContext(1, "0/1", source.dialect, began_us=0, unix_us=UNIX_US)  # type: ignore[attr-defined]
    late.wait(100)
    assert late.captions() == "fine"


@keeps("gl-sideband")
def test_a_session_that_is_gone_cannot_be_attached_to() -> None:
    source = simulator("gpt_live")
    talk, ident = started(source)
    talk.leave()
    for one in (ident, "live_u0_none"):
        sideband = Talk(source, hands=handshake(f"/v1/live/sessions/{one}/attach"), start=None, number=1)
        assert sideband.error()["code"] == "session_id_not_found"
        assert sideband.hangup is not None


@keeps("gl-sideband")
def test_a_sideband_is_told_that_the_connection_was_lost() -> None:
    source = simulator("gpt_live")
    talk, ident = started(source)
    sideband = Talk(source, hands=handshake(f"/v1/live/sessions/{ident}/attach"), start=None, number=1)
    talk.leave()
    sideband.wait(100)
    assert sideband.of("session.closed")[0]["reason"] == "connection_lost"


@keeps("gl-fork")
def test_a_fork_goes_on_from_what_was_stored() -> None:
    source = simulator("gpt_live", replier=lambda context: " then ".join(item.text for item in context.items))
    talk, ident = started(source, store=True, instructions="", delegation=RESPONSES)
    talk.speak("good day", silence_ms=3_000)
    talk.leave()
    fork = Talk(source, hands=handshake(f"/v1/live/sessions/{ident}/fork"), start=None, number=1)
    fork.put({"type": "session.start", "session": {"model": "gpt-live-1"}})
    assert fork.error()["code"] == "unknown_parameter"
    fork.put({"type": "session.start", "session": {}})
    fork.wait(50)
    session = fork.of("session.started")[0]["session"]
    assert session["id"] != ident
    assert session["delegation"]["type"] == "responses"
    fork.speak("and now", silence_ms=4_000)
    assert fork.said() == "good day then good day then and now"


@keeps("gl-fork")
def test_what_was_not_stored_cannot_be_forked() -> None:
    source = simulator("gpt_live")
    _, ident = started(source)
    fork = Talk(source, hands=handshake(f"/v1/live/sessions/{ident}/fork"), start=None, number=1)
    assert fork.error()["code"] == "session_id_not_found"


@keeps("gl-hangup")
def test_a_call_can_be_hung_up_once() -> None:
    source = simulator("gpt_live")
    talk, ident = started(source)
    context = SessionContext(0, "0", source.dialect, unix_us=UNIX_US)
    request = Request("POST", f"/v1/live/sessions/{ident}/hangup", headers=(KEY,))
    first = source.neighbour(request, context)
    assert first is not None
    assert (first.status, first.body) == (200, b"")
    second = source.neighbour(request, context)
    assert second is not None
    assert second.status == 404
    assert b"session_id_not_found" in second.body
    talk.wait(2_000)
    assert talk.of("session.closed")[0]["reason"] == "close_requested"
    bare = source.neighbour(Request("POST", f"/v1/live/sessions/{ident}/hangup"), context)
    assert bare is not None
    assert bare.status == 401
    assert source.neighbour(Request("GET", "/v1/live/sessions"), context) is None


@pytest.mark.parametrize(
    "wrong",
    [{"overlap": "x"}, {"turn_silence_ms": -1}, {"misbehave": "oob_leaks"}, {"model": "gpt-realtime"}, {"tools": []}],
)
def test_a_wrong_setting_fails_where_it_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        simulator("gpt_live", **wrong)
