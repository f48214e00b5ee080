"""A long answer is made a bit at a time, and is the same as if it had been made at once."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import MockServer, simulator
from mockserver.core.frames import Sender, Text
from mockserver.core.machine import Untimed
from mockserver.core.session import Session
from mockserver.engines.base import Request
from mockserver.server import bit_by_bit, calling, control
from mockserver.server.bit_by_bit import PIECE, encoded
from mockserver.server.pump import Pump
from mockserver.server.sessions import SessionHandle
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
    rests: list[float] = []
    monkeypatch.setattr(bit_by_bit, "sleep", rests.append)
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(len(rests))
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    assert [one async for one in bit_by_bit.breathing(range(30))] == list(range(30))
    task.cancel()
    assert len(rests) >= 8
    assert set(rests) == {bit_by_bit.REST}
    assert len(set(turns)) >= 8, "there are turns between the rests"


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


@pytest.mark.parametrize("path", ["journal", "scene", "state"])
@pytest.mark.parametrize("slow", [True, False])
async def test_sessions_have_turns_while_the_control_api_tells(
    path: str, slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each look at a clock finds that a while has gone by; the control: where no time passes, none is needed."""
    seconds = iter(range(1_000_000))
    monkeypatch.setattr(reading, "perf_counter", lambda: next(seconds) if slow else 0.0)
    server = MockServer(simulator("openai"))
    await server.start()
    for _ in range(20):
        log = server.journal.open(server.dialect)
        for at in range(5):
            server.journal.write(log, at, Sender.CLIENT, Text('{"type":"input_audio_buffer.clear"}'))
        engine: Any = Untimed()
        session, pump = Session(engine, journal=server.journal, log=log), SimpleNamespace()
        server.sessions.append(SessionHandle(session, cast("Pump", pump), lambda act: act(), server.dialect))
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    request = Request("GET", f"/__mockserver__/{path}", headers=(("Host", "127.0.0.1"),))
    reply = await server.new_control().answer(request, peer="127.0.0.1")
    task.cancel()
    await server.close()
    assert reply.status == 200, reply.body
    assert (len(turns) >= 20) is slow


@pytest.mark.parametrize(("method", "path"), [("POST", "faults"), ("PUT", "faults/1"), ("GET", "schema")])
async def test_what_a_fault_over_http_needs_is_not_imported_by_the_loop(
    method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def imported(name: str) -> None:
        asked.append(name)

    monkeypatch.setattr(control, "imported", imported)
    server = MockServer(simulator("openai"))
    server.add_fault("delay 1s on response.done optional")
    headers = (("Host", "127.0.0.1"), ("Content-Type", "application/json"))
    body = b'{"spec": "delay 2s on response.done optional"}'
    request = Request(method, f"/__mockserver__/{path}", headers=headers, body=body)
    reply = await server.new_control().answer(request, peer="127.0.0.1")
    assert (reply.status // 100, asked) == (2, ["mockserver.server.control_model"]), reply.body


async def test_what_a_call_needs_is_not_imported_by_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def imported(name: str) -> None:
        asked.append(name)
        raise ImportError("not here")

    monkeypatch.setattr(calling, "imported", imported)
    server = MockServer(simulator("openai"))
    await server.start()
    url = f"{server.url}/v1/realtime/calls"
    async with aiohttp.ClientSession() as session, session.post(url, headers={"Authorization": "Bearer any"}) as reply:
        assert reply.status == 503
    assert asked == ["mockserver.server.webrtc.desk"]
    assert [str(one).count("not here") for one in server.problems()] == [1]
    await server.close()
