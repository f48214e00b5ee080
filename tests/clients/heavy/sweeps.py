"""Sweeps real clients, then runs each finding again from its pasted line in a fresh process, and some in real time.

    python -m tests.clients.heavy.sweeps --to FOLDER [--level full] [--own N] [NAME...]

Prints for each scenario: runs, findings, seconds, and how many findings gave the same verdict again. The reports lie in
FOLDER. A process for each finding takes long where a client takes seconds to be imported: one finding of each fault has
one, and all of them run in one fresh process, each in a fork of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.clients.heavy.clients import PIPECAT

TOP = Path(__file__).resolve().parents[3]
REPLIES = Path(__file__).with_name("replies.yaml").relative_to(TOP)
OPENAI = (
    "livekit_text",
    "livekit_tool",
    "livekit_barge_in",
    "livekit_short_session",
    "agents_text",
    "agents_with_tool",
)
GEMINI = ("genai_text", "google_voice")
PIPECAT_OWN = ("pipecat_voice",)
"""Those that run in pipecat's own environment."""
MODULE = ("tests.clients.heavy.scenarios", "tests.clients.heavy.pipecat_scenarios")
IN_REAL_TIME = 5
HANG_S = "30"
"""In real time nobody waits for a minute: a turn that hangs for longer than the client's own limits hangs."""
PINGS_S = "60"
"""But where the client has to find out by its pings that nobody is there: websockets takes up to 40 s."""


def command(name: str, *more: str) -> list[str]:
    """The command line of a sweep of one scenario."""
    of = ["--provider", "gemini", "--tls", "--env"] if name in GEMINI else []
    what = f"{MODULE[name in PIPECAT_OWN]}:{name}"
    return [*python(name), "-m", "mockserver", "sweep", what, "--replies", str(REPLIES), *of, *more]


def python(name: str) -> list[str]:
    """The Python of a scenario's client; the package is the one of this checkout."""
    return [str(PIPECAT.python if name in PIPECAT_OWN else sys.executable)]


def again(name: str, finding: dict[str, Any], *more: str) -> str:
    """The verdict of the finding's lines in a fresh process."""
    lines = [word for line in (finding["first"], finding["line"]) if line for word in ("--fault", line)]
    done = subprocess.run(command(name, *lines, *more), capture_output=True, text=True, cwd=TOP, check=False)
    return done.stdout.partition(": ")[0]


def patience(finding: dict[str, Any]) -> str:
    """The seconds after which a turn hangs in real time."""
    return PINGS_S if finding["fault"] in ("half open", "no pong") else HANG_S


def together(name: str, report: Path) -> list[str]:
    """The verdicts of all findings of a report, in a fork of one fresh process each."""
    asked = [*python(name), "-m", "tests.clients.heavy.sweeps", "--again", str(report), name]
    done = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=TOP, check=True)
    verdicts: list[str] = json.loads(done.stdout.splitlines()[-1])
    return verdicts


def run_again(name: str, report: Path) -> None:
    """What ``together`` starts."""
    from mockserver.engines.simulator import Rules, simulator
    from mockserver.sweeping.driver import Sweeping, setting_of
    from mockserver.sweeping.workers import Attempt, run_all

    of_gemini, replies = name in GEMINI, (TOP / REPLIES).read_text()
    setting = setting_of(
        getattr(import_module(MODULE[name in PIPECAT_OWN]), name),
        source=lambda: simulator("gemini" if of_gemini else "openai", replier=Rules.from_yaml(replies)),
        tls=of_gemini,
        env=of_gemini,
    )
    sweeping = Sweeping(setting, 30_000_000)
    sweeping.begin()
    found = json.loads(report.read_text())["findings"]
    work = [Attempt(tuple(filter(None, (one["first"], one["line"])))) for one in found]
    print(json.dumps([sweeping.said(record)[0].verdict for record in run_all(setting, work, sweeping.base)]))


def swept(name: str, folder: Path, level: str, *, own: int | None, processes: int, keep: bool) -> bool:
    """One scenario. Whether all findings gave the same verdict again."""
    report, began = folder / f"{name}.json", time.monotonic()
    if not (keep and report.exists()):
        asked = command(name, "--level", level, "--json", str(report), "--processes", str(processes))
        with (folder / f"{name}.txt").open("w") as text, (folder / f"{name}.log").open("w") as log:
            subprocess.run(asked, stdout=text, stderr=log, cwd=TOP, check=False)
    took = time.monotonic() - began
    body = json.loads(report.read_text())
    found = body["findings"]
    with ThreadPoolExecutor(processes) as pool:
        part = list({one["fault"]: one for one in reversed(found)}.values())[:own]
        verdicts = list(pool.map(lambda one: again(name, one), part))
        # Those that need no wait of a minute come first; a process each, at the same time.
        quick = sorted(found, key=lambda one: (one["verdict"] in ("hung", "reported late"), one["turns"]))
        chosen = quick[:: max(1, len(quick) // IN_REAL_TIME)][:IN_REAL_TIME]
        real = list(pool.map(lambda one: again(name, one, "--real-time", "--hang", patience(one)), chosen))
    parts = [(found, together(name, report)), (part, verdicts), (chosen, real)]
    pairs = [pair for side in parts for pair in zip(*side, strict=True)]
    other = [(one, verdict) for one, verdict in pairs if verdict != one["verdict"]]
    same = [f"{sum(v == one['verdict'] for one, v in zip(*side, strict=True))} of {len(side[0])}" for side in parts]
    print(f"{name}: {len(body['runs'])} runs of {body['candidates']}, {len(found)} findings in {took:.0f} s")
    print(f"    {body['counts']}")
    print(f"    again: {same[0]}, each in a process of its own: {same[1]}, in real time: {same[2]}", flush=True)
    for one, verdict in other:
        print(f"    {one['verdict']} -> {verdict}: {one['first']} {one['line']}", flush=True)
    return not other


def main() -> int:
    """Sweep those that are named, or all."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="*", default=[*OPENAI, *GEMINI])
    asked.add_argument("--to", type=Path, default=TOP / "build" / "sweeps")
    asked.add_argument("--level", default="quick", choices=["quick", "full"])
    asked.add_argument("--own", type=int, default=None, metavar="N", help="of so many faults (default: of each)")
    asked.add_argument("--keep", action="store_true", help="take the reports that lie in FOLDER already")
    asked.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked.add_argument("--again", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.again is not None:
        run_again(given.names[0], given.again)
        return 0
    given.to.mkdir(parents=True, exist_ok=True)
    good = [
        swept(name, given.to.resolve(), given.level, own=given.own, processes=given.processes, keep=given.keep)
        for name in given.names
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
