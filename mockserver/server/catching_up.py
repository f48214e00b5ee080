"""A session that is behind has much to do: it does it over some turns of the loop, so that others have theirs."""

from __future__ import annotations

from collections.abc import Callable

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
