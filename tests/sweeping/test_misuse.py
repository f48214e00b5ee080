"""What is asked wrongly is told in one line, before anything runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mockserver.cli import main
from mockserver.sweeping import running
from mockserver.sweeping.record import RunRecord

MODULES = {
    "swept_name": "x = undefined_name",
    "swept_syntax": "def f(:",
    "swept_exit": "import sys\nsys.exit(7)",
    "swept_import": "import no_such_package_here",
    "swept_value": "def __getattr__(name):\n    raise ValueError('no')\nraise AttributeError('of its own')",
    "swept_fails": "async def turns(server, sweep):\n    raise RuntimeError('one\\ntwo')",
    "swept_constant": "turns = 3",
    "swept_empty": "",
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "other.json").write_text('{"x": 1}')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["sweep", *arguments])

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["swept_name:f"], "cannot be imported: NameError: name 'undefined_name' is not defined"),
        (["swept_name:f"], "swept_name.py, line 1)"),
        (["swept_syntax:f"], "cannot be imported: SyntaxError: "),
        (["swept_exit:f"], "cannot be imported: SystemExit: 7"),
        (["swept_import:f"], "No module named 'no_such_package_here'"),
        (["swept_value:f"], "cannot be imported: AttributeError: of its own"),
        (["swept_missing:f"], "No module named 'swept_missing'; it is looked for from this folder on"),
        (["swept_empty:f"], "the module has no 'f'"),
        (["swept_constant:turns"], "expected a scenario, async def scenario(server, run), got 3"),
        (["nonsense"], "expected MODULE:FUNCTION, such as"),
        (["swept_empty:f", "swept_empty:g"], "expected one MODULE:FUNCTION, got 2"),
        (["swept_fails:turns", "--shard", "9/8"], "shard '9/8': expected a part and the number of parts, such as 3/8"),
        (["swept_fails:turns", "--shard", "²/3"], "expected a part and the number of parts"),
        (["swept_fails:turns", "--hang", "0"], "--hang=0.0: expected a number of seconds above 0"),
        (["swept_fails:turns", "--report-within", "nan"], "--report-within=nan: expected a number of seconds above 0"),
        (["swept_fails:turns", "--turns", "1"], "--turns: it is for single runs, with --fault"),
        (["swept_fails:turns", "--real-time"], "--real-time: a whole sweep would take days"),
        (["swept_fails:turns", "--update"], "--update writes the baseline: say which with --baseline FILE"),
        (["swept_fails:turns", "--provider", "opnai"], "opnai"),
        (["swept_fails:turns"], "the test fails without any fault, so it cannot be swept: RuntimeError: one two"),
        (["--merge", "gone.json"], "--merge: there is no file gone.json"),
        (["--merge", "other.json"], "--merge: expected reports that `mockserver sweep --json` wrote"),
        (["--merge", "list.json"], "--merge: expected reports that `mockserver sweep --json` wrote"),
        (["--merge", "bytes.json"], "bytes.json: expected text in UTF-8"),
        (["--merge", "other.json", "--fault", "drop"], "it makes no run with a --fault"),
    ],
)
def test_one_line_says_what_is_wrong(asked: Any, arguments: list[str], message: str) -> None:
    told = asked(*arguments)
    assert told.exit_code in (1, 2)
    assert message in told.output
    assert len(told.output.strip().splitlines()) == 1, told.output
    assert told.output.startswith("mockserver: ")


@pytest.mark.parametrize(("fault", "leak"), [("drop on x", True), ("half open on x", False), ("stall on x", False)])
def test_an_open_connection_is_no_leak_where_the_server_cannot_see_that_the_client_left(fault: str, leak: bool) -> None:
    record = RunRecord((fault,))
    server: Any = SimpleNamespace(sessions=[SimpleNamespace(over=False)])
    running._leaks(record, server, set(), RunRecord())
    assert record.leaks == (["a connection is still open after the test"] if leak else [])


def test_a_leak_that_is_always_there_is_not_held_against_the_fault() -> None:
    base = RunRecord(leaks=["a connection is still open after the test"])
    record = RunRecord(("drop",))
    one: Any = SimpleNamespace(sessions=[SimpleNamespace(over=False)])
    running._leaks(record, one, set(), base)
    assert record.leaks == []
