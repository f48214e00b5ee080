"""Frames that take long to be recorded or understood are looked at by a thread, while the other sessions go on.

A session's own order stays: what comes while a frame of its is being looked at waits for that, and counts as come when
it came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, Protocol, TypeVar, runtime_checkable

from mockserver.core.frames import LONG, Event, Frame, Peer, Received, Sender
from mockserver.core.session import LAST, Session
from mockserver.core.yielding import in_this_thread

T = TypeVar("T")


class Keeper(Protocol):
    """A recorder, as far as sessions have to wait for it."""

    def commit(self) -> None:
        """All that was recorded is in the file. Called before any of it leaves."""
        ...

    def ahead(self, session: int, sender: Sender, frame: Frame) -> Callable[[], None] | None:
        """What a thread is to do before a session goes on with a frame that takes long to be recorded."""
        ...


class Thread(Protocol):
    """Does what takes long."""

    def submit(self, work: Callable[[], T], /) -> Future[T]: ...

    def wait(self, given: Future[None], /) -> None: ...


@runtime_checkable
class AtWork(Protocol):
    """A loop that tells whether it has something to do: it does not wait for its sockets then."""

    def at_work(self) -> bool: ...


SLICE, REST = 0.001, 0.009
"""Seconds: so long the thread works on beside a loop that is at work, and so long it rests then, at most. Each call of
the system in which the loop lets go of the interpreter would give it to the thread, and a turn has hundreds.
"""
LOOK = 0.003
"""Seconds after which it looks whether the loop is at work still."""


class Resting:
    """What the thread calls now and then: it rests while the loop is at work."""

    def __init__(
        self, loop: AtWork, now: Callable[[], float] = monotonic, wait: Callable[[float], None] = sleep
    ) -> None:
        self._loop, self._now, self._wait = loop, now, wait
        self._rested = now()
        self.awaited = False
        """Whether the loop itself waits for the thread."""

    def __call__(self) -> None:
        if self.awaited or not self._loop.at_work():
            return
        began = self._now()
        if began - self._rested < SLICE:
            return
        while self._loop.at_work() and self._now() - began < REST:
            self._wait(LOOK)
        self._rested = self._now()


class OneThread:
    """It is made when it is needed. There is one: who sends what takes long waits for others who do."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._resting: Resting | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have the thread do it, beside this loop."""
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._resting = Resting(loop) if isinstance(loop, AtWork) else None
            self._thread = ThreadPoolExecutor(
                1, thread_name_prefix="mockserver-look", initializer=in_this_thread, initargs=(self._resting,)
            )
        return self._thread.submit(work)

    def wait(self, given: Future[None]) -> None:
        """Return when it has done this; the loop stands still so long."""
        with self._awaited():
            wait_for([given])

    def close(self) -> None:
        """It ends when it has done what it was given."""
        if self._thread is not None:
            with self._awaited():
                self._thread.shutdown()
            self._thread = None

    @contextmanager
    def _awaited(self) -> Iterator[None]:
        if self._resting is not None:
            self._resting.awaited = True
        yield
        if self._resting is not None:
            self._resting.awaited = False


def handed(
    thread: Thread, work: Callable[[], None], loop: asyncio.AbstractEventLoop, then: Callable[[Future[None]], None]
) -> Future[None]:
    """Have the thread do it, and the loop know of it: virtual time stands still while a thread works for its loop.

    ``then`` is called by the thread when it is done, before the loop hears of that: time does not go on between.
    """
    hands = Hands(thread, then)
    known = loop.run_in_executor(hands, work)
    known.add_done_callback(lambda done: done.cancelled() or done.exception())
    assert hands.given is not None
    return hands.given


class Hands(Executor):
    """Gives one piece of work to a thread."""

    def __init__(self, thread: Thread, then: Callable[[Future[None]], None] | None = None) -> None:
        self.thread, self.then = thread, then
        self.given: Future[Any] | None = None

    def submit(self, work: Any, /, *args: Any, **more: Any) -> Any:
        self.given = self.thread.submit(work)
        if self.then is not None:
            self.given.add_done_callback(self.then)
        return self.given


class Feeding(Protocol):
    """A pump."""

    session: Session

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def feed(self, event: Event, *, came: float | None = None) -> None: ...


class Aside:
    """What of one session waits."""

    def __init__(self, pump: Feeding, thread: Thread, keeper: Keeper | None = None) -> None:
        self._pump, self._thread, self._keeper = pump, thread, keeper
        self._told = False  # what is fed was looked at already
        self._waiting: deque[tuple[Event, float]] = deque()
        self._looking: Future[None] | None = None
        self._done: asyncio.Future[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being looked at."""
        return self._looking is not None

    def takes(self, event: Event, came: float | None) -> bool:
        """Whether an event has to wait: it is kept, and fed when its turn comes."""
        pump = self._pump
        if self._looking is None:
            if type(event) is not Received:
                return False
            work = None if self._told else self._work(event)
            self._told = False
            if work is None:
                return False
            self._done = done = pump.loop.create_future()
            self._looking = handed(
                self._thread, work, pump.loop, lambda looking: _tell(pump.loop, lambda: self._looked(looking, done))
            )
        self._waiting.append((event, pump.loop.time() if came is None else came))
        return True

    def finish(self) -> None:
        """Wait for the thread, here and now: the session ends, or a fault around it is taken away."""
        while (looking := self._looking) is not None and self._done is not None:
            self._thread.wait(looking)
            self._looked(looking, self._done)

    async def over(self) -> None:
        """Return when nothing is being looked at."""
        while (done := self._done) is not None:
            await asyncio.wait([done])

    def _work(self, event: Received) -> Callable[[], None] | None:
        session = self._pump.session
        if session.over:
            return None
        if session.ahead is not None and (work := session.ahead(event)) is not None:
            return work
        # Faults may take a frame away, or change it, before it is recorded.
        frame = event.frame
        if self._keeper is None or session.layers or isinstance(frame, LAST) or len(frame.data) < LONG:
            return None
        sender = Sender.CLIENT if event.peer is Peer.CLIENT else Sender.SERVER
        return self._keeper.ahead(session.log.number, sender, frame)

    def _looked(self, looking: Future[None], done: asyncio.Future[None]) -> None:
        if self._looking is not looking:
            return
        self._looking = self._done = None
        waiting, self._waiting = self._waiting, deque()
        self._told = True
        while waiting:
            self._pump.feed(waiting[0][0], came=waiting[0][1])  # the next one may have to be looked at, too
            waiting.popleft()
        if not done.done():
            done.set_result(None)


def _tell(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(act)
    except RuntimeError:
        pass  # the loop has ended, and with it all that waited
