"""The HTTP side: every request of every path comes here, and a websocket handshake becomes a session.

aiohttp's low-level server is used as it is: there are no routes, so there is nothing for an Application to do.
"""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from mockserver.core.frames import (
    Abort,
    Accept,
    Handshake,
    Opened,
    Refuse,
)
from mockserver.engines.base import HttpReply, Request
from mockserver.errors import ExpectationFailed
from mockserver.server.pump import Pump
from mockserver.server.turnstile import Turnstile
from mockserver.server.websocket.answers import OURS, response, told
from mockserver.server.websocket.asking import (
    MAX_BODY,
    MAX_HEAD,
    body_of,
    pairs,
    read_handshake,
    split_target,
    too_much,
)
from mockserver.server.websocket.circles import opened_up, unhooked, untraced
from mockserver.server.websocket.outlet import Outlet, reset
from mockserver.server.websocket.reading import broken, lost, read
from mockserver.server.websocket.strict import Frames, handshake_problem

if TYPE_CHECKING:
    from mockserver.server.workers.crew import Crew

MAX_EARLY = 4 * MAX_HEAD
"""Bytes that are kept of what comes with a request, because frames may be in them."""

MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes that one message may have, unpacked: four times what any provider takes. More is a close 1009."""

READ = 64 * 1024
"""Bytes that are read from a socket at once."""

_PROTOCOL = "Sec-WebSocket-Protocol"


class Host(Protocol):
    """What the HTTP side asks of the server."""

    compress: bool
    crew: Crew | None

    def led_to(self, came: Handshake | Request) -> int | None: ...

    def open(self, handshake: Handshake) -> Pump | HttpReply: ...

    def closed(self, pump: Pump) -> None: ...

    async def plain(self, request: Request, raw: web.BaseRequest) -> HttpReply: ...


class _WithoutRequests(logging.Filter):
    """Drops aiohttp's word on a request that is no HTTP, or whose body is not what it says it is. It quotes the
    request, and clients carry keys there.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is kept."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


HTTP_LOG = logging.getLogger("mockserver.http")
HTTP_LOG.addFilter(_WithoutRequests())


TLS_HELLO = ("HTTPS traffic on an HTTP port", "\\x16\\x03")
"""What aiohttp's errors say of TLS: newer ones know it, older ones quote how a record begins (RFC 8446 section 5.1)."""


class ClientConnection(web.RequestHandler):
    """One TCP connection. A client that speaks TLS to a plain port is heard of here alone: it never sends a request.

    ``came``: when its last bytes came, by the loop's clock. ``frames``: looks at what a websocket's client sends.
    """

    __slots__ = ("_app", "_clock", "_early", "_refused", "_wire", "came", "frames")

    def __init__(self, app: App, *, loop: AbstractEventLoop, **options: Any) -> None:
        super().__init__(app, loop=loop, **options)
        self._app = app
        self._clock = loop
        self.came = loop.time()
        self.frames: Frames | None = None
        self._early: bytearray | None = bytearray()
        self._wire: Any = None
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        """A read of 256 KiB, asyncio's default, costs calls of the system to get and to give back the memory."""
        if hasattr(transport, "max_size"):
            transport.max_size = READ
        self._wire = transport  # aiohttp forgets it before it has ended, where it closes it itself
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It has ended."""
        wire, self._wire, self._early = self._wire, None, None
        super().connection_lost(exc)
        unhooked(wire, "_read_ready_cb", "_write_ready")

    def data_received(self, data: bytes) -> None:
        """Bytes came. What is in them may have to wait its turn, and is to be answered as if it had not."""
        if self._refused:
            return  # each piece would be one more error, with all that was read
        self.came = self._clock.time()
        if self.frames is not None:
            data = self.frames.passed(data)
            if not data and self.frames.problem is not None and self.transport is not None:
                self.transport.close()
        elif self._early is not None:
            self._early += data
            if len(self._early) > MAX_EARLY:
                self._early = None  # the body of a plain request; or a client that does not wait, and is not looked at
        super().data_received(data)

    @property
    def early(self) -> bytes | None:
        """What has come with this request, from its first byte on; None where it was too much to keep."""
        return None if self._early is None else bytes(self._early)

    def begun(self) -> None:
        """A plain request has been answered. The next one may ask for a websocket."""
        self._early = bytearray()

    def upgraded(self, key: str) -> str | None:
        """The client may send frames now. Some send them with the handshake, so what came behind it is looked at too:
        returned is what is wrong with it, or None.
        """
        self.frames = Frames()
        early, self._early = self._early, None
        if early is None:
            return f"more than {MAX_EARLY} bytes came before the handshake was answered (RFC 6455 section 4.1)"
        self.frames.went_on(bytes(early.partition(key.encode())[2].partition(b"\r\n\r\n")[2]))
        return self.frames.problem

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """aiohttp could not read what came."""
        if isinstance(exc, HttpProcessingError) and any(words in exc.message for words in TLS_HELLO):
            self._app.heard_tls()
        reply = super().handle_error(request, status, exc, message)
        if isinstance(exc, HttpProcessingError):
            # Its traceback refers to aiohttp's frame with all that was read, and that frame to the error.
            untraced(exc)
            self._refused = True
        return reply


class App(web.Server):
    """One listening server. A handshake that is held hears here that its client has gone.

    ``complain`` takes what a test should fail for.
    """

    def __init__(self, host: Host, *, loop: AbstractEventLoop, complain: Callable[[ExpectationFailed], object]) -> None:
        super().__init__(self._handle, loop=loop)
        self._host = host
        self._complain = complain
        self._turnstile = Turnstile(loop)
        self._held: dict[object, Pump] = {}
        self._tls_heard = False
        self._connection: Callable[[], web.RequestHandler] = partial(
            ClientConnection,
            self,
            loop=loop,
            access_log=None,
            logger=HTTP_LOG,
            debug=False,
            # Clients carry tokens of several kilobytes in headers and in the query.
            max_line_size=MAX_HEAD,
            max_field_size=MAX_HEAD,
        )

    def __call__(self) -> web.RequestHandler:
        """A protocol for one more connection."""
        return self._connection()

    def heard_tls(self) -> None:
        """A client makes wss or https of every address. All that it says is that TLS failed."""
        if not self._tls_heard:
            self._tls_heard = True
            hint = "start it with --tls (in Python: tls=True)"
            self._complain(ExpectationFailed(f"a client spoke TLS to this server, which speaks plain HTTP; {hint}"))

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """aiohttp says that a TCP connection has ended."""
        super().connection_lost(handler, exc)
        pump = self._held.pop(handler, None)
        if pump is not None and not pump.decided.done():
            lost(pump, "client gave up during the handshake")
            if not pump.decided.done():
                pump.decided.set_result(Abort())

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        refusal = too_much(request.raw_path, request.raw_headers)
        if refusal is not None:
            return response(refusal)
        if request.headers.get("Upgrade", "").strip().lower() == "websocket":
            return await self._socket(request)
        path, query = split_target(request.raw_path)
        try:
            body = await body_of(request)
        except OSError:
            return web.Response(status=499)  # it has gone within its body, and nobody is there to read this
        except web.RequestPayloadError:
            return response(told(400, "the body of this request is not what its Content-Encoding says it is"))
        if body is None:
            return response(told(413, f"a request body may have {MAX_BODY} bytes"))
        asked = Request(request.method, path, query, pairs(request.raw_headers), body)
        if isinstance(request.protocol, ClientConnection):
            request.protocol.begun()
        return response(await self._host.plain(asked, request))

    async def _socket(self, request: web.BaseRequest) -> web.StreamResponse:
        handshake = read_handshake(request)
        problem = handshake_problem(request.method, (request.version.major, request.version.minor), handshake.headers)
        if problem is not None:
            reply = told(400, f"this is not a valid websocket handshake: {problem} (RFC 6455 section 4.2.1)")
            return response(replace(reply, headers=(*reply.headers, ("Sec-WebSocket-Version", "13"))))
        # Which subprotocol is selected is the engine's decision and may be one that nobody offered, so aiohttp does not
        # see the offer. (It would also log it, and clients carry keys there.)
        headers: CIMultiDict[str] = CIMultiDict(handshake.headers)  # read as text, which aiohttp's copies are not
        headers.popall(_PROTOCOL, None)
        bare = request.clone(headers=headers)
        ws = web.WebSocketResponse(
            compress=self._host.compress, max_msg_size=MAX_MESSAGE, autoping=False, autoclose=False
        )  # fmt: skip
        if not ws.can_prepare(bare):
            return response(told(400, "this is not a valid websocket handshake (RFC 6455 section 4.2.1)"))
        worker = self._host.led_to(handshake)
        if worker is not None and self._host.crew is not None and isinstance(request.protocol, ClientConnection):
            return await self._passed(request, request.protocol.early, self._host.crew, worker)
        await self._turnstile.come_in()
        pump = self._host.open(handshake)
        if isinstance(pump, HttpReply):
            return response(pump)
        try:
            return await self._serve(request, bare, ws, pump, handshake)
        except ConnectionError:
            lost(pump, "connection lost")
            return ws if ws.prepared else web.Response(status=499)
        finally:
            self._held.pop(request.protocol, None)
            await pump.looked()
            await pump.outlasted()
            if pump.upstream is not None:
                await pump.upstream.finished()
            pump.stop()
            await opened_up(ws, request.transport)
            self._host.closed(pump)

    async def _passed(
        self, request: web.BaseRequest, early: bytes | None, crew: Crew, worker: int
    ) -> web.StreamResponse:
        """Another process of this port knows what this client brings back."""
        from mockserver.server.workers.routing import pass_on

        if early is None:
            return response(told(400, f"more than {MAX_EARLY} bytes came before the handshake was answered"))
        if not await pass_on(request, early, crew, worker):
            return response(told(503, f"worker {worker}, which gave what this client brings back, does not answer"))
        return web.Response(status=499)  # nobody is there to read it

    async def _serve(
        self,
        request: web.BaseRequest,
        bare: web.BaseRequest,
        ws: web.WebSocketResponse,
        pump: Pump,
        handshake: Handshake,
    ) -> web.StreamResponse:
        self._held[request.protocol] = pump
        pump.transport = request.transport
        began = pump.loop.time()  # looked up each time: a test may make it virtual
        pump.feed(Opened(handshake))
        self._turnstile.handled(pump.loop.time() - began)
        decision = await pump.decided
        transport = request.transport
        if transport is None:
            lost(pump, "client gave up during the handshake")
            return web.Response(status=499)  # nobody is there to read it
        match decision:
            case Refuse(status, extra, body):
                return response(HttpReply(status, extra, body))
            case Abort():
                reset(transport)
                return web.Response(status=503)  # cannot be written any more
            case Accept(subprotocol, extra):
                for name, value in extra:
                    if name.lower() not in OURS:
                        ws.headers.add(name, value)
                if subprotocol is not None:
                    ws.headers[_PROTOCOL] = subprotocol
        self._held.pop(request.protocol, None)
        writer = await ws.prepare(bare)
        if writer is not None:
            takeover = "server_no_context_takeover" not in ws.headers.get("Sec-WebSocket-Extensions", "")
            assert isinstance(pump.outlet, Outlet)
            pump.outlet.open(transport, writer.drain, window_bits=int(ws.compress), takeover=takeover)
            pump.settle()
            assert isinstance(request.protocol, ClientConnection)
            problem = request.protocol.upgraded(request.headers["Sec-WebSocket-Key"])
            if problem is None:
                await read(ws, pump, request.protocol, self._turnstile)
            else:
                broken(pump, problem)
            if pump.lingers and not pump.left.done():
                await pump.left
        pump.hang_up()
        return ws
