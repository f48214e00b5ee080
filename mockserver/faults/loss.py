"""Faults of loss and order: drop, duplicate, reorder, replay stale; and the no-op that every new fault starts from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Unpack

from mockserver.core.frames import SECOND, Item, Micros, Send, Sender
from mockserver.core.typed import Name, checked
from mockserver.dialects.life import Mark, listed
from mockserver.errors import UsageError
from mockserver.faults.action import Action, Aims, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Moment, Run, Sight
from mockserver.faults.options import On, Options, make, micros
from mockserver.faults.timing import Queue
from mockserver.faults.where import named


@register
@dataclass(frozen=True, slots=True)
class Noop(Action):
    """Changes nothing, and says in the journal which frames it met."""

    syntax: ClassVar[str] = "noop"
    about: ClassVar[str] = (
        "Changes nothing; the journal says which frames it met. Good for trying out where a fault would apply."
    )
    example: ClassVar[str] = "noop on {begin}"
    tries: ClassVar[tuple[str, ...] | None] = ()
    group: ClassVar[str] = "loss and order"

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Nothing(run)


class Nothing(Body):
    """The smallest body: it lets every frame go on."""

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Lets the frame go on as it is."""
        return (self.run.fire("met", sight), sight.item)


@register
@dataclass(frozen=True, slots=True)
class Drop(Action):
    """The frame is lost."""

    syntax: ClassVar[str] = "drop"
    about: ClassVar[str] = "The frame is lost. 'drop EVENT' says the same: an event's name may follow at once."
    example: ClassVar[str] = "drop on {end}"
    either: ClassVar[bool] = True
    group: ClassVar[str] = "loss and order"

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Dropping(run)


class Dropping(Body):
    """Keeps the frame from going on."""

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Nothing goes on."""
        return (self.run.fire("dropped", sight),)


@register
@dataclass(frozen=True, slots=True)
class Duplicate(Action):
    """``copies`` on top of the frame itself."""

    syntax: ClassVar[str] = "duplicate [<copies:count> times]"
    about: ClassVar[str] = "The frame goes on and is repeated at once, byte for byte, once or several times."
    example: ClassVar[str] = "duplicate on {end}"
    group: ClassVar[str] = "loss and order"

    copies: int = 1

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise UsageError(f"duplicate: expected 1 or more times, got {self.copies}")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Duplicating(run, self)


class Duplicating(Body):
    """Lets the frame go on several times."""

    def __init__(self, run: Run, action: Duplicate) -> None:
        super().__init__(run)
        self.copies = action.copies

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The frame and its copies."""
        return (self.run.fire("duplicated", sight, copies=self.copies), *[sight.item] * (1 + self.copies))


@register
@dataclass(frozen=True, slots=True)
class Reorder(Action):
    """``by`` frames of the same sender overtake it; ``wait`` is how long it waits for them."""

    syntax: ClassVar[str] = "reorder [by <by:count>] [waiting <wait:time>]"
    about: ClassVar[str] = (
        "The frame changes places with the next one of its sender (or the next n). If none comes "
        "within a second (or the time given) it goes on alone, and the fault has not fired."
    )
    example: ClassVar[str] = "reorder on 2nd {audio}"
    group: ClassVar[str] = "loss and order"

    by: int = 1
    wait: Micros = SECOND

    def __post_init__(self) -> None:
        if self.by < 1 or self.wait < 1:
            raise UsageError(f"reorder: expected 1 frame or more and a time above 0, got {self.by} and {self.wait} us")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Reordering(run, self)


class Reordering(Queue):
    """At most one frame is out of its place at a time; a second one that is meant counts as the neighbour."""

    def __init__(self, run: Run, action: Reorder) -> None:
        super().__init__(run)
        self.action = action
        self._held: Sight | None = None
        self._left = 0
        self._due: Micros | None = None

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Hold the frame until others have overtaken it."""
        if self._held is not None:
            return self.other(sight.item, now)
        self._held, self._left, self._due = sight, self.action.by, now + self.action.wait
        return ()

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """Another frame of the same sender overtakes; behind the last of them the held frame goes on."""
        if self._held is None or self.mine(item) is None:
            return (item,)
        self._left -= 1
        if self._left:
            return (item,)
        note = self.run.fire("reordered", self._held, by=self.action.by)
        return (note, item, *self.release(now))

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """The held frame."""
        return [] if self._held is None else [(self._held.item, self._due)]

    def wake_at(self) -> Micros | None:
        """When the held frame has waited long enough."""
        return self._due

    def wake(self, now: Micros) -> Iterable[Item]:
        """Nothing overtook the held frame in time: it goes on where it was."""
        return self.release(now)

    def release(self, now: Micros) -> Iterable[Item]:
        """The held frame."""
        held, self._held, self._due = self._held, None, None
        return () if held is None else (held.item,)


@register
@dataclass(frozen=True, slots=True)
class ReplayStale(Action):
    """``event``: the name or glob of what is said again."""

    syntax: ClassVar[str] = "replay stale <event:event>"
    about: ClassVar[str] = (
        "The last such event of an earlier response is sent again, byte for byte, as if it had been late."
    )
    example: ClassVar[str] = "replay stale {audio} on 2nd {begin}"
    tries: ClassVar[tuple[str, ...] | None] = ("replay stale {audio}", "replay stale {end}")
    group: ClassVar[str] = "loss and order"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.BEGIN,)

    event: str

    @property
    def events(self) -> tuple[str, ...]:
        """What is said again."""
        return (self.event,)

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return StaleReplaying(run, self)


class StaleReplaying(Moment):
    """Remembers the last such frame of each response. It is read only when a response begins, or at the moment."""

    screens = True

    def __init__(self, run: Run, action: ReplayStale) -> None:
        super().__init__(run)
        self.event = (action.event,)
        self._begins = run.dialect.life.names(Mark.BEGIN)
        self._last: dict[str, Sight] = {}  # oldest first
        self._unread: Sight | None = None
        self._meant: dict[str, bool] = {}

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Remember the frame as the last one of its response."""
        if sight.sender is Sender.SERVER and isinstance(sight.item, Send):
            if listed(sight.name, self._begins):
                self._read()
            meant = self._meant.get(sight.name)
            if meant is None:
                meant = self._meant[sight.name] = named(sight.name, self.event)
            if meant:
                self._unread = sight
        return None

    def _read(self) -> None:
        sight, self._unread = self._unread, None
        response = sight.view.response_id if sight is not None else None
        if sight is not None and response is not None:
            self._last.pop(response, None)
            self._last[response] = sight

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The newest one that is of an earlier response than the frame at hand."""
        self._read()
        current = sight.view.response_id if sight is not None else None
        stale = [kept for response, kept in self._last.items() if response != current]
        if not stale:
            return ()
        return (self.run.fire("sent again", stale[-1]), stale[-1].item)


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.noop")
def noop(on: On = (), **options: Unpack[Options]) -> Fault:
    """Changes nothing."""
    return make(Noop(), on, options)


@checked("faults.drop")
def drop(on: On = (), **options: Unpack[Options]) -> Fault:
    """Frames are lost."""
    return make(Drop(), on, options)


@checked("faults.duplicate")
def duplicate(on: On = (), *, copies: int = 1, **options: Unpack[Options]) -> Fault:
    """Frames come again, ``copies`` times."""
    return make(Duplicate(copies), on, options)


@checked("faults.reorder")
def reorder(on: On = (), *, by: int = 1, wait: float = 1.0, **options: Unpack[Options]) -> Fault:
    """A frame changes places with the next ``by`` frames; it waits ``wait`` seconds for them."""
    return make(Reorder(by, micros(wait, "wait")), on, options)


@checked("faults.replay_stale")
def replay_stale(event: Name, on: On = (), **options: Unpack[Options]) -> Fault:
    """The last ``event`` of an earlier response is sent again when ``on`` comes (default: the begin of a reply)."""
    return make(ReplayStale(event), on, options)
