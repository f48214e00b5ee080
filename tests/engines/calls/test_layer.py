"""What a service adds to its events on a call, in virtual time: the audio that is played, and who cuts it short."""

from __future__ import annotations

import json

import pytest

from mockserver import Scripted, simulator, speech
from mockserver.core.frames import Text
from tests.engines.calls.calltalk import RATE, CallTalk
from tests.engines.simulator.fidelity import keeps

LONG = "one two three four five six seven eight nine ten eleven twelve"


@keeps("call-played")
def test_what_is_played_is_told() -> None:
    talk = CallTalk(simulator("openai", replier=Scripted(["It is sunny."])))
    talk.ask("What is the weather?")
    talk.wait(8_000)
    names = talk.names
    assert "response.output_audio.delta" not in names
    order = [
        "response.content_part.added",
        "output_audio_buffer.started",
        "response.done",
        "output_audio_buffer.stopped",
    ]
    assert [name for name in names if name in order] == order
    started, stopped = talk.named("output_audio_buffer.started")[0], talk.named("output_audio_buffer.stopped")[0]
    assert started["response_id"] == stopped["response_id"] == talk.named("response.done")[0]["response"]["id"]
    length = speech.duration_ms("It is sunny.")
    assert talk.at("output_audio_buffer.stopped") - talk.at("output_audio_buffer.started") == pytest.approx(
        length, abs=120
    )
    assert talk.media == []


def test_an_answer_in_words_alone_plays_nothing() -> None:
    talk = CallTalk(
        simulator("openai"), session={"type": "realtime", "model": "gpt-realtime", "output_modalities": ["text"]}
    )
    talk.ask("Hello.")
    talk.wait(8_000)
    assert talk.named("response.output_text.done")
    assert not [name for name in talk.names if name.startswith("output_audio_buffer")]


@keeps("call-barge-in")
def test_speech_cuts_the_answer_and_the_item_is_what_was_heard() -> None:
    talk = CallTalk(simulator("openai", replier=Scripted([LONG, "Yes?"])))
    talk.ask("Count.")
    talk.wait(2_500)
    assert "response.done" in talk.names  # all of it is said, and only a part of it is played
    talk.say("Stop.")
    cleared = talk.named("output_audio_buffer.cleared")
    truncated = talk.named("conversation.item.truncated")
    assert talk.media == ["clear"]
    assert len(cleared) == len(truncated) == 1
    names = talk.names
    assert names.index("input_audio_buffer.speech_started") < names.index("output_audio_buffer.cleared")
    assert names.index("output_audio_buffer.cleared") < names.index("conversation.item.truncated")
    began, cut = talk.at("output_audio_buffer.started"), talk.at("output_audio_buffer.cleared")
    told = truncated[0]["audio_end_ms"]
    assert told % 20 == 0
    assert told == pytest.approx(cut - began, abs=60)
    assert cleared[0]["response_id"] == talk.named("response.done")[0]["response"]["id"]
    # What was not heard is not in the context: the model knows how far it came.
    talk.send("conversation.item.retrieve", item_id=truncated[0]["item_id"])
    kept = talk.named("conversation.item.retrieved")[0]["item"]["content"][0]["transcript"]
    assert LONG.startswith(kept)
    assert 0 < len(kept) < len(LONG)
    # The next answer is played and told as the first was.
    talk.wait(4_000)
    assert [body["response_id"] for body in talk.named("output_audio_buffer.stopped")] == [
        talk.named("response.created")[1]["response"]["id"]
    ]


def test_without_speech_nothing_is_cut() -> None:
    talk = CallTalk(simulator("openai", replier=Scripted([LONG])))
    talk.ask("Count.")
    talk.hear(bytes(RATE * 2 * 12))
    assert talk.named("output_audio_buffer.stopped")
    assert not talk.named("output_audio_buffer.cleared")
    assert not talk.named("conversation.item.truncated")


def test_where_speech_does_not_interrupt_it_cuts_nothing() -> None:
    detection = {"type": "server_vad", "interrupt_response": False, "create_response": False}
    audio = {"input": {"turn_detection": detection}}
    talk = CallTalk(
        simulator("openai", replier=Scripted([LONG])),
        session={"type": "realtime", "model": "gpt-realtime", "audio": audio},
    )
    talk.ask("Count.")
    talk.wait(1_500)
    talk.say("Stop.")
    talk.wait(12_000)
    assert talk.named("input_audio_buffer.speech_started")
    assert talk.named("output_audio_buffer.stopped")
    assert not talk.named("output_audio_buffer.cleared")


def test_speech_after_the_last_of_it_was_played_cuts_nothing() -> None:
    talk = CallTalk(simulator("openai", replier=Scripted(["Yes.", "And?"])))
    talk.ask("Well?")
    talk.wait(5_000)
    assert talk.named("output_audio_buffer.stopped")
    talk.say("Good.")
    assert talk.named("input_audio_buffer.speech_started")
    assert not talk.named("output_audio_buffer.cleared")


@keeps("call-clear")
@pytest.mark.parametrize("truncates", [True, False])
@pytest.mark.parametrize("ms", [800, 1_500], ids=["while it is made", "when all is made"])
def test_a_client_clears_what_is_played(ms: int, truncates: bool) -> None:
    talk = CallTalk(simulator("openai", replier=Scripted([LONG])), clear_truncates=truncates)
    talk.ask("Count.")
    talk.wait(ms)
    assert ("response.done" in talk.names) == (ms == 1_500)
    talk.send("output_audio_buffer.clear")
    assert talk.media == ["clear"]
    assert len(talk.named("output_audio_buffer.cleared")) == 1
    assert len(talk.named("conversation.item.truncated")) == truncates
    talk.wait(12_000)
    assert not talk.named("output_audio_buffer.stopped")
    assert not talk.named("error")
    audio = [
        entry for entry in talk.journal.sent_by_server("response.output_audio.delta").entries if entry.at > ms * 1_000
    ]
    assert not audio
    assert talk.named("response.done")


def test_a_clear_where_nothing_is_played_says_nothing() -> None:
    talk = CallTalk(simulator("openai"))
    before = talk.names
    talk.send("output_audio_buffer.clear")
    assert talk.names == before
    assert talk.media == []


def test_two_answers_are_played_one_behind_the_other() -> None:
    talk = CallTalk(simulator("openai", replier=Scripted(["one two three four", "five six seven eight"])))
    talk.ask("Count.")
    talk.wait(1_500)
    talk.send("response.create", response={"conversation": "none"})
    talk.wait(9_000)
    told = [
        (name, body["response_id"])
        for name, body in ((body["type"], body) for _, body in talk.timed)
        if "buffer.st" in name
    ]
    first, second = (body["response"]["id"] for body in talk.named("response.created"))
    assert told == [
        ("output_audio_buffer.started", first),
        ("output_audio_buffer.stopped", first),
        ("output_audio_buffer.started", second),
        ("output_audio_buffer.stopped", second),
    ]


def test_the_time_at_which_it_is_looked_at_changes_nothing() -> None:
    """Tick invariance: what is told, and for when, is the same however often the driver looks."""
    told = []
    for step_ms in (1, 7, 100):
        talk = CallTalk(simulator("openai", replier=Scripted(["It is sunny."])))
        talk.ask("What is the weather?")
        talk.wait(5_600, step_ms=step_ms)
        entries = talk.journal.sent_by_server("output_audio_buffer.*").entries
        told.append([(entry.at, entry.what) for entry in entries])
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 2


def test_settings_may_be_asked_for_before_the_client_hears_of_the_session() -> None:
    """What a relay and a cassette need: to the service the call is a websocket, whose client sends session.update."""
    calls = simulator("openai").dialect.calls
    assert calls is not None
    given = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."}
    talk = CallTalk(simulator("openai"), session=None, begins_with=calls.settings(given))
    # The socket has no model here, so the session is refused: the client is told, and nothing is held back.
    assert talk.names == [] or talk.names[0] == "error"
    plain = simulator("openai", model="gpt-realtime")
    talk = CallTalk(plain, session=None, begins_with=calls.settings(given))
    assert talk.names == ["session.created"]
    assert talk.named("session.created")[0]["session"]["instructions"] == "Be brief."
    talk = CallTalk(plain, session=None, begins_with=calls.settings({**given, "bogus": 1}))
    assert talk.names == ["session.created", "error"]
    assert talk.named("session.created")[0]["session"]["instructions"] != "Be brief."


def test_who_else_listens_is_told_the_events_and_no_audio() -> None:
    heard: list[object] = []
    talk = CallTalk(simulator("openai", replier=Scripted(["It is sunny."])))
    talk.layer.hears.append(heard.append)
    talk.ask("What is the weather?")
    talk.wait(8_000)
    names = [json.loads(one.data)["type"] for one in heard if isinstance(one, Text)]
    assert names == talk.names[1:]


@pytest.mark.parametrize(
    ("spec", "shows"),
    [
        ("drop response.output_audio.delta", "nothing is heard"),
        ("delay 2s on 1st response.output_audio.delta", "it comes late"),
    ],
)
def test_faults_on_audio_are_faults_on_what_is_heard(spec: str, shows: str) -> None:
    """A frame of audio that a fault takes or holds is one that is not played, or later; without it all is there."""

    def frames(*faults: str) -> list[int]:
        talk = CallTalk(simulator("openai", replier=Scripted(["It is sunny."])), faults=faults)
        talk.ask("What is the weather?")
        talk.wait(9_000)
        return [entry.at for entry in talk.journal.sent_by_server("response.output_audio.delta").entries]

    plain, broken = frames(), frames(spec)
    assert plain
    assert (broken == []) if "drop" in spec else (broken[0] >= plain[0] + 2_000_000), shows


def test_faults_of_media_strike_calls_alone() -> None:
    """Silence, and a channel that never opens, are told to the shell; a websocket has neither, so nothing strikes."""
    for spec, word in [("silent audio on response.created", "silence"), ("no data channel", "no channel")]:
        for called in (True, False):
            talk = CallTalk(simulator("openai", replier=Scripted(["Yes."])), faults=[spec], called=called)
            talk.ask("Well?")
            talk.wait(3_000)
            assert talk.media == ([word] if called else []), spec
            assert [armed.fired for armed in talk.armed] == [called], spec
            assert talk.named("response.done")  # everything else goes on
