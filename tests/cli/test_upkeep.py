"""``orphans``, ``git-setup`` and ``faults``."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mockserver.faults.listing import catalogue
from tests import warm
from tests.cli.conftest import talk, written

Run = Callable[..., Result]


# --- orphans ---

TESTS = """
from websockets.sync.client import connect

def talk(url):
    with connect(url) as ws:
        ws.recv()
        ws.send('{"type": "response.create"}')
        ws.recv()
        ws.recv()

def test_one(realtime_mock):
    talk(realtime_mock.ws_url)

def test_two(realtime_mock):
    talk(realtime_mock.ws_url)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of two tests with their cassettes, one cassette that nobody uses, and a run that is noted."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    warm.pytest_of(pytester)
    pytester.makepyfile(test_it=TESTS)
    for name in ("test_it/test_one", "test_it/test_two", "test_it/test_gone", "loose"):
        path = pytester.path / "cassettes" / f"{name}.cassette"
        path.parent.mkdir(parents=True, exist_ok=True)
        written(path, talk())
    return pytester


UNUSED = [
    "cassettes/loose.cassette: no test uses it",
    "cassettes/test_it/test_gone.cassette: no test uses it",
]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_orphans_are_those_that_no_test_took(project: pytest.Pytester, run: Run, workers: tuple[str, ...]) -> None:
    project.runpytest_subprocess("-p", "no:pytester", *workers).assert_outcomes(passed=2)
    done = run("orphans", project.path)
    assert (done.exit_code, done.output.splitlines()) == (1, UNUSED)
    for line in UNUSED:
        (project.path / line.partition(":")[0]).unlink()
    assert run("orphans", project.path).exit_code == 0


def test_a_note_does_not_outlive_its_test(project: pytest.Pytester, run: Run) -> None:
    project.runpytest_subprocess("-p", "no:pytester").assert_outcomes(passed=2)
    source = project.path / "test_it.py"
    source.write_text(
        source.read_text(encoding="utf-8").replace("def test_two", "def test_other"),
        encoding="utf-8",
    )
    lines = run("orphans", project.path).output.splitlines()
    assert "cassettes/test_it/test_two.cassette: no test uses it (test_it.py::test_two is gone)" in lines


def test_a_part_of_the_tests_forgets_nothing(project: pytest.Pytester, run: Run) -> None:
    project.runpytest_subprocess("-p", "no:pytester")
    project.runpytest_subprocess("-p", "no:pytester", "-k", "test_one").assert_outcomes(passed=1, deselected=1)
    assert run("orphans", project.path).output.splitlines() == UNUSED


def test_old_cassettes_are_listed_with_max_age(project: pytest.Pytester, run: Run) -> None:
    project.runpytest_subprocess("-p", "no:pytester")
    lines = run("orphans", project.path, "--max-age", "1d").output.splitlines()
    assert len([line for line in lines if "days ago, on 2026-01-02" in line]) == 4
    assert run("orphans", project.path, "--max-age", "99y").output.splitlines() == UNUSED


def test_orphans_as_json(project: pytest.Pytester, run: Run) -> None:
    project.runpytest_subprocess("-p", "no:pytester")
    done = run("orphans", project.path, "--json")
    listed = json.loads(done.output)["listed"]
    assert (done.exit_code, [f"{one['file']}: {one['what']}" for one in listed]) == (1, UNUSED)


def test_orphans_needs_a_run_and_an_age_that_it_understands(tmp_path: Path, run: Run) -> None:
    done = run("orphans", tmp_path)
    assert (done.exit_code, "no test run is noted under" in done.stderr) == (2, True)
    assert "expected a number and d, w, m or y" in run("orphans", tmp_path, "--max-age", "soon").stderr
    assert "no such folder" in run("orphans", tmp_path / "missing").stderr


# --- git-setup ---


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_git_shows_a_cassettes_change_as_a_timeline(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    written(tmp_path / "x.cassette", talk())
    (tmp_path / ".gitattributes").write_text("*.png binary", encoding="utf-8")
    assert run("git-setup").exit_code == 0
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    (tmp_path / "x.cassette").unlink()
    written(tmp_path / "x.cassette", talk(instructions="be brief"))
    changed = git(tmp_path, "diff")
    assert "Binary files" not in changed
    (line,) = [line for line in changed.splitlines() if line.startswith("+") and "be brief" in line]
    assert "response.create" in line

    attributes = (tmp_path / ".gitattributes").read_text(encoding="utf-8")
    assert attributes == "*.png binary\n*.cassette -text -merge diff=mockserver\n"
    assert run("git-setup").exit_code == 0
    assert (tmp_path / ".gitattributes").read_text(encoding="utf-8") == attributes


@pytest.mark.parametrize("on_path", [True, False], ids=["on the path", "nowhere"])
def test_git_goes_on_without_the_environment_that_set_it_up(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, on_path: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    monkeypatch.setattr("sys.executable", str(tmp_path / "gone it's" / "python"))
    assert run("git-setup").exit_code == 0
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").symlink_to(shutil.which("git") or "")
    if on_path:
        (tools / "mockserver").write_text('#!/bin/sh\necho "told by $1 $2"\n', encoding="utf-8")
        (tools / "mockserver").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    written(tmp_path / "x.cassette", talk())
    git(tmp_path, "add", "x.cassette", ".gitattributes")
    git(tmp_path, "commit", "-q", "-m", "one")
    shown = git(tmp_path, "log", "-p")
    told = "+told by show --textconv" if on_path else "+cassette: the command mockserver was not found"
    assert told in shown


def test_git_setup_outside_of_a_repository(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    done = run("git-setup")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "this folder is in no git repository" in done.stderr


# --- faults ---


def test_faults_lists_every_fault_with_an_example_that_parses(run: Run) -> None:
    text = run("faults").output
    entries = catalogue()
    assert len(entries) > 20
    for entry in entries:
        assert entry.syntax in text
        assert run("faults", "--check", entry.example).exit_code == 0


def test_one_fault_is_explained(run: Run) -> None:
    text = run("faults", "delay").output
    assert text.startswith("delay ")
    assert "in Python: faults.delay(" in text
