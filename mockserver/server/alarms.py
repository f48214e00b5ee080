"""When the sessions of a server want to be woken: one timer of the loop for all of them.

A timer of the loop for each frame costs as much as the frame. And sessions that are due in the same turn of the loop
are woken, a few at a time, before anything is written. Writes that follow each other closely cost less: a client that
is awake already need not be woken again.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Protocol

from mockserver.core.frames import Micros
from mockserver.server.clock import Clock

TOGETHER = 16
"""So many sessions are woken before what they say is written."""
FEW = 100
"""So many alarms that are no longer wanted may lie about."""


class Sleeper(Protocol):
    """What can be woken. ``alarm`` is set and read here only: when it wants to be woken, on the server's clock."""

    alarm: Alarm | None

    def woken(self, now: Micros) -> None: ...

    def written(self) -> None: ...


Alarm = tuple[Micros, int, Sleeper]
"""When, a number (alarms for the same time go off in the order in which they were set), and who."""


class Alarms:
    """One timer of the loop for all sessions of a server."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._heap: list[Alarm] = []
        self._count = 0
        self._wanted = 0  # how many of those in the heap are; the others lie about until they are due or too many
        self._timer: TimerHandle | None = None
        self._set_for: Micros = 0
        self._ringing = False
        self.late: Callable[[Micros], object] | None = None
        """Told how late each session was woken, for what counts it."""

    def set(self, sleeper: Sleeper, due: Micros) -> None:
        """Wake ``sleeper`` at ``due``, or earlier where it has an earlier alarm."""
        before = sleeper.alarm
        if before is None:
            self._wanted += 1
        elif before[0] <= due:
            return  # who is woken early only looks and sets another: cheaper than one change per frame
        self._count += 1
        sleeper.alarm = alarm = (due, self._count, sleeper)
        heappush(self._heap, alarm)
        if before is not None:
            self._tidy()
        if not self._ringing and (self._timer is None or due < self._set_for):
            self._start()

    def drop(self, sleeper: Sleeper) -> None:
        """Its session is over."""
        if sleeper.alarm is not None:
            sleeper.alarm = None
            self._wanted -= 1
            self._tidy()

    def _tidy(self) -> None:
        unwanted = len(self._heap) - self._wanted
        if not self._wanted:
            self._heap.clear()
            self._stop()
        elif unwanted > FEW and unwanted > self._wanted:
            self._heap[:] = [alarm for alarm in self._heap if alarm[2].alarm is alarm]
            heapify(self._heap)

    def _start(self) -> None:
        self._stop()
        self._set_for = self._heap[0][0]
        self._timer = self.clock.loop.call_at(self.clock.loop_time(self._set_for), self._off)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _off(self) -> None:
        # The timer may go off a rounding error early; what it was set for is due all the same.
        now = max(self.clock.micros(), self._set_for)
        self._timer, self._ringing = None, True
        due: list[Sleeper] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            alarm = heappop(heap)
            sleeper = alarm[2]
            if sleeper.alarm is alarm:
                sleeper.alarm = None
                self._wanted -= 1
                due.append(sleeper)
                if self.late is not None:
                    self.late(now - alarm[0])
        for begin in range(0, len(due), TOGETHER):
            some = due[begin : begin + TOGETHER]
            for sleeper in some:
                try:
                    sleeper.woken(now)
                except Exception as error:  # noqa: BLE001 - what goes wrong with one lets no other sleep on
                    self._broken(error)
            for sleeper in some:
                try:
                    sleeper.written()
                except Exception as error:  # noqa: BLE001 - as above
                    self._broken(error)
        self._ringing = False
        self._tidy()
        if self._heap:
            self._start()

    def _broken(self, error: Exception) -> None:
        self.clock.loop.call_exception_handler({"message": "a session could not be woken", "exception": error})
