"""The one writer of a stream: frames of the session as event-stream messages, as fast as the client's window allows."""

from __future__ import annotations

from asyncio import Event
from collections import deque
from collections.abc import Callable
from typing import Protocol

from mockserver.core.burst import Burst
from mockserver.core.event_stream import encode, framed
from mockserver.core.frames import Binary, Close, Frame, Lost, Text
from mockserver.server.lines import nobody

CROWDED = 4 * 1024 * 1024
"""Bytes that may wait for a client that does not read. From then on its own window stays shut too."""
IN_ORDER = (None, 1000, 1001)
"""Close codes that end a stream in order; a stream of HTTP/2 has none, so any other resets it."""


class Pipe(Protocol):
    """A stream of HTTP/2, as its writer sees it."""

    def write(self, data: bytes | bytearray) -> int:
        """Send what the windows have room for; returns how much that was."""
        ...

    def flush(self) -> None:
        """Hand what was written to the transport."""
        ...

    def finish(self) -> None:
        """END_STREAM."""
        ...

    def fail(self) -> None:
        """RST_STREAM: the server's own fault."""
        ...

    def abort(self) -> None:
        """A TCP reset of the whole connection."""
        ...


class StreamOutlet:
    """Frames to one client. ``open`` once the request has been answered; until then everything waits.

    ``ended`` hears that the last frame is written.
    """

    def __init__(self, ended: Callable[[Close | Lost], None]) -> None:
        self._ended = ended
        self._pipe: Pipe | None = None
        self._early: deque[Frame] = deque()
        self._bytes = bytearray()
        self._last: Close | Lost | None = None
        self._roomy = Event()
        self._roomy.set()
        self.taken = 0
        """How often there was room for more."""
        self.shut = False
        self.before: Callable[[], bool] | None = None
        """Called before frames leave: whether they may. Where they may not they are gone."""

    def open(self, pipe: Pipe) -> None:
        """The answer's head is out."""
        self._pipe = pipe
        early, self._early = self._early, deque()
        for frame in early:
            self.put(frame)
        self.flush()

    def put(self, frame: Frame) -> None:
        """Write a frame, or keep it until there is room. Close ends the stream; Lost resets the connection."""
        if self.shut or self._last is not None:
            return
        if self._pipe is None:
            self._early.append(frame)
        elif isinstance(frame, Text | Binary):
            self._bytes += encode(framed(frame.data))
            if len(self._bytes) > CROWDED:
                self._roomy.clear()
        else:
            self._last = frame
            if isinstance(frame, Lost):
                self._bytes.clear()
            self.flush()

    def put_all(self, burst: Burst) -> None:
        """Frames that go out together."""
        for frame in burst:
            self.put(frame)

    def flush(self) -> None:
        """Send what there is room for."""
        pipe = self._pipe  # the stream may be over once its last frame is out
        if pipe is None or self.shut:
            return
        if self._bytes and self.before is not None:
            ready, self._bytes = self._bytes, bytearray()
            if not self.before():
                return
            self._bytes = ready
        if self._bytes:
            sent = pipe.write(self._bytes)
            if sent:
                self.taken += 1
                del self._bytes[:sent]
            if len(self._bytes) <= CROWDED:
                self._roomy.set()
        if not self._bytes and self._last is not None:
            self._finish(pipe, self._last)
        pipe.flush()

    def flush_soon(self) -> None:
        """The same: HTTP/2 gathers frames by itself."""
        self.flush()

    def pong(self, payload: bytes) -> None:
        """Nothing: pings belong to the connection, not to a stream."""

    @property
    def crowded(self) -> bool:
        """Whether more waits for this client than it should."""
        return not self._roomy.is_set()

    @property
    def held(self) -> int:
        """How many frames wait that must go first."""
        return len(self._early) + bool(self._bytes)

    async def room(self) -> None:
        """Return when there is room."""
        await self._roomy.wait()

    def drop(self) -> None:
        """Forget what has not left yet. A message may be cut by that: the stream is to be failed."""
        self._early.clear()
        self._bytes.clear()

    def stop(self) -> None:
        """Drop what waits and write no more."""
        self.shut = True
        self._early.clear()
        self._bytes.clear()
        self._roomy.set()
        self._pipe = self.before = None
        self._ended = nobody

    def _finish(self, pipe: Pipe, frame: Close | Lost) -> None:
        self.shut = True
        if isinstance(frame, Lost):
            pipe.abort()
        self._ended(frame)
        if isinstance(frame, Close):
            (pipe.finish if frame.code in IN_ORDER else pipe.fail)()
