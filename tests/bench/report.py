"""What is made of a run: how noisy it was, what has changed since another, and the table of ``docs/performance.md``.

python -m tests.bench.report build/bench.json        puts the table of that run between the marks of the page
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.child import TOP
from tests.bench.figures import Figure, number

NOISY = 0.25
"""Spread of a fixed piece of work, over its median, from which on a machine is too noisy to judge."""
PAGE = TOP / "docs" / "performance.md"
MARKS = ("<!-- the last run -->", "<!-- its end -->")


def spread(values: Sequence[float]) -> float:
    """How far the middle half of some values lies apart, as a part of their median."""
    ordered = sorted(values)
    quarter = (len(ordered) - 1) // 4
    middle = median(ordered)
    return (ordered[-1 - quarter] - ordered[quarter]) / middle if middle else 0.0


def steadiness(rounds: int = 40) -> list[float]:
    """Milliseconds that the same work took, again and again."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        sum(number * number for number in range(30_000))
        took.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.005)
    return took


def noise_of(figure: Figure) -> str:
    """The spread of a figure's rounds, in percent."""
    rounds = [
        value for side, values in figure.rounds.items() if side.startswith("mock") for value in values[:1000]
    ] if len(figure.rounds) <= 2 else []  # fmt: skip
    if len(rounds) < 2 or not all(isinstance(one, int | float) for one in rounds):
        return ""
    return f"{spread(rounds) * 100:.0f} %"


def told_noise(before: Sequence[float], after: Sequence[float]) -> tuple[str, bool]:
    """A line on how steady the machine was, and whether it was too noisy."""
    worst = max(spread(before), spread(after), abs(median(after) / median(before) - 1))
    bad = worst > NOISY
    one, two = median(before), median(after)
    told = f"the same work took {one:.2f} ms before and {two:.2f} ms after, spread {worst * 100:.0f} %"
    return told + (": this machine is TOO NOISY to judge by" if bad else ""), bad


def compared(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> str:
    """Two runs side by side: each figure of both, and how much it has changed."""
    known = {one["name"]: one for one in old}
    rows = [("figure", "before", "now", "unit", "change", "ratio before", "ratio now")]
    for one in new:
        was = known.get(one["name"])
        if was is None:
            continue
        change = f"{(one['value'] / was['value'] - 1) * 100:+.0f} %" if was["value"] else ""
        rows.append(
            (one["name"], number(was["value"]), number(one["value"]), one["unit"], change,
             number(was["ratio"]), number(one["ratio"]))
        )  # fmt: skip
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = zip(row, widths, (str.ljust, str.rjust, str.rjust, str.ljust, *(str.rjust,) * 3), strict=True)
        lines.append("  ".join(side(cell, width) for cell, width, side in cells).rstrip())
    return "\n".join(lines)


def markdown(run: dict[str, Any]) -> str:
    """A run as a table for the page."""
    lines = ["| figure | mockserver | bare | ratio | noise | target |", "|---|---|---|---|---|---|"]
    for one in run["figures"]:
        verdict = {True: "met", False: "**missed**", None: ""}[one["ok"]]
        target = f"{one['target']} {verdict}".strip()
        cells = (
            f"{number(one['value'])} {one['unit']}",
            number(one["bare"]),
            number(one["ratio"]),
            one.get("noise", ""),
        )
        lines.append(f"| {one['name']} | {' | '.join(cells)} | {target} |")
    return "\n".join([*lines, "", f"{run['machine']}; {run['rounds']} rounds; {run.get('steady', '')}".rstrip("; ")])


def main() -> int:
    """Put a run's table into the page."""
    if len(sys.argv) != 2:
        print("usage: python -m tests.bench.report build/bench.json", file=sys.stderr)
        return 2
    run = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    text = PAGE.read_text("utf-8")
    head, begin, rest = text.partition(MARKS[0])
    _, end, tail = rest.partition(MARKS[1])
    if not begin or not end:
        print(f"{PAGE}: the lines {MARKS[0]} and {MARKS[1]} are not there", file=sys.stderr)
        return 1
    PAGE.write_text(f"{head}{begin}\n\n{markdown(run)}\n\n{end}{tail}", "utf-8")
    print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
