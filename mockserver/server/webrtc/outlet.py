"""The one writer of a call: events go over the data channel, audio to the track that plays it."""

from __future__ import annotations

import base64
import binascii
from asyncio import Event
from collections import deque
from collections.abc import Callable
from typing import Protocol

from aiortc import RTCDataChannel

from mockserver.core.burst import Burst
from mockserver.core.frames import Binary, Close, Frame, Lost, Sender, Text
from mockserver.core.view import Lens, View
from mockserver.dialects.calls import CallFacts

CROWDED = 4 * 1024 * 1024
"""Bytes that may wait for a client that does not read."""
MOST = 64 * 1024 * 1024
"""Bytes that wait at most; a client that still does not read is ended."""


class CallEnd(Protocol):
    """The call, as its writer sees it."""

    def close(self) -> None:
        """End it in order."""
        ...

    def abort(self) -> None:
        """End it without a word."""
        ...


class Plays(Protocol):
    """What plays audio to the client."""

    def put(self, audio: bytes, rate: int, encoding: str) -> None:
        """Play this behind what there is."""
        ...


class ChannelOutlet:
    """Frames to one client. ``open`` once its data channel is there; until then events wait.

    ``lens`` and ``sound``: how audio in a frame is read; ``ended`` hears that the last frame is written.
    """

    def __init__(
        self, ended: Callable[[Close | Lost], None], *, calls: CallFacts, sound: Callable[[], tuple[int, str]]
    ) -> None:
        self._ended = ended
        self._calls = calls
        self._sound = sound
        self.lens: Lens | None = None
        self.line: CallEnd | None = None
        self.speaker: Plays | None = None
        self._channel: RTCDataChannel | None = None
        self._waiting: deque[Frame] = deque()
        self._bytes = 0
        self._roomy = Event()
        self._roomy.set()
        self.lingers: Callable[[], bool] = lambda: False
        self.taken = 0
        self.shut = False
        self.before: Callable[[], bool] | None = None
        """Called before frames leave: whether they may. Where they may not they are gone."""

    def open(self, channel: RTCDataChannel) -> None:
        """The data channel is there."""
        self._channel = channel
        channel.bufferedAmountLowThreshold = CROWDED
        channel.on("bufferedamountlow", self._roomy.set)
        self.flush()

    def put(self, frame: Frame) -> None:
        """Write a frame, or keep it until it can be written. Close ends the call; Lost ends it without a word."""
        if self.shut:
            return
        if isinstance(frame, Lost):
            self.stop()
            if self.line is not None:
                self.line.abort()
            self._ended(frame)
            return
        self._waiting.append(frame)
        if isinstance(frame, Text | Binary):
            self._bytes += len(frame.data)
            if self._bytes > MOST:
                self.put(Lost(f"the client does not read: {MOST} bytes wait for it"))
        else:
            self.flush()

    def put_all(self, burst: Burst) -> None:
        """Frames that go out together."""
        for frame in burst:
            self.put(frame)

    def flush(self) -> None:
        """Send what can be sent."""
        if not self._waiting:
            return
        if self.before is not None and not self.before():
            self.drop()
            return
        held: deque[Frame] = deque()
        ready, self._waiting = self._waiting, deque()
        for frame in ready:
            if self.shut:
                return  # one of them was too much
            view = self._media(frame)
            if view is not None:
                self._bytes -= len(frame.data)  # type: ignore[union-attr]
                self._play(view)
            elif isinstance(frame, Close):
                if not held:
                    self._finish(frame)
                    return
                held.append(frame)
            elif isinstance(frame, Text | Binary) and not self._sent(frame):
                held.append(frame)
        self._waiting = held

    def flush_soon(self) -> None:
        """The same: a data channel gathers by itself."""
        self.flush()

    def pong(self, payload: bytes) -> None:
        """Nothing: a data channel has no pings."""

    @property
    def crowded(self) -> bool:
        """Whether more waits for this client than it should."""
        return self._bytes > CROWDED or (self._channel is not None and self._channel.bufferedAmount > CROWDED)

    @property
    def held(self) -> int:
        """How many frames wait that must go first."""
        return len(self._waiting)

    async def room(self) -> None:
        """Return when there is room."""
        if self.crowded:
            self._roomy.clear()
        await self._roomy.wait()

    def drop(self) -> None:
        """Forget what has not left yet."""
        self._waiting.clear()
        self._bytes = 0

    def stop(self) -> None:
        """Drop what waits and write no more."""
        self.shut = True
        self.drop()
        self._roomy.set()

    # --- inside ---

    def _media(self, frame: Frame) -> View | None:
        if self.lens is None or not isinstance(frame, Text):
            return None
        view = self.lens.view(frame, Sender.SERVER)
        return view if self._calls.apart(view) else None

    def _play(self, view: View) -> None:
        found = view.body
        for step in view.audio.path if view.audio is not None else ():
            found = found[step]
        if self.speaker is None or not isinstance(found, str):
            return
        try:
            self.speaker.put(base64.b64decode(found), *self._sound())
        except (binascii.Error, ValueError):
            pass  # a fault has spoilt it: there is nothing that could be played

    def _sent(self, frame: Text | Binary) -> bool:
        channel = self._channel
        if channel is None:
            return False
        self._bytes -= len(frame.data)
        if channel.readyState == "open":
            channel.send(frame.data)
            self.taken += 1
            if channel.bufferedAmount > MOST:
                self.put(Lost(f"the client does not read: {channel.bufferedAmount} bytes wait for it"))
        return True

    def _finish(self, frame: Close) -> None:
        self.shut = True
        self._ended(frame)
        if self.line is not None and not self.lingers():
            self.line.close()
