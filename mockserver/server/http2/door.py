"""Which protocol a TCP connection speaks: told by its first bytes, whether it came over TLS or not.

With ALPN a client has agreed on h2 and begins with the preface too; in the clear that is "prior knowledge" (RFC 9113
section 3.3). Anything else is HTTP/1.1.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, BaseProtocol, Protocol
from collections.abc import Callable
from typing import Any

from mockserver.server.http2.connection import Http2Connection, StreamHost
from mockserver.server.http2.leaving import PREFACE


class StreamDoor:
    """Makes a protocol for each connection. ``plain``: makes that of HTTP/1.1."""

    def __init__(self, host: StreamHost, loop: AbstractEventLoop, plain: Callable[[], BaseProtocol]) -> None:
        self._host = host
        self._loop = loop
        self._plain = plain
        self._open: set[Http2Connection] = set()

    def __call__(self) -> Protocol:
        """For one more connection."""
        return Visitor(self._streams, self._plain)

    def close(self) -> None:
        """The server closes."""
        for connection in tuple(self._open):
            connection.close()

    def _streams(self) -> Http2Connection:
        made = Http2Connection(self._host, self._loop, self._open.discard)
        self._open.add(made)
        return made


class Visitor(Protocol):
    """A connection that has not said yet what it speaks."""

    def __init__(self, streams: Callable[[], BaseProtocol], plain: Callable[[], BaseProtocol]) -> None:
        self._streams = streams
        self._plain = plain
        self._transport: Any = None
        self._early = b""

    def connection_made(self, transport: Any) -> None:
        """Somebody is there."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The first bytes; a few may not be enough."""
        self._early += data
        length = min(len(self._early), len(PREFACE))
        if self._early[:length] != PREFACE[:length]:
            self._become(self._plain())
        elif length == len(PREFACE):
            self._become(self._streams())

    def _become(self, protocol: Any) -> None:
        early, self._early = self._early, b""
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(early)
