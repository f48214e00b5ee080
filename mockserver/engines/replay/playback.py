"""Playing the server's side of a recording: which cue goes out when, what a cancel takes out of the
plan.

The stage knows nothing of matching, and nothing of how a recording is read: it takes up the chains that have changed,
plays what is due, and yields what went, so that its owner can read on behind it (``recording.Score.follow``). Beside
it: ``cue_plan`` is the plan, ``late_client`` has what waits for the client, ``replies_underway`` what may be cut short.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator

from mockserver.core.burst import Burst
from mockserver.core.frames import Effect, Micros, Note, Peer, Send, Sender, Text
from mockserver.core.machine import earliest
from mockserver.dialects.base import Dialect
from mockserver.dialects.causes import Role
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.chains import Chains
from mockserver.engines.replay.cue_plan import CuePlan
from mockserver.engines.replay.delta_runs import DeltaRun
from mockserver.engines.replay.late_client import LateClient
from mockserver.engines.replay.replies_underway import RepliesUnderway
from mockserver.engines.replay.steps import Anchor, Chain, Cue, Went

BATCH = 256
"""So many frames due at one time go out at once; the next a microsecond later, so that a shell can
send in between.
"""

Out = list[Effect | Burst]


class Stage:
    """Plays the cues of one connection.

    ``at_once``: whether nothing waits for its time, only for what it answers. ``patience``: how late an optional frame
    may come before what it would have ended ends without it. ``now``: the time that it was told last.
    """

    __slots__ = (
        "_aliases",
        "_at_once",
        "_chains",
        "_dialect",
        "_greeted",
        "_opening",
        "_patience",
        "_plan",
        "_resume",
        "_room",
        "ended",
        "late",
        "now",
        "replies",
    )

    def __init__(
        self,
        chains: Chains,
        late: LateClient,
        *,
        opening: Anchor,
        at_once: bool,
        aliases: Aliases,
        dialect: Dialect,
        patience: Micros,
    ) -> None:
        self.ended = False
        self.late = late
        self.replies = RepliesUnderway()
        self._plan = CuePlan()
        self._chains, self._opening, self._at_once = chains, opening, at_once
        self._aliases, self._dialect, self._patience = aliases, dialect, patience
        self._greeted = False
        self.now: Micros = 0
        self._resume: Micros = 0
        self._room = BATCH  # how many more frames may go out at this time

    def due(self) -> Micros | None:
        """When the next cue is due. What has changed must have been taken up."""
        return self._resume if self._plan.ready else earliest(self._plan.due(), self.late.due())

    def take_up(self) -> Iterator[Went]:
        """Plan what has changed in the chains. Planning, and reading on, may change more."""
        changed = self._chains.changed
        while changed:
            yield from self._arm(changed.popleft())

    def play(self, now: Micros, out: Out) -> Iterator[Went]:
        """What is due by ``now``: it goes to ``out``."""
        self.now = now
        self._room = BATCH
        plan, changed = self._plan, self._chains.changed
        plan.back(self.late.give_back(now))
        while not self.ended:
            if changed:
                yield from self.take_up()
            if not plan.ripens(now):
                break
            if self._room <= 0:
                self._resume = now + 1
                break
            one = plan.take()
            if one is None:
                break
            index, _, due, cue = one
            if cue.anchor.time is None:
                # An optional frame did not come in time: what it would have ended, ends.
                name = self._dialect.peek(cue.frame, Sender.SERVER)
                out.append(Note("replay", f"{name} goes out although {cue.anchor.words} did not come"))
                self._chains.freed(cue.anchor.come(now, whole=True))
                continue
            if not self._greeted and cue.anchor is not self._opening:
                yield from self._greet(now, out)
                yield from self.take_up()
            earlier = plan.not_before(index)
            if earlier is not None:
                self._put(earlier, cue)
            elif self._at_once and index > self.late.limit():
                self.late.hold(one, now)
            else:
                yield from self._stream(cue, due, now, out)

    def drop(self, response: str, now: Micros, *, only: Role | None = None) -> Iterator[Went]:
        """Take a response, or what has one role in it, out of the plan: what was read so far and what is still to be
        read.
        """
        self.now = now
        self.replies.drop(response, only)
        drops = self.replies.drops
        for chain in self._chains:
            gone = [cue for cue in chain.cues if drops(cue)]
            if not gone:
                continue
            chain.cues = deque(cue for cue in chain.cues if not drops(cue))
            for cue in gone:
                cue.dropped = True
                yield cue.rest()
            yield from self._arm(chain)

    def _greet(self, now: Micros, out: Out) -> Iterator[Went]:
        """What the server said before the client's first frame comes before any answer, also to a client
        that is faster than the recorded one: session.created is always first (openai.md#20).
        """
        self._greeted = True
        first, opening = self.late.began(), self._opening
        greeting = [chain for chain in self._chains if chain.cues and chain.cues[0].anchor is opening]
        for chain in sorted(greeting, key=lambda one: one.cues[0].index):
            while chain.cues and chain.cues[0].anchor is opening and chain.cues[0].index < first:
                yield from self._stream(chain.cues[0], now, now, out)

    def _stream(self, cue: Cue, due: Micros, now: Micros, out: Out) -> Iterator[Went]:
        """One cue, and those after it in its chain that are due before anything else is."""
        chain = cue.chain
        cues, anchor = chain.cues, cue.anchor
        began = anchor.time or 0
        rename = self._aliases.version > 0
        owed = 0
        while True:
            index = cue.index
            if cue.run is not None:
                due, count = self._play(cue, cue.run, began, due, now, out)
                owed += count * cue.owed
                index = cue.run.places[cue.run.at - 1]
                if cue.run.left():
                    chain.last = due
                    self._put(max(began + cue.delay, due), cue)
                    yield index, owed
                    return
                cues.popleft()
            else:
                cues.popleft()
                self._room -= 1
                if cue.effect is not None:
                    out.append(cue.effect)
                    self.ended = True
                elif cue.parts is not None and rename:
                    out.append(Send(Peer.CLIENT, Text(self._aliases.fill(cue.parts))))
                else:
                    out.append(Send(Peer.CLIENT, cue.frame))  # type: ignore[arg-type]  # a close has an effect
                owed += cue.owed
            if cue.role is not Role.DELTA:
                self.replies.played(cue)
            if not cues or self.replies.cut or self._room <= 0:
                break
            after = cues[0]
            later = began + after.delay
            if after.anchor is not anchor or not self._next(later, after.index, now):
                break
            cue, due = after, max(later, due)
        chain.last = due
        if cues:
            yield from self._arm(chain)
        yield index, owed

    def _next(self, later: Micros, index: int, now: Micros) -> bool:
        """Whether a frame that wants to go out at ``later`` is the next of all."""
        if later > now or not self._plan.lets(index, now):
            return False
        return not self._at_once or index <= self.late.limit()

    def _play(self, cue: Cue, run: DeltaRun, began: Micros, due: Micros, now: Micros, out: Out) -> tuple[Micros, int]:
        """The next frame of a run, and those after it that are due before anything else is; when the last was due."""
        begin = run.at
        most = min(len(run.texts), begin + self._room)
        end = begin + 1
        if self._at_once:
            # All are due: up to what else is, and to what the client has still to do.
            last, ready = self.late.limit(), self._plan.ready
            end = max(end, bisect_left(run.places, min(ready[0][0], last) if ready else last, end, most))
            if end > begin + 1:
                due = max(began, due)
        else:
            while end < most and self._next(began + run.delays[end], run.places[end], now):
                due = max(began + run.delays[end], due)
                end += 1
        out.append(run.burst(begin, end, self._aliases))
        self._room -= end - begin
        run.at = end
        if end < len(run.texts):
            cue.index, cue.delay = run.places[end], run.delays[end]
        return due, end - begin

    def _arm(self, chain: Chain) -> Iterator[Went]:
        """Plan the first cue of a chain, now that it is the first or its anchor has come."""
        while chain.cues and self.replies.cut and self.replies.drops(chain.cues[0]):
            gone = chain.cues.popleft()
            gone.dropped = True
            yield gone.rest()
        if not chain.cues:
            return
        cue = chain.cues[0]
        anchor = cue.anchor
        if anchor.time is None and cue.closing and anchor.left:
            self._chains.freed(anchor.come(self.now, whole=True))
        if anchor.time is not None:
            self._put(max(anchor.time + cue.delay, chain.last), cue)
            return
        if chain not in anchor.waiting:
            anchor.waiting.append(chain)
        if cue.closing:
            self._put(max(chain.last, self.now) + max(cue.delay, 0) + self._patience, cue)

    def _put(self, due: Micros, cue: Cue) -> None:
        self._plan.add(due, cue, prompt=cue.prompt and cue.anchor.time is not None and not self._at_once)
