"""A figure, its target, and the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. ``ok`` None: no target was set. ``ratio`` is what ``says`` it is."""

    name: str
    value: float
    unit: str
    bare: float | None = None
    ratio: float | None = None
    target: str = ""
    ok: bool | None = None
    note: str = ""
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def row(self) -> tuple[str, ...]:
        """The cells."""
        verdict = {True: "ok", False: "MISSED", None: ""}[self.ok]
        return (
            self.name,
            number(self.value),
            self.unit,
            number(self.bare),
            number(self.ratio),
            self.target,
            verdict,
            self.note,
        )

    def plain(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self)


HEADS = ("figure", "mockserver", "unit", "bare", "ratio", "target", "", "note")


def number(value: float | None) -> str:
    """Three significant digits and no more."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(figures: Sequence[Figure]) -> str:
    """The table for a person."""
    rows = [HEADS, *(figure.row() for figure in figures)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    lines = []
    for place, row in enumerate(rows):
        cells = [
            cell.rjust(width) if at in (1, 3, 4) else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if not place:
            lines.append("-" * min(160, sum(widths) + 2 * len(widths)))
    return "\n".join(lines)


def interleave(rounds: int, **sides: Callable[[], Any]) -> dict[str, list[Any]]:
    """Run the sides in turn, A B A B, and the other way round every second time: neither always goes first."""
    results: dict[str, list[Any]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            results[name].append(sides[name]())
    return results


def middle(values: Sequence[float]) -> float:
    """The median."""
    return float(median(values))


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which ``part`` of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
