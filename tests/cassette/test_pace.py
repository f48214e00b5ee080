"""Who records much waits for the disk, in a thread, before the system lets every write wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockserver.cassette import pace
from mockserver.cassette.files import places
from mockserver.cassette.pace import UNSYNCED, DiskPace
from mockserver.cassette.store import Recorder
from mockserver.core.entry import Entry
from mockserver.core.frames import Handshake, Sender, Text
from mockserver.dialects.openai.lens import OPENAI


def test_little_is_not_waited_for() -> None:
    done: list[str] = []
    kept = DiskPace(lambda: done.append("waited"))
    kept.wrote(UNSYNCED - 1)
    assert kept.after(None) is None
    work = kept.after(lambda: done.append("looked"))
    assert work is not None
    work()
    assert done == ["looked"]


def test_much_is_waited_for_once_after_what_else_there_is_to_do() -> None:
    done: list[str] = []
    kept = DiskPace(lambda: done.append("waited"))
    kept.wrote(UNSYNCED)
    work = kept.after(lambda: done.append("looked"))
    assert work is not None
    assert kept.after(None) is None, "it is on its way"
    work()
    assert done == ["looked", "waited"]


def test_a_recorder_has_its_thread_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def refuse(descriptor: int) -> None:
        synced.append(descriptor)
        raise OSError(28, "No space left on device")  # told by the next write

    monkeypatch.setattr(places, "_sync", refuse)
    monkeypatch.setattr(pace, "UNSYNCED", 40_000)
    frame = Text("x" * 20_000)
    with_much = Recorder(tmp_path / "a.cassette", dialect=OPENAI)
    with_much.sink(Entry(0, 0, 0, Sender.CLIENT, Handshake("/v1/realtime")))
    waits = []
    for at in range(4):
        work = with_much.ahead(0, Sender.CLIENT, frame)
        if work is not None:
            work()
        waits.append(len(synced))
        with_much.sink(Entry(at, 0, at, Sender.CLIENT, frame))
    assert waits == [0, 0, 1, 1]
    with_much.discard()
