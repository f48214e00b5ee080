from __future__ import annotations

from mockserver.core.frames import Binary
from mockserver.core.view import Audio, Kind, View
from mockserver.dialects.causes import BEFORE, OPENING, Cause, On
from mockserver.engines.replay.anchors import Anchors
from mockserver.engines.replay.client_steps import ClientSteps
from mockserver.engines.replay.recorded_audio import RecordedAudio
from tests.engines.replay.parts import step


def parts(*, steps: int = 0, audio: int = 0, heeded: bool = True) -> tuple[Anchors, ClientSteps, RecordedAudio]:
    read, heard = ClientSteps(), RecordedAudio(exact=False)
    for number in range(steps):
        read.add(step(number))
    if audio:
        heard.add(View(Kind.AUDIO, "audio", audio=Audio(audio)), Binary(bytes(audio)), place=1, at=9_000_000)
    return Anchors(read, heard, audio=heeded), read, heard


def test_before_any_step_all_waits_for_the_opening() -> None:
    anchors, _, _ = parts()
    for cause in (OPENING, BEFORE, Cause(On.AUDIO), Cause(On.BOTH), Cause(On.LIKE, like="nothing")):
        assert anchors.of(cause) is anchors.opening


def test_a_label_names_an_anchor_for_what_comes_later() -> None:
    anchors, _, _ = parts(steps=2)
    first = anchors.of(Cause(On.STEPS, steps=(0,), label="turn"))
    assert anchors.of(Cause(On.LIKE, like="turn")) is first
    assert anchors.of(BEFORE) is not first


def test_audio_and_steps_are_waited_for_together_where_the_rules_heed_audio() -> None:
    anchors, read, heard = parts(steps=1, audio=480)
    both = anchors.of(Cause(On.BOTH))
    assert (both.base, both.words) == (9_000_000, "10 ms of client audio and all client frames before it")
    read.done(read.read[0], 50)
    assert both.time is None
    heard.heard(10_000, 60)
    assert both.time == 60

    deaf, _, _ = parts(steps=1, audio=480, heeded=False)
    assert deaf.of(Cause(On.BOTH)) is deaf.of(BEFORE)


def test_the_end_is_told_from_the_last_thing_before_it() -> None:
    anchors, read, _ = parts(steps=3)
    end = anchors.ending(1_500_000)
    assert (end.base, end.missing) == (2_000_000, 2)
    for one in read.read:
        read.done(one, 50)
    assert (end.time, end.missing) == (None, 1), "what is owed is still to go"
    assert anchors.ending(7_000_000).base == 7_000_000
