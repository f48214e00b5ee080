"""A warm program (tests/warm) does what the same program does when it is begun by a real interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm

pytestmark = pytest.mark.skipif(not warm.possible(), reason="no warm programs here")
SHOWS = "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['HERE'], sys.path[0], sys.stdin.read())"
END = "import atexit, threading\natexit.register(print, 'last')\nthreading.Timer(0.01, print, ['late']).start()"
PROGRAMS = {
    "text": ["-c", SHOWS, "a", "b c"],
    "file": ["program.py", "-x"],
    "file elsewhere": ["deep/other.py"],
    "module": ["-m", "deep.other"],
    "the command": ["-m", "mockserver", "--version"],
    "its error": ["-m", "mockserver", "show", "missing.cassette"],
    "status": ["-c", "raise SystemExit(7)"],
    "words as a status": ["-c", "raise SystemExit('no')"],
    "error": ["-c", "import json\njson.loads('{')"],
    "warning": ["-W", "error", "-c", "import warnings\nwarnings.warn('x')"],
    "signal": ["-c", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"],
    "interrupt": ["-c", "raise KeyboardInterrupt"],
    "end": ["-c", END],
    "strange": ["-O", "-c", "print(__debug__)"],
    "main": ["-c", "import sys, __main__; x = 3; print(__main__.x, __name__, sys.orig_argv[1:])"],
    "no modules of ours": ["-c", "import sys; print([name for name in sys.modules if name.startswith('tests')])"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_as_if_it_were_begun(program: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "program.py").write_text("import sys\nprint(__name__, __file__, sys.argv, flush=True)\n")
    (tmp_path / "deep" / "other.py").write_text("import os, sys\nprint(sys.path[0], sys.argv[1:], __file__)\n")
    env = {**os.environ, "HERE": "x=y", "PYTHONPATH": str(tmp_path / "more")}

    def ran(python: str) -> tuple[int, str, list[str]]:
        done = subprocess.run(
            [python, *PROGRAMS[program]], cwd=tmp_path, env=env, input="in", capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr.splitlines()[-1:]

    assert ran(warm.python()) == ran(sys.executable)


def test_each_has_a_name_on_the_path(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": f"{warm.folder()}:{os.environ['PATH']}"}
    line = "mockserver --version && python -c 'print(1)' && pytest --version | cat"
    done = subprocess.run(["sh", "-ec", line], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert [one.split()[0] for one in done.stdout.splitlines()] == ["mockserver", "1", "pytest"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_does_not_outlive_who_began_it(number: signal.Signals) -> None:
    program = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(50)"
    running = subprocess.Popen([warm.python(), "-c", program], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    fork = int(running.stdout.readline())
    assert fork != running.pid
    running.send_signal(number)
    assert running.wait(20) == -number
    assert running.stdout.read() == ""  # the fork's end of the pipe is closed: it is gone
    running.stdout.close()
