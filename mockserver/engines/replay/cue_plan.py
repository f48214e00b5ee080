"""The clock's plan of a replay: which cue is due when, and in which order those go out that are due together."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count

from mockserver.core.frames import Micros
from mockserver.engines.replay.steps import Cue

ReadyCue = tuple[int, int, Micros, Cue]
"""A cue that is due: the record it stands for, its number in the plan, when it was due, and itself."""


class CuePlan:
    """The first cue of each chain whose anchor has come, by due time; what is due, in recorded order (``ready``).

    ``prompt``: what has its time and may not be overtaken by what was recorded after it.
    """

    __slots__ = ("_count", "_heap", "prompt", "ready")

    def __init__(self) -> None:
        self.ready: list[ReadyCue] = []
        self.prompt: dict[Cue, Micros] = {}
        self._heap: list[tuple[Micros, int, int, Cue]] = []
        self._count = count()  # a cue may stand in the plan twice: to wait for its limit, then to go out

    def add(self, due: Micros, cue: Cue, *, prompt: bool = False) -> None:
        """Plan a cue for ``due``."""
        heappush(self._heap, (due, cue.index, next(self._count), cue))
        if prompt:
            self.prompt[cue] = due

    def back(self, ready: list[ReadyCue]) -> None:
        """These were held back, and are ready again."""
        for one in ready:
            heappush(self.ready, one)

    def due(self) -> Micros | None:
        """When the next is due that is not ready."""
        return self._heap[0][0] if self._heap else None

    def ripens(self, now: Micros) -> bool:
        """What is due by ``now`` is ready; whether anything is."""
        heap, ready = self._heap, self.ready
        while heap and heap[0][0] <= now:
            due, index, number, cue = heappop(heap)
            heappush(ready, (index, number, due, cue))
        return bool(ready)

    def take(self) -> ReadyCue | None:
        """The next that is ready; None where there is none. What was played or dropped meanwhile is passed over."""
        ready = self.ready
        while ready:
            one = heappop(ready)
            index, _, _, cue = one
            cues = cue.chain.cues
            if not cue.dropped and cues and cues[0] is cue and cue.index == index:
                return one
        return None

    def not_before(self, index: int) -> Micros | None:
        """When something is due that was recorded before ``index`` and may not be overtaken."""
        if not self.prompt:
            return None
        self.prompt = {
            cue: due
            for cue, due in self.prompt.items()
            if not cue.dropped and cue.chain.cues and cue.chain.cues[0] is cue
        }
        return max((due for cue, due in self.prompt.items() if cue.index < index), default=None)

    def lets(self, index: int, now: Micros) -> bool:
        """Whether nothing in the plan goes out before the record at ``index``."""
        if self.ready and self.ready[0][0] < index:
            return False
        if self._heap and self._heap[0][0] <= now:
            return False  # it became ready just now
        return not self.prompt or self.not_before(index) is None
