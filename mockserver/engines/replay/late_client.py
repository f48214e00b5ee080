"""What waits for a client that is a little late, in a recording whose times do not tell.

At once, an answer that was recorded behind a client frame would go out before that frame can come. So it waits for a
moment; a client that goes another way than the recorded one is slowed down no more than a few times.
"""

from __future__ import annotations

from collections.abc import Sequence

from mockserver.core.frames import Micros
from mockserver.core.view import Kind
from mockserver.engines.replay.cue_plan import ReadyCue
from mockserver.engines.replay.steps import Step

PATIENCE: Micros = 100_000
"""How long an answer waits for what the client had asked before it, where the recording does not tell by its times."""
TRIES = 3
"""How often that wait may be in vain: a client that goes another way than the recorded one is slowed down no more."""
NOT_ASKED = (Kind.CLOSE, Kind.LOST, Kind.KEEPALIVE)
"""Client frames that nothing waits for."""


class LateClient:
    """``steps``: the client's, as far as they have been read. ``end``: how many records there are."""

    __slots__ = ("_alone", "_end", "_held", "_missed", "_steps", "_until", "_vain")

    def __init__(self, steps: Sequence[Step], end: int) -> None:
        self._steps, self._end = steps, end
        self._missed = 0  # the first step that has not come
        self._alone = False  # it was waited for in vain, and has done nothing since
        self._vain = 0  # how often it was
        self._held: list[ReadyCue] = []
        self._until: Micros = 0

    def followed(self) -> None:
        """The client has done something that was recorded."""
        self._alone = False

    def limit(self) -> int:
        """The record up to which the client has done what was recorded, as far as that is waited for."""
        if self._alone or self._vain >= TRIES:
            return self._end
        steps, number = self._steps, self._missed
        while number < len(steps) and (steps[number].state != "pending" or steps[number].view.kind in NOT_ASKED):
            number += 1
        self._missed = number  # what has come or was passed over need not be looked at again
        return steps[number].index if number < len(steps) else self._end

    def began(self) -> int:
        """The record of the client's first frame; 0 where it has none so far."""
        return self._steps[0].index if self._steps else 0

    def hold(self, cue: ReadyCue, now: Micros) -> None:
        """This is behind the limit."""
        if not self._held:
            self._until = now + PATIENCE
        self._held.append(cue)

    def due(self) -> Micros | None:
        """When what is held back has waited long enough."""
        return self._until if self._held else None

    def give_back(self, now: Micros) -> list[ReadyCue]:
        """Something came, or the wait is over: all that is held back, to be looked at again."""
        held = self._held
        if held:
            self._held = []
            if now >= self._until:
                self._alone = True
                self._vain += 1
        return held
