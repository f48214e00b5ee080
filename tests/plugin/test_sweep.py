"""``--realtime-mock-sweep`` in pytest: an ordinary test without it, a sweep with it, a baseline, shards, files."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Run

TEST = """
import pytest
from tests.sweeping.talker import Talker

@pytest.mark.realtime_mock(simulator="openai", in_loop=True)
@pytest.mark.realtime_mock_sweep(runs=45{more})
@pytest.mark.asyncio
async def test_turns(realtime_mock, realtime_mock_sweep):
    sweep = realtime_mock_sweep
    talker = Talker(realtime_mock.ws_url + "?model=gpt-realtime", defect={defect!r}, tell=sweep.reported)
    async with sweep.client(talker) as client:
        await sweep.turn(client.ask("one"), expect="one")
        await sweep.turn(client.ask("two"), expect={second!r})
"""


def write(inner_path: pytest.Pytester, *, defect: str = "", second: str = "two", more: str = "") -> None:
    inner_path.makepyfile(test_it=TEST.format(defect=defect, second=second, more=more))


@pytest.fixture
def swept(inner: Run, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> Run:
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    scope = ("-o", "asyncio_default_fixture_loop_scope=function")
    return lambda *arguments: inner(*scope, *arguments, plugins=("asyncio",))


def test_without_the_option_it_is_an_ordinary_test(project: pytest.Pytester, swept: Run) -> None:
    write(project)
    swept().assert_outcomes(passed=1)
    write(project, second="three")
    result = swept()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected 'three' in what was said*"])


def test_a_sweep_passes_with_a_sound_client_and_fails_with_a_defect(project: pytest.Pytester, swept: Run) -> None:
    write(project)
    result = swept("--realtime-mock-sweep")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["sweep of test_it.py::test_turns: 45 runs, level quick*", "nothing found"])
    write(project, defect="no timeout")
    result = swept("--realtime-mock-sweep", "--realtime-mock-report=pages")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["hung: turn *", "*faults=[[]*on *response.*"])
    report = json.loads((project.path / "pages" / "sweep-test_it.py-test_turns.json").read_text())
    assert report["counts"]["hung"] >= 1
    pages = [finding["page"] for finding in report["findings"]]
    assert pages
    assert all("hung" in (project.path / one).read_text() for one in pages)
    assert "<failure" in (project.path / "pages" / "sweep-test_it.py-test_turns.xml").read_text()


def test_a_baseline_holds_what_was_accepted(project: pytest.Pytester, swept: Run) -> None:
    write(project, defect="no timeout")
    swept("--realtime-mock-sweep", "--realtime-mock-sweep-update").assert_outcomes(passed=1)
    kept = project.path / "sweeps" / "test_it" / "test_turns.yaml"
    line = next(line for line in kept.read_text().splitlines() if line.endswith(": hung"))
    swept("--realtime-mock-sweep").assert_outcomes(passed=1)
    kept.write_text(kept.read_text().replace(line, line.replace("hung", "reported late")))
    result = swept("--realtime-mock-sweep")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*worse than the baseline: hung (was reported late): {line.removesuffix(': hung')}"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", lvel='full'", "unknown argument 'lvel'"),
        (", level='slow'", "expected quick or full"),
        (", allow='hung'", "allow= is a list"),
        (", hang_s=0", "expected a number of seconds above 0"),
    ],
)
def test_a_wrong_marker_is_told(project: pytest.Pytester, swept: Run, more: str, message: str) -> None:
    write(project, more=more)
    result = swept("--realtime-mock-sweep")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*marker realtime_mock_sweep: *{message.replace('[', '[[]')}*"])
