"""The simulated PersonaPlex server: one lock, the handshake byte, Ogg-Opus on the clock of the client's audio."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from mockserver import Scripted, simulator, speech
from mockserver.core.frames import Abort, Accept
from mockserver.engines.simulator import Context, Failure, Reply
from mockserver.engines.simulator.personaplex.floor import DEAD_US, Floor
from mockserver.engines.simulator.personaplex.opus import FRAME_BYTES, OpusIn
from mockserver.errors import UsageError
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.personaplex.talk import QUERY, Talk

LONG = "the tide comes in twice a day and leaves shells"
VOICE, PROMPT = QUERY


def source(*replies: Any, **settings: Any) -> Any:
    return simulator("personaplex", replier=Scripted(replies), **settings)


# --- begin ---


@pytest.mark.parametrize(
    ("query", "settings", "breaks"),
    [
        ((PROMPT,), {}, "voice_prompt"),
        ((("voice_prompt", "none.pt"), PROMPT), {}, "FileNotFoundError"),
        ((("voice_prompt", "mine.pt"), PROMPT), {"voices": ["mine.pt"]}, ""),
        ((VOICE, PROMPT), {"voices": ["mine.pt"]}, "FileNotFoundError"),
        ((VOICE,), {}, "text_prompt"),
        ((*QUERY, ("seed", "7")), {}, ""),
        ((*QUERY, ("seed", "x")), {}, "ValueError"),
        ((*QUERY, ("seed", "")), {}, "ValueError"),
        ((*QUERY, ("seed", "-1")), {}, ""),
        ((("voice_prompt", "voices/NATF2.pt"), PROMPT), {}, "FileNotFoundError"),
        ((*QUERY, ("seed", "7")), {"seed": "raises"}, "seed"),
        (QUERY, {"seed": "raises"}, ""),
    ],
)
@keeps("pp-parameters")
def test_a_wrong_parameter_ends_the_connection_after_the_101(query: Any, settings: Any, breaks: str) -> None:
    talk = Talk(source(**settings), query=query, shaken=False)
    assert isinstance(talk.effects[0], Accept)
    assert any(isinstance(effect, Abort) for effect in talk.effects) is bool(breaks)
    assert not breaks or any(breaks in note.text for note in talk.notes)
    talk.wait(2_000)
    assert (talk.frames == [b"\x00"]) is not bool(breaks)


@keeps("pp-handshake")
def test_the_handshake_byte_comes_when_the_prompts_are_done() -> None:
    for ms in (1_000, 3_000):
        talk = Talk(source(prompts_ms=ms), shaken=False)
        talk.wait(ms - 1)
        assert talk.frames == []
        talk.wait(1)
        assert talk.frames == [b"\x00"]


@pytest.mark.parametrize("switch", ["", "early_audio_heard"])
@keeps("pp-early")
def test_audio_before_the_handshake_byte_is_thrown_away(switch: str) -> None:
    talk = Talk(source("yes", prompts_ms=5_000, misbehave=[switch] if switch else []), shaken=False)
    talk.speak("hello")
    talk.wait(5_000)
    if switch:
        talk.listen(3_000)
        assert talk.said("user") == ["hello"]
        return
    assert talk.frames == [b"\x00"]
    assert talk.values["input_audio_ms"] == 0


def together(ms: int, *talks: Talk) -> None:
    for _ in range(0, ms, 20):
        for talk in talks:
            talk.wait(20)


@pytest.mark.parametrize("switch", ["", "lock_missing"])
@keeps("pp-lock")
def test_a_second_client_waits_without_a_word_until_the_first_has_ended(switch: str) -> None:
    one = source(misbehave=[switch] if switch else [])
    first, second, third = (Talk(one, shaken=False) for _ in range(3))
    together(10_000, first, second, third)
    assert first.frames == [b"\x00"]
    assert second.frames == ([b"\x00"] if switch else [])
    assert isinstance(second.effects[0], Accept)
    second.leave()
    first.leave()
    together(1_200, third)
    assert third.frames == [b"\x00"]


def test_a_client_whose_connection_was_cut_without_a_word_holds_the_floor_no_longer() -> None:
    floor = Floor()
    assert floor.ask("one", 0)
    assert not floor.ask("two", 1)
    assert not floor.ask("two", DEAD_US - 1)
    assert floor.ask("two", DEAD_US)
    assert not floor.ask("one", DEAD_US)
    floor.leave("two")
    assert floor.ask("one", DEAD_US + 1)


# --- talking ---


@keeps("pp-turn")
def test_a_spoken_turn_is_understood_and_answered_aloud() -> None:
    seen: list[Context] = []

    def replier(context: Context) -> str:
        seen.append(context)
        return "it is foggy."

    talk = Talk(simulator("personaplex", replier=replier))
    talk.speak("what is the weather")
    talk.listen(1_800)
    assert talk.heard() == "it is foggy."
    assert talk.pieces() == [" it", " is", " foggy", "."]
    assert (seen[0].user, seen[0].instructions) == ("what is the weather", "Be brief.")
    assert (talk.said("user"), talk.said("assistant")) == (["what is the weather"], ["it is foggy."])
    assert talk.frames[1].startswith(b"\x01OggS")
    late = Talk(source("no", turn_silence_ms=3_000))
    late.speak("what is the weather")
    assert late.said("user") == []


@keeps("pp-clock")
def test_output_comes_only_as_input_fills_frames() -> None:
    talk = Talk(source(LONG))
    talk.speak("go on", silence_ms=1_600)
    sent = len(talk.frames)
    talk.wait(60_000)
    assert len(talk.frames) == sent
    sounds = sum(data[:1] == b"\x01" for data in talk.frames)
    assert sounds == talk.values["frames"]
    talk.listen(160)
    assert sum(data[:1] == b"\x01" for data in talk.frames) == sounds + 2


def test_a_stream_that_is_cut_anywhere_is_the_same_stream() -> None:
    whole, cut = (Talk(source("yes")) for _ in range(2))
    whole.speak("hello")
    pages = Talk(source())
    stream = b"".join(
        pages.out.page(pcm)
        for pcm in _frames(bytes(2 * FRAME_BYTES) + speech.encode("hello", 24_000) + bytes(48 * 800))
    )
    for place in range(0, len(stream), 7):
        cut.binary(b"\x01" + stream[place : place + 7])
    assert cut.frames == whole.frames
    assert cut.said("user") == ["hello"]


def _frames(pcm: bytes) -> list[bytes]:
    return [pcm[place : place + FRAME_BYTES].ljust(FRAME_BYTES, b"\x00") for place in range(0, len(pcm), FRAME_BYTES)]


@keeps("pp-first-speaker")
def test_the_model_may_speak_first() -> None:
    for first, heard in (("agent", "good day"), ("user", "")):
        talk = Talk(source("good day", first_speaker=first))
        talk.listen(1_800)
        assert talk.heard() == heard


@pytest.mark.parametrize("yields", [True, False])
@keeps("pp-yields")
def test_speech_stops_the_model_or_does_not(yields: bool) -> None:
    talk = Talk(source(LONG, "yes", yields=yields, turn_silence_ms=800))
    talk.speak("go on", silence_ms=2_200)
    talk.speak("wait", silence_ms=700)
    first = talk.said("assistant")
    assert bool(first) is yields
    assert not yields or (LONG.startswith(first[0]) and 0 < len(first[0]) < len(LONG))
    talk.listen(2_500)
    assert talk.said("assistant")[-1] == "yes"


@keeps("pp-ignored")
def test_what_is_no_audio_is_ignored() -> None:
    talk = Talk(source("yes"))
    for data in (b"", b"\x00", b"\x02x", b"\x09x", b"\x01"):
        talk.binary(data)
    talk.text("hello")
    assert talk.frames == [b"\x00"]
    talk.speak("hello")
    talk.listen(1_200)
    assert talk.heard() == "yes"


@pytest.mark.parametrize("bad", ["close", "ignore"])
@keeps("pp-bad-opus")
def test_bytes_that_are_no_ogg_opus(bad: Any) -> None:
    talk = Talk(source(bad_opus=bad))
    talk.binary(b"\x01" + b"no page of any stream" * 9)
    assert talk.closed == ((1000, "") if bad == "close" else None)
    assert any("Ogg-Opus" in note.text for note in talk.notes)


def test_a_reply_that_fails_or_is_silent_is_no_sound() -> None:
    talk = Talk(source(Failure(), Reply(None)))
    talk.speak("one", silence_ms=1_000)
    talk.speak("two", silence_ms=1_500)
    assert (talk.heard(), talk.pieces()) == ("", [])
    assert any("no errors" in note.text for note in talk.notes)


def test_text_that_is_lost() -> None:
    talk = Talk(source("yes", misbehave="text_lost"))
    talk.speak("hello")
    talk.listen(1_200)
    assert (talk.heard(), talk.pieces()) == ("yes", [])


@keeps("pp-end")
def test_a_session_that_is_ended_by_its_limit_is_closed_with_1000() -> None:
    talk = Talk(source(max_session_s=5))
    talk.wait(10_000)
    assert talk.closed == (1000, "")
    endless = Talk(source())
    endless.wait(7_200_000)
    assert endless.closed is None


def test_without_the_codec_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sphn", None)
    with pytest.raises(UsageError, match=r"realtime-mockserver\[opus\]"):
        source()
    monkeypatch.undo()
    with pytest.raises(UsageError, match="no keys"):
        source(require_key="x")
    assert OpusIn().pcm(b"") == b""
