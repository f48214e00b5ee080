"""An upstream that outlives its client: a fault has ended the client's connection, and the response goes on.

Only while a recorder listens: what it keeps is to be whole. The upstream's connection ends when its open response has,
or when the limit is over.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, TimerHandle
from collections.abc import Callable
from typing import Protocol

from mockserver.core.frames import Micros

LIMIT_SECONDS = 30.0
"""What an upstream gets to end its open response."""
WHY = "a fault had ended the client's connection"


class Heard(Protocol):
    """The recorder's end, as far as it is asked here."""

    over: bool

    def settled_at(self, now: Micros) -> Micros | None: ...

    def lost(self, now: Micros, why: str) -> None: ...


class Outlast:
    """One upstream's. ``done`` is set when nothing is waited for any more; ``ended`` is called then.

    ``failed`` is told what the recorder raises: a full disk may have ended the client's connection too.
    """

    def __init__(
        self,
        tap: Heard,
        *,
        loop: AbstractEventLoop,
        now: Callable[[], Micros],
        limit: float,
        ended: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.done: Future[None] = loop.create_future()
        self._tap, self._loop, self._now, self._ended = tap, loop, now, ended
        self._failed = failed
        self._limit = loop.call_later(limit, self.stop, f"{WHY}; its response had not ended {limit:g} s later")
        self._timer: TimerHandle | None = None

    def look(self) -> bool:
        """Whether it has ended. Asked whenever the upstream has said something."""
        if self.done.done():
            return True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._now()
        at = self._tap.settled_at(now)
        if at is None:
            return False
        if at > now:
            self._timer = self._loop.call_later((at - now) / 1_000_000, self._again)
            return False
        self.stop(WHY)
        return True

    def stop(self, why: str) -> None:
        """It ends now."""
        if self.done.done():
            return
        self.done.set_result(None)
        self._limit.cancel()
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._tap.lost(self._now(), why)
        except Exception as error:  # noqa: BLE001 - whatever it raises belongs to the test
            self._failed(error)
        self._ended()

    def _again(self) -> None:
        self._timer = None
        self.look()
