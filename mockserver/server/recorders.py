"""What listens to a server in order to record it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mockserver.core.entry import Entry
from mockserver.server.aside import Keeper, OneThread

if TYPE_CHECKING:
    from mockserver.cassette.model import Exchange


class Recorders:
    """``taps`` are told of what passes between the engines and the faults, before it goes on; ``on_exchange`` of plain
    calls. ``keeper``: what must be in its file before it leaves. ``thread``: for what takes long, recorded or not.
    """

    def __init__(self) -> None:
        self.taps: list[Callable[[Entry], None]] = []
        self.on_exchange: list[Callable[[Exchange], Awaitable[None] | None]] = []
        self.keeper: Keeper | None = None
        self.thread = OneThread()
