"""Virtual time with real clients: the same run, to the microsecond, however often it is repeated and however busy the
machine is. ``VIRTUAL_RUNS=50 pytest tests/clients/test_virtual_time.py`` repeats more often.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner
from livekit.agents.llm import RealtimeError
from livekit_client import livekit, played
from sdk_client import voice

from mockserver import MockServer, simulator, virtual_time
from mockserver.assertions import assert_spoken
from mockserver.core.view import Kind

RUNS = int(os.environ.get("VIRTUAL_RUNS", "5"))
LATE = "delay 11s on 1st response.created"


async def with_livekit(server: MockServer) -> None:
    async with livekit(server) as session:
        with pytest.raises(RealtimeError, match="timed out"):
            await session.generate_reply(instructions="the late reply")
        await asyncio.sleep(5)
        reply = await session.generate_reply(instructions="the next reply")
        assert_spoken("the next reply", await played(reply))


async def with_the_sdk(server: MockServer) -> None:
    async with voice(server) as client:
        with pytest.raises(TimeoutError):
            await client.ask(instructions="the late reply")
        await asyncio.sleep(5)
        reply = await client.ask(instructions="the next reply")
        await reply.done.wait()
        assert_spoken("the next reply", reply.audio)


async def with_openai_agents(server: MockServer) -> None:
    runner = RealtimeRunner(RealtimeAgent(name="A", instructions="hi"))
    config = {"url": f"{server.ws_url}?model=gpt-realtime", "api_key": "any"}
    async with await runner.run(model_config=config) as session:  # type: ignore[arg-type]
        await session.send_message("hello")
        async for event in session:
            if event.type == "agent_end":
                break


Run = Callable[[MockServer], Awaitable[None]]


async def timeline(run: Run) -> list[tuple[int, str, str]]:
    """What crossed the wire and when, without the ids and texts that clients draw at random.

    And without the end: a client that closes TCP with frames unread resets the connection, and where the kernel is
    late to deliver, that may overtake its own close frame.
    """
    with virtual_time():
        async with MockServer(simulator("openai"), faults=[LATE]) as server:
            await run(server)
    journal = server.journal
    return [
        (entry.at, str(entry.sender), view.name)
        for entry in journal.frames()
        if (view := journal.view(entry)) is not None and view.kind not in (Kind.CLOSE, Kind.LOST)
    ]


@pytest.mark.parametrize("run", [with_livekit, with_the_sdk, with_openai_agents])
async def test_the_same_to_the_microsecond(run: Run) -> None:
    first = await timeline(run)
    # 11 s, and the 20 ms that the simulator takes before it creates a response.
    assert first[[name for _, _, name in first].index("response.created")][0] == 11_020_000
    for _ in range(RUNS - 1):
        assert await timeline(run) == first


@pytest.mark.looptime
async def test_looptimes_clock_does_too() -> None:
    """The server goes by the loop's clock, whoever keeps it."""
    began = time.perf_counter()
    async with MockServer(simulator("openai"), faults=[LATE]) as server:
        await with_livekit(server)
    created = server.journal.sent_by_server("response.created").entries[0]
    assert created.at == pytest.approx(11_020_000, abs=10)
    assert time.perf_counter() - began < 5


async def test_a_server_that_was_there_before() -> None:
    async with MockServer(simulator("openai"), faults=[f"{LATE} for first attempt"]) as server:
        await asyncio.sleep(0.01)
        with virtual_time() as clock:
            await with_livekit(server)
        assert clock.seconds > 15
        reached = asyncio.get_running_loop().time()
        async with voice(server) as client:  # and after it
            reply = await client.ask(instructions="in real time")
            await reply.done.wait()
        assert 0.3 < asyncio.get_running_loop().time() - reached < 10
        assert_spoken("in real time", reply.audio)
    created = server.journal.sent_by_server("response.created").entries
    assert created[0].at == pytest.approx(11_020_000, abs=1_000)
