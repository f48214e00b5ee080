"""Which of the frames that fit are struck: the n-th, every n-th, some by chance, so many at most."""

from __future__ import annotations

from random import Random

from mockserver.faults.where import Where


class Share:
    """The count of one fault in one session. Each question returns why not, or ""."""

    __slots__ = ("_chance", "_hits", "_matched", "_where")

    def __init__(self, where: Where, chance: Random) -> None:
        self._where, self._chance = where, chance
        self._matched = self._hits = 0

    def misses(self) -> str:
        """One more frame fits."""
        where = self._where
        self._matched += 1
        if where.nth is not None and self._matched != where.nth:
            return f"not number {where.nth}"
        if where.every is not None and self._matched % where.every:
            return f"not every {where.every}"
        return self.spared()

    def spared(self) -> str:
        """It would be struck now, whatever its number."""
        where = self._where
        if where.probability < 1 and self._chance.random() >= where.probability:
            return "by chance not"
        if where.times is not None and self._hits >= where.times:
            return f"after the {where.times} allowed"
        self._hits += 1
        return ""
