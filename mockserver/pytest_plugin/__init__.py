"""The pytest plugin: fixtures, the marker ``realtime_mock`` and the options that begin with ``--realtime-mock``.

Registered under the name ``realtime_mock`` by the package's ``pytest11`` entry point. Nothing here is autouse, and
nothing touches the network unless recording or verifying is asked for. This module is imported at every start of pytest
on a machine that has the package, so it imports next to nothing: the server is in ``running``, imported by the first
test that takes a fixture.

What a server has against a test (a mismatch, a stall, frames never played, a fault that never fired) makes the test
fail, even where the client swallowed the error. It is put in place of the test's own outcome only where that is
"passed".
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from mockserver.pytest_plugin.options import NOTES, right_option

if TYPE_CHECKING:
    from mockserver.pytest_plugin.factory import Factory
    from mockserver.pytest_plugin.running import Running
    from mockserver.server.host import MockServer
    from mockserver.sweeping.watching import SweepRun

RUNNING: pytest.StashKey[Running] = pytest.StashKey()
AT_WORK: pytest.StashKey[Running] = pytest.StashKey()
"""Of the whole run: the test whose server is up."""
FACTORY: pytest.StashKey[Factory] = pytest.StashKey()
MODES = ("none", "once", "new", "all", "verify")
MARKER = (
    "realtime_mock(cassette=None, simulator=None, script=None, faults=(), replier=None, pacing='recorded', rules=None, "
    "allow_unplayed=False, tls=False, env=False, seed=0, in_loop=False, virtual_time=False, upstream=None): how the "
    "realtime_mock fixture answers this test"
)
SWEEP_MARKER = (
    "realtime_mock_sweep(level='quick', hang_s=60, report_within_s=30, allow=(), seed=0, runs=None): with "
    "--realtime-mock-sweep this test is run under every fault that can fire in it"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, and the ini settings of the same names."""
    group = parser.getgroup("realtime_mock", "realtime voice APIs, mocked at the wire (realtime-mockserver)")
    group.addoption(
        "--realtime-mock-record",
        dest="realtime_mock_record",
        choices=MODES,
        default=None,
        help="none: replay only, no network (default). once: record what has no cassette. new: also record connections "
        "that a cassette does not hold. all: record everything again. verify: replay, and report how the real service "
        "has drifted from the cassette.",
    )
    group.addoption(
        "--realtime-mock-upstream",
        dest="realtime_mock_upstream",
        metavar="NAME|URL",
        default=None,
        help="the real service for recording and verifying: a provider's name or a URL",
    )
    group.addoption(
        "--realtime-mock-dialect",
        dest="realtime_mock_dialect",
        metavar="NAME",
        default=None,
        help="what the real service speaks, where its URL does not say",
    )
    group.addoption(
        "--realtime-mock-key-env",
        dest="realtime_mock_key_env",
        metavar="NAME",
        default=None,
        help="the variable with the real service's key (default: the provider's own, where it is set)",
    )
    group.addoption(
        "--realtime-mock-report",
        dest="realtime_mock_report",
        metavar="DIR",
        default=None,
        help="write a page to look at for each failed test into this folder, and an index of them",
    )
    group.addoption(
        "--realtime-mock-sweep",
        dest="realtime_mock_sweep",
        nargs="?",
        const="marker",
        default=None,
        choices=("marker", "quick", "full"),
        help="run each test with the marker realtime_mock_sweep under every fault that can fire in it",
    )
    group.addoption(
        "--realtime-mock-sweep-shard",
        dest="realtime_mock_sweep_shard",
        metavar="K/N",
        default=None,
        help="only the k-th of n parts of each sweep; `mockserver sweep --merge` puts the reports together",
    )
    group.addoption(
        "--realtime-mock-sweep-update",
        dest="realtime_mock_sweep_update",
        action="store_true",
        help="write what the sweeps find as their baseline (sweeps/MODULE/TEST.yaml)",
    )
    parser.addini("realtime_mock_record", "default of --realtime-mock-record")
    parser.addini("realtime_mock_upstream", "default of --realtime-mock-upstream")
    parser.addini("realtime_mock_dialect", "default of --realtime-mock-dialect")
    parser.addini("realtime_mock_key_env", "default of --realtime-mock-key-env")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for ``--strict-markers``; the pages of an earlier run go."""
    config.addinivalue_line("markers", MARKER)
    config.addinivalue_line("markers", SWEEP_MARKER)
    config.pluginmanager.register(CtrlC(config), "realtime_mock_ctrl_c")
    if config.getoption("realtime_mock_report", None) and not hasattr(config, "workerinput"):
        from mockserver.errors import MockServerError
        from mockserver.pytest_plugin.pages import clear, folder_of

        try:
            folder = folder_of(config)
        except MockServerError as error:
            raise pytest.UsageError(str(error)) from None
        if folder is not None:
            clear(folder)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Who comes from pytest-recording and has not got it here is told the option that records here."""
    yield
    told = right_option(args)
    if told is not None and not hasattr(parser.parse_known_args(args), "record_mode"):
        raise pytest.UsageError(told)


@pytest.fixture
def realtime_mock(request: pytest.FixtureRequest) -> Iterator[MockServer]:
    """A server for this test, as its marker ``realtime_mock`` says: without one, from the test's own cassette."""
    from mockserver.pytest_plugin.running import Running

    running = Running(request)
    request.node.stash[RUNNING] = running
    stash = request.config.stash
    stash[AT_WORK] = running
    try:
        yield from running.serve()
    finally:
        del stash[AT_WORK]


@pytest.fixture
def realtime_mock_url(request: pytest.FixtureRequest, realtime_mock: MockServer) -> str:
    """The base URL of the test's ``realtime_mock``, where no more is wanted."""
    running: Running = request.node.stash[RUNNING]
    return running.url()


@pytest.fixture(scope="session")
def realtime_mock_factory(request: pytest.FixtureRequest) -> Factory:
    """Makes servers, for a test that needs two or a fixture of a wider scope: ``with realtime_mock_factory(...)``.

    It takes what the marker takes, without ``in_loop`` and ``virtual_time``; ``cassette`` is a path, from pytest's root
    folder. At the end of the ``with`` block stands what the server has against its clients.
    """
    from mockserver.pytest_plugin.factory import Factory

    return request.config.stash.setdefault(FACTORY, Factory(request.session))


@pytest.fixture
def realtime_mock_point(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[MockServer | None], list[str]]:
    """A function that turns clients with an address in their code to a server, by default the test's ``realtime_mock``.

    Called in the test; everything is put back after it. It returns what it patched, and a failed test's report says so.
    """

    def point(server: MockServer | None = None) -> list[str]:
        from mockserver.server.pointing import point_clients

        told = point_clients(server or request.getfixturevalue("realtime_mock"), monkeypatch.setattr)
        request.node.add_report_section("call", "realtime_mock patched", "\n".join(told))
        return told

    return point


@pytest.fixture
def realtime_mock_sweep(request: pytest.FixtureRequest, realtime_mock: MockServer) -> SweepRun:
    """What a test marks its turns with, so that it can be swept; in an ordinary run the turns just run."""
    from mockserver.sweeping.watching import SweepRun

    return SweepRun(realtime_mock)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Sweep a test in place of calling it, where that is asked for."""
    running = pyfuncitem.stash.get(RUNNING, None)
    if running is None or not running.swept:
        return None
    from mockserver.pytest_plugin import sweeping

    sweeping.run(pyfuncitem, running.test)
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a server's problems fail a test that passed, before anyone else reads the outcome (xfail, reruns)."""
    running = item.stash.get(RUNNING, None)
    if running is not None and call.when == "call":
        running.judge(call)
    report = yield
    if running is not None:
        running.explain(report)
    factory = item.config.stash.get(FACTORY, None)
    if factory is not None:
        factory.explain(report)
    return report


class CtrlC:
    """Ctrl-C leaves a test without a report: what its server waited for is kept for the end of the run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.told = ""

    def pytest_keyboard_interrupt(self) -> None:
        """The server is still up."""
        running = self._config.stash.get(AT_WORK, None)
        self.told = "" if running is None else running.broken_off()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Behind the reports of the tests that have one."""
        if self.told:
            terminalreporter.section("realtime_mock: interrupted")
            terminalreporter.write_line(self.told)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write down which cassettes were used by which tests, for ``mockserver orphans``."""
    used = session.config.stash.get(NOTES, None)
    if used:
        from mockserver.pytest_plugin.notes import write

        write(session.config, used)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the pages of failed tests are."""
    if config.getoption("realtime_mock_sweep", None):
        from mockserver.pytest_plugin.sweeping import summary

        for text in summary(config):
            terminalreporter.write_line(text)
    if config.getoption("realtime_mock_report", None):
        from mockserver.pytest_plugin.pages import folder_of, index

        folder = folder_of(config)
        found = None if folder is None else index(folder)
        if found is not None:
            terminalreporter.write_line(f"realtime_mock: pages of the failed tests: {found}")
