"""What sessions that are over have left behind for clients that come back: as much as there is room for."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from mockserver.engines.simulator.replies.reply import Seen

K = TypeVar("K", bound=Hashable)
MOST = 1_000
MOST_CHARACTERS = 16 << 20
"""Characters that all of them may have said together: an hour of speech has 50,000."""


class Resumable(Generic[K]):
    """Sessions that are over and may be taken up again, by a key. Where they are too much the oldest are given up."""

    def __init__(self, *, most: int = MOST_CHARACTERS) -> None:
        self._most = most
        self._sizes: dict[K, int] = {}
        self._total = 0

    def left(self, key: K, items: Iterable[Seen]) -> list[K]:
        """One more is over; returns those that are given up for it, and itself where it alone is too much."""
        self.taken_up(key)
        size = sum(len(item.text) + len(item.arguments) + len(item.output) for item in items)
        self._sizes[key] = size
        self._total += size
        gone: list[K] = []
        while self._total > self._most or len(self._sizes) > MOST:
            gone.append(next(iter(self._sizes)))
            self.taken_up(gone[-1])
        return gone

    def taken_up(self, key: K) -> None:
        """It goes on, or is forgotten."""
        self._total -= self._sizes.pop(key, 0)
