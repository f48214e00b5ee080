"""An engine that answers the handshake, and nothing else."""

from __future__ import annotations

from mockserver.core.frames import Effect, Event, Micros, Opened
from mockserver.core.machine import Untimed


class Answered(Untimed):
    """The engine of a connection that gets this answer: a refusal, for example."""

    def __init__(self, *answer: Effect) -> None:
        self._answer = list(answer)

    def feed(self, event: Event, now: Micros) -> list[Effect]:
        """The answer."""
        return self._answer if isinstance(event, Opened) else []
