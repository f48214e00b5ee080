"""One test's server: made from its marker, hosted, judged when the test has run, closed.

A server runs in a thread of its own by default. Synchronous tests, async tests under any plugin, async fixtures and
subprocesses can all use it then. With ``in_loop`` or ``virtual_time`` it runs in the test's own event loop, which only
exists once the test runs: the test function is wrapped, and the server is up exactly while its body runs.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any, NoReturn

import pytest

from mockserver.errors import (
    ExpectationFailed,
    FaultNeverFired,
    MockServerError,
    ReplayMismatch,
    ReplayStalled,
    ReplayUnfinished,
    UsageError,
)
from mockserver.pytest_plugin.plans import SourcePlan
from mockserver.pytest_plugin.settings import MarkerSettings, settings_of
from mockserver.pytest_plugin.sources import plan
from mockserver.server.config import find
from mockserver.server.host import MockServer
from mockserver.server.virtual import virtual_time

LAST_LINES = 20
"""Of a journal, where a run was interrupted: it is on the screen then."""
MOST_LINES = 200
"""Of a journal, in the report of a failed test. The end is what matters, so the head is cut."""
CLOSING_SECONDS = 0.25
"""What a client's close may take to be seen, where the server has something against a test that passed."""


class Running:
    """The server of one test and what the plugin knows about it."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._item: pytest.Function = request.node
        self._told: list[str] = []
        self._passed = False
        self._ended_us = 0
        self._explained = False
        self.test = self._item.obj
        self.swept = (
            self._item.config.getoption("realtime_mock_sweep", None) is not None
            and self._item.get_closest_marker("realtime_mock_sweep") is not None
        )
        """Whether the test is run under faults, each time with a server of its own, instead of with this one."""
        try:
            self.settings: MarkerSettings = settings_of(self._item.iter_markers("realtime_mock"))
            self.plan: SourcePlan = plan(self._item, self.settings)
            self.server = MockServer(
                self.plan.source,
                faults=self.settings.faults,
                tls=self.settings.tls,
                seed=self.settings.seed,
                outlast=find(self._item.config.rootpath).outlast,
            )
            return
        except MockServerError as error:
            trouble = str(error)
        fail(trouble)

    # --- hosting ---

    @property
    def in_loop(self) -> bool:
        """Whether the server runs in the test's own loop."""
        return self.settings.in_loop or self.settings.virtual_time

    def url(self) -> str:
        """The base URL. In the test's own loop it is known when the test begins, and is put in its arguments then."""
        if not self.in_loop:
            return self.server.base_url
        if "realtime_mock_url" not in inspect.signature(self._item.function).parameters:
            fail(
                "realtime_mock_url: with in_loop or virtual_time the server has no address before the test begins, so "
                "that no other fixture can have it; take realtime_mock and use realtime_mock.base_url in the test"
            )
        return ""

    def serve(self) -> Iterator[MockServer]:
        """What the fixture yields."""
        if self.swept:
            yield self.server
            return
        if self.in_loop:
            self._wrap_test()
            self.plan.begin(self.server)
            try:
                yield self.server
            finally:
                self._finish()
            return
        host = self.server.in_thread()
        trouble = ""
        try:
            self.plan.begin(self.server)
            host.start()
        except MockServerError as error:
            trouble = str(error)
        if trouble:
            self.plan.drop()
            fail(trouble)
        with pytest.MonkeyPatch.context() as patch:
            self._set_env(patch)
            try:
                yield self.server
            finally:
                host.close()
                self._finish()

    def _set_env(self, patch: pytest.MonkeyPatch) -> None:
        for name, value in self.server.env().items() if self.settings.env else ():
            patch.setenv(name, value)

    def _wrap_test(self) -> None:
        test = self._item.obj
        asked = "virtual_time" if self.settings.virtual_time else "in_loop"
        if not inspect.iscoroutinefunction(test) or hasattr(test, "hypothesis"):
            fail(
                f"marker realtime_mock: {asked}=True needs an async test function; this one has no event loop to share"
            )

        @functools.wraps(test)
        async def wrapped(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                raise UsageError(f"{asked}=True: the server runs on asyncio, and this test's loop is another") from None
            with virtual_time() if self.settings.virtual_time else nullcontext():
                await self.server.start()
                try:
                    if "realtime_mock_url" in kwargs:
                        kwargs["realtime_mock_url"] = self.server.base_url
                    with pytest.MonkeyPatch.context() as patch:
                        self._set_env(patch)
                        await test(*args, **kwargs)
                finally:
                    await self.server.close()

        self._item.obj = wrapped

    # --- judging ---

    def judge(self, call: pytest.CallInfo[None]) -> None:
        """The test's body is over. If it passed, what the server has against it becomes its outcome."""
        self._passed = call.excinfo is None
        self._ended_us = self.server.elapsed_us
        if not self._passed or self.swept:
            return
        problems = self.server.problems()
        if problems:
            still_open = self._still_open()
            problems = self.server.problems()
            if still_open:
                # A client that lives in a fixture still runs; what is not there yet may come. Asked again at the end.
                problems = [one for one in problems if isinstance(one, ReplayMismatch | ReplayStalled)]
        if problems:
            self._passed = False
            call.excinfo = _excinfo(self._text(problems))

    def _still_open(self) -> bool:
        """Whether a client is still connected. A close that is on its way to the server's thread gets its moment."""
        end = time.monotonic() + CLOSING_SECONDS
        while any(not session.over for session in self.server.sessions):
            if time.monotonic() >= end:
                return True
            threading.Event().wait(0.002)
        return False

    def _finish(self) -> None:
        """The server is closed: the rest of what can be said, and what becomes of a recording."""
        problems = [one for one in self.server.problems() if str(one) not in self._told]
        failed = self._passed and bool(problems)
        complaint = self.plan.end(self.server, kept=self._passed and not problems)
        texts = ([self._text(problems)] if failed else []) + ([complaint] if complaint else [])
        if texts:
            fail("\n\n".join(texts))

    def _text(self, problems: list[ExpectationFailed]) -> str:
        self._told += [str(one) for one in problems]
        return "\n\n".join(str(one) for one in problems)

    def explain(self, report: pytest.TestReport) -> None:
        """Beside a failure stands what crossed the wire, and where the client departed if that is not the failure."""
        if report.failed and not self.swept and report.when != "setup" and not self._explained:
            self._explained = True
            found = self.server.problems()
            section = timeline_section(self.server, report)
            if section is not None:
                report.sections.append(section)
            waited = heads(one for one in found if isinstance(one, ReplayUnfinished) and str(one) not in self._told)
            if waited:
                report.sections.append(("realtime_mock: what the replay still waited for", "\n".join(waited)))
            problems = [
                str(one)
                for one in found
                # The rest of a recording, and faults that were to come, are missing because the test broke off.
                if not isinstance(one, ReplayUnfinished | FaultNeverFired) and str(one) not in self._told
            ]
            if problems:
                report.sections.append(("realtime_mock: what the server has against it", "\n\n".join(problems)))
            self._draw(report, problems)

    def broken_off(self) -> str:
        """What a test that is interrupted waited in, for the end of the run."""
        waited = heads(one for one in self.server.problems() if not isinstance(one, FaultNeverFired))
        if waited:
            waited = ["what the server still waited for:", *waited]
        crossed = ["what crossed the wire:", *self.server.journal.timeline().splitlines()[-LAST_LINES:]]
        return "\n".join([self._item.nodeid, *waited, *crossed])

    def _draw(self, report: pytest.TestReport, problems: list[str]) -> None:
        """The page of a failed test, where ``--realtime-mock-report`` asks for one."""
        if not self._item.config.getoption("realtime_mock_report", None):
            return
        from mockserver.pytest_plugin.pages import folder_of, page_of

        folder = folder_of(self._item.config)
        assert folder is not None
        try:
            # Why it failed stands first: above it in the report is the source of the test, which may be long.
            crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", "").partition("\n")[0]
            why = "\n\n".join(filter(None, [crash, report.longreprtext, *problems]))
            told = f"file {page_of(folder, self._item.nodeid, self.server, why, failed_us=self._ended_us)}"
        except MockServerError as error:
            told = str(error)  # a page that cannot be written must not hide why the test failed
        report.sections.append(("realtime_mock: a page to look at", told))


def heads(problems: Iterable[ExpectationFailed]) -> list[str]:
    """What is wrong, without the timelines: what crossed the wire stands beside it."""
    return [str(one).partition("\n  up to there:")[0] for one in problems]


def timeline_section(server: MockServer, report: pytest.TestReport) -> tuple[str, str] | None:
    """What crossed the wire, as a section of a failed test's report; None where nothing did, or it stands there."""
    lines = server.journal.timeline().splitlines()
    # An assertion of this package holds the timeline already, from its first line on.
    if not lines or lines[0][1:].strip() in report.longreprtext:
        return None
    if len(lines) > MOST_LINES:
        lines = [f"... {len(lines) - MOST_LINES} lines before", *lines[-MOST_LINES:]]
    return "realtime_mock: what crossed the wire", "\n".join(lines)


def fail(text: str) -> NoReturn:
    """Fail without a traceback: the text says what there is to say."""
    pytest.fail(text, pytrace=False)


def _excinfo(text: str) -> pytest.ExceptionInfo[BaseException]:
    try:
        fail(text)
    except BaseException as error:  # noqa: BLE001 - pytest's own failure, made to be handed on
        return pytest.ExceptionInfo.from_exception(error)
