"""Reading the server's side of a recording: each frame becomes a cue, in its chain, with the anchor that it waits for.

Nothing is parsed that need not be: frames are told apart by their peeked name, and cut at the client's ids where they
hold any; those that are like the one before them are only compared with it (``engines.replay.delta_stream``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mockserver.cassette.model import Record
from mockserver.core.frames import Abort, Close, Frame, Hangup, Lost, Micros, Sender
from mockserver.dialects.base import Dialect, MatchRules
from mockserver.dialects.causes import APART, Ahead, Cause, Causes, On, Role
from mockserver.engines.replay.aliases import GivenIds
from mockserver.engines.replay.anchors import Anchors
from mockserver.engines.replay.chains import Chains, OwedCues
from mockserver.engines.replay.delta_stream import DeltaStream
from mockserver.engines.replay.matching import listed
from mockserver.engines.replay.pacing import Tempo
from mockserver.engines.replay.steps import Cue

PROMPT: Micros = 3_000_000
"""What takes longer has other reasons than the request that it answers (an idle timeout)."""
END = "end"
"""The chain of what ends the connection."""


class CueReader:
    """Reads server frames in recorded order. ``timed``: whether the recording has times of its own."""

    __slots__ = (
        "_anchors",
        "_causes",
        "_dialect",
        "_ids",
        "_last_at",
        "_rules",
        "_tempo",
        "_timed",
        "chains",
        "owed",
        "stream",
    )

    def __init__(
        self,
        dialect: Dialect,
        rules: MatchRules,
        causes: Causes,
        tempo: Tempo,
        *,
        timed: bool,
        anchors: Anchors,
        ids: GivenIds,
    ) -> None:
        self.chains = Chains()
        self.owed = OwedCues()
        self.stream = DeltaStream(anchors.opening)
        self._dialect, self._rules, self._causes, self._tempo = dialect, rules, causes, tempo
        self._timed, self._anchors, self._ids = timed, anchors, ids
        self._last_at: Micros = 0

    def read_on(self, records: Sequence[Record], begin: int, until: int) -> int:
        """Read the frames from ``begin`` that are like those before. Returns the first that is not."""
        place, owed, at = self.stream.read(records, begin, until, self._tempo, self.chains)
        if place > begin:
            self.owed.count += owed
            self._last_at = at
        return place

    def read(self, place: int, recorded_at: Micros, frame: Frame, ahead: Ahead) -> None:
        """One frame, from this place of the recording."""
        at = self._tempo.at(recorded_at)
        if isinstance(frame, Close | Lost):
            self._close(place, at, frame)
        else:
            self._frame(place, at, frame, ahead)
        self._last_at = at

    def _frame(self, place: int, at: Micros, frame: Frame, ahead: Ahead) -> None:
        name = self._dialect.peek(frame, Sender.SERVER)
        cause = self._in_step(self._causes.server(name, frame, ahead))
        stream = self.stream
        if stream.goes_on(cause):
            stream.learn(name, frame, frozenset(self._ids.all))
        else:
            stream.begin(cause, self._anchors.of(cause), self.chains.named(cause.chain))
        anchor = stream.anchor
        delay = at - anchor.base
        owed = cause.closing or not anchor.optional
        about = cause.response, cause.role, cause.closing
        prompt = cause.prompt and delay <= PROMPT and not listed(name, self._dialect.floating)
        parts = self._ids.cut(frame)
        self._add(Cue(place, delay, frame, None, parts, anchor, stream.chain, *about, owed, prompt))

    def _in_step(self, cause: Cause) -> Cause:
        """The cause as the rules want it, and where the recording has no times: then nothing has a clock of its own."""
        if self._rules.in_step or (cause.chain == APART and not self._timed):
            row = "main" if cause.chain == APART else cause.chain
            return replace(cause, on=On.BOTH, chain=row, steps=(), like="")
        return cause

    def _close(self, place: int, at: Micros, frame: Close | Lost) -> None:
        anchor, chain = self._anchors.ending(self._last_at), self.chains.named(END)
        self.owed.end_with(anchor)
        effect = Abort() if isinstance(frame, Lost) else Hangup(code=frame.code, reason=frame.reason)
        about = "", Role.NONE, False
        self._add(Cue(place, at - anchor.base, frame, effect, None, anchor, chain, *about, True, False))

    def _add(self, cue: Cue) -> None:
        self.chains.add(cue)
        self.owed.count += cue.owed
