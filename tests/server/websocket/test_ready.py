"""Messages that a websocket has read already: taken together, in order, and none is lost to who waits or gives up."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

import pytest
from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType

from mockserver.core.frames import LONG
from mockserver.server.websocket.ready import TOGETHER, Messages


class Socket:
    """``receive`` as aiohttp has it: at once where a message is there, by one reader at a time."""

    def __init__(self) -> None:
        self._there: deque[WSMessage] = deque()
        self._came: asyncio.Future[None] | None = None
        self.reading = False

    def come(self, *data: str | bytes) -> None:
        """These have been read."""
        for one in data:
            self._there.append(WSMessage(WSMsgType.TEXT if isinstance(one, str) else WSMsgType.BINARY, one, None))
        if self._came is not None and not self._came.done():
            self._came.set_result(None)

    async def receive(self) -> WSMessage:
        assert not self.reading, "two readers at a time"
        self.reading = True
        try:
            while not self._there:
                self._came = asyncio.get_running_loop().create_future()
                await self._came
            return self._there.popleft()
        finally:
            self.reading = False


def messages(socket: Socket) -> Messages:
    return Messages(cast("ClientWebSocketResponse", socket))


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_texts_that_are_there_come_together_and_what_is_between_them_in_its_turn() -> None:
    socket = Socket()
    coming = messages(socket)
    socket.come("a", "b", "c", b"bytes", "d", "x" * LONG, "e")
    got: list[Any] = []
    for _ in range(5):
        message = await coming
        if message.type is WSMsgType.TEXT and len(message.data) < LONG:
            got.append(coming.texts(message.data))
        else:
            got.append(message.data)
    assert got == [["a", "b", "c"], b"bytes", ["d"], "x" * LONG, ["e"]]


async def test_no_more_is_taken_together_than_one_read_brings() -> None:
    socket = Socket()
    coming = messages(socket)
    socket.come(*(["x" * 4096] * 40))
    first = coming.texts((await coming).data)
    assert len(first) == TOGETHER // 4096
    assert len(coming.texts((await coming).data)) == TOGETHER // 4096


async def test_a_wait_that_was_begun_goes_on() -> None:
    socket = Socket()
    coming = messages(socket)
    socket.come("a")
    assert coming.texts((await coming).data) == ["a"]
    assert socket.reading  # begun, to see whether more is there
    assert coming.texts("again") == ["again"]  # and not begun twice
    waiting = asyncio.ensure_future(asyncio.wait_for(coming, 5))
    await turns()
    assert not waiting.done()
    socket.come("b", "c")
    assert (await waiting).data == "b"
    assert coming.texts("b") == ["b", "c"]


async def test_what_came_before_anyone_waited_is_not_lost() -> None:
    socket = Socket()
    coming = messages(socket)
    socket.come("a")
    assert coming.texts((await coming).data) == ["a"]
    socket.come("b")
    assert (await asyncio.wait_for(coming, 5)).data == "b"


@pytest.mark.parametrize("begun", [True, False])
async def test_who_gives_up_leaves_no_reader_behind(begun: bool) -> None:
    socket = Socket()
    coming = messages(socket)
    if begun:
        socket.come("a")
        assert coming.texts((await coming).data) == ["a"]

    async def wait() -> None:
        await coming

    waiting = asyncio.create_task(wait())
    await turns()
    assert socket.reading
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    assert not socket.reading


async def test_closed_it_leaves_no_reader_behind() -> None:
    socket = Socket()
    coming = messages(socket)
    socket.come("a")
    assert coming.texts((await coming).data) == ["a"]
    assert socket.reading
    coming.close()
    assert not socket.reading


async def test_it_says_which_message_was_waited_for() -> None:
    """Who reads on and on lets the others have a turn; who has waited has done so."""
    socket = Socket()
    coming = messages(socket)
    socket.come("a", "b")
    waited = []
    for _ in range(2):
        await coming
        waited.append(coming.waited)
    reading = asyncio.ensure_future(coming)
    await turns()
    socket.come("c", "d")
    assert (await reading).data == "c"
    waited.append(coming.waited)
    assert coming.texts("c") == ["c", "d"]  # which begins the wait for the next
    socket.come("e")
    assert (await coming).data == "e"
    waited.append(coming.waited)
    socket.come("f")
    await coming
    waited.append(coming.waited)
    assert waited == [False, False, True, True, False]
