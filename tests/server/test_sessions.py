"""What a server keeps of sessions that are over."""

from __future__ import annotations

import gc
import weakref

import aiohttp
import pytest

from mockserver import MockServer, script
from mockserver.server import sessions

TALK = script.repeat(script.expect("ping"), script.send({"type": "pong"}))


async def left(limit: int | None) -> tuple[int, int]:
    """How many of six sessions that are over have a socket's writer and timers still, and the account of a fault."""
    faults = ["delay 1ms on pong"]
    async with MockServer(script(TALK), journal_limit=limit, faults=faults) as server, aiohttp.ClientSession() as http:
        for _ in range(6):
            async with http.ws_connect(server.ws_url) as line:
                await line.send_str('{"type":"ping"}')
                await line.receive()
        await server.drain(5)
        assert not server.running
        pumps = [weakref.ref(handle._pump) for handle in server.sessions if handle._pump is not None]
        server.sessions[0].pause()
        assert not server.sessions[0].paused, "one that is over is not held"
        assert [handle.owes() for handle in server.sessions] == [[]] * 6, "one that is over owes nothing"
        gc.collect()
        accounts = sum(handle.session.ledger is not None for handle in server.sessions)
        return len([one for one in pumps if one() is not None]), accounts


async def test_a_bounded_server_gives_up_what_belongs_to_the_sockets_of_old_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "KEPT", 2)
    assert await left(16) == (2, 2)
    assert await left(None) == (6, 6), "the control: a test's own server keeps all"


async def test_what_clients_sent_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine holds its conversation: a few sessions with much in them are as much as many with little."""
    monkeypatch.setattr(sessions, "KEPT_SIZE", 1)
    assert await left(16) == (1, 1), "the last one is always kept"
    monkeypatch.setattr(sessions, "KEPT_SIZE", 1 << 20)
    assert await left(16) == (6, 6), "the control"
