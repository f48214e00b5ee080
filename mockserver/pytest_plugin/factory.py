"""Servers that belong to no single test: two in one test, or one for a module, a class, a whole run.

Each runs in a thread of its own while its ``with`` block does. What it has against its clients fails the test or the
fixture that holds the block, at its end.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from mockserver.errors import MockServerError, UsageError
from mockserver.pytest_plugin.plans import SourcePlan
from mockserver.pytest_plugin.running import fail, timeline_section
from mockserver.pytest_plugin.settings import settings_of
from mockserver.pytest_plugin.sources import factory_plan
from mockserver.server.config import find
from mockserver.server.host import MockServer


@dataclass(frozen=True, slots=True)
class _WholeRun:
    """The whole run as the place of a server."""

    config: pytest.Config
    nodeid: str = ""


class Factory:
    """Called with the marker's arguments it gives a server to be used in a ``with`` statement."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._running: list[MockServer] = []
        self._over: list[MockServer] = []

    @contextmanager
    def __call__(self, **arguments: Any) -> Generator[MockServer, None, None]:
        """A running server. Raises pytest's failure where it could not be made, or has something against a client."""
        __tracebackhide__ = True
        server, plan, env = self._made(arguments)
        host = server.in_thread()
        trouble = ""
        try:
            plan.begin(server)
            host.start()
        except MockServerError as error:
            trouble = str(error)
        if trouble:
            plan.drop()
            fail(trouble)
        self._running.append(server)
        failed = self._session.testsfailed
        kept = False
        complaint = ""
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in server.env().items() if env else ():
                    patch.setenv(name, value)
                yield server
            kept = True
        finally:
            host.close()
            self._running.remove(server)
            self._over.append(server)
            problems = server.problems()
            complaint = plan.end(server, kept=kept and not problems and self._session.testsfailed == failed)
        texts = [*map(str, problems), *([complaint] if complaint else [])]
        if texts:
            fail("\n\n".join(texts))

    def _made(self, arguments: dict[str, Any]) -> tuple[MockServer, SourcePlan, bool]:
        __tracebackhide__ = True
        given = {name: os.fspath(value) if name == "cassette" else value for name, value in arguments.items()}
        try:
            settings = settings_of([pytest.mark.realtime_mock(**given).mark])
            if settings.in_loop or settings.virtual_time:
                raise UsageError(
                    "in_loop and virtual_time are of one test's event loop; a factory's server has a thread. "
                    "Use the fixture realtime_mock, or MockServer in the test"
                )
            plan = factory_plan(_WholeRun(self._session.config), settings)
            server = MockServer(
                plan.source,
                faults=settings.faults,
                tls=settings.tls,
                seed=settings.seed,
                outlast=find(self._session.config.rootpath).outlast,
            )
        except MockServerError as error:
            trouble = str(error)
        else:
            return server, plan, settings.env
        return fail(trouble.replace("marker realtime_mock:", "realtime_mock_factory:"))

    def explain(self, report: pytest.TestReport) -> None:
        """Beside a failed test stands what crossed the wires that were open, or have just been closed."""
        if report.failed:
            for server in (*self._running, *self._over):
                section = timeline_section(server, report)
                if section is not None:
                    report.sections.append(section)
        self._over.clear()
