"""Workers that say less of what passes: what does not pass is told as before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = """
import pytest

def test_passes(): pass
def test_fails(): assert 1 == 2, "the call"
@pytest.mark.skip(reason="left out")
def test_skipped(): pass
@pytest.mark.xfail(strict=True)
def test_expected(): assert False
@pytest.fixture
def broken(): raise RuntimeError("the setup")
def test_setup(broken): pass
@pytest.fixture
def late():
    yield
    raise RuntimeError("the teardown")
def test_teardown(late): pass
"""


def told(folder: Path, *more: str) -> str:
    """What pytest prints for these tests in one worker, with the plugin or without."""
    (folder / "test_some.py").write_text(TESTS)
    (folder / "conftest.py").write_text(
        "from tests import quiet\n"
        "def pytest_configure(config):\n"
        "    if quiet.serves(config): config.pluginmanager.register(quiet)\n"
    )
    made = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "1", "-p", "no:cacheprovider", "-rA", *more, str(folder)],
        check=False, capture_output=True, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )  # fmt: skip
    assert made.returncode == 1, made.stdout + made.stderr
    return made.stdout


def test_what_does_not_pass_is_told(tmp_path: Path) -> None:
    quietly, loudly = (
        told(tmp_path),
        told(tmp_path, "--durations=0"),
    )  # the control: who asks for times gets all reports
    for said in ("the call", "the setup", "the teardown", "left out"):
        assert said in quietly
    assert summary(quietly) == summary(loudly)


def summary(printed: str) -> tuple[list[str], str]:
    """The lines of the short summary, and the counts without the time."""
    lines = printed.strip().splitlines()
    begins = next(place for place, line in enumerate(lines) if "short test summary" in line)
    return sorted(lines[begins + 1 : -1]), lines[-1].split(" in ")[0]
