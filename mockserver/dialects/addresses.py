"""Addresses of sockets inside plain replies: a REST call of some providers says where the socket is.

Which fields hold one is a fact of the dialect (``Dialect.socket_fields``). Only ws and wss URLs count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from mockserver.dialects.base import parse

Lead = Callable[[str], str | None]
"""Another address for this one; None leaves it as it is."""


def led(body: bytes, fields: Sequence[str], lead: Lead) -> bytes:
    """A JSON body whose ``fields``, at any depth, hold other addresses. The same object where nothing is changed."""
    if not fields:
        return body
    try:
        told = parse(body.decode())
    except UnicodeDecodeError:
        return body
    if told is None:
        return body
    made, changed = _led(told, fields, lead)
    return json.dumps(made).encode() if changed else body


def _led(value: Any, fields: Sequence[str], lead: Lead) -> tuple[Any, bool]:
    if isinstance(value, dict):
        made: dict[str, Any] = {}
        changed = False
        for name, inner in value.items():
            other = lead(inner) if name in fields and isinstance(inner, str) else None
            made[name], moved = (other, True) if other is not None else _led(inner, fields, lead)
            changed = changed or moved
        return made, changed
    if isinstance(value, list):
        items = [_led(inner, fields, lead) for inner in value]
        return [item for item, _ in items], any(moved for _, moved in items)
    return value, False


def socket_url(text: str) -> SplitResult | None:
    """The parts of a ws or wss URL with a host; None for anything else."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def moved(text: str, origin: str) -> str | None:
    """The same path and query at another origin (``ws://127.0.0.1:4000``); None where this is no socket's URL."""
    parts = socket_url(text)
    if parts is None:
        return None
    return origin + urlunsplit(("", "", parts.path or "/", parts.query, ""))
