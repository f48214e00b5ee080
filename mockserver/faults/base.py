"""What a fault is: a value made of an action and a ``Where``, and the same in use on one server.

A ``Fault`` is a value: an *action* (what happens), a ``Where``, and whether it may stay unused. ``arm`` gives an
``Armed``, which the server keeps: it counts how often the fault fired. ``Armed.layer`` gives one session's machine.

The layer (``FaultLayer``) does all the looking: which frame, which moment, which attempt. A *body* does the one thing
that its fault is about; ``docs/write-your-own-fault.md`` starts from the smallest one. Nothing here knows a provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mockserver.core.entry import SessionLog
from mockserver.core.frames import Micros, Sender
from mockserver.core.typed import check_fields
from mockserver.dialects.base import Dialect
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.life import Mark
from mockserver.errors import FaultNeverFired, UsageError
from mockserver.faults.action import Action
from mockserver.faults.body import Account
from mockserver.faults.layer import FaultLayer
from mockserver.faults.tokens import nearest
from mockserver.faults.where import Aim, Where

NEARLY = 0.9
"""How much of an event's name has to be right for it to be a slip and not an event that nobody knows here."""
_HANDSHAKE_PARTS = ("probability", "seed", "times", "attempts", "connection", "reconnected")


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
                    f"{name}: a handshake has no events; use 'for first n attempts', 'in 2nd connection', "
                    f"'after reconnect', 'with probability', 'at most n times' (got {self.where.spec!r})"
                )
        if self.action.aims == "moment" and not (self.action.on or self.where.events or self.where.after):
            raise UsageError(
                f"{name}: needs a moment; add 'on EVENT', 'before EVENT' or 'after ...' "
                f"(example: {self.action.shown_example()})"
            )
        if self.action.aims == "frames" and self.where.before:
            raise UsageError(f"{name}: acts on the frame itself; say 'on', not 'before'")

    @property
    def spec(self) -> str:
        """The canonical text."""
        parts = (self.action.words, self.where.spec, "optional" if self.optional else "")
        return " ".join(part for part in parts if part)

    @property
    def names(self) -> tuple[str, ...]:
        """The events that it names."""
        gate = self.where.after
        named = (*self.where.events, *((gate.event, gate.since) if gate is not None else ()), *self.action.events)
        return tuple(one for one in named if one is not None and not isinstance(one, Mark))

    def arm(self, seed: object = 0) -> Armed:
        """The fault, ready for one server. Faults with the same spec and different seeds roll different dice."""
        return Armed(self, seed)


class Armed(Account):
    """A fault on one server: how often it fired, and what it saw when it did not."""

    def __init__(self, fault: Fault, seed: object = 0) -> None:
        super().__init__(fault.spec, fault.where, seed)
        self.fault = fault
        self._dialect: Dialect = GENERIC

    def layer(self, log: SessionLog, dialect: Dialect, *, now: Micros = 0) -> FaultLayer:
        """The machine for one session. ``now``: the session's time, where the fault is set while it runs.

        UsageError where the provider cannot do what the fault is about.
        """
        self.check(dialect)
        self._dialect = dialect
        return FaultLayer(self, self.fault.action, log, dialect, now)

    def check(self, dialect: Dialect) -> None:
        """UsageError where the provider cannot do what the fault is about, or has no event at which it could happen."""
        action, where = self.fault.action, self.fault.where
        action.check(dialect)
        at_gate = action.aims == "moment" and where.after is not None
        if action.aims == "handshake" or where.events or at_gate or not action.on or dialect is GENERIC:
            return
        if not Aim(action.on, dialect.life).names:
            raise UsageError(
                f"fault {self.spec!r}: {dialect.title} has no event for {' or '.join(action.on)}; "
                "say 'on EVENT' or 'after ...'"
            )

    def check_spelling(self, dialect: Dialect) -> None:
        """UsageError where an event is named that this provider does not have, and one that is nearly the same it has.

        A provider can have events that nobody knows here: ``optional`` lets any name stand.
        """
        for name in self.fault.names:
            meant = None if self.fault.optional else dialect.misspelt(name, alike=NEARLY)
            if meant is not None:
                raise UsageError(
                    f"fault {self.spec!r}: {dialect.title} has no event {name}; did you mean {meant}? "
                    "('optional' lets the name stand)"
                )

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
            f"fault {self.fault.spec!r} never fired: {self.why_not}. "
            f"Correct it, or add 'optional' where the test may pass without it"
        )

    @property
    def why_not(self) -> str:
        """Why it has not fired so far, from what it saw."""
        action, where = self.fault.action, self.fault.where
        if action.aims == "handshake":
            return f"{self.attempts} connections were attempted" if self.attempts else "no client connected"
        names = where.events or Aim(action.on, self._dialect.life).names or action.on
        sender = where.spoken_by(action.sender, names, self._dialect)
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
        known = [*seen, *sorted(self._dialect.names(sender))]
        hint = nearest(names[0], known) if names and names[0] not in known else ""
        most = ", ".join(f"{count} {name}" for name, count in sorted(seen.items(), key=lambda pair: -pair[1])[:4])
        return f"the {sender.value} sent no {' or '.join(names)}{hint} (it sent {most or 'nothing'})"
