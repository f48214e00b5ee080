"""What plain requests have left behind for clients that come with a key of it: as much as there is room for."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MOST = 100_000
MOST_BYTES = 64 << 20
"""Bytes that all their bodies may have had: settings have a few thousand."""


class Kept(Generic[K, V]):
    """Values by key. Where they are too much the oldest are given up, never the newest. ``made``: how many came."""

    def __init__(self, *, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._there: dict[K, tuple[V, int]] = {}
        self._total = 0
        self.made = 0

    def __contains__(self, key: object) -> bool:
        return key in self._there

    def get(self, key: K) -> V | None:
        """What is kept by this key, or None."""
        found = self._there.get(key)
        return None if found is None else found[0]

    def keep(self, key: K, value: V, size: int) -> None:
        """One more, of a request with a body of so many bytes."""
        self.made += 1
        self._there[key] = value, size
        self._total += size
        while len(self._there) > 1 and (self._total > self._most_bytes or len(self._there) > self._most):
            self._total -= self._there.pop(next(iter(self._there)))[1]
