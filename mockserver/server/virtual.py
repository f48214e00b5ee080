"""Virtual time: an event loop's clock that jumps to the next timer instead of waiting for it.

    with virtual_time():
        async with MockServer(simulator("openai")) as server:      # in this loop, on this clock
            ...                                                     # a 10 s timeout takes milliseconds

Two things about the running loop change, and nothing else in the process: ``loop.time()``, which every timer of asyncio
goes by, and the wait for sockets, which returns at once with the clock moved to the next timer. Code that is ready runs
before any time passes. Afterwards the loop's clock goes on from where it stood.

Time must not jump over bytes that are on their way between two sockets of this loop. Usually loopback delivers them
inside the sender's system call, but not always: receive packet steering, a busy kernel thread, or another system hand
them over later. (looptime 0.9, which looks 42 times, was then seen to be early in 23 of 3,000 round trips.) So before a
jump the kernel is asked how much each end has sent and the other has received (``server.bytes_in_flight``); where it
cannot say, a short real wait is made.

Time is real while nobody can know what is about to come: while work handed to ``run_in_executor`` is in progress,
and (on Linux, where it can be seen) while there is a connection whose other end is not in this loop.

Where no timer is set and nothing can come from outside, no time helps: the task that began the virtual time is
cancelled, and ``virtual_time()`` raises ``WaitsForNothing`` with the account of who waits for what.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any

from mockserver.errors import UsageError, WaitsForNothing
from mockserver.server.bytes_in_flight import BytesInFlight

Ready = list[tuple[Any, Any]]
TELL = 3
"""So often is a task that takes no cancel told that time cannot go on."""
THREADS_S = 5.0
"""Real seconds that a thread of somebody's own gets to call in, where nothing else can come."""
LOOK_S = 0.0005
"""How long one look at the sockets waits while bytes are on their way, in real seconds."""


@contextmanager
def virtual_time(*, exact: bool = sys.platform == "linux") -> Iterator[VirtualClock]:
    """Make the running loop's time virtual for a ``with`` block. UsageError where its clock cannot be replaced.

    ``exact`` False: do not ask the kernel what is under way, wait a little before each jump instead.
    """
    clock = VirtualClock(asyncio.get_running_loop(), exact=exact)
    clock.owner = asyncio.current_task()
    clock.begin()
    try:
        yield clock
    except asyncio.CancelledError:
        if not clock.stuck:
            raise
        if sys.version_info >= (3, 11) and clock.owner is not None:
            clock.owner.uncancel()
        raise WaitsForNothing(clock.stuck) from None
    finally:
        clock.end()


def add_account(loop: Any, account: Callable[[], list[str]]) -> None:
    """Ask this for lines to the report, where a virtual clock of this loop cannot go on. Without one, nothing."""
    now = getattr(loop, "time", None)
    if isinstance(now, _Now):
        now.clock.accounts.append(account)


class VirtualClock:
    """The clock of one loop. ``seconds`` is how much virtual time has passed, ``jumps`` how often it was moved."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, exact: bool = sys.platform == "linux") -> None:
        selector = getattr(loop, "_selector", None)
        if selector is None or not hasattr(type(selector), "select"):
            kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
            raise UsageError(
                f"virtual time needs one of asyncio's own event loops, not {kind}: run this test without uvloop"
            )
        if isinstance(getattr(loop, "time", None), _Now) or getattr(loop, "looptime_on", False):
            raise UsageError("this loop's time is virtual already: use one of looptime and virtual_time(), once")
        self._loop: Any = loop
        self._selector: Any = selector
        self._real_select: Callable[[float | None], Ready] = type(selector).select.__get__(selector)
        self._wire = BytesInFlight(selector, exact=exact)
        self._threads: set[asyncio.Future[Any]] = set()
        # A whole second: what is computed from it is the same in every run, to the last bit.
        self._began = self.now = float(ceil(loop.time()))
        self.jumps = 0
        self.owner: asyncio.Task[Any] | None = None  # who is told that time cannot go on
        self.stuck = ""
        self.accounts: list[Callable[[], list[str]]] = []
        self._exact = exact
        self._told = 0

    @property
    def seconds(self) -> float:
        """Virtual seconds since the block began."""
        return round(self.now - self._began, 9)

    def begin(self) -> None:
        """Replace the loop's clock, its wait, and keep count of its threads."""
        self._before = {
            (owner, name): owner.__dict__.get(name)
            for owner, name in ((self._loop, "run_in_executor"), (self._selector, "select"))
        }
        self._executor = self._loop.run_in_executor
        self._loop.time = _Now(self)
        self._loop.run_in_executor = self._in_thread
        self._selector.select = self._wait

    def end(self) -> None:
        """Put everything back. The loop's clock goes on from here, so that timers which were set stay in order."""
        for (owner, name), value in self._before.items():
            if value is None:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
        del self._loop.time
        # Over the loop's own, which is what shows now.
        self._loop.time = _Later(self._loop.time, self.now)

    # --- inside ---

    def _in_thread(self, *args: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._executor(*args)
        self._threads.add(future)
        future.add_done_callback(self._threads.discard)
        return future

    def _wait(self, timeout: float | None = None) -> Ready:
        ready = self._real_select(0)
        if ready or timeout == 0:
            return ready
        if self._threads:
            return self._wait_really(timeout)
        for _ in self._wire.under_way():
            ready = self._real_select(LOOK_S)
            if ready:
                return ready
        # Only what is seen after nothing was under way counts: it may have arrived since the first look.
        ready = self._real_select(0)
        if ready:
            return ready
        if self._wire.foreign:
            return self._wait_really(timeout)
        if timeout is None:
            return self._nobody()
        # To the nanosecond, which is what asyncio compares to: sums of binary fractions drift, a second run must not.
        self.now = round(self.now + timeout, 9)
        self.jumps += 1
        return []

    def _nobody(self) -> Ready:
        """No timer is set: only something from outside can go on."""
        outside = not self._exact or self._wire.others(getattr(self._loop, "_ssock", None))
        if outside or self._told >= TELL:
            return self._real_select(None)
        idle = (threading.current_thread().name, "asyncio_")
        if not all(thread.name.startswith(idle) for thread in threading.enumerate()):
            ready = self._real_select(THREADS_S)  # a thread of somebody's own may call in
            if ready:
                return ready
        self.stuck = "\n  ".join(
            (
                "virtual time cannot go on: no timer is set, nothing is under way, and nothing outside can come in",
                *(line for account in self.accounts for line in account()),
                *self._waiting(),
            )
        )
        if self.owner is None or self._told == TELL - 1:
            self._told += 1
            raise WaitsForNothing(self.stuck)
        self._told += 1
        self.owner.cancel()
        return []

    def _waiting(self) -> Iterator[str]:
        """Which tasks wait, and where: the innermost line of each that is known."""
        for task in sorted(asyncio.all_tasks(self._loop), key=asyncio.Task.get_name):
            frames = task.get_stack(limit=20)
            if frames:
                frame = frames[-1]
                name = getattr(task.get_coro(), "__qualname__", "")
                yield f"{task.get_name()} ({name}) waits at {frame.f_code.co_filename}:{frame.f_lineno}"

    def _wait_really(self, timeout: float | None) -> Ready:
        began = time.monotonic()
        ready = self._real_select(timeout)
        passed = time.monotonic() - began
        self.now += passed if timeout is None else min(passed, timeout)
        return ready


class _Now:
    """``loop.time()`` while time is virtual."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock

    def __call__(self) -> float:
        return self.clock.now


class _Later:
    """``loop.time()`` afterwards: real again, ahead by what was skipped."""

    def __init__(self, real: Callable[[], float], now: float) -> None:
        self._real = real
        self._ahead = max(0.0, now - real())

    def __call__(self) -> float:
        return self._real() + self._ahead
