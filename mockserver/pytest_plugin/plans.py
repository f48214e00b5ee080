"""A plan: what answers one test, and what is to be done around the server's life."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Protocol

import pytest

from mockserver.cassette.files.leftovers import near_to
from mockserver.engines.base import Source
from mockserver.errors import CassetteMissing
from mockserver.pytest_plugin.options import ini_or_option, others_record_mode
from mockserver.server.host import MockServer


class ServedFor(Protocol):
    """For whom a server is: a test, or the fixture of a wider scope that has made one (``nodeid`` is empty then)."""

    @property
    def config(self) -> pytest.Config:
        """The run's configuration."""

    @property
    def nodeid(self) -> str:
        """What pytest calls it."""


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


def missing(item: ServedFor, path: Path) -> CassetteMissing:
    """The error for a cassette that is not there, with the command that records it."""
    command = record_command(item, "once")
    near = near_to(path)
    meant = f"did you mean {_shown(item, near)}? Else " if near is not None else ""
    return CassetteMissing(
        f"{_shown(item, path)}: no such cassette; {meant}record it with: {command}{others_record_mode(item.config)}"
    )


def record_command(item: ServedFor, mode: str) -> str:
    """The command that records this test's cassette."""
    known = ini_or_option(item.config, "realtime_mock_upstream")
    upstream = "" if known else " --realtime-mock-upstream=PROVIDER"
    test = f" {shlex.quote(item.nodeid)}" if item.nodeid else ""
    return f"pytest --realtime-mock-record={mode}{upstream}{test}"


def _shown(item: ServedFor, path: Path) -> str:
    try:
        return path.relative_to(item.config.invocation_params.dir).as_posix()
    except ValueError:
        return str(path)
