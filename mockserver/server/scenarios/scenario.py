"""One scenario of a server: what answers in it, its faults, its seed, and what has gone wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from mockserver.core.frames import Handshake
from mockserver.core.session import Session
from mockserver.dialects.base import Dialect
from mockserver.engines.base import Engine, HttpReply, Numbered, Recalling, Request, SessionContext, Source
from mockserver.errors import ExpectationFailed
from mockserver.server.sessions import FaultSet

KEPT = 1_000
"""Problems of sessions that are over, of one scenario: a load test must not fill the memory with them."""


class Cast(Protocol):
    """What answers in a scenario. Sessions are told apart by number."""

    dialect: Dialect

    def open(self, handshake: Handshake, context: SessionContext) -> Engine: ...

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None: ...

    def ended(self, session: int) -> None: ...

    def brought(self, came: Handshake | Request) -> str | None: ...

    def problems(self) -> Sequence[ExpectationFailed]: ...


class Lasting:
    """A source that takes any number of connections."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.dialect = source.dialect
        self.open, self.neighbour, self.problems = source.open, source.neighbour, source.problems

    def ended(self, session: int) -> None:
        """Nothing is kept of it."""

    def brought(self, came: Handshake | Request) -> str | None:
        """An id that a client brings back."""
        return self._source.brought(came) if isinstance(self._source, Recalling) else None


class Rounds:
    """A source of so many connections, over and over: when all are made, the next client gets the first again.

    A client that connects anew gets the next connection of the recording, as with one client; with many at once, who
    gets which is a matter of order. What a round has to say of its sessions is heard when the last of them is over.
    """

    def __init__(self, make: Callable[[], Numbered]) -> None:
        self._make = make
        self._current = make()
        self.dialect = self._current.dialect
        self._running: dict[int, Numbered] = {}
        self._used = False
        self._told: dict[str, ExpectationFailed] = {}

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """The next connection of this round, or the first of the next."""
        if self._used and not self._current.holds(handshake):
            fresh = self._make()
            if not fresh.holds(handshake):
                return self._unheld(fresh, handshake, context)
            past, self._current = self._current, fresh
            self._heard(past)
        self._used = True
        engine = self._current.open(handshake, context)
        self._running[context.number] = self._current
        return engine

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """The answer to a plain request."""
        return self._current.neighbour(request, context)

    def ended(self, session: int) -> None:
        """A session is over: a round whose last one it was is heard, and forgotten."""
        its = self._running.pop(session, None)
        if its is not None and its is not self._current:
            self._heard(its)

    def brought(self, came: Handshake | Request) -> str | None:
        """Ids of a recording are the same in every process."""
        return None

    def _unheld(self, fresh: Numbered, handshake: Handshake, context: SessionContext) -> Engine:
        """No recorded connection fits this client; many that do not fill no memory."""
        engine = fresh.open(handshake, context)
        self._tell(fresh)
        return engine

    def _heard(self, past: Numbered) -> None:
        if not any(its is past for its in self._running.values()):
            self._tell(past)

    def _tell(self, past: Numbered) -> None:
        for problem in past.problems():
            if str(problem) not in self._told and len(self._told) < KEPT:
                self._told[str(problem)] = problem

    def problems(self) -> Sequence[ExpectationFailed]:
        """What went against the rounds that are over, and against this one where nobody is in it."""
        idle = self._used and not any(its is self._current for its in self._running.values())
        return [*self._told.values(), *(self._current.problems() if idle else ())]


class Scenario:
    """``seed`` None: that of the server, another in each of its sessions."""

    def __init__(self, name: str, cast: Cast, *, faults: FaultSet, seed: int | None, strip: bool) -> None:
        self.name = name
        self.cast = cast
        self.dialect = cast.dialect
        self.faults = faults
        self.strip = strip
        """Whether its prefix is taken off the path; a simulated provider knows it, because its replies name it."""
        self._seed = seed
        self._count = 0

    @property
    def prefix(self) -> str:
        """What stands before all of its paths."""
        return f"/s/{self.name}"

    def next_seed(self) -> str | None:
        """The seed of one more session."""
        self._count += 1
        return None if self._seed is None else f"{self._seed}/{self.name}/{self._count - 1}"

    @property
    def entered(self) -> bool:
        """Whether a client has come."""
        return self._count > 0

    def ended(self, session: Session) -> None:
        """A session of it is over."""
        self.faults.forget(session)
        self.cast.ended(session.log.number)

    def problems(self, *, alone: bool = True) -> Iterator[ExpectationFailed]:
        """What a test should fail for, each with the scenario's name. Of one that nobody came to: nothing.

        ``alone`` False: without faults that nothing has met, which may have been met in another process.
        """
        found = [*self.cast.problems(), *(self.faults.unfired() if self.entered and alone else ())]
        for problem in found:
            yield type(problem)(f"scenario {self.name}: {problem}")
