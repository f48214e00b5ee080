"""``make soak``: 200 sessions against one server for ten minutes, two minutes of servers that come and go, a hundred
random kills of a recorder.

python -m tests.soak [--sessions 200] [--seconds 600] [--servers 120] [--kills 100]

The last line is PASS or FAIL: whether memory, objects, files, tasks and threads stayed flat and no recording lost a
frame.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys

from tests.bench.child import TOP
from tests.soak.life import soak, stay


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600, help="of the one server whose journal is bounded")
    parser.add_argument("--servers", type=float, default=120, help="seconds of servers that come and go")
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    status = 0
    for what, act in (
        ("one server with a bounded journal", lambda: stay(options.sessions, options.seconds, show=True)),
        ("servers that come and go", lambda: soak(options.sessions, options.servers, show=True)),
    ):
        print(what)
        report = asyncio.run(act())
        print(report)
        for wrong in report.wrong():
            print(f"not flat: {wrong}")
            status = 1
    if options.kills:
        print(f"killing a recorder under load, {options.kills} times")
        status |= subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "tests/crash", "-o", "timeout=1800"],
            cwd=TOP, env={**os.environ, "CRASHES": str(options.kills)}, check=False,
        ).returncode  # fmt: skip
    print("PASS" if not status else "FAIL: see above")
    return status


if __name__ == "__main__":
    sys.exit(main())
