"""A client of event streams over HTTP/2, on the test's own loop: as AWS' SDKs talk, with nothing of theirs."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes

from mockserver.core.event_stream import (
    EventStreamReader,
    HeaderType,
    StreamHeader,
    StreamMessage,
    chunk,
    encode,
    said,
)

PATH = "/model/amazon.nova-2-sonic-v1%3A0/invoke-with-bidirectional-stream?"
KEY = (
    "AWS4-HMAC-SHA256 Credential=AKIDMOCK/20261129/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature="
    + "0" * 64
)


def signed(payload: bytes) -> bytes:
    """As clients wrap a message (nova_sonic.md#16)."""
    date = StreamHeader(":date", HeaderType.TIMESTAMP, 1_785_000_000_000)
    signature = StreamHeader(":chunk-signature", HeaderType.BYTES, bytes(32))
    return encode(StreamMessage((date, signature), payload))


def wrapped(name: str, **fields: Any) -> bytes:
    """One event of the client's."""
    return signed(encode(chunk(json.dumps({"event": {name: fields}}).encode())))


OPENING = b"".join(
    (
        wrapped("sessionStart", inferenceConfiguration={"maxTokens": 1_024}),
        wrapped("promptStart", promptName="p"),
        wrapped("contentStart", promptName="p", contentName="s", type="TEXT", role="SYSTEM"),
        wrapped("textInput", promptName="p", contentName="s", content="Be brief."),
        wrapped("contentEnd", promptName="p", contentName="s"),
    )
)
ENDING = wrapped("promptEnd", promptName="p") + wrapped("sessionEnd")


def asked(text: str, block: str = "u") -> bytes:
    """Interactive text, which is answered."""
    ids = {"promptName": "p", "contentName": block}
    return b"".join(
        (
            wrapped("contentStart", **ids, type="TEXT", role="USER", interactive=True),
            wrapped("textInput", **ids, content=text),
            wrapped("contentEnd", **ids),
        )
    )


class Connection:
    """One connection. ``ended``: how each stream ended: "end", "reset N" or "lost"."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, window: int) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.heads: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytearray] = {}
        self.told: dict[int, list[dict[str, Any]]] = {}
        self.ended: dict[int, str] = {}
        self.acknowledges = True
        self.goaway = False
        self._parts: dict[int, EventStreamReader] = {}
        self._changed = asyncio.Event()

    async def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    async def open(self, path: str = PATH, *, method: str = "POST", end: bool = False, key: str = KEY) -> int:
        number = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":authority", "bedrock"), (":scheme", "http")]
        self.h2.send_headers(number, [*head, *([("authorization", key)] if key else [])], end_stream=end)
        self.told[number], self._parts[number] = [], EventStreamReader()
        await self.flush()
        return number

    async def send(self, number: int, data: bytes, *, end: bool = False) -> None:
        for place in range(0, len(data) or 1, 16_000):
            last = place + 16_000 >= len(data)
            self.h2.send_data(number, data[place : place + 16_000], end_stream=end and last)
        await self.flush()

    async def read(self) -> None:
        """Until the connection ends."""
        try:
            while data := await self.reader.read(65_536):
                for event in self.h2.receive_data(data):
                    self._happened(event)
                await self.flush()
                self._changed.set()
        except ConnectionError:
            pass
        for number in self.told:
            self.ended.setdefault(number, "lost")
        self._changed.set()

    def _happened(self, event: events.Event) -> None:
        match event:
            case events.ResponseReceived():
                self.heads[event.stream_id] = {str(name): str(value) for name, value in event.headers}
            case events.DataReceived():
                if self.acknowledges:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if "eventstream" in self.heads[event.stream_id].get("content-type", ""):
                    parts = self._parts[event.stream_id].feed(event.data)
                    self.told[event.stream_id] += [json.loads(said(part)) for part in parts]
                else:
                    self.bodies.setdefault(event.stream_id, bytearray()).extend(event.data)
            case events.StreamEnded():
                self.ended.setdefault(event.stream_id, "end")
            case events.StreamReset():
                self.ended.setdefault(event.stream_id, f"reset {int(event.error_code)}")
            case events.ConnectionTerminated():
                self.goaway = True

    async def until(self, true: Any) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(5):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    def names(self, number: int) -> list[str]:
        return [next(iter(body.get("event", body))) for body in self.told[number]]

    def texts(self, number: int) -> list[str]:
        """What the assistant said, as it was spoken."""
        return [
            body["event"]["textOutput"]["content"]
            for body in self.told[number]
            if body.get("event", {}).get("textOutput", {}).get("role") == "ASSISTANT"
        ]

    async def until_turn(self, number: int, count: int = 1) -> None:
        """Until so many turns have ended."""

        def turns() -> int:
            ends = [body["event"]["contentEnd"] for body in self.told[number] if "contentEnd" in body.get("event", {})]
            return sum((one["type"], one["stopReason"]) == ("TEXT", "END_TURN") for one in ends)

        await self.until(lambda: turns() >= count or number in self.ended)


@asynccontextmanager
async def connected(server: Any, *, window: int = 1 << 20, tls: bool = False) -> AsyncIterator[Connection]:
    """A connection to a server, in the clear with prior knowledge or over TLS with ALPN."""
    at = urlsplit(server.url)
    secure: ssl.SSLContext | None = None
    if tls:
        secure = server.certificate.client_context()
        secure.set_alpn_protocols(["h2", "http/1.1"])
    reader, writer = await asyncio.open_connection(at.hostname, at.port, ssl=secure)
    if tls:
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    made = Connection(reader, writer, window=window)
    await made.flush()
    task = asyncio.create_task(made.read())
    try:
        yield made
    finally:
        writer.close()
        await asyncio.wait([task])


async def turn(connection: Connection, text: str, *, turns: int = 1) -> int:
    """A stream that is begun and asked."""
    number = await connection.open()
    await connection.send(number, OPENING + asked(text))
    await connection.until_turn(number, turns)
    return number
