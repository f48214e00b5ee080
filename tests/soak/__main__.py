"""``make soak``: 200 sessions for five minutes, then a hundred random kills of a recorder.

python -m tests.soak [--sessions 200] [--seconds 300] [--kills 100]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys

from tests.bench.child import TOP
from tests.soak.life import soak


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    report = asyncio.run(soak(options.sessions, options.seconds, show=True))
    print(report)
    status = 0
    for wrong in report.wrong():
        print(f"not flat: {wrong}")
        status = 1
    if options.kills:
        print(f"killing a recorder under load, {options.kills} times")
        status |= subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "tests/crash", "-o", "timeout=1800"],
            cwd=TOP, env={**os.environ, "CRASHES": str(options.kills)}, check=False,
        ).returncode  # fmt: skip
    return status


if __name__ == "__main__":
    sys.exit(main())
