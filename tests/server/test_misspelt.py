"""A slip in an event's name in a fault is told before anything runs: for each dialect, by each way a fault is set."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from mockserver import MockServer, script
from mockserver.cli import main
from mockserver.dialects.base import one_slip
from mockserver.dialects.registry import DIALECTS
from mockserver.errors import MockServerError
from mockserver.server.scenarios.reading import programme
from tests.plugin.conftest import Run, inner, project

__all__ = ["inner", "project"]  # fixtures of the plugin's own tests

NAMED = {name: dialect for name, dialect in DIALECTS.items() if dialect.server_events}
FAULTS = ("drop on {}", "reset after 2 {}", "drop on * after 2s since {}", "hold until {} on *", "replay stale {}")


def right(dialect: str) -> str:
    """An event of the server's that a test would name."""
    named = NAMED[dialect].example_events()
    return next(name for name in (named["end"], named["begin"], named["audio"]) if name != "EVENT" and "*" not in name)


def slip(dialect: str) -> str:
    """The same with its last two letters swapped."""
    name = right(dialect)
    return name[:-2] + name[:-3:-1]


def source(dialect: str) -> object:
    return script(script.closed(), dialect=dialect)


@pytest.mark.parametrize("dialect", NAMED)
@pytest.mark.parametrize("fault", FAULTS)
def test_where_a_server_is_made(dialect: str, fault: str) -> None:
    with pytest.raises(MockServerError, match=f"has no event {slip(dialect)}; did you mean {right(dialect)}"):
        MockServer(source(dialect), faults=[fault.format(slip(dialect))])
    MockServer(source(dialect), faults=[fault.format(right(dialect))])  # the control
    MockServer(source(dialect), faults=[f"{fault.format(slip(dialect))} optional"])


@pytest.mark.parametrize("dialect", NAMED)
async def test_by_the_control_api_and_so_by_the_form(dialect: str) -> None:
    async with MockServer(source(dialect)) as server, aiohttp.ClientSession() as http:
        address = f"{server.url}/__mockserver__/faults"
        async with http.post(address, json={"spec": f"drop on {slip(dialect)}"}) as refused:
            told = await refused.json()
        assert (refused.status, server.faults) == (400, {})
        assert f"did you mean {right(dialect)}?" in told["error"]["message"]
        async with http.post(address, json={"spec": f"drop on {right(dialect)} optional"}) as taken:
            assert taken.status == 201


@pytest.mark.parametrize("dialect", NAMED)
def test_by_the_command_line_by_a_file_of_faults_and_by_a_scenario(tmp_path: Path, dialect: str) -> None:
    def told(*arguments: str) -> str:
        done = CliRunner().invoke(main, list(arguments))
        assert done.exit_code == 2, done.output
        return done.output

    wrong, meant = f"drop on {slip(dialect)}", f"did you mean {right(dialect)}"
    assert meant in told("faults", "--provider", dialect, "--check", wrong).replace("'", "")
    if not NAMED[dialect].simulator:
        return
    assert meant in told("simulate", dialect, "--fault", wrong, "--", "true")
    (tmp_path / "faults.yaml").write_text(f'late: ["{wrong}"]\n')
    assert meant in told("simulate", dialect, "--fault", f"@{tmp_path / 'faults.yaml'}:late", "--", "true")
    (tmp_path / "scenarios.yaml").write_text(f'scenarios: {{a: {{simulate: {dialect}, faults: ["{wrong}"]}}}}\n')
    with pytest.raises(MockServerError, match=f"scenario a: faults: .*{meant}"):
        programme(tmp_path / "scenarios.yaml")


def test_by_the_marker(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(
        "import pytest\nfrom mockserver import script\n"
        f"SLIPS = {[(name, slip(name)) for name in NAMED]}\n"
        "def marked(name, slip):\n"
        "    more = dict(script=lambda: script(script.closed(), dialect=name), faults=[f'drop on {slip}'])\n"
        "    return pytest.param(id=name, marks=pytest.mark.realtime_mock(**more))\n"
        "@pytest.mark.parametrize((), [marked(*one) for one in SLIPS])\n"
        "def test_it(realtime_mock):\n    pass\n"
    )
    done = inner("--tb=short")
    done.assert_outcomes(errors=len(NAMED))
    for name in NAMED:
        assert f"has no event {slip(name)}; did you mean {right(name)}?" in done.stdout.str(), name


@pytest.mark.parametrize(
    ("given", "meant", "is_one"),
    [
        ("audoi", "audio", True),
        ("audi", "audio", True),
        ("audioo", "audio", True),
        ("text", "test", False),  # a short word with another letter is another word
        ("handshike", "handshake", True),
        ("ao", "audio", False),
        ("response.done", "response.doing", False),
    ],
)
def test_one_slip_of_the_finger(given: str, meant: str, is_one: bool) -> None:
    assert one_slip(given, meant) is is_one
