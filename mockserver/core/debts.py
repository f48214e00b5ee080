"""What a server still owes a client: an answer, the end of a reply, an acknowledgement, or frames that a fault holds.

It tells a client that hangs from one that rightly waits. What is owed is counted where the engine speaks, before any
fault: what a fault has lost is owed by nobody any more, what it holds back is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from mockserver.core.frames import Frame, Item, Micros, Sender

Owed = Literal["answer", "end", "acknowledgement", "frames", "step"]


@dataclass(frozen=True, slots=True)
class Debt:
    """One thing that is owed.

    ``what``: "answer" (to a request for a reply), "end" (of a reply that is on its way), "acknowledgement" (of another
    request), "frames" (held by a fault), "step" (of a script that waits). ``name``: the client's event, the reply's id,
    or the held frames. ``since`` and ``due`` are microseconds since the session began. ``due``: when the holder acts
    next; None where no time brings it. ``holder``: "engine", or the fault in words.
    """

    what: Owed
    name: str
    since: Micros
    due: Micros | None = None
    holder: str = "engine"
    session: int = 0

    @property
    def text(self) -> str:
        """For a person."""
        said = {
            "answer": f"an answer to {self.name}",
            "end": f"the end of {self.name}",
            "acknowledgement": f"an acknowledgement of {self.name}",
        }.get(self.what, self.name)
        when = "no time is set for it" if self.due is None else f"next at {self.due / 1_000_000:.3f} s"
        return f"session {self.session}: {said} ({self.holder}, since {self.since / 1_000_000:.3f} s, {when})"


class Bookkeeping(Protocol):
    """What is told of each frame that passes between the engine and the innermost fault."""

    def see(self, sender: Sender, frame: Frame, now: Micros) -> None: ...

    def debts(self) -> Iterable[Debt]: ...


@runtime_checkable
class Owing(Protocol):
    """An engine that knows of more that it owes than its frames tell."""

    def owes(self) -> Iterable[Debt]:
        """What that is."""
        ...


@runtime_checkable
class HoldingBack(Protocol):
    """A layer that may hold frames back."""

    @property
    def spec(self) -> str:
        """What it is, in words."""
        ...

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """What is held, each with when it goes on; None where no time is set."""
        ...
