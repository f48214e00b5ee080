"""The client's side of a recording, step by step: which steps have been read, which of them the live client has done.

Audio is no step (``engines.replay.recorded_audio``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from mockserver.core.frames import Micros
from mockserver.engines.replay.steps import Anchor, Chain, Step

WINDOW = 64
"""How far back an optional step that was left out may still come."""


class ClientSteps:
    """The steps that have been read, in recorded order. ``last_at``: when the last required one of them was recorded,
    as it is played.
    """

    __slots__ = ("_after", "_before", "_low", "_passed", "_prefixes", "last_at", "read")

    def __init__(self) -> None:
        self.read: list[Step] = []
        self.last_at: Micros = 0
        self._low = 0  # the first required step that has not been done
        self._passed: Micros = 0  # when the last required step in a row was done
        self._prefixes: deque[tuple[int, Anchor]] = deque()  # so many steps must be done before each of these comes
        self._after: dict[tuple[int, ...], Anchor] = {}
        self._before: tuple[int, Anchor] | None = None  # the anchor after all, and how many that were

    # --- as they are read ---

    def add(self, step: Step) -> None:
        """One more was read."""
        self.read.append(step)
        if not step.optional:
            self.last_at = step.paced
        elif step.number == self._low:
            self._move_low()

    def after(self, numbers: tuple[int, ...]) -> Anchor:
        """What waits for these steps."""
        anchor = self._after.get(numbers)
        if anchor is None:
            steps = [self.read[number] for number in numbers]
            pending = [step for step in steps if step.state != "done"]
            words = " and ".join(f"client frame {step.number} ({step.view.name})" for step in steps)
            optional = any(step.optional for step in steps)
            anchor = Anchor(max(step.paced for step in steps), len(pending), words, optional)
            for step in pending:
                step.anchors.append(anchor)
            if not pending:
                anchor.time = max(step.time for step in steps)
            self._after[numbers] = anchor
        return anchor

    def after_all(self) -> Anchor | None:
        """What waits for all required steps so far; None before the first."""
        count = len(self.read)
        if not count:
            return None
        if self._before is None or self._before[0] != count:
            self._before = count, self.wait_for_all(Anchor(self.last_at, 1, "all client frames before it"))
        return self._before[1]

    def wait_for_all(self, anchor: Anchor) -> Anchor:
        """The anchor waits for all required steps so far, beside what else it waits for."""
        if self._low >= len(self.read):
            anchor.come(self._passed)
        else:
            self._prefixes.append((len(self.read), anchor))
        return anchor

    # --- as they are done ---

    def open(self, now: Micros) -> None:
        """The connection was accepted."""
        self._passed = now

    def done(self, step: Step, now: Micros) -> list[Chain]:
        """A live frame matched this step. Returns the chains that need wait no more."""
        step.state, step.time = "done", now
        freed: list[Chain] = []
        for anchor in step.anchors:
            freed += anchor.come(now)
        if not step.optional:
            for earlier in self.read[max(0, step.number - WINDOW) : step.number]:
                if earlier.optional and earlier.state == "pending":
                    freed += _leave(earlier, now)
        if step.number == self._low:
            self._passed = now
            self._move_low()
            while self._prefixes and self._prefixes[0][0] <= self._low:
                freed += self._prefixes.popleft()[1].come(now)
        return freed

    def oldest(self) -> int:
        """The number of the first that may still come."""
        return max(0, self._low - WINDOW)

    def _move_low(self) -> None:
        while self._low < len(self.read) and (self.read[self._low].state == "done" or self.read[self._low].optional):
            self._low += 1


def _leave(step: Step, now: Micros) -> Sequence[Chain]:
    """The client has gone on without an optional frame: what must end ends."""
    step.state = "left"
    freed: list[Chain] = []
    for anchor in step.anchors:
        anchor.left = True
        if any(chain.cues[0].closing for chain in anchor.waiting):
            freed += anchor.come(now, whole=True)
    return freed
