"""Long loops that let others go first, where somebody has said what that is.

What a frame of a megabyte holds takes a thread seconds to look through, in Python, and whoever waits for the
interpreter waits for the thread. Such loops go over ``yielding(items)``, or say ``yield_to_others()`` in each round:
that calls what was given to ``in_this_thread``, and it may wait. Where nothing was given, as nearly always, nothing
is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

STEPS = 32
"""Items between two calls: each is some microseconds of work."""
_turn: ContextVar[Callable[[], None] | None] = ContextVar("turn", default=None)


def in_this_thread(turn: Callable[[], None] | None) -> None:
    """What the loops of this thread call now and then; None: nothing."""
    _turn.set(turn)


def yield_to_others() -> None:
    """Call it once."""
    turn = _turn.get()
    if turn is not None:
        turn()


def yielding(items: Iterable[T], every: int = STEPS) -> Iterable[T]:
    """The same items, one after another, with a call each time that so many have passed."""
    turn = _turn.get()
    return items if turn is None else _with_turns(items, turn, every)


def _with_turns(items: Iterable[T], turn: Callable[[], None], every: int) -> Iterator[T]:
    left = 1
    for item in items:
        left -= 1
        if not left:
            turn()
            left = every
        yield item
