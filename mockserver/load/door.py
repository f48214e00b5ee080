"""Where a call goes, and with which headers: the recorded handshake, turned to another address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from mockserver.cassette.model import Cassette, Connection, Exchange
from mockserver.cassette.patterns import TOKEN
from mockserver.core.frames import Pairs
from mockserver.dialects.addresses import led, socket_url
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import dialect_named
from mockserver.engines.relay.source import HOP
from mockserver.errors import UpstreamError, UsageError


@dataclass(frozen=True, slots=True)
class CallDoor:
    """What one connection of a cassette is asked for with. ``call``: a plain request whose reply names the socket."""

    dialect: Dialect
    target: str
    headers: Pairs
    subprotocols: tuple[str, ...]
    call: Exchange | None = None
    at: str = ""
    """The URL of that request."""
    key_headers: Pairs = ()
    """What it carries."""

    def named(self, body: bytes, status: int) -> str:
        """The socket's URL in the reply. UpstreamError where it names none, as the recorded one did."""
        found = _named(body, self.dialect)
        if not found:
            raise UpstreamError(f"{self.at} was answered {status} and named no socket, as the recorded reply did")
        return found[0].geturl()


def door(
    cassette: Cassette,
    connection: Connection,
    *,
    url: str,
    key: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> CallDoor:
    """Where a recorded connection goes, with which headers and subprotocols. UsageError for what is no URL.

    ``url`` is the base URL that clients take: the recorded path goes below it, as a client's library puts it.
    Without a path it is the origin; with the socket's whole path it is taken as it is. The recorded query goes along,
    unless the URL has its own. What was taken out of a header is not sent: ``key`` is.
    """
    dialect = dialect_named(cassette.header.dialect)
    parts = _parts(url)
    more = tuple(headers)
    shake = connection.handshake
    recorded = (shake.target or "").partition("?")[2]
    query = parts.query or "&".join(pair for pair in recorded.split("&") if pair and TOKEN.search(pair) is None)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    target = urlunsplit((scheme, parts.netloc, _joined(parts.path, shake.path, dialect), query, ""))
    kept = HOP | {"sec-websocket-extensions", *(name.lower() for name, _ in more)}
    sends: Pairs = tuple(
        (name, value) for name, value in shake.headers if name.lower() not in kept and TOKEN.search(value) is None
    )
    offered = tuple(one for one in shake.subprotocols if TOKEN.search(one) is None)
    if key is not None:
        sends, target, offered = dialect.keys.replaced(sends, target, offered, key)
    made = CallDoor(dialect, target, (*sends, *more), offered)
    call = next((one for one in cassette.exchanges if _leads(one, shake.path, dialect)), None)
    if call is None:
        return made
    path, _, asked = call.path.partition("?")
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    at = urlunsplit((scheme, parts.netloc, _joined(parts.path, path, dialect), asked, ""))
    carried = more
    if key is not None:
        carried, at, _ = dialect.keys.replaced(more, at, (), key)
    return CallDoor(dialect, target, made.headers, offered, call, at, carried)


def _parts(url: str) -> SplitResult:
    parts = None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https", "ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if parts is None or not usable:
        raise UsageError(f"{url!r:.200}: expected an http, https, ws or wss URL")
    return parts


def _leads(call: Exchange, path: str, dialect: Dialect) -> bool:
    """Whether a recorded reply names the socket at this path: such an address is good for one session."""
    return any((parts.path or "/") == path for parts in _named(call.body, dialect))


def _named(body: bytes, dialect: Dialect) -> list[SplitResult]:
    urls: list[str] = []

    def seen(url: str) -> None:
        urls.append(url)

    led(body, dialect.socket_fields, seen)
    return [parts for url in urls if (parts := socket_url(url)) is not None]


def _joined(base: str, recorded: str, dialect: Dialect) -> str:
    """A recorded path below a base path."""
    base, home = base.rstrip("/"), dialect.base_path
    if any(base.endswith(ending.rstrip("/")) for ending in dialect.paths if ending.strip("/")):
        return base
    if home and recorded.startswith(f"{home}/"):
        return (base or home) + recorded[len(home) :]
    return (base.removesuffix(home) if home else base) + recorded
