"""The collector comes to a command while nobody is connected, or where there is very much for it."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator

import pytest

from mockserver.cli import collecting
from mockserver.cli.collecting import LOOK_SECONDS, steady
from mockserver.server.virtual import virtual_time


class Server:
    running = 0

    def __init__(self) -> None:
        self.sessions: list[object] = []


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often everything was collected."""
    found: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: found.append(1))
    yield found
    gc.enable()
    gc.unfreeze()


async def test_it_comes_once_after_sessions_when_none_runs(collected: list[int]) -> None:
    server, looks = Server(), LOOK_SECONDS * 1.01
    with virtual_time(), steady(server):
        collected.clear()
        await asyncio.sleep(looks * 3)
        assert not collected, "nobody was there"
        server.sessions, server.running = [object()], 1
        await asyncio.sleep(looks * 3)
        assert not collected, "somebody waits"
        server.running = 0
        await asyncio.sleep(looks * 3)
        assert len(collected) == 1


async def test_it_comes_where_there_is_very_much(collected: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    server.running = 1
    with virtual_time(), steady(server):
        collected.clear()
        await asyncio.sleep(LOOK_SECONDS * 1.01)
        assert not collected
        monkeypatch.setattr(collecting, "MOST", -1)
        await asyncio.sleep(LOOK_SECONDS)
        assert collected


async def test_afterwards_all_is_as_before() -> None:
    before = sys.getswitchinterval(), gc.isenabled()
    with steady(Server()):
        assert not gc.isenabled()
        assert gc.get_freeze_count()
    assert (sys.getswitchinterval(), gc.isenabled()) == before
