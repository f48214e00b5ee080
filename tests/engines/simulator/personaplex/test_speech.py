from __future__ import annotations

from mockserver.engines.simulator.personaplex.opus import FRAME_BYTES
from mockserver.engines.simulator.personaplex.speech import SILENCE, PlexSpeech


def test_text_and_sound_come_frame_by_frame_from_where_they_begin() -> None:
    speech = PlexSpeech()
    speech.say("one two", 0, 3)
    frames = [speech.frame(number) for number in range(100)]
    assert [frame for frame in frames[:3] if frame != (None, SILENCE, "")] == []
    assert "".join(frame.piece or "" for frame in frames) == " one two"
    assert all(len(frame.sound) == FRAME_BYTES for frame in frames)
    assert frames[3].sound != SILENCE
    (last,) = [number for number, frame in enumerate(frames) if frame.said]
    assert frames[last].said == "one two"
    assert [frame for frame in frames[last + 1 :] if frame != (None, SILENCE, "")] == []


def test_what_is_stopped_tells_the_words_that_were_heard() -> None:
    speech = PlexSpeech()
    assert speech.stop(0) is None
    speech.say("one two three four five", 0, 0)
    assert speech.stop(0) == "", "stopped before it began to be heard"
    speech.say("one two three four five", 0, 0)
    heard = speech.stop(12)
    assert heard
    assert "one two three four five".startswith(heard)
    assert heard != "one two three four five"
    assert speech.frame(13) == (None, SILENCE, "")
