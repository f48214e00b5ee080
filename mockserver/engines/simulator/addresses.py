"""Where a simulated provider answers: at its own paths, and nowhere else.

A client that goes to a wrong place must not get a green test. It is told what the service tells it there, and the test
is told where the right place is. ``at`` is a prefix before all of a provider's paths, for gateways that have one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from mockserver.core.frames import Handshake, Refuse
from mockserver.engines.base import House, Request


@dataclass(frozen=True, slots=True)
class Astray:
    """A handshake that the service turns away for its address. ``why``: what is wrong, where it is not the path."""

    answer: Refuse
    why: str = ""


def below(at: str, path: str) -> str | None:
    """``path`` without the prefix ``at``; None where it does not stand under it."""
    if not at:
        return path
    return path[len(at) :] if path.startswith(at + "/") else None


def moved(handshake: Handshake, at: str) -> Handshake | None:
    """The handshake as if the prefix were not there; None where it is not."""
    path = below(at, handshake.path)
    return None if path is None else handshake if path == handshake.path else replace(handshake, path=path)


def inside(request: Request, at: str) -> Request | None:
    """A plain request as if the prefix were not there; None where it is not."""
    path = below(at, request.path)
    return None if path is None else request if path == request.path else replace(request, path=path)


def base_url(house: House, server_url: str) -> str:
    """The base URL that clients of a provider are given. ``server_url``: any URL of this server."""
    parts = urlsplit(server_url)
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://HOST:PORT"
    return f"{origin}{house.at}{house.dialect.base_path}"


def wrong_place(path: str, why: str, status: int, doors: Iterable[tuple[House, Iterable[str]]], server_url: str) -> str:
    """What the test is told. ``doors``: each provider with the paths of its sockets."""
    told = []
    for house, sockets in doors:
        here = " and ".join(house.at + socket for socket in sockets)
        told.append(f"{house.dialect.title} has {here} (base URL for its clients: {base_url(house, server_url)})")
    reason = why or "no socket of the service is there"
    return f"a client connected to {path}: {reason}. It was answered with HTTP {status}. {'; '.join(told)}"
