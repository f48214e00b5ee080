"""What a fault is, and the layer that puts one around an engine.

A ``Fault`` is a value: an *action* (what happens), a ``Where``, and whether it may stay unused. ``arm`` gives an
``Armed``, which the server keeps: it counts how often the fault fired. ``Armed.layer`` gives one session's machine.

The layer (``FaultLayer``) does all the looking: which frame, which moment, which attempt. A *body* does the one thing
that its fault is about; ``docs/write-your-own-fault.md`` starts from the smallest one. Nothing here knows a provider.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mockserver.core.frames import Frame, Item, Micros, Note, Sender, frame_to_client, from_client
from mockserver.core.ids import Ids, rng
from mockserver.core.journal import SessionLog
from mockserver.core.typed import check_fields
from mockserver.core.view import Lens, View
from mockserver.dialects.base import Dialect
from mockserver.errors import FaultNeverFired, UsageError
from mockserver.faults.spec import Pattern
from mockserver.faults.tokens import nearest
from mockserver.faults.where import Where

if TYPE_CHECKING:
    from mockserver.faults.layer import FaultLayer

Aims = Literal["frames", "moment", "handshake"]


class Sight:
    """One frame on its way, as a fault sees it. The view is made when asked for."""

    __slots__ = ("_lens", "frame", "item", "name", "sender")

    def __init__(self, item: Item, frame: Frame, name: str, sender: Sender, lens: Lens) -> None:
        self.item = item
        self.frame = frame
        self.name = name
        self.sender = sender
        self._lens = lens

    @property
    def view(self) -> View:
        """The frame through the session's lens."""
        return self._lens.view(self.frame, self.sender)


class Run:
    """What a body may use of the session it works in."""

    def __init__(self, armed: Armed, log: SessionLog, dialect: Dialect, sender: Sender) -> None:
        self.armed = armed
        self.log = log
        self.dialect = dialect
        self.sender = sender  # whose frames the fault is about
        self.random = self.rng("chance")
        self.ids = Ids(self.rng("ids"))

    @property
    def lens(self) -> Lens:
        """The session's lens; it remembers the frame at hand."""
        return self.log.lens

    def rng(self, part: str) -> random.Random:
        """Randomness for one part of this fault in this session. A fault's own seed replaces the session's."""
        fault = self.armed.fault
        if fault.where.seed is not None:
            return rng("fault", fault.where.seed, self.log.number, part)
        return rng(self.log.seed, self.armed.seed, fault.spec, part)

    def sight(self, item: Item) -> Sight | None:
        """A frame of either side, or None where the item is none."""
        for frame, sender in ((frame_to_client(item), Sender.SERVER), (from_client(item), Sender.CLIENT)):
            if frame is not None:
                return Sight(item, frame, self.lens.peek(frame, sender), sender, self.lens)
        return None

    def fire(self, did: str, sight: Sight | None = None, **more: Any) -> Note:
        """The fault did something: count it, and say so in the journal."""
        self.armed.fired += 1
        spec = self.armed.fault.spec
        data: dict[str, Any] = {"fault": spec, "did": did}
        if sight is not None:
            view = sight.view
            data["event"] = sight.name
            data["sender"] = sight.sender.value
            for name in ("response_id", "item_id", "event_id"):
                value = getattr(view, name)
                if value is not None:
                    data[name] = value
        data.update(more)
        subject = f" {sight.name}" if sight is not None else ""
        return Note("fault", f"{did}{subject} ({spec})", data)


class Body:
    """One fault at work in one session. The least that one has to say is ``hit``.

    ``screens``: whether ``screen`` wants to see every frame before the aim does.
    """

    screens: ClassVar[bool] = False

    def __init__(self, run: Run) -> None:
        self.run = run

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The frame that is meant. What is returned goes on in its place."""
        raise NotImplementedError

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """Anything that is not meant."""
        return (item,)

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Any frame, before it is aimed at. None lets it go on to be aimed at; () swallows it."""
        return None

    def wake_at(self) -> Micros | None:
        """When the body wants to be woken."""
        return None

    def wake(self, now: Micros) -> Iterable[Item]:
        """What is due."""
        return ()

    def release(self, now: Micros) -> Iterable[Item]:
        """The fault is being taken away: what is held back and should not be lost."""
        return ()


class Moment(Body):
    """A fault that happens at a moment rather than to a frame. ``sight`` is None where only time has passed.

    ``instead``: the frame that marks the moment is not let on.
    """

    instead: ClassVar[bool] = False

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The moment has come."""
        raise NotImplementedError

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """A frame marks the moment: it goes first, or with ``before`` second."""
        struck = list(self.strike(sight, now))
        if self.instead:
            return struck
        if self.run.armed.fault.where.before:
            return [*struck, sight.item]
        return [sight.item, *struck]


@dataclass(frozen=True, slots=True)
class Action:
    """What a fault does. A kind of action is a frozen dataclass with these class variables.

    ``syntax`` is its pattern (``faults.spec``); ``on`` are the events it is about where none are named; ``aims`` says
    whether it is about frames, a moment or a handshake; ``since`` is what its gate counts from unless told.
    """

    syntax: ClassVar[str] = ""
    about: ClassVar[str] = ""
    example: ClassVar[str] = ""
    group: ClassVar[str] = ""
    aims: ClassVar[Aims] = "frames"
    on: ClassVar[tuple[str, ...]] = ("*",)
    sender: ClassVar[Sender] = Sender.SERVER
    since: ClassVar[str | None] = None
    pattern: ClassVar[Pattern]

    def start(self, run: Run) -> Body:
        """A body for one session."""
        raise NotImplementedError

    @property
    def words(self) -> str:
        """The action as words of the one syntax."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        defaults = {item.name: item.default for item in fields(self) if item.default is not MISSING}
        return self.pattern.write(values, defaults)


_HANDSHAKE_PARTS = ("probability", "seed", "times", "attempts")


@dataclass(frozen=True, slots=True)
class Fault:
    """What, where, and whether it may stay unused. ``spec`` is the same as text: ``parse(fault.spec) == fault``."""

    action: Action
    where: Where = Where()
    optional: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "Fault")
        name = " ".join(self.action.pattern.first_words)
        if self.action.aims == "handshake":
            plain = Where(**{part: getattr(self.where, part) for part in _HANDSHAKE_PARTS})
            if plain != self.where:
                raise UsageError(
                    f"{name}: a handshake has no events; use 'for first n attempts', 'with probability', "
                    f"'at most n times' (got {self.where.spec!r})"
                )
        if self.action.aims == "moment" and not (self.action.on or self.where.events or self.where.after):
            raise UsageError(
                f"{name}: needs a moment; add 'on EVENT', 'before EVENT' or 'after ...' "
                f"(example: {self.action.example})"
            )
        if self.action.aims == "frames" and self.where.before:
            raise UsageError(f"{name}: acts on the frame itself; say 'on', not 'before'")

    @property
    def spec(self) -> str:
        """The canonical text."""
        parts = (self.action.words, self.where.spec, "optional" if self.optional else "")
        return " ".join(part for part in parts if part)

    def arm(self, seed: object = 0) -> Armed:
        """The fault, ready for one server. Faults with the same spec and different seeds roll different dice."""
        return Armed(self, seed)


class Tally:
    """How often a name was seen, and whether the fault means it."""

    __slots__ = ("meant", "seen")

    def __init__(self, meant: bool) -> None:
        self.meant = meant
        self.seen = 0


class Armed:
    """A fault on one server: how often it fired, and what it saw when it did not."""

    def __init__(self, fault: Fault, seed: object = 0) -> None:
        self.fault = fault
        self.seed = seed
        self.fired = 0
        self.attempts = 0
        self.tallies: dict[Sender, dict[str, Tally]] = {Sender.CLIENT: {}, Sender.SERVER: {}}
        self.missed: Counter[str] = Counter()  # why frames with a matching name were let by

    def layer(self, log: SessionLog, dialect: Dialect, *, now: Micros = 0) -> FaultLayer:
        """The machine for one session. ``now``: the session's time, where the fault is set while it runs."""
        from mockserver.faults.layer import (
            FaultLayer,  # here, because the layer needs the classes above
        )

        return FaultLayer(self, log, dialect, now)

    @property
    def state(self) -> dict[str, Any]:
        """What the control API shows of it."""
        return {
            "spec": self.fault.spec,
            "optional": self.fault.optional,
            "fired": self.fired,
            "about": type(self.fault.action).about,
        }

    def never_fired(self) -> FaultNeverFired | None:
        """The failure to raise at teardown, or None where the fault fired or may stay unused."""
        if self.fired or self.fault.optional:
            return None
        return FaultNeverFired(
            f"fault {self.fault.spec!r} never fired: {self._why()}. "
            f"Correct it, or add 'optional' where the test may pass without it"
        )

    def _why(self) -> str:
        action, where = self.fault.action, self.fault.where
        if action.aims == "handshake":
            return f"{self.attempts} connections were attempted" if self.attempts else "no client connected"
        names = where.events or action.on
        sender = where.spoken_by(action.sender, names)
        seen = {name: tally.seen for name, tally in self.tallies[sender].items() if tally.seen}
        if self.missed:
            meant = sum(tally.seen for tally in self.tallies[sender].values() if tally.meant and tally.seen)
            reasons = ", ".join(f"{count} {why}" for why, count in self.missed.most_common(3))
            return f"saw {meant} {' or '.join(names) or 'frames'}, but {reasons}"
        if not where.events and where.after is not None and action.aims == "moment":
            return f"{where.after.spec!r} was never reached ({sum(seen.values())} frames from the {sender.value})"
        if any(self.tallies[sender][name].meant for name in seen):
            return f"saw {' or '.join(names)}, but there was nothing in it to act on"
        other = Sender.CLIENT if sender is Sender.SERVER else Sender.SERVER
        if any(name in self.tallies[other] for name in names):
            return f"the {sender.value} sent no {' or '.join(names)}, the {other.value} did; add 'from {other.value}'"
        hint = nearest(names[0], list(seen)) if names else ""
        most = ", ".join(f"{count} {name}" for name, count in sorted(seen.items(), key=lambda pair: -pair[1])[:4])
        return f"the {sender.value} sent no {' or '.join(names)}{hint} (it sent {most or 'nothing'})"


ACTIONS: dict[tuple[str, ...], type[Action]] = {}
"""Every kind of action by its first words."""


def register(kind: type[Action]) -> type[Action]:
    """Make a kind of action known: its syntax can be read from here on."""
    kind.pattern = Pattern(kind.syntax)
    words = kind.pattern.first_words
    if not words or words in ACTIONS:
        raise UsageError(f"{kind.__name__}: its syntax must begin with words of its own, got {kind.syntax!r}")
    ACTIONS[words] = kind
    return kind
