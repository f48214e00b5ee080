"""A plan: what answers one test, and what is to be done around the server's life."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mockserver.cassette.leftovers import near_to
from mockserver.engines.base import Source
from mockserver.errors import CassetteMissing
from mockserver.pytest_plugin.options import ini_or_option
from mockserver.server.host import MockServer


class SourcePlan:
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


def missing(item: pytest.Function, path: Path) -> CassetteMissing:
    """The error for a cassette that is not there, with the command that records it."""
    command = record_command(item, "once")
    near = near_to(path)
    meant = f"did you mean {_shown(item, near)}? Else " if near is not None else ""
    return CassetteMissing(f"{_shown(item, path)}: no such cassette; {meant}record it with: {command}")


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
