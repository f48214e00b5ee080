"""One TCP connection that speaks HTTP/2: its requests become streams, and what it says goes through h2."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Protocol, Transport
from collections.abc import Callable
from typing import Any
from typing import Protocol as Shape

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error
from h2.settings import SettingCodes

from mockserver.core.frames import Handshake, Pairs
from mockserver.engines.base import HttpReply
from mockserver.server.http2.leaving import PING, FrameTooLong, Sieve
from mockserver.server.http2.outlet import StreamOutlet
from mockserver.server.http2.stream import EventStream
from mockserver.server.pump import Pump
from mockserver.server.websocket.answers import told
from mockserver.server.websocket.app import READ
from mockserver.server.websocket.asking import split_target, too_much
from mockserver.server.websocket.circles import unhooked
from mockserver.server.websocket.outlet import reset
from mockserver.server.websocket.reading import Shift

WINDOW = 1 << 20
"""Bytes that a client may send ahead, in one stream and in all."""
MOST_STREAMS = 100
"""At a time on one connection (RFC 9113 section 6.5.2 proposes no fewer)."""
PIECE = 1024
"""Bytes that h2 is given at once: a hundred of the shortest frames, or a few sessions."""
HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade", "proxy-connection", "te"})
"""Headers that HTTP/2 does not have (RFC 9113 section 8.2.2)."""


class StreamHost(Shape):
    """What a connection asks of the server."""

    def open(self, handshake: Handshake, *, outlet: Callable[..., Any], transport: str) -> Pump | HttpReply: ...

    def closed(self, pump: Pump) -> None: ...


class Http2Connection(Protocol):
    """``came``: when its last bytes came, by the loop's clock. ``forget``: told when it has ended."""

    def __init__(self, host: StreamHost, loop: AbstractEventLoop, forget: Callable[[Http2Connection], object]) -> None:
        self._host = host
        self.loop = loop
        self._forget = forget
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._sieve = Sieve()
        self._transport: Transport | None = None
        self._streams: dict[int, EventStream] = {}
        self._paused = False
        self._closing = False
        self._gone = False
        self._held = b""  # what has been read of the socket and is to be looked at in the next turn
        self.came = 0.0

    # --- asyncio ---

    def connection_made(self, transport: Any) -> None:
        """A client is there, and has said so."""
        self._transport = transport
        if hasattr(transport, "max_size"):
            transport.max_size = READ
        self._h2.initiate_connection()
        self._h2.update_settings(
            {SettingCodes.INITIAL_WINDOW_SIZE: WINDOW, SettingCodes.MAX_CONCURRENT_STREAMS: MOST_STREAMS}
        )
        self._h2.increment_flow_control_window(WINDOW)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.came = self.loop.time()
        if self._closing:
            return
        if self._held:
            self._held += data  # what was on its way when reading was paused
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        """Read for as long as a turn may take: one read may be thousands of frames, each of which h2 looks at."""
        shift = Shift()
        for place in range(0, len(data), PIECE):
            if shift.over:
                self._held = data[place:]
                self.transport.pause_reading()
                self.loop.call_soon(self._read_on)
                break
            if not self._understood(data[place : place + PIECE]):
                return
        self.flush()

    def _read_on(self) -> None:
        """The others have had their turn."""
        data, self._held = self._held, b""
        if self._closing:
            return
        self._read(data)
        if not self._held and not self._closing:
            self.transport.resume_reading()

    def _understood(self, data: bytes) -> bool:
        try:
            happened = self._h2.receive_data(self._sieve.passed(data))
        except (H2Error, UnicodeError, FrameTooLong) as problem:
            self._broken(f"protocol error: {problem}"[:200])
            return False
        for event in happened:
            self._happened(event)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection has ended."""
        self._closing = True
        for stream in tuple(self._streams.values()):
            stream.lost("connection lost")
            stream.leave()
        self._forget(self)
        self._gone = True
        vars(self._h2).clear()  # it refers to itself, and holds up to a megabyte of headers that never ended
        unhooked(self._transport, "_read_ready_cb", "_write_ready")

    def pause_writing(self) -> None:
        """The transport is full."""
        self._paused = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._paused = False
        self._room()

    # --- what a stream asks ---

    @property
    def transport(self) -> Transport:
        """Of the whole connection."""
        assert self._transport is not None
        return self._transport

    def answer(self, stream: int, status: int, headers: Pairs, body: bytes | None = None) -> None:
        """The head of an answer; with a body, even an empty one, all of it."""
        head = [(":status", str(status))]
        head += [(name.lower(), value) for name, value in headers if name.lower() not in HOP]
        if body is not None:
            head.append(("content-length", str(len(body))))
        self._say(lambda: self._h2.send_headers(stream, head, end_stream=body == b""))
        if body:
            # An answer is short: it fits what every client has room for at first.
            self._say(lambda: self._h2.send_data(stream, body[:16_384], end_stream=True))
        self.flush()

    def write(self, stream: int, data: bytes | bytearray) -> int:
        """As much as the windows have room for."""
        sent = 0
        view = memoryview(data)
        try:
            while sent < len(data) and not self._paused and not self._closing:
                room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
                if room <= 0:
                    break
                piece = bytes(view[sent : sent + room])
                self._h2.send_data(stream, piece)
                sent += len(piece)
        except H2Error:
            return len(data)  # the stream has been closed by the client; its session hears of it by itself
        finally:
            view.release()
        return sent

    def flush(self) -> None:
        """Hand what h2 has to say to the transport."""
        if self._gone:
            return
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def finish(self, stream: int) -> None:
        """END_STREAM."""
        self._say(lambda: self._h2.end_stream(stream))

    def reset(self, stream: int, *, fault: bool) -> None:
        """RST_STREAM: of the server's own fault, or because what is still to come is not wanted."""
        code = ErrorCodes.INTERNAL_ERROR if fault else ErrorCodes.NO_ERROR
        self._say(lambda: self._h2.reset_stream(stream, code))
        self.flush()

    def taken(self, stream: int, size: int) -> None:
        """The client may send so much more."""
        if size:
            self._say(lambda: self._h2.acknowledge_received_data(size, stream))

    def abort(self) -> None:
        """A TCP reset, which ends all streams."""
        if self._transport is not None:
            reset(self._transport)

    def mute(self) -> None:
        """Pings are not answered any more."""
        self._sieve.without |= {PING}

    def done(self, stream: int) -> None:
        """A stream is over."""
        ended = self._streams.pop(stream, None)
        if ended is not None:
            ended.pump.stop()
            self._host.closed(ended.pump)

    def close(self) -> None:
        """The server closes. What the transport holds still goes out."""
        if not self._closing and self._transport is not None:
            self._closing = True
            self._say(self._h2.close_connection)
            self.flush()
            self._transport.close()

    # --- inside ---

    def _happened(self, event: events.Event) -> None:
        match event:
            case events.RequestReceived():
                self._request(event)
            case events.DataReceived():
                stream = self._streams.get(event.stream_id)
                if stream is None:
                    self.taken(event.stream_id, event.flow_controlled_length)
                else:
                    stream.data(event.data, event.flow_controlled_length)
            case events.StreamEnded():
                if (stream := self._streams.get(event.stream_id)) is not None:
                    stream.ended()
            case events.StreamReset():
                if (stream := self._streams.get(event.stream_id)) is not None:
                    stream.lost("the client has reset the stream")
                    stream.leave()
            case events.WindowUpdated() | events.RemoteSettingsChanged():
                self._room()
            case _:
                pass  # priorities, settings that were taken, pongs

    def _request(self, event: events.RequestReceived) -> None:
        number = event.stream_id
        pseudo = {str(name): str(value) for name, value in event.headers if str(name).startswith(":")}
        target = pseudo.get(":path", "/")
        refusal = too_much(target, ())  # of the headers' size h2 takes care
        if refusal is not None:
            self._refuse(number, refusal)
            return
        path, query = split_target(target)
        headers = tuple((str(name), str(value)) for name, value in event.headers if not str(name).startswith(":"))
        if pseudo.get(":method") != "POST":
            self._refuse(number, told(404, "over HTTP/2 there are streams only; ask for anything else over HTTP/1.1"))
            return
        handshake = Handshake(path, query, headers, (), target)
        pump = self._host.open(handshake, outlet=StreamOutlet, transport="event-stream")
        if isinstance(pump, HttpReply):
            self._refuse(number, pump)
            return
        self._streams[number] = stream = EventStream(self, number, pump)
        stream.begin(handshake)

    def _refuse(self, stream: int, reply: HttpReply) -> None:
        self.answer(stream, reply.status, reply.headers, reply.body)

    def _room(self) -> None:
        for stream in tuple(self._streams.values()):
            stream.room()

    def _say(self, say: Callable[[], None]) -> None:
        """Tell h2, which refuses what cannot be said any more: the client was faster with its own end."""
        try:
            if not self._gone:
                say()
        except H2Error:
            pass

    def _broken(self, why: str) -> None:
        self._closing = True
        for stream in tuple(self._streams.values()):
            stream.lost(why)
        self.flush()
        self.transport.close()
