"""Programs that tests start, each a process of its own, without the time that an interpreter takes to import them.

A template process has imported what mockserver's commands and pytest import, and runs nothing. ``python()`` is a
program that is used like ``sys.executable``: what it is asked to run is run by a fork of the template, with its
arguments, folder, variables and standard streams; signals reach the fork, and its exit status is the program's.

What a fork cannot show is how a program begins: which modules it imports, which limits it has, that it may be killed
at any moment. Tests of that, and all with ``TESTS_WARM=0``, start ``sys.executable``. What the template does not
know how to run is begun by a real one too. A fork is safe where no system library minds, so this is for Linux.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROGRAMS = ("python", "python3", "mockserver", "pytest")
_AT: list[Path] = []


def possible() -> bool:
    """Whether this machine has warm programs. A path that is long or has a space in it can begin no script."""
    if os.environ.get("TESTS_WARM") == "0" or not sys.platform.startswith("linux"):
        return False
    return len(sys.executable) < 120 and " " not in sys.executable and len(tempfile.gettempdir()) < 80


def python() -> str:
    """The program to use in place of ``sys.executable``."""
    place = folder()
    return sys.executable if place is None else str(place / "python")


def folder() -> Path | None:
    """A folder for the PATH, with ``python``, ``mockserver`` and ``pytest``; None where real ones have to do."""
    if not possible():
        return None
    if not _AT:
        _AT.append(_begun())
    return _AT[0]


def pytest_of(pytester: Any) -> None:
    """What this pytester runs in a process of its own is a warm pytest."""
    pytester._getpytestargs = lambda: (python(), "-m", "pytest")


def _begun() -> Path:
    place = Path(tempfile.mkdtemp(prefix="warm-"))
    bin_ = Path(sys.executable).parent
    # -I and -S: the shim needs nothing that is installed, and begins in a hundredth of a second.
    shim = f"#!{sys.executable} -IS\n{(HERE / 'shim.py').read_text(encoding='utf-8')}"
    for name in PROGRAMS:
        real = sys.executable if name.startswith("python") else str(bin_ / name)
        (place / name).write_text(shim.replace('REAL = ""', f"REAL = {real!r}"), encoding="utf-8")
        (place / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    template = subprocess.Popen(
        [sys.executable, str(HERE / "template.py"), str(place / "socket")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=kept,
        cwd=place,
    )
    assert template.stdin is not None
    assert template.stdout is not None
    assert template.stdout.readline() == b"ready\n", "the template does not begin; TESTS_WARM=0 does without it"
    owner = os.getpid()

    def end() -> None:
        if os.getpid() == owner:  # and not in a fork of this process
            template.stdin.close()  # type: ignore[union-attr]  # which ends it
            template.wait()
            template.stdout.close()  # type: ignore[union-attr]
            shutil.rmtree(place, ignore_errors=True)

    atexit.register(end)
    return place
