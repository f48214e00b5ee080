"""Where each chain of a recording's cues stands, and what is still owed of them all."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from mockserver.core.frames import Micros
from mockserver.dialects.causes import Role
from mockserver.engines.replay.steps import Anchor, Chain, Cue


class Chains:
    """The chains of one recording, by name. ``changed``: those whose first cue is new, or waits no more."""

    __slots__ = ("_named", "changed")

    def __init__(self) -> None:
        self._named: dict[str, Chain] = {}
        self.changed: deque[Chain] = deque()

    def named(self, name: str) -> Chain:
        """The chain of this name, which is made where there is none."""
        chain = self._named.get(name)
        if chain is None:
            chain = self._named[name] = Chain(name)
        return chain

    def add(self, cue: Cue) -> None:
        """One more cue, the last of its chain."""
        cues = cue.chain.cues
        cues.append(cue)
        if len(cues) == 1:
            self.changed.append(cue.chain)

    def freed(self, chains: Iterable[Chain]) -> None:
        """What the first cues of these have waited for has come."""
        self.changed.extend(chains)

    def cues(self) -> Iterator[Cue]:
        """All that was read and has not been played."""
        return (cue for chain in self._named.values() for cue in chain.cues)

    def too_early(self, response: str, index: int) -> bool:
        """Whether deltas of a reply that were recorded before ``index`` have not been played."""
        return any(cue.role is Role.DELTA and cue.response == response and cue.index < index for cue in self.cues())

    def __iter__(self) -> Iterator[Chain]:
        return iter(list(self._named.values()))


class OwedCues:
    """How many cues are sure to come: what ends the connection waits for all the others.

    ``end`` is the anchor of that ending, once it has been read.
    """

    __slots__ = ("_sent_at", "count", "end")

    def __init__(self) -> None:
        self.count = 0
        self.end: Anchor | None = None
        self._sent_at: Micros = 0

    def open(self, now: Micros) -> None:
        """The connection was accepted."""
        self._sent_at = now

    def end_with(self, anchor: Anchor) -> None:
        """What ends the connection waits for this. Its own cue is owed from here on too."""
        self.end = anchor
        if not self.count:
            anchor.come(self._sent_at)

    def sent(self, owed: int, now: Micros) -> list[Chain]:
        """So many of them went out or were dropped. Returns the chains that need wait no more."""
        self._sent_at = now
        if not owed:
            return []
        self.count -= owed
        if self.end is not None and self.count == 1:
            return self.end.come(now)
        return []
