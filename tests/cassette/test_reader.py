"""Every way in which a file can be bad, each with its own error; and what can be read of it all the same."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockserver.cassette.claims import LARGEST_DIGEST, LARGEST_DIGESTS
from mockserver.cassette.codec import DIGEST, MAGIC, PREFIX, RECORDING, Writer, encode, write
from mockserver.cassette.model import Cassette, Header
from mockserver.cassette.reader import decode
from mockserver.core.frames import Binary, Close, Handshake, Sender, Text
from mockserver.errors import CassetteDamaged, CassetteError, CassetteForeign, CassetteTooNew
from tests.cassette.make import audio_delta, cassette, event, noise

WHOLE = cassette(
    event(type="session.created"),
    (Sender.CLIENT, event(type="response.create")),
    audio_delta(noise(90)),
    Binary(b"\x00\x01"),
    Close(1011, "over"),
)
HEAD = encode(WHOLE).index(b"\x95\x01\x00\x00")
"""Where the first object ends: the second opens the connection."""


def test_a_finished_file_cut_anywhere_is_damaged_and_reads_up_to_the_cut() -> None:
    data = encode(WHOLE)
    records = WHOLE.connections[0].records
    seen = set()
    for size in range(1, len(data)):
        with pytest.raises(CassetteDamaged, match=r"^x\.cassette: damaged at byte \d+: it is cut"):
            decode(data[:size], "x.cassette")
        if size < HEAD:
            with pytest.raises(CassetteDamaged, match="inside its first object"):
                decode(data[:size], "x.cassette", partial=True)
            continue
        read = decode(data[:size], "x.cassette", partial=True)
        assert read.header.ended == "cut"
        if read.connections:
            have = tuple(read.connections[0].records)
            assert have == records[: len(have)]
            seen.add(len(have))
    assert seen == set(range(len(records) + 1))


def test_an_unfinished_recording_cut_anywhere_reads_up_to_the_cut_without_being_asked() -> None:
    data = encode(replace(WHOLE, header=replace(WHOLE.header, ended=RECORDING)))
    for size in range(data.index(b"\x95\x01\x00\x00"), len(data)):
        read = decode(data[:size], "x")
        assert read.header.ended == "killed"
        have = tuple(read.connections[0].records) if read.connections else ()
        assert have == WHOLE.connections[0].records[: len(have)]


def test_every_changed_byte_is_noticed_when_the_file_is_opened() -> None:
    data = encode(WHOLE)
    head = len(PREFIX)
    report = len(msgpack.packb({}))
    for place in range(head, len(data) - report):
        changed = bytearray(data)
        changed[place] ^= 0x15
        with pytest.raises((CassetteDamaged, CassetteTooNew)):
            decode(bytes(changed), "x")


def test_damage_in_the_middle_is_said_with_its_place() -> None:
    data = bytearray(encode(cassette(*[Text("word " * 20)] * 30_000)))
    data[len(data) // 2] ^= 1
    with pytest.raises(CassetteDamaged, match=r"damaged at byte \d+: .*check sum") as caught:
        decode(bytes(data), "x")
    offset = int(str(caught.value).split("byte ")[1].split(":")[0])
    assert len(data) // 2 < offset < len(data) // 2 + (2 << 20)
    assert len(decode(bytes(data), "x", partial=True).connections[0].records) > 10_000


def test_what_follows_the_end_is_damage() -> None:
    with pytest.raises(CassetteDamaged, match="follows the end"):
        decode(encode(WHOLE) * 2, "x")


def test_an_empty_file() -> None:
    with pytest.raises(CassetteDamaged, match=r"^x\.cassette: the file is empty; record it again"):
        decode(b"", "x.cassette")


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b'{"a": 1}', "JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON lines"),
        (
            b'{"capture": 1, "provider": "openai"}\n',
            "neutral form: bring it in with `mockserver import",
        ),
        (b'{"log": {"version": "1.2", "creator": {}, "entries": []}}', "a HAR file: bring it in"),
        (b"version: 1\ninteractions:\n- kind: message\n", "YAML cassette of another tool"),
        (b"interactions:\n- request:\n", "YAML cassette of another tool"),
        (b">3 {}\n<3 {}\n", "websocket log of google/test-server"),
        (b"PK\x03\x04abc", "a zip archive"),
        (b"\x1f\x8b\x08abc", "gzip"),
        (b"RIFF\x00\x00\x00\x00WAVE", "WAV"),
        (b"<!doctype html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<<<<<<< HEAD\n", "conflict markers"),
        (b"hello there", "looks like text"),
        (b"key: value", "YAML or other text"),
        (b"\x82\xa1a\x01\xa1b\x02", "binary data"),
        (b"  \n ", "blank text"),
    ],
)
def test_a_foreign_file_is_called_what_it_looks_like(data: bytes, looks: str) -> None:
    with pytest.raises(CassetteForeign, match=r"^x: not a cassette, it looks like ") as caught:
        decode(data, "x")
    assert looks in str(caught.value)
    assert "`" in str(caught.value), "it says what to do"
    assert "\n" not in str(caught.value)


def test_a_newer_file_is_not_a_damaged_one() -> None:
    data = encode(Cassette(Header("openai", version=7)))
    with pytest.raises(CassetteTooNew, match=r"format 7, this version reads up to 1; upgrade it: pip install"):
        decode(data, "x")


class FromLater(Writer):
    """A version that knows one field of the header more, or one kind of object more."""

    def __init__(self, write: Any, *, field: bool, kind: bool) -> None:
        super().__init__(write)
        self.field, self.kind = field, kind

    def put(self, item: Any) -> None:
        if isinstance(item, dict) and self.field:
            item = {**item, "header": {**item["header"], "mood": ["of", {"a": "later version"}]}}
        super().put(item)
        if isinstance(item, dict) and self.kind:
            super().put([40, 0, 0, "of a later version"])


@pytest.mark.parametrize("kind", [False, True], ids=["a field", "and a kind of object"])
def test_a_field_that_is_not_known_is_read_past_and_an_object_that_is_not_known_is_not(kind: bool) -> None:
    data = bytearray()
    write(WHOLE, FromLater(data.extend, field=True, kind=kind))
    assert b"mood" in data
    if kind:
        with pytest.raises(CassetteDamaged, match="no known kind of object"):
            decode(bytes(data), "x")
    else:
        read = decode(bytes(data), "x")
        assert read == decode(encode(WHOLE), "x")
        assert b"mood" not in encode(read)


def test_an_older_file_is_upgraded_step_by_step() -> None:
    """Format 1 is the first, so the steps here are made up: 0 kept its frames as {"say": text}."""
    steps: list[int] = []

    def from_0(objects: list[Any]) -> list[Any]:
        steps.append(0)
        header, *rest = objects
        opened = [1, 0, 0, True, ["/old", [], [], [], ""]]
        frames = [[16, 0, number, one["say"]] for number, one in enumerate(rest)]
        return [header, opened, *frames]

    def from_1(objects: list[Any]) -> list[Any]:
        steps.append(1)
        return [*objects, [16, 0, 9, "added by format 2"]]

    old = msgpack.packb({MAGIC: 0, "header": {"dialect": "openai", "ended": RECORDING}})
    old += msgpack.packb({"say": "hello"}) + msgpack.packb({"say": "bye"})
    read = decode(old, "x", current=2, upgrades={0: from_0, 1: from_1})
    assert steps == [0, 1]
    assert [one.frame for one in read.connections[0].records] == [
        Text("hello"),
        Text("bye"),
        Text("added by format 2"),
    ]
    assert read.header.version == 2
    with pytest.raises(CassetteDamaged, match="format 0 could not be brought to format 2"):
        decode(old, "x", current=2, upgrades={0: from_0})


@given(st.binary(max_size=200))
@example(PREFIX + b"\x01\xa6header\x80" + b"\x91" * 100_000)
@example(PREFIX + b"\x01\xa6header\x80\xdd\xff\xff\xff\xff")
@example(PREFIX + b"\x01\xa6header\x80\x94\x10\x00\x00\xdb\xff\xff\xff\xff")
@example(PREFIX + b"\x01\xa6header\x80\x90")
@example(PREFIX + b"\x01\xa6header\x80\xc0")
@example(PREFIX + b"\x01\xa6header\xc0")
@example(PREFIX + b"\xa11\xa6header\x80")
@example(PREFIX + b"\x01\xa6header\x81\xa7dialect\x05")
@example(PREFIX + b"\x01\xa6header\x80\x94\x10\x05\x00\xa1x")
def test_any_bytes_give_a_cassette_or_an_error_of_ours(tail: bytes) -> None:
    for data in (tail, PREFIX + tail, PREFIX + b"\x01\xa6header\x81\xa7dialect\xa1x" + tail):
        for partial in (False, True):
            said = ""
            try:
                read = decode(data, "x", partial=partial)
                said = " ".join(
                    str(type(one).__name__) for connection in read.connections for one in connection.records
                )
            except CassetteError as error:
                said = str(error)
            assert "\n" not in said


def test_a_frame_of_the_wrong_shape_is_damage_when_it_is_asked_for() -> None:
    bad = [
        *(
            [16, 0, 0, 5],
            [16, 0, "x", "t"],
            [18, 0, 0, "a", "b", "c"],
            [20, 0, 0, "text"],
            [22, 0, 0, "x", "y"],
        ),
        *([24, 0, 0, 1], [16, 0, 0, "a", "b"], [16, 0, 0, msgpack.ExtType(9, b"x")]),
    ]
    for item in bad:
        start = encode(replace(cassette(), header=Header("openai", ended=RECORDING)))
        end = start.rindex(b"\x95\x05\x00\x00")
        read = decode(start[:end] + msgpack.packb(item), "x")
        with pytest.raises(CassetteDamaged, match=r"x: damaged at byte \d+: not a frame"):
            list(read.connections[0].records)


def test_records_are_a_sequence() -> None:
    records = decode(encode(WHOLE), "x").connections[0].records
    plain = WHOLE.connections[0].records
    assert len(records) == 5
    assert records[-1] == plain[-1]
    assert records[1:3] == plain[1:3]
    assert list(reversed(records)) == list(reversed(plain))
    assert records != plain[:4]
    assert records == list(plain)
    with pytest.raises(IndexError):
        records[5]
    assert json.loads(records[2].frame.data)["type"] == "response.output_audio.delta"  # type: ignore[union-attr]


# --- what a file claims -----------------------------------------------------------------------------------------------


def claiming(*frames: list[int]) -> bytes:
    """A cassette in which each frame holds digests of so many bytes."""
    data = bytearray()
    writer = Writer(data.extend)
    writer.header(Header("openai", audio="digest"))
    writer.opened(0, 0, Handshake("/"))
    for at, sizes in enumerate(frames):
        parts: list[object] = ["{"]
        for size in sizes:
            parts += [msgpack.ExtType(DIGEST, size.to_bytes(8, "big") + bytes(32)), ","]
        writer.put([19, 0, at, *parts])
    writer.end({})
    return bytes(data)


def test_a_claim_costs_nothing_until_it_is_needed_and_has_a_limit() -> None:
    """A few bytes a digest, gigabytes that they stand for."""
    tracemalloc.start()
    try:
        one = decode(claiming([LARGEST_DIGEST // 4] * 5), "x")
        with pytest.raises(CassetteDamaged, match="digests of 20971520 bytes in one frame"):
            list(one.connections[0].records)
        many = decode(claiming(*[[LARGEST_DIGEST]] * (LARGEST_DIGESTS // LARGEST_DIGEST + 1)), "x")
        assert len(many.connections[0].records) == LARGEST_DIGESTS // LARGEST_DIGEST + 1
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_all_claims_of_a_file_count_together_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.cassette.claims.LARGEST_DIGESTS", 3000)
    fits = decode(claiming([1000], [1000], [500, 500]), "x").connections[0].records
    for _ in range(3):
        assert [len(one.digests) for one in fits] == [1, 1, 2]
    with pytest.raises(CassetteDamaged, match="digests of more than 3000 bytes in one file"):
        list(decode(claiming([1000], [1000], [500, 501]), "x").connections[0].records)


@pytest.mark.parametrize(
    "item",
    [
        [22, 0, 0, 70_000, "x"],
        [22, 0, 0, -1, "x"],
        [2, 0, 0, 99_999, [], None, b""],
        [2, 0, 0, 101, [["a", "b\r\nX: y"]], None, b""],
        [3, 0, 0, "GET", "/", b"", 0, [], b""],
    ],
)
def test_what_no_wire_can_carry_is_damage(item: list[object]) -> None:
    """A status, a code or a header that a replay could not send."""
    data = bytearray()
    writer = Writer(data.extend)
    writer.header(Header("openai"))
    writer.opened(0, 0, Handshake("/"))
    writer.put(item)
    writer.end({})
    with pytest.raises(CassetteDamaged):
        list(decode(bytes(data), "x").connections[0].records)
