"""What a server keeps of sessions that are over."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref

import aiohttp
import pytest

from mockserver import MockServer, simulator
from mockserver.server import memory, sessions


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
            running = [handle.session for handle in server.sessions if handle.session is not None]
            accounts = sum(session.ledger is not None for session in running)
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
    assert await left(16) == (0, 0, 0)
    monkeypatch.setattr(sessions, "KEPT_SIZE", 1 << 20)
    assert await left(16) == (6, 6, 0), "the control"


async def test_what_much_of_it_held_is_given_back_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(sessions, "give_back", lambda: given.append(1))
    monkeypatch.setattr(sessions, "KEPT", 2)
    await left(16)
    assert not given, "the control: four with little in them"
    monkeypatch.setattr(sessions, "KEPT_SIZE", 1)
    await left(16)
    assert len(given) == 6


FREEING = """
from pathlib import Path
from mockserver.server import memory

def resident():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith("VmRSS"))

kept, freed = [], []
for _ in range(400):  # each of less than 128 KiB, so that they lie in the heap
    freed.append(bytearray(b"x" * 100_000))
    kept.append(bytearray(b"x" * 1_000))
freed.clear()
before = resident()
memory.give_back()
print(before - resident())
"""


@pytest.mark.skipif(memory._trim() is None, reason="glibc alone keeps it")
def test_memory_that_is_free_goes_back_to_the_system() -> None:
    """What is below something that stays does not go by itself. In a process of its own, whose heap is in order."""
    told = subprocess.run([sys.executable, "-c", FREEING], capture_output=True, text=True, check=True).stdout
    assert int(told) > 20_000
