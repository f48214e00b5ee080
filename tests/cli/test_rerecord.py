"""The command that a report prints records the cassette again as it is printed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mockserver import MockServer
from mockserver.cassette.model import Cassette, Header
from mockserver.cassette.store import load
from mockserver.cli.record import record_command
from mockserver.dialects.registry import DIALECTS
from mockserver.engines.replay.source import Replay
from mockserver.errors import UsageError
from mockserver.server.sources import relay
from tests.cli.conftest import process, talk

UNKNOWN = "http://127.0.0.1:9/somewhere"


def test_it_runs_and_overwrites(tmp_path: Path, upstream: MockServer, client: list[str]) -> None:
    path = tmp_path / "a talk.cassette"
    recorded = process("record", "--upstream", upstream.base_url, "--to", path, "--", *client)
    assert recorded.returncode == 0, recorded.stderr
    departed = process("replay", path, "--", *client, "response.cancel")
    words = shlex.split(departed.stderr.partition("to record it again: ")[2].splitlines()[0])
    assert words[-2:] == ["YOUR", "CLIENT"]
    before = path.read_bytes()
    again = process(*words[1:-2], *client)
    assert again.returncode == 0, again.stderr
    assert path.read_bytes() != before
    assert len(load(path).connections) == 1
    words.remove("--force")
    refused = process(*words[1:-2], *client)
    assert refused.returncode == 2
    assert "--force" in refused.stderr


def test_no_command_is_named_where_nothing_records() -> None:
    """Amazon's client signs each message: a report that named a command would send its reader into a refusal."""
    cassette = Cassette(Header("nova_sonic"), (talk(),), path="x.cassette")
    assert Replay(cassette).command(cassette) == ""
    with pytest.raises(UsageError, match="cannot be recorded"):
        relay(UNKNOWN, dialect="nova_sonic")


RECORDED = sorted(name for name, dialect in DIALECTS.items() if dialect.transport == "websocket")


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("at_home", [False, True], ids=["elsewhere", "at home"])
def test_the_parser_takes_it_and_the_upstream_speaks_the_same(tmp_path: Path, name: str, at_home: bool) -> None:
    dialect = DIALECTS[name]
    upstream = (dialect.upstream or "") if at_home else UNKNOWN
    path = tmp_path / "x.cassette"
    cassette = Cassette(Header(name, upstream), (talk(), talk(number=1)), path=str(path))
    words = shlex.split(Replay(cassette).command(cassette))
    assert words[:2] == ["mockserver", "record"]
    taken = record_command.make_context("record", words[2:]).params
    assert (taken["force"], taken["file"], taken["command"]) == (True, path, ("YOUR", "CLIENT"))
    where = UNKNOWN if taken["upstream"] == "URL" else taken["upstream"]
    assert relay(where, dialect=taken["dialect"]).dialect is dialect
