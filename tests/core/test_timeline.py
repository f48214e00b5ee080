"""The timeline: what matters on one line each, audio as duration, and nothing from the wire that a terminal obeys."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.frames import Answer, Binary, Close, Frame, Handshake, Lost, Note, Sender, Text
from mockserver.core.journal import Journal
from mockserver.core.timeline import WIDEST, Row, entry_lines, lines, safe, seconds_of
from mockserver.core.view import PlainLens
from mockserver.dialects.openai.lens import OPENAI


def audio(milliseconds: int, item: str = "item_1") -> Text:
    raw = base64.b64encode(bytes(48 * milliseconds)).decode()
    return Text(json.dumps({"type": "response.output_audio.delta", "item_id": item, "delta": raw}))


@pytest.fixture
def journal() -> Journal:
    journal = Journal()
    log = journal.open(OPENAI)
    journal.write(log, 0, Sender.CLIENT, Handshake("/v1/realtime", (("model", "m"),)))
    journal.write(log, 1_000, Sender.SERVER, Answer(101))
    for at in range(12):
        journal.write(log, 10_000 * (at + 1), Sender.SERVER, audio(100))
    journal.write(log, 200_000, Sender.SERVER, audio(40, "item_2"))
    journal.write(log, 1_234_567, Sender.CLIENT, Text('{"type":"response.cancel","response_id":"resp_1"}'))
    journal.note(log, 1_300_000, Note("fault", "dropped a frame"))
    journal.write(log, 2_000_000, Sender.SERVER, Close(1011, "over"))
    return journal


def test_a_journal_as_a_person_reads_it(journal: Journal) -> None:
    assert entry_lines(journal) == [
        "  0     0.000   *   session: session 0 begins",
        "  0     0.000  -->  connect /v1/realtime?model=m",
        "  0     0.001  <--  answer 101",
        "  0     0.010  <--  12 x response.output_audio.delta  1.2 s of audio item_1",
        "  0     0.200  <--  response.output_audio.delta  40 ms of audio item_2",
        "  0     1.235  -->  response.cancel  resp_1",
        "  0     1.300   *   fault: dropped a frame",
        "  0     2.000  <--  close 1011  over",
    ]


def test_a_marked_frame_stands_alone(journal: Journal) -> None:
    marked = [line for line in entry_lines(journal, marked={6, 16}) if line.startswith(">")]
    assert len(marked) == 2
    assert "response.output_audio.delta  100 ms of audio" in marked[0]
    counts = [
        line.split("<--")[1].split(" x ")[0].strip() for line in entry_lines(journal, marked={6}) if " x " in line
    ]
    assert counts == ["3", "8"]


def test_unmerged_and_untimed() -> None:
    rows = [Row(0, None, Sender.SERVER, audio(100)) for _ in range(3)]
    assert len(list(lines(rows, lambda _: OPENAI, merge=False))) == 3
    assert list(lines(rows, lambda _: OPENAI)) == [
        "  0            <--  3 x response.output_audio.delta  300 ms of audio item_1"
    ]


def piece(words: str, item: str = "item_1", name: str = "response.output_text.delta") -> Text:
    return Text(json.dumps({"type": name, "response_id": "resp_1", "item_id": item, "delta": words}))


def test_the_words_of_a_text_are_one_line_beside_its_audio() -> None:
    frames = [piece("It"), audio(100), piece(" snows"), audio(100), piece(" in Oslo.")]
    rows = [Row(0, 700_000 * number, Sender.SERVER, frame) for number, frame in enumerate(frames)]
    spoken = [row for row in rows if "audio" in row.what.data]
    assert len(spoken) == 2
    written = list(lines([row for row in rows if row not in spoken], lambda _: OPENAI))
    assert written == [
        "  0     0.000  <--  3 x response.output_text.delta  'It snows in Oslo.' within 2.8 s resp_1 item_1",
    ]
    # One piece by itself keeps the space that says where a word begins.
    assert list(lines(rows[2:3], lambda _: OPENAI)) == [
        "  0     1.400  <--  response.output_text.delta  resp_1 item_1 ' snows'"
    ]


def test_streams_of_one_response_cross_and_those_of_two_do_not_run_together() -> None:
    other = "response.output_audio_transcript.delta"
    crossing = [piece("a"), piece("x", name=other), piece("b"), piece("y", name=other)]
    rows = [Row(0, 0, Sender.SERVER, frame) for frame in crossing]
    assert [line.split("  ")[-1] for line in lines(rows, lambda _: OPENAI)] == [
        "'ab' resp_1 item_1",
        "'xy' resp_1 item_1",
    ]
    done = Text('{"type": "response.output_text.done", "response_id": "resp_1"}')
    between = [piece("a"), done, piece("b")]
    assert len(list(lines([Row(0, 0, Sender.SERVER, frame) for frame in between], lambda _: OPENAI))) == 3
    foreign = Text(piece("c").data.replace("resp_1", "resp_2"))
    mixed = [piece("a"), foreign, piece("b"), foreign]
    assert len(list(lines([Row(0, 0, Sender.SERVER, frame) for frame in mixed], lambda _: OPENAI))) == 4


def test_sessions_do_not_run_together() -> None:
    rows = [Row(number % 2, 0, Sender.SERVER, audio(100)) for number in range(4)]
    assert len(list(lines(rows, lambda _: OPENAI))) == 4


EVIL = "\x1b[2J\x1b]0;owned\x07\r\nfake  <--  response.done\u202e\u2066\x9b\ud800\u0000"


@pytest.mark.parametrize(
    "what",
    [
        Text(EVIL),
        Text(json.dumps({"type": EVIL, "delta": EVIL})),
        Text(json.dumps({"type": "response.output_text.delta", "delta": EVIL, "item_id": EVIL})),
        Text(json.dumps({"type": "error", "error": {"code": EVIL, "message": EVIL}})),
        Close(1000, EVIL),
        Lost(EVIL),
        Handshake(EVIL, ((EVIL, EVIL),)),
        Note(EVIL, EVIL),
    ],
)
def test_nothing_from_the_wire_reaches_a_terminal_as_it_is(what: Any) -> None:
    for lens in (OPENAI, PlainLens()):
        (line,) = lines([Row(0, 0, Sender.SERVER, what)], lambda _, lens=lens: lens)  # type: ignore[misc]
        assert line.isprintable()
        assert len(line) < WIDEST * 10


@given(st.text())
def test_safe_text_is_printable_and_plain_text_is_itself(text: str) -> None:
    assert safe(text).isprintable()
    if text.isprintable() and len(text) <= WIDEST:
        assert safe(text) == text


def test_long_text_is_cut() -> None:
    assert safe("x" * 1_000, 10) == "x" * 9 + "…"
    assert [seconds_of(ms) for ms in (0, 40.4, 999, 1_000, 61_234)] == [
        "0 ms",
        "40 ms",
        "999 ms",
        "1.0 s",
        "61.2 s",
    ]


ODD: list[Frame] = [
    Text(json.dumps({"type": "response.done", "response": {"status_details": 5, "metadata": [1]}})),
    Text(json.dumps({"type": "conversation.item.added", "item": {"content": 5, "id": {}}})),
    Text(json.dumps({"type": "error", "error": {"message": {"a": 1}}})),
    Text(json.dumps({"type": "response.output_audio.delta", "delta": "not base64"})),
    Text("[" * 5_000),
    Binary(b""),
]


@pytest.mark.parametrize("frame", ODD)
def test_a_frame_that_a_lens_stumbles_over_still_has_a_line(frame: Frame) -> None:
    (line,) = lines([Row(3, 0, Sender.SERVER, frame)], lambda _: OPENAI)
    assert line.startswith("  3     0.000  <--  ")
    assert len(line) > 21


def test_the_two_directions_of_a_full_duplex_session_are_a_line_each() -> None:
    heard = Text(json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(4_800)).decode()}))
    rows = [
        Row(0, 100_000 * at, sender, frame)
        for at in range(40)
        for sender, frame in ((Sender.CLIENT, heard), (Sender.SERVER, audio(100)))
    ]
    assert list(lines(rows, lambda _: OPENAI)) == [
        "  0     0.000  -->  40 x input_audio_buffer.append  4.0 s of audio within 3.9 s",
        "  0     0.000  <--  40 x response.output_audio.delta  4.0 s of audio within 3.9 s item_1",
    ]
