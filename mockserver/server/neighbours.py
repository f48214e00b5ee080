"""Plain HTTP requests beside the socket: the source answers them or, through a relay, its upstream."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mockserver.core.frames import Handshake, Micros, first
from mockserver.engines.base import HttpReply, Lending, Request, SessionContext, Source
from mockserver.errors import UpstreamError
from mockserver.server.compressed import Plain, plain
from mockserver.server.rim import Serving
from mockserver.server.websocket.answers import told

if TYPE_CHECKING:
    from mockserver.engines.relay.source import Forward
    from mockserver.server.clock import Clock
    from mockserver.server.websocket.upstream import Dialler

LOG = logging.getLogger("mockserver")
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


@runtime_checkable
class Forwarding(Protocol):
    """A source whose neighbours are at an upstream. ``failures``: what that failed to do."""

    failures: list[UpstreamError]

    def forward(self, request: Request, target: str) -> Forward: ...

    def forwarded(self, reply: HttpReply, context: SessionContext) -> HttpReply: ...


class Neighbours:
    """The neighbours of one server's socket. ``failed`` takes what raised, and where. ``answered``: how many calls."""

    def __init__(
        self,
        server: Serving,
        *,
        clock: Clock,
        dialler: Callable[[], Dialler],
        failed: Callable[[str, BaseException], None],
    ) -> None:
        self._server = server
        self._clock = clock
        self._dialler = dialler
        self._failed = failed
        self.answered = 0

    async def answer(self, request: Request, target: str) -> HttpReply:
        """The answer to one request. ``target`` is the request target as sent."""
        server = self._server
        source, dialect = server.source, server.dialect
        number, now = len(server.journal.sessions), self._clock.micros()
        seed, here = f"{server.seed}/http/{number}", reached(server.base_url, request)
        context = SessionContext(number, seed, dialect, now, self._clock.unix_us(), here, server.place)
        try:
            reply = source.neighbour(request, context)
        except Exception as error:  # noqa: BLE001 - whatever a source raises belongs to the test, not to the client
            self._failed(f"{request.method} {request.path}", error)
            return told(500, "internal error of the mock server; its problems() say what happened")
        if reply is None and isinstance(source, Forwarding):
            from mockserver.server.websocket.upstream import NoReply

            try:
                reply = await self._dialler().forward(source.forward(request, target))
            except NoReply as failure:
                source.failures.append(failure)
                return told(failure.status, str(failure))
            bare = plain(reply.headers, reply.body)
            await self._exchanged(request, target.partition("?")[2], bare, reply.status, now)
            mine = HttpReply(reply.status, bare.headers, bare.body)
            led = source.forwarded(mine, context)
            reply = reply if led is mine or led.body == mine.body else led  # as it came, unless it named a socket
        if reply is not None:
            self.answered += 1
            return reply
        where = server.whereabouts.socket_path
        if request.path == where:
            asked = f"{request.method} {request.path} asks for no websocket: it needs the headers of an upgrade"
            return told(404, f"{asked} (RFC 6455 section 4.1), as a websocket client sends them")
        return told(404, f"nothing answers {request.method} {request.path} here; the websocket is at {where}")

    async def _exchanged(self, request: Request, query: str, reply: Plain, status: int, at: Micros) -> None:
        """Keep a reply of the upstream, without its compression: a secret in it must be found."""
        asked = plain(request.headers, request.body)
        if not (asked.read and reply.read):
            LOG.warning(
                "%s %s: its body is packed in a way not known here: recorded empty", request.method, request.path
            )
        path = f"{request.path}?{query}" if query else request.path
        from mockserver.cassette.model import Exchange

        exchange = Exchange(request.method, path, asked.body, status, reply.headers, reply.body, at)
        self._server.exchanges.append(exchange)
        for listener in self._server.recorders.on_exchange:
            try:
                waits = listener(exchange)
                if waits is not None:
                    await waits
            except Exception as error:  # noqa: BLE001 - a recorder whose disk is full; the client has its reply
                self._failed(f"{request.method} {request.path}", error)


def reached(base_url: str, request: Request) -> str:
    """The server's base URL, with the name under which this client reached it: it may be on another machine."""
    host = first(request.headers, "host")
    if host is None or _AUTHORITY.fullmatch(host) is None:
        return base_url
    scheme, _, rest = base_url.partition("://")
    _, slash, path = rest.partition("/")
    return f"{scheme}://{host}{slash}{path}"


def spends_nothing(source: Source, handshake: Handshake) -> bool:
    """Whether a relay takes this handshake to an address that its upstream named, where it adds no key."""
    return isinstance(source, Lending) and source.names(handshake)
