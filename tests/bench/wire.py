"""The least websocket client there is, so that what is measured is the server.

A blocking socket for floods and round trips, a raw asyncio protocol for hundreds of paced sessions. No compression;
the mask that RFC 6455 section 5.3 asks for is zero, which is a mask too.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator

KEY = "AAAAAAAAAAAAAAAAAAAAAA=="


def request(port: int, path: str = "/v1/realtime?model=gpt-realtime") -> bytes:
    """An upgrade request."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer any\r\n\r\n"
    ).encode()


def masked(text: str | bytes, opcode: int = 1) -> bytes:
    """A client's frame."""
    payload = text.encode() if isinstance(text, str) else text
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload


def frames(data: bytes | bytearray, place: int = 0) -> Iterator[tuple[int, bytes, int]]:
    """Every whole frame of a server: (opcode, payload, where the next one begins)."""
    while len(data) - place >= 2:
        size = data[place + 1] & 127
        begin = place + 2
        if size == 126:
            if len(data) - begin < 2:
                return
            size = int.from_bytes(data[begin : begin + 2], "big")
            begin += 2
        elif size == 127:
            if len(data) - begin < 8:
                return
            size = int.from_bytes(data[begin : begin + 8], "big")
            begin += 8
        if len(data) - begin < size:
            return
        yield data[place] & 15, bytes(data[begin : begin + size]), begin + size
        place = begin + size


class Client:
    """A blocking client."""

    def __init__(self, port: int, *, timeout: float = 60.0) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(request(port))
        self.data = bytearray()
        while b"\r\n\r\n" not in self.data:
            self._more()
        head, _, rest = bytes(self.data).partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode("latin-1"))
        self.data = bytearray(rest)

    def _more(self, size: int = 1 << 18) -> None:
        got = self.sock.recv(size)
        if not got:
            raise ConnectionError("the server has closed")
        self.data += got

    def send(self, *texts: str) -> None:
        """Send text frames in one write."""
        self.sock.sendall(b"".join(map(masked, texts)))

    def receive(self) -> str:
        """The next text frame."""
        while True:
            for opcode, payload, after in frames(self.data):
                del self.data[:after]
                if opcode == 8:
                    raise ConnectionError(f"closed: {payload!r}")
                if opcode in (1, 2):
                    return payload.decode()
                break
            else:
                self._more()

    def until(self, part: str) -> list[str]:
        """Every frame up to the first that holds ``part``."""
        got = []
        while True:
            got.append(self.receive())
            if part in got[-1]:
                return got

    def swallow(self, tail: bytes) -> bytearray:
        """Everything up to bytes that end with ``tail``, unparsed: as fast as a socket can be read."""
        data = self.data
        recv = self.sock.recv_into
        chunk = bytearray(1 << 20)
        view = memoryview(chunk)
        while not data.endswith(tail):
            size = recv(chunk)
            if not size:
                raise ConnectionError("the server has closed")
            data += view[:size]
        self.data = bytearray()
        return data

    def close(self) -> None:
        """Close TCP."""
        self.sock.close()


class Paced(asyncio.Protocol):
    """One of many clients of a paced session: the time at which each frame is complete.

    After the frame that holds ``start`` every frame is ``size`` bytes long, header included, so that counting bytes is
    all that is left to do.
    """

    def __init__(self, texts: list[str], start: bytes, size: int, done: Callable[[], None], total: int) -> None:
        self.texts, self.start, self.size, self.total = texts, start, size, total
        self.done = done
        self.loop = asyncio.get_running_loop()
        self.began = 0.0
        self.times: list[float] = []
        self.buffer = bytearray()
        self.upgraded = self.counting = self.ready = False
        self.seen = 0
        self.failed = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        port = transport.get_extra_info("peername")[1]
        transport.write(request(port))

    def go(self) -> None:
        """Ask for the frames; the schedule begins now."""
        self.began = self.loop.time()
        self.transport.write(b"".join(map(masked, self.texts)))

    def data_received(self, data: bytes) -> None:
        if self.counting:
            self.seen += len(data)
            while self.seen >= self.size:
                self.seen -= self.size
                self.times.append(self.loop.time())
                if len(self.times) == self.total:
                    self.done()
            return
        self.buffer += data
        if not self.upgraded:
            if b"\r\n\r\n" not in self.buffer:
                return
            self.upgraded = True
            self.buffer = self.buffer[self.buffer.index(b"\r\n\r\n") + 4 :]
        place = 0
        for _, payload, after in frames(self.buffer):
            place = after
            self.ready = True
            if self.start in payload:
                rest = bytes(self.buffer[place:])
                self.counting = True
                if rest:
                    self.data_received(rest)
                return
        del self.buffer[:place]

    def connection_lost(self, exc: Exception | None) -> None:
        if len(self.times) < self.total:
            self.failed = f"connection lost after {len(self.times)} of {self.total} frames: {exc}"
            self.done()
