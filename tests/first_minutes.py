"""What somebody does who tries this package: ``make try`` does it, from the built wheel in a bare folder, with times.

    python -m tests.first_minutes [--keep FOLDER]

An environment of its own, ``pip install`` of the wheel and pytest (the only step that uses the network),
``mockserver init``, its green tests, a test that is recorded against a simulated service and played back, and the same
under a fault. ``test_first_minutes.py`` does the same with packages that are there already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
RECORDED = """\

def test_the_recorded_reply(realtime_mock):
    assert asyncio.run(ask(realtime_mock.base_url)) == "Say hello."
"""
BROKEN = """\

@pytest.mark.realtime_mock(
    cassette="test_realtime_voice/test_the_recorded_reply",
    allow_unplayed=True,
    faults=["close 1011 on response.created"],
)
def test_the_recorded_reply_breaks_off(realtime_mock):
    with pytest.raises(RuntimeError, match="1011"):
        asyncio.run(ask(realtime_mock.base_url))
"""


class Minutes:
    """The steps, each with the seconds that it took. AssertionError, with what it printed, where one fails."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.took: dict[str, float] = {}
        self._python, self._folder = python, folder

    def step(self, name: str, act: Callable[[], object]) -> None:
        """One step."""
        began = time.perf_counter()
        act()
        self.took[name] = time.perf_counter() - began

    def run(self, *arguments: str, told: str) -> None:
        """``python -m ...`` in the folder, with nothing of ours around it; ``told`` is what it must print."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "OPENAI"))}
        command = [str(self._python), "-m", *arguments]
        env["OPENAI_API_KEY"] = "the-readers-key"
        done = subprocess.run(
            command, cwd=self._folder, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{' '.join(command)}\\n{said}"
        assert told in said, f"{told!r} is not in what {' '.join(command)} said:\\n{said}"

    def adopt(self) -> None:
        """From ``mockserver init`` on. What the reader adds to the first test file is added as it is on its page."""
        test = self._folder / "tests" / "test_realtime_voice.py"
        pytest = ("pytest", "-q", "-p", "no:cacheprovider")
        self.step("mockserver init", lambda: self.run("mockserver", "init", told="test_realtime_voice.py"))
        self.step("its tests, green", lambda: self.run(*pytest, told="2 passed"))
        with self._service() as url:
            test.write_text(test.read_text(encoding="utf-8") + RECORDED, encoding="utf-8")
            record = ("--realtime-mock-record=once", "--realtime-mock-upstream", url)
            self.step("a recorded test", lambda: self.run(*pytest, *record, told="3 passed"))
        test.write_text(test.read_text(encoding="utf-8") + BROKEN, encoding="utf-8")
        self.step("played back, and under a fault", lambda: self.run(*pytest, told="4 passed"))

    @contextmanager
    def _service(self) -> Iterator[str]:
        """What stands for the real service: the simulated one, of the same installation."""
        command = [str(self._python), "-m", "mockserver", "simulate", "openai", "--json", "-q"]
        running = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.PIPE, text=True)
        try:
            assert running.stdout is not None
            yield json.loads(running.stdout.readline())["base_url"]
        finally:
            running.terminate()
            running.communicate()


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main(folder: Path) -> int:
    environment, project = folder / "venv", folder / "project"
    project.mkdir(parents=True)
    minutes = Minutes(python_of(environment), project)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    minutes.step("the wheel is built", lambda: subprocess.run(build, cwd=TOP, check=True, capture_output=True))
    (wheel,) = folder.glob("*.whl")
    minutes.step("an environment", lambda: venv.create(environment, with_pip=True))
    install = ("pip", "install", "-q", "--disable-pip-version-check", str(wheel), "pytest")
    minutes.step("pip install, with what it needs", lambda: minutes.run(*install, told=""))
    minutes.adopt()
    for name, seconds in minutes.took.items():
        print(f"{seconds:6.1f} s  {name}")
    print(f"{sum(minutes.took.values()):6.1f} s  in all, on {sys.platform} with Python {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--keep"]:
        sys.exit(main(Path(sys.argv[2])))
    with tempfile.TemporaryDirectory(prefix="mockserver-try-") as place:
        sys.exit(main(Path(place)))
