"""What a session looks like as a scene: rows, replies, audio where it was heard, words."""

from __future__ import annotations

import gzip
import io
import json
import struct
import wave
from array import array
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import Journal, Scripted, simulator, speech
from mockserver.core.frames import Binary, Close, Handshake, Note, Sender, Text
from mockserver.core.session import Session
from mockserver.dialects.registry import DIALECTS
from mockserver.engines.base import SessionContext
from mockserver.view.pack import packed
from mockserver.view.scene import LONGEST_BODY, Lane, Scene, _pretty, lined, of_journal
from mockserver.view.sound import Track

OPENAI = DIALECTS["openai"]
S = 1_000_000
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


def delta(pcm: bytes, response: str = "resp_1") -> Text:
    from base64 import b64encode

    body = {"type": "response.output_audio.delta", "response_id": response, "item_id": "item_1", "output_index": 0,
            "content_index": 0, "delta": b64encode(pcm).decode()}  # fmt: skip
    return Text(json.dumps(body))


def begin(response: str = "resp_1") -> Text:
    return Text(json.dumps({"type": "response.created", "response": {"id": response, "status": "in_progress"}}))


def done(status: str, response: str = "resp_1") -> Text:
    return Text(json.dumps({"type": "response.done", "response": {"id": response, "status": status, "output": []}}))


def scene(*told: tuple[int, Any]) -> Scene:
    made = Scene(0, OPENAI)
    for at, frame in told:
        made.feed(at, Sender.SERVER, frame)
    return made


def decoded(track: Track) -> str:
    with wave.open(io.BytesIO(track.wav())) as file:
        return speech.decode(file.readframes(file.getnframes()), file.getframerate())


def test_audio_that_comes_at_once_is_heard_one_after_the_other() -> None:
    first, second = speech.encode("good morning"), speech.encode("good night")
    made = scene((0, begin()), (S, delta(first)), (S, delta(second)), (S, done("completed")))
    words = [(text, begin) for begin, _, text in made.server.words()]
    assert [text for text, _ in words] == ["good", "morning", "good", "night"]
    assert words[2][1] >= S + len(first) // 48 * 1000
    assert decoded(made.server) == "good morning good night"
    (bar,) = made.bars.values()
    assert (bar.status, bar.begin, bar.end) == ("completed", 0, S)


def test_what_was_not_heard_when_a_reply_was_cut_off_is_taken_back() -> None:
    pcm = speech.encode("one two three four five six")
    cut = scene((0, begin()), (0, delta(pcm)), (S, done("cancelled")))
    whole = scene((0, begin()), (0, delta(pcm)), (S, done("completed")))
    heard = speech.heard_until(pcm, 1_000)
    assert decoded(cut.server) == heard != ""
    assert decoded(whole.server) == "one two three four five six"  # the control
    assert [bar.status for bar in cut.bars.values()] == ["cancelled"]


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=9))
def test_what_is_shown_is_laid_out_as_json_is(value: object) -> None:
    assert _pretty(value) == lined(json.dumps(value, ensure_ascii=False, indent=1))


@given(st.lists(st.integers(-32_768, 32_767) | st.sampled_from([-128, -129, 127, 128, -32_768, -256]), max_size=900))
def test_a_peak_is_that_of_the_loudest_sample(samples: list[int]) -> None:
    track = Track()
    track.add(0, struct.pack(f"<{len(samples)}h", *samples), 8_000, "pcm", None)
    loudest = [max(map(abs, samples[place : place + 160])) for place in range(0, len(samples), 160)]
    assert track.peaks() == bytes(min(255, one >> 7) for one in loudest)


def test_the_peaks_say_where_it_is_loud() -> None:
    track = Track()
    track.add(0, bytes(2 * 2400) + array("h", [32_000, -32_000] * 1_200).tobytes(), 24_000, "pcm", None)
    assert track.peaks() == bytes([0] * 5 + [250] * 5)


def test_audio_that_cannot_be_drawn_is_counted() -> None:
    track = Track()
    track.add(0, b"OggS", 48_000, "opus", None)
    track.add(0, bytes(480), 24_000, "pcm", None)
    track.add(0, bytes(480), 16_000, "pcm", None)
    track.add(0, bytes(480), 2**40, "pcm", None)
    assert (track.unread, track.samples) == (3, 240)


def test_a_frame_is_shown_without_its_audio_and_without_what_turns_text_around() -> None:
    pcm = bytes(4800)
    made = scene((0, delta(pcm)), (0, Text('{"type":"x\\u202ey","a":"<script>"}')), (0, Binary(b"\0\1" * 100)))
    texts = [line.text for line in made.lines]
    assert "(4800 bytes of audio)" in texts[0]
    assert "AAAA" not in texts[0]
    assert "\u202e" not in texts[1] + made.lines[1].name + made.lines[1].summary
    assert "<script>" in texts[1]
    assert texts[2].startswith("200 bytes\n00 01")


def test_a_huge_frame_is_cut_and_says_so() -> None:
    made = scene((0, Text(json.dumps({"type": "x", "a": "b" * 10_000_000}))))
    (line,) = made.lines
    assert len(line.text) < LONGEST_BODY + 100
    assert "more characters" in line.text


def test_everything_of_a_journal_is_in_it() -> None:
    journal = Journal()
    log = journal.open(OPENAI)
    source = simulator("openai", replier=Scripted(["it snows"]), pace="instant")
    session = Session(source.open(Handshake("/v1/realtime"), SessionContext(0, "0", OPENAI)), journal=journal, log=log)
    del session
    journal.write(log, 5, Sender.CLIENT, Text('{"type":"response.create"}'))
    journal.note(log, 6, Note("fault", "delayed", {"fault": "delay 1s"}))
    journal.write(log, 7, Sender.SERVER, Close(1000, "bye"))
    (made,) = of_journal(journal)
    assert [(line.lane, line.name) for line in made.lines] == [
        (Lane.NOTE, "session"), (Lane.CLIENT, "response.create"), (Lane.NOTE, "fault"), (Lane.SERVER, "close 1000"),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 256, 257, 1000])
def test_the_columns_and_blocks_hold_every_frame(count: int) -> None:
    made = scene(
        *((number * 1_000, Text(json.dumps({"type": f"t{number % 7}", "n": number}))) for number in range(count))
    )
    small = packed(made)
    assert small["count"] == count
    assert [*array("I", b64decode(small["at"]))] == [number * 10 for number in range(count)]
    names = [small["names"][place] for place in array("H", b64decode(small["name"]))]
    assert names == [f"t{number % 7}" for number in range(count)]
    texts = [text for block in small["texts"] for _, text in json.loads(gzip.decompress(b64decode(block)))]
    assert [json.loads(text)["n"] for text in texts] == list(range(count))
