"""The baseline of a sweep: which fault lines gave which verdict when somebody last looked. Pure.

A run is compared with it by fault line (without ordinals): what has become worse, and what is new and severe, fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from mockserver import bounded_yaml
from mockserver.errors import UsageError
from mockserver.sweeping.report import SweepReport, SweptRun
from mockserver.sweeping.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Compared:
    """How a sweep differs from its baseline. ``worse`` and ``new`` fail; each is a line for a person."""

    worse: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    better: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether CI should fail."""
        return bool(self.worse or self.new)


def lines_of(report: SweepReport) -> dict[str, Verdict]:
    """The worst verdict of each fault line, but for lines with which all is well."""
    found: dict[str, Verdict] = {}
    for run in report.runs:
        if not run.worst.fine:
            line = _line(run)
            found[line] = max(run.worst, found.get(line, run.worst), key=lambda one: one.rank)
    return dict(sorted(found.items()))


def updated(report: SweepReport, text: str | None, *, source: str) -> str:
    """The baseline as YAML. ``text``: the one there is; of a shard, lines that are of other shards stay."""
    before = {} if text is None or not report.shard else loaded(text, source=source)
    ran = {_line(run) for run in report.runs}
    kept = {line: verdict for line, verdict in before.items() if line not in ran}
    body = {line: verdict.value for line, verdict in {**kept, **lines_of(report)}.items()}
    head = f"# What the sweep of {report.name} found when it was last accepted (--realtime-mock-sweep-update).\n"
    lines: str = yaml.safe_dump(body, allow_unicode=True, sort_keys=True, width=120) if body else "{}\n"
    return head + lines


def loaded(text: str, *, source: str) -> dict[str, Verdict]:
    """A baseline from YAML. UsageError where it is none."""
    root = bounded_yaml.compose(text, source=source)
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise UsageError(f"{source}: expected a mapping of fault lines to verdicts")
    found = {}
    for key, value in root.value:
        try:
            found[str(key.value)] = Verdict(value.value)
        except ValueError:
            said, known = f"{str(value.value)!r:.60}", ", ".join(Verdict)
            at = f"{source}, line {value.start_mark.line + 1}"
            raise UsageError(f"{at}: no verdict is called {said}; there are: {known}") from None
    return found


def against(report: SweepReport, baseline: Mapping[str, Verdict]) -> Compared:
    """A sweep against its baseline. A line that was not run this time is no difference."""
    worse, new, better = [], [], []
    now = lines_of(report)
    for line, verdict in now.items():
        before = baseline.get(line)
        if before is None:
            if verdict.severe:
                new.append(f"{verdict}: {line}")
        elif verdict.rank > before.rank:
            worse.append(f"{verdict} (was {before}): {line}")
        elif verdict.rank < before.rank:
            better.append(f"{verdict} (was {before}): {line}")
    ran = {_line(run) for run in report.runs}
    better += [f"fine (was {before}): {line}" for line, before in baseline.items() if line in ran and line not in now]
    return Compared(tuple(worse), tuple(new), tuple(better))


def _line(run: SweptRun) -> str:
    return "; ".join(run.faults)
