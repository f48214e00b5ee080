"""The processes of a sweep: a client that ends one, somebody who ends the sweep, and that none stays."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable

import pytest

from mockserver import sweep
from mockserver.errors import UsageError
from mockserver.server.host import MockServer
from mockserver.sweeping.driver import setting_of
from mockserver.sweeping.running import Scenario, run_once
from mockserver.sweeping.verdict import Verdict, judge
from mockserver.sweeping.watching import SweepRun
from mockserver.sweeping.workers import Attempt, run_all
from tests.sweeping.scenarios import sound
from tests.sweeping.talker import Talker, TurnFailed


def ends_with(end: Callable[[], object]) -> Scenario:
    """A client that gives up with its whole process where a turn fails."""

    async def turns(server: MockServer, run: SweepRun) -> None:
        async def ask(talker: Talker, word: str) -> str:
            try:
                return await talker.ask(word)
            except TurnFailed:
                end()
                raise

        async with run.client(Talker(f"{server.ws_url}?model=gpt-realtime")) as talker:
            for word in ("one", "two"):
                await run.turn(ask(talker, word), expect=word)

    return turns


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda: os._exit(3), "with status 3"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "with signal 9"),
        (lambda: sys.exit("no more"), "with SystemExit('no more')"),
    ],
    ids=["exit", "signal", "SystemExit"],
)
def test_a_client_that_ends_its_process_is_told_and_the_other_runs_go_on(end: Callable[[], object], how: str) -> None:
    setting = setting_of(ends_with(end))
    bad, good = Attempt(("fail on 1st response.output_text.delta",)), Attempt(("delay 1s on 1st response.created",))
    found = [judge(record)[0] for record in run_all(setting, [good, bad, bad, good], run_once(setting), processes=2)]
    assert [one.verdict for one in found] == [
        Verdict.RECOVERED,
        Verdict.CRASHED,
        Verdict.CRASHED,
        Verdict.RECOVERED,
    ]
    assert {one.how for one in found[1:3]} == {f"the client ended its process, {how}"}
    assert multiprocessing.active_children() == []
    # The control: the same client that stays.
    stays = setting_of(ends_with(lambda: None))
    [record] = run_all(stays, [bad], run_once(stays))
    assert judge(record)[0].verdict is Verdict.REPORTED


def test_a_sweep_of_a_client_that_ends_its_process_is_whole() -> None:
    report = sweep(ends_with(lambda: os._exit(3)), runs=8)
    assert len([run for run in report.runs if not run.like]) == 8
    assert {one.how for one in report.findings} == {"the client ended its process, with status 3"}


def test_who_ends_a_sweep_keeps_what_was_found_and_no_process_stays() -> None:
    def enough(made: int, all_: int) -> None:
        if made == 5:
            raise KeyboardInterrupt

    frozen = gc.get_freeze_count()
    report = sweep(sound, runs=8, progress=enough)
    assert report.stopped == f"stopped by hand after {len(report.runs)} of 8 runs"
    assert len(report.runs) >= 5
    assert report.stopped in report.text()
    assert gc.get_freeze_count() <= frozen  # the workers' own affair
    assert multiprocessing.active_children() == []


async def test_a_sweep_in_async_code_is_told_in_one_line() -> None:
    with pytest.raises(UsageError, match="call it from a plain function"):
        sweep(sound)


@pytest.mark.parametrize(
    ("name", "value"), [("hang_s", 0), ("hang_s", "60"), ("report_within_s", float("nan")), ("report_within_s", True)]
)
def test_seconds_are_numbers_above_nothing(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"{name}=.*expected a number of seconds above 0"):
        sweep(sound, **{name: value})  # type: ignore[arg-type]
