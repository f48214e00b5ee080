"""What is known about a client frame that matches nothing: the recorded frames it is nearest to,
and what can be said in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mockserver.core.frames import Close, Frame, Lost, Micros, Sender
from mockserver.core.view import Kind, View
from mockserver.dialects.base import Dialect
from mockserver.engines.replay.matching import Comparison, Mismatch
from mockserver.engines.replay.recording import Score
from mockserver.engines.replay.steps import Step

Nearest = tuple[tuple[Step, tuple[Mismatch, ...]], ...]
SHOWN = 3


class DepartureLine(NamedTuple):
    """One frame of the live session, for reports."""

    at: Micros
    sender: Sender
    frame: Frame


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


@dataclass(frozen=True, slots=True)
class Overtake:
    """A live frame that was taken for ``step`` although ``passed``, of the same name, was recorded before it."""

    at: Micros
    view: View
    frame: Frame
    step: Step
    passed: Step


def overtaker(overtakes: Sequence[Overtake], view: View, compare: Callable[[Step], Comparison]) -> Overtake | None:
    """The earlier frame that stands where this one belongs: the two have changed places, and that one departed."""
    return next((one for one in overtakes if one.view.name == view.name and not compare(one.step).differences), None)


def closest(
    score: Score, dialect: Dialect, view: View, compare: Callable[[Step], Comparison]
) -> tuple[str, Nearest, Step | None]:
    """Why a frame was not taken, in words where there are any, the steps it is nearest to, and the one it passed."""
    found: list[tuple[int, Step, tuple[Mismatch, ...]]] = []
    blockers: list[Step] = []
    why = ""
    passed: Step | None = None
    for step in score.pending(more=20):
        if step.view.kind in (Kind.CLOSE, Kind.LOST):
            continue
        compared = compare(step) if step.view.name == view.name else _another(step, view)
        if not compared.differences and not why:
            first = next((one for one in blockers if not dialect.independent(one.view, view)), None)
            if first is not None:
                before = f"client frame {first.number} ({first.view.name})"
                why = f"it is recorded, but {before} comes before it"
                passed = first
        found.append((compared.weight(), step, tuple(compared.differences)))
        if not step.optional:
            blockers.append(step)
    if not why:
        done = [step for step in score.steps if step.state == "done" and step.view.name == view.name]
        if any(not compare(step).differences for step in done):
            why = "a frame like it has already come as often as recorded"
        elif not found:
            why = "the recording holds no further client frame"
    found.sort(key=lambda one: (one[0], one[1].number))
    return why, tuple((step, differences) for _, step, differences in found[:SHOWN]), passed


def unread(score: Score, dialect: Dialect) -> Iterator[Step]:
    """The client's frames behind what the score has read, without reading on: at the end of a test nothing of an hour's
    recording need be made ready to be played.
    """
    number = len(score.steps)
    for place in range(score.read, 0 if score.end is not None else len(score.records)):
        record = score.records[place]
        if record.sender is Sender.CLIENT:
            view = dialect.view(record.frame, Sender.CLIENT)
            if view.kind is not Kind.AUDIO or view.audio is None:
                optional = view.kind is Kind.KEEPALIVE or score.optional(view.name)
                yield Step(number, place, record.at, record.at, view, record.frame, optional, "", 0, 0)
                number += 1
        elif isinstance(record.frame, Close | Lost):
            return  # behind it is the client's answer to the server's close


def _another(step: Step, view: View) -> Comparison:
    return Comparison([Mismatch("type", step.view.name, view.name)])
