"""Send a cassette's client side to the real service, and compare the shape of what comes back with the recording.

A relay of our own stands in between, so that paths, headers and the key reach the service as in a recording. What to
send when, and what counts as drift, is decided in ``cassette.follow`` and ``cassette.drift``; here are the sockets.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp import WSMsgType
from multidict import CIMultiDict
from yarl import URL

from mockserver.cassette.drift import Drift, drift
from mockserver.cassette.follow import Follower
from mockserver.cassette.model import Cassette, Connection, Exchange
from mockserver.cassette.patterns import TOKEN
from mockserver.core.frames import SECOND, Binary, Close, Frame, Lost, Text
from mockserver.dialects.addresses import led, socket_url
from mockserver.dialects.registry import dialect_named
from mockserver.engines.relay.source import HOP, checked_upstream
from mockserver.errors import ExpectationFailed, UpstreamError, UsageError
from mockserver.server.host import MockServer
from mockserver.server.sources import dialect_of, relay

WAIT_SECONDS = 20.0
"""How long an event of the recording is waited for; what has not come then is not waited for again."""
LINGER_SECONDS = 0.2
"""How long to look for more once everything recorded has come."""


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying one connection found. ``events``: how many frames the service sent."""

    connection: int
    drifts: tuple[Drift, ...]
    events: int


async def verify(
    cassette: Cassette, *, upstream: str, key_env: str | None = None, wait_seconds: float = WAIT_SECONDS
) -> list[Report]:
    """Verify every connection of a cassette, one after another. UpstreamError where the service cannot be used."""
    if cassette.header.unsafe:
        raise UsageError(f"{cassette.path or 'this recording'}: it holds a secret; only a clean cassette is verified")
    dialect = dialect_named(cassette.header.dialect)
    source = relay(upstream, dialect=dialect, key_env=key_env)
    async with MockServer(source) as server:
        reports = []
        calls = _calls(cassette, server)
        for connection in cassette.connections:
            waiting = calls.get(connection.handshake.path)
            call = waiting.popleft() if waiting else None
            target = None if call is None else await _called(call, server)
            live = await _Driver(connection, server, wait_seconds, target).run()
            if source.failures and connection.answer.status == 101:
                raise source.failures[0]
            reports.append(_report(connection, live, server))
        return reports


def _calls(cassette: Cassette, server: MockServer) -> dict[str, deque[Exchange]]:
    """The recorded calls whose reply named a socket, by that socket's path: such an address is good for one session.

    Where sessions share a path (a signed one differs in its query), each has the call before it.
    """
    found: dict[str, deque[Exchange]] = {}
    for exchange in cassette.exchanges:
        for parts in _sockets(exchange.body, server):
            found.setdefault(parts.path or "/", deque()).append(exchange)
    return found


def _sockets(body: bytes, server: MockServer) -> list[SplitResult]:
    urls: list[str] = []

    def seen(url: str) -> None:
        urls.append(url)

    led(body, server.dialect.socket_fields, seen)
    return [parts for url in urls if (parts := socket_url(url)) is not None]


async def _called(call: Exchange, server: MockServer) -> str:
    """Make the recorded call again; the target of the socket that the live reply names."""
    headers = {"Content-Type": "application/json"} if call.request else {}
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.request(call.method, server.url + call.path, data=call.request or None, headers=headers) as reply,
        ):
            body, status = await reply.read(), reply.status
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamError(f"{call.method} {call.path} broke off while it was verified: {error}") from None
    named = _sockets(body, server)
    if not named:
        told = f"{call.method} {call.path} was answered {status} and named no socket"
        raise UpstreamError(f"{told}, as the recorded reply did")
    parts = named[0]
    return f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"


def key_variable(upstream: str, *, dialect: str | None = None) -> str | None:
    """The provider's own key variable, where it is set and ``upstream`` is the provider itself.

    A key is never given to another host unless its variable was named for it.
    """
    if "://" not in upstream:
        found, at_home = dialect_named(upstream), True
    else:
        checked_upstream(upstream)
        found = dialect_of(upstream) if dialect is None else dialect_named(dialect)
        at_home = found.upstream is not None and urlsplit(upstream).hostname == urlsplit(found.upstream).hostname
    return found.keys.env if at_home and found.keys.env and os.environ.get(found.keys.env) else None


def failure(cassette: Cassette, reports: Sequence[Report]) -> ExpectationFailed | None:
    """The drift as one error, or None where there is none."""
    lines = [f"  connection {one.connection}: {drifted}" for one in reports for drifted in one.drifts]
    if not lines:
        return None
    where = cassette.path or "the cassette"
    day = cassette.header.recorded_on or "an unknown day"
    return ExpectationFailed(f"{where}: the real service has drifted from the recording of {day}\n" + "\n".join(lines))


def _report(connection: Connection, live: Follower | int, server: MockServer) -> Report:
    if isinstance(live, int):
        was = f"recorded: answered with {connection.answer.status}"
        same = live == connection.answer.status
        drifts = () if same else (Drift("end changed", f"handshake answered with {live}", was),)
        return Report(connection.number, drifts, 0)
    found = drift(*live.compared(), dialect=server.dialect)
    return Report(connection.number, tuple(found), len(live.heard))


def _whole(name: str, value: str) -> str:
    """A header as a server reads it: of a redacted ``Authorization`` the scheme is gone too."""
    return f"Bearer {value}" if name.lower() == "authorization" and TOKEN.fullmatch(value) else value


class _Driver:
    """Plays the client of one connection."""

    def __init__(
        self, connection: Connection, server: MockServer, wait_seconds: float, target: str | None = None
    ) -> None:
        self._target = target
        self._connection = connection
        self._server = server
        self._wait = wait_seconds
        self._follower = Follower(connection.records, server.dialect, timed=connection.timed)
        self._news = asyncio.Event()
        self._ended = False
        self._leaving = False

    async def run(self) -> Follower | int:
        """The live session, or the status of a refusal."""
        shake = self._connection.handshake
        left_out = HOP | {"sec-websocket-extensions"}
        headers = CIMultiDict(
            (name, _whole(name, value)) for name, value in shake.headers if name.lower() not in left_out
        )
        target = self._target or shake.target or shake.path
        try:
            async with (
                aiohttp.ClientSession(skip_auto_headers=("User-Agent",)) as http,
                http.ws_connect(
                    URL(self._server.url + target, encoded=True),
                    headers=headers,
                    protocols=shake.subprotocols,
                    autoclose=False,
                    max_msg_size=0,
                ) as socket,
            ):
                reading = asyncio.create_task(self._read(socket))
                try:
                    await self._talk(socket)
                finally:
                    reading.cancel()
                    await asyncio.wait([reading])
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(f"the session broke off while it was verified: {error}") from None
        return self._follower

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while not self._ended:
            message = await socket.receive()
            frame: Frame
            match message.type:
                case WSMsgType.TEXT:
                    frame = Text(message.data)
                case WSMsgType.BINARY:
                    frame = Binary(message.data)
                case WSMsgType.CLOSE:
                    frame = Close(message.data, message.extra or "")
                    self._ended = True
                case WSMsgType.PING | WSMsgType.PONG:
                    continue
                case _ if self._leaving:
                    return
                case _:
                    frame = Lost()
                    self._ended = True
            self._follower.received(frame)
            self._news.set()

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        follower = self._follower
        for step in follower.steps:
            if isinstance(step.frame, Close | Lost):
                break
            if step.waits:
                await self._until_came(step.after)
            await asyncio.sleep(step.pause / SECOND)
            if self._ended:
                break
            frame = follower.translated(step.frame)
            follower.sent(frame)
            if isinstance(frame, Text):
                await socket.send_str(frame.data)
            elif isinstance(frame, Binary):
                await socket.send_bytes(frame.data)
        await self._until_came(follower.whole)
        if any(isinstance(frame, Close | Lost) for frame in follower.recorded):
            await self._until(lambda: self._ended, self._wait)
        else:
            await self._until(lambda: self._ended, LINGER_SECONDS)
        self._leaving = True
        await socket.close()

    async def _until_came(self, wanted: Counter[str]) -> None:
        follower = self._follower
        if not await self._until(lambda: self._ended or not follower.missing(wanted), self._wait):
            follower.give_up(follower.missing(wanted))

    async def _until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Whether it came to be within some seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True
