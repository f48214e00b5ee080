"""Older entries in temporary files: bounded, without a name, and honest about what is gone."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from mockserver import MockServer, simulator
from mockserver.core.bounded import BoundedEntries
from mockserver.core.frames import Binary, Sender
from mockserver.core.journal import Journal
from mockserver.dialects.openai.lens import OPENAI
from mockserver.errors import ExpectationFailed, UsageError
from mockserver.server.journal_file import JournalFile, journal_of
from tests.bench.wire import Client


def test_blocks_come_back_until_the_oldest_go() -> None:
    shelf = JournalFile(4000)
    for number in range(20):
        shelf.put(bytes([number]) * 400)
    assert 0 < shelf.oldest < 20
    assert [number for number in range(20) if shelf.get(number) is not None] == list(range(shelf.oldest, 20))
    assert shelf.get(19) == bytes([19]) * 400


def test_no_name_is_left_and_the_files_end_with_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shelf = JournalFile(1 << 20)
    shelf.put(bytes(1000))
    assert list(tmp_path.iterdir()) == []
    descriptor = shelf._segments[0].descriptor
    assert os.fstat(descriptor).st_size == 1000
    assert os.fstat(descriptor).st_nlink == 0
    del shelf
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_full_disk_loses_bodies_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    journal = Journal(entries=BoundedEntries(JournalFile(1 << 20), most=16, most_bytes=1 << 20))
    log = journal.open(OPENAI)
    for at in range(100):
        journal.write(log, at, Sender.CLIENT, Binary(b"x"))
    assert journal.gone(Sender.CLIENT) > 80
    with pytest.raises(ExpectationFailed, match="are gone"):
        journal.sent_by_client("no.such").never()


@pytest.mark.parametrize("limit", [0, -1, 15, True, 1.5, "100"])
def test_a_limit_is_a_number_of_entries(limit: object) -> None:
    with pytest.raises(UsageError, match="journal_limit"):
        journal_of(limit, seed=0, hide=lambda what: what)  # type: ignore[arg-type]


def test_a_server_with_a_bounded_journal_answers_and_judges_as_any_other() -> None:
    with MockServer(simulator("openai", pace="instant"), journal_limit=16).in_thread() as server:
        client = Client(server.port)
        client.until("session.created")
        for _ in range(50):
            client.send('{"type":"input_audio_buffer.clear"}')
            client.until("input_audio_buffer.cleared")
        client.close()
        server.journal.sent_by_client("input_audio_buffer.clear").exactly(50)
        server.journal.sent_by_server("error").never()
        assert len(server.journal.entries.items) <= 16
