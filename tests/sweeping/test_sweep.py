"""The sweep finds what was planted and nothing where nothing was, and says the same each time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mockserver import sweep
from mockserver.cli import main
from mockserver.errors import ExpectationFailed, UsageError
from mockserver.server.host import MockServer
from mockserver.sweeping.driver import Sweeping, setting_of
from mockserver.sweeping.report import merged
from mockserver.sweeping.running import run_once
from mockserver.sweeping.verdict import Verdict, judge
from mockserver.sweeping.watching import SweepRun
from tests.sweeping.scenarios import sound, talking
from tests.sweeping.talker import DEFECTS, Talker

TOP = Path(__file__).resolve().parents[2]
SHOWN_BY = {
    "no timeout": ("half open on response.created", Verdict.HUNG),
    "slow timeout": ("half open on response.created", Verdict.REPORTED_LATE),
    "takes part for all": ("incomplete on response.output_text.delta", Verdict.DEGRADED_SILENT),
    "tells and takes part": ("incomplete on response.output_text.delta", Verdict.DEGRADED_TOLD),
    "takes any reply": ("second response on response.output_text.done", Verdict.WRONG_CONTENT),
    "storm": ("refuse 503", Verdict.RECONNECT_STORM),
    "in vain": ("refuse 401", Verdict.RETRIED_IN_VAIN),
    "no reconnect": ("reset on response.created in 1st connection", Verdict.SESSION_LOST),
    "stays busy": ("fail on response.output_text.delta", Verdict.NEXT_TURN_BROKEN),
    "unseen task": ("not json on response.done", Verdict.CRASHED),
    "orphan": ("fail on 1st response.output_text.delta in 1st connection", Verdict.LEAK),
    "open socket": ("fail on 1st response.output_text.delta in 1st connection", Verdict.LEAK),
}


def test_there_is_a_fault_for_each_planted_defect() -> None:
    assert set(SHOWN_BY) == set(DEFECTS)
    assert len(DEFECTS) == 12


@pytest.mark.parametrize("defect", SHOWN_BY)
def test_a_planted_defect_shows(defect: str) -> None:
    spec, verdict = SHOWN_BY[defect]
    sweeping = Sweeping(setting_of(talking(defect)), 30_000_000)
    sweeping.begin()
    said = sweeping.said(sweeping.once((spec,)))
    assert said[0].verdict is verdict, said


def test_the_mended_twin_bears_what_shows_the_defects() -> None:
    sweeping = Sweeping(setting_of(sound), 30_000_000)
    sweeping.begin()
    said = {spec: sweeping.said(sweeping.once((spec,)))[0] for spec, _ in SHOWN_BY.values()}
    assert all(one.verdict in (Verdict.RECOVERED, Verdict.REPORTED) for one in said.values()), said


@pytest.mark.timeout(300)
def test_the_sweep_finds_all_twelve_by_itself_and_none_in_the_twin() -> None:
    found = {}
    for defect in DEFECTS:
        report = sweep(talking(defect, words=("one", "two")), runs=SHOWING.get(defect, 45))
        found[defect] = {one.verdict for one in report.findings}
    assert {defect: SHOWN_BY[defect][1] in verdicts for defect, verdicts in found.items()} == dict.fromkeys(
        DEFECTS, True
    )
    assert sweep(sound).findings == []


SHOWING = {"storm": 120, "in vain": 60}
"""Runs that are enough, so that the test does not take longer than it has to; for the others 45 are."""


def test_the_same_seed_gives_the_same_report_and_shards_add_up() -> None:
    whole, again = (sweep(talking("takes part for all"), runs=30, name="x") for _ in range(2))
    assert whole.json() == again.json()
    parts = [sweep(talking("takes part for all"), runs=30, name="x", shard=f"{part}/3") for part in (1, 2, 3)]
    assert sum(len(part.runs) for part in parts) == len(whole.runs)
    assert all(len(part.runs) < len(whole.runs) for part in parts)
    assert merged(part.json() for part in parts).json() == whole.json()
    assert sweep(talking("takes part for all"), runs=30, seed=1, name="x").json() != whole.json()


def test_a_finding_gives_the_same_verdict_from_its_line_in_a_fresh_process() -> None:
    report = sweep(talking("no timeout"), runs=60)
    assert report.findings
    for finding in report.findings[:3]:
        command = [
            sys.executable,
            "-m",
            "mockserver",
            "sweep",
            "tests.sweeping.scenarios:hangs",
            "--fault",
            finding.line,
        ]
        told = subprocess.run(command, capture_output=True, text=True, cwd=TOP, check=True).stdout
        assert told.splitlines()[0].startswith(f"{finding.verdict}: "), told


def test_a_client_that_connects_anew_is_swept_in_its_second_connection_too() -> None:
    report = sweep(sound, runs=60)
    later = [run for run in report.runs if run.first]
    assert len(later) == 12
    assert {run.first for run in later} == {"reset on 1st conversation.item.added in 1st connection"}
    assert {"refuse 403 after reconnect", "handshake hang after reconnect"} & {run.spec for run in later}
    assert {run.worst.value for run in later} <= {"recovered", "reported", "the test ends before the client can answer"}
    # The control: one that does not connect anew has no second connection.
    assert not any(run.first for run in sweep(talking("no reconnect"), runs=20).runs)


def test_a_finding_says_how_many_turns_it_needs() -> None:
    report = sweep(talking("stays busy"), runs=40)
    needed = {one.verdict: one.turns for one in report.findings}
    assert needed[Verdict.NEXT_TURN_BROKEN] == 2  # the turn that the fault strikes, and the next
    sweeping = Sweeping(setting_of(talking("stays busy")), 30_000_000)
    sweeping.begin()
    line = next(one.faults for one in report.findings if one.verdict is Verdict.NEXT_TURN_BROKEN)
    assert sweeping.said(sweeping.once(line, turns=1))[0].verdict is not Verdict.NEXT_TURN_BROKEN
    assert len(sweeping.once(line, turns=2).turns) == 2


class LateTeller:
    """A client that gives what it has, and tells a second later that it was cut off."""

    def __init__(self, url: str, sweep: SweepRun) -> None:
        self._talker = Talker(url, defect="takes part for all")
        self._sweep = sweep
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> LateTeller:
        await self._talker.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._talker.__aexit__()

    async def ask(self, text: str) -> str:
        said = await self._talker.ask(text)
        if not said.endswith("."):
            self._tasks.add(asyncio.create_task(self._tell()))
        return said

    async def _tell(self) -> None:
        await asyncio.sleep(1)
        self._sweep.reported("cut off")


@pytest.mark.parametrize(("client", "verdict"), [(LateTeller, "degraded, told"), (Talker, "degraded, silent")])
def test_a_client_gets_the_time_to_tell_after_the_last_turn(client: type, verdict: str) -> None:
    async def turns(server: MockServer, sweep: SweepRun) -> None:
        url = f"{server.ws_url}?model=gpt-realtime"
        made = LateTeller(url, sweep) if client is LateTeller else Talker(url, defect="takes part for all")
        async with sweep.client(made) as talker:
            await sweep.turn(talker.ask("one two three four"), expect="one two three four")

    setting = setting_of(turns)
    record = run_once(setting, ("incomplete on 2nd response.output_text.delta",), run_once(setting))
    assert judge(record)[0].verdict == verdict


def test_what_is_allowed_is_no_failure_and_stays_in_sight() -> None:
    report = sweep(talking("no timeout"), runs=60, allow=["hung"])
    assert report.findings
    assert report.open == []
    assert "allowed hung" in report.text()
    assert '<skipped message="allowed"/>' in report.junit()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": "slow"}, "expected quick or full"),
        ({"shard": "9/8"}, "such as 3/8"),
        ({"source": 3}, "a provider's name or a function"),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sweep(sound, **arguments)  # type: ignore[arg-type]


def test_a_scenario_without_turns_or_that_fails_by_itself_is_told() -> None:
    async def nothing(server: object, run: object) -> None:
        """No turn."""

    async def fails(server: object, run: object) -> None:
        raise RuntimeError("the client has a defect of its own")

    with pytest.raises(ExpectationFailed, match="it has no turn"):
        sweep(nothing)
    with pytest.raises(ExpectationFailed, match=r"fails without any fault.* of its own"):
        sweep(fails)


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)
    run = CliRunner()
    json_to, base = tmp_path / "r.json", tmp_path / "b.yaml"
    asked = ["sweep", "tests.sweeping.scenarios:hangs", "--runs", "30"]
    told = run.invoke(main, [*asked, "--json", str(json_to), "--markdown", str(tmp_path / "r.md")])
    assert told.exit_code == 1, told.output
    assert "hung: " in told.output
    assert json.loads(json_to.read_text())["counts"]["hung"] >= 1
    assert "| hung |" in (tmp_path / "r.md").read_text()
    assert run.invoke(main, [*asked, "--baseline", str(base), "--update"]).exit_code == 0
    assert run.invoke(main, [*asked, "--baseline", str(base)]).exit_code == 0
    base.write_text("{}\n")
    worse = run.invoke(main, [*asked, "--baseline", str(base)])
    assert worse.exit_code == 1
    assert "new than the baseline: hung: " in worse.output
    again = run.invoke(main, ["sweep", "--merge", str(json_to)])
    assert "hung: " in again.output
    assert run.invoke(main, ["sweep", "tests.sweeping.scenarios:none"]).exit_code == 2
    assert run.invoke(main, ["sweep", "nonsense"]).exit_code == 2
