"""``mockserver call`` and the call with asyncio, on real sockets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mockserver import MockServer, replay, simulator
from mockserver.cassette.store import load
from mockserver.cli import main
from mockserver.errors import UpstreamError
from mockserver.load import CallOptions, call
from tests.docs import TOP
from tests.every import every

FILE = TOP / "cassettes" / "openai.cassette"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["call", *map(str, arguments)], catch_exceptions=False)


async def test_a_call_on_a_socket_is_as_recorded_and_an_end_or_a_refusal_is_seen() -> None:
    async with MockServer(replay(FILE, pacing="instant")) as server:
        report = await call(load(FILE), url=server.base_url, options=CallOptions(speed=100, check="exact"), key="any")
    assert report.good, list(report.faults())
    assert report.connected is not None
    assert report.opening is not None
    server = MockServer(replay(FILE, pacing="instant", allow_unplayed=True), faults=["close 1011 on response.created"])
    async with server:
        report = await call(load(FILE), url=server.base_url, options=CallOptions(speed=100, wait_s=3), key="any")
    assert (report.close, report.unexpected_close) == ("close 1011", True)
    async with MockServer(replay(FILE, allow_unplayed=True), faults=["refuse 429"]) as server:
        report = await call(load(FILE), url=server.base_url)
        assert list(report.faults()) == ["refused: the handshake was answered with HTTP 429"]


async def test_a_socket_that_a_plain_call_names_is_asked_for_first() -> None:
    file = TOP / "cassettes" / "ultravox.cassette"
    async with MockServer(simulator("ultravox", pace="instant", require_key="own"), seed=7) as server:
        report = await call(load(file), url=server.base_url, options=CallOptions(speed=100, check="none"), key="own")
        assert [handle.log.handshake.path for handle in server.sessions if handle.log.handshake] != [
            load(file).connections[0].handshake.path
        ]
    assert report.good, list(report.faults())
    assert report.opening is not None
    async with MockServer(simulator("ultravox", require_key="own")) as server:
        with pytest.raises(UpstreamError, match=r"/api/calls was answered 403 and named no socket"):
            await call(load(file), url=server.base_url, key="other")


def test_the_command_prints_a_timeline_and_what_is_wrong(tmp_path: Path) -> None:
    with MockServer(replay(FILE, pacing="instant")).in_thread() as server:
        done = run(FILE, "--url", server.base_url, "--speed", "100", "--check", "exact", "--to", tmp_path / "live")
    assert done.exit_code == 0, done.output
    assert "session.created" in done.output
    assert done.output.endswith("closed by the client\nas recorded\n")
    made = load(tmp_path / "live.cassette" if (tmp_path / "live.cassette").exists() else tmp_path / "live")
    assert len(made.connections[0].records) > 10
    source = replay(FILE, pacing="instant", allow_unplayed=True)
    with MockServer(source, faults=["drop on response.done"]).in_thread() as server:
        done = run(FILE, "--url", server.base_url, "--speed", "100", "--wait", "0.2", "--json")
    assert done.exit_code == 1
    report = json.loads(done.output)
    assert any("response.done" in one for one in report["mismatches"])
    assert report["good"] is False


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    def told(case: tuple[tuple[str | Path, ...], str]) -> None:
        arguments, said = case
        done = run(*arguments)
        assert done.exit_code == 2
        assert said in done.output, done.output
        assert "Traceback" not in done.output

    every(
        [
            ((FILE, "--url", "gateway:1"), "expected an http, https, ws or wss URL"),
            ((FILE, "--url", "http://127.0.0.1:1/v1"), "ws://127.0.0.1:1/v1/realtime"),
            ((tmp_path / "none", "--url", "http://x"), "no such cassette"),
            ((FILE, "--url", "http://x", "--connection", "7"), "the cassette has 0 to 0"),
            ((FILE, "--url", "http://x", "--speed", "0"), "speed=0.0: expected a factor above 0"),
            ((FILE, "--url", "http://x", "--header", "nothing"), "expected NAME:VALUE"),
            ((FILE, "--url", "http://x", "--key-env", "NO_SUCH_KEY"), "NO_SUCH_KEY is not set"),
        ],
        told,
    )
