"""``make attack``: everything in this folder in its long form, with its figures.

python -m tests.attack [--seconds 5] [--idle 2000] [--kills 100]

Status 1 where a good session waited longer than 100 ms because of a bad one, where a page spent a key, or where a
recorder that was killed lost a frame. A pause counts against the same run without the bad client.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.attack import browser, moments
from tests.attack.pauses import ATTACKS, LIMIT_MS, idle, memory, server, under
from tests.bench.child import TOP


def main() -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser(prog="make attack")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each attack")
    parser.add_argument("--idle", type=int, default=2000, help="sockets that do nothing")
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        with server("simulate", "openai", "--set", "pace=instant", "--journal-limit", "1000") as (port, process):
            wrong += attacked("simulate", port, process, options)
            record = ("record", "--upstream", f"ws://127.0.0.1:{port}/v1/realtime", "--dialect", "openai")
            place = str(Path(folder) / "attacked.cassette")
            with server(*record, "--to", place, "--journal-limit", "1000") as (relay, recorder):
                wrong += attacked("record", relay, recorder, options)
        print(moments.two_recorders(Path(folder)), flush=True)
    print(moments.clock_jumps(), flush=True)
    wrong += asyncio.run(pages())
    if options.kills:
        print(f"a recorder under load: killed {options.kills} times, on a full disk, and with a side that is lost")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/crash", "-o", "timeout=1800"],
            cwd=TOP, env={**os.environ, "CRASHES": str(options.kills)}, check=False,
        )  # fmt: skip
        wrong += ["the recorder under load, see above"] if done.returncode else []
    for one in wrong:
        print(f"not as it should be: {one}")
    print("nothing broke" if not wrong else f"{len(wrong)} things broke")
    return 1 if wrong else 0


def attacked(name: str, port: int, process: subprocess.Popen[str], options: argparse.Namespace) -> list[str]:
    """Every attack against one server; what was wrong."""
    quiet, _ = under(port, lambda *_: 0, options.seconds)
    print(f"{name:9} {'nobody else':24} {quiet}  {memory(process) / 1e6:7.1f} MB", flush=True)
    wrong = []
    for what, attack in {**ATTACKS, f"{options.idle} idle sockets": idle(options.idle)}.items():
        found, thrown = under(port, attack, options.seconds)
        print(f"{name:9} {what:24} {found}  {memory(process) / 1e6:7.1f} MB  {thrown:,} thrown", flush=True)
        if found.worst > max(LIMIT_MS, quiet.worst):
            wrong.append(f"{name}: {what}: a wait of {found.worst:.0f} ms (without it {quiet.worst:.0f} ms)")
    return wrong


async def pages() -> list[str]:
    """Foreign pages in a browser."""
    found = browser.chromium()
    if found is None:
        print("no Chromium here: foreign pages were not tried (Debian: apt install chromium)")
        return []
    wrong = []
    for host in ("127.0.0.1", "localhost"):
        seen = await browser.visit(found, allowed=False, host=host)
        print(f"a page of http://{host} in {Path(found).name}: {seen}", flush=True)
        if seen.spent or seen.opened or seen.faults or not seen.tried:
            wrong.append(f"a foreign page of {host}: {seen}; {seen.spent[:3]}")
    seen = await browser.visit(found, allowed=True)
    print(f"the same with its origin named: {seen}", flush=True)
    if not seen.opened:
        wrong.append("a page whose origin was named got no websocket")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
