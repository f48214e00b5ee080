"""Reads one client: what it sends becomes events of its session, until one side has ended the connection."""

from __future__ import annotations

from asyncio import sleep, timeout
from contextlib import suppress
from time import perf_counter
from typing import Protocol

from aiohttp import WSMsgType, web

from mockserver.core.frames import Binary, Close, Lost, Peer, Received, Text
from mockserver.server.catching_up import caught_up, is_behind
from mockserver.server.pump import Pump
from mockserver.server.turnstile import Turnstile
from mockserver.server.websocket.outlet import reset
from mockserver.server.websocket.strict import NEVER_SENT, Frames

UNREAD_SECONDS = 60.0
"""Seconds of the loop's clock after which a client that sends and takes nothing of what waits for it is ended."""


SHIFT_SECONDS = 0.005
"""Real seconds that one connection works before the others have a turn. What came together in one read may be a
megabyte a message, packed: reading the next of them does not wait for anything, and so lets nobody else in."""


class Shift:
    """How long one connection has worked since others last had a turn."""

    __slots__ = ("_began", "_read_at")

    def __init__(self) -> None:
        self._read_at = 0.0
        self.begin()

    def waited(self, came: float) -> bool:
        """Whether a message is the first of a read, which was at ``came``: then the others have had their turn."""
        if came <= self._read_at:
            return False
        self._read_at = came
        self.begin()
        return True

    def begin(self) -> None:
        """The others had their turn."""
        self._began = perf_counter()

    @property
    def over(self) -> bool:
        """Whether it is the others' turn."""
        return perf_counter() - self._began > SHIFT_SECONDS

    async def ended(self) -> None:
        """Let the others have their turn."""
        await sleep(0)
        self.begin()


GOES_ON = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)
"""All else that is read is the connection's end."""


PINGS = (WSMsgType.PING, WSMsgType.PONG)


class Arrivals(Protocol):
    """The TCP connection: when its last bytes came, by the loop's clock, and what is wrong with them."""

    came: float
    frames: Frames | None


async def read(ws: web.WebSocketResponse, pump: Pump, connection: Arrivals, turnstile: Turnstile) -> None:
    """Feed what the client sends until one side has ended the connection."""
    session, loop = pump.session, pump.loop
    shift = Shift()
    while True:
        message = await ws.receive()
        kind = message.type
        await its_turn(kind, pump, shift, connection, turnstile)
        if not pump.reading:
            # Half-open: the socket stays and nothing is read from it until the server closes.
            await pump.left
            return
        if kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
            if not session.over:
                began = loop.time()  # looked up each time: a test may make it virtual
                frame = Text(message.data) if kind is WSMsgType.TEXT else Binary(bytes(message.data))
                pump.feed(Received(Peer.CLIENT, frame), came=connection.came)
                turnstile.handled(loop.time() - began)
        elif kind is WSMsgType.PING:
            if pump.ponging:
                pump.outlet.pong(message.data)
            pump.pinged("ping from the client" if pump.ponging else "ping from the client, not answered")
        elif kind is WSMsgType.PONG:
            pump.pinged("pong from the client")
        elif kind is WSMsgType.CLOSE:
            if session.over:
                return  # the answer to our own close frame
            if message.data in NEVER_SENT or message.data >= 5000:
                broken(pump, f"a close frame with code {message.data} (RFC 6455 section 7.4)")
                return
            close = Close(message.data or None, message.extra or "")
            began = loop.time()
            pump.feed(Received(Peer.CLIENT, close))
            turnstile.handled(loop.time() - began)
            pump.outlet.put(Close(close.code))  # the echo of RFC 6455 section 5.5.1: not a frame of the session
            return
        else:
            problem = connection.frames.problem if connection.frames is not None else None
            if problem is None and kind is WSMsgType.ERROR:
                problem = message.data
            began = loop.time()
            lost(pump, "connection lost" if problem is None else f"protocol error: {problem}")
            turnstile.handled(loop.time() - began)
            return
        if pump.busy:
            await pump.looked()
        if pump.upstream is not None and pump.upstream.held:
            await pump.upstream.room()
        if shift.over:
            await shift.ended()
        if pump.outlet.crowded and not await reads(pump):
            lost(pump, f"the client does not read: nothing was taken for {UNREAD_SECONDS:g} s")
            if pump.transport is not None:
                reset(pump.transport)
            return


async def its_turn(kind: WSMsgType, pump: Pump, shift: Shift, connection: Arrivals, turnstile: Turnstile) -> None:
    """Return when what came may be handled: what was due before it comes first. Many may end their connections at
    once, and nobody waits for those.
    """
    if kind not in GOES_ON:
        await turnstile.go_out()
    elif shift.waited(connection.came) and turnstile.full:
        await turnstile.pass_through()
        shift.waited(connection.came)  # what came together is handled together
    if kind not in PINGS and is_behind(pump.session, until := pump.at(connection.came)):
        await caught_up(pump, until)


async def reads(pump: Pump) -> bool:
    """Whether a client for which much waits takes some of it. Until it has, nothing more is read from it."""
    outlet = pump.outlet
    while outlet.crowded:
        before = outlet.taken
        with suppress(TimeoutError):
            async with timeout(UNREAD_SECONDS):
                await outlet.room()
        if outlet.taken == before:
            return not outlet.crowded
    return True


def lost(pump: Pump, why: str) -> None:
    """The client has gone without a close frame; each connection ends once."""
    if not pump.session.over:
        pump.feed(Received(Peer.CLIENT, Lost(why)))


def broken(pump: Pump, problem: str) -> None:
    """The client broke a rule of the protocol that aiohttp does not know: it is told so, and the session ends."""
    lost(pump, f"protocol error: {problem}")
    pump.outlet.put(Close(1002))
