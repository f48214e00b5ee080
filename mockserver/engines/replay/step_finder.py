"""Which recorded step a live client frame is: the first that it can be, and what it overtakes on the way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.cassette.model import Connection, Record
from mockserver.core.frames import Frame, Micros, Sender, Text
from mockserver.core.view import View
from mockserver.dialects.base import Dialect, MatchRules
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.extra import Extra
from mockserver.engines.replay.matching import Comparison, Matcher, Mismatch, same_frame
from mockserver.engines.replay.recording import Score
from mockserver.engines.replay.steps import Step


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A client frame as it is compared and shown: without its secrets. ``clear``: its body with them, if it had any."""

    at: Micros
    view: View
    frame: Frame
    clear: Any = None


@dataclass(frozen=True, slots=True)
class Overtake:
    """A live frame that was taken for ``step`` although ``passed``, of the same name, was recorded before it."""

    live: LiveFrame
    step: Step
    passed: Step


class IdOrigins:
    """Which side of a recording named an id first."""

    __slots__ = ("_known", "_records", "until")

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._known: dict[str, bool] = {}
        self.until = 0
        """The last record that is looked at."""

    def server_minted(self, recorded: str) -> bool:
        """Whether an id was the server's: named by it before the client did."""
        known = self._known.get(recorded)
        if known is None:
            known = self._known[recorded] = self._first_said_by(recorded) is Sender.SERVER
        return known

    def _first_said_by(self, recorded: str) -> Sender | None:
        """Which side named an id first; None where neither did in a text of its own."""
        token = f'"{recorded}"'
        for place in range(self.until + 1):
            record = self._records[place]
            if isinstance(record.frame, Text) and token in record.frame.data:
                return record.sender
        return None


class StepFinder:
    """Compares the frames of one session with the steps of one recorded connection."""

    __slots__ = ("_connection", "_extra", "_origins", "_overtakes", "dialect", "matcher")

    def __init__(self, connection: Connection, dialect: Dialect, rules: MatchRules, aliases: Aliases) -> None:
        self._origins = IdOrigins(connection.records)
        self.matcher = Matcher(rules, aliases, self._origins.server_minted, connection.number)
        self._extra = Extra(rules, self.matcher)
        self.dialect = dialect
        self._connection = connection.number
        self._overtakes: list[Overtake] = []

    def find(self, live: LiveFrame, score: Score, underway: Collection[str]) -> tuple[Step, Comparison] | None:
        """The first recorded step that this frame can be. ``underway``: the replies that are."""
        blockers: list[Step] = []
        name = live.view.name
        for step in score.pending(more=0 if score.optional.hold(name) else 64):
            if step.view.name == name and _may_come(step, underway):
                compared = self.compare(step, live)
                if not compared.differences and all(self._may_overtake(live.view, step, one) for one in blockers):
                    passed = [one for one in blockers if one.view.name == name]
                    if passed:
                        self._overtakes.append(Overtake(live, step, passed[0]))
                    return step, compared
            if not step.optional:
                blockers.append(step)
        return None

    def compare(self, step: Step, live: LiveFrame) -> Comparison:
        """A step and a live frame of its name."""
        self._origins.until = step.index
        view, frame = live.view, live.frame
        if view.body is not None and step.view.body is not None:
            return self.matcher.compare(step.view.name, step.view.body, view.body, live.clear, step.which)
        if same_frame(step.frame, frame):
            return Comparison()
        return Comparison([Mismatch("", getattr(step.frame, "data", step.frame), getattr(frame, "data", frame))])

    def may_be_added(self, view: View) -> bool:
        """Whether a frame that is no recorded one may come as often as it was seen to."""
        return self._extra.takes(view)

    def overtaker(self, live: LiveFrame) -> Overtake | None:
        """The earlier frame that stands where this one belongs: the two have changed places, and that one departed."""
        alike = (one for one in self._overtakes if one.live.view.name == live.view.name)
        return next((one for one in alike if not self.compare(one.step, live).differences), None)

    def _may_overtake(self, view: View, step: Step, earlier: Step) -> bool:
        """Whether a frame may come before one that was recorded earlier: by nature, or because it was seen to."""
        return self.dialect.independent(earlier.view, view) or self._extra.unordered(
            (earlier.view.name, earlier.which), (step.view.name, step.which), self._connection
        )


def _may_come(step: Step, underway: Collection[str]) -> bool:
    """A cancel is the recorded one only while its reply runs, or once that was ended for want of it."""
    return not step.about or step.about in underway or any(one.time is not None for one in step.anchors)
