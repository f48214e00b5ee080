"""The collector comes to a command while nobody is connected, or where there is very much for it."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator

import pytest

from mockserver.cli import collecting
from mockserver.cli.collecting import FEW, GROWN, LOOK_SECONDS, MOST, steady
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


@pytest.mark.parametrize(
    ("objects", "grown", "left"),
    [(FEW, GROWN + 1, 0), (FEW, GROWN, FEW), (FEW + 1, GROWN + 1, FEW + 1)],
    ids=["few that hold much", "the control: they hold little", "the control: they take long to be looked at"],
)
async def test_few_objects_that_hold_much_are_collected_while_sessions_run(
    new: list[int], monkeypatch: pytest.MonkeyPatch, objects: int, grown: int, left: int
) -> None:
    held = [100 << 20]
    monkeypatch.setattr(collecting, "resident", lambda: held[0])
    server = Server()
    server.running = 1
    with virtual_time(), steady(server):
        await asyncio.sleep(LOOK_SECONDS / 2)
        new[0], held[0] = objects, held[0] + grown
        await asyncio.sleep(LOOK_SECONDS)
        assert new == [left]


def test_what_a_process_holds_is_told_by_the_system() -> None:
    if sys.platform == "linux":
        assert 5 << 20 < collecting.resident() < 4 << 30
    else:
        assert collecting.resident() == 0


async def test_afterwards_all_is_as_before() -> None:
    before = sys.getswitchinterval(), gc.isenabled()
    with steady(Server()):
        assert not gc.isenabled()
        assert gc.get_freeze_count()
    assert (sys.getswitchinterval(), gc.isenabled()) == before
