"""Runs a scenario once under some faults, in virtual time and in a loop of its own, and writes down what came of it."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mockserver.core.frames import Micros
from mockserver.errors import MockServerError, UsageError, WaitsForNothing
from mockserver.faults.grammar import parse
from mockserver.faults.spec import PatternSlot
from mockserver.server.host import MockServer
from mockserver.server.tls import REPLACING
from mockserver.server.virtual import virtual_time
from mockserver.sweeping.digest import digest
from mockserver.sweeping.record import RunRecord
from mockserver.sweeping.watching import CALM_S, RELEASE_S, ScenarioOver, SweepRun, asked_at, fired_at

Scenario = Callable[[MockServer, SweepRun], Awaitable[object]]
"""What is swept: an ordinary test, given the server and the run."""
LEFT = ("Unclosed ", "Task was destroyed")
"""What asyncio and its libraries say of things that were left open, which is a leak and no crash."""
REAL_S = 30
"""Real seconds that one run gets. Virtual ones take none; what a busy machine lets it wait does not count."""
LEAST_S = 0.1
DEAF = ("half open", "stall", "no pong")
"""Faults after which the server cannot see that a client has left: an open session is no leak of the client's."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a scenario is run. ``make`` gives a server that has not begun, under these faults.

    ``real_time``: by the clock on the wall, to see that a finding is none of virtual time's.
    """

    scenario: Scenario
    make: Callable[[Sequence[str]], MockServer]
    hang_s: float = 60
    env: bool = False
    real_time: bool = False


class _TooLong(KeyboardInterrupt):
    """A run takes too much real time. Only this kind of exception leaves an event loop from anywhere."""


def no_loop() -> None:
    """UsageError in code that an event loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError("a sweep has an event loop for each run: call it from a plain function, not from async code")


def run_once(
    setting: Setting, faults: Sequence[str] = (), base: RunRecord | None = None, turns: int | None = None
) -> RunRecord:
    """One run. ``base``: the run without faults, which this one is compared with; None makes that run.

    ``turns``: the test ends after so many of its turns.
    """
    random.seed(0)  # the client's own randomness, so that a run can be made again
    crashes: list[str] = []
    loop = asyncio.SelectorEventLoop
    try:
        with (
            warnings.catch_warnings(),
            _limit(None if setting.real_time else REAL_S),
            asyncio.Runner(loop_factory=loop) as runner,
        ):
            # What is left open is told to the loop as well, unless the warning of it is an error.
            warnings.simplefilter("ignore", ResourceWarning)
            record = runner.run(_run(setting, faults, base, turns, crashes))
            gc.collect()  # what was raised in a task that nobody asked is told when the task goes
    except WaitsForNothing as error:
        record = RunRecord(tuple(faults), trouble=f"waits outside of its turns: {str(error).splitlines()[-1].strip()}")
    except SystemExit as error:
        record = RunRecord(tuple(faults), died=f"the client ended its process, with SystemExit({error.code!r:.60})")
    except _TooLong:
        record = RunRecord(tuple(faults), trouble=f"took more than {REAL_S} real seconds")
    known = set() if base is None else {*base.crashes, *base.leaks}
    for text in dict.fromkeys(crashes):
        if text not in known:
            (record.leaks if text.startswith(LEFT) else record.crashes).append(text)
    return record


async def _run(
    setting: Setting, faults: Sequence[str], base: RunRecord | None, turns: int | None, crashes: list[str]
) -> RunRecord:
    loop = asyncio.get_running_loop()
    with nullcontext() if setting.real_time else virtual_time():
        server = setting.make([f"{spec} optional" for spec in faults])
        run = SweepRun(
            server,
            plain=base is None,
            hang_s=setting.hang_s,
            release_s=setting.hang_s if setting.real_time else RELEASE_S,
            turns=turns,
            own_us=sum(map(own_delay, faults)),
            base=[] if base is None else [turn.heard for turn in base.turns],
        )
        loop.set_exception_handler(lambda _, context: crashes.append(run.said(_crash(context))))
        record = run.record
        record.faults = tuple(faults)
        await server.start()
        run.port = server.port
        before = asyncio.all_tasks()
        try:
            with _environment(_pointing(server) if setting.env else {}):
                await _play(setting.scenario, server, run, plain=base is None)
            record.ended = run.now()
            await _calm(server, before)
            _leaks(record, server, asyncio.all_tasks() - before, base)
        finally:
            await server.close()
        record.fired = fired_at(server.journal)
        record.handshakes = asked_at(server.journal)
        record.wire = digest(server.journal)
        if base is not None:
            record.calls_over = [name for name, count in record.tools.items() if count > base.tools.get(name, 0)]
        return record


async def _play(scenario: Scenario, server: MockServer, run: SweepRun, *, plain: bool) -> None:
    try:
        await scenario(server, run)
    except ScenarioOver:
        pass
    except Exception as error:
        if plain:
            raise
        # A test that uses what a turn gave stumbles over None where the turn went wrong: that is told already.
        if all(turn.outcome == "ok" for turn in run.record.turns):
            run.record.raised = (run.now(), run.said(f"{type(error).__name__}: {error}"))
    await run.settle()


async def _calm(server: MockServer, before: set[asyncio.Task[Any]]) -> None:
    """The client's own tasks and connections get a moment to end."""
    end = server.elapsed_us + CALM_S * 1_000_000
    while server.elapsed_us < end:
        if not asyncio.all_tasks() - before and all(session.over for session in server.sessions):
            return
        await asyncio.sleep(0.25)


def _leaks(record: RunRecord, server: MockServer, tasks: set[asyncio.Task[Any]], base: RunRecord | None) -> None:
    """What is still there after the test. A run without faults says what is always there."""
    names = sorted(getattr(task.get_coro(), "__qualname__", "a task") for task in tasks if not _ours(task))
    found = [f"task {name} still runs after the test" for name in names]
    deaf = any(spec.startswith(DEAF) for spec in record.faults)
    if not deaf and any(not session.over for session in server.sessions):
        found.append("a connection is still open after the test")
    known = list(base.leaks) if base is not None else []
    for text in found:
        if text in known:
            known.remove(text)
        else:
            record.leaks.append(text)


def _ours(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and ("/aiohttp/web" in code.co_filename or "/mockserver/server/" in code.co_filename)


def own_delay(spec: str) -> Micros:
    """How late a fault makes a frame at most, as its values say."""
    try:
        action = parse(spec).action
    except MockServerError:
        return 0
    parts = [*action.pattern.head, *(part for group in action.pattern.groups for part in group.parts)]
    slots = (part.field for part in parts if isinstance(part, PatternSlot) and part.kind == "time")
    return sum(int(getattr(action, name)) for name in slots)


def _crash(context: dict[str, Any]) -> str:
    error = context.get("exception")
    told = "" if error is None else f": {type(error).__name__}: {error}"
    return f"{context.get('message', 'the loop complained')}{told}"


def _pointing(server: MockServer) -> dict[str, str]:
    """The variables that point a client at the server.

    It meets no other one: to read all of the system's authorities for each connection would be half of a run's time.
    """
    alone = {} if server.certificate is None else dict.fromkeys(REPLACING, str(server.certificate.ca_file))
    return {**server.env(), **alone}


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def waited_s(process: int | str = "self") -> float:
    """Seconds that a process has stood in line for a processor; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


@contextmanager
def _limit(seconds: float | None) -> Iterator[None]:
    """A limit in real time, where a signal can set one: in the main thread of a system that has such alarms."""
    began, waited = time.monotonic(), waited_s()
    if seconds is None or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        assert seconds is not None
        left = seconds - (time.monotonic() - began) + (waited_s() - waited)
        if left < LEAST_S:
            raise _TooLong
        signal.setitimer(signal.ITIMER_REAL, left)

    before = signal.signal(signal.SIGALRM, ring)
    old = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *old)
        signal.signal(signal.SIGALRM, before)
