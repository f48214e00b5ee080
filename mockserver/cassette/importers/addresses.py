"""A handshake out of the URL and the headers that another tool has noted."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from mockserver.core.frames import Handshake, Pairs


def split(url: Any) -> SplitResult:
    """The parts of a URL; empty ones where it is none."""
    try:
        return urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        return urlsplit("")


def upstream(url: Any) -> str:
    """The service that a URL names, without path and query; empty where it names none."""
    parts = split(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def handshake(url: Any, headers: Pairs = ()) -> Handshake:
    """The handshake with which a client came to this URL."""
    parts = split(url)
    offered = next((value for key, value in headers if key.lower() == "sec-websocket-protocol"), "")
    path = parts.path or "/"
    return Handshake(
        path,
        tuple(parse_qsl(parts.query, keep_blank_values=True)),
        headers,
        tuple(one.strip() for one in offered.split(",") if one.strip()),
        f"{path}?{parts.query}" if parts.query else path,
    )
