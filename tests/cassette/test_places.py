"""Reading and writing at a place, on a system that has calls for it and as on one that has not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

from mockserver.cassette.files.places import read_at, write_at
from mockserver.server.journal_file import JournalFile


@pytest.fixture(params=["with pread", "without"])
def descriptor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    if request.param == "without":
        monkeypatch.delattr(os, "pread")
        monkeypatch.delattr(os, "pwrite")
    with tempfile.TemporaryFile() as file:
        yield file.fileno()


def test_a_read_leaves_the_place_of_the_writer_alone(descriptor: int) -> None:
    os.write(descriptor, b"one two ")
    assert read_at(descriptor, 3, 4) == b"two"
    assert write_at(descriptor, b"ONE", 0) == 3
    os.write(descriptor, b"three")
    assert read_at(descriptor, 99, 0) == b"ONE two three"
    assert read_at(descriptor, 9, 99) == b""


def test_a_journal_is_kept_without_those_calls(descriptor: int) -> None:
    kept = JournalFile(400)
    for number in range(9):
        kept.put(bytes([number]) * 60)
    assert kept.get(8) == bytes([8]) * 60
    assert kept.get(kept.oldest) == bytes([kept.oldest]) * 60
    assert kept.oldest > 0
    assert kept.get(kept.oldest - 1) is None
