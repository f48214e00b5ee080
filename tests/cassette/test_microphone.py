"""An open microphone: what is said into it counts, how long it is silent and how it is cut does not."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from mockserver.cassette.audio import quiet
from mockserver.cassette.diff import diff
from mockserver.cassette.learn import learn
from mockserver.cassette.microphone import SoundMap, format_of, sounding
from mockserver.cassette.model import Cassette, Record
from mockserver.cassette.render import textconv
from mockserver.core.frames import Frame, Sender, Text
from mockserver.core.view import Audio
from mockserver.dialects.base import SampleFormat
from mockserver.dialects.openai.lens import OPENAI
from tests.cassette.conversation import Conversation
from tests.engines.driving import C, S, recording

SILENT = bytes(4_800)  # 100 ms
WORD = bytes(range(1, 241)) * 20


def append(pcm: bytes) -> tuple[Sender, dict[str, str]]:
    return C, {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}


def turn(start: int, end: int, item: str = "item_000001") -> list[tuple[Sender, dict[str, object]]]:
    told = (
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": start, "item_id": item},
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": end, "item_id": item},
        {"type": "input_audio_buffer.committed", "item_id": item},
    )
    return [(S, one) for one in told]


def spoken(*pieces: bytes, start: int = 0, end: int = 800, after: int = 0) -> Cassette:
    return recording(*map(append, pieces), *turn(start, end), *[append(SILENT)] * after)


def told(first: Cassette, second: Cassette) -> list[str]:
    return [one.what for one in diff(first, second)]


PLAIN = spoken(SILENT, WORD, *[SILENT] * 5, end=700)


@pytest.mark.parametrize(
    "other",
    [
        spoken(SILENT, WORD, *[SILENT] * 5, end=700, after=3),
        spoken(*[SILENT] * 20, WORD, *[SILENT] * 5, start=1_700, end=2_600),
        spoken(WORD[:1_000], WORD[1_000:] + SILENT, *[SILENT] * 4, end=600),
        spoken(WORD[:1_000] + SILENT, WORD[1_000:], *[SILENT] * 5, end=700),
    ],
    ids=["goes on longer", "is opened earlier", "is cut otherwise", "loses its hold on a word"],
)
def test_silence_and_cuts_are_no_difference_and_no_rule(other: Cassette) -> None:
    assert told(PLAIN, other) == told(other, PLAIN) == []
    assert learn([PLAIN, other])[1].rules() == {}
    assert list(textconv(PLAIN)) == list(textconv(other))


def test_what_is_said_is_a_difference() -> None:
    changed = bytearray(WORD)
    changed[2_000] ^= 1
    another = spoken(SILENT, bytes(changed), *[SILENT] * 5, end=700)
    assert told(PLAIN, another) == ["audio: 100 ms, with another content"]
    shorter = spoken(SILENT, WORD[:-960], *[SILENT] * 5, end=680)
    assert told(PLAIN, shorter) == ["audio: 100 ms, with another content"]  # by less than is told as a length
    assert told(shorter, PLAIN) == ["audio: 80 ms, with another content"]
    assert told(PLAIN, spoken(SILENT, SILENT, *[SILENT] * 5, end=700)) != []
    assert list(textconv(PLAIN)) != list(textconv(another))
    # Twice the word, before the turn was taken.
    assert told(PLAIN, spoken(SILENT, WORD, WORD, *[SILENT] * 5, end=800)) != []


def test_a_place_that_is_another_one_is_a_difference_and_becomes_a_rule() -> None:
    """It is said how much sound stands before it: milliseconds of silence are the clock's."""
    early = spoken(*[SILENT] * 5, WORD * 3, *[SILENT] * 5, start=200, end=1_300)
    late = spoken(SILENT, WORD * 3, *[SILENT] * 5, start=0, end=900)
    assert told(early, late) == []
    wrong = spoken(SILENT, WORD * 3, *[SILENT] * 5, start=350, end=900)
    assert told(late, wrong) == ["audio_start_ms: behind 0 ms of sound -> behind 250 ms of sound"]
    made, found = learn([late, wrong])
    assert found.rules() == {"varies": ["input_audio_buffer.speech_started#1:audio_start_ms any number"]}
    assert told(made, wrong) == []
    none = spoken(SILENT, WORD * 3, *[SILENT] * 5, start=0, end=900)
    body = {"type": "input_audio_buffer.speech_started", "item_id": "item_000001"}
    records = [Record(one.at, one.sender, one.frame) for one in none.connections[0].records]
    place = next(n for n, one in enumerate(records) if "speech_started" in str(one.frame))
    records[place] = Record(records[place].at, S, Text(json.dumps(body)))
    line = replace(none.connections[0], records=tuple(records))
    assert told(late, replace(none, connections=(line,))) == ["audio_start_ms: behind 0 ms of sound -> nothing"]


@pytest.mark.parametrize("beside", [{}, {"serverContent": {}}], ids=["alone", "beside an empty message"])
def test_a_place_that_is_a_text_of_seconds_further_in_is_one_too(beside: dict[str, object]) -> None:
    """Gemini's (gemini.md#80)."""

    def heard(*pieces: bytes, at: str) -> Cassette:
        blobs = [{"data": base64.b64encode(one).decode(), "mimeType": "audio/pcm;rate=24000"} for one in pieces]
        activity = {**beside, "voiceActivity": {"type": "ACTIVITY_START", "audioOffset": at}}
        audio = [(C, {"realtimeInput": {"audio": blob}}) for blob in blobs]
        return recording((C, {"setup": {}}), (S, {"setupComplete": {}}), *audio, (S, activity), dialect="gemini")

    early, late = heard(SILENT, WORD * 3, at="0.1s"), heard(*[SILENT] * 5, WORD * 3, at="0.5s")
    assert told(early, late) == []
    assert learn([early, late])[1].rules() == {}
    wrong = heard(SILENT, WORD * 3, at="0.350s")
    assert told(early, wrong) == ["voiceActivity.audioOffset: behind 0 ms of sound -> behind 250 ms of sound"]
    made, found = learn([early, wrong])
    name = "serverContent" if beside else "voiceActivity"
    assert found.rules() == {"varies": [f"{name}#1:voiceActivity.audioOffset any number"]}
    assert told(made, wrong) == []


NOISE = random.Random(3).randbytes(48_000)  # a second: a room is never silent


def test_in_a_room_that_is_never_silent_only_the_end_may_differ() -> None:
    def heard(ms: int) -> Cassette:
        return recording(append(NOISE[: 600 * 48]), *turn(0, 500), append(NOISE[600 * 48 : ms * 48]))

    assert told(heard(700), heard(1_000)) == []
    # What came in the last 200 ms before the turn was taken may have been too late for it.
    assert told(heard(700), recording(append(NOISE[: 450 * 48]), *turn(0, 500))) == []
    cut = recording(append(NOISE[: 350 * 48]), *turn(0, 500))
    assert told(heard(700), cut) == ["audio: 700 ms -> 350 ms"]
    assert told(cut, heard(1_000)) == ["audio: 350 ms -> 1.0 s"]


def test_who_ends_an_utterance_has_decided_how_long_it_is() -> None:
    """Push to talk: silence that was committed counts."""
    commit = (C, {"type": "input_audio_buffer.commit"})
    done = (S, {"type": "input_audio_buffer.committed", "item_id": "item_000001"})
    short = recording(append(WORD), append(SILENT), commit, done)
    assert told(short, recording(append(WORD), append(SILENT), append(SILENT), commit, done)) == [
        "audio: 200 ms -> 300 ms"
    ]
    assert told(short, recording(append(WORD + SILENT), commit, done)) == []
    # What follows in silence, and nobody took anything of, is nothing.
    assert told(short, recording(append(WORD + SILENT), commit, done, append(SILENT))) == []
    assert told(short, recording(append(WORD + SILENT), commit, done, append(WORD))) != []


def test_when_a_microphone_is_opened_races_with_all_else() -> None:
    item = (C, {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}})
    after = recording(item, append(SILENT), append(WORD), *[append(SILENT)] * 5, *turn(0, 700))
    before = recording(append(SILENT), item, append(WORD), *[append(SILENT)] * 5, *turn(0, 700))
    assert told(after, before) == []
    # The control: what the client sends behind the turn has it in its context.
    behind = recording(append(SILENT), append(WORD), *[append(SILENT)] * 5, *turn(0, 700), item)
    assert told(after, behind) != []


@pytest.mark.parametrize("policy", ["silence", "digest"])
def test_a_recording_without_its_sound_has_its_length(policy: str) -> None:
    def kept(made: Cassette) -> Cassette:
        line = made.connections[0]
        records = tuple(quiet(record, OPENAI, policy) for record in line.records)  # type: ignore[arg-type]
        return replace(made, connections=(replace(line, records=records),))

    longer = spoken(SILENT, WORD, *[SILENT] * 5, end=700, after=3)
    assert told(kept(PLAIN), kept(longer)) == []
    assert told(kept(PLAIN), kept(spoken(SILENT, end=700))) != []
    if policy == "digest":  # pieces that are silent as a whole are known by their digest
        earlier = spoken(*[SILENT] * 20, WORD, *[SILENT] * 5, start=1_700, end=2_600)
        assert told(kept(PLAIN), kept(earlier)) == []


def change(audio: Callable[[bytes], bytes], which: int) -> Callable[[Frame, int], Frame]:
    def changed(frame: Frame, number: int) -> Frame:
        body = json.loads(frame.data) if isinstance(frame, Text) else {}
        if number != which:
            return frame
        return Text(json.dumps(body | {"audio": base64.b64encode(audio(base64.b64decode(body["audio"]))).decode()}))

    return changed


@pytest.mark.parametrize("seed", range(3))
def test_one_sample_of_what_was_said_is_found_wherever_chance_has_put_it(seed: int) -> None:
    first, second = (Conversation(["add", "listen", "ask"], random.Random(seed + n)).recorded() for n in (0, 100))
    assert told(first, second) == []
    line, number, records = second.connections[0], 0, []
    loud = max(
        (one for one in line.records if "buffer.append" in str(one.frame)),
        key=lambda one: len(sounding(base64.b64decode(json.loads(one.frame.data)["audio"]), 2)),  # type: ignore[union-attr]
    )
    for record in line.records:
        frame = record.frame
        if record is loud:
            frame = change(lambda pcm: bytes(max(one - 1, 1) if one else 0 for one in pcm), number)(frame, number)
        records.append(replace(record, frame=frame))
    assert told(first, replace(second, connections=(replace(line, records=tuple(records)),))) != []


def test_silence_is_cut_out_by_the_sample() -> None:
    assert sounding(b"\x01\x00\x00\x00\x00\x02", 2) == b"\x01\x00\x00\x02"
    assert sounding(b"\x00\x01\x00\x00\x01\x00", 2) == b"\x00\x01\x01\x00"
    assert sounding(b"\x00\x00\x00", 2) == b"\x00"
    assert sounding(b"\xff\x10\x7f\xd5\x20\x55", 1) == b"\x10\x20"
    assert sounding(b"\x00\x00", 0) == b"\x00\x00"  # Opus has no samples


def test_a_frame_says_its_own_format_or_has_the_sessions() -> None:
    session = SampleFormat(16_000, 1)
    assert format_of(Audio(10), session) == session
    assert format_of(Audio(10, encoding="pcm", rate=8_000), session) == SampleFormat(8_000, 2)
    assert format_of(Audio(10, encoding="ulaw"), SampleFormat(8_000, 2)) == SampleFormat(8_000, 1)
    assert format_of(Audio(10, encoding="opus"), session) == SampleFormat(16_000, 0)


def test_a_place_is_found_inside_a_piece_too() -> None:
    line = recording(append(SILENT + WORD), append(SILENT)).connections[0]
    places = SoundMap(line.records, OPENAI)
    assert [places.sound_before(ms) for ms in (0, 100, 150, 200, 9_999)] == [0, 0, 50, 100, 100]
    assert SoundMap((), OPENAI).sound_before(5) == 0
    assert SampleFormat().micros(len(WORD)) == 100_000


def test_what_is_told_of_a_piece_alone_is_no_difference() -> None:
    """xAI says of each piece when it was made and how long it is (xai.md#23)."""

    def answered(*pieces: bytes, ts: int, metadata: str = "a") -> Cassette:
        about = {"response_id": "resp_1", "item_id": "item_1", "metadata": metadata}
        deltas = [
            {"type": "response.output_audio.delta", **about, "delta": base64.b64encode(one).decode(), "ts": ts + n,
             "rid": f"{ts}-{n}", "audio_duration_ms": len(one) // 48, **({} if n else {"latency": str(ts)})}
            for n, one in enumerate(pieces)
        ]  # fmt: skip
        return recording((C, {"type": "response.create"}), *((S, one) for one in deltas), dialect="xai")

    one = answered(WORD, WORD, ts=1_785_214_081_361)
    assert told(one, answered(WORD[:960], WORD[960:] + WORD, ts=1_785_214_999_999)) == []
    assert told(one, answered(WORD, SILENT, ts=1)) != []
    assert told(one, answered(WORD, WORD, ts=1, metadata="b")) == ['metadata: "a" -> "b"']


def test_a_service_that_speaks_without_end_is_silent_as_long_as_it_likes() -> None:
    def heard(*pieces: bytes, offset: int, before: int) -> Cassette:
        deltas = [
            (S, {"type": "session.output_audio.delta", "delta": base64.b64encode(one).decode()}) for one in pieces
        ]
        appends = [(C, {"type": "session.input_audio.append", "audio": base64.b64encode(SILENT).decode()})] * before
        said = (C, {"type": "session.input_audio.append", "audio": base64.b64encode(WORD * 5).decode()})
        delegated = (S, {"type": "session.delegation.created", "offset_ms": offset, "delegation": {"id": "item_1"}})
        start = (C, {"type": "session.start", "session": {}})
        return recording(start, *appends, said, *deltas, delegated, dialect="gpt_live")

    one = heard(SILENT, WORD, WORD, SILENT, *[SILENT] * 3, offset=600, before=1)
    assert told(one, heard(*[SILENT] * 9, WORD[:100], WORD[100:] + WORD, *[SILENT] * 9, offset=900, before=4)) == []
    assert told(one, heard(SILENT, WORD, *[SILENT] * 6, offset=600, before=1)) == ["audio: 200 ms -> 100 ms"]
    assert told(one, heard(SILENT, WORD, WORD, *[SILENT] * 4, offset=200, before=1)) == [
        "offset_ms: behind 500 ms of sound -> behind 100 ms of sound"
    ]
