"""The one writer of a socket: frames in order, straight into the transport, held back when it is full.

Data frames are written here and not through aiohttp's ``send_str``, because frames that are due together can then go
out in one system call and no coroutine runs per frame. Framing is RFC 6455 section 5.2, compression is RFC 7692
section 7.2.1.
"""

from __future__ import annotations

import socket
import struct
import zlib
from asyncio import Task, Transport, get_running_loop, sleep, wait
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from time import monotonic
from typing import Any, Protocol

from mockserver.core.burst import Burst, filled
from mockserver.core.frames import Binary, Close, Frame, Lost, Text
from mockserver.server.lines import nobody

websocket_mask: Callable[[bytes, bytearray], None] | None
try:
    from aiohttp._websocket.helpers import websocket_mask
except ImportError:  # not public, so it may move; it is in C and only faster
    websocket_mask = None

TEXT, BINARY, CLOSE, PONG = 0x1, 0x2, 0x8, 0xA
COMPRESSED = 0x40
BATCH = 64 * 1024
"""Bytes of frames that are joined before they are handed to the transport."""
CROWDED = 4 * 1024 * 1024
"""Bytes that may wait for a client that does not read. From then on nothing is read from it either."""
AT_ONCE = 50e-6
"""Real seconds: frames that come as close as this come of one turn of the loop, and leave together."""

_MEDIUM = struct.Struct("!BBH").pack
_LARGE = struct.Struct("!BBQ").pack
_KEY = struct.Struct("!I").pack
_CODE = struct.Struct("!H").pack


def header(opcode: int, size: int) -> bytes:
    """The head of one unmasked websocket frame."""
    if size < 126:
        return bytes((0x80 | opcode, size))
    if size < 65_536:
        return _MEDIUM(0x80 | opcode, 126, size)
    return _LARGE(0x80 | opcode, 127, size)


def masked(payload: bytes, key: bytes) -> bytes | bytearray:
    """The payload under a mask of four bytes (RFC 6455 section 5.3)."""
    if websocket_mask is not None:
        data = bytearray(payload)
        websocket_mask(key, data)
        return data
    size = len(payload)
    whole = int.from_bytes((key * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ whole).to_bytes(size, "little")


def close_payload(code: int | None, reason: str = "") -> bytes:
    """The payload of a close frame; empty where there is no code (RFC 6455 section 5.5.1)."""
    return b"" if code is None else _CODE(code) + reason.encode()[:123]


class Abortable(Protocol):
    """A connection that can be ended at once."""

    def abort(self) -> None: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


def reset(transport: Abortable) -> None:
    """End a connection with a TCP reset instead of a FIN."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # the peer was faster, or the socket is not TCP: there is nothing left to reset
    transport.abort()


class Deflater:
    """The compression that was agreed for one direction of a socket (RFC 7692). ``takeover``: what was sent before
    helps to pack what comes next.
    """

    __slots__ = ("_bits", "_deflate", "_takeover")

    def __init__(self, window_bits: int, *, takeover: bool) -> None:
        self._bits, self._takeover = window_bits, takeover
        self._deflate: zlib._Compress | None = None

    def packed(self, payload: bytes) -> bytes:
        """The payload of one compressed frame."""
        if self._deflate is None or not self._takeover:
            # Level 1: the mock must be fast, and a client cannot see the level.
            self._deflate = zlib.compressobj(1, zlib.DEFLATED, -self._bits)
        return (self._deflate.compress(payload) + self._deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


class Backlog:
    """What waits until there is room, in order. ``size``: its bytes, or characters, which is near enough."""

    __slots__ = ("_waiting", "size")

    def __init__(self) -> None:
        self._waiting: deque[Frame | Burst] = deque()
        self.size = 0

    def add(self, what: Frame | Burst) -> None:
        """One more, the last."""
        self._waiting.append(what)
        self.size += _size(what)

    def take(self) -> Frame | Burst:
        """The first."""
        what = self._waiting.popleft()
        self.size -= _size(what)
        return what

    def put_back(self, what: Frame | Burst) -> None:
        """What is left of the first."""
        self._waiting.appendleft(what)
        self.size += _size(what)

    def clear(self) -> None:
        """Forget it all."""
        self._waiting.clear()
        self.size = 0

    def __len__(self) -> int:
        return len(self._waiting)


class Outlet:
    """Frames to one peer. ``open`` once the handshake has been answered; until then everything waits.

    ``mask``: what a client sends is masked (RFC 6455 section 5.3). ``ended`` hears that the last frame is written.
    """

    def __init__(self, ended: Callable[[Close | Lost], None], *, mask: bool = False) -> None:
        self._ended = ended
        self._bits = Random().getrandbits if mask else None
        self._ticking = False
        self._flushed = 0.0  # when something left for the last time, by the real clock
        self._transport: Transport | None = None
        self._drain: Callable[[], Awaitable[None]] | None = None
        self._deflater: Deflater | None = None
        self._backlog = Backlog()
        self._pong: bytes | None = None  # the answer to the last ping, where there was no room for it
        self.taken = 0
        """How often there was room for more."""
        self._chunks: list[bytes | bytearray] = []
        self._size = 0
        self._idle = False  # open, and no task waits for room
        self._task: Task[None] | None = None
        self._high = BATCH
        self.shut = False
        self.before: Callable[[], bool] | None = None
        """Called before frames leave: whether they may. Where they may not they are gone."""

    def open(
        self, transport: Transport, drain: Callable[[], Awaitable[None]], *, window_bits: int = 0, takeover: bool = True
    ) -> None:
        """The socket is there. ``window_bits`` 0 means that no compression was agreed."""
        self._transport, self._drain = transport, drain
        self._deflater = Deflater(window_bits, takeover=takeover) if window_bits else None
        # The transport's own limit, so that its drain agrees about what is full.
        self._high = transport.get_write_buffer_limits()[1]
        self._idle = True
        self._pour()

    def put(self, frame: Text | Binary | Close | Lost) -> None:
        """Write a frame, or keep it until there is room. Close ends the writing; Lost resets the connection."""
        if self._idle:
            self._write(frame)
            return
        if isinstance(frame, Text) and not frame.data.isascii():
            frame.data.encode()  # text that cannot be written is its sender's error, so it is raised here and not later
        self._backlog.add(frame)

    def put_all(self, burst: Burst) -> None:
        """Write text frames that go out together, as ``put`` writes each; none of them is unfit to be written."""
        rest = self._write_all(burst) if self._idle else burst
        if rest is not None:
            self._backlog.add(rest)

    def flush(self) -> None:
        """Hand what was put to the transport; frames that were put together leave in one write."""
        if self._chunks and self._transport is not None:
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._size = 0
            if self.before is not None and not self.before():
                return
            if not self._transport.is_closing():
                self._transport.write(data)
            if self._full():
                self._await_room()

    def flush_soon(self) -> None:
        """The same for what a socket brought about: now, and what more comes of this turn of the loop together.

        A turn of its own for each frame, to see whether more comes, would add to every round trip of a relay.
        """
        if self._chunks and not self._ticking:
            if monotonic() - self._flushed > AT_ONCE:
                self.flush()
                self._flushed = monotonic()
            else:
                self._ticking = True
                get_running_loop().call_soon(self._tick)

    def pong(self, payload: bytes) -> None:
        """Answer a ping. Control frames may overtake data that waits here, never data in the transport."""
        if self._transport is None or self.shut or self._transport.is_closing():
            return
        if self._full():
            # Only the last ping needs an answer (RFC 6455 section 5.5.3): who does not read them fills no memory.
            self._pong = payload
            self._await_room()
        else:
            self._transport.write(b"".join(self._framed(PONG, payload)))

    @property
    def crowded(self) -> bool:
        """Whether more waits for this peer than it should."""
        return self._backlog.size > CROWDED

    @property
    def held(self) -> int:
        """How many frames or bursts of frames wait for room."""
        return len(self._backlog)

    async def room(self) -> None:
        """Return when nothing waits any more."""
        while (task := self._task) is not None:
            await _done(task)

    def drop(self) -> None:
        """Forget what has not left yet."""
        self._backlog.clear()
        self._chunks.clear()
        self._size = 0

    def stop(self) -> Task[None] | None:
        """Drop what waits and write no more; returns the task to wait for, if there is one.

        Nothing of whoever used it is kept, nor the window of the compression (256 KiB): what only the collector finds
        can stay for long.
        """
        self.shut = True
        self._deflater = self.before = None
        self._ended = nobody
        self.drop()
        if self._task is not None:
            self._task.cancel()
        return self._task

    # --- inside ---

    def _await_room(self) -> None:
        self._idle = False
        if self._task is None:
            self._task = get_running_loop().create_task(self._wait_for_room())

    def _full(self) -> bool:
        transport = self._transport
        return transport is not None and not transport.is_closing() and transport.get_write_buffer_size() > self._high

    def _write(self, frame: Frame) -> None:
        if self.shut:
            return
        if type(frame) is Text:
            opcode, payload = TEXT, frame.data.encode()
        elif type(frame) is Binary:
            opcode, payload = BINARY, frame.data
        else:
            self._last(frame)
            return
        if self._deflater is not None:
            opcode, payload = opcode | COMPRESSED, self._deflater.packed(payload)
        size = len(payload)
        # Header and payload are joined with the rest of the batch, and copied once.
        if self._bits is not None:
            self._chunks += self._framed(opcode, payload)
        elif 126 <= size < 65_536:
            self._chunks += (_MEDIUM(0x80 | opcode, 126, size), payload)
        else:
            self._chunks += (header(opcode, size), payload)
        self._size += size
        if self._size > BATCH:
            self.flush()

    def _write_all(self, burst: Burst) -> Burst | None:
        """Write as much of a burst as there is room for; returns the rest, if there is one."""
        if self._bits is not None or self._deflater is not None:
            for frame in burst:
                self._write(frame)
            return None
        chunks, total = self._chunks, self._size
        pieces = burst.pieces
        for place, (text, fill) in enumerate(pieces, 1):
            if self.shut:  # also where what was before it may not leave, and the session has ended
                return None
            payload = filled(text, fill).encode()
            size = len(payload)
            if 126 <= size < 65_536:
                chunks += (_MEDIUM(0x80 | TEXT, 126, size), payload)
            else:
                chunks += (header(TEXT, size), payload)
            total += size
            if total > BATCH:
                self._size = total
                self.flush()
                total = 0
                if self._full() and place < len(pieces):
                    return burst[place:]
        self._size = total
        return None

    def _last(self, frame: Frame) -> None:
        if isinstance(frame, Close):
            self._chunks += self._framed(CLOSE, close_payload(frame.code, frame.reason))
        self.flush()
        self.shut = True
        if isinstance(frame, Lost) and self._transport is not None:
            reset(self._transport)
        if isinstance(frame, Close | Lost):
            self._ended(frame)

    def _framed(self, opcode: int, payload: bytes) -> tuple[bytes, bytes | bytearray]:
        head = header(opcode, len(payload))
        if self._bits is None:
            return head, payload
        # Seeded by the system, as aiohttp does it: what must not be foreseen is the mask, by whoever chose the payload.
        key = _KEY(self._bits(32))
        return bytes((head[0], head[1] | 0x80)) + head[2:] + key, masked(payload, key)

    def _tick(self) -> None:
        self._ticking = False
        self.flush()
        self._flushed = monotonic()

    def _pour(self) -> None:
        while self._backlog and not self._full():
            frame = self._backlog.take()
            self.taken += 1
            if not isinstance(frame, Burst):
                self._write(frame)
            elif (rest := self._write_all(frame)) is not None:
                self._backlog.put_back(rest)
        if self._pong is not None and not self._full():
            payload, self._pong = self._pong, None
            self.pong(payload)
        self.flush()

    async def _wait_for_room(self) -> None:
        assert self._drain is not None
        try:
            while self._backlog or self._pong is not None or self._full():
                try:
                    await self._drain()
                except ConnectionError:
                    self._backlog.clear()  # the client has gone; its reader reports it
                    return
                if self._full():
                    await sleep(0)  # a transport whose drain returns early (TLS) must not stop the loop
                self._pour()
            self._idle = True
        finally:
            self._task = None


def _size(what: Frame | Burst) -> int:
    """Bytes of what waits, or characters, which is near enough."""
    if isinstance(what, Burst):
        return sum(len(text) for text, _ in what.pieces)
    return len(what.data) if isinstance(what, Text | Binary) else 0


async def _done(task: Task[None]) -> None:
    """Wait for a task without taking over its end."""
    await wait([task])
