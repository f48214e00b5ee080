"""One call with asyncio: the caller's frames on a websocket of aiohttp's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import aiohttp
from aiohttp import WSMsgType
from multidict import CIMultiDict
from yarl import URL

from mockserver.cassette.model import Cassette, Exchange
from mockserver.core.frames import Binary, Close, Frame, Lost, Pairs, Sender, Text
from mockserver.errors import UpstreamError, UsageError
from mockserver.load.caller import Caller, CallerRole, CallOptions, Out
from mockserver.load.door import CallDoor, door
from mockserver.load.outcome import CallReport

Seen = Callable[[int, Sender, Frame], object]
"""Told of each frame: microseconds since the call began, who sent it, the frame."""


async def call(
    cassette: Cassette,
    *,
    url: str,
    connection: int = 0,
    options: CallOptions | None = None,
    key: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    seed: object = 0,
    seen: Seen | None = None,
) -> CallReport:
    """Play the client of one connection to the service or gateway at ``url``: a base URL, or that of the socket.

    ``key`` goes where the recorded client carried its own; ``headers`` go on top. UpstreamError where nothing answers.
    """
    if not 0 <= connection < len(cassette.connections):
        raise UsageError(f"connection {connection}: the cassette has 0 to {len(cassette.connections) - 1}")
    recorded = cassette.connections[connection]
    caller = Caller(CallerRole(cassette, recorded), options=options, seed=seed)
    where = door(cassette, recorded, url=url, key=key, headers=headers)
    target = where.target if where.call is None else where.named(*await _asked(where, where.call))
    socket = _Socket(caller, seen or (lambda at, sender, frame: None))
    return await socket.run(target, where.headers, where.subprotocols)


async def _asked(where: CallDoor, call: Exchange) -> tuple[bytes, int]:
    """Make the recorded plain call, which names the socket."""
    headers = CIMultiDict(where.key_headers)
    if call.request:
        headers.setdefault("Content-Type", "application/json")
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.request(call.method, where.at, data=call.request or None, headers=headers) as reply,
        ):
            return await reply.read(), reply.status
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamError(f"{call.method} {where.at}: {error}") from None


class _Socket:
    def __init__(self, caller: Caller, seen: Seen) -> None:
        self._caller, self._seen = caller, seen
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def _now(self) -> int:
        return round((self._loop.time() - self._began) * 1_000_000)

    async def run(self, target: str, headers: Pairs, offered: Sequence[str]) -> CallReport:
        caller = self._caller
        try:
            async with (
                aiohttp.ClientSession(skip_auto_headers=("User-Agent",)) as http,
                http.ws_connect(
                    URL(target, encoded=True),
                    headers=CIMultiDict(headers),
                    protocols=offered,
                    autoclose=False,
                    max_msg_size=0,
                ) as socket,
            ):
                await self._talk(socket)
        except aiohttp.WSServerHandshakeError as error:
            caller.refused(error.status, self._now())
        except (aiohttp.ClientError, OSError) as error:
            if caller.report.connected is None:
                raise UpstreamError(f"{target}: {error}") from None
            caller.feed(Lost(), self._now())
        return caller.report

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        caller = self._caller
        await self._put(socket, caller.opened(self._now()))
        reading: asyncio.Task[aiohttp.WSMessage] | None = None
        try:
            while not caller.over:
                reading = reading or asyncio.ensure_future(socket.receive())
                due = caller.wake_at()
                timeout = None if due is None else max(0.0, due / 1_000_000 - (self._loop.time() - self._began))
                await asyncio.wait({reading}, timeout=timeout)
                if reading.done():
                    frame = frame_of(reading.result())
                    reading = None
                    if frame is not None:
                        now = self._now()
                        self._seen(now, Sender.SERVER, frame)
                        await self._put(socket, caller.feed(frame, now))
                now = self._now()
                due = caller.wake_at()
                if due is not None and now >= due:
                    await self._put(socket, caller.wake(now))
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.wait({reading})
        await socket.close()

    async def _put(self, socket: aiohttp.ClientWebSocketResponse, frames: Iterable[Out]) -> None:
        for frame in frames:
            self._seen(self._now(), Sender.CLIENT, frame)
            match frame:
                case Text(data):
                    await socket.send_str(data)
                case Binary(payload):
                    await socket.send_bytes(payload)
                case Close(code, _):
                    await socket.close(code=code or 1000)


def frame_of(message: aiohttp.WSMessage) -> Frame | None:
    """What came, as a frame; None for what is none."""
    match message.type:
        case WSMsgType.TEXT:
            return Text(message.data)
        case WSMsgType.BINARY:
            return Binary(message.data)
        case WSMsgType.CLOSE:
            return Close(message.data, message.extra or "")
        case WSMsgType.PING | WSMsgType.PONG:
            return None
        case _:
            return Lost()
