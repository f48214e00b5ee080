from __future__ import annotations

import asyncio
from typing import Any

from mockserver.server.session_book import SessionBook


async def test_who_waits_for_the_last_session_waits_for_all_of_them() -> None:
    book = SessionBook(bounded=False)
    pumps: list[Any] = [object(), object()]
    for pump in pumps:
        book.began(pump, pump)
    waiting = asyncio.create_task(book.none_left())
    await asyncio.sleep(0)
    book.ended(pumps[0])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    book.ended(pumps[1])
    book.ended(pumps[1])  # an end that is told twice is one
    await waiting
    assert (len(book.all), len(book.running)) == (2, 0)
    await book.none_left()
