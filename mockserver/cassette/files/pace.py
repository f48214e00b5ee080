"""How fast a file may grow: as fast as its disk takes it.

A system keeps what is written in memory first, gigabytes of it. When that is too much it lets every write wait, also
those of a few bytes, and a write that waits holds up every session of a recorder. So who records much waits for the
disk before that, in a thread (``Recorder.ahead``), and the others go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

UNSYNCED = 16 << 20
"""Bytes that may be written and not on the disk yet: a tenth of a second's work for a slow one, hours of a session."""

_synced: Callable[[int], object] = getattr(os, "fdatasync", os.fsync)


class DiskPace:
    """Of one open file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
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
            with suppress(OSError):  # whoever writes is told of a full disk, and to whom it matters
                _synced(self._descriptor)

        return both
