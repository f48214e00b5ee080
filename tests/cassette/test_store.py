"""Files: nothing is overwritten unless asked or harmed when the disk refuses; everything bad is one clear line."""

from __future__ import annotations

import errno
import os
import re
import stat
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mockserver.cassette import store
from mockserver.cassette.files.leftovers import leftovers
from mockserver.cassette.redact import Redactor
from mockserver.cassette.store import Recorder, load, locate, save
from mockserver.core.frames import Text
from mockserver.errors import (
    CassetteDamaged,
    CassetteError,
    CassetteExists,
    CassetteMissing,
    SecretFound,
    UsageError,
)
from tests.cassette.make import audio_delta, cassette, event, noise

ONE = cassette(event(type="session.created"), audio_delta(noise(960)))


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_saved_and_loaded(tmp_path: Path) -> None:
    path = save(ONE, tmp_path / "x.cassette")
    read = load(path)
    assert read.connections == ONE.connections
    assert read.path == str(path)
    assert listing(tmp_path) == ["x.cassette"]


def test_a_cassette_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    path = save(ONE, tmp_path / "x.cassette")
    before = path.read_bytes()
    with pytest.raises(CassetteExists, match="exists already; overwrite it with `--force`"):
        save(cassette(Text("other")), path)
    assert path.read_bytes() == before
    save(cassette(Text("other")), path, overwrite=True)
    assert load(path).connections[0].records[0].frame == Text("other")
    assert listing(tmp_path) == ["x.cassette"]


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.cassette"
    checked = store.verify

    def late(*args: Any, **more: Any) -> None:
        checked(*args, **more)
        path.write_bytes(b"someone else's")

    monkeypatch.setattr(store, "verify", late)
    with pytest.raises(CassetteExists):
        save(ONE, path)
    assert path.read_bytes() == b"someone else's"
    assert listing(tmp_path) == ["x.cassette"]


@pytest.fixture(params=["write", "fsync", "replace"])
def refusing_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A disk that is full when the cassette is written, synced or moved."""

    def refuse(*args: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if request.param == "write":
        monkeypatch.setattr(store.codec.Writer, "put", refuse)
    elif request.param == "fsync":
        monkeypatch.setattr(store.os, "fsync", refuse)
    else:
        monkeypatch.setattr(Path, "replace", refuse)
    return str(request.param)


def test_a_full_disk_harms_nothing(tmp_path: Path, refusing_disk: str) -> None:
    path = tmp_path / "x.cassette"
    path.write_bytes(b"the old one")
    with pytest.raises(CassetteError, match=r"x\.cassette: cannot be written: No space left on device"):
        save(ONE, path, overwrite=True)
    assert path.read_bytes() == b"the old one"
    assert listing(tmp_path) == ["x.cassette"]


def test_a_secret_that_cannot_be_taken_out_stops_the_save(tmp_path: Path) -> None:
    # Only what is between the values of JSON cannot be taken out of it.
    bad = cassette(event(type="session.created"), Text('{"card":{"no":1}}'))
    clean = Redactor(rules=[r"\}\}"])
    path = tmp_path / "x.cassette"
    with pytest.raises(SecretFound, match=r"a secret \(rule\) still stands .* connection 0, frame 1 \(server\)"):
        save(bad, path, redactor=clean)
    assert listing(tmp_path) == []
    path.write_bytes(b"the old one")
    with pytest.raises(SecretFound):
        save(bad, path, redactor=clean, overwrite=True)
    assert path.read_bytes() == b"the old one"


def test_a_secret_that_is_a_bare_number_is_taken_out(tmp_path: Path) -> None:
    number = cassette(event(card=1234567890123), event(card=1234567890124))
    path = save(number, tmp_path / "x", redactor=Redactor(values=["1234567890123"]))
    frames = [record.frame for record in load(path).connections[0].records]
    assert b"1234567890123" not in path.read_bytes()
    assert frames[1] == event(card=1234567890124), "the control"


def test_the_environments_keys_are_taken_out_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "a-very-special-value")
    path = save(
        cassette(event(text="it is a-very-special-value"), origin="run with a-very-special-value"),
        tmp_path / "x",
    )
    assert b"a-very-special-value" not in path.read_bytes()
    assert load(path).header.redaction == {"env": 2}, "the frame and the origin"
    assert load(path).header.origin == "run with REDACTED-env-1"


def test_the_report_adds_up_over_rounds(tmp_path: Path) -> None:
    path = save(cassette(event(text="sk-abcdefgh12 and customer-7")), tmp_path / "x", redactor=Redactor())
    save(load(path), path, overwrite=True, redactor=Redactor(rules=[r"customer-\d"]))
    assert load(path).header.redaction == {"key": 1, "rule": 1}
    assert load(path).connections[0].records[0].frame == event(text="REDACTED-key-1 and REDACTED-rule-1")


@pytest.mark.parametrize("policy", ["silence", "digest"])
def test_the_audio_policy_is_kept_in_the_file(tmp_path: Path, policy: Any) -> None:
    path = save(ONE, tmp_path / "x", audio=policy)
    read = load(path)
    assert read.header.audio == policy
    assert read.connections[0].records[1].frame == audio_delta(bytes(960))
    assert bool(read.connections[0].records[1].digests) == (policy == "digest")
    assert noise(960) not in path.read_bytes()


def test_bad_paths_are_one_clear_line_each(tmp_path: Path) -> None:
    cases: list[tuple[Any, type[Exception], str]] = [
        (
            tmp_path / "none.cassette",
            CassetteMissing,
            "no such cassette; record it with `mockserver record",
        ),
        (tmp_path, CassetteError, "is a directory; expected a cassette file"),
        (f"{tmp_path}/a\0b", UsageError, "NUL"),
        (tmp_path / "x" / "y", CassetteError, "no such cassette"),
    ]
    (tmp_path / "empty").write_bytes(b"")
    cases.append((tmp_path / "empty", CassetteDamaged, "the file is empty"))
    (tmp_path / "file").write_bytes(b"x")
    cases.append((tmp_path / "file" / "below", CassetteError, "cannot be read: Not a directory"))
    for path, error, words in cases:
        with pytest.raises(error, match=words) as caught:
            load(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(CassetteError, match="is a directory"):
        save(ONE, tmp_path, overwrite=True)
    with pytest.raises(CassetteError, match="cannot be written"):
        save(ONE, tmp_path / "file" / "below")
    assert save(ONE, tmp_path / "new" / "folder" / "x.cassette").is_file()


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(ONE, tmp_path / "x")

    def refuse(*args: Any, **more: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CassetteError, match="cannot be read: Permission denied; check the path and its permissions"):
        load(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CassetteError, match="is not a regular file"):
        load(tmp_path / "pipe")


def test_a_missing_cassette_names_what_a_killed_recorder_left(tmp_path: Path) -> None:
    (tmp_path / "x.cassette.partial").write_bytes(b"")
    with pytest.raises(
        CassetteMissing,
        match=r"x\.cassette\.partial holds a recording that did not end; .*mockserver import",
    ):
        load(tmp_path / "x.cassette")
    assert leftovers(tmp_path / "x.cassette") == [tmp_path / "x.cassette.partial"]
    assert leftovers(tmp_path / "nowhere" / "x") == []


def test_locate_keeps_to_its_folder(tmp_path: Path) -> None:
    top = tmp_path / "cassettes"
    (top / "in").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (top / "link").symlink_to(tmp_path / "out")
    (top / "file.cassette").symlink_to(tmp_path / "out" / "file.cassette")
    (top / "fine").symlink_to(top / "in")
    assert locate(top, "in/weather") == top / "in" / "weather.cassette"
    assert locate(top, "fine/weather") == top / "fine" / "weather.cassette"
    for name in ("../out/x", "link/x", "file", "/etc/passwd"):
        with pytest.raises(UsageError):
            locate(top, name)


def test_a_dialect_of_tomorrow_is_no_error(tmp_path: Path) -> None:
    path = save(replace(ONE, header=replace(ONE.header, dialect="tomorrow")), tmp_path / "x")
    assert load(path).header.dialect == "tomorrow"


@pytest.mark.long
def test_a_loaded_cassette_takes_little_more_memory_than_its_file(tmp_path: Path) -> None:
    path = save(
        cassette(*[audio_delta(noise(960, n)) for n in range(4_000)]),
        tmp_path / "x",
        redactor=Redactor(),
    )
    tracemalloc.start()
    try:
        read = load(path)
        count = sum(1 for _ in read.connections[0].records)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 4_000
    # The reader looks at a file in pieces of 256 KiB, which is nothing beside a long recording.
    assert peak < 1.3 * path.stat().st_size + (1 << 20)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path, overwrite: bool) -> None:
    """A FIFO, a device and a link to one: neither saving nor recording puts a file in its place."""
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to("/dev/null")
    for place in (fifo, link, Path("/dev/null")):
        with pytest.raises(CassetteError, match="not a regular file"):
            save(cassette(), place, overwrite=overwrite)
        with pytest.raises(CassetteError, match="not a regular file"):
            Recorder(place, overwrite=overwrite)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert link.is_symlink()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_not_replaced_and_nothing_is_written_through_it(tmp_path: Path, there: bool) -> None:
    """What a link leads to may be anybody's; whoever means that file names it."""
    real, link = tmp_path / "real.cassette", tmp_path / "link.cassette"
    if there:
        real.write_bytes(b"somebody's")
    link.symlink_to(real)
    for act in (lambda: save(cassette(), link, overwrite=True), lambda: Recorder(link, overwrite=True)):
        with pytest.raises(CassetteError, match=rf"is a link to {re.escape(str(real))}; name that file"):
            act()
    with pytest.raises(CassetteExists):
        save(cassette(), link)
    assert link.is_symlink()
    assert (real.read_bytes() == b"somebody's") if there else not real.exists()
    assert save(cassette(), real, overwrite=True) == real  # the control
