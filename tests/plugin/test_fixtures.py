"""The fixtures: in synchronous tests, under each async plugin, on another clock; and what fails a test."""

from __future__ import annotations

import pytest

from mockserver.errors import UsageError
from mockserver.pytest_plugin.settings import settings_of
from tests.plugin.conftest import Run

SYNC = """
import pytest
from talk import WHOLE, ask_sync, talk

@pytest.mark.realtime_mock(script=talk)
def test_server(realtime_mock):
    assert ask_sync(realtime_mock.ws_url) == WHOLE
    realtime_mock.journal.sent_by_client("response.create").once()

@pytest.mark.realtime_mock(script=talk)
def test_url(realtime_mock_url):
    assert ask_sync(f"{realtime_mock_url}/realtime") == WHOLE
"""


def test_in_synchronous_tests(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(SYNC)
    inner().assert_outcomes(passed=2)


ASYNC = """
import pytest
from talk import WHOLE, ask, talk
{head}

@pytest.fixture
def address(realtime_mock):
    return realtime_mock.ws_url

{fixture}
async def asked(realtime_mock):
    return await ask(realtime_mock.ws_url)

{mark}
@pytest.mark.realtime_mock(script=talk)
async def test_in_a_thread(address):
    assert await ask(address) == WHOLE

{mark}
@pytest.mark.realtime_mock(script=talk)
async def test_async_fixture(asked):
    assert asked == WHOLE

{mark}
@pytest.mark.realtime_mock(script=talk, in_loop=True)
async def test_in_loop(realtime_mock, realtime_mock_url):
    assert await ask(realtime_mock_url + "/realtime") == WHOLE

class TestClass:
    {mark}
    @pytest.mark.realtime_mock(script=talk, in_loop=True)
    async def test_method(self, realtime_mock):
        assert await ask(realtime_mock.ws_url) == WHOLE
"""


@pytest.mark.parametrize(
    ("plugins", "options", "head", "fixture", "mark"),
    [
        (("asyncio",), ("-o", "asyncio_mode=auto"), "", "@pytest.fixture", ""),
        (
            ("asyncio",),
            ("-o", "asyncio_mode=strict"),
            "import pytest_asyncio",
            "@pytest_asyncio.fixture",
            "@pytest.mark.asyncio",
        ),
        (("asyncio", "aiohttp"), ("-o", "asyncio_mode=auto"), "", "@pytest.fixture", ""),
        (
            ("anyio",),
            (),
            "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'",
            "@pytest.fixture",
            "@pytest.mark.anyio",
        ),
    ],
    ids=["asyncio-auto", "asyncio-strict", "aiohttp", "anyio"],
)
def test_under_each_async_plugin(
    project: pytest.Pytester,
    inner: Run,
    plugins: tuple[str, ...],
    options: tuple[str, ...],
    head: str,
    fixture: str,
    mark: str,
) -> None:
    project.makepyfile(ASYNC.format(head=head, fixture=fixture, mark=mark))
    scope = ("-o", "asyncio_default_fixture_loop_scope=function") if "asyncio" in plugins else ()
    inner(*options, *scope, plugins=plugins).assert_outcomes(passed=4)


VIRTUAL = """
import asyncio
import pytest
from talk import WHOLE, ask, talk

@pytest.mark.realtime_mock(script=talk, virtual_time=True)
async def test_an_hour(realtime_mock):
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(3600)
    assert await ask(realtime_mock.ws_url) == WHOLE
    assert loop.time() - began >= 3600
"""


def test_virtual_time_is_the_loops(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(VIRTUAL)
    options = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    done = inner(*options, plugins=("asyncio",))
    done.assert_outcomes(passed=1)
    assert done.duration < 30


def test_with_xdist_and_beside_recording(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(SYNC)
    inner("-n", "2", "--record-mode=none", plugins=("xdist", "recording")).assert_outcomes(passed=2)


# --- what fails a test ---

MISUSE = """
import pytest
from talk import talk

@pytest.mark.realtime_mock({arguments})
def test_it(realtime_mock):
    pass
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("script=talk, fault=['x']", "unknown argument 'fault'; did you mean 'faults'?"),
        ("script=talk, whatever=1", "unknown argument 'whatever'; known are cassette,"),
        ("'weather'", "takes keywords only, got 'weather'; did you mean cassette=...?"),
        (
            "script=talk, cassette='x'",
            "cassette and script both say what answers; keep one of them",
        ),
        ("script=talk, faults='delay 1s'", "faults= is a list, got the string 'delay 1s'"),
        ("script=talk, replier=len", "replier= needs simulator="),
        ("script=talk, in_loop=True", "in_loop=True needs an async test function"),
        (
            "script=talk, virtual_time=True",
            "virtual_time=True needs an async test function",
        ),
        ("cassette='../../secret'", "it leaves its folder"),
        ("simulator='nobody'", "'nobody'"),
        (
            "simulator='openai', rules={'volatil': []}, pacing='instant'",
            "pacing= and rules= would do nothing: they need a cassette, and here simulator= answers",
        ),
        ("script=talk, allow_unplayed=True", "allow_unplayed= would do nothing: it needs"),
        ("cassette='x', rules={'volatil': []}", "unknown key 'volatil', expected one of"),
        ("cassette='x', rules=['volatile']", "rules=['volatile']: expected a dict"),
        ("cassette='x', pacing='fast'", "marker realtime_mock: pacing"),
    ],
)
def test_a_wrong_marker_is_one_clear_error(project: pytest.Pytester, inner: Run, arguments: str, told: str) -> None:
    project.makepyfile(MISUSE.format(arguments=arguments))
    done = inner(
        "-o",
        "asyncio_mode=auto",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        plugins=("asyncio",),
    )
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"*{glob(told)}*"])
    assert "Traceback" not in done.stdout.str()


def glob(text: str) -> str:
    return text.replace("[", "[[]")


def test_what_is_said_of_cassettes_for_a_whole_module_is_no_matter_of_its_scripts() -> None:
    far = pytest.mark.realtime_mock(pacing="instant", rules={"volatile": []}, tls=True).mark
    scripted = settings_of([pytest.mark.realtime_mock(script=len).mark, far])
    assert (scripted.pacing, scripted.rules, scripted.tls) == ("recorded", None, True)
    played = settings_of([pytest.mark.realtime_mock(cassette="x").mark, far])
    assert (played.pacing, played.rules) == ("instant", {"volatile": []})
    near = pytest.mark.realtime_mock(pacing="instant").mark
    with pytest.raises(UsageError, match="pacing= would do nothing"):
        settings_of([near, pytest.mark.realtime_mock(script=len).mark])


SWALLOWED = """
import json
import pytest
from websockets.sync.client import connect
from talk import talk

pytestmark = pytest.mark.realtime_mock(script=talk)

def swallow(server):
    with connect(server.ws_url) as socket:
        socket.recv()
        socket.send(json.dumps({"type": "response.cancel"}))
        try:
            socket.recv()
        except Exception:
            pass

def test_swallowed(realtime_mock):
    swallow(realtime_mock)

def test_own_failure_comes_first(realtime_mock):
    swallow(realtime_mock)
    assert 1 == 2, "my own words"

@pytest.mark.xfail(strict=True, reason="known")
def test_counts_as_failed_for_xfail(realtime_mock):
    swallow(realtime_mock)

class TestFixture:
    @pytest.fixture
    def client(self, realtime_mock):
        with connect(realtime_mock.ws_url) as socket:
            yield socket

    def test_client_in_a_fixture(self, client):
        client.recv()

def test_nobody_came(realtime_mock):
    pass
"""


def test_what_the_server_has_against_a_test_fails_it(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(SWALLOWED)
    done = inner("-rA")
    outcomes = done.parseoutcomes()
    assert (outcomes["failed"], outcomes["xfailed"]) == (2, 1)
    done.stdout.fnmatch_lines(["script*expected 'response.create', got response.cancel*"])
    done.stdout.fnmatch_lines(["FAILED *::test_swallowed*"])
    done.stdout.fnmatch_lines(["*my own words*"])
    done.stdout.fnmatch_lines(["*realtime_mock: what crossed the wire*", "*-->  response.cancel*"])
    done.stdout.fnmatch_lines(
        ["*my own words*", "*what the server has against it*", "script*expected 'response.create'*"]
    )
    done.stdout.fnmatch_lines(["ERROR *test_client_in_a_fixture*"])
    assert (outcomes["passed"], outcomes["errors"]) == (2, 1)


def test_a_fault_that_never_fired_fails_its_test(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(
        """
        import pytest
        from talk import ask_sync, talk

        @pytest.mark.realtime_mock(script=talk, faults=["delay 1ms on no.such.event"])
        def test_never(realtime_mock):
            ask_sync(realtime_mock.ws_url)

        @pytest.mark.realtime_mock(script=talk, faults=["delay 1ms on response.created"])
        def test_control(realtime_mock):
            ask_sync(realtime_mock.ws_url)
        """
    )
    done = inner()
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["fault 'delay 1ms on no.such.event' never fired*"])


def test_env_is_set_for_the_test_only(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(
        """
        import os
        import pytest
        from talk import ask_sync, talk

        @pytest.mark.realtime_mock(script=talk, env=True)
        def test_set(realtime_mock):
            assert os.environ["OPENAI_BASE_URL"] == realtime_mock.base_url
            ask_sync(realtime_mock.ws_url)

        def test_gone():
            assert "OPENAI_BASE_URL" not in os.environ
        """
    )
    inner().assert_outcomes(passed=2)


def test_tls_is_trusted_in_a_test_that_asks_for_the_variables(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(
        """
        import subprocess, sys
        import pytest
        from talk import talk

        CLIENT = "import os, asyncio, talk; print(asyncio.run(talk.ask(os.environ['WHERE'])))"

        @pytest.mark.realtime_mock(script=talk, tls=True, env=True)
        def test_tls(realtime_mock, monkeypatch):
            monkeypatch.setenv("WHERE", realtime_mock.ws_url)
            assert realtime_mock.ws_url.startswith("wss://")
            done = subprocess.run([sys.executable, "-c", CLIENT], capture_output=True, text=True)
            assert "response.done" in done.stdout, done.stderr
        """
    )
    inner().assert_outcomes(passed=1)


def test_the_closest_marker_wins(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(
        """
        import pytest
        from talk import ask_sync, talk

        pytestmark = pytest.mark.realtime_mock(simulator="openai", seed=7)

        @pytest.mark.realtime_mock(script=talk)
        def test_script(realtime_mock):
            assert realtime_mock.seed == 7
            ask_sync(realtime_mock.ws_url)
        """
    )
    inner().assert_outcomes(passed=1)


def test_the_plugin_is_cheap_for_a_run_that_does_not_use_it(project: pytest.Pytester, inner: Run) -> None:
    """What it imports at the start is itself; the server and what it needs come with the first fixture."""
    project.makepyfile(
        """
        import sys

        def test_nothing_heavy_is_loaded():
            loaded = {"aiohttp", "pydantic", "yaml", "msgpack", "click"} & set(sys.modules)
            ours = {name for name in sys.modules if name.split(".")[0] == "mockserver"}
            plugin = "mockserver.pytest_plugin"
            assert (loaded, ours) == (set(), {"mockserver", "mockserver.version", plugin, f"{plugin}.options"})
        """
    )
    (project.path / "talk.py").unlink()
    inner("-p", "no:cacheprovider", real=True).assert_outcomes(passed=1)
