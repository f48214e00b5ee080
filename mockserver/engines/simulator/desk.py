"""The desk of one simulated session: what is sent, what is due later, and the time it is. No provider's shapes here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from mockserver.core.frames import MILLISECOND, SECOND, Effect, Micros, Note
from mockserver.core.ids import Ids, letters
from mockserver.core.machine import Plan
from mockserver.dialects.base import event
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator.options import SimulatorOptions
from mockserver.engines.simulator.voice.listening import Ear

SettingsT = TypeVar("SettingsT", bound=SimulatorOptions)


@dataclass(slots=True, eq=False)
class Task:
    """Something due later. ``owner`` is what it belongs to; dropping the owner's tasks is what a cancel does."""

    owner: object
    run: Callable[[], None]


@dataclass(slots=True, eq=False)
class Show:
    """What acts over time: ``steps`` yields when it goes on, in milliseconds after ``begin``.

    ``place``: of its steps among what is due at the same time; None: as each is planned.
    """

    owner: object
    steps: Iterator[float]
    begin: Micros
    place: int | None
    dropped: bool = False


class Desk(Generic[SettingsT]):
    """Shared by the parts of one session. Not a machine itself: the engine drives it.

    An engine sets ``now`` when it is fed, returns ``taken()``, and answers ``wake_at`` and ``wake`` with the desk's.
    """

    def __init__(self, context: SessionContext, options: SettingsT) -> None:
        self.context = context
        self.options = options
        self.now: Micros = 0
        self.plan: Plan[Task] = Plan()
        self.random = context.rng("simulator")
        self.ids = Ids(context.rng("simulator ids"))
        self.ear: Ear | None = None
        self._out: list[Effect] = []
        self._acting: list[Show] = []  # those that run now, and so are not in the plan

    # --- what goes out ---

    def send(self, body: Mapping[str, Any]) -> None:
        """A server event as compact JSON in a text frame."""
        self._out.append(event(body))

    def push(self, effect: Effect) -> None:
        """Any other effect."""
        self._out.append(effect)

    def note(self, kind: str, text: str, **data: Any) -> None:
        """A line for the journal."""
        self._out.append(Note(kind, text, data))

    def taken(self) -> list[Effect]:
        """Everything that goes out now."""
        out, self._out = self._out, []
        return out

    # --- time ---

    def after(self, delay_ms: float, owner: object, run: Callable[[], None]) -> Task | None:
        """Run something later. Without a delay it runs now, so that an instant pace keeps the order of events."""
        if delay_ms <= 0:
            run()
            return None
        return self.at(self.now + round(delay_ms * MILLISECOND), owner, run)

    def at(self, due: Micros, owner: object, run: Callable[[], None], place: int | None = None) -> Task:
        """Run something at a time of the session's clock. ``place``: the plan's, where it was asked for before."""
        task = Task(owner, run)
        self.plan.add(due, task, place)
        return task

    def in_seconds(self, seconds: float, owner: object, run: Callable[[], None]) -> Task:
        """Run something so many seconds from now, never at once."""
        return self.at(self.now + round(seconds * SECOND), owner, run)

    def play(self, owner: object, steps: Iterator[float], begin: Micros | None = None, *, planned: bool = True) -> None:
        """Let ``steps`` act over time, a step made when it is due: long replies are never made in one piece.

        It yields the milliseconds after ``begin`` at which it wants to go on, and acts once between two yields: what it
        does may drop its owner's tasks, and then it is not gone on with. ``begin`` None: at once, else as ``at``.
        ``planned``: at one time with something else its steps come as if all had been planned now; False: as if each
        had been when the one before it was made.
        """
        place = self.plan.place() if planned else None
        show = Show(owner, steps, self.now if begin is None else begin, place)
        if begin is None:
            self._go_on(show)
        else:
            self._later(begin, show)

    def _go_on(self, show: Show) -> None:
        self._acting.append(show)
        try:
            for at in show.steps:
                due = show.begin + round(at * MILLISECOND)
                if show.dropped:
                    return
                if due > self.now:
                    self._later(due, show)
                    return
        finally:
            self._acting.remove(show)

    def _later(self, due: Micros, show: Show) -> None:
        self.at(due, show.owner, partial(self._go_on, show), show.place)

    def drop(self, owner: object) -> None:
        """Forget everything that is due for ``owner``."""
        self.plan.keep(lambda task: task.owner is not owner)
        for show in self._acting:
            show.dropped = show.dropped or show.owner is owner

    def clear(self) -> None:
        """Forget everything that is due."""
        self.plan.clear()
        for show in self._acting:
            show.dropped = True

    def wake_at(self) -> Micros | None:
        """When the next thing is due."""
        return self.plan.next_due()

    def wake(self, now: Micros) -> list[Effect]:
        """What is due, in order. One at a time: what one does may drop the others."""
        while (due := self.plan.next_due()) is not None and due <= now:
            self.now = due
            self.plan.pop().run()
        return self.taken()

    def seconds(self) -> int:
        """The time of day, in seconds since 1970."""
        return self.milliseconds() // 1_000

    def milliseconds(self) -> int:
        """The time of day, in milliseconds since 1970."""
        return (self.context.unix_us + self.now) // 1_000

    # --- small things ---

    def misbehaves(self, how: str, text: str, **data: Any) -> bool:
        """Whether a switch is on; if so, the journal says loudly that it acts now."""
        if how not in self.options.misbehave:
            return False
        self.note("misbehaviour", f"{how}: {text}", **data)
        return True

    def letters(self, length: int, alphabet: str) -> str:
        """Random characters of an alphabet."""
        return letters(self.random, length, alphabet)
