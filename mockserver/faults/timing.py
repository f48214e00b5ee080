"""Faults of time: delay, stall, bandwidth, hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Unpack

from mockserver.core.frames import Binary, Close, Frame, Item, Lost, Micros, Sender, Text
from mockserver.core.machine import Plan
from mockserver.core.typed import Name, checked
from mockserver.dialects.life import listed
from mockserver.errors import UsageError
from mockserver.faults.action import Action, Blame, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Run, Sight
from mockserver.faults.options import On, Options, make, micros
from mockserver.faults.values import time_text
from mockserver.faults.where import named

Keep = Literal["response", "stream", "none"]


@register
@dataclass(frozen=True, slots=True)
class Delay(Action):
    """``keep``: what waits behind a delayed frame. "response": what belongs to the same response (all of the stream
    where the frame belongs to none); "stream": everything of the same sender; "none": nothing, others overtake it."""

    syntax: ClassVar[str] = (
        "delay <amount:time> [jitter <jitter:time>] [growing by <growing:time>] "
        "[holding everything {keep=stream}] [alone {keep=none}]"
    )
    about: ClassVar[str] = (
        "The frame goes on later: by a fixed time, plus up to the jitter at random, plus more each "
        "time. The rest of its response waits behind it (where it belongs to none: all frames "
        "of its sender); 'holding everything' makes all frames of its sender wait, 'alone' lets "
        "everything overtake it."
    )
    example: ClassVar[str] = "delay 11s on {begin}"
    tries: ClassVar[tuple[str, ...] | None] = ("delay 2s", "delay 40s")
    either: ClassVar[bool] = True
    blame: ClassVar[Blame] = "network"
    group: ClassVar[str] = "time"

    amount: Micros
    jitter: Micros = 0
    growing: Micros = 0
    keep: Keep = "response"

    def __post_init__(self) -> None:
        if min(self.amount, self.jitter, self.growing) < 0 or not self.amount + self.jitter + self.growing:
            raise UsageError("delay: expected a time above 0")
        if self.keep not in ("response", "stream", "none"):
            raise UsageError(f"keep: expected response, stream or none, got {self.keep!r}")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Delaying(run, self)


class Queue(Body):
    """A body that lets frames go on later."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.plan: Plan[Item] = Plan()

    def wake_at(self) -> Micros | None:
        """When the first held frame is due."""
        return self.plan.next_due()

    def wake(self, now: Micros) -> Iterable[Item]:
        """The frames that are due."""
        return self.plan.take(now)

    def release(self, now: Micros) -> Iterable[Item]:
        """All held frames, at once and in order."""
        return self.plan.clear()

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """The frames in line, each with its time."""
        return self.plan.timed()

    def mine(self, item: Item) -> Sight | None:
        """A frame of the sender that the fault is about, or None."""
        sight = self.run.sight(item)
        return sight if sight is not None and sight.sender is self.run.sender else None


class Delaying(Queue):
    """A delay line for each response, and one for what belongs to none."""

    def __init__(self, run: Run, action: Delay) -> None:
        super().__init__(run)
        self.action = action
        self._count = 0
        self._last: dict[str | None, Micros] = {}  # response -> when its last held frame goes
        self._owner: dict[str, str] = {}  # item -> response

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Held for its own time, and never ahead of what it must wait behind."""
        action = self.action
        wait = action.amount + action.growing * self._count
        if action.jitter:
            wait += self.run.random.randrange(action.jitter + 1)
        self._count += 1
        key = self._key(sight) if action.keep == "response" else None
        due = now + wait if action.keep == "none" else max(now + wait, self._floor(key, sight, now))
        self.plan.add(due, sight.item)
        self._last[key] = due
        return (self.run.fire("delayed", sight, by_us=due - now, text=time_text(due - now)),)

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """Waits where it must not overtake."""
        if not self.plan or self.action.keep == "none":
            return (item,)
        sight = self.mine(item)
        if sight is None:
            return (item,)
        ends = isinstance(sight.frame, Close | Lost)
        if ends and self.action.keep == "response":
            if sight.sender is Sender.CLIENT:
                self.plan.clear()  # the client is gone: nobody waits for an answer to these
            return (item,)
        key = self._key(sight) if self.action.keep == "response" else None
        due = self._floor(key, sight, now)
        if due <= now:
            return (item,)
        self.plan.add(due, item)
        if not self._trails(sight) or self.action.keep == "stream":
            self._last[key] = due
        return ()

    def wake(self, now: Micros) -> Iterable[Item]:
        """What is due; an empty line forgets what it waited for."""
        out = self.plan.take(now)
        if not self.plan:
            self._last.clear()
        return out

    def _key(self, sight: Sight) -> str | None:
        view = sight.view
        if view.response_id is not None and view.item_id is not None:
            self._owner[view.item_id] = view.response_id
        return view.response_id or self._owner.get(view.item_id or "")

    def _trails(self, sight: Sight) -> bool:
        """An event without ids that belongs right behind a reply: it does not overtake it."""
        return listed(sight.name, self.run.dialect.life.trailing)

    def _floor(self, key: str | None, sight: Sight, now: Micros) -> Micros:
        if self._trails(sight):
            return max(now, *self._last.values()) if self._last else now
        return max(now, self._last.get(None, now), self._last.get(key, now))


@register
@dataclass(frozen=True, slots=True)
class Stall(Action):
    """``amount`` 0 is for ever."""

    syntax: ClassVar[str] = "stall [for <amount:time>]"
    about: ClassVar[str] = (
        "From this frame on nothing of its sender goes on, for ever or for a time; then all of it at once."
    )
    example: ClassVar[str] = "stall for 5s on 2nd {audio}"
    tries: ClassVar[tuple[str, ...] | None] = ("stall", "stall for 20s")
    either: ClassVar[bool] = True
    blame: ClassVar[Blame] = "network"
    group: ClassVar[str] = "time"

    amount: Micros = 0

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Stalling(run, self)


class Stalling(Queue):
    """Silence, then everything."""

    def __init__(self, run: Run, action: Stall) -> None:
        super().__init__(run)
        self.action = action
        self._held: list[Item] = []
        self._until: Micros | None = None
        self._stalled = False

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Begin the silence, or hold the frame if it has begun."""
        self._held.append(sight.item)
        if self._stalled:
            return ()
        self._stalled = True
        self._until = now + self.action.amount if self.action.amount else None
        return (self.run.fire("stalled from", sight, for_us=self.action.amount or None),)

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """Hold the frame while the silence lasts."""
        if not self._stalled or self.mine(item) is None:
            return (item,)
        self._held.append(item)
        return ()

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """Everything since the silence began."""
        return [(item, self._until) for item in self._held]

    def wake_at(self) -> Micros | None:
        """When the silence ends; None where it is for ever."""
        return self._until

    def wake(self, now: Micros) -> Iterable[Item]:
        """The silence is over: let the held frames go on."""
        return self.release(now)

    def release(self, now: Micros) -> Iterable[Item]:
        """All held frames, in order."""
        self._stalled, self._until = False, None
        held, self._held = self._held, []
        return held


@register
@dataclass(frozen=True, slots=True)
class Bandwidth(Action):
    """``rate`` in bytes a second."""

    syntax: ClassVar[str] = "bandwidth <rate:rate>"
    about: ClassVar[str] = "Frames take their size divided by the rate; everything of the same sender waits in line."
    example: ClassVar[str] = "bandwidth 32kB/s"
    tries: ClassVar[tuple[str, ...] | None] = ("bandwidth 4kB/s",)
    blame: ClassVar[Blame] = "network"
    group: ClassVar[str] = "time"

    rate: int

    def __post_init__(self) -> None:
        if self.rate < 1:
            raise UsageError(f"bandwidth: expected bytes a second above 0, got {self.rate}")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Narrow(run, self)


class Narrow(Queue):
    """A line of limited width: frames pass one after another, in order."""

    def __init__(self, run: Run, action: Bandwidth) -> None:
        super().__init__(run)
        self.rate = action.rate
        self._free: Micros = 0

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The frame goes on when the last of its bytes has passed the line."""
        self._free = max(now, self._free) + -(-size(sight.frame) * 1_000_000 // self.rate)
        self.plan.add(self._free, sight.item)
        return (self.run.fire("slowed", sight, by_us=self._free - now),)

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """A frame that is not meant waits for those before it, but takes no time of its own."""
        if self._free <= now or self.mine(item) is None:
            return (item,)
        self.plan.add(self._free, item)
        return ()


def size(frame: Frame) -> int:
    """The bytes of a frame's payload."""
    match frame:
        case Text(data):
            return len(data) if data.isascii() else len(data.encode())
        case Binary(payload):
            return len(payload)
        case _:
            return 2


@register
@dataclass(frozen=True, slots=True)
class Hold(Action):
    """``until`` is an event name or glob of either side."""

    syntax: ClassVar[str] = "hold until <until:event>"
    about: ClassVar[str] = (
        "The frame is held until another event has gone by, and goes on right behind it. Everything else overtakes it."
    )
    example: ClassVar[str] = "hold until {end} on {begin}"
    tries: ClassVar[tuple[str, ...] | None] = ("hold until {end}",)
    group: ClassVar[str] = "time"
    on: ClassVar[tuple[str, ...]] = ()

    until: str

    @property
    def events(self) -> tuple[str, ...]:
        """What it waits for."""
        return (self.until,)

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Holding(run, self)


class Holding(Body):
    """Holds frames until an event has gone by."""

    screens = True

    def __init__(self, run: Run, action: Hold) -> None:
        super().__init__(run)
        self.until = (action.until,)
        self._held: list[Item] = []

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """The awaited event goes on, and the held frames after it."""
        if not self._held or not named(sight.name, self.until):
            return None
        return [sight.item, *self.release(now)]

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """The held frames; only an event frees them."""
        return [(item, None) for item in self._held]

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Hold the frame."""
        self._held.append(sight.item)
        return (self.run.fire("held", sight, until=self.until[0]),)

    def release(self, now: Micros) -> Iterable[Item]:
        """All held frames, in order."""
        held, self._held = self._held, []
        return held


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.delay")
def delay(
    on: On = (),
    *,
    seconds: float,
    jitter: float = 0,
    growing: float = 0,
    keep: Keep = "response",
    **options: Unpack[Options],
) -> Fault:
    """Frames go on ``seconds`` later, plus up to ``jitter`` seconds, plus ``growing`` seconds more each time.

    ``keep``: what waits behind, see ``Delay``. Everything else: ``Options``.
    """
    action = Delay(micros(seconds), micros(jitter, "jitter"), micros(growing, "growing"), keep)
    return make(action, on, options)


@checked("faults.jitter")
def jitter(on: On = (), *, seconds: float, keep: Keep = "response", **options: Unpack[Options]) -> Fault:
    """Frames go on up to ``seconds`` later, at random."""
    return make(Delay(0, micros(seconds), 0, keep), on, options)


@checked("faults.growing")
def growing(on: On = (), *, by: float, keep: Keep = "response", **options: Unpack[Options]) -> Fault:
    """The first frame is on time, each next one ``by`` seconds later than the one before."""
    return make(Delay(0, 0, micros(by, "by"), keep), on, options)


@checked("faults.stall")
def stall(on: On = (), *, seconds: float | None = None, **options: Unpack[Options]) -> Fault:
    """Silence from this frame on, for ever or for ``seconds``."""
    amount = 0 if seconds is None else micros(seconds)
    if seconds is not None and not amount:
        raise UsageError("seconds: expected more than 0; None stalls for ever")
    return make(Stall(amount), on, options)


@checked("faults.bandwidth")
def bandwidth(on: On = (), *, bytes_per_second: int, **options: Unpack[Options]) -> Fault:
    """A narrow line."""
    return make(Bandwidth(bytes_per_second), on, options)


@checked("faults.hold")
def hold(on: On, *, until: Name, **options: Unpack[Options]) -> Fault:
    """Hold a frame until the event ``until`` has gone by."""
    return make(Hold(until), on, options)
