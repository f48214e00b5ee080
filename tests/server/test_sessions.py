"""What a server keeps of sessions that are over."""

from __future__ import annotations

import gc
import json
import weakref

import aiohttp
import pytest

from mockserver import MockServer, simulator
from mockserver.server import sessions


async def left(limit: int | None) -> tuple[int, int, int]:
    """How many of six sessions that are over have their engine still, the account of a fault, and their socket.

    Nothing is collected: what only a collector finds would stay for long in a process that serves.
    """
    faults = ["delay 1ms on response.created"]
    made = simulator("openai", pace="instant")
    engines = []
    gc.disable()
    try:
        async with MockServer(made, journal_limit=limit, faults=faults) as server, aiohttp.ClientSession() as http:
            url = f"{server.ws_url}?model=gpt-realtime"
            for _ in range(6):
                async with http.ws_connect(url, headers={"Authorization": "Bearer key"}) as line:
                    await line.send_str('{"type":"response.create","response":{"output_modalities":["text"]}}')
                    while json.loads((await line.receive()).data)["type"] != "response.done":
                        pass
                    engines.append(weakref.ref(server.sessions[-1].engine))
            await server.drain(5)
            assert not server.running
            server.sessions[0].pause()
            assert not server.sessions[0].paused, "one that is over is not held"
            assert [handle.owes() for handle in server.sessions] == [[]] * 6, "one that is over owes nothing"
            accounts = sum(handle.session.ledger is not None for handle in server.sessions)
            sockets = sum(handle._pump is not None for handle in server.sessions)
            return len([one for one in engines if one() is not None]), accounts, sockets
    finally:
        gc.enable()


async def test_a_bounded_server_gives_up_what_belongs_to_old_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "KEPT", 2)
    assert await left(16) == (2, 2, 0)
    assert await left(None) == (6, 6, 6), "the control: a test's own server keeps all"


async def test_what_clients_sent_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine holds its conversation: a few sessions with much in them are as much as many with little."""
    monkeypatch.setattr(sessions, "KEPT_SIZE", 1)
    assert await left(16) == (1, 1, 0), "the last one is always kept"
    monkeypatch.setattr(sessions, "KEPT_SIZE", 1 << 20)
    assert await left(16) == (6, 6, 0), "the control"
