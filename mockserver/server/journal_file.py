"""Older entries of a journal in temporary files that have no name: nobody else opens them, and they end with us.

Blocks are appended to segments; when there is too much in them, the oldest segment goes as a whole. What cannot be
written (a full disk) is gone like what is too old. A read may come from a thread of the test.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections import deque

from mockserver.cassette.files.places import read_at, write_at
from mockserver.core.bounded import BoundedEntries
from mockserver.core.journal import Hide, Journal
from mockserver.errors import UsageError

SEGMENTS = 64
"""So many full segments are the limit. To give up a large file takes the system a while, and everybody waits."""
MOST_BYTES = 32 << 20
"""Bytes of frames that a bounded journal keeps in memory, however few they are."""
FILE_LIMIT = 512 << 20
"""Bytes of older frames that it keeps in files."""
LEAST = 16


def journal_of(limit: int | None, *, seed: object, hide: Hide) -> Journal:
    """A journal with at most ``limit`` entries in memory, or with all of them where that is None."""
    if limit is None:
        return Journal(seed=seed, hide=hide)
    if type(limit) is not int or limit < LEAST:  # no bool either
        raise UsageError(f"journal_limit={limit!r:.40}: expected a number of entries, {LEAST} or more")
    kept = BoundedEntries(JournalFile(FILE_LIMIT), most=limit, most_bytes=MOST_BYTES)
    return Journal(seed=seed, hide=hide, entries=kept)


class JournalFile:
    """A shelf (``core.shelf``) of at most ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._segments: deque[_Segment] = deque()
        self._next = self._size = 0
        self.oldest = 0

    def put(self, data: bytes) -> None:
        """Keep a block."""
        number, self._next = self._next, self._next + 1
        if len(data) > self._limit or not self._written(number, data):
            self._drop_all()
        while self._size > self._limit:
            self.oldest = self._segments[1].first
            self._size -= self._segments.popleft().size

    def get(self, number: int) -> bytes | None:
        """A block, or None."""
        for segment in tuple(self._segments):
            if segment.first <= number < segment.first + len(segment.ends):
                return segment.read(number - segment.first)
        return None

    def _written(self, number: int, data: bytes) -> bool:
        try:
            last = self._segments[-1] if self._segments else None
            if last is None or last.size + len(data) > self._limit // SEGMENTS:
                last = _Segment(number)  # one that is larger than a segment has one of its own
                self._segments.append(last)
            last.write(data)
        except OSError:
            return False
        self._size += len(data)
        return True

    def _drop_all(self) -> None:
        self.oldest, self._size = self._next, 0
        self._segments.clear()


class _Segment:
    """One file. It is closed, and so gone, when nobody refers to it any more: a reader may still have it."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.ends: list[int] = []
        self.size = 0
        with tempfile.TemporaryFile(prefix="mockserver-journal-", buffering=0) as file:
            self.descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.descriptor)

    def write(self, data: bytes) -> None:
        """Append a block."""
        view, at = memoryview(data), self.size
        while view:
            done = write_at(self.descriptor, view, at)
            view, at = view[done:], at + done
        self.size = at
        self.ends.append(at)

    def read(self, place: int) -> bytes | None:
        """The block at this place."""
        begin, end = (self.ends[place - 1] if place else 0), self.ends[place]
        try:
            data = read_at(self.descriptor, end - begin, begin)
        except (OSError, ValueError):
            return None
        return data if len(data) == end - begin else None
