"""``make attack``: everything in this folder in its long form, with its figures.

python -m tests.attack [--seconds 5] [--idle 2000] [--kills 100]

Each line ends with ok, too long or FAIL. Status 1 where a good session waited longer than 100 ms because of a bad one,
where the memory of a server grew on and on, where a page spent a key, or where a recorder that was killed lost a frame.
A pause counts against the same run without the bad client. What a server causes comes again, and what the machine
causes (its disk, other machines on the same host) seldom does: a wait that was too long is measured twice more, and
fails where two of the three were. A machine that is busy with other things is told; ``stolen`` is the time that its
host took from it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.attack import browser, moments
from tests.attack.pauses import ASKED, ATTACKS, LIMIT_MS, MARKED, Attack, idle, memory, scenarios, server, under
from tests.bench.child import TOP


def main() -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser(prog="make attack")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each attack")
    parser.add_argument("--idle", type=int, default=2000, help="sockets that do nothing")
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    wrong: list[str] = []
    resting = {f"{options.idle} idle sockets": idle(options.idle)}
    with tempfile.TemporaryDirectory() as folder:
        with server("simulate", "openai", "--set", "pace=instant", "--journal-limit", "1000") as (port, process):
            wrong += attacked("simulate", port, process, {**ATTACKS, **resting}, options)
        with server("serve", scenarios(Path(folder)), "--journal-limit", "1000") as (port, process):
            wrong += attacked(
                "serve", port, process, {f"1 MiB asks {name}": one for name, one in ASKED.items()}, options
            )
        with server() as (port, _):
            record = ("record", "--upstream", f"ws://127.0.0.1:{port}/v1/realtime", "--dialect", "openai")
            place = str(Path(folder) / "attacked.cassette")
            with server(*record, "--to", place, "--journal-limit", "1000") as (relay, recorder):
                wrong += attacked("record", relay, recorder, {**ATTACKS, **MARKED, **resting}, options)
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
    print("PASS: nothing broke" if not wrong else f"FAIL: {len(wrong)} things broke")
    return 1 if wrong else 0


GROWTH = 250e6
"""Bytes that a server may grow by in all the attacks: a few times the largest thing that is thrown, and what a process
keeps of its memory. Floods that were kept would be gigabytes."""
BUSY_MS = 50.0
"""Where a good session waits so long though nobody attacks, the machine is too busy to judge by."""


def attacked(
    name: str, port: int, process: subprocess.Popen[str], attacks: Mapping[str, Attack], options: argparse.Namespace
) -> list[str]:
    """Attacks against one server; what was wrong."""
    quiet, _ = under(port, lambda *_: 0, options.seconds)
    before = memory(process)
    print(f"{name:9} {'nobody else':24} {quiet}  {before / 1e6:7.1f} MB", flush=True)
    wrong = []
    limit = max(LIMIT_MS, quiet.worst)
    for what, attack in attacks.items():
        worst: list[float] = []
        while len(worst) < 3 and (not worst or max(worst) > limit):
            before_it = stolen()
            found, thrown = under(port, attack, options.seconds)
            worst.append(found.worst)
            held = f"{memory(process) / 1e6:7.1f} MB"
            told = f"{thrown:9,} thrown  {stolen() - before_it:5.2f} s stolen"
            verdict = "ok" if found.worst <= limit else "too long"
            print(f"{name:9} {what:24} {found}  {held}  {told}  {verdict}", flush=True)
        if sorted(worst)[len(worst) // 2] > limit:
            wrong.append(f"{name}: {what}: waits of {', '.join(f'{one:.0f}' for one in worst)} ms")
            print(f"{name:9} {what:24} FAIL", flush=True)
    again, _ = under(port, lambda *_: 0, options.seconds)
    print(f"{name:9} {'nobody else, again':24} {again}", flush=True)
    if max(quiet.worst, again.worst) > BUSY_MS:
        print(
            f"{name}: this machine is too busy to judge waits by: {BUSY_MS:.0f} ms were exceeded while nobody attacked"
        )
    grown = memory(process) - before
    print(f"{name:9} grew by {grown / 1e6:.1f} MB in all  {'ok' if grown < GROWTH else 'FAIL'}", flush=True)
    if grown >= GROWTH:
        wrong.append(f"{name}: its memory grew by {grown / 1e6:.0f} MB")
    return wrong


def stolen() -> float:
    """Seconds that the host of a virtual machine has given to others while this one wanted to run (proc(5))."""
    try:
        first = Path("/proc/stat").read_text("ascii").splitlines()[0].split()
    except OSError:
        return 0.0
    return int(first[8]) / os.sysconf("SC_CLK_TCK") if len(first) > 8 else 0.0


async def pages() -> list[str]:
    """Foreign pages in a browser."""
    found = browser.chromium()
    if found is None:
        print("no Chromium here: foreign pages were not tried (Debian: apt install chromium)")
        return []
    wrong = []
    for host in ("127.0.0.1", "localhost"):
        seen = await browser.visit(found, allowed=False, host=host)
        bad = bool(seen.spent or seen.opened or seen.faults or not seen.tried)
        print(f"a page of http://{host} in {Path(found).name}: {seen}  {'FAIL' if bad else 'ok'}", flush=True)
        if bad:
            wrong.append(f"a foreign page of {host}: {seen}; {seen.spent[:3]}")
    seen = await browser.visit(found, allowed=True)
    print(f"the same with its origin named: {seen}  {'ok' if seen.opened else 'FAIL'}", flush=True)
    if not seen.opened:
        wrong.append("a page whose origin was named got no websocket")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
