"""livekit-plugins-openai under the three faults that the project is named for, each beside the session without it.

Time is virtual, so eleven seconds cost nothing. What is heard is decoded from the audio itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livekit import rtc
from livekit.agents import llm
from livekit.plugins import openai

from mockserver import MockServer, Scripted, relay, replay, simulator, speech
from mockserver.engines.base import Source
from mockserver.engines.simulator import Reply
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time

FIRST = "the tide comes in twice a day and leaves shells of every colour on the sand"
SECOND = "the second answer"
LATE = "delay 11s on 1st response.create"
LATE_ANSWER = "delay 11s on 1st response.created"
NO_METADATA = "drop metadata on response.created"
CUT = "cancel midway because turn_detected after 900ms of audio in 1st response"


def simulated() -> Source:
    return simulator("openai", replier=Scripted([Reply(text=FIRST), Reply(text=SECOND)]))


class Client:
    """One realtime session, and every generation that it told its user about."""

    def __init__(self, base_url: str) -> None:
        self.model = openai.realtime.RealtimeModel(base_url=base_url, api_key="any")
        self.session = self.model.session()
        self.surfaced: list[llm.GenerationCreatedEvent] = []
        self.session.on("generation_created", self.surfaced.append)

    async def ask(self) -> str:
        return await listen(await self.session.generate_reply(instructions="speak"))


@asynccontextmanager
async def connected(source: Source, *faults: str) -> AsyncIterator[tuple[MockServer, Client]]:
    with virtual_time():
        async with MockServer(source, faults=faults) as server:
            client = Client(server.base_url)
            try:
                yield server, client
            finally:
                await client.session.aclose()
                await client.model.aclose()


async def listen(generation: llm.GenerationCreatedEvent) -> str:
    audio = [bytes(frame.data) async for message in generation.message_stream async for frame in message.audio_stream]
    return speech.decode(audio)


async def test_control_both_turns_are_heard_and_nothing_else() -> None:
    async with connected(simulated()) as (server, client):
        assert [await client.ask(), await client.ask()] == [FIRST, SECOND]
        assert len(client.surfaced) == 2
        server.journal.sent_by_client("response.cancel").never()


@pytest.mark.parametrize("fault", [LATE, LATE_ANSWER])
async def test_a_late_response_is_cancelled_by_id_and_nothing_surfaces(fault: str) -> None:
    async with connected(simulated(), fault) as (server, client):
        with pytest.raises(llm.RealtimeError, match="timed out"):
            await client.ask()
        server.journal.sent_by_client("response.cancel").never()
        await asyncio.sleep(5)
        [orphan] = server.journal.sent_by_server("response.created").views
        [cancel] = server.journal.sent_by_client("response.cancel").once().bodies
        assert cancel["response_id"] == orphan.response_id
        assert client.surfaced == []
        assert await client.ask() == SECOND
        assert len(client.surfaced) == 1


async def test_a_reply_without_metadata_is_not_recognised_by_who_asked_for_it() -> None:
    async with connected(simulated(), NO_METADATA) as (server, client):
        with pytest.raises(llm.RealtimeError, match="timed out"):
            await client.ask()
        assert [event.user_initiated for event in client.surfaced] == [False]
        assert "metadata" not in server.journal.sent_by_server("response.created").bodies[0]["response"]


@pytest.mark.parametrize("faults", [(), (NO_METADATA,)])
async def test_a_reply_to_the_users_voice_is_recognised_all_the_same(faults: tuple[str, ...]) -> None:
    async with connected(simulated(), *faults) as (_, client):
        await say(client, "hello there")
        async with asyncio.timeout(30):
            while not client.surfaced:  # noqa: ASYNC110 the client tells of it in a callback only
                await asyncio.sleep(0.1)
        assert not client.surfaced[0].user_initiated
        assert await listen(client.surfaced[0]) == FIRST


async def test_a_cancel_in_mid_stream() -> None:
    async with connected(simulated(), CUT) as (server, client):
        heard = await client.ask()
        assert heard
        assert FIRST.startswith(heard)
        assert heard != FIRST
        assert await client.ask() == SECOND
        done = [body["response"]["status"] for body in server.journal.sent_by_server("response.done").bodies]
        assert done == ["cancelled", "completed"]


async def test_the_same_on_a_cassette(tmp_path: Path) -> None:
    path = tmp_path / "two.cassette"
    with virtual_time():
        async with (
            MockServer(simulated()) as upstream,
            Recording(relay(upstream.base_url), path) as recording,
        ):
            client = Client(recording.server.base_url)
            assert [await client.ask(), await client.ask()] == [FIRST, SECOND]
            await client.session.aclose()
            await client.model.aclose()
    async with connected(replay(path), CUT) as (server, client):
        heard = await client.ask()
        assert heard
        assert heard != FIRST
        assert FIRST.startswith(heard)
        assert await client.ask() == SECOND
        assert len(server.journal.sent_by_server("response.done").bodies) == 2


async def test_the_same_on_a_live_session() -> None:
    """Through the relay, as ``record`` does it: what the upstream still says of the response is dropped."""
    with virtual_time():
        async with (
            MockServer(simulated()) as upstream,
            MockServer(relay(upstream.base_url), faults=[CUT]) as server,
        ):
            client = Client(server.base_url)
            heard = await client.ask()
            assert heard
            assert heard != FIRST
            assert FIRST.startswith(heard)
            assert await client.ask() == SECOND
            await client.session.aclose()
            await client.model.aclose()
        # The upstream was asked to stop, too.
        upstream.journal.sent_by_client("response.cancel").once()


async def say(client: Client, words: str) -> None:
    """Speak into the microphone, then be silent: semantic turn detection waits up to 4 s (openai.md#85)."""
    pcm = speech.encode(words, 24_000) + bytes(5 * 48_000)
    step = 2 * 2_400
    for place in range(0, len(pcm), step):
        data = pcm[place : place + step]
        client.session.push_audio(rtc.AudioFrame(data, 24_000, 1, len(data) // 2))
        await asyncio.sleep(0.1)
