"""``--json``: one shape for each command, as docs/review.md has it; all of it parses and is ASCII."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mockserver import MockServer
from mockserver.cassette.model import Cassette, Exchange, Header, Record
from mockserver.cassette.store import save
from mockserver.cli import main
from mockserver.core.frames import Binary, Lost, Sender, Text
from tests import docs
from tests.cli.conftest import talk, written

PAGE = docs.TOP / "docs" / "review.md"
EVIL = "\u202e\x1b[31m\U0001f600"
FREE = frozenset({"header", "handshake", "answer", "http", "close", "values"})
"""Objects whose own keys the table leaves to the library's documentation."""


def documented(command: str) -> list[str]:
    """The keys that the page's table gives for a command."""
    text = PAGE.read_text(encoding="utf-8").partition("## For programs")[2]
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{command}` |")]
    return re.findall(r"`(\w+)`", row.split(" | ", 2)[2])


def keys(value: Any) -> Iterator[str]:
    """The keys of objects, in any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in FREE:
                yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def printed(command: str, *arguments: str | Path, status: int = 0) -> list[Any]:
    """What a command prints with --json: its objects, one a line or one in all."""
    done: Result = CliRunner().invoke(main, [command, *map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == status, done.output
    assert done.stdout.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    found = [json.loads(line) for line in done.stdout.splitlines()] if command == "show" else [json.loads(done.stdout)]
    assert set(keys(found)) == set(documented(command))
    return found


def hostile(path: Path, words: str = "") -> Path:
    """A cassette with each kind of frame, and text that no terminal should see."""
    one = talk(instructions=EVIL + words)
    sound = Text('{"type": "response.output_audio.delta", "delta": "AAAA"}')
    more = (Record(9_100, Sender.SERVER, Binary(b"\0\xff")), Record(9_200, Sender.SERVER, sound))
    records = (*one.records, *more, Record(9_300, Sender.SERVER, Lost(EVIL)))
    exchange = Exchange("POST", f"/{EVIL}", EVIL.encode(), 200, (), EVIL.encode())
    header = Header("openai", recorded_on="2026-01-02", origin=EVIL)
    return save(Cassette(header, (replace(one, records=records),), (exchange,)), path)


def test_show(tmp_path: Path) -> None:
    header, opened, *frames = printed("show", hostile(tmp_path / "a.cassette"))
    assert header["header"]["origin"] == EVIL
    assert opened["frames"] == len(frames) - 1 == 8
    assert [EVIL in one.get("text", "") or "ud83d" in one.get("text", "") for one in frames[:3]] == [False, True, False]
    assert [frame["kind"] for frame in frames[4:8]] == ["close", "opaque", "event", "lost"]
    assert frames[7]["lost"] == EVIL


def test_diff(tmp_path: Path) -> None:
    one, other = hostile(tmp_path / "a.cassette"), hostile(tmp_path / "b.cassette", "more")
    (told,) = printed("diff", one, other, status=1)
    assert told["same"] is False
    assert [difference["path"] for difference in told["differences"]] == ["response.instructions"]


def test_faults() -> None:
    (told,) = printed("faults")
    assert told["provider"] == "openai"
    assert {"delay", "drop", "reset"} <= {one["name"] for one in told["faults"]}


def test_check(tmp_path: Path) -> None:
    path = hostile(tmp_path / "a.cassette")
    path.write_bytes(path.read_bytes()[:-40])
    (told,) = printed("check", path, status=1)
    assert [one["kind"] for one in told["problems"]] == ["damaged"]
    assert told["cassettes"] == 1


def test_orphans(tmp_path: Path) -> None:
    hostile(tmp_path / "a.cassette")
    notes = tmp_path / ".pytest_cache" / "d" / "realtime_mock"
    notes.mkdir(parents=True)
    (notes / "main.jsonl").write_text('{"cassette": "b.cassette", "test": "test_x.py::test_x"}\n')
    (told,) = printed("orphans", tmp_path, status=1)
    assert told["listed"] == [{"file": "a.cassette", "what": "no test uses it"}]


@pytest.mark.parametrize("drifted", [True, False])
def test_verify(tmp_path: Path, upstream: MockServer, drifted: bool) -> None:
    one = talk()
    if drifted:
        first = Text('{"type": "session.created", "event_id": "event_1", "session": {"old_field": 1, "id": "sess_1"}}')
        one = replace(one, records=(replace(one.records[0], frame=first), *one.records[1:]))
    path = written(tmp_path / "x.cassette", one)
    if not drifted:
        done = CliRunner().invoke(main, ["verify", str(path), "--upstream", upstream.base_url, "--json"])
        told = json.loads(done.stdout)
        assert told == {"drifted": False, "connections": [{"connection": 0, "events": 3, "drifts": []}]}
        return
    (told,) = printed("verify", path, "--upstream", upstream.base_url, status=1)
    assert told["drifted"] is True
    (drift,) = told["connections"][0]["drifts"]
    assert drift == {"change": "field gone", "where": "session.created: session.old_field", "detail": "was number"}
