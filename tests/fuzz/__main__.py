"""``make fuzz``: the tests of this folder with many new examples each, how far they are, and how many inputs they had.

python -m tests.fuzz [pytest arguments]        EXAMPLES=2000 MANY=60000 for other numbers than these

EXAMPLES are the inputs of each test of hypothesis, MANY those of each that counts itself (``test_many.py``).

Two processes share the work. Each test prints a line when it is done. While one runs long, a line each half minute says
so. Hypothesis counts its inputs and tells them at the end. With the numbers above there are more than a
million.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUIET_SECONDS = 30.0


class Progress:
    """What has been tried so far."""

    def __init__(self) -> None:
        self.inputs = 0
        self.tests = 0
        self._telling = False  # what failed is told whole, indented lines too
        self._name = ""
        self._began = self._spoke = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._tell, daemon=True).start()

    def line(self, line: str) -> None:
        """One line of pytest's output."""
        if line.startswith("="):
            self._telling = " FAILURES " in line or " ERRORS " in line
        counted = re.search(r"(\d+) passing, (\d+) failing,(?: and)? (\d+) invalid", line)
        if line.startswith("inputs: "):
            self.inputs += int(line.split()[1])
        elif counted:
            self.inputs += sum(map(int, counted.groups()))
        elif match := re.match(r"(?:(tests/fuzz/\S+::\S+) )?(PASSED|FAILED|ERROR|SKIPPED)", line):
            self.tests += 1
            self.say(f"{match[2].lower()} {match[1] or self._name}")
        elif match := re.match(r"(tests/fuzz/\S+::\S+)\s*$", line):
            self._name = match[1]
        elif (self._telling or not line.startswith(" ")) and line.strip():
            print(line, end="", flush=True)

    def say(self, text: str) -> None:
        """Print it, with the time."""
        self._spoke = time.monotonic()
        print(f"{self.seconds:6.0f} s  {self.tests:3} tests  {text}", flush=True)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def end(self) -> None:
        """No more lines."""
        self._ended.set()

    def _tell(self) -> None:
        while not self._ended.wait(1.0):
            if time.monotonic() - self._spoke > QUIET_SECONDS:
                self.say("at work")


def part(progress: Progress, files: list[str], statuses: list[int]) -> None:
    """Run pytest on some files, count what is tried."""
    env = {"HYPOTHESIS_PROFILE": "fuzz", "PYTHONUNBUFFERED": "1", "EXAMPLES": "2000", "MANY": "60000", **os.environ}
    command = [
        sys.executable, "-m", "pytest", *files, "-v", "-n", "0", "-p", "no:randomly", "-o", "timeout=36000",
        "-o", "console_output_style=classic", "--hypothesis-show-statistics", *sys.argv[1:],
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=HERE.parents[1])
    assert process.stdout is not None
    for line in process.stdout:
        progress.line(line)
    statuses.append(process.wait() % 5)  # 5: nothing of this part was chosen


def main() -> int:
    """Two processes; what they tried is added up."""
    progress, statuses = Progress(), list[int]()
    rest = sorted(str(file) for file in HERE.glob("test_*.py") if file.name != "test_engines.py")
    parts = [
        threading.Thread(target=part, args=(progress, files, statuses))
        for files in ([str(HERE / "test_engines.py")], rest)
    ]
    for one in parts:
        one.start()
    for one in parts:
        one.join()
    progress.end()
    status = max(statuses)
    rate = progress.inputs / max(progress.seconds, 1e-9)
    told = "nothing broke" if status == 0 else "see above"
    print(
        f"{progress.inputs:,} inputs in {progress.seconds:.0f} s ({rate:,.0f} a second), {progress.tests} tests: {told}"
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
