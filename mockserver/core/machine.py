"""Timed machines: everything that behaves in time, without a clock.

A machine is told the time and returns what comes of it. It never looks at a clock, so a test runs an hour in
microseconds, and a driver that is late changes nothing:

    feed(item, now)   something came in; returns what goes out at once
    wake_at()         when the machine wants to be woken, or None
    wake(now)         it is ``now``; returns what is due, and is called with the machine's own due time

**Tick invariance**: before ``feed`` a driver wakes the machine at each of its ``due_times`` (``advance`` does), in
turn, never at the driver's own. So the timeline is the same for a driver that ticks every millisecond and for one that
sleeps until the next item. Due at the same time as an item: the due part goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any, Generic, Protocol, TypeVar

from mockserver.core.frames import Micros

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)
T = TypeVar("T")
MOST_WAKES = 100_000


class Machine(Protocol[In_contra, Out_co]):
    """Anything that behaves in time: ``feed`` brings what came in, ``wake_at`` says when it is due, ``wake`` acts."""

    def feed(self, item: In_contra, now: Micros) -> Iterable[Out_co]: ...

    def wake_at(self) -> Micros | None: ...

    def wake(self, now: Micros) -> Iterable[Out_co]: ...


class Untimed:
    """The half of a machine about time, for one that does nothing by itself."""

    __slots__ = ()

    def wake_at(self) -> Micros | None:
        """Never."""
        return None

    def wake(self, now: Micros) -> list[Any]:
        """Nothing is ever due."""
        return []


class Plan(Generic[T]):
    """Things due later, in order of time and, within one time, in the order of their places: as they were added."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[Micros, int, int, T]] = []
        self._count = 0

    def place(self) -> int:
        """A place among what is due at one time, as for something that is added now."""
        self._count += 1
        return self._count

    def add(self, due: Micros, thing: T, place: int | None = None) -> None:
        """Plan ``thing`` for ``due``, in a ``place`` that was given before or in the next one."""
        number = self.place()
        heappush(self._heap, (due, number if place is None else place, number, thing))

    def next_due(self) -> Micros | None:
        """When the first thing is due, or None."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> T:
        """Remove and return the first thing. There must be one."""
        return heappop(self._heap)[3]

    def take(self, now: Micros) -> list[T]:
        """Remove and return everything due by ``now``."""
        taken = []
        while self._heap and self._heap[0][0] <= now:
            taken.append(heappop(self._heap)[3])
        return taken

    def timed(self) -> list[tuple[T, Micros]]:
        """Everything with its time, in order."""
        return [(thing, due) for due, _, _, thing in self._sorted()]

    def clear(self) -> list[T]:
        """Remove and return everything, in order: what a cancel drops."""
        rest = list(self)
        self._heap.clear()
        return rest

    def keep(self, wanted: Callable[[T], bool]) -> None:
        """Remove all but what is wanted."""
        self._heap = [entry for entry in self._heap if wanted(entry[3])]
        heapify(self._heap)

    def _sorted(self) -> list[tuple[Micros, int, int, T]]:
        return sorted(self._heap, key=lambda entry: entry[:3])

    def __iter__(self) -> Iterator[T]:
        return (entry[3] for entry in self._sorted())

    def __len__(self) -> int:
        return len(self._heap)


def earliest(*times: Micros | None) -> Micros | None:
    """The earliest of some wake-up times; None where there is none."""
    known = [time for time in times if time is not None]
    return min(known) if known else None


def due_times(wake_at: Callable[[], Micros | None], now: Micros, who: str) -> Iterator[Micros]:
    """Each time up to ``now`` at which something is due; whoever asks wakes it there before going on.

    What wants 100,000 wakes at one time is broken; that is an error here, not a hang.
    """
    stuck, last = 0, None
    while (due := wake_at()) is not None and due <= now:
        stuck = stuck + 1 if due == last else 0
        last = due
        if stuck > MOST_WAKES:
            raise RuntimeError(f"{who} wants to be woken at {due} for ever")
        yield due


def advance(machine: Machine[object, T], now: Micros) -> Iterator[tuple[Micros, T]]:
    """Wake ``machine`` at each of its due times up to ``now``; yields (due time, what came out)."""
    for due in due_times(machine.wake_at, now, type(machine).__name__):
        for out in machine.wake(due):
            yield due, out
