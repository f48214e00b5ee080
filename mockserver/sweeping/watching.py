"""What a swept test holds in its hands: ``client()``, ``turn()``, ``reported()``, ``called()``.

In an ordinary run a turn that fails raises, as any test does. Under a fault it is written down and the test goes on:
the turn after it is what shows whether the client has survived.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, cast

from mockserver.core.entry import Entered, Entry
from mockserver.core.frames import SECOND, Binary, Handshake, Micros, Note, Sender, Text
from mockserver.server.host import MockServer
from mockserver.sweeping.record import TOLD_US, Outcome, RunRecord, TurnRecord, steady

T = TypeVar("T")
RELEASE_S = 25 * 60
"""So long a turn that hangs gets to come back after all."""
CALM_S = 10
"""Virtual seconds that a client gets to end its tasks and connections after the test."""


class ScenarioOver(Exception):
    """The scenario cannot go on. It is raised through the test and caught by whoever runs it."""


class SweepRun:
    """One run of a swept test. ``plain``: an ordinary one. ``base``: what each turn gave in the run without faults."""

    def __init__(
        self,
        server: MockServer,
        *,
        plain: bool = True,
        hang_s: float = 60,
        release_s: float = RELEASE_S,
        turns: int | None = None,
        own_us: Micros = 0,
        base: Sequence[str | None] = (),
    ) -> None:
        self.server = server
        self.port: int | None = None
        self.record = RunRecord(own_us=own_us)
        self._plain, self._base = plain, base
        self._hang_us: Micros = round(hang_s * SECOND)
        self._release_s, self._most = release_s, turns
        self._waiting: list[tuple[TurnRecord, asyncio.Future[Any]]] = []
        self._turns = 0
        self._said: list[tuple[Micros, str]] = []
        if not plain:
            server.recorders.taps.append(self._hear)

    # --- what a test calls ---

    @asynccontextmanager
    async def client(self, opened: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
        """The client, opened and closed. What goes wrong in either is part of the account."""
        if self._plain:
            async with opened as made:
                yield made
            return
        record, made_ = await self._watched(opened.__aenter__(), "connect")
        if record.outcome != "ok":
            self._add(record)
            raise ScenarioOver
        try:
            yield cast("T", made_)
        finally:
            await self.settle()
            if any(turn.outcome == "partial" for turn in self.record.turns[-1:]):
                await asyncio.sleep(TOLD_US / SECOND)  # a client that is closed at once can tell nothing more
            record, _ = await self._watched(opened.__aexit__(None, None, None), "close")
            if record.outcome != "ok":
                self._add(record)

    async def turn(self, asked: Awaitable[T], *, expect: str | None = None) -> T | None:
        """One turn of the conversation. What it gives is compared, as words, with what it gave without a fault.

        ``expect``: words that have to be in it; a turn that gives these and no words of another turn is right, also if
        others are missing. None is returned where the turn went wrong under a fault.
        """
        number, self._turns = self._turns, self._turns + 1
        if self._plain:
            record = TurnRecord(expect or f"turn {number + 1}", self.now())
            given = await asked
            record.ended, record.heard = self.now(), as_text(given)
            self.record.turns.append(record)
            if expect is not None and compared(record.heard, None, expect) != "ok":
                raise AssertionError(f"turn {number + 1}: expected {expect!r} in what was said, got {record.heard!r}")
            return given
        if number == self._most:
            if inspect.iscoroutine(asked):
                asked.close()  # nobody waits for it
            raise ScenarioOver
        record, given_ = await self._watched(asked, expect or f"turn {number + 1}")
        self.record.turns.append(record)
        if record.outcome == "ok":
            record.heard = as_text(given_)
            base = self._base[number] if number < len(self._base) else None
            said = "".join(text for at, text in self._said if record.began <= at <= record.ended)
            record.outcome = compared(record.heard, base, expect, said)
        for hung, task in self._waiting:
            if hung is not record and task.done() and not hung.released:
                hung.released = "by a later turn"
        return given_ if record.outcome == "ok" else None

    def reported(self, error: object) -> None:
        """The client has told its user of an error: to be called from its error callbacks."""
        text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
        self.record.reports.append((self.now(), self.said(text)))

    def called(self, tool: str) -> None:
        """A tool was called. More calls than in the run without a fault are wrong."""
        self.record.tools[tool] = self.record.tools.get(tool, 0) + 1

    # --- what the runner calls ---

    def now(self) -> Micros:
        """Microseconds since the server began."""
        return self.server.elapsed_us

    def said(self, text: str) -> str:
        """A text that somebody tells, as the account has it."""
        return steady(text, self.port)

    async def settle(self) -> None:
        """Wait for turns that hang, for 25 minutes (in real time: not that long); then give them up."""
        pending = [task for _, task in self._waiting if not task.done()]
        if pending:
            await asyncio.wait(pending, timeout=self._release_s)
        for record, task in self._waiting:
            if not record.released:
                record.released = "within 25 minutes" if task.done() else "never"
            if not task.done():
                task.cancel()
        if self._waiting:
            await asyncio.wait([task for _, task in self._waiting], timeout=CALM_S)
            for _, task in self._waiting:
                if task.done() and not task.cancelled():
                    task.exception()  # it was waited for: nobody else has to retrieve it
        self._waiting = []

    # --- inside ---

    def _add(self, record: TurnRecord) -> None:
        """What went wrong in opening or closing the client stands among the turns."""
        record.own = False
        self.record.turns.append(record)

    def _hear(self, entry: Entry) -> None:
        """What the model says, before any fault: the words of a turn's answer are in it."""
        dialect = self.server.dialect
        if entry.sender is not Sender.SERVER or not isinstance(entry.what, Text | Binary):
            return
        if dialect.life.stream(dialect.peek(entry.what, Sender.SERVER)) in ("transcript", "text"):
            said = dialect.spoken(dialect.view(entry.what, Sender.SERVER))
            self._said.append((self.now(), "" if said is None else said.text))

    async def _watched(self, asked: Awaitable[T], name: str) -> tuple[TurnRecord, T | None]:
        """Wait for something, but not longer than the server gives a reason to."""
        record = TurnRecord(name, self.now(), asked=len(asked_at(self.server.journal)))
        struck = self._strikes()
        task = asyncio.ensure_future(asked)
        while not task.done() and (left := self._until(record) - self.now()) > 0:
            await asyncio.wait([task], timeout=left / SECOND)
        given = None
        if not task.done():
            record.outcome = "hung"
            self._waiting.append((record, task))
        elif task.cancelled():
            record.outcome, record.error = "raised", "CancelledError"
        elif (error := task.exception()) is not None:
            record.outcome = "raised"
            record.error = self.said(f"{type(error).__name__}: {error}")
        else:
            given = task.result()
        record.ended, record.struck = self.now(), self._strikes() > struck
        record.connected = any(not session.over for session in self.server.sessions)
        return record, given

    def _strikes(self) -> int:
        """How often faults have struck so far."""
        return sum(armed.fired for armed in self.server.faults.values())

    def _until(self, record: TurnRecord) -> Micros:
        """When a turn hangs: so long after its begin and the last fault, and after what is owed has come."""
        began, hang = record.began, self._hang_us
        times = [began, *(at + self.record.own_us for at in fired_at(self.server.journal))]
        begins = {log.number: log.began_us for log in self.server.journal.sessions}
        held = (debt for debt in self.server.owes() if debt.holder != "engine")
        times += [begins[debt.session] + debt.due for debt in held if debt.due is not None]
        return min(max(times) + hang, began + RELEASE_S * SECOND)


def fired_at(journal: Entered) -> list[Micros]:
    """When faults struck."""
    begins = {log.number: log.began_us for log in journal.sessions}
    return [
        begins[entry.session] + entry.at
        for entry in journal.entries
        if isinstance(entry.what, Note) and entry.what.kind == "fault"
    ]


def asked_at(journal: Entered) -> list[tuple[Micros, int]]:
    """When clients asked to connect, one after the other, and the status of the answer; 0 where there was none."""
    begins = {log.number: log.began_us for log in journal.sessions}
    found: dict[int, tuple[Micros, int]] = {}
    for entry in journal.entries:
        if isinstance(entry.what, Handshake):
            found[entry.session] = (begins[entry.session] + entry.at, 0)
        elif hasattr(entry.what, "status") and entry.session in found:
            found[entry.session] = (found[entry.session][0], entry.what.status)
    return list(found.values())


def as_text(given: Any) -> str | None:
    """What a turn gave, as text; None where it is none."""
    return given if isinstance(given, str) else None


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"\w+", text.casefold())


def compared(heard: str | None, base: str | None, expect: str | None, said: str = "") -> Outcome:
    """What a turn gave, against what it gave without a fault and the words that it has to hold.

    ``said``: what the model said in this turn. After a fault the conversation may be another one, and so the answer.
    """
    got = words(heard or "")
    if base is None:
        return "ok" if expect is None or _within(words(expect), got) else "partial"
    meant = words(base)
    if got == meant:
        return "ok"
    if not _within(got, meant):
        own = words(said)
        if got == own:
            return "ok" if expect is None or _within(words(expect), got) else "wrong"
        if not _within(got, own):
            return "wrong"
    return "ok" if expect is not None and _within(words(expect), got) else "partial"


def _within(some: Sequence[str], all_: Sequence[str]) -> bool:
    """Whether these words are among those, in this order."""
    rest = iter(all_)
    return all(word in rest for word in some)
