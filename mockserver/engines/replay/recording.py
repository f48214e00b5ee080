"""A recorded connection read as a score: client steps to be matched, and server cues that wait for
an anchor.

Records are read in order and only as far ahead as the live session needs, so that a recording of any length starts at
once. Nothing is parsed that need not be: server frames are told apart by their peeked name, and cut at the client's ids
where they hold any; those that are like the one before them are only compared with it (``engines.replay.delta_runs``).

An **anchor** is what a cue waits for: client steps, an amount of client audio, the opening. Its live time is when the
last of these came; a cue is due its recorded distance after that (``engines.replay.pacing``). Cues of one **chain**
keep their order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace

from mockserver.cassette.model import Connection, Record
from mockserver.cassette.varies import which as which_frame
from mockserver.core.frames import Abort, Close, Frame, Hangup, Lost, Micros, Sender, Text
from mockserver.core.view import Kind
from mockserver.dialects.base import Dialect, MatchRules
from mockserver.dialects.causes import APART, LOOK, Cause, On, Role
from mockserver.engines.replay.aliases import cut, hold
from mockserver.engines.replay.audio_clock import AudioClock, audio_bytes
from mockserver.engines.replay.delta_runs import LONGEST, DeltaRun, DeltaShape, shape_like, shape_of
from mockserver.engines.replay.matching import Matcher, listed
from mockserver.engines.replay.pacing import Pacing, Tempo
from mockserver.engines.replay.steps import Anchor, Chain, Cue, Step

WINDOW = 64
"""How far back an optional step that was left out may still come."""
AHEAD = 256
"""How many records are read beyond the last one that played."""
PROMPT: Micros = 3_000_000
"""What takes longer has other reasons than the request that it answers (an idle timeout)."""
END = "end"
"""The chain of what ends the connection."""


class Score:
    """One recorded connection, read as far as needed. ``changed``: chains whose first cue is new or waits no more."""

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        matcher: Matcher,
        rules: MatchRules,
        pace: Pacing,
    ) -> None:
        self.records = connection.records
        self._connection = connection.number
        self._timed = connection.timed
        self._named: Counter[str] = Counter()
        self._single = [one for one in map(which_frame, rules.optional) if one.number is not None]
        self.steps: list[Step] = []
        self.low = 0  # the first required step that has not been matched
        self.read = 0  # the first record that has not been read
        self._until = 0
        self._reading = False
        self.progress = 0
        self.owed = 0  # cues read, not sent, and sure to come
        self.chains: dict[str, Chain] = {}
        self.opening = Anchor(0, 1, "the connection")
        self.ear = AudioClock()  # the recorded audio, as far as it has been read
        self.audio_waits: deque[tuple[Micros, Anchor]] = deque()
        self.heard_exactly = bytearray()  # the recorded audio itself, where the rules compare it
        self.ids: set[str] = set()
        self.members: dict[str, set[str]] = {}  # the names by which the client has given each
        self.changed: deque[Chain] = deque()
        self._rules = rules
        self._tempo = Tempo(pace, timed=connection.timed)
        self._dialect, self._matcher = dialect, matcher
        self._causes = dialect.causes()
        self._labels: dict[str, Anchor] = {}
        self._prefixes: deque[tuple[int, Anchor]] = deque()
        self._by_steps: dict[tuple[int, ...], Anchor] = {}
        # The last cause that was like another frame's: deltas come in streams.
        self._stream: tuple[Cause | None, Anchor, Chain] = None, self.opening, Chain("")
        self._shapes: list[DeltaShape] = []  # of the frames of that stream
        self.at_once = not connection.timed or pace.speed is None
        self.marks: deque[tuple[Micros, int]] = deque()  # how much audio there was at which record
        self._shared: tuple[int, Anchor] | None = None
        self.end: Anchor | None = None
        self.sent_at: Micros = 0
        self._passed: Micros = 0  # when the last required step in a row was matched
        self._heard: Micros = 0  # how much audio the live client has sent
        self._heard_at: Micros = 0
        self._last_step_at: Micros = 0
        self._last_audio_at: Micros = 0
        self._last_server_at: Micros = 0

    # --- reading on ---

    def advance(self, index: int) -> None:
        """A record at ``index`` has played: read on, in batches."""
        self.progress = max(self.progress, index)
        if self.read < len(self.records) and self.read < self.progress + AHEAD // 2:
            self.read_to(self.progress + AHEAD)

    def read_to(self, index: int) -> None:
        """Read all records before ``index``. What is read may ask for more: that only moves the end."""
        self._until = max(self._until, min(index, len(self.records)))
        if self._reading:
            return
        self._reading = True
        while self.read < self._until:
            place, record = self.read, self.records[self.read]
            self.read += 1
            if self._shapes and self._goes_on(place, record):
                continue
            if record.sender is Sender.CLIENT:
                self._client(place, record.at, record.frame)
            else:
                self._server(place, self._tempo.at(record.at), record.frame)
        self._reading = False

    def read_audio(self, until: Micros) -> None:
        """Read until as much client audio was recorded, or to the end."""
        while self.ear.us < until and self.read < len(self.records):
            self.read_to(self.read + 64)

    def complete(self) -> bool:
        """Whether everything has been read."""
        return self.read >= len(self.records)

    def holds_audio(self) -> bool:
        """Whether the client sent audio in the recording; reads on until it knows."""
        while not self.ear.size and not self.complete():
            self.read_to(self.read + AHEAD)
        return self.ear.size > 0

    def optional(self, name: str, which: int = 0) -> bool:
        """Whether a client may add or leave out events of this name, or leave out the one of this number."""
        return listed(name, self._rules.optional) or any(o.fits(name, which, self._connection) for o in self._single)

    def _client(self, place: int, at: Micros, frame: Frame) -> None:
        if self.end is not None:
            return  # the client's answer to the server's close
        view = self._dialect.view(frame, Sender.CLIENT)
        if view.kind is Kind.AUDIO and view.audio is not None:
            self._last_audio_at = self._tempo.at(at, event=False)
            self.ear.take(view.audio)
            self.marks.append((self.ear.us, place))
            if self._rules.audio == "exact":
                self.heard_exactly += audio_bytes(view, frame)
            self._causes.audio()
            return
        self._shapes.clear()
        number = len(self.steps)
        self._named[view.name] += 1
        which = self._named[view.name]
        optional = view.kind is Kind.KEEPALIVE or self.optional(view.name, which)
        about = self._causes.client(number, view, self._ahead)
        self.ear.switch(self._dialect.audio_format(view, self.ear.format))
        paced = self._tempo.at(at)
        step = Step(number, place, at, paced, view, frame, optional, about, self.ear.us, self.ear.size, which)
        self.steps.append(step)
        if not optional:
            self._last_step_at = paced
        elif number == self.low:
            self._move_low(None)
        hold(self._matcher.ids(view.name, view.body, which), self.ids, self.members)

    def _goes_on(self, place: int, record: Record) -> bool:
        """Whether a record is one more of the frames that come in streams; then it has its cue."""
        frame = record.frame
        if record.sender is Sender.CLIENT or not isinstance(frame, Text):
            return False
        shape = shape_like(self._shapes, frame.data)
        if shape is None:
            return False
        cause, anchor, chain = self._stream
        assert cause is not None
        at = self._tempo.at(record.at)
        delay = at - anchor.base
        owed = not anchor.optional
        cue = chain.cues[-1] if chain.cues else None
        run = cue.run if cue is not None and cue.anchor is anchor else None
        if run is not None and len(run.texts) < LONGEST:
            run.add(frame.data, place, delay, shape)
            self._last_server_at = at
            self.owed += owed
        else:
            run = DeltaRun()
            run.add(frame.data, place, delay, shape)
            about = cause.response, cause.role, False
            self._cue(Cue(place, delay, frame, None, None, anchor, chain, *about, owed, False, run))
            self._last_server_at = at
        return True

    def _server(self, place: int, at: Micros, frame: Frame) -> None:
        if isinstance(frame, Close | Lost):
            self._close(place, at, frame)
            return
        name = self._dialect.peek(frame, Sender.SERVER)
        cause = self._causes.server(name, frame, self._ahead)
        if self._rules.in_step or (cause.chain == APART and not self._timed):  # no times, no clock of its own
            row = "main" if cause.chain == APART else cause.chain
            cause = replace(cause, on=On.BOTH, chain=row, steps=(), like="")
        if cause is not self._stream[0]:
            self._shapes.clear()
            anchor = self._anchor(cause)
            if cause.label:
                self._labels[cause.label] = anchor
            self._stream = cause, anchor, self._chain(cause.chain)
            if cause.on is not On.LIKE:
                self._stream = None, *self._stream[1:]
        elif cause.role is Role.DELTA and not cause.closing and isinstance(frame, Text):
            # Those like it need not be read in full.
            shape_of(frame.data, frozenset(self.ids), self._shapes, (name, cause.response))
        _, anchor, chain = self._stream
        parts = cut(frame.data, self.ids, self.members) if self.ids and isinstance(frame, Text) else None
        delay = at - anchor.base
        owed = cause.closing or not anchor.optional
        about = cause.response, cause.role, cause.closing
        prompt = cause.prompt and delay <= PROMPT and not listed(name, self._dialect.floating)
        self._cue(Cue(place, delay, frame, None, parts, anchor, chain, *about, owed, prompt))
        self._last_server_at = at

    def _close(self, place: int, at: Micros, frame: Close | Lost) -> None:
        anchor, chain = self._after_all(), self._chain(END)
        effect = Abort() if isinstance(frame, Lost) else Hangup(code=frame.code, reason=frame.reason)
        about = "", Role.NONE, False
        self._cue(Cue(place, at - anchor.base, frame, effect, None, anchor, chain, *about, True, False))
        self._last_server_at = at

    def _cue(self, cue: Cue) -> None:
        chain = cue.chain
        chain.cues.append(cue)
        self.owed += cue.owed
        if len(chain.cues) == 1:
            self.changed.append(chain)

    def _chain(self, name: str) -> Chain:
        chain = self.chains.get(name)
        if chain is None:
            chain = self.chains[name] = Chain(name)
        return chain

    def _ahead(self) -> Iterator[tuple[str, Frame]]:
        for place in range(self.read, min(self.read + LOOK, len(self.records))):
            record = self.records[place]
            if record.sender is Sender.SERVER:
                yield self._dialect.peek(record.frame, Sender.SERVER), record.frame

    # --- anchors ---

    def _anchor(self, cause: Cause) -> Anchor:
        on = cause.on
        if on in (On.AUDIO, On.BOTH) and (self._rules.audio == "ignore" or not self.ear.us):
            on = On.BEFORE  # also where no audio was recorded: it went another way (WebRTC), or was cut
        match on:
            case On.LIKE:
                return self._labels.get(cause.like) or self._before()
            case On.OPENING:
                return self.opening
            case On.STEPS:
                return self._after(cause.steps)
            case On.AUDIO:
                return self._after_audio(Anchor(self._last_audio_at, 1))
            case On.BOTH:
                base = max(self._last_audio_at, self._last_step_at)
                both = Anchor(base, 2, "all client frames before it")
                return self._after_audio(self._after_prefix(both))
            case On.BEFORE:
                return self._before()

    def _after(self, numbers: tuple[int, ...]) -> Anchor:
        anchor = self._by_steps.get(numbers)
        if anchor is None:
            steps = [self.steps[number] for number in numbers]
            pending = [step for step in steps if step.state != "done"]
            words = " and ".join(f"client frame {step.number} ({step.view.name})" for step in steps)
            optional = any(step.optional for step in steps)
            anchor = Anchor(max(step.paced for step in steps), len(pending), words, optional)
            for step in pending:
                step.anchors.append(anchor)
            if not pending:
                anchor.time = max(step.time for step in steps)
            self._by_steps[numbers] = anchor
        return anchor

    def _before(self) -> Anchor:
        """After all required steps so far."""
        count = len(self.steps)
        if not count:
            return self.opening
        if self._shared is None or self._shared[0] != count:
            anchor = Anchor(self._last_step_at, 1, "all client frames before it")
            self._shared = count, self._after_prefix(anchor)
        return self._shared[1]

    def _after_prefix(self, anchor: Anchor) -> Anchor:
        if self.low >= len(self.steps):
            self.settle(anchor, self._passed)
        else:
            self._prefixes.append((len(self.steps), anchor))
        return anchor

    def _after_audio(self, anchor: Anchor) -> Anchor:
        anchor.words = f"{self.ear.us / 1000:.0f} ms of client audio" + (f" and {anchor.words}" if anchor.words else "")
        if self.ear.us <= self._heard:
            self.settle(anchor, self._heard_at)
        else:
            self.audio_waits.append((self.ear.us, anchor))
        return anchor

    def _after_all(self) -> Anchor:
        """What ends the connection comes after everything before it; its time is told from the last of that."""
        base = max(self._last_step_at, self._last_server_at)
        self.end = self._after_prefix(Anchor(base, 2, "everything before it"))
        if not self.owed:
            self.settle(self.end, self.sent_at)
        return self.end

    def sent(self, index: int, owed: int, now: Micros) -> None:
        """Cues up to a record, ``owed`` of them sure to come, went out or were dropped."""
        self.sent_at = now
        if owed:
            self.owed -= owed
            if self.end is not None and self.owed == 1:
                self.settle(self.end, now)
        if index > self.progress:
            self.progress = index
        if self.read < self.progress + AHEAD // 2:
            self.read_to(self.progress + AHEAD)

    # --- what the live side has done ---

    def open(self, now: Micros) -> None:
        """The connection was accepted."""
        self._passed = self.sent_at = self._heard_at = now
        self.settle(self.opening, now)
        self.read_to(AHEAD)

    def done(self, step: Step, now: Micros) -> None:
        """A live frame matched ``step``."""
        step.state, step.time = "done", now
        for anchor in step.anchors:
            self.settle(anchor, now)
        if not step.optional:
            for earlier in self.steps[max(0, step.number - WINDOW) : step.number]:
                if earlier.optional and earlier.state == "pending":
                    self.leave(earlier, now)
        if step.number == self.low:
            self._passed = now
            self._move_low(now)
        self.advance(step.index)

    def leave(self, step: Step, now: Micros) -> None:
        """The client has gone on without an optional frame: what must end ends."""
        step.state = "left"
        for anchor in step.anchors:
            anchor.left = True
            if any(chain.cues[0].closing for chain in anchor.waiting):
                self.settle(anchor, now, whole=True)

    def _move_low(self, now: Micros | None) -> None:
        while self.low < len(self.steps) and (self.steps[self.low].state == "done" or self.steps[self.low].optional):
            self.low += 1
        while now is not None and self._prefixes and self._prefixes[0][0] <= self.low:
            self.settle(self._prefixes.popleft()[1], now)

    def settle(self, anchor: Anchor, now: Micros, *, whole: bool = False) -> None:
        """One of the things that an anchor waits for has come (``whole``: give up waiting for the rest)."""
        if anchor.time is not None:
            return
        anchor.missing = 0 if whole else anchor.missing - 1
        if anchor.missing <= 0:
            anchor.time = now
            self.changed += anchor.waiting
            anchor.waiting = []

    def heard(self, total: Micros, now: Micros) -> None:
        """The client has sent ``total`` of audio so far."""
        self.read_audio(total)
        self._heard, self._heard_at = total, now
        while self.audio_waits and self.audio_waits[0][0] <= total:
            self.settle(self.audio_waits.popleft()[1], now)
        while self.marks and self.marks[0][0] <= total:
            self.progress = max(self.progress, self.marks.popleft()[1])
        self.advance(self.progress)

    def pending(self, *, more: int = 0) -> Iterator[Step]:
        """The steps that have not come, in recorded order; those left out among them. Reads up to ``more`` steps on."""
        number = max(0, self.low - WINDOW)
        while number < len(self.steps) or (more > 0 and not self.complete()):
            if number >= len(self.steps):
                before = len(self.steps)
                self.read_to(self.read + 64)
                more -= len(self.steps) - before
            elif self.steps[number].state != "done":
                yield self.steps[number]
                number += 1
            else:
                number += 1
