"""The end of an upstream that outlived its client is told to the recorder, whatever that says to it."""

from __future__ import annotations

import asyncio

from mockserver.server.outlast import Outlast


class Full:
    """A recorder's end whose disk is full."""

    over = False

    def settled_at(self, now: int) -> int | None:
        return now

    def lost(self, now: int, why: str) -> None:
        raise OSError("no space left")


async def test_what_the_recorder_raises_is_told_and_the_upstream_ends_all_the_same() -> None:
    told: list[object] = []
    outlast = Outlast(
        Full(),
        loop=asyncio.get_running_loop(),
        now=lambda: 5,
        limit=30,
        ended=lambda: told.append("ended"),
        failed=lambda error: told.append(str(error)),
    )
    assert outlast.look()
    assert told == ["no space left", "ended"]
    assert outlast.done.done()
