"""Runs many runs of one scenario, in forked workers where the system has them. Results come in the order of the work.

A worker freezes what it inherits (``gc.freeze``), so that the collection after each run looks at the run alone. That
is done in the sweep's own processes only: in a test's process it would change what the test sees.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mockserver.sweep.record import RunRecord
from mockserver.sweep.running import Setting, run_once


class Attempt(NamedTuple):
    """What is to be run: these faults, and so many turns of the test (None: all)."""

    faults: tuple[str, ...]
    turns: int | None = None


_JOB: list[tuple[Setting, RunRecord | None]] = []
"""What the workers inherit: a scenario is a function and need not be one that can be pickled."""


def run_all(
    setting: Setting, work: Sequence[Attempt], base: RunRecord | None, *, processes: int | None = None
) -> Iterator[RunRecord]:
    """A record for each attempt."""
    count = min(len(work), processes or os.cpu_count() or 1)
    if not work:
        return
    if "fork" not in multiprocessing.get_all_start_methods():
        yield from (run_once(setting, one.faults, base, one.turns) for one in work)
        return
    _JOB.append((setting, base))
    try:
        with multiprocessing.get_context("fork").Pool(count, initializer=_begin) as pool:
            yield from pool.imap(_run, work, chunksize=1)
    finally:
        _JOB.pop()


def _begin() -> None:
    gc.collect()
    gc.freeze()


def _run(one: Attempt) -> RunRecord:
    setting, base = _JOB[-1]
    return run_once(setting, one.faults, base, one.turns)
