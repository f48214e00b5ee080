"""What stands between a listener and the sessions: the certificate, and the protocol that a connection speaks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mockserver.dialects.base import Dialect
from mockserver.errors import ExpectationFailed, ServerError
from mockserver.server.local import cannot_listen, loopback
from mockserver.server.websocket.app import App

if TYPE_CHECKING:
    from mockserver.server.http2.door import StreamDoor
    from mockserver.server.tls import Certificate

PLAIN_GRACE = 0.05
"""Seconds that plain HTTP requests get to finish when the server closes."""
ACCEPTED = 16
"""Connections that are taken in one turn of the loop, each for about a quarter of a millisecond: the clients that are
there already have their turns between. asyncio takes as many as it is told that may wait (``backlog``)."""
WAITING = 1024
"""Connections that may wait to be taken."""


@dataclass(frozen=True, slots=True)
class SharedPort:
    """How a process listens that shares its port with others (``server.workers``).

    ``reuse_port``: each on a socket of its own, and the system says who gets a connection. ``shared``: all on this one.
    ``inside``: where the others ask this process for what it knows.
    """

    port: int
    reuse_port: bool = False
    shared: socket.socket | None = None
    inside: str | None = None


class Entrance:
    """``streams``: a provider that speaks over HTTP/2. ServerError where what that needs is not installed."""

    def __init__(
        self,
        host: Any,
        address: str,
        *,
        tls: bool,
        streams: Dialect | None,
        complain: Callable[[ExpectationFailed], object],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._app = App(host, loop=self._loop, complain=complain)
        self._door: StreamDoor | None = None
        self._inside: asyncio.AbstractServer | None = None
        self.certificate: Certificate | None = None
        if streams is not None:
            try:
                from mockserver.server.http2.door import StreamDoor
            except ImportError:
                raise ServerError(
                    f"{streams.title} speaks HTTP/2, which needs the package h2, and that is not installed: "
                    f"pip install 'realtime-mockserver[{streams.extra}]'"
                ) from None

            self._door = StreamDoor(host, self._loop, self._app)
        if tls:
            from mockserver.server.tls import Certificate

            names = () if loopback(address) or not address else (address,)
            self.certificate = Certificate(*names, streams=streams is not None)

    async def listen(self, port: int, how: SharedPort | None = None) -> asyncio.Server:
        """Listen. ServerError where that is not possible."""
        secure = None if self.certificate is None else self.certificate.context
        enter = self._door or self._app
        how = how or SharedPort(port)
        try:
            if how.inside is not None:
                self._inside = await self._loop.create_unix_server(self._app, how.inside)
            if how.shared is not None:
                listening = await self._loop.create_server(enter, sock=how.shared.dup(), ssl=secure, backlog=ACCEPTED)
            else:
                listening = await self._loop.create_server(
                    enter,
                    self._address,
                    how.port,
                    ssl=secure,
                    backlog=ACCEPTED,
                    reuse_address=True,
                    reuse_port=how.reuse_port or None,
                )
            for one in listening.sockets:
                with one.dup() as same:
                    same.listen(WAITING)
            return listening
        except (OSError, UnicodeError) as error:  # no such port, no such name, a name that can be none
            raise cannot_listen(self._address, port, error) from None

    async def close(self) -> None:
        """End the connections, whose sessions have ended."""
        if self._inside is not None:
            self._inside.close()
        if self._door is not None:
            self._door.close()
        self._app.pre_shutdown()
        await asyncio.sleep(0)  # handlers of idle connections end here
        await self._app.shutdown(PLAIN_GRACE)
        await asyncio.sleep(0)  # and those that were cancelled here, not in a loop that is gone
        if self.certificate is not None:
            self.certificate.close()


def elsewhere(title: str, speaks: str, came: str) -> str:
    """A client has come to a provider in a way in which nobody can talk to it."""
    how = {"websocket": "a websocket", "event-stream": "a stream of HTTP/2"}
    return f"{title} is reached over {how[speaks]}, and a client came with {how[came]}"
