"""Cassettes as text: a timeline for a person, lines for a review that change only where the conversation does."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given

from mockserver.cassette.files.foreign import detect_and_import
from mockserver.cassette.model import Cassette, Connection, Exchange, Header, Record
from mockserver.cassette.render import textconv, timeline
from mockserver.core.frames import Answer, Close, Handshake, Sender, Text
from tests.cassette.make import audio_delta, cassette, cassettes, event, noise


def spoken(*chunks: int, ids: str = "a", at: int = 1_000, words: str = "Hello", sound: int = 0) -> Cassette:
    """A short turn: its audio in chunks of these sizes, all its ids made of ``ids``."""
    raw, frames, place = noise(sum(chunks), sound), [], 0
    frames.append(
        event(
            type="session.created",
            event_id=f"event_{ids}000001",
            session={"id": f"sess_{ids}000001"},
        )
    )
    for size in chunks:
        frames.append(
            audio_delta(
                raw[place : place + size],
                item_id=f"item_{ids}000001",
                event_id=f"event_{ids}{place:06}",
            )
        )
        place += size
    item = {"id": f"item_{ids}000001", "content": [{"transcript": words}]}
    frames.append(event(type="response.done", event_id=f"event_{ids}999999", response={"output": [item]}))
    made = cassette(
        *frames,
        Close(1000, "bye"),
        recorded_on=f"2026-01-0{at // 1_000}",
        upstream="wss://host/v1",
        redaction={"key": 2},
    )
    one = made.connections[0]
    moved = tuple(replace(record, at=at * number) for number, record in enumerate(one.records))
    shake = Handshake("/v1/realtime", (("model", "m"),), (("User-Agent", "x"),), ("realtime",))
    return replace(
        made,
        connections=(replace(one, records=moved, handshake=shake, answer=Answer(101, (), "realtime")),),
    )


def test_the_timeline_says_what_the_file_is_and_what_happened() -> None:
    made = replace(
        spoken(960, 960, 480),
        path="cassettes/x.cassette",
        exchanges=(Exchange("POST", "/v1/x", b"12", 200, (), b"3"),),
    )
    assert list(timeline(made)) == [
        "cassette cassettes/x.cassette",
        "  openai, recorded on 2026-01-01, from wss://host/v1",
        "  ended: clean; audio: keep; redacted: 2 key; format 1",
        "  1 connection, 6 frames, 1 HTTP exchange",
        "",
        "connection 0, opened at 0.000 s",
        "  0     0.000  -->  connect /v1/realtime?model=m",
        "  0            <--  answer 101",
        "  0     0.000  <--  session.created",
        "  0     0.001  <--  3 x response.output_audio.delta  50 ms of audio item_a000001",
        "  0     0.004  <--  response.done",
        "  0     0.005  <--  close 1000  bye",
        "http 0.000  POST /v1/x  2 bytes, answered 200 with 1 bytes",
    ]
    assert len(list(timeline(made, merge=False))) == 15
    assert list(timeline(made, limit=1))[-2] == "  ... (the first 1 lines of 6 frames)"
    assert len(list(timeline(made, connection=7))) == 4


def test_the_review_form_is_the_same_for_the_same_conversation() -> None:
    """Recorded again: other ids, another date, other times, other chunks of the same audio."""
    first, again = spoken(960, 960, 480), spoken(480, 1920, ids="b", at=1_100)
    assert list(textconv(first)) == list(textconv(again))
    assert list(textconv(first)) == list(textconv(first))


def test_the_review_form_shows_what_changed_and_nothing_else() -> None:
    before, after = list(textconv(spoken(960))), list(textconv(spoken(960, words="Goodbye")))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 1
    assert '"transcript": "Hello"' in changed[0][0]
    assert '"transcript": "Goodbye"' in changed[0][1]
    sound = [line for line in textconv(spoken(960, sound=1)) if line not in before]
    assert len(sound) == 1
    assert "20 ms of audio sha256:" in sound[0]


def test_every_text_is_there_in_full_and_every_line_is_printable() -> None:
    long = "word " * 2_000 + "\x1b[2J\u202e"
    made = cassette(
        event(type="response.output_text.delta", delta=long),
        Text("\x1b plain"),
        (Sender.CLIENT, Text("x")),
    )
    told = list(textconv(made))
    assert all(line.isprintable() for line in told)
    assert any("word " * 2_000 in line for line in told)
    assert '--> text  "x"' in told


def test_a_header_and_handshake_change_is_seen() -> None:
    made = spoken(960)
    for other in (
        replace(made, header=replace(made.header, ended="killed")),
        replace(made, header=replace(made.header, upstream="wss://elsewhere")),
        replace(made, header=replace(made.header, rules={"version": 2})),
        replace(made, connections=(replace(made.connections[0], handshake=Handshake("/v2")),)),
        replace(made, connections=(replace(made.connections[0], answer=Answer(401)),)),
        replace(made, exchanges=(Exchange("POST", "/x", status=500),)),
    ):
        assert list(textconv(other)) != list(textconv(made))


@given(cassettes())
def test_any_cassette_can_be_shown(made: Cassette) -> None:
    assert all(line.isprintable() for line in timeline(made))
    assert all(line.isprintable() for line in textconv(made))


def test_audio_of_a_digest_cassette_is_told_apart_by_its_digest() -> None:
    def heard(digest: str) -> list[str]:
        record = Record(0, Sender.SERVER, audio_delta(bytes(960)), (digest * 64,))
        return list(textconv(Cassette(Header("openai"), (Connection(0, Handshake(), records=(record,)),))))

    assert heard("a") != heard("b")
    assert heard("a") == heard("a")


def test_real_captures_can_be_shown(shared_capture: object) -> None:
    made = detect_and_import(str(shared_capture))
    frames = sum(len(one.records) for one in made.connections)
    assert 6 < len(list(timeline(made, merge=False))) - frames < 12
    assert json.dumps(list(textconv(made)))
