"""``sweep(scenario)``: the run without faults, the faults that can fire in it, their runs, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mockserver.core.frames import SECOND, Micros, Sender
from mockserver.core.journal import Journal
from mockserver.dialects.registry import FAMILIAR
from mockserver.engines.base import Source
from mockserver.errors import ExpectationFailed, UsageError
from mockserver.faults.where import event_text
from mockserver.server.host import MockServer
from mockserver.sweeping.candidates import QUICK, Candidate, Foresight, candidates, chosen
from mockserver.sweeping.record import RunRecord
from mockserver.sweeping.report import Finding, SweepReport, SweptRun, grouped
from mockserver.sweeping.running import Scenario, Setting, no_loop, run_once
from mockserver.sweeping.verdict import Judged, Verdict, judge
from mockserver.sweeping.workers import Attempt, run_all

Level = Literal["quick", "full"]
Progress = Callable[[int, int], None]
NO_TURN = "it has no turn: `await sweep.turn(...)` marks what has to work"
LOSING = ("reset", "close 1011")
"""Faults that make a client connect anew, if it does so at all."""


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
    positive("report_within_s", report_within_s)
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
    real_time: bool = False,
) -> Setting:
    """How a scenario is run: see ``sweep``. ``real_time``: by the clock on the wall."""
    if not callable(scenario):
        raise UsageError(f"expected a scenario, async def scenario(server, run), got {scenario!r:.60}")
    positive("hang_s", hang_s)
    return Setting(scenario, _maker(source, tuple(faults), seed, tls), hang_s, env, real_time)


def positive(name: str, seconds: object) -> None:
    """UsageError where a number of seconds is none, or not above 0."""
    fine = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < float("inf")
    if not fine:
        raise UsageError(f"{name}={seconds!r}: expected a number of seconds above 0")


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
    sharded((), shard)  # a mistake in it is told before the first run
    all_ = sweeping.begin(every=level == "full")
    most = None if level == "full" else runs or QUICK
    part = sharded(chosen(all_, sweeping.look, most=most, seed=seed), shard)
    report = SweepReport(name, level, seed, len(all_), allow=tuple(allow), shard=shard)
    made = sweeping.make(part, processes, progress)
    try:
        report.runs.extend(run for runs in made for run in runs)
    except KeyboardInterrupt:
        report.stopped = f"stopped by hand after {len(report.runs)} of {len(part)} runs"
    finally:
        made.close()
    report.findings = grouped(report.runs, report.allow)
    if not report.stopped:
        try:
            report.findings = sweeping.shrunk(report.findings, report.runs, processes)
        except KeyboardInterrupt:
            report.stopped = "stopped by hand before all findings had their shortest line"
    return report


class Sweeping:
    """One sweep at work."""

    def __init__(self, setting: Setting, within_us: int) -> None:
        self.setting = setting
        self._within_us = within_us
        self.base = RunRecord()
        self._server: MockServer | None = None
        self._again: _Again | None = None
        self._sights: dict[str, Foresight] = {}

    def begin(self, *, every: bool = False) -> list[Candidate]:
        """The run without faults, and what can fire in it."""
        no_loop()
        kept = _Kept(self.setting.make)
        try:
            self.base = run_once(replace(self.setting, make=kept))
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())
            raise ExpectationFailed(f"the test fails without any fault, so it cannot be swept: {told}") from error
        if self.base.trouble or self.base.died or not self.base.turns:
            why = self.base.trouble or self.base.died or NO_TURN
            raise ExpectationFailed(f"the test cannot be swept: {why}")
        self._server = server = kept.server
        found = candidates(server.journal, server.dialect, every=every)
        if len(self.base.handshakes) > 1:
            return found + candidates(server.journal, server.dialect, connection=2)
        self._again = self._connects_again()
        if self._again is not None:
            found += candidates(self._again.journal, server.dialect, connection=2, first=self._again.fault)
        return found

    def _connects_again(self) -> _Again | None:
        """Whether the client connects anew where its connection is lost in the first turn: then that is swept too."""
        assert self._server is not None
        name = _first_answer(self._server.journal, self.base.turns[0].began)
        for words in LOSING if name else ():
            kept = _Kept(self.setting.make)
            fault = f"{words} on 1st {event_text(name)} in 1st connection"
            # In a process of its own first: what a client does about a loss may be to end its process.
            [record] = run_all(self.setting, [Attempt((fault,))], self.base)
            if record.died or len(record.handshakes) <= len(self.base.handshakes):
                continue
            record = run_once(replace(self.setting, make=kept), (fault,), self.base)
            if len(record.handshakes) > len(self.base.handshakes) and record.turns and record.turns[-1].outcome == "ok":
                return _Again(fault, kept.server.journal, len(record.fired), self.said(record)[0].verdict)
        return None

    def look(self, one: Candidate) -> str | None:
        """What a fault would do in the test, as the run without it shows: see ``Foresight.look``."""
        sight = self._sights.get(one.first)
        if sight is None:
            assert self._server is not None
            journal = self._again.journal if one.first and self._again is not None else self._server.journal
            sight = self._sights[one.first] = Foresight(journal, self._server.dialect)
        return sight.look(one)

    def make(
        self, work: Sequence[Candidate], processes: int | None = None, progress: Progress | None = None
    ) -> Generator[list[SweptRun], None, None]:
        """A run for each, and for those that are alike what it gave."""
        records = run_all(self.setting, [Attempt(one.faults) for one in work], self.base, processes=processes)
        for made, (one, record) in enumerate(zip(work, records, strict=True), 1):
            run = self.judged(one, record)
            yield [run, *(_alike(run, other) for other in one.alike)]
            if progress is not None:
                progress(made, len(work))

    def once(self, faults: Sequence[str], *, turns: int | None = None) -> RunRecord:
        """One run under these faults, compared with the one without. ``turns``: so many turns of the test alone."""
        return run_once(self.setting, faults, self.base, turns)

    def seen(self, faults: Sequence[str]) -> MockServer | None:
        """The server that such a run was made with; None where the client ends its process in it."""
        [record] = run_all(self.setting, [Attempt(tuple(faults))], self.base)
        if record.died:
            return None
        kept = _Kept(self.setting.make)
        run_once(replace(self.setting, make=kept), faults, self.base)
        return kept.server

    def said(self, record: RunRecord) -> list[Judged]:
        """What a run says. What the first of two faults alone brings about is not held against the second."""
        again = self._again
        if again is None or len(record.faults) < 2 or record.faults[0] != again.fault:
            return judge(record, report_within_us=self._within_us)
        found = judge(record, report_within_us=self._within_us, after=again.fired)
        if found[0].verdict.rank <= again.verdict.rank:
            return [Judged(Verdict.RECOVERED, f"as with the first fault alone: {again.verdict}")]
        return found

    def judged(self, one: Candidate, record: RunRecord) -> SweptRun:
        """A run as the report has it."""
        said = tuple((each.verdict, each.how) for each in self.said(record))
        hit = [place for place, turn in enumerate(record.turns, 1) if turn.outcome != "ok"]
        turns = min(len(record.turns), hit[0] + 1) if hit else len(record.turns)
        return SweptRun(
            one.spec,
            one.short,
            one.fault,
            one.event,
            one.blame,
            one.fact,
            said,
            record.wire,
            turns,
            timeline(record),
            one.first,
            place=one.place,
        )

    def shrunk(
        self, findings: Sequence[Finding], runs: Sequence[SweptRun], processes: int | None = None
    ) -> list[Finding]:
        """Each with the shortest line and the fewest turns that give the same verdict, as runs of these show."""
        made = list(findings)
        by_faults = {(one.first, one.spec): one for one in runs}
        asking = {place: self._shrinking(one, by_faults[one.first, one.spec]) for place, one in enumerate(findings)}
        answers: dict[int, RunRecord | None] = dict.fromkeys(asking)
        while answers:
            attempts: dict[int, Attempt] = {}
            for place, record in answers.items():
                try:
                    attempts[place] = next(asking[place]) if record is None else asking[place].send(record)
                except StopIteration as done:
                    made[place] = done.value
            records = run_all(self.setting, list(attempts.values()), self.base, processes=processes)
            answers = dict(zip(attempts, records, strict=True))
        return made

    def _shrinking(self, finding: Finding, run: SweptRun) -> Generator[Attempt, RunRecord, Finding]:
        """Asks for runs, one after the other, until it knows."""
        for line in dict.fromkeys((run.line, run.spec.removesuffix(" in 1st connection"))):
            if line != run.spec:
                record = yield Attempt(tuple(filter(None, (run.first, line))))
                worst = self.said(record)[0]
                if worst.verdict is finding.verdict:
                    finding = replace(finding, line=line, how=worst.how, timeline=timeline(record))
                    break
        for turns in range(max(1, run.turns - 1), len(self.base.turns)):
            record = yield Attempt(finding.faults, turns)
            worst = self.said(record)[0]
            if worst.verdict is finding.verdict:
                return replace(finding, turns=turns, how=worst.how, timeline=timeline(record))
        return replace(finding, turns=len(self.base.turns))


def _alike(run: SweptRun, one: Candidate) -> SweptRun:
    """What a run says of a fault that does the same."""
    return replace(
        run,
        spec=one.spec,
        line=one.short,
        fault=one.fault,
        event=one.event,
        blame=one.blame,
        fact=one.fact,
        like=run.spec,
    )


def _first_answer(journal: Journal, began: Micros) -> str:
    """The event with which the server answers what the client sends in its first turn; "" where it does not."""
    asked = False
    opened = journal.sessions[0].began_us
    for one in journal.frames():
        if one.session == 0 and opened + one.at >= began:
            asked = asked or one.sender is Sender.CLIENT
            view = journal.view(one)
            if asked and one.sender is Sender.SERVER and view is not None and view.name:
                return view.name
    return ""


@dataclass(frozen=True, slots=True)
class _Again:
    """A run in which the client connected anew: the fault that made it, and what came of that."""

    fault: str
    journal: Journal
    fired: int
    verdict: Verdict


class _Kept:
    """Makes a server and keeps it."""

    def __init__(self, make: Callable[[Sequence[str]], MockServer]) -> None:
        self._make = make
        self._made: MockServer | None = None

    def __call__(self, specs: Sequence[str]) -> MockServer:
        self._made = self._make(specs)
        return self._made

    @property
    def server(self) -> MockServer:
        """The one that was made."""
        assert self._made is not None
        return self._made


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
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
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
