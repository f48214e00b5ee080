"""``--realtime-mock-sweep``: a test with the marker ``realtime_mock_sweep`` is run under every fault, not once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import pytest

from mockserver.errors import MockServerError, UsageError
from mockserver.pytest_plugin.pages import folder_of
from mockserver.pytest_plugin.settings import settings_of
from mockserver.pytest_plugin.sources import plan
from mockserver.server.host import MockServer
from mockserver.sweeping.baseline import Compared, against, loaded, updated
from mockserver.sweeping.driver import Sweeping, positive, swept
from mockserver.sweeping.files import text_of
from mockserver.sweeping.report import SweepReport
from mockserver.sweeping.running import Setting
from mockserver.sweeping.watching import SweepRun

TEXTS: pytest.StashKey[list[str]] = pytest.StashKey()
LEVELS = ("quick", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings:
    """The marker's arguments: see ``mockserver.sweep``."""

    level: str = "quick"
    hang_s: float = 60
    report_within_s: float = 30
    allow: Sequence[str] = ()
    seed: int = 0
    runs: int | None = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UsageError(f"marker realtime_mock_sweep: level={self.level!r}: expected quick or full")
        if isinstance(self.allow, str):
            raise UsageError(f"marker realtime_mock_sweep: allow= is a list; write [{self.allow!r}]")
        for name in ("hang_s", "report_within_s"):
            positive(f"marker realtime_mock_sweep: {name}", getattr(self, name))
        if type(self.seed) is not int:
            raise UsageError(f"marker realtime_mock_sweep: seed={self.seed!r}: expected a whole number")
        if self.runs is not None and (type(self.runs) is not int or self.runs < 1):
            raise UsageError(f"marker realtime_mock_sweep: runs={self.runs!r}: expected a whole number above 0")


def asked_of(item: pytest.Item) -> SweepSettings:
    """What the item's marker asks for; the option's level goes before the marker's. UsageError where it is wrong."""
    given: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers("realtime_mock_sweep"))):
        if mark.args:
            raise UsageError(f"marker realtime_mock_sweep: takes keywords only, got {mark.args[0]!r}")
        given.update(mark.kwargs)
    known = [one.name for one in fields(SweepSettings)]
    for name in given:
        if name not in known:
            raise UsageError(f"marker realtime_mock_sweep: unknown argument {name!r}; known are {', '.join(known)}")
    option = item.config.getoption("realtime_mock_sweep", None)
    return SweepSettings(**{**given, **({"level": option} if option in LEVELS else {})})


def run(item: pytest.Function, test: Any) -> None:
    """The sweep of one test, in place of the test itself. Fails the test where something is found."""
    __tracebackhide__ = True
    try:
        report, compared = _swept(item, test)
    except MockServerError as error:
        pytest.fail(str(error), pytrace=False)
    lines = [report.text()]
    if compared is not None:
        for title, found in (("worse", compared.worse), ("new", compared.new), ("better", compared.better)):
            lines += [f"{title} than the baseline: {line}" for line in found]
    item.config.stash.setdefault(TEXTS, []).append("\n".join(lines))
    if report.stopped:
        raise KeyboardInterrupt(report.stopped)
    failed = bool(report.open) if compared is None else compared.failed
    if failed:
        pytest.fail("\n".join(lines), pytrace=False)


def _swept(item: pytest.Function, test: Any) -> tuple[SweepReport, Compared | None]:
    if not inspect.iscoroutinefunction(test):
        raise UsageError("marker realtime_mock_sweep: needs an async test function; each run has a loop of its own")
    asked, settings = asked_of(item), settings_of(item.iter_markers("realtime_mock"))
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}

    def make(specs: Sequence[str]) -> MockServer:
        source = plan(item, settings).source
        return MockServer(source, faults=[*settings.faults, *specs], tls=settings.tls, seed=settings.seed)

    async def scenario(server: MockServer, watched: SweepRun) -> None:
        own = {"realtime_mock": server, "realtime_mock_sweep": watched, "realtime_mock_url": server.base_url}
        await test(**{name: own.get(name, value) for name, value in arguments.items()})

    setting = Setting(scenario, make, asked.hang_s, settings.env)
    shard = item.config.getoption("realtime_mock_sweep_shard", None) or ""
    sweeping = Sweeping(setting, round(asked.report_within_s * 1_000_000))
    report = swept(
        sweeping,
        name=item.nodeid,
        level=asked.level,
        seed=asked.seed,
        runs=asked.runs,
        allow=asked.allow,
        shard=shard,
        progress=_progress(item),
    )
    _write(item, sweeping, report, shard)
    kept = item.path.parent / "sweeps" / item.path.stem / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', item.name)}.yaml"
    if report.stopped:
        return report, None
    text = text_of(kept)
    if item.config.getoption("realtime_mock_sweep_update", False):
        text = updated(report, text, source=str(kept))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(text, encoding="utf-8")
    return report, None if text is None else against(report, loaded(text, source=str(kept)))


def _progress(item: pytest.Function) -> Any:
    from mockserver.sweeping.progress import ProgressBar

    reporter = item.config.pluginmanager.get_plugin("terminalreporter")
    file = getattr(getattr(reporter, "_tw", None), "_file", None)
    return ProgressBar(file) if file is not None and file.isatty() else None


def _write(item: pytest.Function, sweeping: Sweeping, report: SweepReport, shard: str) -> None:
    """The report's files and a page for each finding, where ``--realtime-mock-report`` names a folder."""
    folder = folder_of(item.config)
    if folder is None:
        return
    from mockserver.sweeping.files import write_pages, write_report

    part = f"-{shard.replace('/', '-of-')}" if shard else ""
    head = f"sweep-{re.sub(r'[^A-Za-z0-9_.-]+', '-', item.nodeid)}{part}"
    if not report.stopped:
        write_pages(folder, head, sweeping, report)
    write_report(folder, head, report)


def summary(config: pytest.Config) -> list[str]:
    """What the sweeps of this run found, for the end of the run."""
    return config.stash.get(TEXTS, [])
