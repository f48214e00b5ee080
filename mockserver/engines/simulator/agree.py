"""How well a simulator agrees with a recording: its client side again, and what comes back beside what was recorded.

Compared are which events come, in what order, with which fields of which types, as ``cassette.drift`` does it for the
real service. Time is virtual, so minutes of a session take no time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mockserver.cassette.drift import Drift, compared_counts, drift
from mockserver.cassette.follow import Follower
from mockserver.cassette.model import Cassette, Connection
from mockserver.core.frames import (
    SECOND,
    Close,
    Effect,
    Frame,
    Handshake,
    Hangup,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Refuse,
    Send,
    Sender,
)
from mockserver.core.machine import Machine, advance
from mockserver.core.view import Kind
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import dialect_named
from mockserver.engines.base import SessionContext, Source
from mockserver.engines.simulator.likeness import Likeness
from mockserver.engines.simulator.providers import provider_named
from mockserver.engines.simulator.source import simulator
from mockserver.errors import UsageError

PATIENCE: Micros = 60 * SECOND
"""What the simulator gets, in virtual time, to say what the recorded server had said by then."""
LINGER: Micros = 2 * SECOND
"""What is heard after the last recorded event."""
BEGAN_US = 1_785_000_000_000_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one connection. ``differences`` are in order and fields; ``exceptions`` are left out, each with its reason."""

    connection: int
    events: int
    fields: int
    differences: tuple[Drift, ...] = ()
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def _share(self, whole: int, *changes: str) -> float:
        wrong = sum(one.change in changes for one in self.differences)
        return 100.0 * max(0, whole - wrong) / whole if whole else 100.0

    @property
    def order(self) -> float:
        """Per cent of the events that came, in their place."""
        return self._share(self.events, "event gone", "event added", "event moved", "end changed")

    @property
    def shape(self) -> float:
        """Per cent of the fields that came, with the type that they had."""
        return self._share(self.fields, "field gone", "field added", "type changed")

    def __str__(self) -> str:
        return (
            f"connection {self.connection}: order {self.order:.1f} % of {self.events} events, "
            f"fields {self.shape:.1f} % of {self.fields}"
        )


def agree(cassette: Cassette) -> list[Agreement]:
    """The agreement of each connection. UsageError where nobody simulates the cassette's provider, or it is empty."""
    if not cassette.connections:
        raise UsageError(f"{cassette.path or 'the cassette'}: no connection in it, so there is nothing to compare")
    dialect = dialect_named(cassette.header.dialect)
    return [_agreement(dialect, connection) for connection in cassette.connections]


def _agreement(dialect: Dialect, connection: Connection) -> Agreement:
    likeness = provider_named(dialect.name).likeness(dialect, connection)
    heard = played(dialect, connection, likeness)
    if isinstance(heard, int):
        same = heard == connection.answer.status
        differs = Drift("end changed", f"handshake answered with {heard}", f"was {connection.answer.status}")
        return Agreement(connection.number, 1, 0, () if same else (differs,))
    recorded, live = heard.compared()
    names = {dialect.inside(dialect.view(frame, Sender.SERVER)) for frame in (*recorded, *live)}
    left_out = {name: why for name, why in likeness.exceptions().items() if name in names}
    before, after = (_without(frames, left_out, dialect) for frames in (recorded, live))
    if not any(isinstance(frame, Close | Lost) for frame in recorded):
        after = [frame for frame in after if not isinstance(frame, Close | Lost)]
    events, fields = compared_counts(before, dialect=dialect)
    found = drift(before, after, dialect=dialect)
    return Agreement(connection.number, events, fields, tuple(found), left_out)


def _without(frames: Iterable[Frame], names: Mapping[str, str], dialect: Dialect) -> list[Frame]:
    return [frame for frame in frames if dialect.inside(dialect.view(frame, Sender.SERVER)) not in names]


def played(dialect: Dialect, connection: Connection, likeness: Likeness) -> Follower | int:
    """The simulated session to which the client side of a recorded one was sent, or the status of a refusal.

    UsageError where the frames are none of this provider's.
    """
    refused = connection.answer.status != 101
    try:
        settings = {**likeness.settings(), "replier": likeness.replier()}
        other = likeness.beside()
        shake = likeness.handshake()
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"connection {connection.number}: {dialect.title} sends no such frames ({error!r}), so they cannot be "
            "compared; mockserver show prints them"
        ) from error
    source = simulator(dialect.name, require_key=refused, **settings)
    context = SessionContext(connection.number, "agree", dialect, unix_us=BEGAN_US)
    if other is not None:
        shake = likeness.joined(_told(source, *other, replace(context, number=connection.number + 1)))
    follower = Follower(connection.records, dialect, timed=connection.timed)
    stage = _Stage(source.open(shake, context), follower, likeness)
    status = stage.take(stage.engine.feed(Opened(shake), 0))
    if status is not None:
        return status
    number = 0
    for step in stage.follower.steps:
        if isinstance(step.frame, Close | Lost) or stage.over:
            break
        if step.waits:
            stage.until(step.after)
        stage.wait(step.pause)
        frame = stage.follower.translated(step.frame)
        sound = dialect.view(frame, Sender.CLIENT).kind is Kind.AUDIO
        if sound:
            frame, number = likeness.said(frame, number), number + 1
        stage.send(frame)
        if sound and not connection.timed:
            stage.wait(likeness.piece_us)
    stage.until(stage.follower.whole)
    stage.wait(LINGER)
    return stage.follower


def _told(source: Source, shake: Handshake, frames: Iterable[Frame], context: SessionContext) -> list[Frame]:
    """What a client is sent that sends these, within moments."""
    engine: Machine[Any, Effect] = source.open(shake, context)
    effects = [*engine.feed(Opened(shake), 0)]
    for frame in frames:
        effects += engine.feed(Received(Peer.CLIENT, frame), 0)
    effects += [effect for _, effect in advance(engine, LINGER)]
    return [effect.frame for effect in effects if isinstance(effect, Send)]


class _Stage:
    """The simulated server, and the clock that it runs on."""

    def __init__(self, engine: Machine[Any, Effect], follower: Follower, likeness: Likeness) -> None:
        self.engine = engine
        self.follower = follower
        self.likeness = likeness
        self.at: Micros = 0
        self.over = False

    def take(self, effects: Iterable[Effect]) -> int | None:
        """What came; the status where the handshake is refused."""
        for effect in effects:
            match effect:
                case Send(Peer.CLIENT, frame):
                    self.follower.received(frame)
                case Hangup(Peer.CLIENT, code, reason):
                    self.follower.received(Close(code, reason))
                    self.over = True
                case Refuse(status):
                    return status
                case _:
                    pass
        return None

    def send(self, frame: Frame) -> None:
        """One frame of the client's."""
        self.follower.sent(frame)
        self.take(self.engine.feed(Received(Peer.CLIENT, frame), self.at))

    def wait(self, micros: Micros) -> None:
        """Let time pass."""
        end = self.at + micros
        for due, effect in advance(self.engine, end):
            self.at = due
            self.take([effect])
        self.at = end

    def until(self, wanted: Counter[str]) -> None:
        """Let time pass until this has come; what has not come in time is not waited for again."""
        end = self.at + PATIENCE
        while self.follower.missing(wanted) and not self.over:
            meanwhile = self.likeness.meanwhile()
            if meanwhile is not None and self.at < end:
                frame, lasts = meanwhile
                self.send(frame)
                self.wait(lasts)
                continue
            due = self.engine.wake_at()
            if due is None or due > end:
                self.follower.give_up(self.follower.missing(wanted))
                return
            self.at = max(self.at, due)
            self.take(self.engine.wake(self.at))
