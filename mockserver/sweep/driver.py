"""``sweep(scenario)``: the run without faults, the faults that can fire in it, their runs, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from mockserver.core.frames import SECOND
from mockserver.dialects.registry import FAMILIAR
from mockserver.engines.base import Source
from mockserver.errors import ExpectationFailed, UsageError
from mockserver.server.host import MockServer
from mockserver.sweep.candidates import QUICK, Candidate, can_fire, candidates, chosen
from mockserver.sweep.record import RunRecord
from mockserver.sweep.report import Finding, SweepReport, SweptRun, grouped
from mockserver.sweep.running import Scenario, Setting, run_once
from mockserver.sweep.verdict import Judged, judge
from mockserver.sweep.workers import run_all

Level = Literal["quick", "full"]
Progress = Callable[[int, int], None]


def sweep(
    scenario: Scenario,
    *,
    source: Callable[[], Source] | str = FAMILIAR.name,
    faults: Sequence[str] = (),
    level: Level = "quick",
    runs: int | None = None,
    seed: int = 0,
    hang_s: float = 60,
    report_within_s: float = 30,
    allow: Iterable[str] = (),
    shard: str = "",
    env: bool = False,
    tls: bool = False,
    processes: int | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> SweepReport:
    """Run ``scenario(server, run)`` once as it is and then under every fault that can fire in it.

    ``source``: a provider's name for its simulator, or a function that makes what answers. ``faults``: those that every
    run has. ``level``: "quick" makes at most ``runs`` (200) runs, chosen round-robin by fault from ``seed``; "full"
    makes all. ``hang_s``: how long a turn may take after the fault; ``report_within_s``: how soon an error has to be
    told. ``env``: the variables that point clients at the server are set; ``tls``: it has a certificate.
    ``allow``: patterns of fault lines or verdicts that are accepted. ``shard`` "3/8": the third of eight parts.
    Raises UsageError, and ExpectationFailed where the run without faults fails.
    """
    if level not in ("quick", "full"):
        raise UsageError(f"level={level!r}: expected quick or full")
    setting = setting_of(scenario, source=source, faults=faults, seed=seed, hang_s=hang_s, env=env, tls=tls)
    return swept(
        Sweeping(setting, round(report_within_s * SECOND)),
        name=name or f"{scenario.__module__}:{getattr(scenario, '__qualname__', type(scenario).__name__)}",
        level=level,
        seed=seed,
        runs=runs,
        allow=allow,
        shard=shard,
        processes=processes,
        progress=progress,
    )


def setting_of(
    scenario: Scenario,
    *,
    source: Callable[[], Source] | str = FAMILIAR.name,
    faults: Sequence[str] = (),
    seed: int = 0,
    hang_s: float = 60,
    env: bool = False,
    tls: bool = False,
) -> Setting:
    """How a scenario is run: see ``sweep``."""
    if not callable(scenario):
        raise UsageError(f"expected a scenario, async def scenario(server, run), got {scenario!r:.60}")
    return Setting(scenario, _maker(source, tuple(faults), seed, tls), hang_s, env)


def swept(
    sweeping: Sweeping,
    *,
    name: str,
    level: str,
    seed: int = 0,
    runs: int | None = None,
    allow: Iterable[str] = (),
    shard: str = "",
    processes: int | None = None,
    progress: Progress | None = None,
) -> SweepReport:
    """The whole of a sweep: see ``sweep``."""
    all_ = sweeping.begin(every=level == "full")
    most = None if level == "full" else runs or QUICK
    part = sharded(chosen(all_, sweeping.fires, most=most, seed=seed), shard)
    report = SweepReport(name, level, seed, len(all_), allow=tuple(allow), shard=shard)
    report.runs = sweeping.make(part, processes, progress)
    report.findings = [sweeping.shrunk(one, report.runs) for one in grouped(report.runs, report.allow)]
    return report


class Sweeping:
    """One sweep at work."""

    def __init__(self, setting: Setting, within_us: int) -> None:
        self.setting = setting
        self._within_us = within_us
        self.base = RunRecord()
        self._server: MockServer | None = None

    def begin(self, *, every: bool = False) -> list[Candidate]:
        """The run without faults, and what can fire in it."""
        servers: list[MockServer] = []

        def make(specs: Sequence[str]) -> MockServer:
            servers.append(self.setting.make(specs))
            return servers[-1]

        try:
            self.base = run_once(replace(self.setting, make=make))
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())
            raise ExpectationFailed(f"the test fails without any fault, so it cannot be swept: {told}") from error
        if self.base.trouble or not self.base.turns:
            why = self.base.trouble or "it has no turn: `await sweep.turn(...)` marks what has to work"
            raise ExpectationFailed(f"the test cannot be swept: {why}")
        self._server = servers[-1]
        return candidates(self._server.journal, self._server.dialect, every=every)

    def fires(self, one: Candidate) -> bool:
        """Whether a fault can fire in the test, as the run without faults shows."""
        assert self._server is not None
        return can_fire(one, self._server.journal, self._server.dialect)

    def make(
        self, work: Sequence[Candidate], processes: int | None = None, progress: Progress | None = None
    ) -> list[SweptRun]:
        """A run for each."""
        found = []
        for one, record in zip(
            work, run_all(self.setting, [(one.spec,) for one in work], self.base, processes=processes), strict=True
        ):
            found.append(self.judged(one, record))
            if progress is not None:
                progress(len(found), len(work))
        return found

    def once(self, faults: Sequence[str], *, make: Callable[[Sequence[str]], MockServer] | None = None) -> RunRecord:
        """One run under these faults, compared with the one without."""
        setting = self.setting if make is None else replace(self.setting, make=make)
        return run_once(setting, faults, self.base)

    def said(self, record: RunRecord) -> list[Judged]:
        """What a run says."""
        return judge(record, report_within_us=self._within_us)

    def judged(self, one: Candidate, record: RunRecord) -> SweptRun:
        """A run as the report has it."""
        said = tuple((each.verdict, each.how) for each in self.said(record))
        hit = [place for place, turn in enumerate(record.turns, 1) if turn.outcome != "ok"]
        turns = min(len(record.turns), hit[0] + 1) if hit else len(record.turns)
        return SweptRun(
            one.spec, one.short, one.fault, one.event, one.blame, one.fact, said, record.wire, turns, timeline(record)
        )

    def shrunk(self, finding: Finding, runs: Sequence[SweptRun]) -> Finding:
        """The finding with the shortest line that gives the same verdict, run once more to see that it does."""
        run = next(one for one in runs if one.spec == finding.line)
        ordinal = run.spec.removesuffix(" in 1st connection")
        for line in dict.fromkeys((run.line, ordinal)):
            if line == run.spec:
                continue
            record = self.once((line,))
            if self.said(record)[0].verdict is finding.verdict:
                return replace(finding, line=line, timeline=timeline(record))
        return finding


def timeline(record: RunRecord) -> str:
    """What happened in a run, in lines for a person."""
    lines: list[tuple[int, str]] = [(at, "the fault struck") for at in record.fired[:3]]
    lines += [(at, f"told: {text}") for at, text in record.reports]
    lines += [(at, f"a client asked to connect ({status or 'no answer'})") for at, status in record.handshakes]
    for turn in record.turns:
        lines.append((turn.began, f"turn {turn.name!r} begins"))
        what = turn.error or (f"gave {turn.heard!r:.80}" if turn.heard is not None else turn.outcome)
        lines.append((turn.ended, f"turn {turn.name!r} {turn.outcome}: {what}"))
    if record.raised is not None:
        lines.append((record.raised[0], f"the test raised {record.raised[1]}"))
    ends = [f"crashed: {text}" for text in record.crashes] + [f"leak: {text}" for text in record.leaks]
    shown = [f"{at / SECOND:9.3f} s  {text}" for at, text in sorted(lines, key=lambda line: line[0])]
    return "\n".join([*shown, *(f"{'at the end':>11}  {text}" for text in ends)])


def sharded(work: Sequence[Candidate], shard: str) -> list[Candidate]:
    """The part of the work that "3/8" names: by a check sum of the fault, so that every machine agrees."""
    if not shard:
        return list(work)
    number, _, count = shard.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise UsageError(f"shard {shard!r}: expected a part and the number of parts, such as 3/8")
    return [one for one in work if one.number % int(count) == int(number) - 1]


def _maker(
    source: Callable[[], Source] | str, always: tuple[str, ...], seed: int, tls: bool
) -> Callable[..., MockServer]:
    if not isinstance(source, str):
        if not callable(source):
            raise UsageError("source: expected a provider's name or a function that makes what answers")
        make = source
    else:
        from mockserver.engines.simulator import simulator

        provider: Any = source

        def make() -> Source:
            made: Source = simulator(provider)
            return made

    return lambda specs: MockServer(make(), faults=[*always, *specs], seed=seed, tls=tls)
