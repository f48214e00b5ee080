"""Sweeps real clients, then runs each finding again from its pasted line in a fresh process, and some in real time.

    python -m tests.clients.heavy.sweeps --to FOLDER [--level full] [NAME...]

Prints a line a scenario: runs, findings, in how many ways they surfaced, seconds, and how many findings gave the same
verdict again. The reports lie in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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
IN_REAL_TIME = 5
HANG_S = "15"
"""In real time nobody waits for a minute: a turn that hangs for longer than the client's own limits hangs."""


def command(name: str, *more: str) -> list[str]:
    """The command line of a sweep of one scenario."""
    of = ["--provider", "gemini", "--tls", "--env"] if name in GEMINI else []
    what = f"tests.clients.heavy.scenarios:{name}"
    return [sys.executable, "-m", "mockserver", "sweep", what, "--replies", str(REPLIES), *of, *more]


def again(name: str, finding: dict[str, Any], *more: str) -> str:
    """The verdict of the finding's lines in a fresh process."""
    lines = [word for line in (finding["first"], finding["line"]) if line for word in ("--fault", line)]
    done = subprocess.run(command(name, *lines, *more), capture_output=True, text=True, cwd=TOP, check=False)
    return done.stdout.partition(": ")[0]


def swept(name: str, folder: Path, level: str) -> bool:
    """One scenario. Whether all findings gave the same verdict again."""
    report, began = folder / f"{name}.json", time.monotonic()
    with (folder / f"{name}.txt").open("w") as text, (folder / f"{name}.log").open("w") as log:
        subprocess.run(
            command(name, "--level", level, "--json", str(report)), stdout=text, stderr=log, cwd=TOP, check=False
        )
    took = time.monotonic() - began
    body = json.loads(report.read_text())
    found = body["findings"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(lambda one: again(name, one), found))
        # Those that need no wait of a minute come first; a process each, at the same time.
        quick = sorted(found, key=lambda one: (one["verdict"] in ("hung", "reported late"), one["turns"]))
        chosen = quick[:: max(1, len(quick) // IN_REAL_TIME)][:IN_REAL_TIME]
        real = list(pool.map(lambda one: again(name, one, "--real-time", "--hang", HANG_S), chosen))
    pairs = [*zip(found, verdicts, strict=True), *zip(chosen, real, strict=True)]
    other = [(one, verdict) for one, verdict in pairs if verdict != one["verdict"]]
    same = [
        sum(verdict == one["verdict"] for one, verdict in part) for part in (pairs[: len(found)], pairs[len(found) :])
    ]
    print(f"{name}: {len(body['runs'])} runs of {body['candidates']}, {len(found)} findings in {took:.0f} s")
    print(f"    {body['counts']}")
    print(
        f"    again in a fresh process {same[0]} of {len(found)}, in real time {same[1]} of {len(chosen)}", flush=True
    )
    for one, verdict in other:
        print(f"    {one['verdict']} -> {verdict}: {one['first']} {one['line']}", flush=True)
    return not other


def main() -> int:
    """Sweep those that are named, or all."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="*", default=[*OPENAI, *GEMINI])
    asked.add_argument("--to", type=Path, required=True)
    asked.add_argument("--level", default="quick", choices=["quick", "full"])
    given = asked.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    good = [swept(name, given.to.resolve(), given.level) for name in given.names]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
