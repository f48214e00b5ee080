"""The provider's words for what an assertion is about, as its dialect has them."""

from __future__ import annotations

from collections.abc import Callable

from mockserver.core.journal import Journal
from mockserver.dialects.life import Life, Names
from mockserver.dialects.registry import DIALECTS
from mockserver.errors import UsageError


def life_of(journal: Journal, session: int | None = None) -> Life:
    """The events of a reply's life in a session, or in the first one. UsageError where nobody has connected."""
    logs = journal.sessions if session is None else journal.sessions[session : session + 1]
    if not logs:
        raise UsageError("nothing to check: no client has connected")
    return DIALECTS[logs[0].lens.name].life


def word(journal: Journal, of: Callable[[Life], Names], what: str, session: int | None = None) -> str:
    """The event for ``what``. UsageError where the provider has none, so that no assertion holds for want of it."""
    life = life_of(journal, session)
    names = of(life)
    if not names:
        log = journal.sessions[session or 0]
        title = DIALECTS[log.lens.name].title
        hint = f": {life.instead}" if life.instead else ""
        raise UsageError(f"this assertion reads {what}, and {title} has no event for that{hint}")
    return names[0]


def begin(journal: Journal, session: int | None = None) -> str:
    """The event that begins a reply."""
    return word(journal, lambda life: life.begins, "the begin of a reply", session)


def end(journal: Journal, session: int | None = None) -> str:
    """The event that ends a reply."""
    return word(journal, lambda life: life.ends, "the end of a reply", session)


def request(journal: Journal, session: int | None = None) -> str:
    """The client's event that asks for a reply."""
    return word(journal, lambda life: life.requests, "a request for a reply", session)


def cancel(journal: Journal, session: int | None = None) -> str:
    """The client's event that cancels one."""
    return word(journal, lambda life: life.cancels, "a cancel", session)


def metadata(journal: Journal, session: int | None = None) -> str:
    """Where a request carries what the reply's first event repeats."""
    return word(
        journal, lambda life: (life.metadata,) if life.metadata else (), "the metadata of a request told back", session
    )
