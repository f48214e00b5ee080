"""The other socket of a relay: aiohttp's client, used so that nothing is added, followed or hidden.

Header defaults, redirects, cookies and decompression are off. aiohttp gives no body with a refused handshake, but its
tracing does hand out the response, so status, headers and body are taken there.
"""

from __future__ import annotations

import asyncio
from asyncio import Task
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, hdrs
from multidict import CIMultiDict
from yarl import URL

from mockserver.core.frames import (
    LONG,
    Answer,
    Binary,
    Close,
    Dialled,
    Frame,
    Handshake,
    Lost,
    Peer,
    Received,
    Text,
    first,
)
from mockserver.engines.base import HttpReply
from mockserver.engines.relay.source import OVERSIZED, Forward
from mockserver.errors import UpstreamError
from mockserver.server.pump import CLOSE_TIMEOUT, Pump
from mockserver.server.websocket.app import MAX_MESSAGE, READ
from mockserver.server.websocket.asking import pairs
from mockserver.server.websocket.circles import unhooked, untraced
from mockserver.server.websocket.outlet import Outlet
from mockserver.server.websocket.proxies import DIRECT, TunnelConnector, proxy_of
from mockserver.server.websocket.reading import Shift
from mockserver.server.websocket.ready import Messages

DIAL_TIMEOUT = 30.0
"""Seconds that an upstream gets to answer a handshake."""

MAX_REFUSAL = 8 * 1024 * 1024
"""Bytes of a refusal's body that are passed on."""

_NOT_ADDED = (hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.USER_AGENT, hdrs.CONTENT_TYPE)


class Caught(Exception):
    """Carries a response out of aiohttp before it acts on it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class NoReply(UpstreamError):
    """The upstream gave no reply. ``status`` is what the client is told instead, in words of our own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class OneEachTurn:
    """What costs about a millisecond, and may be due for many at once: one of them in a turn of the loop, in order."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def turn(self) -> None:
        """Return when it is the caller's turn."""
        async with self._lock:
            await asyncio.sleep(0)


class Dialler:
    """Connections to one relay's upstream; made when first needed. ``websocket.proxies`` says how."""

    def __init__(self, *, timeout: float = DIAL_TIMEOUT) -> None:
        self.timeout = timeout
        self._connectors: dict[type[aiohttp.TCPConnector], aiohttp.TCPConnector] = {}
        self._sockets: aiohttp.ClientSession | None = None
        self.beginning, self.begun, self.ending = OneEachTurn(), OneEachTurn(), OneEachTurn()

    def sockets(self) -> aiohttp.ClientSession:
        """What all websockets are asked for with: to make one takes longer than to ask."""
        if self._sockets is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_end.append(_answered)
            trace.on_request_redirect.append(_redirected)
            self._sockets = reading_to_the_end(self._session(TunnelConnector, trace))
        return self._sockets

    def _session(
        self, kind: type[aiohttp.TCPConnector], trace: aiohttp.TraceConfig | None = None
    ) -> aiohttp.ClientSession:
        if kind not in self._connectors:
            self._connectors[kind] = kind(limit=0)
        return aiohttp.ClientSession(
            connector=self._connectors[kind],
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NOT_ADDED,
            auto_decompress=False,
            # No trust_env: it puts logins of ~/.netrc into requests, and looks for a WSS_PROXY, which nobody has.
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[] if trace is None else [trace],
        )

    async def forward(self, request: Forward) -> HttpReply:
        """A plain request. NoReply where the upstream gives none."""
        proxy = DIRECT
        try:
            proxy = proxy_of(request.url)
            async with (
                asyncio.timeout(self.timeout),
                self._session(aiohttp.TCPConnector) as session,
                session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=CIMultiDict(request.headers),
                    data=request.body or None,
                    allow_redirects=False,
                    proxy=proxy.url,
                    proxy_headers=proxy.headers,
                ) as response,
            ):
                return HttpReply(response.status, pairs(response.raw_headers), await response.read())
        except TimeoutError:
            raise NoReply(504, f"{origin(request.url)} did not answer within {self.timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoReply(502, f"cannot reach {origin(request.url)}{proxy}: {described(error)}") from None
        except UpstreamError as error:
            raise NoReply(502, f"cannot reach {origin(request.url)}: {error}") from None

    async def close(self) -> None:
        """Close what is open. A server may be started again, in another loop, to which a lock does not go along."""
        if self._sockets is not None:
            await self._sockets.close()
            self._sockets = None
        while self._connectors:
            await self._connectors.popitem()[1].close()
        self.beginning, self.begun, self.ending = OneEachTurn(), OneEachTurn(), OneEachTurn()


class AiohttpUpstream:
    """One upstream connection: a task that dials and then reads; writing goes straight to the socket when it can."""

    def __init__(self, pump: Pump, dialler: Dialler) -> None:
        self._pump = pump
        self._dialler = dialler
        self.response: aiohttp.ClientResponse | None = None
        self._task: Task[None] | None = None
        self._outlet = Outlet(lambda last: None, mask=True)
        self._outlet.before = pump.outlet.before

    # --- what the pump asks ---

    def dial(self, handshake: Handshake) -> None:
        """Connect, then feed ``Dialled`` and whatever the upstream sends."""
        self._task = self._pump.loop.create_task(self._run(handshake))

    def put(self, frame: Text | Binary | Close | Lost) -> None:
        """Send a frame, or keep it until there is room."""
        if isinstance(frame, Lost) and self.response is None:
            self.stop()
        else:
            self._outlet.put(frame)

    def flush_soon(self) -> None:
        """Hand the frames that were put to the transport, those of this turn of the loop together."""
        self._outlet.flush_soon()

    def drop(self) -> None:
        """Forget what has not left yet."""
        self._outlet.drop()

    @property
    def held(self) -> int:
        """How many frames wait for room."""
        return self._outlet.held

    async def room(self) -> None:
        """Return when nothing waits any more."""
        await self._outlet.room()

    async def finished(self) -> None:
        """Return when the upstream has ended too, or had its time to."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT)

    def stop(self) -> None:
        """End it now."""
        self._outlet.stop()
        if self._task is not None:
            self._task.cancel()
        if self.response is not None:
            self.response.close()

    # --- reading ---

    async def _run(self, handshake: Handshake) -> None:
        ws = None
        try:
            ws = await self._dial(handshake)
            if ws is not None:
                await self._read(ws)
        finally:
            if self.response is not None:
                line = self.response.connection
                transport = None if line is None else line.transport
                self.response.close()
                unhooked(transport, "_read_ready_cb")  # what waits to be written still goes out
            if ws is not None:
                untraced(ws.exception())
            self._task = None  # its context refers to this

    async def _dial(self, handshake: Handshake) -> aiohttp.ClientWebSocketResponse | None:
        failure: str | None = None
        ws: aiohttp.ClientWebSocketResponse | None = None
        answer = Answer(502)
        headers = CIMultiDict(
            (name, value) for name, value in handshake.headers if name.lower() != "sec-websocket-extensions"
        )
        asked = first(handshake.headers, "sec-websocket-extensions") or ""
        _dialling.set(self)
        proxy = DIRECT
        try:
            proxy = proxy_of(handshake.target)
            await self._dialler.beginning.turn()
            async with asyncio.timeout(self._dialler.timeout):
                ws = await self._dialler.sockets().ws_connect(
                    URL(handshake.target, encoded=True),
                    protocols=handshake.subprotocols,
                    headers=headers,
                    autoclose=False,
                    autoping=False,
                    max_msg_size=MAX_MESSAGE,
                    compress=15 if "permessage-deflate" in asked else 0,
                    proxy=proxy.url,
                    proxy_headers=proxy.headers,
                )
            assert self.response is not None
            answer = Answer(101, pairs(self.response.raw_headers), ws.protocol)
        except Caught as caught:
            answer = caught.answer
            if answer.status < 300:
                failure = f"{origin(handshake.target)} is not a websocket: it answered HTTP {answer.status}, not 101"
        except TimeoutError:
            failure = f"{origin(handshake.target)} did not answer the handshake within {self._dialler.timeout:g} s"
        except aiohttp.WSServerHandshakeError as error:
            failure = f"{origin(handshake.target)} is not a websocket: {error.message}"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = f"cannot reach {origin(handshake.target)}{proxy}: {described(error)}"
        except UpstreamError as error:
            failure = f"cannot reach {origin(handshake.target)}: {error}"
        await self._dialler.begun.turn()
        self._pump.feed(Dialled(answer, failure))
        if ws is not None:
            self._open(ws)
        return ws

    def _open(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        connection = self.response.connection if self.response is not None else None
        if connection is None or connection.transport is None or connection.protocol is None:
            return  # lost already; the first receive says so
        if hasattr(connection.transport, "max_size"):
            connection.transport.max_size = READ
        self._outlet.open(
            connection.transport,
            connection.protocol._drain_helper,
            window_bits=int(ws.compress),
            takeover=not ws.client_notakeover,
        )

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        pump, shift, messages = self._pump, Shift(), Messages(ws)
        try:
            while True:
                message = await messages
                if messages.waited:
                    shift.begin()
                elif shift.over:
                    await shift.ended()
                if message.type is WSMsgType.TEXT and len(message.data) < LONG:
                    pump.feed_texts(messages.texts(message.data))
                elif message.type is WSMsgType.PING:
                    pump.pinged("ping from the upstream")
                    self._outlet.pong(message.data)
                    continue
                elif message.type is not WSMsgType.PONG:
                    frame = self._frame(message)
                    if isinstance(frame, Close | Lost):
                        await self._dialler.ending.turn()
                    pump.feed(Received(Peer.UPSTREAM, frame))
                    if isinstance(frame, Close | Lost):
                        return
                if pump.busy:
                    await pump.looked()
                if pump.outlet.held:
                    await pump.outlet.room()
        finally:
            messages.close()

    def _frame(self, message: aiohttp.WSMessage) -> Frame:
        kind = message.type
        if kind is WSMsgType.TEXT:
            return Text(message.data)
        if kind is WSMsgType.BINARY:
            return Binary(bytes(message.data))
        if kind is WSMsgType.CLOSE:
            frame = Close(message.data or None, message.extra or "")
            if not self._outlet.shut:
                self.put(Close(frame.code))  # the echo of RFC 6455 section 5.5.1
            return frame
        why = f"protocol error: {message.data}" if kind is WSMsgType.ERROR else "connection lost"
        if getattr(message.data, "code", None) == WSCloseCode.MESSAGE_TOO_BIG:
            why = OVERSIZED
            self.put(Close(WSCloseCode.MESSAGE_TOO_BIG))
        return Lost(why)


_dialling: ContextVar[AiohttpUpstream] = ContextVar("_dialling")
"""Whose handshake a task is about: aiohttp's tracing does not say."""


async def _answered(session: Any, context: Any, params: aiohttp.TraceRequestEndParams) -> None:
    _dialling.get().response = params.response
    if params.response.status != 101:
        raise Caught(await refusal(params.response))


async def _redirected(session: Any, context: Any, params: aiohttp.TraceRequestRedirectParams) -> None:
    # Not followed: the client's credentials are for the upstream that the user named, and for no other.
    raise Caught(await refusal(params.response))


def reading_to_the_end(session: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """The body of a refusal may have no length, and end with the connection (RFC 9112 section 6.3).

    aiohttp asks for a handshake in a way in which such a body is none.
    """
    plain = session.request

    def request(*arguments: Any, **options: Any) -> Any:
        return plain(*arguments, **{**options, "read_until_eof": True})

    vars(session)["request"] = request
    return session


async def refusal(response: aiohttp.ClientResponse) -> Answer:
    """A response that is no 101, with its body as it came."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_REFUSAL:
            break
    answer = Answer(response.status, pairs(response.raw_headers), None, bytes(body[:MAX_REFUSAL]))
    response.close()
    return answer


def origin(url: str) -> str:
    """A URL without path and query, which may hold keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def described(error: BaseException) -> str:
    """What a network error says, in one line, without the URL: a key may stand in its query."""
    if isinstance(error, aiohttp.ClientResponseError):
        return " ".join(error.message.split()) or f"HTTP {error.status}"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
