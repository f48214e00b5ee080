"""Where a fault applies: a value of its own, and its aim in one session.

The parts of a ``Where`` are asked in this order; the counters of a later part see only what the earlier parts let by:
sender and event name; response and item; ``after`` (the gate); n-th; probability; at most n times. Everything is
counted per session, but attempts, which are counted per server.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, assert_never

from mockserver.core.frames import Micros, Sender
from mockserver.core.typed import Name, check_fields
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import Life, Mark
from mockserver.errors import UsageError
from mockserver.faults.values import ordinal_text, ordinal_value, time_text, time_value, whole_value, word_text

Unit = Literal["time", "audio", "frames", "events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """A gate: closed until enough has passed since something.

    ``unit``: "time" and "audio" (``amount`` in microseconds; the audio of the fault's own direction), "frames" (of the
    fault's own direction) or "events" (those named ``event``, a glob, of either side). ``since`` is an event name; it
    starts the count anew each time. None counts from the session's begin, or from when the fault was set while the
    session ran.
    """

    amount: int
    unit: Unit = "time"
    event: Name | None = None
    since: Name | None = None

    def __post_init__(self) -> None:
        check_fields(self, "After")
        if self.amount < 1:
            raise UsageError(f"after: expected a positive amount, got {self.amount}")
        if (self.event is not None) != (self.unit == "events"):
            raise UsageError("after: an event name goes with the unit events, and only with it")

    @property
    def spec(self) -> str:
        """As words."""
        match self.unit:
            case "time":
                said = f"after {time_text(self.amount)}"
            case "audio":
                said = f"after {time_text(self.amount)} of audio"
            case "frames":
                said = f"after {self.amount} frames"
            case "events":
                said = f"after {self.amount} {event_text(self.event or '')}"
            case _:
                assert_never(self.unit)
        return said if self.since is None else f"{said} since {event_text(self.since)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which frames, or which moment: all parts that are given must hold. UsageError where a part is out of range.

    ``events`` are names or globs; () leaves it to the fault. ``sender`` None: by the event's name, else the server.
    ``before``: what happens at a moment happens before the frame instead of after it. ``response``, ``item``: an id, or
    a number (the n-th that the session saw, from 1). ``attempts``: only for the first n connections to the server;
    ``connection``: only for the n-th; ``reconnected``: for every one but the first.
    """

    events: tuple[str, ...] = ()
    sender: Sender | None = None
    before: bool = False
    nth: int | None = None
    every: int | None = None
    response: int | Name | None = None
    item: int | Name | None = None
    after: After | None = None
    probability: float = 1.0
    seed: int | None = None
    times: int | None = None
    attempts: int | None = None
    connection: int | None = None
    reconnected: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "Where")
        for name in ("nth", "every", "times", "attempts", "connection", "response", "item"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise UsageError(f"{name}: expected 1 or more, got {value!r}")
        if self.nth is not None and self.every is not None:
            raise UsageError("nth and every: give one of them, not both")
        if self.reconnected and 1 in (self.connection, self.attempts):
            raise UsageError("reconnected: the first connection is none; leave one of the two clauses out")
        if not 0 < self.probability <= 1:
            raise UsageError(f"probability: expected more than 0 and at most 1, got {self.probability}")
        if not all(self.events):
            raise UsageError(f"events: expected event names, got {self.events!r}")
        if not self.events and (self.nth is not None or self.every is not None or self.before):
            raise UsageError("nth, every and before need an event name")

    def meets(self, number: int) -> bool:
        """Whether the n-th connection to the server (from 1) is meant."""
        if self.attempts is not None and number > self.attempts:
            return False
        return self.connection in (None, number) and (number > 1 or not self.reconnected)

    def spoken_by(self, default: Sender, events: tuple[str, ...], dialect: Dialect) -> Sender:
        """Whose frames are meant. An event that only a client sends says the direction too."""
        if self.sender is not None:
            return self.sender
        if events and all(name in dialect.client_events and name not in dialect.server_events for name in events):
            return Sender.CLIENT
        return Sender.SERVER if events else default

    @property
    def spec(self) -> str:
        """As words; "" where it says nothing."""
        said: list[str] = []
        if self.events:
            said.append("before" if self.before else "on")
            if self.nth is not None:
                said.append(ordinal_text(self.nth))
            if self.every is not None:
                said += ["every", ordinal_text(self.every)]
            said.append(" or ".join(event_text(name) for name in self.events))
        if self.sender is not None:
            said.append(f"from {self.sender.value}")
        for name, value in (("response", self.response), ("item", self.item)):
            if isinstance(value, int):
                said.append(f"in {ordinal_text(value)} {name}")
            elif value is not None:
                said.append(f"in {name} {event_text(value)}")
        if self.connection is not None:
            said.append(f"in {ordinal_text(self.connection)} connection")
        if self.reconnected:
            said.append("after reconnect")
        if self.after is not None:
            said.append(self.after.spec)
        if self.probability < 1:
            said.append(f"with probability {self.probability!r}")
        if self.seed is not None:
            said.append(f"with seed {self.seed}")
        if self.times is not None:
            said.append("once" if self.times == 1 else f"at most {self.times} times")
        if self.attempts is not None:
            said.append(f"for first {self.attempts} attempts")
        return " ".join(said)


_TAKEN = frozenset({"the", "every", "or", "frame", "frames", "of", "audio"})


def event_text(name: str) -> str:
    """An event name, quoted where it would be read as something else."""
    taken = name.lower() in _TAKEN or any(read(name) is not None for read in (ordinal_value, time_value, whole_value))
    return f"'{name}'" if taken else word_text(name)


def as_events(on: str | Iterable[str]) -> tuple[str, ...]:
    """One name or several."""
    return (on,) if isinstance(on, str) else tuple(on)


def named(name: str, globs: tuple[str, ...]) -> bool:
    """Whether a name is meant. The end of a connection is meant only by a glob that begins with "close" or "lost"."""
    if name.startswith(("close", "lost")):
        globs = tuple(glob for glob in globs if glob.startswith(("close", "lost")))
    return any(fnmatchcase(name, glob) for glob in globs)


class Aim:
    """The events that are meant, in one provider's names: marks are replaced by the events that stand for them.

    ``first``: those of which only the first of each reply is meant, where the provider has no event for the mark.
    """

    def __init__(self, on: Iterable[str], life: Life) -> None:
        self.first: tuple[str, ...] = ()
        self.names: tuple[str, ...] = ()
        for one in on:
            found = life.names(one) if isinstance(one, Mark) else (one,)
            self.names += found
            if isinstance(one, Mark) and life.first_only(one):
                self.first += found

    def means(self, name: str) -> bool:
        """Whether a name is meant."""
        return named(name, self.names)

    def hits(self, name: str, begins: bool) -> bool:
        """Whether a frame is meant. ``begins``: it is the first of a reply."""
        return self.means(name) and (begins or name not in self.first)


class Gate:
    """An ``After`` at work in one session. ``since``: events that start its count anew; none counts from ``began``."""

    def __init__(self, after: After, *, since: Aim, began: Micros) -> None:
        self.after = after
        self.since = since
        self.open = False
        self.due: Micros | None = None
        self._count = 0
        self._running = not since.names
        if self._running:
            self._start(began)

    def _start(self, now: Micros) -> None:
        self._running, self._count, self.due = True, 0, None
        self.open = False
        if self.after.unit == "time":
            self.due = now + self.after.amount

    def see(self, name: str, own: bool, audio: Micros, now: Micros, *, begins: bool = False) -> bool:
        """A frame went by. True if it opened the gate.

        ``own``: it went in the fault's direction; ``audio``: microseconds of audio in it; ``begins``: it is the first
        of a reply.
        """
        if self.since.hits(name, begins):
            self._start(now)
            return False
        if self.open or not self._running:
            return False
        match self.after.unit:
            case "time":
                self.open = self.due is not None and now >= self.due
                if self.open:
                    self.due = None
                return self.open
            case "audio":
                self._count += audio if own else 0
            case "frames":
                self._count += own
            case "events":
                self._count += named(name, (self.after.event or "",))
        self.open = self._count >= self.after.amount
        return self.open

    def tick(self, now: Micros) -> bool:
        """True if the time opened it."""
        if self.due is None or now < self.due:
            return False
        self.due, self.open = None, True
        return True
