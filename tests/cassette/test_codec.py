"""What is written is what was there, object by object; the bytes start with what makes a cassette known."""

from __future__ import annotations

import msgpack
from hypothesis import given

from mockserver.cassette.codec import CHECK, END, PARTS, PREFIX, TEXT, Writer, encode, packed
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.cassette.reader import decode
from mockserver.core.frames import Binary, Handshake, Sender, Text
from tests.cassette.make import audio_delta, cassette, cassettes, noise


@given(cassettes())
def test_what_is_written_is_read_again(made: Cassette) -> None:
    read = decode(encode(made), "x")
    assert read.header == made.header
    assert read.connections == made.connections
    assert read.exchanges == made.exchanges


@given(cassettes())
def test_writing_is_the_same_every_time(made: Cassette) -> None:
    first = encode(made)
    assert encode(made) == first
    assert encode(decode(first, "x")) == first


def test_every_cassette_starts_with_the_same_bytes() -> None:
    assert encode(Cassette(Header("openai"))).startswith(PREFIX)
    assert msgpack.unpackb(PREFIX + b"\x01\xa1x\x00")["mockserver-cassette"] == 1


def test_audio_is_kept_as_bytes_and_other_text_as_text() -> None:
    raw = noise(960)
    item = packed(0, Record(5, Sender.SERVER, audio_delta(raw)))
    assert item[0] == PARTS + 1
    assert item[4] == raw
    assert packed(0, Record(5, Sender.CLIENT, Text("hello")))[0] == TEXT
    assert len(encode(cassette(*[audio_delta(raw)] * 50))) < 50 * (960 + 120)


def test_a_long_recording_has_check_sums_on_its_way_and_an_end() -> None:
    long = cassette(*[Binary(noise(100_000, n)) for n in range(30)])
    unpacker = msgpack.Unpacker(max_buffer_size=1 << 24)
    unpacker.feed(encode(long))
    kinds = [item[0] for item in unpacker if isinstance(item, list)]
    assert kinds.count(CHECK) == 2
    assert kinds[-1] == END


def test_a_writer_gives_one_whole_object_to_each_write() -> None:
    pieces: list[bytes] = []
    writer = Writer(pieces.append)
    writer.header(Header("openai"))
    writer.opened(0, 0, Handshake("/"))
    writer.record(0, Record(1, Sender.CLIENT, Text("x")))
    writer.end({})
    assert [len(list(_unpacked(piece))) for piece in pieces] == [1, 1, 1, 1]
    assert decode(b"".join(pieces), "x").connections[0].records[0].frame == Text("x")


def test_digests_come_back() -> None:
    hashed = "ab" * 32
    record = Record(0, Sender.SERVER, audio_delta(bytes(960)), (hashed,))
    sound = Record(0, Sender.SERVER, Binary(bytes(10)), (hashed,))
    made = Cassette(Header("openai", audio="digest"), (Connection(0, Handshake(), records=(record, sound)),))
    encoded = encode(made)
    assert decode(encoded, "x").connections[0].records == (record, sound)
    assert len(encoded) < 500


def _unpacked(piece: bytes) -> msgpack.Unpacker:
    unpacker = msgpack.Unpacker()
    unpacker.feed(piece)
    return unpacker
