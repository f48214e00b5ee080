"""``make bench``: measure, print the table, write build/bench.json.

    python -m tests.bench [--rounds N] [--only PART ...] [--quick] [--json FILE] [--compare FILE]

``--compare`` shows the run beside an earlier one's file. How far the rounds of a figure lie apart stands in its note; a
machine that is too noisy to judge by is told. ``python -m tests.bench.report FILE`` puts a run into the page.

Parts: limits, others, journal, instant, paced, record, simulate, faults, cassette, page, memory, start, fixture,
plugin, workers, uvloop.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.bench import costs, pages, serving
from tests.bench.child import TOP
from tests.bench.figures import Figure, number, table
from tests.bench.limits import limits
from tests.bench.report import compared, noise_of, steadiness, told_noise
from tests.bench.workers import workers


def parts(rounds: int, quick: bool) -> dict[str, Callable[[], list[Figure]]]:
    """What can be measured. ``quick`` shows that it runs; its figures mean little."""
    few = 10 if quick else 1
    seconds = 1.0 if quick else 8.0
    counts = (20,) if quick else (100, 200, 400)
    frames = 20_000 // few
    return {
        "limits": lambda: limits(rounds, frames),
        "others": lambda: serving.others(rounds, frames),
        "instant": lambda: serving.instant(rounds, frames),
        "paced": lambda: serving.paced(min(rounds, 3), seconds, counts),
        "record": lambda: serving.recording(rounds, 2000 // few, frames),
        "simulate": lambda: serving.simulating(rounds, 200 // few, seconds / 2),
        "faults": lambda: costs.chain(rounds, 100_000 // few),
        "journal": lambda: costs.journal(rounds, 100_000 // few),
        "cassette": lambda: costs.cassettes(min(rounds, 3), frames),
        "page": lambda: pages.pages(min(rounds, 3)),
        "memory": lambda: costs.memory(min(rounds, 3), 100 // few, 500),
        "start": lambda: costs.starting(2 * rounds),
        "fixture": lambda: costs.fixtures(200 // few),
        "plugin": lambda: costs.plugin(3 * rounds),
        "workers": lambda: workers(rounds, 300 // few),
        "uvloop": lambda: uvloop(rounds, frames, seconds, counts[-1:]),
    }


def uvloop(rounds: int, frames: int, seconds: float, counts: tuple[int, ...]) -> list[Figure]:
    """The same on uvloop, both sides, where it is installed."""
    try:
        import uvloop as _  # noqa: F401
    except ImportError:
        print("  (uvloop is not installed: pip install 'realtime-mockserver[uvloop]')", flush=True)
        return []
    found = [
        *serving.instant(rounds, frames, loop="uvloop"),
        *serving.paced(min(rounds, 3), seconds, counts, loop="uvloop"),
    ]
    return [
        Figure(
            f"uvloop: {figure.name}",
            figure.value,
            figure.unit,
            figure.bare,
            figure.ratio,
            note=figure.note,
            rounds=figure.rounds,
        )
        for figure in found
    ]


def noise(figure: Figure) -> str:
    """What the table says of a figure's rounds."""
    found = noise_of(figure)
    return f"rounds within {found}" if found else ""


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, default=TOP / "build" / "bench.json")
    parser.add_argument("--compare", type=Path, help="the file of an earlier run")
    options = parser.parse_args()
    earlier = json.loads(options.compare.read_text("utf-8")) if options.compare else None
    rounds = 2 if options.quick else options.rounds
    known = parts(rounds, options.quick)
    wanted = options.only or list(known)
    if unknown := set(wanted) - set(known):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    figures: list[Figure] = []
    broken: list[str] = []
    began, before = time.monotonic(), steadiness()
    for name in wanted:
        print(f"{name} ...", end="", flush=True)
        since = time.monotonic()
        try:
            figures += known[name]()
        except Exception as error:  # noqa: BLE001 - minutes of figures must not go with one part that breaks
            broken.append(f"{name}: {type(error).__name__}: {error}")
        gc.collect()
        print(f" {time.monotonic() - since:.0f} s", flush=True)
    steady, noisy = told_noise(before, steadiness())
    python = platform.python_version()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {python}, load {os.getloadavg()[0]:.2f}"
    figures = [replace(figure, note=", ".join(filter(None, (noise(figure), figure.note)))) for figure in figures]
    print(f"\n{table(figures)}\n\n{machine}; {rounds} rounds; {time.monotonic() - began:.0f} s")
    print(steady)
    if earlier is not None:
        print(f"\nbeside {options.compare} ({earlier['machine']}):\n")
        print(compared(earlier["figures"], [figure.plain() for figure in figures]))
    missed = [figure for figure in figures if figure.ok is False]
    for figure in missed:
        print(f"missed: {figure.name}: {number(figure.value)} {figure.unit}, target {figure.target}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps(
            {
                "machine": machine,
                "rounds": rounds,
                "steady": steady,
                "noisy": noisy,
                "figures": [{**figure.plain(), "noise": noise_of(figure)} for figure in figures],
            },
            indent=1,
        )
        + "\n"
    )
    print(f"written: {options.json}")
    for line in broken:
        print(f"could not be measured: {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
