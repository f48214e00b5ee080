"""Runs many runs of one scenario, in forked workers where the system has them. Results come in the order of the work.

A worker freezes what it inherits (``gc.freeze``), so that the collection after each run looks at the run alone. That
is done in the sweep's own processes only: in a test's process it would change what the test sees. What a client writes
to the terminal under a fault goes nowhere: one run of ``mockserver sweep --fault`` shows it.

A client can end its process, or hang in code that no signal reaches. That is told of its run, and the others go on.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from mockserver.sweeping.record import RunRecord
from mockserver.sweeping.running import REAL_S, Setting, run_once, waited_s

PATIENCE_S = 3 * REAL_S
"""Real seconds after which a worker is ended that its own limit has not reached."""
LOOK_S = 1.0


class Attempt(NamedTuple):
    """What is to be run: these faults, and so many turns of the test (None: all)."""

    faults: tuple[str, ...]
    turns: int | None = None


def run_all(
    setting: Setting, work: Sequence[Attempt], base: RunRecord | None, *, processes: int | None = None
) -> Iterator[RunRecord]:
    """A record for each attempt."""
    if "fork" not in multiprocessing.get_all_start_methods():
        yield from (run_once(setting, one.faults, base, one.turns) for one in work)
        return
    crew = _Crew(setting, base)
    done: dict[int, RunRecord] = {}
    todo = list(enumerate(work))[::-1]
    try:
        for place in range(len(work)):
            while place not in done:
                while todo and len(crew.busy) < (processes or os.cpu_count() or 1):
                    crew.give(*todo.pop())
                done.update(crew.finished())
            yield done.pop(place)
    finally:
        crew.end()


class _Worker:
    """One process. It is forked with the scenario, which is a function and need not be one that can be pickled."""

    def __init__(self, setting: Setting, base: RunRecord | None, others: Sequence[_Worker]) -> None:
        fork = multiprocessing.get_context("fork")
        self.pipe, theirs = fork.Pipe()
        ends = [one.pipe for one in (self, *others)]
        self.process = fork.Process(target=_serve, args=(theirs, ends, setting, base), daemon=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: none of ours is needed there
            self.process.start()
        theirs.close()
        self.place, self.attempt, self._until = 0, Attempt(()), 0.0

    def give(self, place: int, attempt: Attempt) -> None:
        """A run to make."""
        self.place, self.attempt = place, attempt
        self._until = PATIENCE_S + self._clock()
        self.pipe.send(attempt)

    def _clock(self) -> float:
        """Real seconds but for those in which a busy machine lets it wait."""
        return time.monotonic() - waited_s(self.process.pid or 0)

    def over(self) -> RunRecord | None:
        """What came of its run: a record, or None where it still works."""
        if self.pipe.poll():
            try:
                record: RunRecord = self.pipe.recv()
            except (EOFError, OSError):
                return self._died()
            return record
        if not self.process.is_alive():
            return self._died()
        if self._clock() > self._until:
            self.process.kill()
            self.process.join()
            return RunRecord(self.attempt.faults, trouble=f"took more than {PATIENCE_S} real seconds, and was ended")
        return None

    def _died(self) -> RunRecord:
        self.process.join()
        code = self.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"status {code}"
        return RunRecord(self.attempt.faults, died=f"the client ended its process, with {how}")


class _Crew:
    """The workers: those that are busy and those that wait for more."""

    def __init__(self, setting: Setting, base: RunRecord | None) -> None:
        self._setting, self._base = setting, base
        self.busy: list[_Worker] = []
        self._free: list[_Worker] = []

    def give(self, place: int, attempt: Attempt) -> None:
        """Something to do for one of them."""
        if not self._free:
            self._free.append(_Worker(self._setting, self._base, self.busy))
        one = self._free.pop()
        one.give(place, attempt)
        self.busy.append(one)

    def finished(self) -> dict[int, RunRecord]:
        """What has been done since: waits for something, but not long."""
        wait([end for one in self.busy for end in (one.pipe, one.process.sentinel)], LOOK_S)
        found = {}
        for one in list(self.busy):
            record = one.over()
            if record is not None:
                found[one.place] = record
                self.busy.remove(one)
                if one.process.is_alive():
                    self._free.append(one)
                else:
                    one.pipe.close()
        return found

    def end(self) -> None:
        """No process stays."""
        for one in (*self.busy, *self._free):
            one.process.kill()
        for one in (*self.busy, *self._free):
            one.process.join()
            one.pipe.close()


def _serve(pipe: Connection, others: Sequence[Connection], setting: Setting, base: RunRecord | None) -> None:
    """A worker's life. It ends with its parent, whose end of the pipe nobody else holds."""
    for one in others:
        one.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the workers
    _hush()
    gc.collect()
    gc.freeze()
    while True:
        try:
            attempt: Attempt = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(run_once(setting, attempt.faults, base, attempt.turns))


def _hush() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    sys.stdout = sys.stderr = os.fdopen(nowhere, "w")
