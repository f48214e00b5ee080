"""The calls of one server: offers that are answered, calls that are hung up, and their end."""

from __future__ import annotations

from asyncio import wait
from functools import partial

from aiohttp import web

from mockserver.core.frames import Abort, Accept, Answer, Lost, Opened, Peer, Received, Refuse, Tell
from mockserver.core.ids import Ids, rng
from mockserver.dialects.calls import CallFacts
from mockserver.engines.base import CallTerms, HttpReply, Request
from mockserver.engines.calls.beside import Together
from mockserver.engines.calls.layer import CallLayer
from mockserver.errors import ExpectationFailed
from mockserver.server.pump import Pump
from mockserver.server.webrtc.outlet import ChannelOutlet
from mockserver.server.webrtc.peer import BadOffer, PeerCall
from mockserver.server.webrtc.placing import CallHost, Placed
from mockserver.server.websocket.answers import told
from mockserver.server.websocket.outlet import reset

MOST_CALLS = 200
"""Calls at a time: each has sockets, and a thread that decodes."""
LOOK_SECONDS = 1.0
"""How often it is looked whether a client still waits for an answer that does not come."""
HEX = "0123456789abcdef"


class CallDesk:
    """``together``: the calls by id, for those who want to be attached to one."""

    def __init__(self, host: CallHost, together: dict[str, Together]) -> None:
        self._host = host
        self._together = together
        self._ids = Ids(rng(host.seed, "calls"))
        self._calls: dict[str, PeerCall] = {}
        self._ending: set[PeerCall] = set()

    async def offered(self, request: Request, raw: web.BaseRequest, calls: CallFacts) -> HttpReply:
        """An offer came."""
        offer = calls.offer(request.headers, request.body)
        if isinstance(offer, Answer):
            return _reply(offer)
        if len(self._calls) + len(self._ending) >= MOST_CALLS:
            return told(503, f"{MOST_CALLS} calls are on, and this server takes no more at a time")
        ident = self._host.place.mint(lambda: self._ids.mint(calls.prefix, 32, HEX))
        terms = CallTerms(ident, offer.session)
        handshake = calls.handshake(request.path, request.query, request.headers, offer)
        placed = Placed(calls, terms)
        outlet = partial(ChannelOutlet, calls=calls, sound=lambda: placed.layer.sound)
        pump = self._host.open(handshake, outlet=outlet, transport="webrtc", call=placed)
        if isinstance(pump, HttpReply):
            return pump
        layer: CallLayer = placed.layer
        call = PeerCall(pump, layer, calls, addresses=self._host.ice, over=partial(self._ended, ident))
        self._calls[ident] = call
        self._together[ident] = Together(layer, lambda tell: pump.loop.call_soon(_said, pump, tell))
        pump.feed(Opened(handshake))
        decision = await _decided(pump, raw)
        if not isinstance(decision, Accept):
            call.abort()
            if isinstance(decision, Refuse):
                return HttpReply(decision.status, decision.headers, decision.body)
            if raw.transport is not None:
                reset(raw.transport)
            return told(503, "reset")  # cannot be written any more
        try:
            sdp = await call.answer(offer.sdp)
        except BadOffer as problem:
            self._host.complain(ExpectationFailed(f"a call could not be answered: {problem}"))
            pump.feed(Received(Peer.CLIENT, Lost(f"its offer cannot be answered: {problem}")))
            call.abort()
            return _reply(calls.bad_offer(str(problem)))
        if call.ended:
            return _reply(calls.unknown(ident))
        made = _reply(calls.created(ident, sdp))
        return HttpReply(made.status, (*made.headers, *decision.headers), made.body)

    def asked(self, calls: CallFacts, ident: str, what: str) -> HttpReply | None:
        """Something is asked of a call. None: the source may know the answer."""
        call = self._calls.get(ident)
        if what != "hangup" or call is None or not calls.hangs_up:
            return None
        call.hung_up()
        self._forget(ident)
        return HttpReply(200)

    async def close(self) -> None:
        """End all of them."""
        for call in (*self._calls.values(), *self._ending):
            await call.gone()

    # --- inside ---

    def _forget(self, ident: str) -> None:
        together = self._together.pop(ident, None)
        if together is not None:
            together.layer.over()
        call = self._calls.pop(ident, None)
        if call is not None:
            self._ending.add(call)

    def _ended(self, ident: str, call: PeerCall) -> None:
        self._forget(ident)
        self._ending.discard(call)
        self._host.closed(call.pump)


async def _decided(pump: Pump, raw: web.BaseRequest) -> Accept | Refuse | Abort:
    """How the offer is answered. A client that gives up meanwhile is told nothing."""
    while not pump.decided.done():
        await wait([pump.decided], timeout=LOOK_SECONDS)
        if (raw.transport is None or raw.transport.is_closing()) and not pump.decided.done():
            pump.feed(Received(Peer.CLIENT, Lost("client gave up before its offer was answered")))
            return Abort()
    return pump.decided.result()


def _said(pump: Pump, tell: Tell) -> None:
    if not pump.session.over:
        pump.feed(tell)


def _reply(answer: Answer) -> HttpReply:
    return HttpReply(answer.status, answer.headers, answer.body)
