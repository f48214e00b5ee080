"""What an HTTP request says: its target, its headers and its body, and how much of each is taken."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from sys import intern
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from mockserver.core.frames import Handshake, Pairs
from mockserver.engines.base import HttpReply
from mockserver.server.websocket.answers import told

MAX_BODY = 64 * 1024 * 1024
"""Bytes that the body of a plain request may have."""

MAX_HEAD = 64 * 1024
"""Bytes that a request line or a header may have, and all of them together: journals keep handshakes."""

MAX_PARAMETERS = 256
"""Parameters that a query may have: each of them is kept as two texts."""

COMMON = 512
"""Characters of an address or a header of which one copy is kept for all who send it. Longer ones are one client's."""


def read_handshake(request: web.BaseRequest) -> Handshake:
    """The client's handshake, verbatim where it matters."""
    target = request.raw_path
    target, path, query = _same_target(target) if len(target) <= COMMON else (target, *split_target(target))
    headers = pairs(request.raw_headers)
    offered = tuple(
        name.strip()
        for key, value in headers
        if key.lower() == "sec-websocket-protocol"
        for name in value.split(",")
        if name.strip()
    )
    return Handshake(path, query, headers, offered, target)


def too_much(target: str, headers: Iterable[tuple[bytes | str, bytes | str]]) -> HttpReply | None:
    """The refusal of a request whose head is too much to be kept, or None."""
    if target.count("&") >= MAX_PARAMETERS:
        return told(414, f"a query may have {MAX_PARAMETERS} parameters")
    if len(target) + sum(len(name) + len(value) for name, value in headers) > MAX_HEAD:
        return told(431, f"a request's line and headers may have {MAX_HEAD} bytes")
    return None


async def body_of(request: web.BaseRequest) -> bytes | None:
    """The body of a plain request, or None where it is too large."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def split_target(target: str) -> tuple[str, Pairs]:
    """A request target as a path without doubled slashes and query pairs. Clients that join URLs double slashes."""
    if not target.startswith("/") and "://" in target:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    path, _, query = target.partition("?")
    while "//" in path:
        path = path.replace("//", "/")
    return unquote(path) or "/", tuple(parse_qsl(query, keep_blank_values=True))


@lru_cache(256)
def _same_target(target: str) -> tuple[str, str, Pairs]:
    """A target with what ``split_target`` says: one copy for all who ask for the same, because journals keep it."""
    return target, *split_target(target)


def pairs(raw: tuple[tuple[bytes, bytes], ...]) -> Pairs:
    """Headers as text, in wire order. All clients say the same ones, and journals keep them: one copy is enough."""
    return tuple([(_same_pair if len(value) <= COMMON else _pair)(name, value) for name, value in raw])


def _pair(name: bytes, value: bytes) -> tuple[str, str]:
    return intern(name.decode("latin-1")), _words(value)


_same_pair = lru_cache(1024)(_pair)


def _words(value: bytes) -> str:
    """A header's value. Bytes that are no UTF-8 are read one a character, as once was the rule (RFC 9110 5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
