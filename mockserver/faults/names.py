"""Whether the events that a fault names exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import DIALECTS
from mockserver.errors import SpecError
from mockserver.faults.base import Fault


def check_names(fault: Fault, dialect: Dialect | None = None) -> None:
    """SpecError where a name is none of the provider's events (of any provider's, without one) and near to one.

    A name that is like no event is let by: a server may have events of its own.
    """
    for name in fault.names:
        meant = _meant(name, DIALECTS.values() if dialect is None else (dialect,))
        if meant is not None:
            whose = "any provider" if dialect is None else dialect.title
            raise SpecError(
                f"fault {fault.spec!r}: {name!r} is no event of {whose}; did you mean {meant!r}?", source=fault.spec
            )


def _meant(name: str, dialects: Iterable[Dialect]) -> str | None:
    """The event that is probably meant, where none of these providers has one of this name."""
    guesses = set()
    for dialect in dialects:
        if dialect.knows(name):
            return None
        guesses.add(dialect.misspelt(name))
    known = sorted(guess for guess in guesses if guess is not None)
    return max(known, key=lambda one: SequenceMatcher(None, one, name).ratio(), default=None)
