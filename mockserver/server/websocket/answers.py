"""Answers to plain requests, as aiohttp sends them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from aiohttp import web
from multidict import CIMultiDict

from mockserver.engines.base import HttpReply

OURS = frozenset(
    {"connection", "upgrade", "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol",
     "content-length", "transfer-encoding", "keep-alive", "te", "trailer", "proxy-authenticate"}
)  # fmt: skip
"""Response headers that belong to one hop and are written by aiohttp, never copied from an engine's answer."""


def told(status: int, message: str) -> HttpReply:
    """A refusal in one JSON line that a person can read."""
    body = json.dumps({"error": {"message": message}}, ensure_ascii=False) + "\n"
    return HttpReply(status, (("Content-Type", "application/json"),), body.encode())


def response(reply: HttpReply) -> web.Response:
    """A reply. One in pieces is written as its client takes them."""
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in reply.headers:
        if name.lower() not in OURS:
            headers.add(name, value)
    if not reply.rest:
        return web.Response(status=reply.status, headers=headers, body=reply.body)
    headers["Content-Length"] = str(len(reply.body) + sum(map(len, reply.rest)))
    return web.Response(status=reply.status, headers=headers, body=_pieces(reply))


async def _pieces(reply: HttpReply) -> AsyncIterator[bytes]:
    for piece in (reply.body, *reply.rest):
        yield piece
