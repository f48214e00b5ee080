"""Plain HTTP requests, by who answers: the control API, what a balancer asks, or the provider beside its socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from mockserver.engines.base import HttpReply, Request
from mockserver.server.admission import Asked
from mockserver.server.calling import Calling
from mockserver.server.clock import Clock
from mockserver.server.neighbours import Neighbours
from mockserver.server.rim import Controlling, Serving
from mockserver.server.websocket.answers import told

if TYPE_CHECKING:
    from mockserver.server.websocket.upstream import Dialler

ALIVE, READY = "/healthz", "/readyz"
"""What orchestrators and balancers ask, without a token: whether the process answers, and whether it takes sessions."""


class PlainRequests:
    """Those of one server. ``failed`` takes what raised, and where."""

    def __init__(
        self,
        server: Serving,
        *,
        clock: Clock,
        dialler: Callable[[], Dialler],
        failed: Callable[[str, BaseException], None],
    ) -> None:
        self._server = server
        self._neighbours = Neighbours(server, clock=clock, dialler=dialler, failed=failed)
        self.calling = Calling(server)
        self._control: Controlling | None = None

    @property
    def answered(self) -> int:
        """How many were answered by what the server plays."""
        return self._neighbours.answered

    async def answer(self, request: Request, raw: web.BaseRequest) -> HttpReply:
        """The answer to one request. ``raw``: as aiohttp has it."""
        server = self._server
        if f"{request.path}/".startswith("/__mockserver__/"):
            return await self._controlled(request, raw)
        if server.probed and request.path in (ALIVE, READY):
            return probe(request.path, draining=server.draining)
        # A page asks before it brings its key (CORS), and nothing of what it asks of a call goes on.
        asked = Asked(request.headers, request.query)
        refusal = server.admission.to_upstream(asked, spends=not self.calling.asks_first(request))
        if refusal is not None:
            return told(*refusal)
        worker = server.led_to(request)
        if worker is not None and server.crew is not None:
            return await server.crew.forwarded(worker, request, raw.raw_path)
        return await self.calling.answer(request, raw, lambda: self._neighbours.answer(request, raw.raw_path))

    async def join(self) -> None:
        """Take over what other processes of this port have been told."""
        self._control = self._server.new_control()
        await self._control.catch_up()

    async def _controlled(self, request: Request, raw: web.BaseRequest) -> HttpReply:
        if self._control is None:
            self._control = self._server.new_control()
        transport = raw.transport
        peer = None if transport is None else transport.get_extra_info("peername")
        crew = self._server.crew
        inside = crew is not None and crew.member(request.headers)
        return await self._control.answer(request, peer=peer[0] if peer else None, inside=inside)


def probe(path: str, *, draining: bool) -> HttpReply:
    """Alive: always, as long as it answers. Ready: until it is told to end."""
    if path == READY and draining:
        return HttpReply(503, _TEXT, b"draining\n")
    return HttpReply(200, _TEXT, b"ready\n" if path == READY else b"alive\n")


_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))
