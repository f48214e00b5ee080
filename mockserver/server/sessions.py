"""What the server keeps about its sessions and about the faults around them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Unpack, cast

from mockserver.core.debts import Debt
from mockserver.core.entry import SessionLog
from mockserver.core.expect import Chosen, Selection
from mockserver.core.frames import Effect, Event, Frame, Micros
from mockserver.core.journal import Journal
from mockserver.core.machine import Untimed
from mockserver.core.pause import PausedLayer
from mockserver.core.session import Layer, Session
from mockserver.core.view import Memo
from mockserver.dialects.base import Dialect
from mockserver.dialects.ledger import Ledger
from mockserver.engines.base import Engine, Inspectable, Inspection
from mockserver.errors import ExpectationFailed, FaultNeverFired, UsageError
from mockserver.server.fault_files import expanded
from mockserver.server.memory import give_back
from mockserver.server.pump import Pump

KEPT = 256
"""Sessions that are over and can still be looked into, where memory is bounded."""
KEPT_SIZE = 32 << 20
"""What the clients of these may have sent in all, in characters: engines hold a conversation's texts and sound."""


class AnyFault(Protocol):
    """What ``faults`` makes: configuration without state."""

    @property
    def spec(self) -> str: ...

    @property
    def optional(self) -> bool: ...

    def arm(self, seed: Any) -> ArmedFault: ...


class ArmedFault(Protocol):
    """A fault in use on one server, with its counters."""

    @property
    def fault(self) -> Any: ...

    @property
    def fired(self) -> int: ...

    def check(self, dialect: Dialect) -> None: ...

    def check_spelling(self, dialect: Dialect) -> None: ...

    def layer(self, log: SessionLog, dialect: Dialect, *, now: Micros = 0) -> Layer: ...

    def never_fired(self) -> FaultNeverFired | None: ...


class SessionHandle:
    """One client connection, running or past. ``session`` None: it was given up (``Past``)."""

    __slots__ = ("_call", "_hold", "_pump", "_was", "dialect", "journal", "log", "session")

    def __init__(
        self, session: Session, pump: Pump, call: Callable[[Callable[[], None]], None], dialect: Dialect
    ) -> None:
        self.session: Session | None = session
        self.log: SessionLog = session.log
        """What the journal knows of it."""
        self.journal: Journal = session.journal
        """The journal of the whole server."""
        self.dialect = dialect
        self._was = ""  # the name of the engine that was given up
        self._pump: Pump | None = pump  # its socket, writer and timers; on a bounded server, while it is connected
        self._call: Callable[[Callable[[], None]], None] | None = call  # runs something in the server's loop
        self._hold: PausedLayer | None = None

    @property
    def paused(self) -> bool:
        """Whether it is held."""
        return self._hold is not None

    def pause(self) -> None:
        """Hold everything that either side says, from now on. A client's end goes through."""
        if self._call is not None:
            self._call(self._pause)

    def resume(self) -> None:
        """Let go on what was held, in its order. Nothing happens where the session is not paused."""
        if self._call is not None:
            self._call(self._resume)

    def _pause(self) -> None:
        if self._hold is None and not self.over and self._pump is not None:
            self._hold = PausedLayer()
            self._pump.add_layer(self._hold)
            self._pump.note("paused", "everything is held until the session is resumed")

    def _resume(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None and not self.over and self._pump is not None:
            self._pump.note("resumed", "what was held goes on")
            self._pump.remove_layer(hold)

    @property
    def number(self) -> int:
        """Its place among the server's sessions, from 0."""
        return self.log.number

    def sent_by_client(self, name: str = "*", **chosen: Unpack[Chosen]) -> Selection:
        """What this client sent, as ``Journal.sent_by_client``."""
        chosen["session"] = self.number
        return self.journal.sent_by_client(name, **chosen)

    def sent_by_server(self, name: str = "*", **chosen: Unpack[Chosen]) -> Selection:
        """What this client was sent, as ``Journal.sent_by_server``."""
        chosen["session"] = self.number
        return self.journal.sent_by_server(name, **chosen)

    @property
    def engine(self) -> Engine:
        """What answers it."""
        return _Retired(self._was) if self.session is None else self.session.engine

    @property
    def over(self) -> bool:
        """Whether either side has ended it."""
        return self.session is None or self.session.over

    def left(self) -> None:
        """Its connection is gone: the socket's side of it is not kept, nor the windows of its compression."""
        self._pump = self._call = None
        if self.session is not None:
            self.session.left()

    def retire(self) -> None:
        """Give up the engine and what else only a running session needs. What the journal has stays."""
        session, self.session = self.session, None
        if session is not None:
            retired = _Retired(told_of(session.engine).engine)
            self._was = retired.name
            session.give_up(retired)
            if isinstance(self.log.lens, Memo):
                self.log.lens = self.log.lens.lens

    def owes(self) -> list[Debt]:
        """What this client is still owed. Nothing where the session is over."""
        session = self.session
        if session is None or session.over:
            return []
        # Of a session without faults, what its client saw is what the engine said.
        return session.owes(caught_up(session, self.dialect) if session.ledger is None else session.ledger)

    def inspect(self) -> Inspection:
        """What the engine shows of itself."""
        engine = self.engine
        return engine.inspect() if isinstance(engine, Inspectable) else Inspection(type(engine).__name__.lower())

    def told(self) -> Inspection:
        """The same for people: where the engine cannot tell, it says why not."""
        return told_of(self.engine)


def told_of(engine: Engine) -> Inspection:
    """What an engine shows of itself, or why it cannot: a frame of its cassette is damaged, for example."""
    name = type(engine).__name__.lower()
    try:
        return engine.inspect() if isinstance(engine, Inspectable) else Inspection(name)
    except Exception as error:  # noqa: BLE001 - one session's trouble keeps nobody from being told of the others
        return Inspection(name, {"state": f"cannot be told: {type(error).__name__}: {error}"})


class Past:
    """Sessions that are over, on a server whose memory is bounded: all but the last few give up their engines."""

    def __init__(self, bounded: bool) -> None:
        self._bounded = bounded
        self._handles: deque[SessionHandle] = deque()
        self._size = 0
        self._freed = 0

    def ended(self, handle: SessionHandle) -> None:
        """One more is over."""
        if self._bounded:
            handle.left()
            self._handles.append(handle)
            self._size += handle.log.received
            while len(self._handles) > KEPT or self._size > KEPT_SIZE:
                oldest = self._handles.popleft()
                self._size -= oldest.log.received
                self._freed += oldest.log.received
                oldest.retire()
            if self._freed > KEPT_SIZE:
                self._freed = 0
                give_back()


class _Retired(Untimed):
    """What stands in the place of an engine that was given up."""

    def __init__(self, name: str) -> None:
        self.name = name

    def feed(self, item: Event, now: Micros) -> list[Effect]:
        """Nothing comes of anything."""
        return []

    def inspect(self) -> Inspection:
        """That there is nothing to see any more."""
        why = (
            f"given up: of the sessions that ended the last {KEPT} are kept, and no more than {KEPT_SIZE >> 20} MiB of "
            "what their clients sent, where journal_limit is set"
        )
        return Inspection(self.name, {"state": why})


def caught_up(session: Session, dialect: Dialect) -> Ledger:
    """The account of a session so far, from its journal. Only right while no fault has stood around it."""
    ledger = Ledger(dialect)
    for entry in session.journal.frames(session=session.log.number):
        assert entry.sender is not None
        ledger.see(entry.sender, cast("Frame", entry.what), entry.at)
    return ledger


class FaultSet:
    """The faults of one server, and the layers they have around its sessions."""

    def __init__(
        self, faults: AnyFault | str | Iterable[AnyFault | str], seed: object, dialects: Sequence[Dialect]
    ) -> None:
        if isinstance(faults, str) or not isinstance(faults, Iterable):
            faults = (faults,)
        self._seed = seed
        self._known_dialects = dialects
        self._dialects: dict[int, Dialect] = {}  # of the sessions that run
        self._count = 0
        self._removed: list[ArmedFault] = []
        self._layers: dict[int, dict[int, Layer]] = {}  # session number -> fault id -> layer
        self.armed: dict[int, ArmedFault] = {}
        for fault in expanded(faults):
            self.add(fault, {})

    def add(self, fault: AnyFault | str, running: Mapping[Pump, object], *, number: int | None = None) -> int:
        """Arm a fault and put it around what runs. ``number``: under which other processes know it."""
        made = parsed(fault)
        number = self._count + 1 if number is None else number
        self._count = max(self._count, number)
        armed = made.arm(f"{self._seed}/fault/{number}")
        self._check(armed)
        self.armed[number] = armed
        for pump in running:
            session = pump.session
            if not session.over:
                if session.ledger is None:
                    session.ledger = caught_up(session, self._dialects[session.log.number])
                pump.add_layer(self._layer(number, armed, session.log, now=pump.now()))
        return number

    def change(self, number: int, fault: AnyFault | str, running: Mapping[Pump, object]) -> None:
        """Another fault in the place of this one, around what runs and around later sessions."""
        made = parsed(fault)
        self._known(number)
        armed = made.arm(f"{self._seed}/fault/{number}")
        self._check(armed)
        self._removed.append(self.armed[number])
        self.armed[number] = armed
        for pump in running:
            session = pump.session
            old = self._layers.get(session.log.number, {}).pop(number, None)
            if old is not None and old in session.layers and not session.over:
                place = session.layers.index(old)
                pump.remove_layer(old)
                pump.add_layer(self._layer(number, armed, session.log, now=pump.now()), at=place)

    def _check(self, armed: ArmedFault) -> None:
        """A fault has to suit one of the providers on this server; the first says why it does not."""
        wrong: list[UsageError] = []
        for dialect in self._known_dialects:
            try:
                armed.check(dialect)
                armed.check_spelling(dialect)
                return
            except UsageError as error:
                wrong.append(error)
        raise wrong[0]

    def _known(self, number: int) -> None:
        if number not in self.armed:
            known = ", ".join(map(str, self.armed)) or "none"
            raise UsageError(f"no fault has the id {number}; set are: {known}")

    def remove(self, number: int, running: Mapping[Pump, object]) -> None:
        """Take a fault away from what runs and from later sessions."""
        self._known(number)
        self._removed.append(self.armed.pop(number))
        for pump in running:
            layer = self._layers.get(pump.session.log.number, {}).pop(number, None)
            if layer is not None:
                pump.remove_layer(layer)

    def surround(self, session: Session, dialect: Dialect) -> None:
        """Put the faults around a session that begins. ``dialect``: what its client speaks."""
        self._dialects[session.log.number] = dialect
        if self.armed:
            session.ledger = Ledger(dialect)
        for number, armed in self.armed.items():
            session.add_layer(self._layer(number, armed, session.log))

    def forget(self, session: Session) -> None:
        """A session has ended."""
        self._layers.pop(session.log.number, None)
        self._dialects.pop(session.log.number, None)

    def specs(self, *, fired: bool = False) -> tuple[str, ...]:
        """The faults that are or were set, in words; only those that struck (``fired``)."""
        known = (*self._removed, *self.armed.values())
        return tuple(dict.fromkeys(armed.fault.spec for armed in known if armed.fired or not fired))

    def table(self, begin: str = "") -> dict[str, str | None]:
        """Each fault by name (``begin`` and its number), with its complaint where nothing met it here."""
        found: dict[str, str | None] = {}
        for number, armed in self.armed.items():
            problem = armed.never_fired()
            found[f"{begin}{number}"] = None if problem is None else str(problem)
        return found

    def unfired(self) -> list[FaultNeverFired]:
        """A problem for each fault that nothing met, unless it may stay unused."""
        told = (armed.never_fired() for armed in (*self._removed, *self.armed.values()))
        return [problem for problem in told if problem is not None]

    def _layer(self, number: int, armed: ArmedFault, log: SessionLog, *, now: Micros = 0) -> Layer:
        layer = armed.layer(log, self._dialects[log.number], now=now)
        self._layers.setdefault(log.number, {})[number] = layer
        return layer


def parsed(fault: AnyFault | str) -> AnyFault:
    """A fault object, from a spec where need be."""
    if not isinstance(fault, str):
        if not hasattr(fault, "arm"):
            raise UsageError(f"expected a fault or a spec such as 'reset after 3s', not {fault!r}")
        return fault
    from mockserver import faults

    made: AnyFault = faults.parse(fault)
    return made


def owed(handles: Iterable[SessionHandle]) -> list[Debt]:
    """What the clients of these are still owed."""
    return [debt for handle in handles for debt in handle.owes()]


def account(handles: Sequence[SessionHandle]) -> list[str]:
    """Lines on who waits for what, for a report: the open sessions, the last frame of each side, what is owed."""
    lines = []
    for handle in handles:
        if handle.over:
            continue
        last = {}
        for entry in handle.journal.present(session=handle.number):  # older ones may be gone
            last[entry.sender] = entry
        said = [
            f"{sender.value} last sent {handle.log.lens.peek(cast('Frame', entry.what), sender)} "
            f"at {entry.at / 1_000_000:.3f} s"
            for sender, entry in last.items()
            if sender is not None
        ]
        lines.append(f"session {handle.number} is open: {', '.join(said) or 'nothing was sent'}")
    try:
        debts = [f"owed: {debt.text}" for debt in owed(handles)]
    except ExpectationFailed as error:  # the journal is bounded, and what was asked for is gone
        debts = [str(error)]
    return [*lines, *(debts or ["the server owes nothing"])]
