"""Runs many runs of one scenario, in forked workers where the system has them. Results come in the order of the work.

A worker freezes what it inherits (``gc.freeze``), so that the collection after each run looks at the run alone. That
is done in the sweep's own processes only: in a test's process it would change what the test sees.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterator, Sequence

from mockserver.sweep.record import RunRecord
from mockserver.sweep.running import Setting, run_once

_JOB: list[tuple[Setting, RunRecord | None]] = []
"""What the workers inherit: a scenario is a function and need not be one that can be pickled."""


def run_all(
    setting: Setting, work: Sequence[Sequence[str]], base: RunRecord | None, *, processes: int | None = None
) -> Iterator[RunRecord]:
    """A record for each list of faults."""
    count = min(len(work), processes or os.cpu_count() or 1)
    if not work:
        return
    if "fork" not in multiprocessing.get_all_start_methods():
        yield from (run_once(setting, faults, base) for faults in work)
        return
    _JOB.append((setting, base))
    try:
        with multiprocessing.get_context("fork").Pool(count, initializer=_begin) as pool:
            yield from pool.imap(_run, [tuple(faults) for faults in work], chunksize=1)
    finally:
        _JOB.pop()


def _begin() -> None:
    gc.collect()
    gc.freeze()


def _run(faults: tuple[str, ...]) -> RunRecord:
    setting, base = _JOB[-1]
    return run_once(setting, faults, base)
