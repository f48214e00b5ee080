"""Clients that bring back an id: to the process that gave it.

An id says by its check sum which of all equal processes made it (``engines.base.ProcessPlace``). Of those that share
this port, the one that knows it gets the connection, byte by byte, over its socket of Unix. One behind another address
cannot be reached from here: the client is answered as the provider answers an id that it does not know, and the test is
told.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from mockserver.core.frames import Handshake
from mockserver.engines.base import Recalling, Request
from mockserver.server.rim import Serving

if TYPE_CHECKING:
    from mockserver.server.workers.crew import Crew

MOST_LOST = 100
"""Ids of other machines that are remembered as problems."""
HIGH = 1 << 20
"""Bytes that wait for one side before the other is not read any more."""


def leading(server: Serving, came: Handshake | Request, lost: dict[str, None]) -> int | None:
    """The worker of this port that knows what a client brings back; None where it is this process, or another machine.

    ``lost``: takes a line for each id of another machine.
    """
    place = server.place
    if place.count == 1 or not isinstance(server.source, Recalling):
        return None
    ident = server.source.brought(came)
    if not ident:
        return None
    owner = place.owner(ident)
    if owner == place.index:
        return None
    workers = 1 if server.crew is None else server.crew.count
    if server.crew is not None and owner // workers == place.index // workers:
        return owner % workers
    if len(lost) < MOST_LOST:
        shown = f"{ident[:6]}..." if len(ident) > 6 else ident
        lost[
            f"a client brought back {shown} to {came.path:.60}: replica {owner // workers} gave it, this is replica "
            f"{place.index // workers}; let the balancer send a client's calls and its session to one replica"
        ] = None
    return None


class _Pipe(asyncio.Protocol):
    """One end of a connection that is passed on."""

    def __init__(self) -> None:
        self.other: _Pipe | None = None
        self.transport: Any = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """There it is."""
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH)

    def data_received(self, data: bytes) -> None:
        """What comes goes on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """One side has said all: the other hears so."""
        if self.other is not None and self.other.transport is not None and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """This end is gone, so the other has to go."""
        if not self.gone.done():
            self.gone.set_result(None)
        if self.other is not None and self.other.transport is not None:
            (self.other.transport.close if exc is None else self.other.transport.abort)()

    def pause_writing(self) -> None:
        """This end takes no more: the other is not read."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """It does again."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()


async def pass_on(request: web.BaseRequest, early: bytes, crew: Crew, worker: int) -> bool:
    """Give a client's connection, whose first bytes are ``early``, to another process; returns when it has ended.

    False where that process does not answer: it may be starting again.
    """
    client, server = _Pipe(), _Pipe()
    client.other, server.other = server, client
    loop = asyncio.get_running_loop()
    transport = request.transport
    if transport is None:
        return True
    try:
        await loop.create_unix_connection(lambda: server, str(crew.socket(worker)))
    except OSError:
        return False
    client.connection_made(transport)
    transport.set_protocol(client)
    server.transport.write(early)
    try:
        await asyncio.wait({client.gone, server.gone})
    finally:
        for end in (client, server):
            end.transport.abort()
    return True
