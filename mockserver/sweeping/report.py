"""What a sweep found: runs, findings by cause, and the same as matrix, JSON, Markdown and JUnit. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from mockserver.sweeping.verdict import Verdict

FORMAT = 1
_CASE = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What a client or a server says may hold what steers a terminal, or what no XML may hold."""


@dataclass(frozen=True, slots=True)
class SweptRun:
    """One run and what it said. ``line``: the fault without ordinals; ``verdicts``: verdict and how, worst first."""

    spec: str
    line: str
    fault: str
    event: str
    blame: str
    fact: str
    verdicts: tuple[tuple[Verdict, str], ...]
    wire: str
    turns: int
    timeline: str = ""
    first: str = ""
    """The fault before it, which makes the client connect anew."""
    like: str = ""
    """The fault that was run in its place, because it does the same on the wire."""
    place: int = 0
    """Which of the sweep's runs, shards or not."""

    @property
    def faults(self) -> tuple[str, ...]:
        """All faults of the run, without the ordinals of the last."""
        return (self.first, self.line) if self.first else (self.line,)

    @property
    def worst(self) -> Verdict:
        """The worst verdict."""
        return self.verdicts[0][0]

    @property
    def how(self) -> str:
        """How that showed."""
        return self.verdicts[0][1]


@dataclass(frozen=True, slots=True)
class Finding:
    """Runs with the same fault and verdict. ``faults`` can be pasted into the marker; ``first``, where it is there, is
    the fault that makes the client connect anew before ``line`` strikes. ``spec``: the run that shows it.

    ``turns``: how many turns of the test it needs; ``wires``: how many of its runs differ on the wire.
    """

    fault: str
    verdict: Verdict
    line: str
    how: str
    events: tuple[str, ...]
    runs: int
    wires: int
    turns: int
    blame: str
    fact: str
    allowed: bool
    timeline: str = ""
    page: str = ""
    first: str = ""
    spec: str = ""

    @property
    def faults(self) -> tuple[str, ...]:
        """All faults that it needs."""
        return (self.first, self.line) if self.first else (self.line,)

    @property
    def cause(self) -> str:
        """How it surfaced, without the words and numbers of the one case."""
        return f"{self.verdict}: {_CASE.sub('...', self.how)}"


@dataclass(slots=True)
class SweepReport:
    """All of it. ``candidates``: at how many places a fault could be tried; not all of them fire, and the level quick
    takes some."""

    name: str
    level: str
    seed: int
    candidates: int
    runs: list[SweptRun] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    allow: tuple[str, ...] = ()
    shard: str = ""
    stopped: str = ""
    """Where somebody ended it by hand: how far it was."""

    @property
    def made(self) -> str:
        """How many runs there were, in words; those that stand for others are counted once."""
        alike = sum(bool(run.like) for run in self.runs)
        also = "1 fault more does" if alike == 1 else f"{alike} faults more do"
        said = f"; {also} the same as one of these" if alike else ""
        made = _counted(len(self.runs) - alike, "run")
        said += f"; {self.stopped}" if self.stopped else ""
        return f"{made}, level {self.level}, of {self.candidates} to think of{said}"

    @property
    def counts(self) -> dict[str, int]:
        """Faults by worst verdict, from best to worst; also those that stand for others."""
        counted = Counter(run.worst for run in self.runs)
        return {verdict.value: counted[verdict] for verdict in Verdict if counted[verdict]}

    @property
    def open(self) -> list[Finding]:
        """Findings that nobody has allowed, the worst first."""
        return [one for one in self.findings if not one.allowed]

    def with_pages(self, pages: Mapping[tuple[str, ...], str]) -> None:
        """Where each finding can be looked at, by its faults."""
        self.findings = [replace(one, page=pages.get(one.faults, one.page)) for one in self.findings]

    @property
    def causes(self) -> list[list[Finding]]:
        """The findings that surfaced in the same way, the worst first."""
        groups: dict[tuple[str, bool], list[Finding]] = defaultdict(list)
        for one in self.findings:
            groups[one.cause, one.allowed].append(one)
        return list(groups.values())

    # --- the forms ---

    def json(self) -> str:
        """Everything, the same for the same sweep to the last byte."""
        body = {"format": FORMAT, **asdict(self), "counts": self.counts}
        return json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def matrix(self) -> str:
        """Events by faults, a letter for the worst verdict of each cell; faults are numbered below."""
        cells: dict[str, dict[str, Verdict]] = defaultdict(dict)
        for run in self.runs:
            row = cells[run.event or "(handshake)"]
            row[run.fault] = max(run.worst, row.get(run.fault, run.worst), key=lambda one: one.rank)
        faults = list(dict.fromkeys(run.fault for run in self.runs))
        width = max((len(event) for event in cells), default=0)
        lines = [f"{'':{width}}  {' '.join(f'{number:2}' for number in range(1, len(faults) + 1))}"]
        for event, row in cells.items():
            marks = " ".join(f" {row[fault].letter}" if fault in row else "  " for fault in faults)
            lines.append(f"{event:{width}}  {marks}".rstrip())
        used = sorted({verdict for row in cells.values() for verdict in row.values()}, key=lambda one: one.rank)
        lines += ["", *(f"{number:3} {fault}" for number, fault in enumerate(faults, 1))]
        lines += ["", "  ".join(f"{verdict.letter} {verdict}" for verdict in used)]
        return "\n".join(lines)

    def text(self) -> str:
        """The matrix, the counts and the findings, for a terminal."""
        lines = [
            f"sweep of {self.name}: {self.made}",
            "",
        ]
        lines += [self.matrix(), "", ", ".join(f"{count} {name}" for name, count in self.counts.items())]
        for group in self.causes:
            said = "allowed " if group[0].allowed else ""
            lines += ["", f"{said}{group[0].verdict}: {group[0].how}"]
            for one in group:
                who = one.fact or ("the network" if one.blame == "network" else "only a broken server")
                turns = "1 turn" if one.turns == 1 else f"{one.turns} turns"
                lines.append(f"    faults=[{pasted(one)}]  ({_counted(one.runs, 'run')}; {turns}; {who})")
                lines += [f"        {one.page}"] if one.page else []
        return _plain("\n".join([*lines, "", self.verdict]))

    @property
    def verdict(self) -> str:
        """The whole in one line."""
        if not self.open:
            return "nothing found"
        causes = len({one.cause for one in self.open})
        broken = sum(one.blame == "broken" for one in self.open)
        apart = f"; {broken} by what only a broken server does" if broken else ""
        return f"{_counted(len(self.open), 'finding')}, which surfaced in {_counted(causes, 'way')}{apart}"

    def markdown(self) -> str:
        """For the summary of a CI run."""
        lines = [
            f"## Sweep of `{self.name}`",
            "",
            f"{self.made}.",
            "",
        ]
        lines += ["| verdict | runs |", "| --- | ---: |", *(f"| {name} | {n} |" for name, n in self.counts.items()), ""]
        if self.findings:
            lines += ["| | fault | how | runs | who does it |", "| --- | --- | --- | ---: | --- |"]
            for one in self.findings:
                who = one.fact or one.blame
                verdict = f"{one.verdict} (allowed)" if one.allowed else str(one.verdict)
                faults = _cell(", ".join(one.faults).replace("`", "'"))
                how = _cell(escape(one.how).replace("`", "\\`"))
                lines.append(f"| {verdict} | `{faults}` | {how} | {one.runs} | {who} |")
        return _plain("\n".join(lines) + "\n")

    def junit(self) -> str:
        """A test case for each finding and one for the sweep itself."""
        cases = [f'<testcase classname={quoteattr(self.name)} name="sweep"/>']
        for one in self.findings:
            told = f"{one.verdict}: {', '.join(one.faults)}"
            head = f"<testcase classname={quoteattr(self.name)} name={quoteattr(told)}"
            if one.allowed:
                cases.append(f'{head}><skipped message="allowed"/></testcase>')
            else:
                why = f"<failure message={quoteattr(one.how)}>{escape(one.timeline)}</failure>"
                cases.append(f"{head}>{why}</testcase>")
        counted = f'tests="{len(cases)}" failures="{len(self.open)}" skipped="{len(self.findings) - len(self.open)}"'
        head = f'<?xml version="1.0" encoding="utf-8"?>\n<testsuite name={quoteattr(self.name)} {counted}>'
        return _plain("\n".join([head, *cases, "</testsuite>\n"]))


def grouped(runs: Iterable[SweptRun], allow: Sequence[str] = ()) -> list[Finding]:
    """The findings: runs with the same fault and verdict are one, shown by its run with the shortest line."""
    groups: dict[tuple[Verdict, str, str, bool], list[SweptRun]] = defaultdict(list)
    for run in runs:
        if not run.worst.fine:
            groups[run.worst, run.fault, run.first, is_allowed(run, allow)].append(run)
    found = []
    for (verdict, fault, first, allowed), members in groups.items():
        shown = min(members, key=lambda run: (run.turns, len(run.line), run.spec))
        found.append(
            Finding(
                fault=fault,
                verdict=verdict,
                line=shown.spec,
                how=shown.how,
                events=tuple(sorted({run.event for run in members})),
                runs=len(members),
                wires=len({run.wire for run in members}),
                turns=shown.turns,
                blame=shown.blame,
                fact=shown.fact,
                allowed=allowed,
                timeline=shown.timeline,
                first=first,
                spec=shown.spec,
            )
        )
    return sorted(found, key=lambda one: (-one.verdict.rank, one.blame == "broken", one.fault))


def is_allowed(run: SweptRun, allow: Sequence[str]) -> bool:
    """Whether a pattern (``*`` as in file names) fits the line, the verdict, or "verdict: line"."""
    said = (run.line, run.spec, run.worst.value, f"{run.worst}: {run.line}")
    return any(fnmatchcase(text, pattern) for pattern in allow for text in said)


def merged(texts: Iterable[str]) -> SweepReport:
    """One report of the JSON of several shards. ValueError where they are of different sweeps."""
    parts: list[dict[str, Any]] = [json.loads(text) for text in texts]
    if not parts:
        raise ValueError("no report to merge")
    heads = {(part["format"], part["name"], part["level"], part["seed"], part["candidates"]) for part in parts}
    if len(heads) > 1:
        raise ValueError(f"reports of different sweeps cannot be merged: {sorted(map(str, heads))}")
    first = parts[0]
    runs = {(run["first"], run["spec"]): _run(run) for part in parts for run in part["runs"]}
    report = SweepReport(first["name"], first["level"], first["seed"], first["candidates"], allow=tuple(first["allow"]))
    report.stopped = next((part["stopped"] for part in parts if part["stopped"]), "")
    report.runs = sorted(runs.values(), key=lambda run: run.place)
    # What shows a finding in the whole shows it in the part that has that run.
    shrunk = {(one["first"], one["spec"]): one for part in parts for one in part["findings"]}
    kept = ("line", "turns", "how", "timeline", "page")
    for found in grouped(report.runs, report.allow):
        one = shrunk[found.first, found.spec]
        report.findings.append(replace(found, **{name: one[name] for name in kept}))
    return report


def _run(body: dict[str, Any]) -> SweptRun:
    verdicts = tuple((Verdict(name), how) for name, how in body["verdicts"])
    return SweptRun(**{**body, "verdicts": verdicts})


def pasted(one: Finding) -> str:
    """Its faults as the marker takes them."""
    return ", ".join(f'"{_quoted(line)}"' for line in one.faults)


def _plain(text: str) -> str:
    return _CONTROL.sub("?", text)


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _quoted(line: str) -> str:
    return line.replace("\\", "\\\\").replace('"', '\\"')


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
