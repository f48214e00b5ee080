from __future__ import annotations

import base64

from mockserver.core.frames import Binary, Text
from mockserver.core.view import Audio, Kind, View
from mockserver.engines.replay.recorded_audio import RecordedAudio
from mockserver.engines.replay.steps import Anchor
from tests.engines.replay.parts import waiting


def add(audio: RecordedAudio, size: int, place: int) -> None:
    audio.add(View(Kind.AUDIO, "audio", audio=Audio(size)), Binary(bytes([place]) * size), place=place, at=place)


def test_what_waits_for_audio_comes_when_so_much_was_heard() -> None:
    audio = RecordedAudio(exact=False)
    for place in range(1, 4):
        add(audio, 480, place)  # 10 ms at 24 kHz
    anchor = audio.after(Anchor(audio.last_at, 1))
    chain = waiting(anchor)
    assert (anchor.words, anchor.base) == ("30 ms of client audio", 3)
    assert audio.heard(29_999, 70) == ([], 2)
    assert anchor.time is None
    assert audio.heard(30_000, 80) == ([chain], 3)
    assert anchor.time == 80
    assert audio.heard(50_000, 90) == ([], -1), "no further record is reached"
    later = audio.after(Anchor(0, 1))
    assert later.time == 90, "it was heard before it was read"


def test_audio_beside_steps_is_one_of_two_things_that_are_waited_for() -> None:
    audio = RecordedAudio(exact=False)
    add(audio, 480, 1)
    anchor = audio.after(Anchor(0, 2, "all client frames before it"))
    assert anchor.words == "10 ms of client audio and all client frames before it"
    audio.heard(10_000, 70)
    assert (anchor.time, anchor.missing) == (None, 1)


def test_the_audio_itself_is_kept_only_where_it_is_compared() -> None:
    kept, counted = RecordedAudio(exact=True), RecordedAudio(exact=False)
    for audio in (kept, counted):
        add(audio, 2, 1)
        text = base64.b64encode(b"\x02\x02\x02").decode()
        view = View(Kind.AUDIO, "audio", {"audio": text}, audio=Audio(3, path=("audio",)))
        audio.add(view, Text("{}"), place=2, at=2)
    assert kept.part(1, 4) == b"\x01\x02\x02"
    assert counted.part(1, 4) == b""
    assert kept.clock.size == counted.clock.size == 5
