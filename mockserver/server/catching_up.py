"""A session that is behind has much to do: it does it over some turns of the loop, so that others have theirs."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Callable
from typing import Protocol

from mockserver.core.frames import Micros
from mockserver.core.session import Session

TURN_SECONDS = 0.01
"""So long one session may catch up in one turn."""


def catch_up(session: Session, now: Micros, clock: Callable[[], float]) -> None:
    """Wake it for what is due by ``now``, or for the first of it; ``session.due`` says what is left.

    ``clock``: the loop's, in seconds. Where a test makes it virtual no time passes here, and all is done at once.
    """
    until, due = clock() + TURN_SECONDS, session.wake_at()
    while True:
        session.wake(now if due is None else min(due, now))
        due = session.due
        if due is None or due > now or session.over or clock() > until:
            return


class BehindPump(Protocol):
    """A pump. ``hold``: whether its alarm wakes nothing; ``written``: hand over what was let out."""

    session: Session

    def hold(self, held: bool) -> None: ...

    def catch_up(self, until: Micros) -> None: ...

    def written(self) -> None: ...


def is_behind(session: Session, until: Micros) -> bool:
    """Whether a session still has to do what was due by then."""
    return not session.over and (due := session.wake_at()) is not None and due <= until


async def caught_up(pump: BehindPump, until: Micros) -> None:
    """Return when it has done that: the answer to what came then is the next thing that it says.

    A client may ask on while a reply of minutes is made, so this is as long as that, and others have their turns.
    """
    first = True
    pump.hold(True)
    try:
        while is_behind(pump.session, until):
            if not first:
                await sleep(0)
            first = False
            pump.catch_up(until)
            pump.written()
    finally:
        pump.hold(False)
