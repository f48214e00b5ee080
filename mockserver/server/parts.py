"""What a server holds of itself: what was asked of it, and what it is made of while it runs."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Server
from dataclasses import dataclass

from mockserver.server.alarms import Alarms
from mockserver.server.entrance import Entrance, SharedPort
from mockserver.server.plain import PlainRequests


@dataclass(frozen=True, slots=True)
class ServerTerms:
    """What was asked of a server when it was made, as ``MockServer`` says it. ``port``: the one that is wanted."""

    seed: int | str
    port: int
    listening: SharedPort | None
    compress: bool
    ice: tuple[str, ...]
    probes: bool
    outlast: float


@dataclass(slots=True)
class ServerParts:
    """What a server is made of from its start on. ``listener``: None once it takes no more connections; ``loop``: None
    once it is closed.
    """

    loop: AbstractEventLoop | None
    listener: Server | None
    entrance: Entrance
    alarms: Alarms
    plain: PlainRequests
