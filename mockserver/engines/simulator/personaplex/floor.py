"""The server's one lock: a second client waits without a word until the first has ended (personaplex.md#4)."""

from __future__ import annotations

from mockserver.core.frames import SECOND, Micros

PULSE_MS = 500
DEAD_US = 3 * SECOND
"""A holder that shows no sign for so long is gone: a fault that ended its connection does not tell its engine."""


class Floor:
    """Clients in the order in which they came; the first has the floor. Times are of the server's clock."""

    def __init__(self) -> None:
        self._queue: dict[object, Micros] = {}

    def ask(self, who: object, now: Micros) -> bool:
        """Whether ``who`` has the floor now; if not, it stands in the queue. Asking is a sign of life."""
        self._queue[who] = max(now, self._queue.get(who, now))
        for other, seen in list(self._queue.items()):
            if other is who:
                return True
            if now - seen < DEAD_US:
                return False
            del self._queue[other]
        return True

    def leave(self, who: object) -> None:
        """It has ended."""
        self._queue.pop(who, None)
