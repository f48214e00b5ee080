"""Sockets whose address a plain reply of the upstream named, as Ultravox's ``joinUrl`` does.

The client is given the same path and query at the relay's own origin. The relay remembers which address that stands
for and dials it when the client comes. Such an address is often at another host than the upstream that the user
configured, so three rules hold:

- Only what a reply of the configured upstream named is dialled, and only at a host that the dialect allows.
- The client must bring the path and every query parameter that was named: without them it made the address up.
- No credential goes there but the ones in the named address: the client's and the relay's key are for the upstream.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, unquote, unquote_plus

from mockserver.cassette.secret_names import hides
from mockserver.core.frames import Handshake, Pairs
from mockserver.dialects.addresses import led, moved, socket_url
from mockserver.dialects.base import Dialect
from mockserver.dialects.keys import ANY_HEADERS
from mockserver.dialects.registry import key_prefixes
from mockserver.engines.base import HttpReply

KEPT = 1_000
"""Addresses that are remembered; the oldest are forgotten first. A client comes to its own within moments."""


@dataclass(frozen=True, slots=True)
class Address:
    """One named address: the real origin, the path as named, as a server reads it, and the query."""

    origin: str
    raw_path: str
    path: str
    query: Pairs


class Named:
    """The addresses that one upstream has named."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: deque[Address] = deque(maxlen=KEPT)

    def take(self, reply: HttpReply, origin: str) -> HttpReply:
        """The reply as the client gets it: its sockets are at ``origin`` now, and remembered."""
        if not 200 <= reply.status < 300:
            return reply
        body = led(reply.body, self._dialect.socket_fields, lambda url: self._remembered(url, origin))
        return reply if body is reply.body else HttpReply(reply.status, reply.headers, body)

    def find(self, handshake: Handshake) -> Address | None:
        """The newest address that a client's handshake stands for."""
        for one in reversed(self._known):
            if one.path == handshake.path and all(pair in handshake.query for pair in one.query):
                return one
        return None

    def dialling(self, handshake: Handshake, address: Address) -> Handshake:
        """The handshake for a named address: the client's, without its credentials."""
        _, mark, query = handshake.target.partition("?")
        query = "&".join(piece for piece in query.split("&") if piece and not self._secret_piece(piece, address))
        prefixes = (*key_prefixes(), *self._dialect.keys.secret_subprotocols)
        return Handshake(
            address.path,
            tuple(parse_qsl(query, keep_blank_values=True)),
            tuple((name, value) for name, value in handshake.headers if not self._secret_header(name.lower())),
            tuple(one for one in handshake.subprotocols if not one.startswith(prefixes)),
            f"{address.origin}{address.raw_path}{'?' + query if mark and query else ''}",
        )

    def _remembered(self, url: str, origin: str) -> str | None:
        parts, here = socket_url(url), moved(url, origin)
        if parts is None or here is None or not self._allowed(parts.hostname or ""):
            return None
        raw = parts.path or "/"
        path = unquote(raw)
        while "//" in path:  # as the server reads it
            path = path.replace("//", "/")
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        self._known.append(Address(f"{parts.scheme}://{parts.netloc}", raw, path, query))
        return here

    def _allowed(self, host: str) -> bool:
        return any(fnmatchcase(host.lower(), pattern) for pattern in self._dialect.socket_hosts)

    def _secret_header(self, name: str) -> bool:
        return name in ANY_HEADERS or self._dialect.keys.secret_header(name) or hides(name)

    def _secret_piece(self, piece: str, address: Address) -> bool:
        name, _, value = (unquote_plus(part) for part in piece.partition("="))
        if (name, value) in address.query:
            return False
        return self._dialect.keys.secret_param(name) or hides(name)
