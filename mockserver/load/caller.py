"""The client of one recorded connection, live: a timed machine, whatever socket it speaks through.

It is fed what the service sends, and lets out what the client sends. When a frame may go, and with which ids, is what
``cassette.follow`` reads in the recording: a frame goes when what the client had seen by then has come, after the pause
that the client made. Ids that the client minted are new ones in each call; those of the service are learned. At the end
what came is laid beside the recording, in the order of its causes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from mockserver.cassette.diff import Difference, Yardstick
from mockserver.cassette.drift import drift
from mockserver.cassette.follow import Follower
from mockserver.cassette.model import Cassette, Connection, Record
from mockserver.core.frames import MILLISECOND, SECOND, Binary, Close, Frame, Lost, Micros, Sender, Text
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import dialect_named
from mockserver.errors import UsageError
from mockserver.load.ids import fresh, minted
from mockserver.load.outcome import GAP_US, CallReport, Timekeeper

LINGER: Micros = 200 * MILLISECOND
"""How long a client whose recording ends without a close looks for more."""
FOREVER: Micros = 86_400 * SECOND
Check = Literal["shape", "exact", "none"]
Out = Text | Binary | Close
"""What a call lets out: a frame to send, or the client's close."""


@dataclass(frozen=True, slots=True)
class CallOptions:
    """``speed``: 2 waits half as long as recorded. ``wait_s``: how long something recorded is waited for.

    ``check``: "shape" compares which events come, in which order, with which fields of which types, as ``mockserver
    verify`` does: right where the service answers in its own words. "exact" compares words and sound too, as ``diff``
    does: right where the cassette, or a simulator that always says the same, answers behind the gateway. "none" takes
    times alone. ``ids``: new ids for what the client minted.
    """

    speed: float = 1.0
    wait_s: float = 20.0
    check: Check = "shape"
    ids: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.speed <= 1_000:
            raise UsageError(f"speed={self.speed!r}: expected a factor above 0, such as 2 for half the waits")
        if not 0 < self.wait_s <= 86_400:
            raise UsageError(f"wait_s={self.wait_s!r}: expected seconds, above 0")
        if self.check not in ("shape", "exact", "none"):
            raise UsageError(f"check={self.check!r}: expected shape, exact or none")


class CallerRole:
    """The client of one recorded connection, read once for any number of calls."""

    def __init__(self, cassette: Cassette, connection: Connection) -> None:
        self.connection = connection
        self.dialect: Dialect = dialect_named(cassette.header.dialect)
        self._follower = Follower(connection.records, self.dialect, timed=connection.timed, longest_pause=FOREVER)
        self._minted = minted(connection.records, self.dialect)
        self.steps = [step for step in self._follower.steps if not isinstance(step.frame, Close | Lost)]
        self.left = [one for one in connection.records if _left(one)]
        self.beside = Yardstick(cassette, connection)
        self.served = any(isinstance(frame, Close | Lost) for frame in self._follower.recorded)
        """Whether the service ended it."""

    def follower(self, ids: random.Random | None) -> Follower:
        """What follows one call. ``ids``: draws new ones for what the client minted."""
        made = self._follower.again()
        if ids is not None:
            made.know({old: fresh(old, ids) for old in self._minted})
        return made


class Caller:
    """Plays a role once. ``seed``: of the ids that it mints."""

    def __init__(self, role: CallerRole, *, options: CallOptions | None = None, seed: object = 0) -> None:
        self.options = options or CallOptions()
        self.report = CallReport()
        self._role = role
        self._connection = role.connection
        self._dialect = role.dialect
        self._follower = role.follower(random.Random(f"{seed}/call") if self.options.ids else None)
        self._timekeeper = Timekeeper(self._dialect, self.report)
        self._steps = role.steps
        self._next = 0
        self._before: Micros = 0  # when the step before this one was due
        self._due: Micros | None = None
        self._patience: Micros | None = None
        self._leaving: Micros | None = None
        self._live: list[Record] = []
        self._gave_up: list[str] = []
        self.over = False

    # --- the machine ---

    def opened(self, now: Micros) -> list[Out]:
        """The handshake was accepted."""
        self.report.connected = self._before = now
        return list(self._go_on(now))

    def refused(self, status: int, now: Micros) -> None:
        """The handshake was answered with something else than 101."""
        if self._connection.answer.status != status:
            self.report.refused = status
        self._end(now)

    def unreached(self, why: str, now: Micros) -> None:
        """Nothing has answered the handshake."""
        self.report.close, self.report.unexpected_close = why, True
        self._end(now)

    def feed(self, frame: Frame, now: Micros) -> list[Out]:
        """The service sent this; its end comes once."""
        if self.over:
            return []
        ends = isinstance(frame, Close | Lost)
        if ends and self._leaving is not None and not self._role.served:
            self.report.close = "closed by the service as the client was about to"
            self._end(now)  # all had been said
            return []
        self.report.received += 1
        self._live.append(Record(now, Sender.SERVER, frame))
        self._follower.received(frame)
        if isinstance(frame, Close | Lost):
            self.report.close = f"close {frame.code}" if isinstance(frame, Close) else "connection lost"
            self.report.unexpected_close = not self._role.served
            self._end(now)
            return []
        self._timekeeper.received(frame, now)
        return list(self._go_on(now))

    def wake_at(self) -> Micros | None:
        """When something is due, or is not waited for any longer."""
        if self.over:
            return None
        found = [at for at in (self._due, self._patience, self._leaving) if at is not None]
        return min(found, default=None)

    def wake(self, now: Micros) -> list[Out]:
        """It is so late."""
        if self._patience is not None and now >= self._patience:
            wanted = self._wanted()
            missing = self._follower.missing(wanted)
            self._gave_up += missing
            self._follower.give_up(missing)
            self._patience = None
        return list(self._go_on(now))

    # --- inside ---

    def _wanted(self) -> Any:
        return self._steps[self._next].after if self._next < len(self._steps) else self._follower.whole

    def _go_on(self, now: Micros) -> Iterator[Out]:
        follower = self._follower
        while not self.over and self._next < len(self._steps):
            step = self._steps[self._next]
            if self._due is None:
                if step.waits and follower.missing(step.after):
                    if self._patience is None:
                        self._patience = now + self._wait
                    return
                # What goes on at its own pace is due from when the piece before it was, however late that went.
                since = self._before if not step.waits else max(self._before, now)
                self._patience = None
                self._due = since + round(step.pause / self.options.speed)
            if now < self._due:
                return
            self._before, self._due = self._due, None
            self._next += 1
            frame = follower.translated(step.frame)
            follower.sent(frame)
            self._live.append(Record(now, Sender.CLIENT, frame))
            self._timekeeper.sent(frame, now)
            self.report.sent += 1
            assert isinstance(frame, Text | Binary)
            yield frame
        if not self.over:
            yield from self._leave(now)

    def _leave(self, now: Micros) -> Iterator[Out]:
        """All is sent: what is still to come is waited for, then the client closes, unless the service is to."""
        follower = self._follower
        if follower.missing(follower.whole):
            if self._patience is None:
                self._patience = now + self._wait
            return
        self._patience = None
        served = self._role.served
        if self._leaving is None:
            self._leaving = now + (self._wait if served else LINGER)
        if now >= self._leaving:
            if served:
                self._gave_up.append("the end of the connection")
            self.report.close = "closed by the client"
            self._end(now)
            yield Close(1000)

    @property
    def _wait(self) -> Micros:
        return round(self.options.wait_s * SECOND)

    def _end(self, now: Micros) -> None:
        if self.over:
            return
        self.over = True
        report = self.report
        report.ended = now
        if any(reply.gaps for reply in report.replies) and self._connection.timed:
            self._forgive()
        if report.refused is not None or self.options.check == "none":
            return
        if report.connected is None or self._connection.answer.status != 101:
            return
        exact = self.options.check == "exact"
        found, later = self._role.beside.laid(self._lived(), content=exact)
        report.late += map(_told, later)
        if exact:
            report.mismatches += map(_told, found)
        else:
            report.mismatches += map(str, drift(*self._follower.compared(), dialect=self._dialect))
        if self._gave_up and not report.mismatches:
            report.mismatches += [f"waited in vain for {name}" for name in dict.fromkeys(self._gave_up)]
        left = len(self._steps) - self._next
        if left and report.unexpected_close:
            report.mismatches.append(f"{left} of {len(self._steps)} client frames were never sent")

    def _forgive(self) -> None:
        """A silence that the recording has too, as long as this or longer, is the service's own."""
        recorded = CallReport()
        listener = Timekeeper(self._dialect, recorded)
        for record in self._connection.records:
            if record.sender is Sender.SERVER:
                listener.received(record.frame, record.at)
            else:
                listener.sent(record.frame, record.at)
        longest = max(recorded.gaps, default=0) + GAP_US
        for reply in self.report.replies:
            reply.gaps = [gap for gap in reply.gaps if gap > longest]

    def _lived(self) -> Connection:
        """What has happened, as a connection. How the client left is as recorded: it does not count."""
        served = any(isinstance(one.frame, Close | Lost) for one in self._live)
        records = (*self._live, *(() if served else self._role.left))
        return replace(self._connection, records=records, timed=True)


def _told(difference: Difference) -> str:
    return re.sub(r"^connection \d+ ", "", str(difference))


def _left(record: Record) -> bool:
    return record.sender is Sender.CLIENT and isinstance(record.frame, Close | Lost)
