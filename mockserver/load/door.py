"""Where a call goes, and with which headers: the recorded handshake, turned to another address."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from mockserver.cassette.model import Cassette, Connection
from mockserver.cassette.patterns import TOKEN
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import dialect_named
from mockserver.engines.relay.source import HOP
from mockserver.errors import UsageError


def door(
    cassette: Cassette,
    connection: Connection,
    *,
    url: str,
    key: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> tuple[str, list[tuple[str, str]], list[str]]:
    """Where a recorded connection goes, with which headers and subprotocols. UsageError for what is no URL.

    A base URL gets the recorded path below it, without what both have; one with the whole path is taken as it is. The
    recorded query goes along, unless the URL has its own. What was taken out of a header is not sent: ``key`` is.
    """
    dialect = dialect_named(cassette.header.dialect)
    parts = None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https", "ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if parts is None or not usable:
        raise UsageError(f"{url!r:.200}: expected an http, https, ws or wss URL")
    shake = connection.handshake
    path = _joined(parts.path, shake.path, dialect)
    recorded = (shake.target or "").partition("?")[2]
    query = parts.query or "&".join(pair for pair in recorded.split("&") if pair and TOKEN.search(pair) is None)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    target = urlunsplit((scheme, parts.netloc, path, query, ""))
    own = {name.lower() for name, _ in headers}
    kept = HOP | {"sec-websocket-extensions", *own}
    sends = [(name, value) for name, value in shake.headers if name.lower() not in kept and TOKEN.search(value) is None]
    offered = [one for one in shake.subprotocols if TOKEN.search(one) is None]
    if key is not None:
        bare, target, left = dialect.keys.replaced(tuple(sends), target, offered, key)
        sends, offered = list(bare), list(left)
    return target, [*sends, *headers], offered


def _joined(base: str, recorded: str, dialect: Dialect) -> str:
    """The path of the socket below a base path."""
    base = base.rstrip("/")
    for ending in dialect.paths:
        if base.endswith(ending.rstrip("/")) and ending.strip("/"):
            return base
    home = dialect.base_path
    below = recorded[len(home) :] if home and recorded.startswith(f"{home}/") and base.endswith(home) else recorded
    return f"{base}/{below.lstrip('/')}"
