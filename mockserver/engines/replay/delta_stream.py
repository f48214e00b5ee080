"""Reading the frames that come in streams: each is compared with those before it, and put into their run.

``engines.replay.delta_runs`` says what makes two frames alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from mockserver.cassette.model import Record
from mockserver.core.frames import Frame, Micros, Sender, Text
from mockserver.dialects.causes import Cause, On, Role
from mockserver.engines.replay.chains import Chains
from mockserver.engines.replay.delta_runs import LONGEST, DeltaRun, DeltaShape, shape_like, shape_of
from mockserver.engines.replay.pacing import Tempo
from mockserver.engines.replay.steps import Anchor, Chain, Cue


class DeltaStream:
    """What the last server frames had in common: what they wait for, and the shapes of those that were read in full."""

    __slots__ = ("_cause", "anchor", "chain", "shapes")

    def __init__(self, opening: Anchor) -> None:
        self._cause: Cause | None = None  # where it is like another frame's
        self.anchor, self.chain = opening, Chain("")
        self.shapes: list[DeltaShape] = []

    def goes_on(self, cause: Cause) -> bool:
        """Whether a frame with this cause waits for what the one before it waits for."""
        return cause is self._cause

    def begin(self, cause: Cause, anchor: Anchor, chain: Chain) -> None:
        """A server frame with another cause was read."""
        self.shapes.clear()
        self._cause = cause if cause.on is On.LIKE else None
        self.anchor, self.chain = anchor, chain

    def learn(self, name: str, frame: Frame, ids: frozenset[str]) -> None:
        """A frame that goes on was read in full: those like it need not be. ``ids``: those the client has given."""
        cause = self._cause
        if cause is not None and cause.role is Role.DELTA and not cause.closing and isinstance(frame, Text):
            shape_of(frame.data, ids, self.shapes, (name, cause.response))

    def read(
        self, records: Sequence[Record], begin: int, until: int, tempo: Tempo, chains: Chains
    ) -> tuple[int, int, Micros]:
        """Read on from ``begin`` while frames are alike. Returns the first record that is not, how many cues are owed
        for those that were, and when the last of them comes.
        """
        cause, anchor, chain = self._cause, self.anchor, self.chain
        assert cause is not None
        last = chain.cues[-1] if chain.cues else None
        run = last.run if last is not None and last.anchor is anchor else None
        place, at = begin, 0
        while place < until:
            record = records[place]
            frame = record.frame
            if record.sender is Sender.CLIENT or not isinstance(frame, Text):
                break
            shape = shape_like(self.shapes, frame.data)
            if shape is None:
                break
            at = tempo.at(record.at)
            delay = at - anchor.base
            if run is not None and len(run.texts) < LONGEST:
                run.add(frame.data, place, delay, shape)
            else:
                run = DeltaRun()
                run.add(frame.data, place, delay, shape)
                about = cause.response, cause.role, False
                chains.add(Cue(place, delay, frame, None, None, anchor, chain, *about, not anchor.optional, False, run))
            place += 1
        return place, 0 if anchor.optional else place - begin, at
