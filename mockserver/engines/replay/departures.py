"""What is known about a client frame that matches nothing: the recorded frames it is nearest to,
and what can be said in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mockserver.cassette.given_up import came_to_nothing
from mockserver.cassette.model import Connection, Record
from mockserver.core.frames import Close, Frame, Handshake, Lost, Micros, Sender
from mockserver.core.view import Kind, View
from mockserver.dialects.base import Dialect
from mockserver.dialects.problems import Problem
from mockserver.engines.replay.live_lines import DepartureLine, LiveLines
from mockserver.engines.replay.matching import Comparison, Mismatch
from mockserver.engines.replay.recording import Score
from mockserver.engines.replay.step_finder import LiveFrame, StepFinder
from mockserver.engines.replay.steps import Step

Nearest = tuple[tuple[Step, tuple[Mismatch, ...]], ...]
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Departure:
    """A client frame that nothing in the recording matches. ``nearest``: recorded frames and how they differ, best
    first. ``passed``: the recorded frame that has not come, where this one is recorded right behind it.
    """

    at: Micros
    frame: Frame
    view: View
    why: str
    nearest: Nearest
    lines: tuple[DepartureLine, ...]
    passed: Step | None = None

    def problem(self) -> Problem:
        """What the client is told."""
        hint = f"; nearest: {self.nearest[0][1][0]}" if self.nearest and self.nearest[0][1] else ""
        why = f" ({self.why})" if self.why else ""
        message = f"replay: {self.view.name} does not match the recording{why}{hint}"
        return Problem("replay_mismatch", message, event_id=self.view.event_id)


def nothing_came(lines: LiveLines, dialect: Dialect) -> bool:
    """Whether a live client that has left had said no more than its set-up, and the service had begun no reply."""
    records = [Record(line.at, line.sender, line.frame) for line in lines.told()]
    return lines.whole and came_to_nothing(Connection(0, Handshake(), records=records), dialect)


def departed(
    live: LiveFrame, lines: tuple[DepartureLine, ...], finder: StepFinder, score: Score, why: str, nearest: Nearest
) -> Departure:
    """Who departed, and how: this frame, or one before it that took its place.

    ``nearest``: the step that it is, where it is one and something else is wrong; ``why``: what is wrong, where that is
    known.
    """
    if nearest:
        return Departure(live.at, live.frame, live.view, why, nearest, lines)
    passed: Step | None = None
    if not why:
        why, nearest, passed = _closest(live, finder, score)
    first = finder.overtaker(live)
    if first is None:
        return Departure(live.at, live.frame, live.view, why, nearest, lines, passed)
    # Two of a name: the one before this took the place of another, so it is the one that departed.
    earlier = first.live
    compared = finder.compare(first.passed, earlier)
    why = f"it was taken for client frame {first.step.number}, and the next {live.view.name} is that one"
    before = tuple(line for line in lines if line.at <= earlier.at)
    nearest = ((first.passed, tuple(compared.differences)),)
    return Departure(earlier.at, earlier.frame, earlier.view, why, nearest, before)


def _closest(live: LiveFrame, finder: StepFinder, score: Score) -> tuple[str, Nearest, Step | None]:
    """Why a frame was not taken, in words where there are any, the steps it is nearest to, and the one it passed."""
    view = live.view
    found: list[tuple[int, Step, tuple[Mismatch, ...]]] = []
    blockers: list[Step] = []
    why = ""
    passed: Step | None = None
    for step in score.pending(more=20):
        if step.view.kind in (Kind.CLOSE, Kind.LOST):
            continue
        compared = finder.compare(step, live) if step.view.name == view.name else _another(step, view)
        if not compared.differences and not why:
            first = next((one for one in blockers if not finder.dialect.independent(one.view, view)), None)
            if first is not None:
                before = f"client frame {first.number} ({first.view.name})"
                why = f"it is recorded, but {before} comes before it"
                passed = first
        found.append((compared.weight(), step, tuple(compared.differences)))
        if not step.optional:
            blockers.append(step)
    if not why:
        done = [step for step in score.steps.read if step.state == "done" and step.view.name == view.name]
        if any(not finder.compare(step, live).differences for step in done):
            why = "a frame like it has already come as often as recorded"
        elif not found:
            why = "the recording holds no further client frame"
    found.sort(key=lambda one: (one[0], one[1].number))
    return why, tuple((step, differences) for _, step, differences in found[:SHOWN]), passed


def unread(score: Score, dialect: Dialect) -> Iterator[Step]:
    """The client's frames behind what the score has read, without reading on: at the end of a test nothing of an hour's
    recording need be made ready to be played.
    """
    number = len(score.steps.read)
    for place in range(score.read, 0 if score.owed.end is not None else len(score.records)):
        record = score.records[place]
        if record.sender is Sender.CLIENT:
            view = dialect.view(record.frame, Sender.CLIENT)
            if view.kind is not Kind.AUDIO or view.audio is None:
                optional = view.kind is Kind.KEEPALIVE or score.optional.hold(view.name)
                yield Step(number, place, record.at, record.at, view, record.frame, optional, "", 0, 0)
                number += 1
        elif isinstance(record.frame, Close | Lost):
            return  # behind it is the client's answer to the server's close


def _another(step: Step, view: View) -> Comparison:
    return Comparison([Mismatch("type", step.view.name, view.name)])
