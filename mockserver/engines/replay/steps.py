"""What a recording is read into: steps of the client, cues of the server, the anchors that cues
wait for, chains that keep order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from mockserver.core.frames import Abort, Frame, Hangup, Micros
from mockserver.core.view import View
from mockserver.dialects.causes import Role
from mockserver.engines.replay.aliases import Parts
from mockserver.engines.replay.delta_runs import DeltaRun

Went = tuple[int, int]
"""Cues that went out or were dropped: up to which record, and how many of them were sure to come. (A plain tuple: there
is one for every few frames.)"""


@dataclass(eq=False, slots=True)
class Anchor:
    """``base`` is its recorded time, ``time`` its live time once everything it waits for has come."""

    base: Micros
    missing: int
    words: str = ""
    optional: bool = False  # waits for a client frame that may never come
    left: bool = False  # the client has gone on without that frame
    time: Micros | None = None
    waiting: list[Chain] = field(default_factory=list)

    def come(self, now: Micros, *, whole: bool = False) -> list[Chain]:
        """One of the things that this waits for has come (``whole``: give up waiting for the rest). Returns the chains
        that need wait no more.
        """
        if self.time is not None:
            return []
        self.missing = 0 if whole else self.missing - 1
        if self.missing > 0:
            return []
        self.time = now
        freed, self.waiting = self.waiting, []
        return freed


@dataclass(eq=False, slots=True)
class Cue:
    """One server frame, ready to go out; or many alike, one after another (``run``).

    Of a run, ``index`` and ``delay`` are the next frame's.
    """

    index: int
    delay: Micros
    frame: Frame
    effect: Hangup | Abort | None  # None: the frame is sent
    parts: Parts | None
    anchor: Anchor
    chain: Chain
    response: str
    role: Role
    closing: bool
    owed: bool  # a client that does what was recorded will see it, optional frames left out
    prompt: bool  # the service says it at once and in order: what was recorded after it does not overtake it
    run: DeltaRun | None = None
    dropped: bool = False

    def rest(self) -> Went:
        """What went, if all that this stands for did."""
        if self.run is None:
            return self.index, int(self.owed)
        return self.run.places[-1], self.run.left() if self.owed else 0

    def places(self) -> Sequence[int]:
        """The records that this stands for."""
        return (self.index,) if self.run is None else self.run.places[self.run.at :]


@dataclass(eq=False, slots=True)
class Chain:
    """Cues that keep their order."""

    name: str
    cues: deque[Cue] = field(default_factory=deque)
    last: Micros = 0  # when the last one went out


@dataclass(eq=False, slots=True)
class Step:
    """One recorded client frame that is not audio."""

    number: int
    index: int
    at: Micros  # as recorded
    paced: Micros  # as it is played (``engines.replay.pacing.Tempo``)
    view: View
    frame: Frame
    optional: bool
    about: str  # the response that it is about, where it may only come while that one runs
    audio_us: Micros  # how much client audio had been recorded before it
    audio_bytes: int
    which: int = 0  # its number among the client's frames of its name, from 1
    state: str = "pending"  # "done", "left" (an optional one that the client passed over; it may still come)
    time: Micros = 0  # when it came, live
    anchors: list[Anchor] = field(default_factory=list)
