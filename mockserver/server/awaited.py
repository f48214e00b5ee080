"""What is awaited for a session's engine while the session goes on: an answer of the user's own replier."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, ensure_future
from collections.abc import Awaitable
from typing import Any, Protocol

from mockserver.core.frames import Event, Told
from mockserver.core.session import Session


class FedWithAnswers(Protocol):
    """A pump."""

    session: Session

    @property
    def loop(self) -> AbstractEventLoop: ...

    def feed(self, event: Event) -> None: ...


class Awaited:
    """What of one session is still awaited."""

    __slots__ = ("_futures",)

    def __init__(self) -> None:
        self._futures: set[Future[Any]] = set()

    def ask(self, pump: FedWithAnswers, token: int, awaitable: Awaitable[Any]) -> None:
        """Await something beside the session; what comes of it is fed like anything else."""
        asked = ensure_future(awaitable, loop=pump.loop)
        self._futures.add(asked)
        asked.add_done_callback(lambda done: self._answered(pump, token, done))

    def cancel(self) -> None:
        """The session is over: nothing is awaited any more."""
        for asked in tuple(self._futures):
            asked.cancel()

    def _answered(self, pump: FedWithAnswers, token: int, done: Future[Any]) -> None:
        self._futures.discard(done)
        if done.cancelled():
            return
        failure = done.exception()
        if not pump.session.over:
            pump.feed(Told(token, None if failure else done.result(), failure))
