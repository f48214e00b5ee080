"""Reading and writing at a place of an open file, which a stream of its own goes on writing to; what a disk refuses."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mockserver.errors import CassetteError

_sync: Callable[[int], object] = getattr(os, "fdatasync", os.fsync)
_MOVING = threading.Lock()
"""Held where the system (Windows) has one place for all who use a descriptor: it is moved, and put back."""


def read_at(descriptor: int, size: int, place: int) -> bytes:
    """At most ``size`` bytes from ``place`` on."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, place)
    with _moved(descriptor, place):
        return os.read(descriptor, size)


def write_at(descriptor: int, data: bytes | memoryview, place: int) -> int:
    """How many of the bytes were written to ``place``."""
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, place)
    with _moved(descriptor, place):
        return os.write(descriptor, data)


def synced(descriptor: int) -> None:
    """Return when what was written is on the disk. What the disk refuses there, the next write is told."""
    with suppress(OSError):
        _sync(descriptor)


@contextmanager
def _moved(descriptor: int, place: int) -> Iterator[None]:
    with _MOVING:
        before = os.lseek(descriptor, 0, os.SEEK_CUR)
        try:
            os.lseek(descriptor, place, os.SEEK_SET)
            yield
        finally:
            os.lseek(descriptor, before, os.SEEK_SET)


@contextmanager
def told_of_disk(file: Path) -> Iterator[None]:
    """What the disk refuses, as one line."""
    try:
        yield
    except OSError as error:
        raise CassetteError(
            f"{file}: cannot be written: {error.strerror or error}; nothing that stood there was changed"
        ) from error
