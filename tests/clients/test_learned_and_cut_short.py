"""A real client that races its own set-up, and one that cancels and truncates at once: twenty replays at each pace."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.exceptions import ConnectionClosedError

from mockserver import MockServer, relay, replay, simulator
from mockserver.cassette.learn import learn
from mockserver.cassette.model import Cassette
from mockserver.cassette.store import load
from mockserver.errors import ReplayMismatch
from mockserver.server.record import Recording

RUNS = 20
TOOLS: Any = [{"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}]
PACINGS = ["recorded", "instant"]


async def racing(base_url: str, *, early: bool) -> list[str]:
    """Its first settings hold the tools only if its context was there before session.created, as pipecat's do."""
    seen: list[str] = []
    async with AsyncOpenAI(base_url=base_url, api_key="any").realtime.connect(model="gpt-realtime") as connection:
        plain: Any = {"type": "realtime", "output_modalities": ["text"]}
        async for event in connection:
            seen.append(event.type)
            if event.type == "session.created":
                await connection.session.update(session={**plain, "tools": TOOLS} if early else plain)
            elif event.type == "session.updated" and seen.count(event.type) == 1:
                await connection.session.update(session={**plain, "tools": TOOLS})
            elif event.type == "session.updated":
                await connection.response.create()
            elif event.type == "response.done":
                break
    return seen


async def recorded(path: Path, client: Any, **options: Any) -> Cassette:
    async with (
        MockServer(simulator("openai", pace="instant")) as upstream,
        Recording(relay(upstream.base_url), path) as recording,
    ):
        await client(recording.server.base_url, **options)
    return load(path)


@pytest.mark.parametrize("pacing", PACINGS)
async def test_a_client_that_races_its_own_set_up_replays_from_what_was_learned(tmp_path: Path, pacing: str) -> None:
    early = await recorded(tmp_path / "early.cassette", racing, early=True)
    late = await recorded(tmp_path / "late.cassette", racing, early=False)
    made, found = learn([early, late])
    assert "session.update#1:session.tools missing" in found.rules()["varies"]
    for number in range(RUNS):
        async with MockServer(replay(made, pacing=pacing, allow_unplayed=["close"])) as server:
            assert (await racing(server.base_url, early=bool(number % 2)))[-1] == "response.done"
    # Without the rules the one that was not recorded departs.
    server = MockServer(replay(replace(early, header=replace(early.header, rules={})), pacing=pacing))
    await server.start()
    with suppress(ConnectionClosedError):
        await racing(server.base_url, early=False)
    await server.close()
    with pytest.raises(ReplayMismatch, match=r"session\.update"):
        server.verify()


async def cutting(base_url: str) -> list[str]:
    """It cancels and truncates in one breath, as soon as it hears something."""
    seen: list[str] = []
    async with AsyncOpenAI(base_url=base_url, api_key="any").realtime.connect(model="gpt-realtime") as connection:
        await connection.response.create()
        async for event in connection:
            seen.append(event.type)
            if event.type == "response.output_audio.delta" and seen.count(event.type) == 1:
                await connection.response.cancel()
                await connection.conversation.item.truncate(item_id=event.item_id, content_index=0, audio_end_ms=10)
            if {"response.done", "conversation.item.truncated"} <= set(seen):
                break
    return seen


@pytest.mark.parametrize("pacing", PACINGS)
async def test_the_end_of_what_was_cancelled_comes_before_the_truncation_as_recorded(
    tmp_path: Path, pacing: str
) -> None:
    async with (
        MockServer(simulator("openai", replier=lambda context: "a long story " * 40)) as upstream,
        Recording(relay(upstream.base_url), tmp_path / "x.cassette") as recording,
    ):
        seen = await cutting(recording.server.base_url)
    tail = [name for name in seen if name in ("response.done", "conversation.item.truncated")]
    for _ in range(RUNS):
        async with MockServer(replay(tmp_path / "x.cassette", pacing=pacing, allow_unplayed=["close"])) as server:
            again = await cutting(server.base_url)
        assert [name for name in again if name in tail] == tail
