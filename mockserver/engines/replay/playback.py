"""Playing the server's side of a recording: which cue goes out when, what a cancel takes out of the
plan.

The stage keeps the clock's plan: the first cue of each chain whose anchor has come, by due time and recorded order. It
knows nothing of matching: ``engines.replay.session`` tells the score what the client did, the score says which chains
that has changed, and the stage takes those up before it looks at what is due.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count

from mockserver.core.burst import Burst, Fill
from mockserver.core.frames import Effect, Frame, Micros, Note, Peer, Send, Sender, Text, to_client
from mockserver.core.ids import Ids
from mockserver.core.view import Kind
from mockserver.dialects.base import Dialect
from mockserver.dialects.causes import TURNS, Role
from mockserver.dialects.life import Outcome
from mockserver.engines.replay.aliases import Aliases, cut
from mockserver.engines.replay.delta_runs import DeltaRun
from mockserver.engines.replay.departures import DepartureLine
from mockserver.engines.replay.recording import Score
from mockserver.engines.replay.steps import Chain, Cue

SHOWN = 60
"""How many of the newest frames a report shows."""
PATIENCE: Micros = 100_000
"""How long an answer waits for what the client had asked before it, where the recording does not tell by its times."""
TRIES = 3
"""How often that wait may be in vain: a client that goes another way than the recorded one is slowed down no more."""
NOT_ASKED = (Kind.CLOSE, Kind.LOST, Kind.KEEPALIVE)
"""Client frames that nothing waits for."""
BATCH = 256
"""So many frames due at one time go out at once; the next a microsecond later, so that a shell can
send in between.
"""


Played = tuple[Micros, str, Fill | None]
"""A line of the live session, for reports: time, text, and what is put into it. (A plain tuple, as in the journal: the
garbage collector forgets it.)"""


class Stage:
    """Plays the cues of one connection. ``lines`` is where what was played is written down for
    reports.
    """

    def __init__(
        self,
        score: Score,
        dialect: Dialect,
        *,
        aliases: Aliases,
        lines: deque[DepartureLine | Played],
        patience: Micros,
    ) -> None:
        self.score = score
        self.records = score.records
        self.ended = False
        self._greeted = False
        self.active: dict[str, Cue] = {}  # responses on their way, by the cue that began them
        self._gone: dict[str, Role | None] = {}  # responses that were cut short; what of them is dropped (None: all)
        self._dialect, self._aliases, self._lines = dialect, aliases, lines
        self._patience = patience
        self._heap: list[tuple[Micros, int, int, Cue]] = []  # what has its time: due, record, number
        self._ready: list[tuple[int, int, Micros, Cue]] = []  # what is due, in recorded order
        self._prompt: dict[Cue, Micros] = {}  # what has its time and may not be overtaken
        self._held: list[tuple[int, int, Micros, Cue]] = []  # what waits for a client that is a little late
        self._held_until: Micros = 0
        self._missed = 0  # the first step that has not come
        self._alone = False  # it was waited for in vain, and has done nothing since
        self._vain = 0  # how often it was
        self._count = count()  # a cue may stand in the plan twice: to wait for its limit, then to go out
        self._resume: Micros = 0
        self._now: Micros = 0
        self._room = BATCH  # how many more frames may go out at this time

    def due(self) -> Micros | None:
        """When the next cue is due."""
        self._take_up()
        if self._ready:
            return self._resume
        due = self._heap[0][0] if self._heap else None
        if self._held and (due is None or self._held_until < due):
            return self._held_until
        return due

    def at(self, now: Micros) -> None:
        """It is ``now``."""
        self._now = now

    def followed(self) -> None:
        """The client has done something that was recorded."""
        self._alone = False

    def play(self, now: Micros) -> list[Effect | Burst]:
        """What is due by ``now``."""
        self._now = now
        self._room = BATCH
        out: list[Effect | Burst] = []
        heap, ready = self._heap, self._ready
        if self._held:
            self._look_again(now)
        while not self.ended:
            self._take_up()
            while heap and heap[0][0] <= now:
                due, index, number, cue = heappop(heap)
                heappush(ready, (index, number, due, cue))
            if not ready:
                break
            if self._room <= 0:
                self._resume = now + 1
                break
            index, number, due, cue = heappop(ready)
            cues = cue.chain.cues
            if cue.dropped or not cues or cues[0] is not cue or cue.index != index:
                continue
            if cue.anchor.time is None:
                # An optional frame did not come in time: what it would have ended, ends.
                name = self._dialect.peek(cue.frame, Sender.SERVER)
                why = f"{name} goes out although {cue.anchor.words} did not come"
                out.append(Note("replay", why))
                self.score.settle(cue.anchor, now, whole=True)
                continue
            if not self._greeted and cue.anchor is not self.score.opening:
                self._greet(now, out)
                self._take_up()
            if self._prompt and (earlier := self._not_before(index)) is not None:
                self._plan(earlier, cue)
                continue
            if self.score.at_once and index > self._limit():
                if not self._held:
                    self._held_until = now + PATIENCE
                self._held.append((index, number, due, cue))
                continue
            self._stream(cue, due, now, out)
        for effect in out[-SHOWN:]:
            if isinstance(effect, Burst):
                self._lines.extend([(now, *piece) for piece in effect.pieces[-SHOWN:]])
            elif isinstance(effect, Send):
                self._lines.append(DepartureLine(now, Sender.SERVER, effect.frame))
        return out

    def _not_before(self, index: int) -> Micros | None:
        """When something is due that was recorded before ``index`` and may not be overtaken."""
        self._prompt = {
            cue: due
            for cue, due in self._prompt.items()
            if not cue.dropped and cue.chain.cues and cue.chain.cues[0] is cue
        }
        earlier = (due for cue, due in self._prompt.items() if cue.index < index)
        return max(earlier, default=None)

    def _limit(self) -> int:
        """The record up to which the client has done what was recorded, as far as that is waited for."""
        if self._alone or self._vain >= TRIES:
            return len(self.records)
        steps, number = self.score.steps, self._missed
        while number < len(steps) and (steps[number].state != "pending" or steps[number].view.kind in NOT_ASKED):
            number += 1
        self._missed = number  # what has come or was passed over need not be looked at again
        return steps[number].index if number < len(steps) else len(self.records)

    def _look_again(self, now: Micros) -> None:
        """Something came, or what is held back has waited long enough."""
        if now >= self._held_until:
            self._alone = True
            self._vain += 1
        for one in self._held:
            heappush(self._ready, one)
        self._held.clear()

    def _greet(self, now: Micros, out: list[Effect | Burst]) -> None:
        """What the server said before the client's first frame comes before any answer, also to a client
        that is faster than the recorded one: session.created is always first (openai.md#20).
        """
        self._greeted = True
        first = self.score.steps[0].index if self.score.steps else 0
        greeting = [
            (chain.cues[0].index, chain)
            for chain in self.score.chains.values()
            if chain.cues and chain.cues[0].anchor is self.score.opening
        ]
        for _, chain in sorted(greeting, key=lambda one: one[0]):
            while chain.cues and chain.cues[0].anchor is self.score.opening and chain.cues[0].index < first:
                self._stream(chain.cues[0], now, now, out)

    def _stream(self, cue: Cue, due: Micros, now: Micros, out: list[Effect | Burst]) -> None:
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
                    self._plan(max(began + cue.delay, due), cue)
                    self.score.sent(index, owed, now)
                    return
                cues.popleft()
            else:
                cues.popleft()
                self._room -= 1
                if cue.effect is not None:
                    out.append(cue.effect)
                elif cue.parts is not None and rename:
                    out.append(Send(Peer.CLIENT, Text(self._aliases.fill(cue.parts))))
                else:
                    out.append(Send(Peer.CLIENT, cue.frame))  # type: ignore[arg-type]  # a close has an effect
                owed += cue.owed
            if cue.role is not Role.DELTA:
                self._mark(cue)
            if not cues or self._gone or self._room <= 0:
                break
            after = cues[0]
            later = began + after.delay
            if after.anchor is not anchor or not self._next(later, after.index, now):
                break
            cue, due = after, max(later, due)
        chain.last = due
        if cues:
            self._arm(chain)
        self.score.sent(index, owed, now)

    def _next(self, later: Micros, index: int, now: Micros) -> bool:
        """Whether a frame that wants to go out at ``later`` is the next of all."""
        if later > now or (self._ready and self._ready[0][0] < index):
            return False
        if self._heap and self._heap[0][0] <= now:
            return False  # it became ready just now
        if self._prompt and self._not_before(index) is not None:
            return False
        return not self.score.at_once or index <= self._limit()

    def _play(
        self, cue: Cue, run: DeltaRun, began: Micros, due: Micros, now: Micros, out: list[Effect | Burst]
    ) -> tuple[Micros, int]:
        """The next frame of a run, and those after it that are due before anything else is; when the last was due."""
        begin = run.at
        most = min(len(run.texts), begin + self._room)
        end = begin + 1
        if self.score.at_once:
            # All are due: up to what else is, and to what the client has still to do.
            last = min(self._ready[0][0] if self._ready else len(self.records), self._limit())
            end = max(end, bisect_left(run.places, last, end, most))
            if end > begin + 1:
                due = max(began, due)
        else:
            while end < most and self._next(began + run.delays[end], run.places[end], now):
                due = max(began + run.delays[end], due)
                end += 1
        out.append(self._burst(run, begin, end))
        self._room -= end - begin
        run.at = end
        if end < len(run.texts):
            cue.index, cue.delay = run.places[end], run.delays[end]
        return due, end - begin

    def _burst(self, run: DeltaRun, begin: int, end: int) -> Burst:
        aliases, texts = self._aliases, run.texts
        if end == begin + 1:
            return Burst(((texts[begin], run.shapes[begin].fill(aliases)),))
        if not aliases.version:
            return Burst([(text, None) for text in texts[begin:end]])
        shapes = run.shapes[begin:end]
        fills = {shape: shape.fill(aliases) for shape in set(shapes)}
        return Burst([(text, fills[shape]) for text, shape in zip(texts[begin:end], shapes, strict=True)])

    def _mark(self, cue: Cue) -> None:
        if cue.role is Role.BEGINS:
            self.active[cue.response] = cue
        elif cue.role is Role.ENDS:
            self.active.pop(cue.response, None)
        elif cue.effect is not None:
            self.ended = True

    def running(self, response_id: str | None) -> str:
        """The response on its way with this id; without one that of the default conversation, as the schema has it."""
        if response_id is not None:
            return response_id if response_id in self.active else ""
        return next((name for name, cue in reversed(self.active.items()) if cue.chain.name == TURNS), "")

    def too_early(self, response: str, index: int) -> bool:
        """Whether deltas of a response that were recorded before ``index`` have not been played."""
        return any(
            cue.role is Role.DELTA and cue.response == response and cue.index < index
            for chain in self.score.chains.values()
            for cue in chain.cues
        )

    def cut_short(self, response: str, now: Micros, ids: Ids) -> list[Send]:
        """End a response that the recording let go on: drop what is left of it, say what the provider says."""
        began = self.active[response]
        planned = {place for chain in self.score.chains.values() for cue in chain.cues for place in _places(cue)}
        replies = self._dialect.replies()
        for place in range(began.index, self.score.progress + 1):
            record = self.records[place]
            if record.sender is Sender.SERVER and place not in planned:
                replies.see(Sender.SERVER, self._as_sent(record.frame))
        self.drop(response, now)
        if response not in replies.open:
            return []
        return [to_client(frame) for frame in replies.end(response, Outcome("cancelled", "client_cancelled"), ids)]

    def drop(self, response: str, now: Micros, *, only: Role | None = None) -> None:
        """Take a response, or what has one role in it, out of the plan: what was read so far and what is still to be
        read.
        """
        self._now = now
        self._gone[response] = only
        if only is None:
            self.active.pop(response, None)
        for chain in list(self.score.chains.values()):
            gone = [cue for cue in chain.cues if self._is_gone(cue)]
            if not gone:
                continue
            chain.cues = deque(cue for cue in chain.cues if not self._is_gone(cue))
            for cue in gone:
                cue.dropped = True
                self.score.sent(*cue.rest(), now)
            self._arm(chain)

    def _is_gone(self, cue: Cue) -> bool:
        return cue.response in self._gone and self._gone[cue.response] in (None, cue.role)

    def _as_sent(self, frame: Frame) -> Frame:
        parts = cut(frame.data, self.score.ids, self.score.members) if isinstance(frame, Text) else None
        return frame if parts is None else Text(self._aliases.fill(parts))

    def _take_up(self) -> None:
        """Plan what has changed in the score. Planning may change more."""
        changed = self.score.changed
        while changed:
            self._arm(changed.popleft())

    def _arm(self, chain: Chain) -> None:
        """Plan the first cue of a chain, now that it is the first or its anchor has come."""
        while chain.cues and self._gone and self._is_gone(chain.cues[0]):
            gone = chain.cues.popleft()
            gone.dropped = True
            self.score.sent(*gone.rest(), self._now)
        if not chain.cues:
            return
        cue = chain.cues[0]
        anchor = cue.anchor
        if anchor.time is None and cue.closing and anchor.left:
            self.score.settle(anchor, self._now, whole=True)
        if anchor.time is not None:
            self._plan(max(anchor.time + cue.delay, chain.last), cue)
            return
        if chain not in anchor.waiting:
            anchor.waiting.append(chain)
        if cue.closing:
            self._plan(max(chain.last, self._now) + max(cue.delay, 0) + self._patience, cue)

    def _plan(self, due: Micros, cue: Cue) -> None:
        heappush(self._heap, (due, cue.index, next(self._count), cue))
        if cue.prompt and cue.anchor.time is not None and not self.score.at_once:
            self._prompt[cue] = due


def _places(cue: Cue) -> Sequence[int]:
    """The records that a cue stands for."""
    return (cue.index,) if cue.run is None else cue.run.places[cue.run.at :]
