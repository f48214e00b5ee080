"""A recorded connection read as a score: client steps to be matched, and server cues that wait for
an anchor.

Records are read in order and only as far ahead as the live session needs, so that a recording of any length starts at
once. Each part of the score has one job: ``client_steps`` knows which steps the client has done, ``recorded_audio`` how
much it must say, ``anchors`` what waits for these, ``chains`` which cues are next and what is owed. ``step_reader`` and
``cue_reader`` fill them. The score itself knows how far it has been read and played, and brings from one part to the
other what each returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mockserver.cassette.model import Connection
from mockserver.core.frames import Frame, Micros, Sender
from mockserver.dialects.base import Dialect
from mockserver.dialects.causes import LOOK
from mockserver.engines.replay.anchors import Anchors
from mockserver.engines.replay.cue_reader import CueReader
from mockserver.engines.replay.matching import Matcher
from mockserver.engines.replay.pacing import Pacing, Tempo
from mockserver.engines.replay.step_reader import OptionalFrames, StepReader
from mockserver.engines.replay.steps import Step, Went

AHEAD = 256
"""How many records are read beyond the last one that played."""


class Score:
    """One recorded connection, read as far as needed: ``read`` is the first record that has not been, ``progress`` the
    last that was played.
    """

    __slots__ = (
        "_cue_reader",
        "_dialect",
        "_step_reader",
        "at_once",
        "audio",
        "chains",
        "ids",
        "opening",
        "optional",
        "owed",
        "progress",
        "read",
        "records",
        "steps",
    )

    def __init__(self, connection: Connection, dialect: Dialect, matcher: Matcher, pace: Pacing) -> None:
        rules, timed = matcher.rules, connection.timed
        causes, tempo = dialect.causes(), Tempo(pace, timed=timed)
        self.records = connection.records
        self.read = 0
        self.progress = 0
        self.at_once = not timed or pace.speed is None
        self.optional = OptionalFrames(rules, connection.number)
        self._dialect = dialect
        self._step_reader = StepReader(dialect, matcher, causes, tempo, optional=self.optional)
        self.steps, self.audio, self.ids = self._step_reader.steps, self._step_reader.audio, self._step_reader.ids
        anchors = Anchors(self.steps, self.audio, audio=rules.audio != "ignore")
        self.opening = anchors.opening
        self._cue_reader = CueReader(dialect, rules, causes, tempo, timed=timed, anchors=anchors, ids=self.ids)
        self.chains, self.owed = self._cue_reader.chains, self._cue_reader.owed

    # --- reading on ---

    def read_to(self, index: int) -> None:
        """Read all records before ``index``."""
        records, cues = self.records, self._cue_reader
        until = min(index, len(records))
        while self.read < until:
            if cues.stream.shapes:
                self.read = cues.read_on(records, self.read, until)
                if self.read == until:
                    break
            place, record = self.read, records[self.read]
            self.read += 1
            if record.sender is Sender.SERVER:
                cues.read(place, record.at, record.frame, self._ahead)
            elif self.owed.end is not None:
                continue  # the client's answer to the server's close
            elif self._step_reader.read(place, record.at, record.frame, self._ahead) is not None:
                cues.stream.shapes.clear()

    def complete(self) -> bool:
        """Whether everything has been read."""
        return self.read >= len(self.records)

    def holds_audio(self) -> bool:
        """Whether the client sent audio in the recording; reads on until it knows."""
        while not self.audio.clock.size and not self.complete():
            self.read_to(self.read + AHEAD)
        return self.audio.clock.size > 0

    def pending(self, *, more: int = 0) -> Iterator[Step]:
        """The steps that have not come, in recorded order; those left out among them. Reads up to ``more`` steps on."""
        steps, number = self.steps.read, self.steps.oldest()
        while number < len(steps) or (more > 0 and not self.complete()):
            if number >= len(steps):
                before = len(steps)
                self.read_to(self.read + 64)
                more -= len(steps) - before
            else:
                if steps[number].state != "done":
                    yield steps[number]
                number += 1

    def _ahead(self) -> Iterator[tuple[str, Frame]]:
        for place in range(self.read, min(self.read + LOOK, len(self.records))):
            record = self.records[place]
            if record.sender is Sender.SERVER:
                yield self._dialect.peek(record.frame, Sender.SERVER), record.frame

    def _reach(self, index: int) -> None:
        """A record at ``index`` has played: read on, in batches."""
        if index > self.progress:
            self.progress = index
        if self.read < self.progress + AHEAD // 2:
            self.read_to(self.progress + AHEAD)

    # --- what the live side has done ---

    def open(self, now: Micros) -> None:
        """The connection was accepted."""
        self.steps.open(now)
        self.audio.open(now)
        self.owed.open(now)
        self.chains.freed(self.opening.come(now))
        self.read_to(AHEAD)

    def done(self, step: Step, now: Micros) -> None:
        """A live frame matched ``step``."""
        self.chains.freed(self.steps.done(step, now))
        self._reach(step.index)

    def heard(self, total: Micros, now: Micros) -> None:
        """The client has sent ``total`` of audio so far."""
        while self.audio.clock.us < total and not self.complete():
            self.read_to(self.read + 64)
        freed, reached = self.audio.heard(total, now)
        self.chains.freed(freed)
        self._reach(reached)

    def follow(self, went: Iterable[Went], now: Micros) -> None:
        """Cues went out or were dropped. What comes behind them is read before the next of ``went`` is asked for."""
        for index, owed in went:
            freed = self.owed.sent(owed, now)
            if freed:
                self.chains.freed(freed)
            self._reach(index)
