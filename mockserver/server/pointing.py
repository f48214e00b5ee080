"""Turns clients that take no address to a running server, where a test asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mockserver.dialects.pointing import PointTarget
from mockserver.errors import UsageError
from mockserver.server.host import MockServer


def point_clients(server: MockServer, put: Callable[[Any, str, Any], object]) -> list[str]:
    """Patch what the clients of this server's providers have written into their code; returns what, a line each.

    ``put``: pytest's ``monkeypatch.setattr``, or what else sets an attribute and puts the old one back. UsageError
    where these clients take an address, or where none of them is installed.
    """
    houses = [house for house in server.whereabouts.houses if house.dialect.points is not None]
    if not houses:
        title = server.dialect.title
        raise UsageError(
            f"clients of {title} take an address: give them server.base_url, or the variables of server.env()"
        )
    ca = None if server.certificate is None else server.certificate.pem
    ws = "ws" + server.url.removeprefix("http")
    return [
        house.dialect.points(PointTarget(server.url + house.at, ws + house.at, ca, put))
        for house in houses
        if house.dialect.points is not None
    ]
