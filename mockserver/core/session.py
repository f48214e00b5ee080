"""One client connection: layers of faults around an engine, and a journal at the client's wire.

    client wire -> journal -> layer 0 -> layer 1 -> ... -> engine        (events)
    client wire <- journal <- ... <- layer 1 <- layer 0 <- engine        (effects: the same list order)

A layer is a machine that sees both directions. Whatever it lets out goes on from its own place in the list: an event to
the next layer and at last to the engine, an effect to the next layer and at last to the shell. So a fault can answer a
client itself (an effect out of an event) or tell the engine something (an event out of an effect), and no other part
needs to know. The list order is the order in which a frame meets the faults, whichever way it travels.

The session is itself a machine. It keeps the clock's due times for all its parts (``core.machine``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from mockserver.core.abilities import Bursting, Foreseeing, Obeying, Passing, Separable
from mockserver.core.burst import Burst
from mockserver.core.debts import Bookkeeping, Debt, HoldingBack, Owing
from mockserver.core.entry import SessionLog
from mockserver.core.frames import (
    Abort,
    Accept,
    Answer,
    Ask,
    Close,
    Dial,
    Dialled,
    Effect,
    Event,
    Freeze,
    Hangup,
    Item,
    Lost,
    Media,
    Micros,
    Note,
    Opened,
    Pairs,
    Peer,
    Received,
    Refuse,
    Send,
    Sender,
    Tell,
    Told,
    to_client,
)
from mockserver.core.journal import Journal
from mockserver.core.machine import Machine, due_times, earliest

LAST = (Close, Lost)
BROKEN: tuple[Pairs, bytes] = (
    (("Content-Type", "application/json"),),
    b'{"error":{"message":"internal error of the mock server; its problems() say what happened"}}\n',
)
EVENTS = (Opened, Received, Dialled, Tell, Told)


class Layer(Machine[Item, Item], Protocol):
    """A machine that sees events and effects and lets them out, changed, later, or not at all."""

    def release(self, now: Micros) -> Iterable[Item]:
        """The layer is being taken away: what it holds back and should not be lost."""
        ...


class Listening(Protocol):
    """What is told of everything that passes between the engine and the innermost layer: a recorder.

    ``over``: the connection has ended there. ``settled_at``: when all that was asked for is said, or None.
    """

    over: bool

    def settled_at(self, now: Micros) -> Micros | None: ...

    def event(self, event: Event, now: Micros) -> None: ...

    def effect(self, effect: Effect, now: Micros) -> None: ...

    def texts(self, burst: Burst, now: Micros) -> None: ...

    def lost(self, now: Micros, why: str) -> None: ...


class Session:
    """Engine, layers, journal. ``over`` is True once the client's connection has been ended by either side.

    ``emit``: where an effect goes the moment it is let out. Without it, effects are what ``feed`` and ``wake`` return;
    with it those return nothing. A shell that writes while an engine still speaks serves a long answer twice as fast.
    ``emit_burst``: the same for frames that go out together. Where a layer or a sink has to see each of them, or the
    shell knows no bursts, they go frame by frame.
    """

    def __init__(
        self,
        engine: Machine[Event, Effect],
        *,
        journal: Journal,
        log: SessionLog,
        layers: Iterable[Layer] = (),
        emit: Callable[[Effect], None] | None = None,
        emit_burst: Callable[[Burst], None] | None = None,
    ) -> None:
        self.engine = engine
        self.journal = journal
        self.log = log
        log.obeys = engine.obeys if isinstance(engine, Obeying) else frozenset()
        self.layers: list[Layer] = list(layers)
        self.over = False
        self.tap: Listening | None = None
        self.ledger: Bookkeeping | None = None
        """Kept where a layer stands around the engine; else what is owed can be read from the journal."""
        self.due: Micros | None = None
        """What ``wake_at`` says, as far as ``wake`` found it out on its way."""
        self.emit: Callable[[Effect], None] = self._keep if emit is None else emit
        self.emit_burst = emit_burst
        self._wake_bursts = engine.wake_bursts if isinstance(engine, Bursting) else None
        self._passing = engine if isinstance(engine, Passing) else None
        self.ahead = engine.ahead if isinstance(engine, Foreseeing) else None
        self._out: list[Effect] = []

    # --- the machine ---

    def feed(self, event: Event, now: Micros) -> list[Effect]:
        """Something came from the shell. What was due before it goes first."""
        self._catch_up(now)
        if isinstance(event, Received):  # not a match: this runs for every frame of either side
            if event.peer is Peer.CLIENT:
                frame = event.frame
                self.journal.write(self.log, now, Sender.CLIENT, frame)
                if isinstance(frame, LAST):
                    self._end()
        elif isinstance(event, Opened):
            self.log.handshake = event.handshake
            self.journal.write(self.log, now, Sender.CLIENT, event.handshake)
        self._route(event, 0, now)
        return self._taken()

    def feed_texts(self, burst: Burst, now: Micros) -> bool:
        """Text frames of the upstream that came together: the same as to feed each, where no fault stands between the
        upstream and the client. Else False, and nothing is done.
        """
        emit = self.emit_burst
        if self.layers or self.over or self.ledger is not None or emit is None:
            return False
        if self._passing is None or not self._passing.passes:
            return False
        self._catch_up(now)
        if self.tap is not None:
            self.tap.texts(burst, now)
        if not self.journal.watched:
            self.journal.burst(self.log, now, burst)
            emit(burst)
            return True
        told = 0
        try:
            for frame in burst:
                if self.layers or self.over:
                    break
                self.journal.write(self.log, now, Sender.SERVER, frame)
                told += 1
        finally:
            emit(burst[:told])  # a sink that raises ends the session with the frame that it was told of
        # A sink has set a fault, or ended the session: what comes behind the frame that it was told of meets that.
        self._out_of_engine([to_client(frame) for frame in burst[told:]], now)
        return True

    def wake_at(self) -> Micros | None:
        """The earliest due time of any part."""
        if not self.layers:
            return self.engine.wake_at()
        return earliest(self.engine.wake_at(), *(layer.wake_at() for layer in self.layers))

    def wake(self, now: Micros) -> list[Effect]:
        """Everything due by ``now``, each part at its own due time."""
        self._catch_up(now)
        return self._taken()

    # --- faults while the session runs ---

    def add_layer(self, layer: Layer, *, at: int | None = None) -> None:
        """Add a layer, last by default."""
        self.layers.insert(len(self.layers) if at is None else at, layer)

    def remove_layer(self, layer: Layer, now: Micros) -> list[Effect]:
        """Take a layer away. What it held back goes on from its place."""
        self._catch_up(now)
        place = self.layers.index(layer)
        held = list(layer.release(now))
        del self.layers[place]
        for item in held:
            self._route(item, place, now)
        return self._taken()

    def note(self, note: Note, now: Micros) -> None:
        """Write a note into the journal."""
        self.journal.note(self.log, now, note)

    def cut(self, now: Micros, why: str) -> None:
        """The shell ends a session that is still running. The engine is not told: its client has not left, so one that
        owes a close still owes it.
        """
        if not self.over:
            self.journal.write(self.log, now, Sender.CLIENT, Lost(why))
            self._end()
            if self.tap is not None:
                self.tap.lost(now, why)

    def fail(self, now: Micros, *, answered: bool = True) -> list[Effect]:
        """A part has raised. What was let out before still goes, then what a server in trouble says: 1011, or a 500.

        ``answered``: the shell has answered the handshake.
        """
        answered = answered or any(isinstance(effect, Accept | Refuse) for effect in self._out)
        last = Hangup(code=1011, reason="internal error") if answered else Refuse(500, *BROKEN)
        if not self.over:
            try:
                self._emit(last, now)
            except Exception:  # noqa: BLE001 - a sink that cannot write may be what raised
                self._end()
                self.emit(last)
        return self._taken()

    def left(self) -> None:
        """It is over and its connection is gone: nothing goes anywhere any more."""
        self.emit, self.emit_burst = _nowhere, None

    def give_up(self, instead: Machine[Event, Effect]) -> None:
        """It is over: its engine and what else only a running session needs are let go. What the journal has stays."""
        engine, self.engine = self.engine, instead
        self.layers, self.ledger = [], None
        self._wake_bursts = self._passing = self.ahead = None
        if isinstance(engine, Separable):
            engine.let_go()

    # --- what is owed ---

    def owes(self, ledger: Bookkeeping) -> list[Debt]:
        """What this running session still owes its client. ``ledger``: the engine's side of it, kept or read."""
        due, number = self.engine.wake_at(), self.log.number
        found = [replace(debt, due=due, session=number) for debt in ledger.debts()]
        if isinstance(self.engine, Owing):
            found += [replace(debt, session=number) for debt in self.engine.owes()]
        for layer in self.layers:
            if isinstance(layer, HoldingBack) and (held := layer.held()):
                times = [due for _, due in held if due is not None]
                name = f"{len(held)} held frame{'s' if len(held) > 1 else ''}"
                found.append(Debt("frames", name, 0, min(times, default=None), layer.spec, number))
        return found

    # --- inside ---

    def _catch_up(self, now: Micros) -> None:
        wake_at = self.wake_at if self.layers else self.engine.wake_at
        self.due = wake_at()
        if self.due is not None and self.due <= now:
            for due in due_times(wake_at, now, f"session {self.log.number}: a part"):
                self._wake_part(due)
            self.due = wake_at()

    def _wake_part(self, due: Micros) -> None:
        """The first part that is due: the engine before the layers, and those in their order."""
        if self._bursts() and self._wake_bursts is not None:
            self._wake_in_bursts(self._wake_bursts, due)
        elif not self.layers or self.engine.wake_at() == due:
            self._out_of_engine(list(self.engine.wake(due)), due)
        else:
            place = next(place for place, layer in enumerate(self.layers) if layer.wake_at() == due)
            for item in list(self.layers[place].wake(due)):
                self._route(item, place + 1, due)

    def _wake_in_bursts(self, wake: Callable[[Micros], Iterable[Effect | Burst]], due: Micros) -> None:
        emit = self.emit_burst
        for effect in wake(due):
            if not isinstance(effect, Burst):
                self._emit(effect, due)
            elif emit is None:
                for frame in effect:
                    self._emit(to_client(frame), due)
            elif not self.over:
                self.journal.burst(self.log, due, effect)
                emit(effect)

    def _route(self, item: Item, place: int, now: Micros) -> None:
        """Let an item go on from ``place``; everything that comes of it is in order before the next item moves."""
        if place < len(self.layers):
            for out in list(self.layers[place].feed(item, now)):
                self._route(out, place + 1, now)
        elif isinstance(item, EVENTS):
            if self.tap is not None:
                self.tap.event(item, now)
            if self.ledger is not None and isinstance(item, Received) and item.peer is Peer.CLIENT:
                self.ledger.see(Sender.CLIENT, item.frame, now)
            effects = list(self.engine.feed(item, now))
            if effects:
                self._out_of_engine(effects, now)
        else:
            self._emit(item, now)

    def _bursts(self) -> bool:
        """Whether nobody between the engine and the wire has to see each frame."""
        return not self.layers and self.tap is None and not self.journal.watched

    def _out_of_engine(self, effects: list[Effect], now: Micros) -> None:
        way = self._route_down if self.layers else self._emit
        for effect in effects:
            if self.tap is not None:
                self.tap.effect(effect, now)
            if self.ledger is not None and isinstance(effect, Send) and effect.peer is Peer.CLIENT:
                self.ledger.see(Sender.SERVER, effect.frame, now)
            way(effect, now)

    def _route_down(self, effect: Effect, now: Micros) -> None:
        self._route(effect, 0, now)

    def _emit(self, effect: Effect, now: Micros) -> None:
        if type(effect) is Send:  # nearly every effect, so it does not go through the match
            if effect.peer is Peer.CLIENT:
                if self.over:
                    return
                self.journal.write(self.log, now, Sender.SERVER, effect.frame)
            self.emit(effect)
            return
        match effect:
            case Note():
                self.journal.note(self.log, now, effect)
                return
            case Accept(subprotocol, headers):
                self.journal.write(self.log, now, Sender.SERVER, Answer(101, headers, subprotocol))
            case Refuse(status, headers, body):
                self.journal.write(self.log, now, Sender.SERVER, Answer(status, headers, None, body))
                self._end()
            case Hangup(Peer.CLIENT, code, reason):
                if self.over:
                    return
                self.journal.write(self.log, now, Sender.SERVER, Close(code, reason))
                self._end()
            case Abort(Peer.CLIENT):
                if self.over:
                    return
                self.journal.write(self.log, now, Sender.SERVER, Lost("reset by server"))
                self._end()
            case Send() | Hangup() | Abort() | Dial() | Freeze() | Media() | Ask():
                pass
        self.emit(effect)

    def _keep(self, effect: Effect) -> None:
        self._out.append(effect)

    def _end(self) -> None:
        self.over = True
        self.log.ended = True

    def _taken(self) -> list[Effect]:
        out, self._out = self._out, []
        return out


def _nowhere(effect: Effect) -> None:
    """Where the effects of a session go that was given up."""
