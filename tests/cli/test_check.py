"""``check``: what is wrong with the cassettes of a folder, and the text twins beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mockserver.cassette import codec
from mockserver.cassette.model import Cassette, Connection, Header
from tests.cli.conftest import talk, written

Run = Callable[..., Result]
KEY = "sk-proj-" + "aB3dE5fG7hJ9kL1mN" * 3


def leaking(path: Path) -> Path:
    """A cassette with a secret in it, as a program of somebody's could have written one."""
    out = bytearray()
    cassette = Cassette(Header("openai"), (talk(instructions=f"the key is {KEY}"),))
    codec.write(cassette, codec.Writer(out.extend), dict)
    path.write_bytes(out)
    return path


def test_nothing_is_wrong_with_good_cassettes(run: Run, tmp_path: Path, cassette: Path) -> None:
    written(tmp_path / "deep" / "er" / "other.cassette", talk(instructions="x"))
    done = run("check", tmp_path)
    assert (done.exit_code, done.stdout) == (0, "2 cassettes: nothing is wrong\n")
    assert "which cassettes are used was not looked at" in done.stderr
    assert not list(tmp_path.rglob("*.txt"))


def test_a_folder_without_a_cassette_is_not_called_good(run: Run, tmp_path: Path) -> None:
    done = run("check", tmp_path)
    assert (done.exit_code, done.stdout) == (0, f"no cassette in {tmp_path}: nothing was looked at\n")


def test_what_recordings_have_left_is_finished_or_told(run: Run, tmp_path: Path, cassette: Path) -> None:
    whole = cassette.read_bytes()
    for name in ("a.cassette.stopped", "b.cassette.2.partial", "c.cassette.unsafe", "d.cassette.bak", "e.stopped"):
        (tmp_path / name).write_bytes(whole)
    done = run("check", tmp_path)
    assert (done.exit_code, done.stdout) == (0, "2 cassettes: nothing is wrong\n")
    assert (tmp_path / "a.cassette").read_bytes() == whole
    assert not (tmp_path / "a.cassette.stopped").exists()
    told = done.stderr.splitlines()
    partial, unsafe = tmp_path / "b.cassette.2.partial", tmp_path / "c.cassette.unsafe"
    assert told[0].endswith(f"keep it: mockserver import {partial} --to {tmp_path / 'b.cassette'}")
    assert told[1].endswith(f"mockserver scrub --rule ... {unsafe} --to {tmp_path / 'c.cassette'}")
    assert "d.cassette" not in done.stderr


def test_a_damaged_one_is_one_line(run: Run, tmp_path: Path, cassette: Path) -> None:
    cassette.write_bytes(cassette.read_bytes()[:-40])
    done = run("check", tmp_path)
    assert done.exit_code == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{cassette}: damaged at byte")


def test_a_secret_is_said_where_not_what(run: Run, tmp_path: Path) -> None:
    path = leaking(tmp_path / "x.cassette")
    done = run("check", tmp_path, "--write")
    assert done.exit_code == 1
    assert f"{path}: connection 0, frame 1 (client), a string holds a secret (key); take it out: " in done.stdout
    assert KEY not in done.output
    assert not list(tmp_path.glob("*.txt"))  # no twin repeats it
    assert run("scrub", path, "--in-place").exit_code == 0
    assert run("check", path).exit_code == 0


def test_a_users_rule_counts(run: Run, tmp_path: Path) -> None:
    written(tmp_path / "x.cassette", talk(instructions="call 555-0199"))
    assert run("check", tmp_path).exit_code == 0
    (tmp_path / "mockserver.toml").write_text("redact = ['555-\\d+']\n", encoding="utf-8")
    done = run("check", tmp_path)
    assert (done.exit_code, "(rule)" in done.stdout) == (1, True)


def test_a_twin_is_written_and_kept_true(run: Run, tmp_path: Path, cassette: Path) -> None:
    twin = tmp_path / "talk.cassette.txt"
    assert run("check", tmp_path, "--write").exit_code == 0
    assert twin.read_text(encoding="utf-8") == run("show", "--textconv", cassette).output
    assert run("check", tmp_path).exit_code == 0

    cassette.unlink()
    written(cassette, talk(instructions="be brief"))
    done = run("check", tmp_path)
    assert done.exit_code == 1
    assert f"{cassette}: its twin talk.cassette.txt says otherwise" in done.stdout
    assert run("check", twin).exit_code == 1  # as a hook names it
    assert run("check", tmp_path, "--write").exit_code == 0
    assert "be brief" in twin.read_text(encoding="utf-8")
    twin.write_bytes(twin.read_bytes().replace(b"\n", b"\r\n"))  # git on Windows
    assert run("check", tmp_path).exit_code == 0


def test_where_one_has_a_twin_all_have_and_none_is_left_behind(run: Run, tmp_path: Path, cassette: Path) -> None:
    assert run("check", tmp_path, "--write").exit_code == 0
    other = written(tmp_path / "other.cassette", talk())
    done = run("check", other)
    assert (done.exit_code, "others here have a text twin, it has none" in done.stdout) == (1, True)
    other.unlink()
    cassette.unlink()
    done = run("check", tmp_path)
    assert (done.exit_code, "no cassette stands beside this twin" in done.stdout) == (1, True)


def test_use_is_looked_at_where_a_run_is_noted(run: Run, pytester: pytest.Pytester) -> None:
    used = written(pytester.path / "cassettes" / "test_it" / "test_one.cassette", talk())
    loose = written(pytester.path / "cassettes" / "loose.cassette", talk())
    notes = pytester.path / ".pytest_cache" / "d" / "realtime_mock"
    assert run("check", pytester.path, "--used").exit_code == 2
    notes.mkdir(parents=True)
    note = {"cassette": "cassettes/test_it/test_one.cassette", "test": "test_it.py::test_one"}
    (notes / "main.jsonl").write_text(json.dumps(note) + "\n", encoding="utf-8")
    pytester.makepyfile(test_it="def test_one(): pass")
    done = run("check", pytester.path / "cassettes", "--used")
    assert (done.exit_code, done.output) == (1, f"{loose}: no test uses it\n")
    assert run("check", used, "--used").exit_code == 0


def test_json_and_bad_paths(run: Run, tmp_path: Path, cassette: Path) -> None:
    good = json.loads(run("check", tmp_path, "--json").stdout)
    assert good == {"cassettes": 1, "use_known": False, "problems": []}
    cassette.write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run("check", cassette, "--json")
    (problem,) = json.loads(done.stdout)["problems"]
    assert (done.exit_code, problem["file"], problem["kind"]) == (1, cassette.as_posix(), "damaged")
    assert "no such file or folder" in run("check", tmp_path / "none").stderr


def test_an_unsafe_recording_is_never_whole(run: Run, tmp_path: Path) -> None:
    out = bytearray()
    one: Connection = talk()
    codec.write(Cassette(Header("openai", unsafe="yes"), (one,)), codec.Writer(out.extend), dict)
    (tmp_path / "x.cassette").write_bytes(out)
    assert "it says of itself that it holds a secret" in run("check", tmp_path).stdout
