"""Servers that belong to no single test: two in one test, one for a module; who comes from another plugin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver import MockServer
from mockserver.pytest_plugin.options import others_record_mode, right_option
from tests.plugin.conftest import Run

TESTS = """
import unittest
import pytest
from talk import WHOLE, ask_sync, talk

@pytest.fixture(scope="module")
def shared(realtime_mock_factory):
    with realtime_mock_factory(simulator="openai", env=True) as server:
        yield server

@pytest.fixture(scope="class")
def address(request, shared):
    request.cls.server = shared

def first(server):
    import asyncio, aiohttp
    async def connect():
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as http:
            async with http.ws_connect(server.ws_url + "?model=gpt-realtime") as socket:
                return (await socket.receive_json())["type"]
    return asyncio.run(connect())

def test_two_servers(realtime_mock_factory):
    with realtime_mock_factory(script=talk) as one, realtime_mock_factory(script=talk) as other:
        assert one.port != other.port
        assert ask_sync(one.ws_url) == ask_sync(other.ws_url) == WHOLE
        one.journal.sent_by_client("response.create").once()

def test_shared(shared):
    assert first(shared) == "session.created"
    assert len(shared.sessions) == 1

@pytest.mark.usefixtures("address")
class TestShared(unittest.TestCase):
    def test_the_same_server(self):
        import os
        self.assertEqual(os.environ["OPENAI_BASE_URL"], self.server.base_url)
        self.assertEqual(first(self.server), "session.created")
        self.assertEqual(len(self.server.sessions), 2)

def test_the_cassette(realtime_mock_factory):
    with realtime_mock_factory(cassette="cassettes/weather.cassette") as server:
        assert ask_sync(server.ws_url) == WHOLE
"""


def test_two_servers_and_wider_scopes(project: pytest.Pytester, inner: Run, record_talk: Callable[..., Path]) -> None:
    record_talk("weather")
    project.makepyfile(TESTS)
    inner().assert_outcomes(passed=4)


WRONG = """
import pytest
from talk import ask_sync, talk

@pytest.fixture(scope="module")
def shared(realtime_mock_factory):
    with realtime_mock_factory(script=talk, faults=["delay 1ms on no.such.event"]) as server:
        yield server

def test_passes_and_its_fixture_does_not(shared):
    ask_sync(shared.ws_url)

def test_fails_at_the_end_of_its_block(realtime_mock_factory):
    with realtime_mock_factory(cassette="cassettes/weather.cassette"):
        pass

def test_of_its_own(realtime_mock_factory):
    with realtime_mock_factory(script=talk) as server:
        ask_sync(server.ws_url)
        assert 1 == 2, "my own words"

@pytest.mark.parametrize("arguments", [
    {}, {"script": talk, "in_loop": True}, {"cassette": "cassettes/missing.cassette"}, {"scrpt": talk},
])
def test_wrong(realtime_mock_factory, arguments):
    with realtime_mock_factory(**arguments):
        pass
"""


def test_what_a_server_has_against_its_clients_fails_who_holds_it(
    project: pytest.Pytester, inner: Run, record_talk: Callable[..., Path]
) -> None:
    record_talk("weather")
    project.makepyfile(WRONG)
    done = inner()
    done.assert_outcomes(passed=1, failed=6, errors=1)
    done.stdout.fnmatch_lines(
        [
            "*ERROR at teardown*",
            "*fault 'delay 1ms on no.such.event' never fired*",
            "*weather.cassette*no client connected*",
            "*my own words*",
            "*realtime_mock: what crossed the wire*",
            "*-->  response.create*",
        ]
    )
    text = done.stdout.str()
    assert "realtime_mock_factory: say what answers: simulator=, script=, or cassette= with a path" in text
    assert "in_loop and virtual_time are of one test's event loop" in text
    assert "cassettes/missing.cassette: no such cassette; record it with: pytest --realtime-mock-record=once" in text
    assert "realtime_mock_factory: unknown argument 'scrpt'; did you mean 'script'?" in text


HOLDING = """
import pytest
from talk import WHOLE, ask_sync

@pytest.fixture(scope="module")
def shared(realtime_mock_factory):
    with realtime_mock_factory(cassette="cassettes/{name}.cassette") as server:
        yield server

def test_first(shared):
    assert ask_sync(shared.ws_url) == WHOLE

def test_second(shared):
    assert {passes}
"""


def test_a_factorys_cassette_is_recorded_if_the_tests_passed(
    project: pytest.Pytester, inner: Run, upstream: MockServer
) -> None:
    project.makepyfile(test_a=HOLDING.format(name="kept", passes=True), test_b=HOLDING.format(name="not", passes=False))
    record = ("--realtime-mock-record=once", "--realtime-mock-upstream", upstream.base_url)
    inner(*record).assert_outcomes(passed=3, failed=1)
    assert [path.name for path in (project.path / "cassettes").iterdir()] == ["kept.cassette"]


def test_who_comes_from_another_plugin_is_told_the_option(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile("def test_it(realtime_mock):\n    pass")
    done = inner("--record-mode=new_episodes")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --record-mode is an option of pytest-recording*--realtime-mock-record=new"])


def test_the_option_that_is_told_does_the_same(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(right_option(["x", "--record-mode", "rewrite"])).endswith("--realtime-mock-record=all")
    assert str(right_option(["--record-mode=odd"])).endswith("=none|once|new|all|verify")
    assert right_option(["--record-modes=all", "--realtime-mock-record=all"]) is None
    # Where that plugin is there, its option does nothing for us, and an error about a missing cassette says so.
    assert others_record_mode(pytestconfig) == ""
    monkeypatch.setattr(pytestconfig.option, "record_mode", "once", raising=False)
    assert others_record_mode(pytestconfig) == " (--record-mode=once is of another plugin)"
