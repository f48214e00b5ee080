"""What a simulated model makes out of audio that grows, ahead of the end of a turn and by another thread or not."""

from __future__ import annotations

import base64
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mockserver import simulator, speech
from mockserver.core.frames import Peer, Received, Text
from mockserver.engines.simulator.desk_engine import COMMAND
from mockserver.engines.simulator.voice.listening import AHEAD_MS, Ear
from mockserver.engines.simulator.voice.utterance import InputAudio
from mockserver.replies import KnownSound
from mockserver.speech.contour import Drawing, babble, contour
from mockserver.speech.loudness import Loudness
from tests.engines.simulator.stage import Stage

RATE = 8_000
WORDS = "a table for two"
SPOKEN = speech.encode(WORDS, rate=RATE)
BABBLE = babble(0, 1_500, RATE)
HISS = random.Random(3).randbytes(RATE * 3)
ORDERS = KnownSound.of(BABBLE, "two teas please", rate=RATE)
HEARD = {
    "spoken": (SPOKEN, WORDS),
    "babble": (BABBLE, "two teas please"),
    "hiss": (HISS, ""),
    "silence": (bytes(RATE * 3), ""),
}
"""Audio of more than a second, and what a model hears in it."""


@given(
    which=st.sampled_from(sorted(HEARD)),
    cuts=st.lists(st.tuples(st.integers(1, RATE), st.booleans(), st.booleans()), max_size=5),
)
def test_how_often_it_was_looked_at_before_changes_nothing(which: str, cuts: list[tuple[int, bool, bool]]) -> None:
    pcm, words = HEARD[which]
    ear = Ear(clips=[ORDERS])
    audio = ear.follow(InputAudio(RATE))
    sent = 0
    for size, done, read in cuts:
        audio.append(pcm[2 * sent : 2 * (sent + size)], RATE)
        sent += size
        work = ear.ahead(over=True)
        if work is not None and done:
            work()
        if read:  # as a detector of meaning does in each pause
            so_far = audio.cut(0, audio.position_ms)
            assert ear.read(so_far, RATE) == speech.decode(so_far, RATE)
    audio.append(pcm[2 * sent :], RATE)
    assert ear.hear(audio.take(0, audio.position_ms), RATE) == words
    assert ear.hear(HEARD["spoken"][0], RATE) == HEARD["spoken"][1], "the next one is another"


@given(
    pcm=st.sampled_from([SPOKEN, BABBLE, HISS, b"", b"\1\0"]),
    cuts=st.lists(st.integers(0, 3_000), max_size=8),
    rate=st.sampled_from([8_000, 11_025, 24_000, 48_000]),
)
def test_in_pieces_a_sound_is_as_loud_and_looks_the_same(pcm: bytes, cuts: list[int], rate: int) -> None:
    loudness, drawing, at = Loudness(), Drawing(rate), 0
    for size in [*cuts, len(pcm)]:
        loudness.feed(pcm[at : at + 2 * size])
        drawing.feed(pcm[at : at + 2 * size])
        at += 2 * size
    assert loudness.rms == speech.rms(pcm)
    assert drawing.contour() == contour(pcm, rate)


def test_it_is_made_out_ahead_where_it_is_long_and_the_turn_may_end() -> None:
    ear = Ear()
    audio = ear.follow(InputAudio(RATE))
    audio.append(SPOKEN[: RATE * 2 * AHEAD_MS // 1000 - 2], RATE)
    assert ear.ahead(over=True) is None, "not long"
    audio.append(SPOKEN[RATE * 2 * AHEAD_MS // 1000 - 2 :], RATE)
    assert ear.ahead(over=False) is None, "nothing says that the turn ends"
    work = ear.ahead(over=True)
    assert work is not None
    work()
    assert ear.ahead(over=True) is None, "done"


def append(pcm: bytes) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}


def test_a_pause_is_where_a_detected_turn_may_end() -> None:
    stage = Stage(simulator("openai", pace="instant", transcripts=["two teas please"]))
    stage.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    stage.ahead = "never"
    engine, pcm, long = stage.engine, babble(0, 1_500), Received(Peer.CLIENT, Text("x" * COMMAND))
    for at in range(0, len(pcm), 9_600):
        stage.put(append(pcm[at : at + 9_600]))
        assert engine.ahead(long) is None, "the user still speaks"
    assert engine.ahead(Received(Peer.CLIENT, Text('{"type":"input_audio_buffer.commit"}'))) is not None
    stage.put(append(bytes(9_600)))
    work = engine.ahead(long)
    assert work is not None
    work()
    stage.put(append(bytes(48_000)))
    stage.wait(1_000)
    assert stage.last("conversation.item.input_audio_transcription.completed")["transcript"] == "two teas please"
    assert engine.ahead(Received(Peer.CLIENT, Text("{}"))) is None, "nothing has been said since"
