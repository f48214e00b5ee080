"""The event-stream framing of AWS: messages of typed headers and a payload, each with two check sums.

What lives here: bytes to messages and back, and the two wrappings of Bedrock's bidirectional stream. What does not:
what an event means, signatures (they are read and not looked at, nova_sonic.md#3), and the transport.

A message is its total length (u32), the length of its headers (u32), the CRC32 of these 8 bytes, headers, payload and
the CRC32 of all before, big endian (nova_sonic.md#14). A header is its name behind a u8 of length, a type (u8) and a
value (nova_sonic.md#15); types, limits and the rule that no name is there twice are those of the published test
vectors and of AWS' own readers (nova_sonic.md#59).
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from mockserver.core.stream_errors import EXCEPTIONS

PRELUDE = 12
FRAMING = PRELUDE + 4
MOST_HEADERS = 128 * 1024
MOST_PAYLOAD = 24 * 1024 * 1024
"""Limits of a message, in bytes (nova_sonic.md#59)."""


class HeaderType(IntEnum):
    """How a header's value is written. ``TIMESTAMP``: milliseconds since 1970. ``UUID``: 16 bytes."""

    TRUE = 0
    FALSE = 1
    BYTE = 2
    SHORT = 3
    INTEGER = 4
    LONG = 5
    BYTES = 6
    STRING = 7
    TIMESTAMP = 8
    UUID = 9


_NUMBERS = {
    HeaderType.BYTE: struct.Struct(">b"),
    HeaderType.SHORT: struct.Struct(">h"),
    HeaderType.INTEGER: struct.Struct(">i"),
    HeaderType.LONG: struct.Struct(">q"),
    HeaderType.TIMESTAMP: struct.Struct(">q"),
}
_U32 = struct.Struct(">I")
_U16 = struct.Struct(">H")


class BadEventStream(Exception):
    """Bytes that are no message, or a message that cannot be written. The text says what was expected where."""


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """One header. ``value``: as its type says: bool, int, bytes or str."""

    name: str
    type: HeaderType
    value: bool | int | bytes | str


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """Headers in order, and a payload."""

    headers: tuple[StreamHeader, ...] = ()
    payload: bytes = b""

    def text(self, name: str) -> str | None:
        """The value of a header that is a string, or None."""
        found = next((one for one in self.headers if one.name == name), None)
        return found.value if found is not None and isinstance(found.value, str) else None


def texts(values: Mapping[str, str]) -> tuple[StreamHeader, ...]:
    """Headers of type string."""
    return tuple(StreamHeader(name, HeaderType.STRING, value) for name, value in values.items())


# --- to bytes ---


def encode(message: StreamMessage) -> bytes:
    """The message as it stands on the wire. BadEventStream where a value does not fit its type."""
    headers = b"".join(_header(one) for one in message.headers)
    names = [one.name for one in message.headers]
    if len(set(names)) < len(names):
        raise BadEventStream(f"a header's name is there twice: {names}")
    if len(headers) > MOST_HEADERS or len(message.payload) > MOST_PAYLOAD:
        raise BadEventStream(
            f"headers of {len(headers)} bytes and a payload of {len(message.payload)}: expected at most "
            f"{MOST_HEADERS} and {MOST_PAYLOAD}"
        )
    lengths = _U32.pack(FRAMING + len(headers) + len(message.payload)) + _U32.pack(len(headers))
    body = lengths + _U32.pack(zlib.crc32(lengths)) + headers + message.payload
    return body + _U32.pack(zlib.crc32(body))


def _header(one: StreamHeader) -> bytes:
    name = one.name.encode(errors="surrogatepass")
    if not 1 <= len(name) <= 255:
        raise BadEventStream(f"a header's name of {len(name)} bytes: expected 1 to 255")
    return bytes([len(name)]) + name + bytes([one.type]) + _value(one)


def _value(one: StreamHeader) -> bytes:
    kind, value = one.type, one.value
    if kind in (HeaderType.TRUE, HeaderType.FALSE) and value is (kind is HeaderType.TRUE):
        return b""
    if kind in _NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        try:
            return _NUMBERS[kind].pack(value)
        except struct.error:
            pass
    if kind is HeaderType.UUID and isinstance(value, bytes) and len(value) == 16:
        return value
    if kind is HeaderType.BYTES and isinstance(value, bytes) and len(value) <= 0xFFFF:
        return _U16.pack(len(value)) + value
    if kind is HeaderType.STRING and isinstance(value, str):
        data = value.encode(errors="surrogatepass")
        if len(data) <= 0xFFFF:
            return _U16.pack(len(data)) + data
    raise BadEventStream(f"header {one.name!r:.60}: a {type(value).__name__} that does not fit the type {kind.name}")


# --- from bytes ---


class EventStreamReader:
    """Takes bytes, cut anywhere, and gives messages. What is wrong is told as soon as the bytes that show it are here.

    Never holds more than one message that is not whole, which the limits bound. After BadEventStream it is of no use.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._total: int | None = None  # length of the message at hand, once its prelude is read

    def feed(self, data: bytes) -> list[StreamMessage]:
        """The messages that are whole now. BadEventStream, also where whole ones stand before what is wrong."""
        self._held += data
        made: list[StreamMessage] = []
        place = 0
        while True:
            if self._total is None:
                if len(self._held) - place < PRELUDE:
                    break
                self._total = _total(bytes(self._held[place : place + PRELUDE]))
            if len(self._held) - place < self._total:
                break
            made.append(_message(bytes(self._held[place : place + self._total])))
            place += self._total
            self._total = None
        del self._held[:place]
        return made

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole yet."""
        return len(self._held)

    def end(self) -> None:
        """The stream has ended. BadEventStream where it ends within a message."""
        if self._held:
            raise BadEventStream(f"the stream ends within a message, of which {len(self._held)} bytes are here")


def decode(data: bytes) -> StreamMessage:
    """Exactly one message. BadEventStream."""
    reader = EventStreamReader()
    made = reader.feed(data)
    reader.end()
    if len(made) != 1:
        raise BadEventStream(f"{len(made)} messages: expected one")
    return made[0]


def _total(prelude: bytes) -> int:
    total, headers, told = struct.unpack(">III", prelude)
    made = zlib.crc32(prelude[:8])
    if told != made:
        raise BadEventStream(f"the check sum of a message's lengths is {told:08x}: expected {made:08x}")
    payload = total - FRAMING - headers
    if headers > MOST_HEADERS or not 0 <= payload <= MOST_PAYLOAD:
        raise BadEventStream(f"a message of {total} bytes with headers of {headers}: out of bounds")
    return int(total)


def _message(data: bytes) -> StreamMessage:
    told, made = _U32.unpack(data[-4:])[0], zlib.crc32(data[:-4])
    if told != made:
        raise BadEventStream(f"the check sum of a message is {told:08x}: expected {made:08x}")
    end = PRELUDE + _U32.unpack(data[4:8])[0]
    headers = tuple(_headers(data[PRELUDE:end]))
    if len({one.name for one in headers}) < len(headers):
        raise BadEventStream("a header's name is there twice")
    return StreamMessage(headers, data[end:-4])


def _headers(data: bytes) -> Iterator[StreamHeader]:
    place = 0

    def take(size: int) -> bytes:
        nonlocal place
        piece = data[place : place + size]
        if len(piece) < size:
            raise BadEventStream(f"headers end within a header: {size} bytes expected, {len(piece)} are here")
        place += size
        return piece

    while place < len(data):
        size = take(1)[0]
        if not size:
            raise BadEventStream("a header without a name")
        name, number = _text(take(size)), take(1)[0]
        try:
            kind = HeaderType(number)
        except ValueError:
            raise BadEventStream(f"header {name!r:.60} is of type {number}: expected 0 to 9") from None
        value: bool | int | bytes | str
        if kind in _NUMBERS:
            value = _NUMBERS[kind].unpack(take(_NUMBERS[kind].size))[0]
        elif kind in (HeaderType.BYTES, HeaderType.STRING):
            value = take(_U16.unpack(take(2))[0])
            value = _text(value) if kind is HeaderType.STRING else value
        else:
            value = take(16) if kind is HeaderType.UUID else kind is HeaderType.TRUE
        yield StreamHeader(name, kind, value)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadEventStream(f"text that is no UTF-8: {data[:40]!r}") from None


# --- what Bedrock puts into it ---

_CHUNK = texts({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"})


def chunk(body: bytes) -> StreamMessage:
    """An event of the model's, as the server sends it (nova_sonic.md#18)."""
    return StreamMessage(_CHUNK, json.dumps({"bytes": base64.b64encode(body).decode()}).encode())


def exception(kind: str, message: str) -> StreamMessage:
    """An error in mid-stream: ``kind`` is e.g. "throttlingException" (nova_sonic.md#19)."""
    return StreamMessage(_exception(kind), json.dumps({"message": message}).encode())


def _exception(kind: str) -> tuple[StreamHeader, ...]:
    return texts({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"})


def framed(text: str | bytes) -> StreamMessage:
    """What a server says, as a message: ``{"validationException": {"message": ...}}``, the form in which the SDKs hand
    out an error, becomes an exception, anything else a chunk with just these bytes.
    """
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if b'Exception"' in data[:64]:
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            return chunk(data)
        if isinstance(body, dict) and len(body) == 1:
            ((kind, told),) = body.items()
            if kind in EXCEPTIONS and isinstance(told, dict):
                return StreamMessage(_exception(kind), json.dumps(told).encode())
    return chunk(data)


def said(message: StreamMessage) -> str:
    """The other way: what a message of the server's says, as text. BadEventStream where it says nothing."""
    kind = message.text(":exception-type")
    if message.text(":message-type") == "exception" and kind is not None:
        try:
            return json.dumps({kind: json.loads(message.payload)})
        except (ValueError, RecursionError):
            raise BadEventStream("the payload of an exception is no JSON") from None
    return _text(chunk_body(message))


def chunk_body(message: StreamMessage) -> bytes:
    """What a chunk holds. BadEventStream where it is none."""
    if message.text(":message-type") != "event" or message.text(":event-type") != "chunk":
        told = {one.name: one.value for one in message.headers}
        raise BadEventStream(f"expected an event of type chunk, came {told!r:.120}")
    try:
        return base64.b64decode(json.loads(message.payload)["bytes"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise BadEventStream("the payload of a chunk is no JSON object with base64 in bytes") from None


def unsigned(outer: StreamMessage) -> StreamMessage | None:
    """What a client's outer message holds, without a look at the signature; None ends its input. BadEventStream.

    Clients wrap each message in another one with headers for the date and the signature, and end with an empty one
    (nova_sonic.md#16, nova_sonic.md#17).
    """
    return decode(outer.payload) if outer.payload else None
