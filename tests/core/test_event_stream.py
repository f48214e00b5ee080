"""AWS event-stream framing: the published vectors, every cut, what is bent, and time that grows with the size."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.event_stream import (
    FRAMING,
    MOST_PAYLOAD,
    BadEventStream,
    EventStreamReader,
    HeaderType,
    StreamHeader,
    StreamMessage,
    chunk,
    chunk_body,
    decode,
    encode,
    exception,
    said,
    texts,
    unsigned,
)
from tests.every import every


def header(name: str, kind: HeaderType, value: Any) -> StreamHeader:
    return StreamHeader(name, kind, value)


def encode_all(messages: Iterable[StreamMessage]) -> bytes:
    return b"".join(map(encode, messages))


def signed(message: StreamMessage | None) -> StreamMessage:
    """As clients wrap it; None is the end of their input (nova_sonic.md#16, nova_sonic.md#17)."""
    date = header(":date", HeaderType.TIMESTAMP, 1_785_000_000_000)
    signature = header(":chunk-signature", HeaderType.BYTES, bytes(32))
    return StreamMessage((date, signature), b"" if message is None else encode(message))


# The vectors that AWS publishes with its readers (nova_sonic.md#59).
VECTORS = {
    "empty": (b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xeb}\x98\xc8\xff", StreamMessage()),
    "int8": (
        b"\x00\x00\x00\x17\x00\x00\x00\x07)\x86\x01X\x04byte\x02\xff\xc2\xf8i\xdc",
        StreamMessage((header("byte", HeaderType.BYTE, -1),)),
    ),
    "int16": (
        b"\x00\x00\x00\x19\x00\x00\x00\tq\x0e\x92>\x05short\x03\xff\xff\xb2|\xb6\xcc",
        StreamMessage((header("short", HeaderType.SHORT, -1),)),
    ),
    "int32": (
        b"\x00\x00\x00\x1d\x00\x00\x00\r\x83\xe3\xf0\xe7\x07integer\x04\xff\xff\xff\xff\x8b\x8e\x12\xeb",
        StreamMessage((header("integer", HeaderType.INTEGER, -1),)),
    ),
    "int64": (
        b"\x00\x00\x00\x1e\x00\x00\x00\x0e]J\xdb\x8d\x04long\x05\xff\xff\xff\xff\xff\xff\xff\xffK\xc22\xda",
        StreamMessage((header("long", HeaderType.LONG, -1),)),
    ),
    "payload": (
        b"\x00\x00\x00\x1d\x00\x00\x00\x00\xfdR\x8cZ{'foo':'bar'}\xc3e96",
        StreamMessage((), b"{'foo':'bar'}"),
    ),
    "string": (
        (
            b"\x00\x00\x00=\x00\x00\x00 \x07\xfd\x83\x96\x0ccontent-type\x07\x00\x10application/json{'foo':'bar'}"
            b"\x8d\x9c\x08\xb1"
        ),
        StreamMessage(texts({"content-type": "application/json"}), b"{'foo':'bar'}"),
    ),
    "all types": (
        (
            b"\x00\x00\x00\x62\x00\x00\x00\x52\x03\xb5\xcb\x9c\x010\x00\x011\x01\x012\x02\x02\x013\x03\x00\x03"
            b"\x014\x04\x00\x00\x00\x04\x015\x05\x00\x00\x00\x00\x00\x00\x00\x05\x016\x06\x00\x05bytes\x017\x07\x00\x04utf8"
            b"\x018\x08\x00\x00\x00\x00\x00\x00\x00\x08\x019\x090123456789abcdef\x63\x35\x36\x71"
        ),
        StreamMessage(
            (
                header("0", HeaderType.TRUE, True),
                header("1", HeaderType.FALSE, False),
                header("2", HeaderType.BYTE, 2),
                header("3", HeaderType.SHORT, 3),
                header("4", HeaderType.INTEGER, 4),
                header("5", HeaderType.LONG, 5),
                header("6", HeaderType.BYTES, b"bytes"),
                header("7", HeaderType.STRING, "utf8"),
                header("8", HeaderType.TIMESTAMP, 8),
                header("9", HeaderType.UUID, b"0123456789abcdef"),
            )
        ),
    ),
    "error": (
        (
            b"\x00\x00\x00\x52\x00\x00\x00\x42\xbf\x23\x63\x7e\x0d:message-type\x07\x00\x05error"
            b"\x0b:error-code\x07\x00\x04code\x0e:error-message\x07\x00\x07message\x6b\x6c\xea\x3d"
        ),
        StreamMessage(texts({":message-type": "error", ":error-code": "code", ":error-message": "message"})),
    ),
}
BENT = {
    "headers' length": b"\x00\x00\x00=\xff\x00\x01\x02\x07\xfd\x83\x96\x0ccontent-type\x07\x00\x10application/json{}",
    "headers": b"\x00\x00\x00=\x00\x00\x00 \x07\xfd\x83\x96\x0ccontent+type\x07\x00\x10application/json{'foo':'bar'}"
    b"\x8d\x9c\x08\xb1",
    "length": b"\x01\x00\x00\x1d\x00\x00\x00\x00\xfdR\x8cZ{'foo':'bar'}\xc3e96",
    "payload": b"\x00\x00\x00\x1d\x00\x00\x00\x00\xfdR\x8cZ{'foo':'bar'\x8d\xc3e96",
    "a name twice": b"\x00\x00\x00\x24\x00\x00\x00\x14\x4b\xb9\x82\xd0\x04test\x04asdf\x04test\x04asdf\xf3\xf4\x75\x63",
}
STREAM = b"".join(data for data, _ in VECTORS.values())
MESSAGES = [message for _, message in VECTORS.values()]


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_vectors_both_ways(name: str) -> None:
    data, message = VECTORS[name]
    assert decode(data) == message
    assert encode(message) == data


@pytest.mark.parametrize("name", BENT)
def test_the_published_vectors_that_are_wrong(name: str) -> None:
    with pytest.raises(BadEventStream):
        EventStreamReader().feed(BENT[name])


def test_a_stream_that_is_cut_at_any_byte_is_the_same_stream() -> None:
    def cut(place: int) -> None:
        reader = EventStreamReader()
        assert reader.feed(STREAM[:place]) + reader.feed(STREAM[place:]) == MESSAGES
        assert reader.pending == 0
        reader.end()

    every(range(len(STREAM) + 1), cut)


def test_a_stream_byte_by_byte() -> None:
    reader = EventStreamReader()
    assert [one for byte in STREAM for one in reader.feed(bytes([byte]))] == MESSAGES


def test_a_stream_that_ends_within_a_message_is_told() -> None:
    data = encode(chunk(b"{}"))
    for place in range(1, len(data)):
        reader = EventStreamReader()
        assert reader.feed(data[:place]) == []
        with pytest.raises(BadEventStream, match=f"{place} bytes are here"):
            reader.end()


def test_a_bit_that_is_turned_is_seen() -> None:
    def turned(place: int) -> None:
        data = bytearray(VECTORS["all types"][0])
        data[place] ^= 4
        with pytest.raises(BadEventStream):
            EventStreamReader().feed(bytes(data))

    every(range(len(VECTORS["all types"][0])), turned)


def framed(headers: bytes, payload: bytes = b"", *, total: int | None = None) -> bytes:
    """A message whose check sums are right, whatever is in it."""
    lengths = struct.pack(">II", FRAMING + len(headers) + len(payload) if total is None else total, len(headers))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (framed(b"\x00\x00"), "without a name"),
        (framed(b"\x01a\x0a"), "type 10"),
        (framed(b"\x01a"), "end within"),
        (framed(b"\x05a"), "end within"),
        (framed(b"\x01a\x07\x00\x05x"), "end within"),
        (framed(b"\x01a\x07\x00\x01\xff"), "UTF-8"),
        (framed(b"\x01\xff\x00"), "UTF-8"),
        (framed(b"", total=15), "out of bounds"),
        (framed(b"", total=FRAMING + MOST_PAYLOAD + 1), "out of bounds"),
        (framed(b"\x01a\x00" * 50_000), "out of bounds"),
    ],
)
def test_what_is_wrong_though_its_check_sums_are_right(data: bytes, words: str) -> None:
    with pytest.raises(BadEventStream, match=words):
        EventStreamReader().feed(data)


def test_a_length_that_is_out_of_bounds_is_told_before_its_bytes_are_waited_for() -> None:
    with pytest.raises(BadEventStream, match="out of bounds"):
        EventStreamReader().feed(framed(b"", total=2**31)[:12])


@pytest.mark.parametrize(
    "wrong",
    [
        header("", HeaderType.TRUE, True),
        header("x" * 256, HeaderType.TRUE, True),
        header("x", HeaderType.TRUE, False),
        header("x", HeaderType.FALSE, 0),
        header("x", HeaderType.BYTE, 128),
        header("x", HeaderType.BYTE, True),
        header("x", HeaderType.LONG, "1"),
        header("x", HeaderType.UUID, b"short"),
        header("x", HeaderType.BYTES, bytes(65_536)),
        header("x", HeaderType.STRING, "x" * 65_536),
        header("x", HeaderType.STRING, b"x"),
    ],
)
def test_a_header_that_cannot_be_written(wrong: StreamHeader) -> None:
    with pytest.raises(BadEventStream):
        encode(StreamMessage((wrong,)))


def test_a_message_that_cannot_be_written() -> None:
    with pytest.raises(BadEventStream, match="twice"):
        encode(StreamMessage((header("a", HeaderType.TRUE, True),) * 2))
    with pytest.raises(BadEventStream, match="at most"):
        encode(StreamMessage((), bytes(MOST_PAYLOAD + 1)))


# --- what Bedrock puts into it ---


def test_an_event_goes_out_in_one_message_and_comes_in_in_two() -> None:
    body = b'{"event":{"sessionEnd":{}}}'
    assert chunk_body(decode(encode(chunk(body)))) == body
    first, last = EventStreamReader().feed(encode_all([signed(chunk(body)), signed(None)]))
    inner = unsigned(first)
    assert inner is not None
    assert chunk_body(inner) == body
    assert unsigned(last) is None
    assert [one.type for one in first.headers] == [HeaderType.TIMESTAMP, HeaderType.BYTES]


def test_an_error_in_mid_stream_names_its_class() -> None:
    told = decode(encode(exception("throttlingException", "slow down")))
    assert (told.text(":exception-type"), told.text(":message-type")) == ("throttlingException", "exception")
    assert told.payload == b'{"message": "slow down"}'
    with pytest.raises(BadEventStream, match="chunk"):
        chunk_body(told)
    whole = chunk(b"{}")
    assert chunk_body(whole) == b"{}"
    for other in (
        {":event-type": "chunk", ":message-type": "error"},
        {":event-type": "ping", ":message-type": "event"},
    ):
        with pytest.raises(BadEventStream, match="expected an event of type chunk"):
            chunk_body(StreamMessage(texts(other), whole.payload))
    assert said(told) == '{"throttlingException": {"message": "slow down"}}'
    with pytest.raises(BadEventStream, match="no JSON"):
        said(StreamMessage(told.headers, b"slow down"))


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"bytes":1}', b'{"bytes":"!"}', b"[" * 5_000, b"\xff"])
def test_a_chunk_that_holds_none(payload: bytes) -> None:
    with pytest.raises(BadEventStream):
        chunk_body(StreamMessage(chunk(b"").headers, payload))
    with pytest.raises(BadEventStream):
        unsigned(StreamMessage((), b"no message"))
    with pytest.raises(BadEventStream, match="2 messages"):
        unsigned(StreamMessage((), encode(chunk(b"")) * 2))


# --- fuzz ---

NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)
VALUES = st.one_of(
    st.just((HeaderType.TRUE, True)),
    st.just((HeaderType.FALSE, False)),
    st.tuples(st.just(HeaderType.BYTE), st.integers(-(2**7), 2**7 - 1)),
    st.tuples(st.just(HeaderType.SHORT), st.integers(-(2**15), 2**15 - 1)),
    st.tuples(st.just(HeaderType.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(HeaderType.LONG), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(HeaderType.TIMESTAMP), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(HeaderType.BYTES), st.binary(max_size=50)),
    st.tuples(st.just(HeaderType.STRING), st.text(st.characters(exclude_categories=("Cs",)), max_size=50)),
    st.tuples(st.just(HeaderType.UUID), st.binary(min_size=16, max_size=16)),
)
ANY = st.builds(
    lambda headers, payload: StreamMessage(
        tuple(StreamHeader(name, kind, value) for name, (kind, value) in headers.items()), payload
    ),
    st.dictionaries(NAMES, VALUES, max_size=6),
    st.binary(max_size=200),
)


@given(st.lists(ANY, max_size=5), st.lists(st.integers(0, 2_000), max_size=8))
def test_any_messages_cut_anywhere_come_back(messages: list[StreamMessage], cuts: list[int]) -> None:
    data = encode_all(messages)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = EventStreamReader()
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    assert [one for piece in pieces for one in reader.feed(piece)] == messages
    reader.end()


@given(st.binary(max_size=300))
def test_any_bytes_are_messages_or_are_told_to_be_none(data: bytes) -> None:
    reader = EventStreamReader()
    try:
        made = reader.feed(data)
    except BadEventStream:
        return
    assert encode_all(made) == data[: len(data) - reader.pending]


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_any_headers_behind_right_check_sums(headers: bytes, payload: bytes) -> None:
    try:
        message = decode(framed(headers, payload))
    except BadEventStream:
        return
    assert encode(message) == framed(headers, payload)


def seconds(run: Any) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best


@pytest.mark.long
@pytest.mark.parametrize("small", [False, True])
def test_time_grows_with_the_size(small: bool) -> None:
    """Many small messages in one piece, and one large message byte by byte: four times as much takes no 12 times."""

    def run(size: int) -> None:
        if small:
            EventStreamReader().feed(encode(chunk(b"{}")) * size)
            return
        reader = EventStreamReader()
        data = encode(StreamMessage((), bytes(size * 8)))
        for place in range(len(data)):
            reader.feed(data[place : place + 1])

    assert seconds(lambda: run(8_000)) < 12 * seconds(lambda: run(2_000))
