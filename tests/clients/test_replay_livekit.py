"""livekit-plugins-openai against one cassette, again and again: it mints new ids each run, and its timing differs.

The session has everything that a lockstep replay trips over: chat context of several items, a tool round, a barge-in
in the middle of the audio, and the turn after it. It is recorded from the simulator through the relay, so the project's
own rules made it; what is tested is that replay gives the same conversation to a client that is never twice the same.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from livekit.agents import llm
from livekit.plugins import openai

from mockserver import MockServer, Scripted, relay, replay, simulator, speech
from mockserver.cassette.store import load
from mockserver.core.frames import Sender
from mockserver.engines.simulator import Reply, ToolCall
from mockserver.errors import ExpectationFailed
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time

LONG = "the tide comes in twice a day and leaves shells of every colour on the sand for us"
REPLIES = [
    Reply(text="good morning dear friend"),
    Reply(calls=(ToolCall("get_weather", {"city": "Oslo"}),)),
    Reply(text="it rains in Oslo"),
    Reply(text=LONG),
    Reply(text="of course I will stop now"),
]
RUNS = 50


@llm.function_tool
async def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


async def converse(base_url: str, *, interrupt_at_ms: int = 900) -> list[str]:
    """One whole conversation; returns what the user heard, reply by reply."""
    model = openai.realtime.RealtimeModel(base_url=base_url, api_key="any")
    session = model.session()
    heard: list[str] = []
    try:
        context = llm.ChatContext.empty()
        context.add_message(role="system", content="be brief")
        context.add_message(role="user", content="hello, I am Ada")
        context.add_message(role="assistant", content="hello Ada")
        await session.update_chat_ctx(context)
        await session.update_tools([get_weather])

        heard.append(await listen(await session.generate_reply(instructions="greet the user")))

        asked = await session.generate_reply(instructions="use the tool")
        calls = [call async for call in asked.function_stream]
        assert [call.name for call in calls] == ["get_weather"]
        context = session.chat_ctx.copy()
        context.items.append(
            llm.FunctionCallOutput(call_id=calls[0].call_id, name="get_weather", output="rain in Oslo", is_error=False)
        )
        await session.update_chat_ctx(context)
        heard.append(await listen(await session.generate_reply()))

        told = await session.generate_reply(instructions="tell a story")
        heard.append(await barge_in(session, told, interrupt_at_ms))
        heard.append(await listen(await session.generate_reply(instructions="apologise")))
    finally:
        await session.aclose()
        await model.aclose()
    return heard


async def listen(generation: llm.GenerationCreatedEvent) -> str:
    audio = [bytes(frame.data) async for message in generation.message_stream async for frame in message.audio_stream]
    return speech.decode(audio)


async def barge_in(
    session: openai.realtime.RealtimeSession, generation: llm.GenerationCreatedEvent, after_ms: int
) -> str:
    """Listen for a while, then interrupt and say how much was heard; returns what had been heard by then."""
    audio = b""
    cut = False
    async for message in generation.message_stream:
        async for frame in message.audio_stream:
            audio += bytes(frame.data)
            if not cut and len(audio) >= after_ms * 48:
                cut = True
                session.interrupt()
                session.truncate(message_id=message.message_id, modalities=["audio"], audio_end_ms=after_ms)
    assert cut, "the reply ended before the user could interrupt"
    return speech.heard_until(audio, after_ms)


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A cassette of the conversation, and what was heard while it was recorded."""
    path = tmp_path_factory.mktemp("recorded") / "conversation.cassette"

    async def record() -> list[str]:
        with virtual_time():
            upstream = MockServer(simulator("openai", replier=Scripted(REPLIES)))
            async with upstream, Recording(relay(upstream.base_url), path) as recording:
                return await converse(recording.server.base_url)

    return path, asyncio.run(record())


def test_what_was_recorded_is_the_conversation(conversation: tuple[Path, list[str]]) -> None:
    path, heard = conversation
    assert heard[:2] == ["good morning dear friend", "it rains in Oslo"]
    assert heard[2]
    assert LONG.startswith(f"{heard[2]} "), "a part of it, cut between words"
    assert heard[3] == "of course I will stop now"
    assert load(path).header.ended == "clean"


@pytest.mark.parametrize("pacing", ["recorded", "instant", "<=20ms"])
async def test_it_passes_again_and_again(conversation: tuple[Path, list[str]], pacing: str) -> None:
    path, recorded = conversation
    minted: set[str] = set()
    with virtual_time():
        for run in range(RUNS):
            async with MockServer(replay(path, pacing=pacing), seed=run) as server:
                assert await converse(server.base_url) == recorded
            created = server.journal.sent_by_client("conversation.item.create").bodies
            minted |= {body["item"]["id"] for body in created}
    made_each_run = {
        body["item"]["id"]
        for record in load(path).connections[0].records
        if record.sender is Sender.CLIENT
        for body in [server.source.dialect.view(record.frame, record.sender).body]
        if isinstance(body, dict) and body.get("type") == "conversation.item.create"
    }
    assert len(minted) == RUNS * len(made_each_run), "every run minted ids of its own"


async def test_a_client_that_departs_is_told_so(conversation: tuple[Path, list[str]]) -> None:
    """The negative control: the same client with one word changed must not pass."""
    path, _ = conversation
    with virtual_time():
        server = MockServer(replay(path, pacing="instant"))
        await server.start()
        model = openai.realtime.RealtimeModel(base_url=server.base_url, api_key="any")
        session = model.session()
        with pytest.raises(llm.RealtimeError):
            await session.generate_reply(instructions="bid farewell")
        await session.aclose()
        await model.aclose()
        await server.close()
    with pytest.raises(ExpectationFailed, match="bid farewell"):
        server.verify()
