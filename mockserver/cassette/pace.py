"""How fast a file may grow: as fast as its disk takes it.

A system keeps what is written in memory first, gigabytes of it. When that is too much it lets every write wait, also
those of a few bytes, and a write that waits holds up every session of a recorder. So whoever sends long frames waits
for the disk before that, in a thread (``Recorder.ahead``), and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable

UNSYNCED = 16 << 20
"""Bytes that may be written and not on the disk yet: four minutes of speech, a tenth of a second of a slow disk."""


class DiskPace:
    """Of one file. ``wait`` returns when all that was written to it is on the disk."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self._wait = wait
        self._unsynced = 0

    def wrote(self, size: int) -> None:
        """So many bytes more are in the file."""
        self._unsynced += size

    def after(self, work: Callable[[], None] | None) -> Callable[[], None] | None:
        """What a thread has to do before a long frame is recorded: ``work``, and to wait where too much is on its way.

        None where there is neither.
        """
        if self._unsynced < UNSYNCED:
            return work
        self._unsynced = 0

        def both() -> None:
            if work is not None:
                work()
            self._wait()

        return both
