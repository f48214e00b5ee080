"""A session that is paused: a layer that keeps everything back, both ways, until it is taken away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mockserver.core.frames import Close, Item, Lost, Micros, Note, Received
from mockserver.core.machine import Untimed


class PausedLayer(Untimed):
    """Nothing is lost and nothing changes its order. That a client is gone goes on: there is nobody to wait for.

    Time does not end it.
    """

    def __init__(self) -> None:
        self._held: list[Item] = []

    def feed(self, item: Item, now: Micros) -> Iterable[Item]:
        """Kept back, but for notes and a client's end."""
        if isinstance(item, Note) or (isinstance(item, Received) and isinstance(item.frame, Close | Lost)):
            return (item,)
        self._held.append(item)
        return ()

    @property
    def spec(self) -> str:
        """What it is, in words."""
        return "the pause"

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """Everything that is kept back; no time ends it."""
        return [(item, None) for item in self._held]

    def release(self, now: Micros) -> Iterable[Item]:
        """Everything, in the order in which it came."""
        held, self._held = self._held, []
        return held
