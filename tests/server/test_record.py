"""A recording holds what crossed the wire, says how it ended, and loses nothing when something fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, relay, replay, script
from mockserver.cassette import render
from mockserver.cassette.files.leftovers import leftovers
from mockserver.cassette.store import load
from mockserver.core.frames import Close, Lost, Sender, Text
from mockserver.engines.base import HttpReply
from mockserver.errors import CassetteExists, ServerError
from mockserver.server.record import Recording

TALK = script.repeat(script.expect("ping"), script.send({"type": "pong"}))


async def say(url: str, times: int = 1, *, close: bool = True) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession()
    ws = await session.ws_connect(url)
    for _ in range(times):
        await ws.send_str('{"type":"ping"}')
        await ws.receive()
    if close:
        await ws.close()
        await session.close()
    return session


async def test_two_sessions_through_a_relay_land_in_one_cassette(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "two.cassette"
    http = {"GET /v1/models": HttpReply(200, (), b"[]")}
    async with (
        MockServer(script(TALK, http=http)) as upstream,
        Recording(relay(upstream.base_url), file, origin="a test") as recording,
    ):
        await say(recording.server.ws_url + "?model=m", 2)
        await say(recording.server.ws_url)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{recording.server.base_url}/models") as answer,
        ):
            assert await answer.read() == b"[]"
        figures = recording.figures()
    assert recording.saved == file
    assert recording.problems == []
    assert recording.failures == []
    cassette = load(file)
    assert (cassette.header.dialect, cassette.header.ended, cassette.header.origin) == (
        "openai",
        "clean",
        "a test",
    )
    assert cassette.header.upstream == upstream.base_url
    ping, pong = Text('{"type":"ping"}'), Text('{"type":"pong"}')
    assert [[(record.sender, record.frame) for record in line.records] for line in cassette.connections] == [
        [(Sender.CLIENT, ping), (Sender.SERVER, pong)] * 2 + [(Sender.CLIENT, Close(1000))],
        [(Sender.CLIENT, ping), (Sender.SERVER, pong), (Sender.CLIENT, Close(1000))],
    ]
    assert cassette.connections[0].handshake.param("model") == "m"
    assert [(one.method, one.path, one.body) for one in cassette.exchanges] == [("GET", "/v1/models", b"[]")]
    assert (figures.sessions, figures.running, figures.exchanges) == (2, 0, 1)
    assert (figures.frames_from_client, figures.bytes_from_client) == (3, 3 * len(ping.data))
    assert (figures.frames_from_server, figures.bytes_from_server) == (3, 3 * len(pong.data))
    told = "2 sessions, 1 plain call, 3 frames (45 B) from the client, 3 frames (45 B) from the server, "
    assert str(figures).startswith(told)
    assert leftovers(file) == []


async def test_every_frame_is_on_disk_when_the_client_has_it(tmp_path: Path) -> None:
    file = tmp_path / "one.cassette"
    async with (
        Recording(script(TALK), file) as recording,
        aiohttp.ClientSession() as session,
        session.ws_connect(recording.server.ws_url) as ws,
    ):
        for count in range(1, 4):
            await ws.send_str('{"type":"ping"}')
            await ws.receive()
            cut = load(leftovers(file)[0])
            assert len(cut.connections[0].records) == 2 * count
            assert cut.header.ended == "killed"


async def test_a_recording_stopped_in_the_middle_says_so(tmp_path: Path) -> None:
    file = tmp_path / "one.cassette"
    async with Recording(script(TALK), file) as recording:
        session = await say(recording.server.ws_url, close=False)
    assert load(file).header.ended == "stopped while 1 session was running"
    await session.close()
    second = tmp_path / "two.cassette"
    recording = Recording(script(TALK), second)
    await recording.__aenter__()
    await say(recording.server.ws_url)
    await recording.__aexit__(KeyError, KeyError(), None)
    assert load(second).header.ended == "interrupted by KeyError"


async def test_a_refused_recording_is_one_too(tmp_path: Path) -> None:
    file = tmp_path / "refused.cassette"
    async with (
        MockServer(script(script.refuse(401, "no"))) as upstream,
        Recording(relay(upstream.base_url), file) as recording,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(recording.server.ws_url)
    [line] = load(file).connections
    assert (line.answer.status, line.answer.body, list(line.records)) == (401, b"no", [])
    assert [str(failure) for failure in recording.failures] == [
        f"upstream {upstream.base_url} refused the connection with HTTP 401"
    ]


async def test_a_full_disk_ends_the_session_and_keeps_what_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "full.cassette"
    real, written = os.write, 0

    def write(descriptor: int, data: Any) -> int:
        nonlocal written
        written += 1
        if written > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    recording = Recording(script(TALK), file)
    monkeypatch.setattr("mockserver.cassette.store.os.write", write)
    received = 0
    async with recording, aiohttp.ClientSession() as session:
        async with session.ws_connect(recording.server.ws_url, autoclose=False) as ws:
            for _ in range(20):
                await ws.send_str('{"type":"ping"}')
                message = await ws.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                received += 1
        assert (message.data, message.extra) == (1011, "internal error")
        monkeypatch.undo()
    assert 0 < received < 20
    assert "No space left on device" in str(recording.problems[0])
    [line] = load(file).connections
    pongs = [record for record in line.records if record.sender is Sender.SERVER and isinstance(record.frame, Text)]
    assert len(pongs) == received
    assert "No space left" in load(file).header.ended


async def test_what_would_fail_at_the_end_fails_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "there.cassette"
    file.write_bytes(b"precious")
    with pytest.raises(CassetteExists):
        Recording(script(), file)
    async with MockServer(script()) as other:
        with pytest.raises(ServerError, match="is in use"):
            async with Recording(script(), tmp_path / "new.cassette", port=other.port):
                raise AssertionError("it must not start")
    assert os.listdir(tmp_path) == ["there.cassette"]  # noqa: PTH208
    assert file.read_bytes() == b"precious"


async def test_nothing_is_saved_where_nobody_connected(tmp_path: Path) -> None:
    async with Recording(script(), tmp_path / "none.cassette") as recording:
        pass
    assert recording.saved is None
    assert os.listdir(tmp_path) == []  # noqa: PTH208


# --- faults are the client's affair ---

CUT = 'close 1001 "gone" on response.created'


def answers(*, ends: bool = True) -> MockServer:
    """A service that takes 100 ms for an answer, or never ends it."""
    done = {"type": "response.done", "response": {"id": "resp_1", "status": "completed"}}
    rest = (script.wait(ms=100), script.send(done)) if ends else ()
    return MockServer(
        script(
            script.send({"type": "session.created", "session": {"id": "sess_1"}}),
            script.expect("response.create"),
            script.send({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}),
            *rest,
            script.closed(),
        )
    )


async def ask(url: str) -> list[Any]:
    """What a client gets that asks once and leaves when it has its answer, or is sent away."""
    seen: list[Any] = []
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        async for message in ws:
            seen.append(message.json()["type"])
            if seen[-1] == "session.created":
                await ws.send_json({"type": "response.create"})
            if seen[-1] == "response.done":
                break
        seen.append(ws.close_code)
    return seen


async def recorded(file: Path, faults: list[str], *, ends: bool = True, **options: Any) -> list[Any]:
    async with (
        answers(ends=ends) as upstream,
        Recording(relay(upstream.base_url), file, faults=faults, **options) as recording,
    ):
        return await ask(recording.server.ws_url)


async def test_a_recording_under_a_fault_is_the_services_and_passes_with_it(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.cassette", tmp_path / "cut.cassette"
    assert await recorded(whole, []) == ["session.created", "response.created", "response.done", None]
    seen = await recorded(cut, [CUT])
    assert seen == ["session.created", "response.created", 1001]
    mine, theirs = load(whole), load(cut)
    said = [
        [one.frame for one in made.connections[0].records if one.sender is Sender.SERVER] for made in (mine, theirs)
    ]
    assert said[0] == said[1]
    assert "response.done" in str(said[1][-1])
    assert (mine.header.faults, theirs.header.faults) == ((), (CUT,))
    assert any(CUT in line for line in render.timeline(theirs))
    assert any("gone" in line for line in render.textconv(theirs))
    assert theirs.connections[0].records[-1].frame == Lost("a fault had ended the client's connection")
    # From it the same test passes with its fault, and without it the client gets the whole answer.
    async with MockServer(replay(cut), faults=[CUT]) as server:
        assert await ask(server.ws_url) == seen
    async with MockServer(replay(cut)) as server:
        assert await ask(server.ws_url) == ["session.created", "response.created", "response.done", None]


async def test_an_answer_that_never_ends_is_not_waited_for_longer_than_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "cut.cassette"
    await recorded(file, [CUT], ends=False, outlast=0.05)
    assert load(file).connections[0].records[-1].frame == Lost(
        "a fault had ended the client's connection; its response had not ended 0.05 s later"
    )


async def test_a_fault_that_did_not_strike_stands_in_no_header(tmp_path: Path) -> None:
    file = tmp_path / "one.cassette"
    await recorded(file, ["drop on response.cancelled optional"])
    assert load(file).header.faults == ()


async def test_a_connection_that_a_fault_refused_is_no_recording(tmp_path: Path) -> None:
    file = tmp_path / "none.cassette"
    async with answers() as upstream, Recording(relay(upstream.base_url), file, faults=["refuse 503"]) as recording:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await ask(recording.server.ws_url)
    assert recording.saved is None
    assert not file.exists()


async def test_what_the_relay_says_itself_is_no_recording(tmp_path: Path, unused_tcp_port: int) -> None:
    file = tmp_path / "none.cassette"
    async with (
        Recording(relay(f"http://127.0.0.1:{unused_tcp_port}/v1"), file) as recording,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="502"):
            await session.ws_connect(recording.server.ws_url)
        async with session.get(f"{recording.server.base_url}/models") as answer:
            assert answer.status == 502
    assert recording.saved is None
    assert len(recording.failures) == 2


async def test_a_recording_of_rest_calls_only_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "rest.cassette"
    http = {"POST /v1/realtime/client_secrets": HttpReply(200, (), b'{"value":"ek_abcdefghijklmnop1234"}')}
    async with (
        MockServer(script(TALK, http=http)) as upstream,
        Recording(relay(upstream.base_url), file) as recording,
        aiohttp.ClientSession() as session,
        session.post(f"{recording.server.base_url}/realtime/client_secrets", json={}) as answer,
    ):
        assert answer.status == 200
    assert recording.saved == file
    assert str(recording.figures()).startswith("0 sessions, 1 plain call, 0 frames")
    [exchange] = load(file).exchanges
    assert b"ek_abcdef" not in exchange.body
    async with (
        MockServer(replay(file)) as server,
        aiohttp.ClientSession() as session,
        session.post(f"{server.base_url}/realtime/client_secrets", json={}) as answer,
    ):
        assert await answer.read() == exchange.body
