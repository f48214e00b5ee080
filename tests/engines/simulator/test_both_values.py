"""Lengths of which nobody outside the provider knows the value: where exactly each of two makes the difference.

That every setting has both of its values in a test is said by ``test_unknown_settings.py``.
"""

from __future__ import annotations

from typing import Any

import pytest

from mockserver import Scripted, simulator, speech
from tests.engines.simulator.phonic.talk import Talk as Phonic
from tests.engines.simulator.ultravox.talk import Talk as Ultravox

MS = 32
"""Bytes of a millisecond at 16 kHz."""
WORDS = speech.encode("good morning", 16_000)
LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"


def phonic(**settings: Any) -> Phonic:
    return Phonic(simulator("phonic", replier=Scripted(["yes", "no"]), **settings))


def ultravox(*replies: str, **settings: Any) -> Ultravox:
    source = simulator("ultravox", replier=Scripted(replies or ("yes", "no")), first_speaker="user", **settings)
    return Ultravox(source)


@pytest.mark.parametrize("turn_silence_ms", [500, 1_200])
def test_the_silence_that_ends_a_turn_of_phonic(turn_silence_ms: int) -> None:
    talk = phonic(turn_silence_ms=turn_silence_ms)
    talk.audio(WORDS + bytes(MS * (turn_silence_ms - 100)))
    talk.wait(200)
    assert not talk.of("user_finished_speaking")
    talk.audio(bytes(MS * 200))
    talk.wait(200)
    assert len(talk.of("user_finished_speaking")) == 1


@pytest.mark.parametrize(("speech_ms", "told"), [(90, True), (1_000, False)])
def test_how_long_speech_lasts_before_phonic_tells_of_it(speech_ms: int, told: bool) -> None:
    """The silence that ends the turn counts with it."""
    talk = phonic(speech_ms=speech_ms)
    talk.audio(WORDS[: MS * 250] + bytes(MS * 900))
    talk.wait(500)
    assert bool(talk.of("user_started_speaking")) is told


def test_the_audio_before_the_voice_that_is_part_of_a_turn_of_phonic() -> None:
    lengths = {}
    for prefix_ms in (200, 600):
        talk = phonic(prefix_ms=prefix_ms)
        talk.audio(bytes(MS * 900) + WORDS + bytes(MS * 800))
        talk.wait(2_000)
        (context,) = talk.values["contexts"]
        lengths[prefix_ms] = context.items[-1].audio_ms
        assert context.user == "good morning"
    assert lengths[600] - lengths[200] == 400


@pytest.mark.parametrize("frame_ms", [20, 60])
def test_how_much_audio_a_frame_of_ultravox_holds(frame_ms: int) -> None:
    talk = ultravox("it is foggy", frame_ms=frame_ms)
    talk.write("what is the weather")
    talk.wait(9_000)
    assert talk.heard() == "it is foggy"
    assert len(talk.pcm[0][1]) == 48 * frame_ms


@pytest.mark.parametrize("turn_silence_ms", [384, 1_200])
def test_the_silence_that_ends_a_turn_of_ultravox(turn_silence_ms: int) -> None:
    talk = ultravox(turn_silence_ms=turn_silence_ms)
    talk.speak("good morning", silence_ms=turn_silence_ms - 100)
    assert "thinking" not in talk.states()
    for _ in range(10):
        talk.wait(20)
        talk.binary(bytes(MS * 20))
    talk.wait(500)
    assert "thinking" in talk.states()


@pytest.mark.parametrize(("interruption_ms", "cut"), [(90, True), (5_000, False)])
def test_how_long_speech_lasts_before_it_interrupts_ultravox(interruption_ms: int, cut: bool) -> None:
    talk = ultravox(LONG, "yes", interruption_ms=interruption_ms)
    talk.write("tell me of the sea")
    talk.wait(3_000)
    talk.speak("wait a moment", silence_ms=0)
    assert bool(talk.of("playback_clear_buffer")) is cut


@pytest.mark.parametrize(("user_text_transcript", "shown"), [(True, ["hello"]), (False, [])])
def test_whether_a_text_is_shown_as_a_transcript_by_ultravox(user_text_transcript: bool, shown: list[str]) -> None:
    talk = ultravox(user_text_transcript=user_text_transcript)
    talk.write("hello")
    talk.wait(3_000)
    assert talk.finals("user") == shown
