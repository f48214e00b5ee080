"""What answers a test: the simulator or script of its marker, or its cassette in the run's recording mode."""

from __future__ import annotations

import re
import shlex
import zlib
from pathlib import Path
from typing import Any

import pytest

from mockserver.engines.base import Source
from mockserver.errors import CassetteMissing, UsageError
from mockserver.pytest_plugin import NOTES, ini_or_option
from mockserver.pytest_plugin.settings import Settings
from mockserver.server.host import MockServer

LONGEST = 150
"""Bytes of a test's name in a file name; the rest is told apart by a check sum."""


class Plan:
    """A source, and what is to be done around the server's life. This one does nothing."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def begin(self, server: MockServer) -> None:
        """The server is made but does not run yet."""

    def end(self, server: MockServer, *, kept: bool) -> str:
        """The server is closed. ``kept``: the test passed. Returns what else the test should fail for."""
        return ""

    def drop(self) -> None:
        """The server never ran."""


def plan(item: pytest.Function, settings: Settings) -> Plan:
    """The plan for one test. Raises UsageError and cassette errors, which become the test's."""
    if settings.simulator is not None:
        return Plan(_simulator(settings))
    if settings.script is not None:
        return Plan(_script(settings.script))
    mode = ini_or_option(item.config, "realtime_mock_record") or "none"
    return cassette_plan(item, settings, mode)


def _simulator(settings: Settings) -> Source:
    if isinstance(settings.simulator, str):
        from mockserver.engines.simulator import simulator

        replier = {} if settings.replier is None else {"replier": settings.replier}
        source: Source = simulator(settings.simulator, **replier)
        return source
    if settings.replier is not None:
        raise UsageError("marker realtime_mock: replier= goes into simulator(...), where that is not a name")
    made: Source = settings.simulator() if callable(settings.simulator) else settings.simulator
    return made


def _script(given: Any) -> Source:
    # A decorator's arguments live as long as the module; a source keeps the account of one server. So a function that
    # makes one is taken too, and a test that runs twice (reruns, parameters) uses that.
    made: Source = given() if callable(given) else given
    return made


def cassette_path(item: pytest.Function, settings: Settings) -> Path:
    """Where the test's cassette is or would be. UsageError for a name that leaves the folder."""
    from mockserver.cassette.names import from_test
    from mockserver.cassette.store import locate

    folder = item.path.parent / "cassettes"
    if settings.cassette is not None:
        return locate(folder, settings.cassette)
    wanted = item.name if item.cls is None else f"{item.cls.__name__}.{item.name}"
    name = from_test(wanted)
    if name != wanted or len(name.encode()) > LONGEST:
        # Two names that differ only in what a file name cannot have must not share a cassette.
        head = re.sub(r"\W+$", "", name.encode()[:LONGEST].decode(errors="ignore"))
        name = f"{head}-{zlib.crc32(wanted.encode()):08x}"
    return locate(folder, f"{item.path.stem}/{name}")


def note_use(item: pytest.Function, path: Path) -> None:
    """Remember for ``mockserver orphans`` that this test takes this cassette."""
    try:
        relative = path.resolve().relative_to(item.config.rootpath.resolve()).as_posix()
    except ValueError:
        return  # outside of the root folder, where nobody looks for orphans
    item.config.stash.setdefault(NOTES, {}).setdefault(relative, set()).add(item.nodeid)


def cassette_plan(item: pytest.Function, settings: Settings, mode: str) -> Plan:
    """The plan for a test with a cassette."""
    from mockserver.pytest_plugin import modes

    if mode not in modes.PLANS:
        raise UsageError(f"realtime_mock_record: expected one of {', '.join(modes.PLANS)}, got {mode!r}")
    path = cassette_path(item, settings)
    note_use(item, path)
    made: Plan = modes.PLANS[mode](item, settings, path)
    return made


def missing(item: pytest.Function, path: Path) -> CassetteMissing:
    """The error for a cassette that is not there, with the command that records it."""
    command = record_command(item, "once")
    return CassetteMissing(f"{_shown(item, path)}: no such cassette; record it with: {command}")


def record_command(item: pytest.Function, mode: str) -> str:
    """The command that records this test's cassette."""
    known = ini_or_option(item.config, "realtime_mock_upstream")
    upstream = "" if known else " --realtime-mock-upstream=PROVIDER"
    return f"pytest --realtime-mock-record={mode}{upstream} {shlex.quote(item.nodeid)}"


def _shown(item: pytest.Function, path: Path) -> str:
    try:
        return path.relative_to(item.config.invocation_params.dir).as_posix()
    except ValueError:
        return str(path)
