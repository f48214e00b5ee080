from __future__ import annotations

from dataclasses import replace
from typing import Any

from mockserver.cassette.model import Record
from mockserver.core.frames import Binary, Sender, Text
from mockserver.core.view import Audio, Kind, View
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.replay.audio_progress import QUIET, Hearing
from mockserver.engines.replay.recorded_audio import RecordedAudio
from mockserver.engines.replay.steps import Anchor
from tests.engines.replay.parts import step

SECOND = 48_000
"""Bytes of one at 24 kHz."""


def hearing(seconds: int = 10, *, at: int = 0, **rules: Any) -> tuple[Hearing, RecordedAudio]:
    """A client that spoke so long, and something that waits for it."""
    given = replace(OPENAI.rules, **rules)
    recorded = RecordedAudio(exact=given.audio == "exact")
    frame = Binary(bytes(range(1, 49)) * 1_000)
    for place in range(seconds):
        recorded.add(View(Kind.AUDIO, "audio", audio=Audio(SECOND)), frame, place=place, at=place * at)
    recorded.after(Anchor(0, 1))
    records = [Record(place * at, Sender.CLIENT, Text("")) for place in range(seconds)]
    return Hearing(recorded, records, given), recorded


def test_nearly_all_of_it_and_then_silence_counts_as_all() -> None:
    made, recorded = hearing()
    recorded.heard(made.take(Audio(9 * SECOND)), 0)
    made.await_quiet(0)
    assert made.quiet_at is None, "a second is missing"
    recorded.heard(made.take(Audio(SECOND * 9 // 10)), 0)
    made.await_quiet(100)
    assert made.quiet_at == 100 + QUIET
    assert made.quiet() == 10_000_000
    assert made.quiet_at is None


def test_a_slow_client_is_given_more_time() -> None:
    made, _ = hearing()
    made.await_quiet(1_000_000)
    made.take(Audio(SECOND * 99 // 10))
    made.await_quiet(3_000_000)
    assert made.quiet_at == 3_000_000 + 3 * 2_000_000


def test_an_utterance_must_be_as_long_as_the_recorded_one_and_counts_as_that() -> None:
    made, _ = hearing()
    end = replace(step(0), audio_us=10_000_000, audio_bytes=10 * SECOND)
    made.take(Audio(8 * SECOND))
    unequal = made.end(end)
    assert unequal is not None
    assert (unequal.recorded, unequal.live) == ("10000 ms (480000 bytes)", "8000 ms (384000 bytes)")
    made.take(Audio(SECOND * 19 // 10))
    assert made.end(end) is None
    assert made.clock.us == 10_000_000
    later = replace(step(1), audio_us=11_000_000, audio_bytes=11 * SECOND)
    made.take(Audio(SECOND))
    assert made.end(later) is None, "the next is compared from there on"


def test_the_audio_itself_is_compared_where_the_rules_say_so() -> None:
    made, _ = hearing(audio="exact")
    same, other = Binary(bytes(range(1, 49))), Binary(bytes(48))
    view = View(Kind.AUDIO, "audio", audio=Audio(48))
    made.take(view.audio or Audio(0))
    assert made.compare(view, same) == ""
    made.take(view.audio or Audio(0))
    assert made.compare(view, other) == "the audio differs from the recorded one after 1 ms"
    counted, _ = hearing()
    counted.take(Audio(48))
    assert counted.compare(view, other) == ""
