"""Calls over WebRTC, before any of it: which requests are calls, what pages may do, and what has to be installed."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from mockserver.core.frames import Handshake, Pairs, first
from mockserver.dialects.calls import CallFacts
from mockserver.engines.base import House, HttpReply, Request, TakingCalls
from mockserver.engines.calls.beside import Beside, Together
from mockserver.errors import ExpectationFailed, UsageError
from mockserver.server.bit_by_bit import imported
from mockserver.server.local import loopback
from mockserver.server.pump import Pump
from mockserver.server.webrtc.placing import CallHost
from mockserver.server.websocket.answers import told
from mockserver.server.whereabouts import houses_of

if TYPE_CHECKING:
    from mockserver.server.webrtc.desk import CallDesk

LOG = logging.getLogger("mockserver")
LOOPBACK = ("127.0.0.1",)
_HEADERS = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}")
MISSING = (
    "this is a call over WebRTC, which needs the package aiortc, and that is not installed: "
    "pip install 'realtime-mockserver[webrtc]'"
)


class Calling:
    """What of a server's plain requests is about calls. Nothing of WebRTC is imported before the first offer."""

    def __init__(self, host: CallHost) -> None:
        self._host = host
        self._houses = [house for house in houses_of(host.source) if house.dialect.calls is not None]
        self._desk: CallDesk | None = None
        self._together: dict[str, Together] = {}
        if self._houses and opens_ports(host.ice):
            LOG.warning("calls over WebRTC are answered on %s, where other machines can reach them", " ".join(host.ice))

    def house(self, path: str) -> tuple[House, CallFacts] | None:
        """The provider to whose calls this path belongs, or one that pages use beside them."""
        for house in self._houses:
            calls = house.dialect.calls
            if calls is not None and path.startswith(house.at) and calls.of_pages(path.removeprefix(house.at)):
                return house, calls
        return None

    def asks_first(self, request: Request) -> bool:
        """Whether a page asks if it may call (a CORS preflight), which is answered here and goes no further."""
        preflight = request.method == "OPTIONS" and first(request.headers, "access-control-request-method")
        return bool(preflight) and self.house(request.path) is not None

    async def answer(
        self, request: Request, raw: web.BaseRequest, otherwise: Callable[[], Awaitable[HttpReply]]
    ) -> HttpReply:
        """The answer to a plain request. ``otherwise``: how it is answered where it is about no call."""
        found = self.house(request.path)
        if found is None:
            return await otherwise()
        origin = first(request.headers, "origin")
        if self.asks_first(request):
            return HttpReply(204, _preflight(request.headers, origin))
        reply = await self._about_calls(request, raw, *found) or await otherwise()
        if origin is None or first(reply.headers, "access-control-allow-origin") is not None:
            return reply
        return replace(reply, headers=(*reply.headers, *_cors(origin)))

    async def close(self) -> None:
        """End the calls."""
        if self._desk is not None:
            await self._desk.close()

    # --- sockets beside a call ---

    def beside(self, handshake: Handshake) -> Beside | None:
        """An engine for a socket that wants to be attached to a call which is on here; None for any other.

        A key that is not good finds no call, as one of another project's does (openai.md#221).
        """
        source = self._host.source
        if isinstance(source, TakingCalls) and source.call_refusal(handshake.headers, handshake.subprotocols):
            return None
        for house in self._houses:
            calls = house.dialect.calls
            ident = None if calls is None else calls.beside(handshake)
            together = self._together.get(ident or "")
            if together is not None:
                return Beside(house.dialect, together)
        return None

    def opened(self, pump: Pump) -> None:
        """A session has a pump: one beside a call is told of it from now on."""
        engine = pump.session.engine
        if isinstance(engine, Beside):
            engine.listen(lambda tell: pump.loop.call_soon(_fed, pump, tell))

    # --- inside ---

    async def _about_calls(
        self, request: Request, raw: web.BaseRequest, house: House, calls: CallFacts
    ) -> HttpReply | None:
        path = request.path.removeprefix(house.at)
        below = calls.below(path)
        if request.method != "POST" or (below is None and path != calls.path):
            return None
        try:
            desk = await self._made()
        except ImportError as missing:
            if below is not None:
                return None
            self._host.complain(ExpectationFailed(f"{MISSING} ({missing})"))
            return told(503, MISSING)
        if below is None:
            return await desk.offered(request, raw, calls)
        source = self._host.source
        refusal = source.call_refusal(request.headers) if isinstance(source, TakingCalls) else None
        return refusal or desk.asked(calls, *below)

    async def _made(self) -> CallDesk:
        """It is made for the first offer, and a thread imports what it needs."""
        await imported("mockserver.server.webrtc.desk")
        from mockserver.server.webrtc.desk import CallDesk

        if self._desk is None:
            self._desk = CallDesk(self._host, self._together)
        return self._desk


def checked_addresses(given: object) -> tuple[str, ...]:
    """Addresses on which calls are answered. UsageError for anything but addresses; ``*`` is all of this machine's."""
    import ipaddress

    wanted = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, tuple | list) else ()
    for one in wanted:
        try:
            if one != "*":
                ipaddress.ip_address(one)
        except ValueError:
            wanted = ()
    if not wanted:
        shown = " ".join(map(str, given)) if isinstance(given, tuple | list) else str(given)
        raise UsageError(
            f"--ice {shown:.100}: expected addresses of this machine such as 127.0.0.1 or 192.168.1.5, or * for all"
        )
    return wanted


def opens_ports(addresses: tuple[str, ...]) -> bool:
    """Whether other machines can send to a call."""
    return not all(one != "*" and loopback(one) for one in addresses)


def _fed(pump: Pump, event: Any) -> None:
    if not pump.session.over:
        pump.feed(event)


def _cors(origin: str) -> Pairs:
    """The page may read the answer, and where the call is (Fetch Standard, CORS protocol). Who may not has been refused
    before: a relay that adds a key answers named pages alone.
    """
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "Location"),
        ("Vary", "Origin"),
    )


def _preflight(headers: Pairs, origin: str | None) -> Pairs:
    wanted = first(headers, "access-control-request-headers") or ""
    allowed = wanted if _HEADERS.fullmatch(wanted) else "authorization, content-type"
    return (
        *_cors(origin or "*"),
        ("Access-Control-Allow-Methods", "POST, OPTIONS"),
        ("Access-Control-Allow-Headers", allowed),
        ("Access-Control-Max-Age", "60"),
    )
