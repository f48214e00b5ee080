"""One request of a client that goes on as a stream: its messages become events of a session.

A client may end its input and still listen. That is no frame of the session; the engine is told with a word, and one
that has nothing more to say is told that its client has left.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport
from typing import Any, Protocol

from mockserver.core.event_stream import BadEventStream, EventStreamReader, chunk_body, unsigned
from mockserver.core.frames import (
    Abort,
    Accept,
    Binary,
    Close,
    Handshake,
    Lost,
    Opened,
    Pairs,
    Peer,
    Received,
    Refuse,
    Tell,
    Text,
)
from mockserver.server.http2.outlet import StreamOutlet
from mockserver.server.pump import Pump

MEDIA = "application/vnd.amazon.eventstream"
UNREAD_SECONDS = 60.0
"""Seconds of the loop's clock after which a client that takes nothing of what waits for it is ended."""


class Wires(Protocol):
    """The connection, as one of its streams sees it."""

    loop: AbstractEventLoop
    came: float

    @property
    def transport(self) -> Transport: ...

    def answer(self, stream: int, status: int, headers: Pairs, body: bytes | None = None) -> None: ...

    def write(self, stream: int, data: bytes | bytearray) -> int: ...

    def flush(self) -> None: ...

    def finish(self, stream: int) -> None: ...

    def reset(self, stream: int, *, fault: bool) -> None: ...

    def taken(self, stream: int, size: int) -> None: ...

    def abort(self) -> None: ...

    def mute(self) -> None: ...

    def done(self, stream: int) -> None: ...


class EventStream:
    """A session's end of one stream. It is the session's transport too: what a pump asks of a TCP connection."""

    def __init__(self, wires: Wires, number: int, pump: Pump) -> None:
        self.wires = wires
        self.number = number
        self.pump = pump
        self._reader = EventStreamReader()
        self._heard_all = False
        self._ended = False  # END_STREAM is out
        self._gone = False
        self._unread = 0  # bytes of the client's that are not acknowledged, because it does not read
        pump.transport = self
        pump.idle = self._idle

    def begin(self, handshake: Handshake) -> None:
        """The request is there."""
        self.pump.decided.add_done_callback(self._decided)
        self.pump.feed(Opened(handshake))

    # --- what comes ---

    def data(self, data: bytes, size: int) -> None:
        """A piece of the request's body, which took ``size`` bytes of the window."""
        pump = self.pump
        if not pump.reading:
            return  # half-open: nothing is read, and the window stays shut
        try:
            for outer in self._reader.feed(data):
                inner = unsigned(outer)
                if inner is not None and not pump.session.over:
                    pump.feed(Received(Peer.CLIENT, _frame(chunk_body(inner))), came=self.wires.came)
        except BadEventStream as problem:
            self.lost(f"protocol error: {problem}")
            self.wires.reset(self.number, fault=True)
            self.leave()
            return
        if pump.outlet.crowded:
            self._unread += size
            if self._unread == size:
                self.wires.loop.call_later(UNREAD_SECONDS, self._unmoved, pump.outlet.taken)
        else:
            self.wires.taken(self.number, size)

    def ended(self) -> None:
        """The client sends nothing more (END_STREAM)."""
        self._heard_all = True
        pump = self.pump
        if self._reader.pending and not pump.session.over:
            self.lost("protocol error: the input ends within a message")
            self.wires.reset(self.number, fault=True)
            self.leave()
        elif pump.session.over:
            self._rest()
        else:
            pump.note("http2", "the client has ended its input")
            pump.feed(Tell("input ended"))

    def lost(self, why: str) -> None:
        """The client has gone without a word; each session ends once."""
        if not self.pump.session.over:
            self.pump.feed(Received(Peer.CLIENT, Lost(why)))

    def room(self) -> None:
        """The client's window has opened."""
        self.pump.outlet.flush()
        if self._unread and not self.pump.outlet.crowded:
            size, self._unread = self._unread, 0
            self.wires.taken(self.number, size)

    # --- the answer ---

    def _decided(self, future: Any) -> None:
        if self._gone:
            return
        match future.result():
            case Accept(_, extra):
                # nova_sonic.md#4
                self.wires.answer(self.number, 200, (("content-type", MEDIA), *extra))
                assert isinstance(self.pump.outlet, StreamOutlet)
                self.pump.outlet.open(self)
            case Refuse(status, extra, body):
                self.wires.answer(self.number, status, extra, body)
                self.leave()
            case Abort():
                self.abort()

    # --- a pipe for the outlet ---

    def write(self, data: bytes | bytearray) -> int:
        """What the windows have room for."""
        return 0 if self._gone else self.wires.write(self.number, data)

    def flush(self) -> None:
        """To the transport."""
        self.wires.flush()

    def finish(self) -> None:
        """END_STREAM."""
        self._ended = True
        self.wires.finish(self.number)
        self._rest()

    def fail(self) -> None:
        """RST_STREAM."""
        self.wires.reset(self.number, fault=True)
        self.leave()

    def abort(self) -> None:
        """A TCP reset."""
        self.wires.abort()

    # --- a transport for the pump ---

    def close(self) -> None:
        """Hang up: what of the client's input is still to come is not wanted (RFC 9113 section 8.1)."""
        if not self._gone:
            self.wires.reset(self.number, fault=not self._ended)
            self.leave()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the connection."""
        return self.wires.transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Half-open: the stream stays and nothing is read from it."""
        if not self.pump.ponging:
            self.wires.mute()

    # --- the end ---

    def _rest(self) -> None:
        """Both sides have said all."""
        if self._heard_all and self._ended:
            self.leave()

    def _idle(self) -> None:
        """Nothing is due. A client that has ended its input and is owed nothing has left."""
        if self._heard_all and not self.pump.session.over:
            self.pump.feed(Received(Peer.CLIENT, Close(1000)))
            self.pump.outlet.put(Close(1000))
            self.pump.outlet.flush()

    def _unmoved(self, taken: int) -> None:
        if self._unread and self.pump.outlet.taken == taken and not self._gone:
            self.lost(f"the client does not read: nothing was taken for {UNREAD_SECONDS:g} s")
            self.wires.reset(self.number, fault=True)
            self.leave()

    def leave(self) -> None:
        """The stream is over."""
        if not self._gone:
            self._gone = True
            if not self.pump.left.done():
                self.pump.left.set_result(None)
            self.wires.done(self.number)


def _frame(body: bytes) -> Text | Binary:
    """An event as text; bytes that are none stay bytes."""
    try:
        return Text(body.decode())
    except UnicodeDecodeError:
        return Binary(body)
