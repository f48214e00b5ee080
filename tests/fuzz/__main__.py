"""``make fuzz``: the tests of this folder with many new examples each, and how many inputs they tried.

python -m tests.fuzz [pytest arguments]        EXAMPLES=20000 for another number than the profile's
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run pytest, count what hypothesis says it tried."""
    began = time.monotonic()
    env = {"HYPOTHESIS_PROFILE": "fuzz", **os.environ}
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(HERE),
        "-q",
        "-o",
        "timeout=3600",
        "--hypothesis-show-statistics",
        *sys.argv[1:],
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=HERE.parents[1])
    assert process.stdout is not None
    inputs = 0
    for line in process.stdout:
        counted = re.search(r"(\d+) passing, (\d+) failing,(?: and)? (\d+) invalid", line)
        if counted:
            inputs += sum(map(int, counted.groups()))
        elif not line.startswith((" ", "  -")):
            print(line, end="", flush=True)
    status = process.wait()
    print(f"{inputs:,} inputs in {time.monotonic() - began:.0f} s: {'nothing broke' if status == 0 else 'see above'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
