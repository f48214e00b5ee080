"""The loop of a command that serves: it reads a few sockets a turn, whoever was there a moment ago first.

asyncio's own loop reads every socket that is ready in one turn. Two thousand connections that end at once are tens of
milliseconds of a turn, and as much in the next ones, and whoever asks meanwhile waits for all of it. Here their ends
wait.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Ready = list[tuple[selectors.SelectorKey, int]]

AT_ONCE = 64
"""Sockets of one turn: half of them those that were served last, half those that have waited longest."""


class SocketTurns:
    """Chooses of the sockets that are ready. A socket stays ready until it is served, so it is told again."""

    def __init__(self) -> None:
        self._turn = 0
        self._served: dict[int, int] = {}
        self._since: dict[int, int] = {}

    def chosen(self, ready: Ready) -> Ready:
        """Those of this turn."""
        self._turn = turn = self._turn + 1
        if len(ready) > AT_ONCE:
            served, since = self._served, self._since
            for key, _ in ready:
                since.setdefault(key.fd, turn)
            ready = sorted(ready, key=lambda one: -served.get(one[0].fd, 0))
            half = AT_ONCE // 2
            others = sorted(ready[half:], key=lambda one: since[one[0].fd])
            ready = ready[:half] + others[: AT_ONCE - half]
        for key, _ in ready:
            self._served[key.fd] = turn
            if self._since:
                self._since.pop(key.fd, None)
        return ready

    def forget(self, descriptor: int) -> None:
        """Another socket may have this number next."""
        self._served.pop(descriptor, None)
        self._since.pop(descriptor, None)


class FewAtOnce(selectors.DefaultSelector):
    """The system's selector, with turns."""

    def __init__(self) -> None:
        super().__init__()
        self._turns = SocketTurns()
        self.waits = False

    def select(self, timeout: float | None = None) -> Ready:
        """Those of the sockets that are ready whose turn it is."""
        self.waits = timeout is None or timeout > 0
        ready = super().select(timeout)
        self.waits = False
        return self._turns.chosen(ready)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """It is not looked at any more."""
        key: selectors.SelectorKey = super().unregister(fileobj)
        self._turns.forget(key.fd)
        return key


class LoopWithTurns(asyncio.SelectorEventLoop):
    """It tells whether it is at work, too: the thread that looks at large frames rests then."""

    def __init__(self) -> None:
        self._few = FewAtOnce()
        super().__init__(self._few)

    def at_work(self) -> bool:
        """Whether it has something to do; else it waits for its sockets."""
        return not self._few.waits


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop with turns; on Windows, whose sockets work otherwise, its usual one."""
    return asyncio.new_event_loop() if sys.platform == "win32" else LoopWithTurns()


def run(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` in such a loop."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(work)
