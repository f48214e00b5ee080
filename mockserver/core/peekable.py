"""An iterator that can be asked for what comes next without taking it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


class Peekable(Generic[T]):
    """Makes one thing ahead of what was taken. True while there is more."""

    __slots__ = ("_first", "_rest")

    def __init__(self, things: Iterable[T] = ()) -> None:
        self._rest = iter(things)
        self._first: list[T] = []
        self._look()

    def _look(self) -> None:
        self._first = list(islice(self._rest, 1))

    @property
    def first(self) -> T | None:
        """What comes next, or None."""
        return self._first[0] if self._first else None

    def __bool__(self) -> bool:
        return bool(self._first)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if not self._first:
            raise StopIteration
        (taken,) = self._first
        self._look()
        return taken
