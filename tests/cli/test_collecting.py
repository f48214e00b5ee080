"""The collector comes to a command while nobody is connected, or where there is very much for it."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator

import pytest

from mockserver.cli.collecting import FEW, LOOK_SECONDS, MOST, steady
from mockserver.server.virtual import virtual_time


class Server:
    running = 0


@pytest.fixture
def new(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many objects are new: a collection leaves none."""
    found = [0]
    monkeypatch.setattr(gc, "get_count", lambda: (found[0], 0, 0))
    monkeypatch.setattr(gc, "collect", lambda: found.__setitem__(0, 0))
    yield found
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize(("running", "enough"), [(0, FEW), (1, MOST)])
async def test_it_comes_where_there_is_enough_for_it(new: list[int], running: int, enough: int) -> None:
    server = Server()
    server.running = running
    with virtual_time(), steady(server):
        new[0] = enough
        await asyncio.sleep(LOOK_SECONDS * 3)
        assert new == [enough], "not yet"
        new[0] += 1
        await asyncio.sleep(LOOK_SECONDS * 1.01)
        assert new == [0]


async def test_afterwards_all_is_as_before() -> None:
    before = sys.getswitchinterval(), gc.isenabled()
    with steady(Server()):
        assert not gc.isenabled()
        assert gc.get_freeze_count()
    assert (sys.getswitchinterval(), gc.isenabled()) == before
