"""A long answer is made a bit at a time, and is the same as if it had been made at once."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import MockServer, simulator
from mockserver.server import bit_by_bit, control
from mockserver.server.bit_by_bit import PIECE, encoded
from mockserver.server.websocket import reading

VALUES = st.none() | st.integers() | st.text() | st.lists(st.text(max_size=5) | st.integers(), max_size=4)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4) | VALUES)
def test_it_is_what_json_makes_of_it(body: Any) -> None:
    made = b"".join(asyncio.run(encoded(body)))
    assert made == (json.dumps(body, ensure_ascii=False) + "\n").encode(errors="replace")


async def test_a_long_one_comes_in_pieces() -> None:
    body = {"entries": ["x" * 1000] * 1000, "next": 7}
    pieces = await encoded(body)
    assert json.loads(b"".join(pieces)) == body
    assert len(pieces) > 5
    assert max(map(len, pieces)) < PIECE + 2000


async def test_others_have_turns_while_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(100_000))
    monkeypatch.setattr(reading, "perf_counter", lambda: next(seconds) * reading.SHIFT_SECONDS / 2)
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    assert [one async for one in bit_by_bit.breathing(range(30))] == list(range(30))
    task.cancel()
    assert len(turns) >= 8


async def test_a_page_of_the_journal_has_an_end_and_says_where_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_PAGE_BYTES", 1)
    async with MockServer(simulator("openai", pace="instant")) as server, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{server.ws_url}?model=gpt-realtime") as ws:
            await ws.receive()
        await server.drain(5)
        found: list[int] = []
        sizes: list[int] = []
        at = 0
        while True:
            async with session.get(f"{server.url}/__mockserver__/journal?since={at}") as reply:
                page = await reply.json()
            if not page["entries"]:
                break
            found += [entry["index"] for entry in page["entries"]]
            sizes.append(len(page["entries"]))
            at = page["next"]
        assert found == list(range(len(server.journal)))
        assert len(sizes) > 1


async def test_a_journal_of_megabytes_is_told_whole() -> None:
    async with MockServer(simulator("openai", pace="instant")) as server, aiohttp.ClientSession() as session:
        async with session.ws_connect(
            f"{server.ws_url}?model=gpt-realtime", headers={"Authorization": "Bearer any"}
        ) as ws:
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x" * 400_000}]}
            await ws.send_json({"type": "conversation.item.create", "item": item})
            while "item.done" not in (await ws.receive_json())["type"]:
                pass
            async with session.get(f"{server.url}/__mockserver__/journal") as reply:
                page = await reply.json()
        said = [entry for entry in page["entries"] if entry["name"] == "conversation.item.create"]
        assert json.loads(said[0]["text"])["item"] == item
        assert len(page["entries"]) == page["next"]


async def test_what_is_needed_for_the_first_time_is_imported_by_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    by: list[str] = []
    monkeypatch.setattr(bit_by_bit, "import_module", lambda name: by.append(threading.current_thread().name))
    await bit_by_bit.imported("json")
    assert not by, "it is there"
    await bit_by_bit.imported("mockserver.no_such_module")
    assert by
    assert by != [threading.current_thread().name]
